"""What a cell would display of an object, as a bounded mime bundle, without IPython."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from fluffy_nb.errors import called, shortened

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
        Representations by mime type, PNG in base64; "text/plain" is always there, and says which
        of the others could not be made. Showing something never fails a state.
    """
    text = str.__str__(obj) if issubclass(type(obj), str) else shortened(obj, 10_000)
    bundle: dict[str, str] = {}
    notes: list[str] = []
    for mime, method in _METHODS.items():
        found, problem = called(_shown, obj, mime, method)
        if problem is not None:
            notes.append(f"[{mime} left out: {shortened(problem)}]")
        elif found and len(found) > MOST_CHARACTERS:
            notes.append(_too_long(mime, found))
        elif found:
            bundle[mime] = found
    if len(text) > MOST_CHARACTERS:
        notes.append(_too_long("text/plain", text))
        text = text[:10_000]
    return {"text/plain": "\n".join([text, *notes]), **bundle}


def _too_long(mime: str, text: str) -> str:
    return f"[{mime} of {len(text):,} characters left out: more than {MOST_CHARACTERS:,}]"


def _shown(obj: object, mime: str, method: str) -> str | None:
    found = _text(mime, _call(obj, method))
    return found or (_saved_figure(obj) if mime == "image/png" else None)


def _call(obj: object, method: str) -> object:
    found = getattr(type(obj), method, None)
    return found(obj) if callable(found) else None


def _text(mime: str, found: object) -> str | None:
    if isinstance(found, tuple) and found:  # (data, metadata)
        found = found[0]
    if isinstance(found, bytes) and mime == "image/png":
        return base64.b64encode(found).decode()
    return str.__str__(found) if isinstance(found, str) else None


def _saved_figure(obj: object) -> str | None:
    save = getattr(obj, "savefig", None)  # Matplotlib's
    if not callable(save):
        return None
    picture = io.BytesIO()
    save(picture, format="png")
    return base64.b64encode(picture.getvalue()).decode()
