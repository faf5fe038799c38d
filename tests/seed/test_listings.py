"""Every listing of the seed, in code of our own: as a script, and as cells of a notebook.

`listings/` holds one file for each. Its parts begin with `# %%`, and those that say "left open"
supply what the listing names and does not show. A part may use `await` as a cell does.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import fluffy_agent
import pytest
from fluffy_agent import Agent, DependencyType

from fluffy_nb.errors import UndefinedTargetWarning, UnknownStateError
from tests.notebook.robot import started

FOLDER = Path(__file__).parent / "listings"
ANSWERS = json.dumps({"review_content": ["I approve of this"], "human_review": ["yes"]})

LISTINGS = {
    ("1 Smart Context System", 1): (
        "s01_context",
        "Agent Context StateResult TypedContextData set_state set_typed update_typed",
    ),
    ("2 Flow Control", 1): ("s02_flow_control", "Context StateResult set_state"),
    ("3 Resource Management", 1): (
        "s03_resources",
        (
            "ResourceRequirements Priority HIGH cpu_units memory_mb gpu_units priority add_state"
            " resources"
        ),
    ),
    ("4 Dependency Management", 1): (
        "s04_dependencies",
        "DependencyType DependencyLifecycle add_state dependencies REQUIRED OPTIONAL PARALLEL",
    ),
    ("5 Error Handling & Retries", 1): (
        "s05_retries",
        "RetryPolicy max_retries initial_delay exponential_base jitter add_state retry_policy",
    ),
    ("6 Human-in-the-Loop Integration", 1): (
        "s06_people",
        "get_state human_in_the_loop prompt timeout validator",
    ),
    ("7 Agent Execution Control", 1): (
        "s07_execution_control",
        "run timeout cleanup_timeout Agent max_concurrent pause resume cancel_all",
    ),
    ("8 Checkpointing & Recovery", 1): (
        "s08_checkpoints",
        (
            "create_checkpoint to_dict Agent restore_from_checkpoint checkpoint_interval timestamp"
            " agent_name agent_status completed_states shared_state"
        ),
    ),
    ("9 State Execution Lifecycle", 1): (
        "s09_lifecycle",
        (
            "AgentStatus StateStatus status state_metadata completed_states _running_states"
            " priority_queue set_state"
        ),
    ),
    ("10 Advanced Execution Patterns", 1): ("s10_1_routes", "get_state"),
    ("10 Advanced Execution Patterns", 2): (
        "s10_2_states_from_data",
        "set_state add_state resources ResourceRequirements cpu_units",
    ),
    ("10 Advanced Execution Patterns", 3): ("s10_3_compensation", "get_state add_state"),
    ("11 Complete Example with All Features", 1): (
        "s11_complete_example",
        (
            "Agent Context StateResult ResourceRequirements Priority DependencyType RetryPolicy"
            " TypedContextData max_concurrent checkpoint_interval set_typed set_state get_state"
            " get_typed human_in_the_loop prompt timeout add_state resources cpu_units memory_mb"
            " priority HIGH retry_policy max_retries initial_delay dependencies REQUIRED run"
            " create_checkpoint"
        ),
    ),
    ("Use case 1 LLM Content Pipeline", 1): (
        "u1_content_pipeline",
        "TypedContextData set_typed get_typed Agent add_state",
    ),
    ("Use case 2 Data Processing Pipeline", 1): (
        "u2_data_pipeline",
        "TypedContextData get_typed set_state get_state",
    ),
    ("Use case 3 ML Training Pipeline", 1): (
        "u3_training",
        "TypedContextData get_typed set_state",
    ),
    ("Use case 4 Customer Service Automation", 1): ("u4_tickets", "TypedContextData get_typed"),
    ("Quick Start", 1): (
        "quick_start",
        "Agent Context StateResult set_state get_state add_state run",
    ),
}
"""By section and place in it: the file here, and the names of the API that the listing uses."""

FILES = [file for file, _ in LISTINGS.values()]


def text_of(file):
    return (FOLDER / f"{file}.py").read_text()


def cells_of(file):
    """The parts of a listing."""
    return [cell for cell in text_of(file).split("# %%") if cell.strip()]


def as_cell(part):
    """A part without what follows its mark on the line, which says what it is for."""
    return part.partition("\n")[2]


def script_of(file):
    """The listing as a person makes a script of it: what awaits, and all after, in `main`."""
    text = text_of(file)
    lines = text.splitlines(keepends=True)
    body = ast.parse(text).body
    waits = next(place for place, node in enumerate(body) if awaits(node))
    before, rest = body[waits].lineno - 1, body[waits:]
    made = ", ".join(sorted({name for node in rest for name in assigned(node)}))
    head = "async def main():\n" + (f"    global {made}\n" if made else "")
    main = head + textwrap.indent("".join(lines[before:]), "    ")
    return f"import asyncio\n{''.join(lines[:before])}\n{main}\n\nasyncio.run(main())\n"


def awaits(node):
    """Whether a statement awaits outside of functions."""
    if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef, ast.ClassDef)):
        return False
    return isinstance(node, ast.Await) or any(map(awaits, ast.iter_child_nodes(node)))


def assigned(node):
    """The names that a statement binds, not those in functions that it defines."""
    if isinstance(node, (ast.AsyncFunctionDef, ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return set()
    own = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
    return own.union(*map(assigned, ast.iter_child_nodes(node)))


def test_every_listing_of_the_seed_has_its_file_and_every_file_its_listing():
    assert sorted(FILES) == sorted(file.stem for file in FOLDER.glob("*.py"))
    assert len(set(FILES)) == len(LISTINGS) == 18
    numbered = {title.split()[0] for title, _ in LISTINGS if title[0].isdigit()}
    assert numbered == {str(number) for number in range(1, 12)}


@pytest.mark.parametrize(("file", "names"), LISTINGS.values(), ids=FILES)
def test_a_file_uses_every_name_that_its_listing_uses(file, names):
    nodes = list(ast.walk(ast.parse(text_of(file))))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.arg for node in nodes if isinstance(node, ast.keyword)}
    assert set(names.split()) - used == set()
    imported = {
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "fluffy_agent"
        for alias in node.names
    }
    assert imported
    assert imported <= set(fluffy_agent.__all__)


@pytest.mark.parametrize("file", FILES)
def test_a_listing_runs_as_a_script(file, tmp_path):
    (tmp_path / "listing.py").write_text(script_of(file))
    done = subprocess.run(
        [sys.executable, "-W", "error", "listing.py"],
        cwd=tmp_path,
        env={**os.environ, "FLUFFY_NB_ANSWERS": ANSWERS},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.kernel
@pytest.mark.parametrize("file", FILES)
def test_a_listing_runs_in_a_kernel(file, tmp_path):
    environment = {
        **os.environ,
        "FLUFFY_NB_ANSWERS": ANSWERS,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    with started(sys.executable, environment, tmp_path) as kernel:
        for part in cells_of(file):
            outcome = kernel.run(as_cell(part), cell="c1")
            assert outcome.reply["content"]["status"] == "ok", "\n".join(outcome.error)


# ---------------------------------------------------------------- with nothing supplied


async def test_the_complete_example_with_nothing_supplied_warns_first_and_names_what_is_missing():
    """Section 11 adds `process_chunk` and returns `process_chunk_0`: see docs/reference/seed.md."""
    began = []

    async def initialize_job(context):
        began.append(context.state)
        return ["process_chunk_0", "process_chunk_1", "process_chunk_2"]

    async def process_chunk(context):
        began.append(context.state)
        return "merge_results"

    async def merge_results(context):
        began.append(context.state)
        return "human_review"

    agent = Agent("complex_workflow")
    agent.add_state("initialize_job", initialize_job)
    dependencies = {"initialize_job": DependencyType.REQUIRED}
    agent.add_state("process_chunk", process_chunk, dependencies=dependencies)
    dependencies = {"process_chunk": DependencyType.REQUIRED}
    agent.add_state("merge_results", merge_results, dependencies=dependencies)
    with (
        pytest.warns(UndefinedTargetWarning) as warned,
        pytest.raises(UnknownStateError, match="'process_chunk_0'") as failed,
    ):
        await agent.run()
    undefined = re.findall(r"can return '(\w+)', which is no state", "".join(map(str, warned.list)))
    assert undefined == [f"process_chunk_{place}" for place in range(3)] + ["human_review"]
    assert "'initialize_job'" in str(failed.value)
    assert began == ["initialize_job"]
