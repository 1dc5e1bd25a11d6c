"""PPO's losses: by hand, gradients by formula, dead gradients, and Stable-Baselines3's step."""

import pytest
import torch
from gymnasium import spaces

from course_lib.reference import (
    a2c_loss,
    clipped_surrogate_loss,
    clipped_value_loss,
    kl_penalty_loss,
    ppo_loss,
    surrogate_objective,
)
from tests.helpers import double, leaf
from tests.peers import (
    feed_rollout,
    gradient_of,
    largest_error,
    peer_model,
    peer_step,
    random_rollout_for,
    step_of,
)
from tests.properties import given, st

# One sample each: inside; past the clip in the direction asked for (up, down); against it.
RATIO = double([1.1, 1.5, 0.5, 1.5, 0.5])
ADVANTAGE = double([2.0, 2.0, -2.0, -2.0, 2.0])
KEPT = double([1.0, 0.0, 0.0, 1.0, 1.0])


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_clipped_surrogate_by_hand_and_where_its_gradient_dies():
    log_prob, old, advantage = (
        RATIO.log().requires_grad_(),
        leaf([0.0] * 5),
        leaf(ADVANTAGE.tolist()),
    )
    loss = clipped_surrogate_loss(log_prob, old, advantage, 0.2)
    expected = -(1.1 * 2 + 1.2 * 2 + 0.8 * -2 + 1.5 * -2 + 0.5 * 2) / 5
    torch.testing.assert_close(loss, double(expected))
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -KEPT * RATIO * ADVANTAGE / 5)
    assert old.grad is None
    assert advantage.grad is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ratio, a: -torch.maximum(ratio * a, ratio.clamp(0.8, 1.2) * a).mean(),
        lambda ratio, a: -(ratio.clamp(0.8, 1.2) * a).mean(),
        lambda ratio, a: -(ratio * a).mean(),
        lambda ratio, a: -torch.minimum(ratio * a, (ratio * a).clamp(0.8, 1.2)).mean(),
        lambda ratio, a: -torch.minimum((ratio * a).mean(), (ratio.clamp(0.8, 1.2) * a).mean()),
    ],
    ids=["max", "clip only", "no clip", "clips the product", "minimum of means"],
)
def test_known_mistakes_give_another_number(wrong):
    right = clipped_surrogate_loss(RATIO.log(), torch.zeros(5).double(), ADVANTAGE, 0.2)
    assert abs(float(wrong(RATIO, ADVANTAGE) - right)) > 0.01


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_at_ratio_one_it_is_the_policy_gradient(seed, clip_epsilon):
    log_prob, advantage = draws(seed, 9), draws(seed + 1, 9)
    theta = log_prob.clone().requires_grad_()
    loss = clipped_surrogate_loss(theta, log_prob, advantage, clip_epsilon + 1e-9)
    torch.testing.assert_close(loss.detach(), -advantage.mean())
    (slope,) = torch.autograd.grad(loss, theta)
    torch.testing.assert_close(slope, -advantage / 9)


@given(st.integers(0, 2**20), st.floats(0, 1))
def test_it_is_a_pessimistic_bound_on_the_surrogate(seed, clip_epsilon):
    inputs = [draws(seed + i, 9) for i in range(3)]
    clipped = clipped_surrogate_loss(*inputs, clip_epsilon)
    assert float(clipped) >= float(-surrogate_objective(*inputs)) - 1e-12


def test_the_penalty_by_hand_and_its_gradients():
    log_prob, old, advantage = leaf([-0.5, -1.0]), leaf([-1.0, -0.7]), leaf([2.0, -3.0])
    kl = leaf([0.1, 0.3])
    ratio = double([0.5, -0.3]).exp()
    loss = kl_penalty_loss(log_prob, old, advantage, kl, 1.5)
    torch.testing.assert_close(loss, -(2 * ratio[0] - 3 * ratio[1]) / 2 + 1.5 * 0.2)
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -ratio * double([2.0, -3.0]) / 2)
    torch.testing.assert_close(kl.grad, double([1.5 / 2, 1.5 / 2]))
    assert old.grad is None
    assert advantage.grad is None
    scalar = kl_penalty_loss(log_prob, old, advantage, double(0.2), 1.5)
    torch.testing.assert_close(scalar, loss)


