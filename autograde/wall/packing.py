"""Puts values into frames. What a frame may hold, and how it is read, is in `wire.py`."""

import json
import math
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from autograde.wall.wire import ARRAYS, DTYPES, MAX_BUFFERS, MAX_DEPTH, MAX_HEADER

Keep = Callable[[Any], list]


def encode(value: Any, buffers: list[bytes | np.ndarray], keep: Keep, depth: int = 0) -> Any:
    """The value as it stands in a header; `keep` makes the tag of what cannot cross."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if isinstance(value, bool | np.bool):
        return bool(value)
    if isinstance(value, int | np.integer):
        number = int(value)
        return number if abs(number) < 2**63 else ["int", hex(number)]
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else ["float", str(number)]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, torch.Tensor):
        return encode_tensor(value, buffers)
    if isinstance(value, np.ndarray) and value.dtype.str[1:] in ARRAYS:
        buffers.append(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"))).tobytes())
        return ["array", value.dtype.str[1:], list(value.shape), len(buffers) - 1]
    if isinstance(value, torch.dtype) and str(value).removeprefix("torch.") in DTYPES:
        return ["dtype", str(value).removeprefix("torch.")]
    if isinstance(value, torch.Generator):
        buffers.append(value.get_state().numpy().tobytes())
        return ["generator", len(buffers) - 1]
    if isinstance(value, list | tuple):
        return encode_sequence(value, buffers, keep, depth)
    if kind is dict:
        pairs = [[encode(one, buffers, keep, depth + 1) for one in pair] for pair in value.items()]
        return ["dict", pairs]
    kind, number, *about = keep(value)
    return [kind, number, *(encode(one, buffers, keep, depth + 1) for one in about)]


def encode_tensor(tensor: torch.Tensor, buffers: list[bytes | np.ndarray]) -> list:
    """dtype, shape, whether it wants a gradient, and where its bytes are."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES or tensor.layout is not torch.strided:
        raise ValueError(f"a {name} tensor of layout {tensor.layout} cannot be handed over")
    buffers.append(raw(tensor))
    wants = bool(tensor.requires_grad)
    return ["tensor", name, [int(n) for n in tensor.shape], wants, len(buffers) - 1]


def raw(tensor: torch.Tensor) -> np.ndarray:
    """The numbers row by row, as bytes: the tensor's own memory, where that is possible."""
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    plain = plain.view(torch.int16) if plain.dtype is torch.bfloat16 else plain
    return np.ascontiguousarray(plain.numpy()).reshape(-1).view(np.uint8)


def encode_sequence(value: list | tuple, buffers: list[bytes], keep: Keep, depth: int) -> list:
    """A list, a tuple, or a tuple whose items have names."""
    items = [encode(one, buffers, keep, depth + 1) for one in value]
    if isinstance(value, list):
        return ["list", items]
    fields = getattr(value, "_fields", None) or getattr(value, "fields", None)
    if isinstance(fields, tuple) and len(fields) == len(items):
        return ["named", [str(name) for name in fields], items]
    return ["tuple", items]


def pack(message: Mapping[str, Any], keep: Keep) -> bytes:
    """A frame with this message.

    Raises:
        ValueError: it cannot be sent: too large, too deep, or of a kind that does not cross.
    """
    buffers: list[bytes | np.ndarray] = []
    encoded = {name: encode(value, buffers, keep) for name, value in message.items()}
    sizes = [len(one) for one in buffers]
    header = json.dumps({"message": encoded, "sizes": sizes}, allow_nan=False).encode()
    if len(header) > MAX_HEADER or sum(sizes) > MAX_BUFFERS:
        raise ValueError(f"it is too large to be handed over ({sum(sizes) + len(header):,} bytes)")
    return b"".join([struct.pack("!II", len(header), sum(sizes)), header, *buffers])


def send(connection: socket.socket, frame: bytes, wait: Callable[[], object]) -> None:
    """Send a frame; `wait` is called before each try and raises what ends the waiting.

    Raises:
        EOFError: the other side is gone.
    """
    left = memoryview(frame)
    while left:
        wait()
        try:
            left = left[connection.send(left) :]
        except (BlockingIOError, InterruptedError):
            continue
        except OSError:
            raise EOFError("the other side is gone") from None
