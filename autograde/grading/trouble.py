"""Trouble with the machine, not with a submission, in words that say what to do about it."""

import contextlib
import errno
from collections.abc import Iterator

from autograde.errors import CourseError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
GOES_ON = "What is graded so far is saved; the same command goes on from there."


@contextlib.contextmanager
def clear_messages() -> Iterator[None]:
    """Make one clear message of a full disk, of a folder that cannot be written, and the like."""
    try:
        yield
    except OSError as error:
        raise CourseError(explained(error), exit_code=1) from error


def explained(error: OSError) -> str:
    """What went wrong with which file, and what helps."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in FULL:
        return f"The disk is full{where}. Free some space, then run this again. {GOES_ON}"
    if error.errno in FORBIDDEN:
        return (
            f"A file or folder cannot be written{where}: {error.strerror}. Close programs that "
            "have it open, or make it writable for you, or use a course's folder that is; then run "
            f"this again. {GOES_ON}"
        )
    return f"The system refused something{where}: {error.strerror or error}. {GOES_ON}"