def test_the_clipped_value_loss_by_hand_and_where_its_gradient_dies():
    # Moved 0.1; moved past the clip towards the target; past it away from the target.
    value, old, target = leaf([1.1, 2.0, 0.0]), leaf([1.0, 1.0, 1.0]), leaf([3.0, 3.0, 3.0])
    loss = clipped_value_loss(value, old, target, 0.2)
    squared = double([1.9**2, (3 - 1.2) ** 2, 3.0**2])
    torch.testing.assert_close(loss, 0.5 * squared.mean())
    loss.backward()
    torch.testing.assert_close(value.grad, double([1.1 - 3, 0.0, 0.0 - 3]) / 3)
    assert old.grad is None
    assert target.grad is None


@given(st.integers(0, 2**20))
def test_a_wide_clip_leaves_the_value_loss_alone(seed):
    value, old, target = (draws(seed + i, 9) for i in range(3))
    got = clipped_value_loss(value, old, target, 100.0)
    torch.testing.assert_close(got, 0.5 * (value - target).square().mean())


def ppo_inputs():
    return {
        "log_prob": RATIO.log().requires_grad_(),
        "old_log_prob": leaf([0.0] * 5),
        "advantage": leaf(ADVANTAGE.tolist()),
        "value": leaf([0.5, 1.5, -1.0, 0.0, 2.0]),
        "value_target": leaf([1.0, 3.0, 0.0, 0.0, -1.0]),
        "entropy": leaf([0.6, 0.4, 0.2, 0.1, 0.7]),
    }


def test_each_term_of_ppo_trains_its_own_part():
    inputs = ppo_inputs()
    loss = ppo_loss(**inputs, clip_epsilon=0.2, value_coef=0.25, entropy_coef=0.1)
    policy = clipped_surrogate_loss(RATIO.log(), torch.zeros(5).double(), ADVANTAGE, 0.2)
    error = inputs["value"].detach() - inputs["value_target"].detach()
    expected = policy + 0.25 * 0.5 * error.square().mean() - 0.1 * 2.0 / 5
    torch.testing.assert_close(loss, expected)
    loss.backward()
    torch.testing.assert_close(inputs["log_prob"].grad, -KEPT * RATIO * ADVANTAGE / 5)
    torch.testing.assert_close(inputs["value"].grad, 0.25 * error / 5)
    torch.testing.assert_close(inputs["entropy"].grad, double([-0.1 / 5] * 5))
    assert all(inputs[name].grad is None for name in ("old_log_prob", "advantage", "value_target"))


def test_the_entropy_may_be_a_scalar():
    inputs = ppo_inputs()
    scalar = {**inputs, "entropy": inputs["entropy"].mean()}
    settings = {"clip_epsilon": 0.2, "value_coef": 0.5, "entropy_coef": 0.1}
    torch.testing.assert_close(ppo_loss(**scalar, **settings), ppo_loss(**inputs, **settings))


@given(st.integers(0, 2**20))
def test_the_first_step_of_ppo_is_a_step_of_a2c(seed):
    names = ("log_prob", "advantage", "value", "value_target", "entropy")
    data = {name: draws(seed + i, 9) for i, name in enumerate(names)}

    def gradients(loss, **others):
        inputs = {name: tensor.clone().requires_grad_() for name, tensor in data.items()}
        scalar = loss(**inputs, **others, value_coef=0.5, entropy_coef=0.1)
        free = (inputs["log_prob"], inputs["value"], inputs["entropy"])
        return torch.autograd.grad(scalar, free)

    ppo = gradients(ppo_loss, old_log_prob=data["log_prob"], clip_epsilon=0.2)
    torch.testing.assert_close(ppo, gradients(a2c_loss))


