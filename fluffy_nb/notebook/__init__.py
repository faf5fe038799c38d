"""The notebook: magics, cells that own their states, and what keeps a waiting cell alive.

The only part that imports IPython and ipykernel.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from IPython.core.interactiveshell import InteractiveShell

from fluffy_nb.diagram import warm_up
from fluffy_nb.engine import surroundings as around
from fluffy_nb.notebook import completion, failures, magics, picture, transformer
from fluffy_nb.notebook.magics import Fluffy
from fluffy_nb.notebook.responder import NotebookResponder
from fluffy_nb.notebook.session import Session


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Install everything; nothing happens where it is installed.

    Args:
        shell: The IPython shell.
    """
    if hasattr(shell, transformer.MAGIC):
        return
    session = Session(shell)
    session.requests.install()
    magics.install(shell, Fluffy(session))
    transformer.install(shell)
    completion.install(shell, session)
    picture.install(shell, session.show_widget)
    failures.install(shell)
    warm_up()  # the first picture is asked for in a moment
    loop: asyncio.AbstractEventLoop | None = None
    with suppress(RuntimeError):  # a terminal has none between two inputs
        loop = asyncio.get_running_loop()
    here = around.surroundings
    here.running_cell, here.responder = session.running_cell, NotebookResponder(session)
    here.loop, here.wait = lambda: loop, session.running_cell.wait


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove what was installed; agents stay, and their runs go on.

    Args:
        shell: The IPython shell.
    """
    fluffy = getattr(shell, transformer.MAGIC, None)
    if fluffy is None:
        return
    around.reset()
    failures.uninstall()
    picture.uninstall(shell)
    completion.uninstall(shell)
    transformer.uninstall(shell)
    magics.uninstall(shell)
    fluffy.session.requests.uninstall()
    fluffy.session.close()
