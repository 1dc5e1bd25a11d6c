"""Small multilayer perceptrons, initialised from a generator of their own: the global random
numbers are left alone. What a network means (policy, critic) is said elsewhere."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class Rescale(nn.Module):
    """Divides each input by its typical size, so that small ones are not overlooked."""

    def __init__(self, scale: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("factor", 1 / torch.tensor(scale, dtype=torch.float32))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.factor


class Layers(nn.Sequential):
    """`nn.Sequential` that calls its layers directly: hooks on a layer do not run, and a small
    network acts in two thirds of the time.

    Leading axes (T, N, …) are laid flat on the way: on a matrix a linear layer takes half as long.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = inputs.flatten(0, -2) if inputs.ndim > 2 else inputs
        for layer in self:
            outputs = layer.forward(outputs)
        return outputs if inputs.ndim <= 2 else outputs.view(*inputs.shape[:-1], -1)


def mlp(
    sizes: Sequence[int],
    generator: torch.Generator | None = None,
    output_gain: float = 1.0,
    input_scale: Sequence[float] | None = None,
    output_scale: Sequence[float] | None = None,
    activation: type[nn.Module] = nn.Tanh,
) -> nn.Sequential:
    """A multilayer perceptron with orthogonal weights and zero biases.

    Orthogonal weights keep the length of a signal on its way through the layers. A small
    `output_gain` makes a policy start nearly uniform, so that it tries everything.

    Args:
        sizes: the widths from the input to the output, at least two.
        generator: the source of the weights; `None` takes torch's global one.
        output_gain: the factor of the last layer's weights; hidden layers have √2.
        input_scale: typical sizes of the inputs, which are divided by them; `None` leaves them as
            they are.
        output_scale: typical sizes of the outputs, which are multiplied by them; likewise.
        activation: between the layers; none follows the last.

    Raises:
        ValueError: fewer than two widths.

    Source: Saxe et al. (2014); Andrychowicz et al. (2021), "What Matters in On-Policy Reinforcement
    Learning?", C57: a last layer 100 times smaller.
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes: expected an input and an output width, got {list(sizes)}")
    layers: list[nn.Module] = [] if input_scale is None else [Rescale(input_scale)]
    for inputs, outputs in pairwise(sizes):
        # skip_init: nn.Linear would draw from the global generator first.
        linear = nn.utils.skip_init(nn.Linear, inputs, outputs)
        nn.init.orthogonal_(linear.weight, math.sqrt(2), generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    with torch.no_grad():
        linear.weight *= output_gain / math.sqrt(2)
    layers.pop()
    if output_scale is not None:
        layers.append(Rescale([1 / size for size in output_scale]))
    return Layers(*layers)
