"""Policies as lines of text: what a trained network needs to act, to be pasted into a notebook.

A file (saved_policies.py) keeps a policy with its training; text keeps the likeliest action only.
"""

import base64
import binascii
import hashlib
import json
import math
import re
import zlib
from collections.abc import Iterator

import numpy as np
from torch import nn

from course_lib.critics import DeterministicPolicy, DiscreteQFunction, SquashedGaussianPolicy
from course_lib.networks import Rescale
from course_lib.policies import BetaPolicy, CategoricalPolicy, GaussianPolicy
from course_lib.text_agent import ACTIVATIONS, TextAgent

FORMAT = 1
WIDTH = 80  # characters of data in a line
MAX_CHARACTERS = 45_000
TITLE = re.compile(r"policy-text (\d+): (\d+) lines, ([0-9a-f]{16})")
LINE = re.compile(r"(\d{3}) ([A-Za-z0-9+/=]+) ([0-9a-f]{4})")


def as_text(policy: nn.Module, bits: int = 16) -> str:
    """A policy's likeliest action as lines of text, for `agent_from_text`.

    Of a Gaussian that is its mean, of a categorical policy the action of the largest logit. Each
    line has a number and a check of its own, so that a paste that went wrong can be named.

    Args:
        policy: one of the course's policies, or an `nn.Sequential` of `nn.Linear`, `Tanh`, `ReLU`,
            `SiLU` and `Sigmoid` whose output is the action.
        bits: of a number, 16 or 32. With 16 a weight keeps three digits.

    Raises:
        ValueError: a network of another kind, weights that are not finite, or too many of them.
    """
    network, end = acting_part(policy)
    layers, weights = zip(*map(described, network), strict=True)
    if end[0] == "squashed" and isinstance(policy, SquashedGaussianPolicy):
        layers, weights = mean_only(layers, weights)
    numbers = np.concatenate([one.reshape(-1) for one in weights])
    kind = {16: "<f2", 32: "<f4"}.get(bits)
    if kind is None:
        raise ValueError(f"bits must be 16 or 32, got {bits}")
    require_fit(numbers, kind)
    about = {"layers": layers, "end": end, "dtype": kind}
    data = (
        json.dumps(about, separators=(",", ":")).encode() + b"\n" + numbers.astype(kind).tobytes()
    )
    text = "\n".join(lines_of(data))
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"this policy has {len(numbers):,} numbers, {len(text):,} characters of text; a "
            f"notebook takes {MAX_CHARACTERS:,}. Train one with smaller layers: hidden=(64, 64)"
        )
    return text


def acting_part(policy: nn.Module) -> tuple[nn.Sequential, list]:
    """The layers from observation to action, and what becomes of the last one's outputs."""
    if isinstance(policy, GaussianPolicy):
        return policy.mean, ["as it is", 0.0, 0.0]
    if isinstance(policy, DeterministicPolicy | SquashedGaussianPolicy):
        return policy.net, ["squashed", policy.centre, policy.half_range]
    if isinstance(policy, BetaPolicy):
        return policy.net, ["beta", policy.low, policy.high]
    if isinstance(policy, CategoricalPolicy):
        return policy.logits, ["best", 0.0, 0.0]
    if isinstance(policy, DiscreteQFunction):
        return policy.value, ["best", 0.0, 0.0]
    if isinstance(policy, nn.Sequential):
        return policy, ["as it is", 0.0, 0.0]
    raise ValueError(
        f"a {type(policy).__name__} cannot be written as text: give one of the course's policies, "
        "or an nn.Sequential of nn.Linear, nn.Tanh, nn.ReLU, nn.SiLU and nn.Sigmoid"
    )


def described(layer: nn.Module) -> tuple[list, np.ndarray]:
    """A layer's kind and sizes, and its numbers."""
    kind, none = type(layer).__name__, np.zeros(0)
    if kind in ACTIVATIONS:
        return [kind], none
    if isinstance(layer, Rescale):
        return ["Rescale", len(layer.factor)], layer.factor.numpy(force=True)
    if type(layer) is nn.Linear:
        weight = layer.weight.numpy(force=True).reshape(-1)
        bias = none if layer.bias is None else layer.bias.numpy(force=True)
        bias = np.zeros(layer.out_features) if layer.bias is None else bias
        return ["Linear", layer.in_features, layer.out_features], np.concatenate([weight, bias])
    raise ValueError(
        f"a layer of kind {kind} cannot be written as text: only nn.Linear, "
        f"{', '.join(f'nn.{name}' for name in ACTIVATIONS)}"
    )


