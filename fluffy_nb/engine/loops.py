"""The loops of a graph and their heads, as a weak topological order.

A weak topological order lists the states so that every edge that leads back leads to the head of
a loop, and the states of a loop stand together behind its head (F. Bourdoncle, "Efficient chaotic
iteration strategies with widenings", 1993). Loops inside loops are found by taking the head away
and looking again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Successors = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Loops:
    """The order of the states, and the loops they are in.

    Args:
        rank: The place of each state in the weak topological order, from 0.
        heads: The heads of all loops that a state is in, its own included.
        last: For each head, the rank of the last state of its loop.
    """

    rank: Mapping[str, int]
    heads: Mapping[str, frozenset[str]]
    last: Mapping[str, int]


def find_loops(states: Sequence[str], successors: Successors, starts: Sequence[str]) -> Loops:
    """Order the states and find the head of every loop.

    Args:
        states: All states, in the order they were added.
        successors: Where each state can lead; names outside `states` are not allowed.
        starts: Where the run begins: a loop's head is the state reached first from there.

    Returns:
        The order, the heads of each state, and where each loop ends.
    """
    reached = _reverse_postorder([*starts, *states], successors)
    rank: dict[str, int] = {}
    heads: dict[str, frozenset[str]] = dict.fromkeys(states, frozenset())
    last: dict[str, int] = {}
    # Work is kept on a list, not the call stack, so that depth of nesting is no limit.
    work: list[list[str] | str] = [*reversed(components(states, successors))]
    while work:
        item = work.pop()
        if isinstance(item, str):  # the loop of this head is complete
            last[item] = len(rank) - 1
            continue
        head = min(item, key=reached.__getitem__)
        rank[head] = len(rank)
        if len(item) == 1 and head not in successors.get(head, ()):
            continue
        for state in item:
            heads[state] |= {head}
        work.append(head)
        rest = [state for state in item if state != head]
        work.extend(reversed(components(rest, successors)))
    return Loops(rank, heads, last)


def components(states: Iterable[str], successors: Successors) -> list[list[str]]:
    """The strongly connected components among some states, in topological order.

    Tarjan's algorithm (1972) with a stack of its own. Edges that leave `states` do not count.
    It finds the last component first; walking backwards keeps equals in the order they came.
    """
    inside = dict.fromkeys(states)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    on_path: dict[str, None] = {}
    found: list[list[str]] = []
    for root in reversed(inside):
        if root in index:
            continue
        index[root] = low[root] = len(index)
        on_path[root] = None
        stack = [(root, reversed(successors.get(root, ())))]
        while stack:
            state, rest = stack[-1]
            for target in rest:
                if target not in inside:
                    continue
                if target not in index:
                    index[target] = low[target] = len(index)
                    on_path[target] = None
                    stack.append((target, reversed(successors.get(target, ()))))
                    break
                if target in on_path:
                    low[state] = min(low[state], index[target])
            else:
                stack.pop()
                if stack:
                    above = stack[-1][0]
                    low[above] = min(low[above], low[state])
                if low[state] == index[state]:
                    component: list[str] = []
                    while not component or component[-1] != state:
                        component.append(on_path.popitem()[0])
                    found.append(component)
    found.reverse()
    return found


def _reverse_postorder(roots: Iterable[str], successors: Successors) -> dict[str, int]:
    """Number the states in the order a depth-first walk from the roots reaches them.

    Roots come in order of importance: what an earlier one reaches comes before what only a later
    one does.
    """
    seen: dict[str, None] = {}
    order: list[str] = []
    for root in roots:
        if root in seen:
            continue
        walked: list[str] = []
        seen[root] = None
        stack = [(root, iter(successors.get(root, ())))]
        while stack:
            state, rest = stack[-1]
            for target in rest:
                if target not in seen:
                    seen[target] = None
                    stack.append((target, iter(successors.get(target, ()))))
                    break
            else:
                stack.pop()
                walked.append(state)
        order.extend(reversed(walked))
    return {state: place for place, state in enumerate(order)}
