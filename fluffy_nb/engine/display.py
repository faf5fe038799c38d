"""What a cell would display of an object, as a bounded mime bundle, without IPython."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from fluffy_nb.errors import shortened

MOST_CHARACTERS = 1_000_000
"""The longest representation that is kept; a longer one is left out and the text says so."""

_METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
}


def mime_bundle(obj: object) -> Mapping[str, str]:
    """Ask an object for its representations.

    Args:
        obj: Anything; objects with `_repr_html_` and its kin, and figures with `savefig`, are
            shown richly, a string as itself, all others by their repr.

    Returns:
        Representations by mime type, PNG in base64; "text/plain" is always there.
    """
    bundle = {"text/plain": obj if isinstance(obj, str) else shortened(obj, 10_000)}
    for mime, method in _METHODS.items():
        found = _text(_call(obj, method))
        if found:
            bundle[mime] = found
    if "image/png" not in bundle and hasattr(obj, "savefig"):
        picture = io.BytesIO()
        obj.savefig(picture, format="png")
        bundle["image/png"] = base64.b64encode(picture.getvalue()).decode()
    for mime, text in list(bundle.items()):
        if len(text) > MOST_CHARACTERS:
            del bundle[mime]
            bundle["text/plain"] = (
                f"{bundle.get('text/plain', text)[:10_000]}\n"
                f"[{mime} of {len(text):,} characters left out: more than {MOST_CHARACTERS:,}]"
            )
    return bundle


def _call(obj: object, method: str) -> object:
    found = getattr(type(obj), method, None)
    return found(obj) if callable(found) else None


def _text(found: object) -> str | None:
    if isinstance(found, tuple):  # (data, metadata)
        found = found[0]
    if isinstance(found, bytes):
        return base64.b64encode(found).decode()
    return found if isinstance(found, str) else None
