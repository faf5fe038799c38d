"""Does with a file of runs whatever anybody does who got it from a stranger.

    python -m tests.journal.looking

reads paths from its input, a line each, and writes a line of JSON for each: what was seen, and the
errors. It may take so much memory and no more.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sys
import tempfile
import time
import unicodedata
import warnings
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from fluffy_nb import Agent, Checkpoint, RunWatch, open_store
from fluffy_nb.diagram import to_mermaid
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import CheckpointError, RunHeldError, StoreError, UnknownRunError, UsageError
from fluffy_nb.journal.history import History, checkpoint_at, events_of
from fluffy_nb.notebook.past import runs as list_runs

from . import recorded  # registers the classes and codecs of the data  # noqa: F401

ALLOWED = (StoreError, CheckpointError, UnknownRunError, RunHeldError, UsageError)
MEMORY = 3 * 2**30


def look(path: Path) -> dict[str, object]:
    """Look at a file in every way; whatever it raises that it may not goes to the caller."""
    seen: dict[str, object] = {"errors": [], "runs": 0, "checkpoints": 0, "loaded": 0}

    def attempt(do, *args):
        try:
            return do(*args)
        except ALLOWED as problem:
            told = f"{type(problem).__name__}: {problem}"
        assert not hidden(told), "an error steers the terminal"
        seen["errors"].append(told[:500])
        return None

    attempt(_list, path)
    store = attempt(open_store, path)
    if store is None:
        return seen
    with closing(store):
        infos = attempt(store.runs) or []
        seen["runs"] = len(infos)
        for run in [info.id for info in infos] + ["no run"]:
            attempt(store.values, run)
            attempt(lambda run=run: list(events_of(store, run)))
            attempt(store.holder, run)
        for info in infos:
            history = attempt(History, store, info.id)
            for number in [] if history is None else history.numbers[-4:]:
                checkpoint = attempt(history.at, number)
                seen["checkpoints"] += checkpoint is not None
                if checkpoint is not None:
                    attempt(_through_json, checkpoint)
            attempt(checkpoint_at, store, info.id)
            attempt(_watch, path, info.id)
            seen["loaded"] += attempt(_load, path, info) is not None
    return seen


def hidden(text: str) -> list[str]:
    """What in a text would steer a terminal."""
    return [c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs"} and c not in "\n\t"]


def _list(path):
    """As `%fluffy runs FILE`."""
    table = list_runs(SimpleNamespace(), SimpleNamespace(words=[str(path)]))
    assert not hidden(repr(table)), "the table steers the terminal"
    assert not hidden(table._repr_html_()), "the table steers the page"


def _through_json(checkpoint):
    repr(checkpoint)
    Checkpoint.from_dict(json.loads(json.dumps(checkpoint.to_dict())))


def _watch(path, run):
    watch = RunWatch(path, run)
    try:
        asyncio.run(_read(watch))
    finally:
        watch.close()


async def _read(watch):
    await watch.read()
    repr(watch)
    assert watch.where is not None
    for name in watch.states:
        assert not hidden(watch.explain(name))
    to_mermaid(watch)


def _load(path, info):
    """Load it into an agent of a copy of the file, and begin to resume where it has no states."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        for each in path.parent.glob(f"{path.name}*"):
            if each.is_file():
                shutil.copyfile(each, Path(folder) / each.name)
        if info.status == AgentStatus.COMPLETED:
            return None
        agent = asyncio.run(_loaded(copy, info.id))
        agent.store.close()
        return agent


async def _loaded(path, run):
    from fluffy_nb.journal.sqlite import SQLiteStore

    store = SQLiteStore(path)
    try:
        return await Agent.load(store, run)
    except BaseException:
        store.close()
        raise


def main() -> None:
    """Look at the files whose paths are read."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        path, began = Path(json.loads(line)), time.process_time()
        try:
            told = look(path)
        except BaseException as problem:  # whatever it is, it should not have come
            told = {
                "wrong": f"{type(problem).__name__}: {problem}"[:2000],
                "where": _where(problem),
            }
        print(json.dumps({**told, "took": time.process_time() - began}), flush=True)


def _where(problem):
    import traceback

    return "".join(traceback.format_exception(problem))[-3000:]


if __name__ == "__main__":
    main()
