"""What the reference model knows about a graph: where it starts, its loops and their heads.

Every question is answered by following paths, as the rules say it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from .reference_flow import Edges, Flow


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


def leads(source: str, target: str, edges: Edges, walls: Collection[str] = ()) -> bool:
    """Whether a path of one or more edges leads from one to the other with no wall in between."""
    seen: set[str] = set()
    todo = [source]
    while todo:
        for state in edges[todo.pop()]:
            if state == target:
                return True
            if state not in seen and state not in walls:
                seen.add(state)
                todo.append(state)
    return False


def parts(states: Collection[str], edges: Edges) -> list[set[str]]:
    """The strongly connected components: each state with those it leads to and comes from."""
    reach = {state: reached_from(state, edges, states) for state in states}
    found: list[set[str]] = []
    for state in states:
        if not any(state in part for part in found):
            found.append({state} | {other for other in reach[state] if state in reach[other]})
    return found


def find_starts(edges: Edges, waits: Callable[[str, set[str]], bool] | None = None) -> list[str]:
    """Rule 3.2: the earliest state of every part that nothing outside leads to.

    Args:
        edges: Where each state leads, in the order in which the states were added.
        waits: Whether a state has a dependency inside a part: it starts only if all have.
    """
    starts = []
    for part in parts(edges, edges):
        outside = [state for state in edges if state not in part]
        if any(target in part for state in outside for target in edges[state]):
            continue
        able = [state for state in edges if state in part and "{" not in state]
        free = [state for state in able if waits is None or not waits(state, part)]
        starts += (free or able)[:1]
    return sorted(starts, key=list(edges).index)


def starts_of(flow: Flow) -> list[str]:
    """Rules 3.1 and 3.2."""
    return list(flow.starts) or find_starts(flow.leads, flow.waits_inside)


def circle_of_needs(flow: Flow) -> bool:
    """Rule 6.3: whether states need each other in a circle."""
    needs = {
        state: [o for o, need in flow.of(state).needs.items() if need.type == "REQUIRED"]
        for state in flow.script
    }
    return any(state in reached_from(state, needs, needs) for state in needs)


def order_from(starts: Iterable[str], edges: Edges) -> list[str]:
    """Reverse postorder of depth-first walks; of a loop's states the first reached comes first.

    What an earlier start reaches comes before what only a later one does.
    """
    seen: set[str] = set()
    order: list[str] = []

    def walk(state: str, ended: list[str]) -> None:
        if state not in seen:
            seen.add(state)
            for target in edges[state]:
                walk(target, ended)
            ended.append(state)

    for start in starts:
        ended: list[str] = []
        walk(start, ended)
        order += reversed(ended)
    return order


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
