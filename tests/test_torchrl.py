"""torchrl as an independent witness: its value functions and V-trace.

Its losses are in test_torchrl_losses.py; Stable-Baselines3 and sb3-contrib are compared where each
function is tested."""

import pytest
import torch

from course_lib.reference import (
    generalized_advantage,
    lambda_return,
    reward_to_go,
    td_error,
    vtrace_target,
)
from tests.helpers import double, random_rollout
from tests.peers import largest_error

# Fractions of powers of two: torchrl multiplies γ by an integer mask, which rounds it to float32.
GAMMA, LAMBDA = 31 / 32, 7 / 8


@pytest.fixture(scope="module")
def functional():
    """torchrl's value functions; their time axis is the last but one, as in our (T, N)."""
    return pytest.importorskip("torchrl.objectives.value.functional")


def ends(rollout):
    """Its two flags by torchrl's names: `done` is either end."""
    done = rollout["terminated"] | rollout["truncated"]
    return {"done": done, "terminated": rollout["terminated"]}


def values(rollout):
    return rollout["value"], rollout["next_value"], rollout["reward"]


@pytest.mark.parametrize("name", ["", "vec_"])
@pytest.mark.parametrize("seed", range(3))
def test_generalized_advantages_agree(functional, name, seed):
    rollout = random_rollout(seed, 32, 6)
    peer = getattr(functional, f"{name}generalized_advantage_estimate")
    theirs, target = peer(GAMMA, LAMBDA, *values(rollout), **ends(rollout))
    ours = generalized_advantage(**rollout, gamma=GAMMA, gae_lambda=LAMBDA)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(ours + rollout["value"], target)
    # A planted bug: a time limit counts as a termination.
    never = torch.zeros_like(rollout["truncated"])
    wrong = {**rollout, "terminated": ends(rollout)["done"], "truncated": never}
    wrong = generalized_advantage(**wrong, gamma=GAMMA, gae_lambda=LAMBDA)
    assert largest_error(wrong, theirs) > 0.1


def test_one_step_targets_agree(functional):
    rollout = random_rollout(0, 32, 6)
    theirs = functional.td0_return_estimate(
        GAMMA, rollout["next_value"], rollout["reward"], rollout["terminated"]
    )
    parts = rollout["reward"], rollout["value"], rollout["next_value"]
    ours = td_error(*parts, rollout["terminated"], GAMMA) + rollout["value"]
    torch.testing.assert_close(ours, theirs)
    wrong = td_error(*parts, rollout["truncated"], GAMMA) + rollout["value"]
    assert largest_error(wrong, theirs) > 0.1


def gradients(function, *inputs):
    """The value of `function` and the gradients of a weighted sum of it."""
    inputs = [each.clone().requires_grad_() for each in inputs]
    output = function(*inputs)
    weight = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).reshape(output.shape)
    return output.detach(), *torch.autograd.grad((weight * output).sum(), inputs)


@pytest.mark.parametrize("seed", range(3))
def test_lambda_returns_and_their_gradients_agree(functional, seed):
    rollout = random_rollout(seed, 16, 6)
    going_on = (~rollout["terminated"]).double()

    def theirs(reward, next_value):
        # A dream ends by termination only.
        ends = {"done": rollout["terminated"], "terminated": rollout["terminated"]}
        return functional.td_lambda_return_estimate(GAMMA, LAMBDA, next_value, reward, **ends)

    def ours(reward, next_value):
        return lambda_return(reward, next_value, GAMMA * going_on, LAMBDA)

    def wrong(reward, next_value):
        return lambda_return(reward, next_value, GAMMA, LAMBDA)

    inputs = rollout["reward"], rollout["next_value"]
    expected = gradients(theirs, *inputs)
    torch.testing.assert_close(gradients(ours, *inputs), expected)
    for got, want in zip(gradients(wrong, *inputs), expected, strict=True):
        assert largest_error(got, want) > 0.05


@pytest.mark.parametrize("seed", range(3))
def test_rewards_to_go_agree(functional, seed):
    reward = random_rollout(seed, 16, 6)["reward"]
    last = torch.zeros_like(reward, dtype=torch.bool)
    last[-1] = True
    theirs = functional.reward2go(reward, last, GAMMA)
    torch.testing.assert_close(reward_to_go(reward, GAMMA), theirs.reshape(reward.shape))
    assert largest_error(reward_to_go(reward, 1.0), theirs.reshape(reward.shape)) > 0.05


@pytest.mark.parametrize(("rho_bar", "c_bar"), [(1.0, 1.0), (1.5, 0.7), (0.6, 1.2)])
def test_vtrace_agrees(functional, rho_bar, c_bar):
    rollout = random_rollout(1, 32, 6)
    generator = torch.Generator().manual_seed(2)
    log_prob, behavior = torch.randn(2, 32, 6, generator=generator, dtype=torch.float64) - 1
    _, theirs = functional.vtrace_advantage_estimate(
        GAMMA, log_prob, behavior, *values(rollout), **ends(rollout),
        rho_thresh=double(rho_bar), c_thresh=double(c_bar),
    )  # fmt: skip
    ours = vtrace_target(**rollout, log_prob=log_prob, behavior_log_prob=behavior, gamma=GAMMA,
                         rho_bar=rho_bar, c_bar=c_bar)  # fmt: skip
    torch.testing.assert_close(ours, theirs)
    # A planted bug: π and b change places.
    wrong = vtrace_target(**rollout, log_prob=behavior, behavior_log_prob=log_prob, gamma=GAMMA,
                          rho_bar=rho_bar, c_bar=c_bar)  # fmt: skip
    assert largest_error(wrong, theirs) > 0.1
