"""Shape guards of the reference functions: a silent broadcast is the costliest bug there is."""

import torch
from torch import Tensor


def require_same_shape(**tensors: Tensor) -> None:
    """Raise `ValueError` unless all named tensors have the shape of the first one."""
    (first_name, first), *others = tensors.items()
    for name, tensor in others:
        if tensor.shape != first.shape:
            raise ValueError(
                f"{name}: expected shape {tuple(first.shape)} like {first_name}, "
                f"got {tuple(tensor.shape)}"
            )


def require_shape(name: str, tensor: Tensor, expected: tuple[int, ...]) -> None:
    """Raise `ValueError` unless `tensor` has exactly the shape `expected`."""
    if tuple(tensor.shape) != tuple(expected):
        raise ValueError(f"{name}: expected shape {tuple(expected)}, got {tuple(tensor.shape)}")


def require_scalar_or_shape(name: str, tensor: Tensor, expected: tuple[int, ...]) -> None:
    """Raise `ValueError` unless `tensor` is a scalar or has the shape `expected`."""
    if tensor.ndim and tuple(tensor.shape) != tuple(expected):
        raise ValueError(
            f"{name}: expected a scalar or shape {tuple(expected)}, got {tuple(tensor.shape)}"
        )


def require_dimensions(name: str, tensor: Tensor, *allowed: int) -> None:
    """Raise `ValueError` unless `tensor` has one of the allowed numbers of dimensions."""
    if tensor.ndim not in allowed:
        wanted = " or ".join(str(number) for number in allowed)
        raise ValueError(f"{name}: expected {wanted} dimension(s), got shape {tuple(tensor.shape)}")


def require_range(name: str, number: float, low: float, high: float) -> None:
    """Raise `ValueError` unless low ≤ number ≤ high."""
    if not low <= number <= high:
        raise ValueError(f"{name}: expected a number in [{low}, {high}], got {number}")


def require_positive(name: str, number: float | Tensor) -> None:
    """Raise `ValueError` unless number > 0."""
    if not number > 0:
        raise ValueError(f"{name}: expected a number above 0, got {number}")


def require_not_negative(name: str, number: float | Tensor) -> None:
    """Raise `ValueError` unless number ≥ 0."""
    if not number >= 0:
        raise ValueError(f"{name}: expected a number of at least 0, got {number}")


def require_at_least(name: str, number: int, minimum: int) -> None:
    """Raise `ValueError` unless number ≥ minimum."""
    if not number >= minimum:
        raise ValueError(f"{name}: expected at least {minimum}, got {number}")


def require_bool(name: str, tensor: Tensor) -> None:
    """Raise `ValueError` unless `tensor` is boolean: `~` of the integer 1 is −2, not 0."""
    if tensor.dtype != torch.bool:
        raise ValueError(f"{name}: expected dtype torch.bool, got {tensor.dtype}")


def require_log_std(name: str, log_std: Tensor, mean: Tensor) -> None:
    """Raise `ValueError` unless `log_std` has the shape of `mean`, or of its last axis alone."""
    if log_std.ndim != 1 or log_std.shape != mean.shape[-1:]:
        require_shape(name, log_std, tuple(mean.shape))


def require_bounds(low: float, high: float) -> None:
    """Raise `ValueError` unless low ≤ high."""
    if not low <= high:
        raise ValueError(f"high: expected a bound of at least low = {low}, got {high}")
