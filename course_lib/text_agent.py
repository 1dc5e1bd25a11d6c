"""A network that acts, made of what a policy's text holds. The text itself is in policy_text.py."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Tanh": np.tanh,
    "ReLU": lambda x: np.maximum(x, 0),
    "SiLU": lambda x: x / (1 + np.exp(-np.clip(x, -80, 80))),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-np.clip(x, -80, 80))),
}
ENDS = ("as it is", "squashed", "beta", "best")


class TextAgent:
    """A network that acts: (N, S) observations → (N, D) actions, or (N,) integers.

    Args:
        layers: the layers' kinds and sizes, as `as_text` writes them.
        end: what becomes of the last layer's outputs: one of `ENDS`, and its two numbers.
        numbers: the weights of all layers one after the other.

    Raises:
        ValueError: the numbers do not fit the layers.
    """

    def __init__(self, layers: Sequence[list], end: list, numbers: np.ndarray) -> None:
        self.steps: list[Callable[[np.ndarray], np.ndarray]] = []
        self.observation_size = next(int(layer[1]) for layer in layers if len(layer) > 1)
        left = numbers.astype(np.float32)
        for layer in layers:
            step, used = step_of(layer, left)
            self.steps.append(step)
            left = left[used:]
        if len(left):
            raise ValueError(f"{len(left)} numbers are left over: this is no policy's text")
        self.end, self.first, self.second = end

    def __call__(self, obs: np.ndarray | Tensor) -> np.ndarray:
        """The likeliest action of each row; `ValueError` for observations of another width."""
        values = np.asarray(obs, dtype=np.float32)
        if values.shape[-1:] != (self.observation_size,):
            raise ValueError(
                f"this policy sees {self.observation_size} numbers, an observation here has shape "
                f"{values.shape[1:]}: it was trained in another environment"
            )
        for step in self.steps:
            values = step(values)
        if self.end == "squashed":
            return self.first + self.second * np.tanh(values)
        if self.end == "beta":
            first, other = np.split(1 + np.logaddexp(0, values), 2, axis=-1)
            return self.first + (self.second - self.first) * first / (first + other)
        return values.argmax(-1) if self.end == "best" else values


def step_of(layer: list, numbers: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], int]:
    """A layer as a function, and how many of the numbers it takes."""
    kind, *sizes = layer
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind], 0
    count = sizes[0] if kind == "Rescale" else sizes[1] * (sizes[0] + 1)
    if len(numbers) < count:
        raise ValueError("numbers are missing: this is no policy's text")
    if kind == "Rescale":
        return numbers[:count].__mul__, count
    inputs, outputs = sizes
    weight = numbers[: inputs * outputs].reshape(outputs, inputs).T
    bias = numbers[inputs * outputs : count]
    return lambda x: x @ weight + bias, count
