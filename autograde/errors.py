"""The errors that the command line shows as one message, without a traceback."""


class CourseError(Exception):
    """What is wrong and what to do about it, in words for the person at the keyboard.

    Args:
        message: the whole text that is shown.
        exit_code: 2 for a request that cannot be served, 1 for something stale or failed.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
