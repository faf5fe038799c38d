"""A drawing in the page: zoomed, moved, and patched as statuses change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets as t

from fluffy_nb.widgets.assets import script, style
from fluffy_nb.widgets.plain import PlainWidget

Node = Mapping[str, str]


class PictureWidget(PlainWidget):
    """Shows a drawing and patches the nodes and edges that have changed.

    A patch is one small message, whatever the size of the graph. What it says is also kept in
    `present`, which is not sent along: the page asks for it when it has missed something.

    Args:
        label: The name of the agent.
    """

    _esm = script("common", "viewport", "panel", "graph")
    _css = style("common", "panel", "graph")

    svg = t.Unicode(help="The drawing.").tag(sync=True)
    present = t.Dict(help="revision, nodes and edges as they are now.").tag(sync=True)

    def __init__(self, label: str) -> None:
        super().__init__(label=label, present={"revision": 0, "nodes": {}, "edges": {}})
        self.on_msg(self._receive)

    def tell(self, state: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - for subclasses
        """The details of a state, for the panel; perhaps called in another thread.

        Args:
            state: Its name.

        Returns:
            Plain data; None where there is nothing to tell.
        """
        return None

    def show(self, svg: str, nodes: Mapping[str, Node], edges: Mapping[str, int]) -> None:
        """Show another drawing.

        Args:
            svg: The drawing.
            nodes: Element id -> status, icon, detail and title, of every node.
            edges: "source-id target-id" -> how often the edge was taken, of every edge.
        """
        revision = self.present["revision"] + 1
        with self.hold_sync():
            self.svg = svg
            self.present = {"revision": revision, "nodes": dict(nodes), "edges": dict(edges)}

    def patch(self, nodes: Mapping[str, Node], edges: Mapping[str, int]) -> None:
        """Send what differs from what is shown; nothing where nothing does.

        Args:
            nodes: As in `show`, of the nodes that may have changed.
            edges: As in `show`, of the edges that may have changed.
        """
        shown = self.present
        new_nodes = {key: node for key, node in nodes.items() if shown["nodes"].get(key) != node}
        new_edges = {key: n for key, n in edges.items() if shown["edges"].get(key) != n}
        if not new_nodes and not new_edges:
            return
        # In place: a reload asks for the trait, and assigning it would send the whole graph.
        shown["nodes"].update(new_nodes)
        shown["edges"].update(new_edges)
        shown["revision"] += 1
        revision = shown["revision"]
        self.send({"kind": "patch", "revision": revision, "nodes": new_nodes, "edges": new_edges})

    def _receive(self, _: object, content: Any, __: object) -> None:
        match content:
            case {"kind": "details", "state": str(state)}:
                told = self.tell(state)
                if told is not None:
                    self.send({"kind": "details", **told})
            case {"kind": "sync", "revision": revision}:
                if revision != self.present["revision"]:
                    self.send({"kind": "patch", "all": True, **self.present})
