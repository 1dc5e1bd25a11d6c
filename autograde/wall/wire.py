"""What can cross the wall: numbers, text, tensors, arrays and the numbers of things kept back.

A frame is two lengths of 4 bytes, a JSON header and raw buffers. Reading one never runs code: no
pickle, no names of classes, no paths. Whatever is not exactly as written here is a `BrokenFrame`.
Both sides use this file, but only the trusted side relies on it: the other one may send any bytes.

In the header, None, bool, str, int and finite floats stand for themselves; everything else is a
list that begins with one of `TAGS`.
"""

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

MAX_HEADER = 6 * 2**20
MAX_BUFFERS = 64 * 2**20
MAX_DEPTH = 16
MAX_VALUES = 200_000
MAX_AXES = 16
MAX_DIGITS = 400
MAX_KEY = 2**53
PLAIN = frozenset({bool, int, float, str})
# How many parts follow each tag; those of `KEPT_BACK` are for who keeps things back.
TAGS = {"list": 1, "tuple": 1, "named": 2, "dict": 1, "tensor": 4, "array": 3, "float": 1, "int": 1,
        "dtype": 1, "generator": 1, "handle": 2, "module": 2,
        "network": 4, "yours": 1}  # fmt: skip
KEPT_BACK = frozenset({"handle", "module", "network", "yours"})
FLOATS = ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
INTEGERS = ["bool", "uint8", "int8", "int16", "int32", "int64"]
DTYPES = {name: getattr(torch, name) for name in (*INTEGERS, *FLOATS)}
ARRAYS = frozenset(
    ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
)

Find = Callable[[list, Callable], Any]


class BrokenFrame(Exception):
    """Bytes that are no message, or a message beyond the limits."""


class Named(tuple):
    """A named tuple from the other side: a tuple whose items also have the names in `fields`."""

    fields: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name in self.fields and not name.startswith("_"):
            return self[self.fields.index(name)]
        raise AttributeError(f"this result has no {name!r}, only {', '.join(self.fields)}")


