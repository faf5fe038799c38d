"""The JavaScript and CSS of the widgets, as the texts that anywidget sends to the page.

An anywidget module can't import its neighbours, so what several of them need stands in files of
its own and is put in front.
"""

from __future__ import annotations

from importlib.resources import files


def script(*names: str) -> str:
    """Join files of `static/` to one JavaScript module.

    Args:
        names: Names without `.js`; only the last may export.

    Returns:
        The text of the module.
    """
    return "\n".join(_read("fluffy_nb.widgets", f"static/{name}.js") for name in names)


def style(*names: str) -> str:
    """Join the diagram's stylesheet, which has the colours, and files of `static/`.

    Args:
        names: Names without `.css`.

    Returns:
        The text of the stylesheet.
    """
    own = (_read("fluffy_nb.widgets", f"static/{name}.css") for name in names)
    return "\n".join([_read("fluffy_nb.diagram", "graph.css"), *own])


def _read(package: str, path: str) -> str:
    return files(package).joinpath(path).read_text(encoding="utf-8")