def mean_only(layers: tuple, weights: tuple) -> tuple[tuple, tuple]:
    """Without the second half of the last layer's outputs, which are log σ."""
    _, inputs, outputs = layers[-1]
    weight, bias = np.split(weights[-1], [inputs * outputs])
    half = outputs // 2
    kept = np.concatenate([weight[: inputs * half], bias[:half]])
    return (*layers[:-1], ["Linear", inputs, half]), (*weights[:-1], kept)


def require_fit(numbers: np.ndarray, kind: str) -> None:
    """Refuse what would not be a number in this precision."""
    if not np.isfinite(numbers).all():
        raise ValueError("the policy's weights are not finite: its training has diverged")
    if np.abs(numbers).max(initial=0.0) > np.finfo(kind).max:
        raise ValueError("a weight is too large for 16 bits: write it with bits=32")


def lines_of(data: bytes) -> Iterator[str]:
    """The title, then numbered lines of base64, each with a check."""
    encoded = base64.b64encode(data).decode()
    count = math.ceil(len(encoded) / WIDTH)
    yield f"policy-text {FORMAT}: {count} lines, {hashlib.sha256(data).hexdigest()[:16]}"
    for place in range(count):
        part = encoded[place * WIDTH : (place + 1) * WIDTH]
        yield f"{place + 1:03d} {part} {check_of(place + 1, part)}"


def check_of(number: int, part: str) -> str:
    """Four digits that change when a line does."""
    return f"{zlib.crc32(f'{number} {part}'.encode()) & 0xFFFF:04x}"


def agent_from_text(text: str) -> TextAgent:
    """The agent that `as_text` wrote down. The text is read as data: it cannot run code.

    Args:
        text: all lines from the title to the last one; spaces around them do not matter.

    Raises:
        ValueError: a line is missing, changed or there twice, or this is no policy's text; the
            message says which line.
    """
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    title = next((found for line in lines if (found := TITLE.fullmatch(line))), None)
    if title is None:
        raise ValueError(
            "there is no policy here: paste everything that as_text(policy) gave, from its first "
            "line (policy-text …) to its last"
        )
    if int(title[1]) != FORMAT:
        raise ValueError(
            f"this is policy-text {title[1]}; this version of the course reads {FORMAT}"
        )
    data = joined(lines, int(title[2]))
    if hashlib.sha256(data).hexdigest()[:16] != title[3]:
        raise ValueError("title and lines are of two policies: paste all lines of one")
    try:
        head, body = data.split(b"\n", 1)
        about = json.loads(head)
        return TextAgent(about["layers"], about["end"], np.frombuffer(body, about["dtype"]))
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise ValueError(f"this is no policy's text: {error}") from None


def joined(lines: list[str], count: int) -> bytes:
    """The data of the numbered lines; `ValueError` names the line that is not as it was."""
    parts: dict[int, str] = {}
    for line in lines:
        if TITLE.fullmatch(line):
            continue
        found = LINE.fullmatch(line)
        if not found or check_of(int(found[1]), found[2]) != found[3]:
            shown = line if len(line) <= 24 else f"{line[:24]}…"
            raise ValueError(
                f"a line was changed, cut or does not belong here: {shown!r} ({len(line)} "
                "characters). Copy the text again, and paste all of it"
            )
        parts[int(found[1])] = found[2]
    missing = [number for number in range(1, count + 1) if number not in parts]
    if missing:
        raise ValueError(
            f"{len(missing)} of {count} lines are missing, the first is line {missing[0]}: copy "
            "the text again, and paste all of it"
        )
    try:
        return base64.b64decode("".join(parts[number] for number in sorted(parts)), validate=True)
    except binascii.Error as error:
        raise ValueError(f"the lines are not of one policy: {error}") from None
