"""Shape guards of the reference functions: a silent broadcast is the costliest bug there is."""

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
