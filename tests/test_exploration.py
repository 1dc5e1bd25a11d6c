"""Exploration noise: statistics, bounds, and Stable-Baselines3's process step by step."""

import math

import numpy as np
import pytest
import torch

from course_lib.reference import OrnsteinUhlenbeck, gaussian_exploration


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_gaussian_noise_has_the_right_mean_and_spread_inside_wide_bounds():
    action = torch.tensor([1.0, -2.0]).expand(40_000, 2)
    got = gaussian_exploration(action, 0.5, -100.0, 100.0, generator())
    assert float((got.mean(0) - action[0]).abs().max()) < 5 * 0.5 / 200
    assert float((got.std(0) - 0.5).abs().max()) < 5 * 0.5 / math.sqrt(2 * 40_000)
    correlation = torch.corrcoef(got.mT)[0, 1]
    assert abs(float(correlation)) < 5 / 200


def test_gaussian_noise_is_clipped_after_it_was_added():
    action = torch.full((10_000, 1), 0.9)
    got = gaussian_exploration(action, 0.5, -1.0, 1.0, generator())
    assert float(got.max()) == 1.0
    assert float(got.min()) >= -1.0
    share = float((got == 1.0).float().mean())
    expected = 0.5 * math.erfc(0.1 / 0.5 / math.sqrt(2))
    assert share == pytest.approx(expected, abs=5 * 0.5 / 100)


def test_without_noise_the_action_is_only_clipped():
    action = torch.tensor([[0.3, 5.0]], requires_grad=True)
    got = gaussian_exploration(action, 0.0, -1.0, 1.0, generator())
    assert torch.equal(got, torch.tensor([[0.3, 1.0]]))
    assert not got.requires_grad


def test_noise_depends_on_the_generator_alone():
    action = torch.zeros(8, 2)
    first = gaussian_exploration(action, 0.5, -1.0, 1.0, generator(3))
    torch.manual_seed(99)
    assert torch.equal(first, gaussian_exploration(action, 0.5, -1.0, 1.0, generator(3)))
    process = [OrnsteinUhlenbeck((2,), 0.15, 0.2, 0.01, generator(4)).sample() for _ in range(2)]
    assert torch.equal(*process)


def test_a_step_of_the_process_by_hand():
    noise = torch.randn(2, 3, generator=generator(5))
    process = OrnsteinUhlenbeck((3,), 0.5, 2.0, 0.25, generator(5))
    first = 2.0 * 0.5 * noise[0]
    torch.testing.assert_close(process.sample(), first)
    second = first - 0.5 * 0.25 * first + 2.0 * 0.5 * noise[1]
    torch.testing.assert_close(process.sample(), second)


@pytest.mark.parametrize(("theta", "agrees"), [(0.6, True), (0.9, False)])
def test_the_process_agrees_with_stable_baselines3(monkeypatch, theta, agrees):
    noise = pytest.importorskip("stable_baselines3.common.noise")
    peer = noise.OrnsteinUhlenbeckActionNoise(
        mean=np.zeros(2), sigma=0.3 * np.ones(2), theta=0.6, dt=0.1
    )
    np.random.seed(0)  # noqa: NPY002 - the peer draws from the global numbers
    theirs = torch.as_tensor(np.stack([peer() for _ in range(50)]), dtype=torch.float32)
    np.random.seed(0)  # noqa: NPY002
    draws = iter(torch.as_tensor(np.random.normal(size=(50, 2)), dtype=torch.float32))  # noqa: NPY002
    monkeypatch.setattr(torch, "randn", lambda shape, generator: next(draws))
    process = OrnsteinUhlenbeck((2,), theta, 0.3, 0.1, generator())
    ours = torch.stack([process.sample() for _ in range(50)])
    assert torch.allclose(ours, theirs, atol=1e-6) == agrees


def test_in_the_long_run_the_process_has_the_variance_and_memory_of_its_docstring():
    theta, sigma, dt = 0.5, 0.8, 0.2
    process = OrnsteinUhlenbeck((2000,), theta, sigma, dt, generator())
    path = torch.stack([process.sample() for _ in range(400)])[100:]
    variance = sigma**2 / (2 * theta - theta**2 * dt)
    assert float(path[-1].var()) == pytest.approx(variance, rel=0.2)
    correlation = (path[1:] * path[:-1]).mean() / path[:-1].square().mean()
    assert float(correlation) == pytest.approx(1 - theta * dt, abs=0.01)


def test_a_reset_goes_back_to_zero_and_samples_are_copies():
    process = OrnsteinUhlenbeck((2,), 0.15, 0.2, 0.01, generator())
    sample = process.sample()
    sample += 100.0
    assert float(process.state.abs().max()) < 10
    process.reset()
    assert torch.equal(process.state, torch.zeros(2))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="noise_std: expected a number of at least 0"):
        gaussian_exploration(torch.zeros(2, 1), -0.1, -1.0, 1.0, generator())
    with pytest.raises(ValueError, match="high: expected a bound of at least low"):
        gaussian_exploration(torch.zeros(2, 1), 0.1, 1.0, -1.0, generator())
    with pytest.raises(ValueError, match="dt: expected a number above 0"):
        OrnsteinUhlenbeck((2,), 0.15, 0.2, 0.0, generator())
