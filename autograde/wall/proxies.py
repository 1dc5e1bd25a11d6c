"""How a student's functions and objects look on the trusted side.

A `Remote` can be called, asked for attributes, measured, indexed and iterated. Nothing that the
other side says decides how it behaves otherwise: it has no truth value, equals only itself, and
its name is the one under which the lesson's own cell asked for it.
"""

import builtins
import contextlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from autograde.grading.harmless import safe_text

if TYPE_CHECKING:
    from autograde.wall.session import Session
    from course_lib.checks.problem import Case, Outcome, Problem

MAX_ITEMS = 1_000_000
NOT_RAISED_HERE = (StopIteration, StopAsyncIteration, Warning)


class StudentError(Exception):
    """An error of a kind that only the student's process knows."""


class Remote:
    """Something of the student's."""

    def __init__(self, session: "Session", number: int, kind: str, name: str = "") -> None:
        self._session, self._number, self._kind = session, number, kind
        self.__name__ = self.__qualname__ = name or kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self!r} has no {name!r} that can be asked for")
        return self._session.ask("attribute", target=self, name=name)["value"]

    def __len__(self) -> int:
        length = self._session.ask("operate", name="len", args=(self,))["value"]
        if type(length) is not int or not 0 <= length < 2**31:
            raise TypeError(f"the length of {self!r} is no number")
        return length

    def __getitem__(self, key: Any) -> Any:
        return self._session.ask("operate", name="item", args=(self, key))["value"]

    def __iter__(self) -> Iterator[Any]:
        iterator = self._session.ask("operate", name="iter", args=(self,))["value"]
        if not isinstance(iterator, Remote):
            raise TypeError(f"{self!r} cannot be gone through")
        for _ in range(MAX_ITEMS):
            found = self._session.ask("operate", name="next", args=(iterator,))["value"]
            if not isinstance(found, list) or len(found) != 1:
                return
            yield found[0]

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is used as a truth value")

    def __repr__(self) -> str:
        return f"<{self.__name__}: the student's {self._kind}>"

    def cpu_seconds(self) -> float:
        """What calls have taken in the student's process so far, as that says."""
        return self._session.cpu_seconds

    def again(self, times: int, *args: Any, **kwargs: Any) -> list[Any]:
        """What comes of calling it several times in a row."""
        return self._session.call(self, args, kwargs, ("again", times))

    def stretched(self, count: int, *args: Any, **kwargs: Any) -> Any:
        """What comes of calling it with each row of its matrices so many times."""
        return self._session.call(self, args, kwargs, ("stretched", count))

    def run_cases(self, exercise: "Problem", cases: Sequence["Case"]) -> list["Outcome | None"]:
        """What comes of the cases of an exercise that can cross together."""
        return self._session.run_cases(self, exercise, cases)

    def watch(self) -> contextlib.AbstractContextManager:
        """Calls meanwhile are made under the watch for a row times a column."""
        return self._session.watch()


@lru_cache(maxsize=256)
def remote_kind(kind: str) -> type[Remote]:
    """`Remote` by the name of the student's class, so that a message can say what came out."""
    return type(kind if kind.isidentifier() else "object", (Remote,), {})


def error_of(parts: Any) -> Exception:
    """The error that a worker reports: one of Python's own if it is one, its text made harmless."""
    texts = [safe_text(one) for one in parts] if isinstance(parts, list) else []
    kind, message, line = (*texts, "", "", "")[:3]
    found = getattr(builtins, kind, None)
    usable = isinstance(found, type) and issubclass(found, Exception)
    if not usable or issubclass(found, NOT_RAISED_HERE):
        name = kind if kind.isidentifier() else "Error"
        found = type(name[:60], (StudentError,), {})
    try:
        error = found(message[:2000])
    except TypeError:  # UnicodeDecodeError and the like want more than a text.
        error = type(kind, (StudentError,), {})(message[:2000])
    error.student_line = line[:300]
    return error
