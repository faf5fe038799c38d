"""The kernels that are tested, and how an environment with one is made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parent.parent.parent


class Row(NamedTuple):
    """One kernel.

    Args:
        ipykernel: Its version; empty for the newest.
        others: What else is pinned.
        note: What is special about it.
        python: Its Python.
    """

    ipykernel: str
    others: tuple[str, ...] = ()
    note: str = ""
    python: str = "3.11"

    @property
    def name(self) -> str:
        """As in names of tests and the table."""
        return f"{self.ipykernel or 'newest'}-py{self.python}"

    @property
    def requirements(self) -> list[str]:
        """What is installed beside the package."""
        return [f"ipykernel=={self.ipykernel}" if self.ipykernel else "ipykernel", *self.others]

    @property
    def packages(self) -> tuple[str, ...]:
        """Of which the table says the versions."""
        return ("ipykernel",)

    @property
    def has_subshells(self) -> bool:
        """Whether a front end can have its widgets' messages go to a thread of their own."""
        return not self.ipykernel.startswith("6.")


COLAB = ("ipywidgets==7.7.*", "ipython==7.34.*")
ROWS = (
    Row("6.17.1", COLAB, "what Colab pins: ipywidgets 7.7, IPython 7.34"),
    Row("6.29.5"),
    Row("6.31.0"),
    Row("7.0.1"),
    Row("7.3.0"),
    Row("7.4.0"),
    Row(""),
    Row("", python="3.12"),
    Row("", python="3.13"),
)


def find_python(version: str) -> str | None:
    """The path of a Python, or None where there is none."""
    here = "{}.{}".format(*sys.version_info)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")]
    for candidate in [sys.executable] if version == here else found:
        code = "import sys; print('{}.{}'.format(*sys.version_info))"
        if candidate and _output(str(candidate), "-c", code) == version:
            return str(candidate)
    return None


class FrontEnd(NamedTuple):
    """One front end, and the kernel it talks to.

    Args:
        title: What it is called.
        package: "jupyterlab" or "notebook".
        version: Of the package; empty for the newest.
        ipykernel: The kernel's; empty for the newest.
    """

    title: str
    package: str
    version: str
    ipykernel: str

    python = "3.11"

    @property
    def name(self) -> str:
        """As in names of tests."""
        return f"{self.package}{self.version}-{self.ipykernel or 'newest'}"

    @property
    def packages(self) -> tuple[str, ...]:
        """As `Row.packages`."""
        return ("ipykernel", self.package)

    @property
    def requirements(self) -> list[str]:
        """What is installed beside the package."""
        version = f"=={self.version}.*" if self.version else ""
        return [f"{self.package}{version}", *Row(self.ipykernel).requirements]


FRONT_ENDS = tuple(
    FrontEnd(title, package, version, ipykernel)
    for title, package, version in (
        ("JupyterLab", "jupyterlab", "4.3"),
        ("JupyterLab", "jupyterlab", "4.4"),
        ("JupyterLab", "jupyterlab", ""),
        ("Notebook", "notebook", "7"),
    )
    for ipykernel in ("7.3.0", "")
)


def make(row: Row | FrontEnd, folder: Path) -> str:
    """Make an environment with a kernel and this package.

    Args:
        row: Which kernel, and maybe which front end.
        folder: Where; one that is there is used again.

    Returns:
        The path of its Python.
    """
    made = folder / row.name
    python = made / "bin" / "python"
    if not (made / "made").exists():
        base = find_python(row.python)
        assert base is not None
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", base, str(made)], check=True)
        install = [*uv, "pip", "install", "-q", "--python", str(python), "-e", str(PROJECT)]
        subprocess.run([*install, *row.requirements], check=True)
        (made / "made").touch()
    return str(python)


def versions(python: str, *names: str) -> dict[str, str]:
    """The versions of some packages in an environment."""
    code = f"import importlib.metadata as m; print(*[m.version(n) for n in {names}])"
    return dict(zip(names, _output(python, "-c", code).split(), strict=True))


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
