"""The ways in which a text can be written: quoted, escaped, encoded."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_from_bytes, quote_plus

SHORTEST_LINE = 8
"""Lines of a text of several lines are looked for one by one from this length."""

_PERCENT = re.compile(r"%[0-9A-F]{2}")


def spellings(secret: str | bytes) -> set[str]:
    """All ways in which a secret may stand in a text.

    Args:
        secret: A text, or bytes.

    Returns:
        The text, its lines, and each of them as JSON, `repr`, HTML and URLs write it; its bytes as
        `repr`, hexadecimal digits and base64 write them.
    """
    if isinstance(secret, bytes):
        return _decoded(secret) | set(_of_bytes(secret))
    found = set(_of_text(secret)) | set(_of_bytes(secret.encode("utf-8", "surrogatepass")))
    stripped = secret.strip()
    if stripped != secret:  # as a key that was read from a file, with its line's end
        found |= spellings(stripped)
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        for line in lines:
            if len(line) >= SHORTEST_LINE:
                found |= set(_of_text(line))
    return found


def _decoded(data: bytes) -> set[str]:
    try:
        return spellings(data.decode())
    except UnicodeDecodeError:
        return set(_of_text(data.decode("latin-1")))


def _of_text(text: str) -> Iterator[str]:
    yield text
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    for plain in (True, False):
        once = json.dumps(text, ensure_ascii=plain)[1:-1]
        yield once
        yield once.replace("/", "\\/")
        yield json.dumps(once, ensure_ascii=plain)[1:-1]  # JSON as a text in JSON
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    data = text.encode("utf-8", "surrogatepass")
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data), quote(data, safe="/:@")):
        yield quoted
        yield _PERCENT.sub(lambda found: found[0].lower(), quoted)


def _of_bytes(data: bytes) -> Iterator[str]:
    yield repr(data)[2:-1]
    yield quote_from_bytes(data, safe="")
    yield data.hex()
    yield data.hex().upper()
    for altchars in (None, b"-_"):
        for shift in range(3):  # where it stands in longer data: "user:secret" of a header
            encoded = base64.b64encode(bytes(shift) + data, altchars).decode()
            # The characters at both ends hold bits of what stands beside it.
            first, last = (0, 2, 3)[shift], (0, 3, 2)[(shift + len(data)) % 3]
            inside = encoded[first : len(encoded) - last]
            if len(inside) > 4:
                yield inside
