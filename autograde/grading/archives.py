"""Reads notebooks out of archives without ever unpacking one to disk."""

from autograde.grading.collecting import Submission
from autograde.grading.reading import read_bytes


def submitted_bytes(submission: Submission) -> bytes | None:
    """The bytes of what was handed in; None if nothing was found."""
    if submission.path is None:
        return None
    return read_bytes(submission.path)
