"""Tests of course_lib.networks: weights, their source, and the shapes."""

import pytest
import torch

from course_lib.networks import mlp


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_hidden_weights_are_orthogonal_with_gain_root_two_and_biases_are_zero():
    network = mlp([8, 8, 8, 3], generator(), output_gain=0.5)
    first, second, last = (layer for layer in network if isinstance(layer, torch.nn.Linear))
    for layer in (first, second):
        assert torch.allclose(layer.weight @ layer.weight.T, 2 * torch.eye(8), atol=1e-5)
    assert torch.allclose(last.weight @ last.weight.T, 0.25 * torch.eye(3), atol=1e-5)
    assert not any(layer.bias.any() for layer in (first, second, last))


def test_a_seed_gives_the_same_network_and_another_seed_another_one():
    obs = torch.ones(2, 4)
    assert torch.equal(mlp([4, 8, 2], generator(1))(obs), mlp([4, 8, 2], generator(1))(obs))
    assert not torch.equal(mlp([4, 8, 2], generator(1))(obs), mlp([4, 8, 2], generator(2))(obs))


def test_the_global_random_numbers_are_left_alone():
    before = torch.get_rng_state()
    mlp([4, 64, 64, 2], generator())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_may_have_no_hidden_layer_and_needs_two_widths():
    assert mlp([4, 2], generator())(torch.ones(3, 4)).shape == (3, 2)
    with pytest.raises(ValueError, match=r"got \[4\]"):
        mlp([4], generator())


def test_outputs_are_multiplied_by_their_typical_sizes():
    inputs = torch.ones(3, 4)
    plain = mlp([4, 8, 2], generator())(inputs)
    assert torch.equal(
        mlp([4, 8, 2], generator(), output_scale=(2.0, 0.5))(inputs),
        plain * torch.tensor([2.0, 0.5]),
    )


def test_the_layers_compute_what_torchs_sequential_computes():
    network = mlp([4, 8, 2], generator(), input_scale=(1.0, 2.0, 4.0, 8.0))
    inputs = torch.randn(3, 4, generator=generator(1))
    assert torch.equal(network(inputs), torch.nn.Sequential(*network)(inputs))
