"""Settings from the command line: NAME=VALUE, checked against the algorithm's own dataclass."""

import ast
import types
import typing
from dataclasses import replace
from typing import Any

from autograde.errors import CourseError
from course_lib.catalogue import settings_of

WORDS = {"true": True, "false": False, "none": None}


def with_settings(config: Any, texts: list[str], algorithm: str) -> Any:
    """The settings with these changed.

    Args:
        config: a dataclass of settings.
        texts: NAME=VALUE each, values as Python writes them.
        algorithm: whose settings they are, for messages.
    """
    hints = typing.get_type_hints(type(config))
    changed = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise CourseError(f"--set takes NAME=VALUE, as learning_rate=1e-3; got {text!r}.")
        if name not in hints:
            known = "\n".join(f"  {key} = {given}" for key, given in settings_of(config).items())
            raise CourseError(f"{algorithm} has no setting called {name!r}. It has\n{known}")
        changed[name] = convert(name, value.strip(), hints[name])
    return replace(config, **changed)


def convert(name: str, text: str, hint: Any) -> Any:
    """The value that a text stands for, of the type that the setting has."""
    for kind in kinds_of(hint):
        try:
            return as_kind(parsed(text), kind)
        except ValueError:
            continue
    raise CourseError(f"{name} takes {describe(hint)}; got {text!r}.")


def parsed(text: str) -> Any:
    """A number, a tuple, true, false or none; else the text itself."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def kinds_of(hint: Any) -> tuple[Any, ...]:
    """The alternatives in `int | None`; of anything else itself."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def as_kind(value: Any, kind: Any) -> Any:
    """The value as that type. `ValueError` if it is of another."""
    if typing.get_origin(kind) is tuple:
        (item, *_) = typing.get_args(kind)
        items = value if isinstance(value, tuple | list) else (value,)
        return tuple(as_kind(each, item) for each in items)
    if kind is types.NoneType:
        fits = value is None
    elif kind in (int, float):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        fits = fits and (kind is float or float(value).is_integer())
        value = kind(value) if fits else value
    else:
        fits = isinstance(value, kind)
    if not fits:
        raise ValueError(f"{value!r} is not a {kind}")
    return value


def describe(hint: Any) -> str:
    """What a setting takes, in words."""
    words = {int: "an integer", float: "a number", bool: "true or false", str: "a word"}
    texts = []
    for kind in kinds_of(hint):
        if typing.get_origin(kind) is tuple:
            texts.append("integers, as 64,64")
        else:
            texts.append("none" if kind is types.NoneType else words.get(kind, str(kind)))
    return " or ".join(texts)
