"""rlax as an independent witness, where the extra `rlax` is installed (it brings JAX: 0.6 GB).

rlax has one discount both for bootstrapping and for carrying on, so it cannot tell a truncation
from a termination: no trajectory here is truncated. The other peers are compared on both."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.reference import (
    a2c_loss,
    categorical_entropy,
    categorical_log_prob,
    clipped_surrogate_loss,
    double_dqn_target,
    dqn_target,
    expected_sarsa_target,
    generalized_advantage,
    lambda_return,
    vtrace_target,
)
from tests.peers import largest_error

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("rlax") is None, reason="needs the extra rlax"),
]
ROOT = Path(__file__).parents[1]
GAMMA, LAMBDA, CLIP, RHO_BAR = 0.97, 0.9, 0.2, 1.3
STEPS, ENVS, ROWS, ACTIONS = 24, 6, 64, 4


@pytest.fixture(scope="module")
def data():
    """(T, N) trajectories that terminate and are never cut, and (B,) transitions."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    terminated = torch.rand(STEPS, ENVS, generator=generator) < 0.15
    ended = torch.rand(ROWS, generator=generator) < 0.3
    return {
        "reward": draw(STEPS, ENVS), "value": draw(STEPS + 1, ENVS), "weight": draw(STEPS, ENVS),
        "terminated": terminated, "discount": GAMMA * (~terminated).double(),
        "target_log_prob": draw(STEPS, ENVS), "behavior": draw(STEPS, ENVS),
        "log_prob": draw(ROWS), "old_log_prob": draw(ROWS), "advantage": 2 * draw(ROWS),
        "logits": draw(ROWS, ACTIONS), "q": draw(ROWS, ACTIONS), "next_q": draw(ROWS, ACTIONS),
        "next_selector": draw(ROWS, ACTIONS), "next_pi": draw(ROWS, ACTIONS).softmax(-1),
        "action": torch.randint(ACTIONS, (ROWS,), generator=generator),
        "batch_reward": draw(ROWS), "ended": ended, "batch_discount": GAMMA * (~ended).double(),
    }  # fmt: skip


@pytest.fixture(scope="module")
def theirs(data, tmp_path_factory):
    """rlax's answers by name."""
    folder = tmp_path_factory.mktemp("rlax")
    arrays = {name: tensor.double().numpy() for name, tensor in data.items()}
    arrays |= {"gae_lambda": LAMBDA, "clip": CLIP, "rho_bar": RHO_BAR}
    arrays["action"] = data["action"].numpy()
    arrays["ratio"] = (data["target_log_prob"] - data["behavior"]).exp().numpy()
    np.savez(folder / "in.npz", **arrays)
    subprocess.run(
        [sys.executable, "-m", "tests.rlax_answers", folder / "in.npz", folder / "out.npz"],
        cwd=ROOT, env={**os.environ, "JAX_PLATFORMS": "cpu"}, check=True, timeout=120,
    )  # fmt: skip
    with np.load(folder / "out.npz") as stored:
        return {name: torch.as_tensor(array) for name, array in stored.items()}


def rollout_of(data):
    never = torch.zeros_like(data["terminated"])
    return {
        "reward": data["reward"], "value": data["value"][:-1], "next_value": data["value"][1:],
        "terminated": data["terminated"], "truncated": never,
    }  # fmt: skip


def without_ends(rollout):
    return {**rollout, "terminated": rollout["truncated"]}


def test_generalized_advantages_agree(data, theirs):
    rollout = rollout_of(data)
    ours = generalized_advantage(**rollout, gamma=GAMMA, gae_lambda=LAMBDA)
    torch.testing.assert_close(ours, theirs["gae"])
    # A planted bug: nothing terminates.
    wrong = generalized_advantage(**without_ends(rollout), gamma=GAMMA, gae_lambda=LAMBDA)
    assert largest_error(wrong, theirs["gae"]) > 0.1


