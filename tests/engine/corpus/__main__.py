"""Record the flows that have no recording yet: python -m tests.engine.corpus [NAME ...].

A name that is given is recorded anew. See README.md here for when that is allowed.
"""

from __future__ import annotations

import sys

from .flows import SCENARIOS
from .recorder import FOLDER, record, write


def main() -> None:
    names = sys.argv[1:] or [n for n in SCENARIOS if not (FOLDER / f"{n}.json").exists()]
    for name in names:
        if name not in SCENARIOS:
            sys.exit(f"{name!r} is no flow of the corpus; there are: {', '.join(SCENARIOS)}")
        machines = record(SCENARIOS[name])
        write(name, str(SCENARIOS[name].__doc__), machines)
        moments = sum(map(len, machines))
        sys.stdout.write(f"{name}: {len(machines)} machines, {moments} events\n")


if __name__ == "__main__":
    main()
