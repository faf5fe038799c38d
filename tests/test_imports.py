"""The engine needs no notebook, widget or picture, and importing the package brings none in."""

import subprocess
import sys

FOREIGN = ("IPython", "ipykernel", "ipywidgets", "anywidget", "graphviz", "pygraphviz")

ABSENT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FOREIGN!r}:
            raise ModuleNotFoundError(f"{{name}} is absent", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(code):
    """Run code in an interpreter of its own and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_blocker_blocks():
    tried = f"{ABSENT}\ntry:\n    import graphviz\nexcept ModuleNotFoundError:\n    print('absent')"
    assert run(tried) == ["absent"]


def test_the_engine_runs_a_flow_where_notebook_widgets_and_graphviz_are_absent():
    flow = """
import asyncio
from fluffy_nb.engine.agent import Agent

async def first(context):
    context.set_state("seen", context.state)

agent = Agent("bare")
agent.add_state("first", first)
result = asyncio.run(agent.run())
print(result.status, result.values["seen"])
"""
    assert run(ABSENT + flow) == ["COMPLETED", "first"]


def test_the_package_runs_a_flow_where_notebook_widgets_and_graphviz_are_absent():
    flow = """
import asyncio
from fluffy_nb import Agent

agent = Agent("bare")
agent.add_state("first", lambda context: None)
print(asyncio.run(agent.run()).status)
"""
    assert run(ABSENT + flow) == ["COMPLETED"]


def test_importing_the_package_imports_no_notebook_widget_picture_or_database_code():
    own = ["fluffy_nb.notebook", "fluffy_nb.widgets", "fluffy_nb.diagram"]
    unwanted = (*FOREIGN, *own, "sqlite3", "pydantic", "pydantic_core")
    shown = (
        "import sys, fluffy_nb; from fluffy_nb import *; "
        f"print(*(name for name in {unwanted!r} if name in sys.modules))"
    )
    assert run(shown) == []