class Decoder:
    """Turns the header of one frame back into values; `find` looks up what was kept back."""

    def __init__(self, buffers: list[bytes | None], find: Find) -> None:
        self.buffers = buffers
        self.find = find
        self.left = MAX_VALUES

    def value(self, item: Any, depth: int = 0) -> Any:
        """The value of one item of the header."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise BrokenFrame("too many values, or nested too deep")
        if type(item) is int:
            require(abs(item) < 2**63, "a number that is too long")
        if item is None or type(item) in PLAIN:
            return item
        known = type(item) is list and item and type(item[0]) is str and item[0] in TAGS
        require(known and len(item) == 1 + TAGS[item[0]], "an unknown kind of value")
        tag, *rest = item
        if tag in KEPT_BACK:
            return self.find(item, lambda part: self.value(part, depth + 1))
        return getattr(self, f"a_{tag}")(*rest, depth=depth)

    def a_list(self, items: Any, depth: int) -> list:
        require(type(items) is list, "a list that is none")
        return [self.value(one, depth + 1) for one in items]

    def a_tuple(self, items: Any, depth: int) -> tuple:
        return tuple(self.a_list(items, depth))

    def a_named(self, fields: Any, items: Any, depth: int) -> Named:
        named = Named(self.a_list(items, depth))
        require(type(fields) is list and len(fields) == len(named), "names that do not fit")
        require(all(map(is_name, fields)), "odd names")
        named.fields = tuple(fields)
        return named

    def a_dict(self, pairs: Any, depth: int) -> dict:
        require(
            type(pairs) is list and all(type(p) is list and len(p) == 2 for p in pairs), "pairs"
        )
        keys = [self.value(pair[0], depth + 1) for pair in pairs]
        require(all(map(is_key, keys)), "a key of another kind")
        return {key: self.value(p[1], depth + 1) for key, p in zip(keys, pairs, strict=True)}

    def a_float(self, text: Any, depth: int) -> float:
        require(text in ("nan", "inf", "-inf"), "a float that is none")
        return float(text)

    def a_int(self, text: Any, depth: int) -> int:
        require(type(text) is str and len(text) <= MAX_DIGITS, "an int that is too long")
        return int(text, 16)

    def a_dtype(self, name: Any, depth: int) -> torch.dtype:
        require(type(name) is str and name in DTYPES, "an unknown dtype")
        return DTYPES[name]

    def a_generator(self, place: Any, depth: int) -> torch.Generator:
        generator = torch.Generator()
        state = torch.frombuffer(bytearray(self.buffer(place)), dtype=torch.uint8)
        generator.set_state(state)
        return generator

    def a_tensor(self, name: Any, shape: Any, wants: Any, place: Any, depth: int) -> torch.Tensor:
        dtype, data = self.a_dtype(name, depth), self.buffer(place)
        require(type(wants) is bool and sized(shape, dtype.itemsize) == len(data), "its size")
        if dtype is torch.bool:  # Any byte but 0 and 1 would be undefined behaviour.
            return torch.from_numpy(np.frombuffer(data, np.uint8) != 0).reshape(shape)
        if not data:
            return torch.empty(shape, dtype=dtype, requires_grad=wants and floats(dtype))
        tensor = torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)
        return tensor.requires_grad_(wants and floats(dtype))

    def a_array(self, name: Any, shape: Any, place: Any, depth: int) -> np.ndarray:
        require(type(name) is str and name in ARRAYS, "an unknown dtype")
        dtype, data = np.dtype(f"<{name}"), self.buffer(place)
        require(sized(shape, dtype.itemsize) == len(data), "its size")
        if name == "b1":
            return (np.frombuffer(data, np.uint8) != 0).reshape(shape)
        return np.frombuffer(data, dtype).reshape(shape).copy()

    def buffer(self, place: Any) -> bytes:
        """The bytes at this place of the frame; each can be taken once, so that none multiplies."""
        known = type(place) is int and 0 <= place < len(self.buffers)
        require(known and self.buffers[place] is not None, "no such buffer")
        taken, self.buffers[place] = self.buffers[place], None
        return taken


def is_name(value: Any) -> bool:
    """Whether a named tuple may have such an item: NumPy asks for some that begin with _."""
    return type(value) is str and value.isidentifier() and not value.startswith("_")


def is_key(value: Any) -> bool:
    """Whether this may be a key: larger numbers could all have one hash."""
    if type(value) in (int, float):
        return abs(value) < MAX_KEY
    return type(value) in (str, bool)


def require(condition: object, what: str) -> None:
    """Refuse a frame."""
    if not condition:
        raise BrokenFrame(what)


def floats(dtype: torch.dtype) -> bool:
    """Whether values of this dtype can have a gradient."""
    return dtype.is_floating_point or dtype.is_complex


def sized(shape: Any, itemsize: int) -> int:
    """How many bytes a tensor of this shape has."""
    require(type(shape) is list and len(shape) <= MAX_AXES, "a shape that is none")
    require(all(type(n) is int and 0 <= n < 2**31 for n in shape), "an axis that is none")
    return math.prod(shape) * itemsize


def unpack(header: bytes, body: bytes | memoryview, find: Find) -> dict[str, Any]:
    """The message of a frame: a dictionary with values by name."""
    try:
        data = json.loads(header, parse_constant=refuse_constant)
        require(type(data) is dict and set(data) == {"message", "sizes"}, "another header")
        message, sizes = data["message"], data["sizes"]
        require(type(message) is dict and type(sizes) is list, "another header")
        require(all(type(n) is int and n >= 0 for n in sizes) and sum(sizes) == len(body), "sizes")
        ends = list(itertools.accumulate(sizes))
        decoder = Decoder([body[end - n : end] for n, end in zip(sizes, ends, strict=True)], find)
        return {name: decoder.value(item) for name, item in message.items()}
    except (ValueError, TypeError, OverflowError, RecursionError, RuntimeError) as error:
        raise BrokenFrame(f"{type(error).__name__} in a frame") from None


def refuse_constant(name: str) -> None:
    """JSON has no NaN and no Infinity; Python reads them all the same."""
    raise BrokenFrame("a constant that JSON does not have")
