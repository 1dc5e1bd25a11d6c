"""Hypothesis for the tests: a first call on a busy machine is slow, which proves nothing wrong.

Fifty examples a property: a run of the tests is one of many, and each draws others."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

settings.register_profile("course", deadline=None, max_examples=50)
settings.load_profile("course")

__all__ = ["assume", "given", "settings", "st"]
