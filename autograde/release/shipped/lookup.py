"""Finds a function of the curriculum by name: in this edition, as a stand-in, or not at all.

What is an exercise is for students to write. A loop that needs it takes it as an argument, and says
so if it was not given.
"""

import json
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = __name__.rpartition(".")[0]


@cache
def contents() -> dict[str, Any]:
    """What this edition has, as `course release` wrote it down."""
    return json.loads(Path(__file__).with_name("contents.json").read_text(encoding="utf-8"))


def find(name: str) -> Any:
    """The function or class of this name; one that raises when it is called if it is not here.

    Raises:
        AttributeError: the course has nothing of that name.
    """
    known = contents()
    if name in known["kept"]:
        return getattr(import_module(known["kept"][name]), name)
    if name in known["stand_ins"]:
        return getattr(import_module(f"{PACKAGE}.stand_ins"), name)
    if name in known["names"]:
        return absent_class(name) if name[0].isupper() else absent(name)
    raise AttributeError(f"the course has nothing called {name!r}")


@cache
def absent(name: str) -> Callable:
    """A function that says why there is none."""

    def function(*_: Any, **__: Any) -> Any:
        raise RuntimeError(why_absent(name))

    function.__name__ = function.__qualname__ = name
    return function


@cache
def absent_class(name: str) -> type:
    """A class that says why it has no objects."""
    return type(name, (), {"__init__": lambda self, *_, **__: absent(name)()})


def why_absent(name: str) -> str:
    """Whose task the function is, and how a loop gets it."""
    lesson, arguments = contents()["exercises"].get(name), contents()["arguments"].get(name, [])
    if lesson is None:
        text = f"`{name}` is not part of this edition of the course."
    else:
        text = f"`{name}` is an exercise of lesson {lesson}, so the course does not bring it along."
    forms = " or ".join(f"{argument}={name}" for argument in arguments)
    return text + (f" Hand yours over: {forms}." if forms else "")