def test_vtrace_agrees(data, theirs):
    ratio = {"log_prob": data["target_log_prob"], "behavior_log_prob": data["behavior"]}
    rollout = rollout_of(data)
    # rlax's c̄ is always 1.
    ours = vtrace_target(**rollout, **ratio, gamma=GAMMA, rho_bar=RHO_BAR, c_bar=1.0)
    torch.testing.assert_close(ours, theirs["vtrace"])
    wrong = vtrace_target(**rollout, **ratio, gamma=GAMMA, rho_bar=1.0, c_bar=RHO_BAR)
    assert largest_error(wrong, theirs["vtrace"]) > 1e-2


def test_lambda_returns_and_their_gradients_agree(data, theirs):
    def ours(discount):
        reward, value = (data[name].clone().requires_grad_() for name in ("reward", "value"))
        returns = lambda_return(reward, value[1:], discount, LAMBDA)
        by_reward, by_value = torch.autograd.grad((data["weight"] * returns).sum(), (reward, value))
        return returns.detach(), by_reward, by_value[1:]

    names = ("lambda_return", "lambda_return_by_reward", "lambda_return_by_value")
    for got, wrong, name in zip(ours(data["discount"]), ours(GAMMA), names, strict=True):
        torch.testing.assert_close(got, theirs[name])
        # A planted bug: nothing terminates.
        assert largest_error(wrong, theirs[name]) > 0.05


def value_and_gradient(loss, leaf):
    leaf = leaf.clone().requires_grad_()
    value = loss(leaf)
    return value.detach(), *torch.autograd.grad(value, leaf)


def test_the_clipped_surrogate_and_its_gradient_agree(data, theirs):
    def loss(log_prob, clip=CLIP):
        return clipped_surrogate_loss(log_prob, data["old_log_prob"], data["advantage"], clip)

    value, gradient = value_and_gradient(loss, data["log_prob"])
    torch.testing.assert_close(value, theirs["clipped"])
    torch.testing.assert_close(gradient, theirs["clipped_gradient"])
    _, wrong = value_and_gradient(lambda log_prob: loss(log_prob, 100.0), data["log_prob"])
    assert largest_error(wrong, theirs["clipped_gradient"]) > 0.1


def test_policy_gradient_with_entropy_agrees(data, theirs):
    zero = torch.zeros_like(data["advantage"])

    def loss(logits, entropy_coef=0.1):
        log_prob, entropy = (
            categorical_log_prob(logits, data["action"]),
            categorical_entropy(logits),
        )
        return a2c_loss(log_prob, data["advantage"], zero, zero, entropy, 0.5, entropy_coef)

    value, gradient = value_and_gradient(loss, data["logits"])
    torch.testing.assert_close(value, theirs["actor_critic"])
    torch.testing.assert_close(gradient, theirs["actor_critic_gradient"])
    # A planted bug: the entropy's sign.
    _, wrong = value_and_gradient(lambda logits: loss(logits, -0.1), data["logits"])
    assert largest_error(wrong, theirs["actor_critic_gradient"]) > 1e-2


def test_the_targets_of_q_learning_agree(data, theirs):
    taken = data["q"].gather(-1, data["action"].unsqueeze(-1)).squeeze(-1)
    reward, next_q, ended = data["batch_reward"], data["next_q"], data["ended"]
    ours = {
        "dqn": dqn_target(reward, next_q, ended, GAMMA),
        "double_dqn": double_dqn_target(reward, data["next_selector"], next_q, ended, GAMMA),
        "expected_sarsa": expected_sarsa_target(reward, next_q, data["next_pi"], ended, GAMMA),
    }
    for name, target in ours.items():
        torch.testing.assert_close(target - taken, theirs[name])
        # Any other target is told from this one.
        others = [each for each in ours if each != name]
        assert all(largest_error(ours[each] - taken, theirs[name]) > 0.1 for each in others)
