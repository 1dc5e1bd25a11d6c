"""How a conversation with a worker can end, other than with an answer."""

HUNG, DIED, BROKE = "hung", "died", "broke the rules"


class Lost(BaseException):
    """The worker is gone; `ending` is HUNG, DIED or BROKE."""

    def __init__(self, ending: str, why: str = "") -> None:
        super().__init__(why or ending)
        self.ending = ending


class Interrupted(BaseException):
    """The student's code took longer than it may, and could be interrupted."""


class Stopped(Exception):
    """The person at the keyboard wants no more grading."""
