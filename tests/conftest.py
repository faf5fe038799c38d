"""How many examples hypothesis tries: a few at each run, many before a change is taken."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=300, deadline=None)
settings.load_profile("quick")  # `pytest --hypothesis-profile=thorough` loads the other