def test_a_column_against_a_row_is_refused():
    row, column = torch.zeros(5), torch.zeros(5, 1)
    with pytest.raises(
        ValueError, match=r"advantage: expected shape \(5,\) like log_prob, got \(5, 1\)"
    ):
        clipped_surrogate_loss(row, row, column, 0.2)
    with pytest.raises(ValueError, match=r"kl: expected a scalar or shape \(5,\), got \(5, 1\)"):
        kl_penalty_loss(row, row, row, column, 1.0)
    with pytest.raises(ValueError, match="value_target: expected shape"):
        clipped_value_loss(row, row, column, 0.2)
    with pytest.raises(ValueError, match="value: expected shape"):
        ppo_loss(row, row, row, column, row, row, 0.2, 0.5, 0.0)
    with pytest.raises(ValueError, match="entropy: expected a scalar or shape"):
        ppo_loss(row, row, row, row, row, column, 0.2, 0.5, 0.0)
    with pytest.raises(ValueError, match="clip_epsilon: expected a number of at least 0"):
        clipped_surrogate_loss(row, row, row, -0.1)
    with pytest.raises(ValueError, match="kl_coef: expected a number of at least 0"):
        kl_penalty_loss(row, row, row, row, -0.1)


def stable_baselines_step(value_clip=None, towards=None):
    """The policy before and after a step, and the data: V has moved towards its target or away."""
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    model = peer_model(
        stable_baselines3.PPO, spaces.Discrete(4), n_steps=64, batch_size=64, n_epochs=1,
        normalize_advantage=False, clip_range=0.2, clip_range_vf=value_clip,
        ent_coef=0.1, vf_coef=0.25, max_grad_norm=1e9,
    )  # fmt: skip
    data = random_rollout_for(model)
    if towards is not None:
        with torch.no_grad():
            value = model.policy.predict_values(data["obs"]).flatten()
        moved = value - data["old_value"]
        data["value_target"] = value + 2 * moved if towards else data["old_value"] - moved
    feed_rollout(model, data)
    return *peer_step(model, model.train), data


def our_gradient(before, data, clip_epsilon=0.2, value_clip=None):
    """Of the same loss. The peer's mean squared error has no ½: its coefficient ¼ is our ½."""
    value, log_prob, entropy = before.evaluate_actions(data["obs"], data["action"])
    value, target = value.flatten(), data["value_target"]
    policy = (log_prob, data["old_log_prob"], data["advantage"])
    if value_clip is None:
        return gradient_of(
            ppo_loss(*policy, value, target, entropy, clip_epsilon, 0.5, 0.1), before
        )
    loss = ppo_loss(*policy, value, target, entropy, clip_epsilon, 0.0, 0.1)
    loss = loss + 0.5 * clipped_value_loss(value, data["old_value"], target, value_clip)
    return gradient_of(loss, before)


def test_a_step_agrees_with_stable_baselines3():
    before, after, data = stable_baselines_step()
    theirs = step_of(before, after)
    assert largest_error(our_gradient(before, data), theirs) < 1e-5
    # A planted bug: nothing is clipped.
    assert largest_error(our_gradient(before, data, clip_epsilon=100.0), theirs) > 1e-2


def test_the_clipped_value_loss_agrees_with_stable_baselines3_where_v_moved_towards_its_target():
    before, after, data = stable_baselines_step(value_clip=0.3, towards=True)
    theirs = step_of(before, after)
    assert largest_error(our_gradient(before, data, value_clip=0.3), theirs) < 1e-5
    # A planted bug: nothing is clipped.
    assert largest_error(our_gradient(before, data), theirs) > 1e-2


def test_where_v_moved_away_the_larger_error_calls_it_back_and_the_peer_does_not():
    # Stable-Baselines3 leaves the maximum out: a V that has strayed too far stays there.
    before, after, data = stable_baselines_step(value_clip=0.3, towards=False)
    theirs = step_of(before, after)
    assert largest_error(our_gradient(before, data, value_clip=0.3), theirs) > 1e-2
    # As V has moved away everywhere, ours is the loss without a clip.
    plain = our_gradient(before, data)
    assert largest_error(our_gradient(before, data, value_clip=0.3), plain) < 1e-5
