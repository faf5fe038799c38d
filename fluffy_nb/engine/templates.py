"""Names with placeholders (semantics 4.3)."""

from __future__ import annotations

import re
from typing import Any


def is_template(name: str) -> bool:
    return "{" in name


class Template:
    def __init__(self, name: str) -> None:
        self.name = name
        parts = re.split(r"\{(\w+)\}", name)
        self._re = re.compile(
            "".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>.+)" for i, p in enumerate(parts)), re.S
        )

    def match(self, name: str) -> dict[str, Any] | None:
        found = self._re.fullmatch(name)
        if found is None:
            return None
        return {
            k: int(v) if re.fullmatch(r"0|[1-9][0-9]*", v) else v for k, v in found.groupdict().items()
        }

    def fill(self, inputs: Any) -> str:
        return self.name.format(**inputs)


def overlap(a: Template, b: Template) -> str | None:
    return None


def may_name(pattern: re.Pattern[str], template: Template) -> bool:
    return True
