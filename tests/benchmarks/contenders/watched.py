"""This package, with an observer that counts events."""

from collections import Counter

from . import ours

levels, loop, prompts = ours.levels, ours.loop, ours.prompts
plain, kept, viewed, behind = ours.plain, ours.kept, ours.viewed, ours.behind


def watch(agent):
    counts = Counter()

    def count(event):
        counts[event.kind] += 1

    agent.subscribe(count)
    return agent.run


ours.watch = watch  # each contender has a process of its own
