"""The error of the student's commands."""


class DeskError(Exception):
    """What is wrong and what to do about it, in words for the person at the keyboard.

    Args:
        message: the whole text that is shown.
        exit_code: 2 for a request that cannot be served, 1 for something missing or failed.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def reason(error: OSError) -> str:
    """Why a file could not be read or written, in one clause."""
    return f"{error.filename or 'the file'}: {error.strerror or error}"
