"""Hypothesis for the tests: a first call on a busy machine is slow, which proves nothing wrong."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

settings.register_profile("course", deadline=None)
settings.load_profile("course")

__all__ = ["assume", "given", "settings", "st"]
