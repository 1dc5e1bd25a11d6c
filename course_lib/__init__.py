"""What the notebooks import: reference functions, environments, algorithms, checks and figures."""

from typing import Any

__all__ = ["CheckFailed", "check", "check_answer", "progress"]


def __getattr__(name: str) -> Any:
    """Load the checks only when asked for: they bring torch along."""
    if name == "progress":
        from course_lib.desk.panel import progress

        return progress
    if name in __all__:
        from course_lib import checks

        return getattr(checks, name)
    raise AttributeError(f"module 'course_lib' has no attribute {name!r}")
