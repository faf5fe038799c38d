"""What stands for a view where there is no live page: in a saved file, an export, a terminal."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

from fluffy_nb.diagram import draw
from fluffy_nb.errors import LayoutError, visible

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured


def pictures(agent: Pictured) -> dict[str, str]:
    """The agent's graph as it is now, by mime type.

    Args:
        agent: Whose graph.

    Returns:
        SVG, and HTML that holds it as an image, which is shown in untrusted notebooks and in
        exports too; nothing where the graph can't be laid out.
    """
    try:
        svg = draw(agent).svg
    except LayoutError:
        return {}
    data = base64.b64encode(svg.encode()).decode()
    text = html.escape(visible(f"{agent.name}: {agent.status.value.lower()}"))
    image = f'<img alt="{text}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}">'
    return {"text/html": image, "image/svg+xml": svg}
