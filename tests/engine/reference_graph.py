"""What the reference model knows about a graph: where it starts, its loops and their heads.

Every question is answered by following paths, as the rules say it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

Edges = Mapping[str, Sequence[str]]


def reached_from(state: str, edges: Edges, among: Collection[str]) -> set[str]:
    """States of `among` to which a path of one or more edges leads that never leaves `among`."""
    found: set[str] = set()
    todo = [state]
    while todo:
        for target in edges[todo.pop()]:
            if target in among and target not in found:
                found.add(target)
                todo.append(target)
    return found


def leading_to(state: str, edges: Edges, walls: Collection[str]) -> set[str]:
    """States from which a path of one or more edges leads here with no wall in between."""
    found: set[str] = set()
    todo = [state]
    while todo:
        target = todo.pop()
        for source in edges:
            if target in edges[source] and source not in found:
                found.add(source)
                if source not in walls:  # a path may begin at a wall, not pass it
                    todo.append(source)
    return found


def parts(states: Collection[str], edges: Edges) -> list[set[str]]:
    """The strongly connected components: each state with those it leads to and comes from."""
    reach = {state: reached_from(state, edges, states) for state in states}
    found: list[set[str]] = []
    for state in states:
        if not any(state in part for part in found):
            found.append({state} | {other for other in reach[state] if state in reach[other]})
    return found


def find_starts(edges: Edges) -> list[str]:
    """Rule 3.2: the earliest state of every part that nothing outside leads to."""
    starts = []
    for part in parts(edges, edges):
        outside = [state for state in edges if state not in part]
        if not any(target in part for state in outside for target in edges[state]):
            starts.append(next(state for state in edges if state in part))
    return starts


def order_from(starts: Iterable[str], edges: Edges) -> list[str]:
    """Reverse postorder of a depth-first walk; of a loop's states the first reached comes first."""
    seen: set[str] = set()
    ended: list[str] = []

    def walk(state: str) -> None:
        if state not in seen:
            seen.add(state)
            for target in edges[state]:
                walk(target)
            ended.append(state)

    for start in starts:
        walk(start)
    return ended[::-1]


def loop_heads(order: Sequence[str], edges: Edges) -> dict[str, set[str]]:
    """Rule 5.1: for each state the heads of all loops around it, its own included."""
    heads: dict[str, set[str]] = {state: set() for state in order}

    def split(states: Collection[str]) -> None:
        for loop in parts(states, edges):
            head = min(loop, key=order.index)
            if head in reached_from(head, edges, loop):
                for state in loop:
                    heads[state].add(head)
                split(loop - {head})

    split(order)
    return heads
