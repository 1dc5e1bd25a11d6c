"""Tests of course_lib.algorithms.reinforce_baseline: what is subtracted, and when."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from course_lib.algorithms import ReinforceBaselineConfig, reinforce_baseline
from course_lib.reference import baseline_loss, sample_categorical, value_loss_monte_carlo

SMALL = ReinforceBaselineConfig(episodes_per_update=4, value_epochs=2, hidden=(8,))
NO_BASELINE = replace(SMALL, subtract_value=False)


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach().clone()


def trained(updates=3, environment_id="CartPole-v1", config=SMALL, seed=0, **functions):
    *_, last = islice(reinforce_baseline(environment_id, config, seed, **functions), updates)
    return last


def recorded(updates, config=SMALL, environment_id="CartPole-v1"):
    """What the loss was given in each update: (log_prob, reward_to_go, baseline)."""
    seen = []

    def spy(log_prob, reward_to_go, baseline):
        seen.append((log_prob.detach(), reward_to_go, baseline))
        return baseline_loss(log_prob, reward_to_go, baseline)

    trained(updates, environment_id, config, loss=spy)
    return seen


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    first, again, other = (weights(trained(seed=seed).policy) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained().policy)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained().policy), first)


def test_the_loss_sees_every_real_step_once_and_no_padding():
    seen = []
    progress = trained(1, loss=lambda *given: seen.append(given) or baseline_loss(*given))
    ((log_prob, reward_to_go, baseline),) = seen
    steps = int(sum(progress.finished_returns))  # reward 1 a step
    assert log_prob.shape == reward_to_go.shape == baseline.shape == (steps,)
    assert progress.env_steps == steps
    # Of an episode of n steps the first is followed by (1 − γⁿ)/(1 − γ) rewards, here scaled.
    longest = max(progress.finished_returns)
    expected = SMALL.reward_scale * (1 - SMALL.gamma**longest) / (1 - SMALL.gamma)
    assert reward_to_go.max().item() == pytest.approx(expected, rel=1e-4)
    assert (log_prob < 0).all()


def test_only_the_log_probability_is_to_be_learned_from_the_policys_loss():
    seen = []
    trained(1, loss=lambda *given: seen.append(given) or baseline_loss(*given))
    assert [part.requires_grad for part in seen[0]] == [True, False, False]


def test_the_baseline_is_the_value_before_it_has_seen_these_episodes():
    # Nothing is learned by V in the first update's loss: its baselines are those of a new network,
    # however often V is fitted afterwards; the second update's are not.
    few, many = (recorded(2, replace(SMALL, value_epochs=epochs)) for epochs in (1, 20))
    assert torch.equal(few[0][2], many[0][2])
    assert torch.equal(few[1][1], many[1][1])  # the same episodes: V has not touched the policy
    assert not torch.allclose(few[1][2], many[1][2], atol=1e-3)


def test_without_a_baseline_nothing_is_subtracted_and_all_else_is_the_same():
    with_value, without = recorded(1), recorded(1, NO_BASELINE)
    assert torch.equal(with_value[0][0], without[0][0])
    assert torch.equal(with_value[0][1], without[0][1])
    assert not without[0][2].any()
    assert with_value[0][2].any()


def test_the_value_comes_to_predict_the_return():
    # Probe 3: reward 1 after two steps, so V(0) = γ and V(1) = 1, times the scale of rewards.
    config = replace(SMALL, gamma=0.7, value_epochs=10, hidden=(16,))
    critic = trained(60, "Probe3-v0", config).critic
    value = critic(torch.tensor([[0.0], [1.0]])).detach() / SMALL.reward_scale
    assert value.tolist() == pytest.approx([0.7, 1.0], abs=0.02)


def test_the_better_action_is_learned_and_unlearned_with_the_sign_flipped():
    def flipped(log_prob, reward_to_go, baseline):
        return -baseline_loss(log_prob, reward_to_go, baseline)

    def share_of_the_better_action(loss):
        config = ReinforceBaselineConfig(episodes_per_update=32, hidden=(8,))
        policy = trained(60, "Probe4-v0", config, loss=loss).policy
        return policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1].item()

    assert share_of_the_better_action(baseline_loss) > 0.9
    assert share_of_the_better_action(flipped) < 0.1


GIVEN = {
    "loss": (baseline_loss, lambda log_prob, *rest: log_prob.sum()),
    "value_loss": (value_loss_monte_carlo, lambda value, reward_to_go: value.square().mean()),
    "sample": (
        sample_categorical,
        lambda logits, generator: torch.ones(len(logits), dtype=torch.int64),
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_each_given_function_is_really_used(name):
    same, other = GIVEN[name]
    reference = weights(trained().policy)
    assert torch.equal(weights(trained(**{name: same}).policy), reference)
    assert not torch.equal(weights(trained(**{name: other}).policy), reference)


def test_a_loss_that_is_no_number_stops_the_run_and_names_update_and_term():
    def broken(value, reward_to_go):
        return value_loss_monte_carlo(value, reward_to_go) * float("nan")

    with pytest.raises(ValueError, match=r"update 1: the loss is nan; all its inputs are finite"):
        trained(1, value_loss=broken)
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; all its inputs are finite"):
        trained(1, loss=lambda log_prob, *rest: log_prob.sum() * float("nan"))
    with pytest.raises(ValueError, match=r"update 1: the loss is nan; reward_to_go already"):
        trained(1, config=replace(SMALL, reward_scale=float("nan")))


@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
def test_continuous_actions_train_with_both_distributions(distribution):
    config = replace(SMALL, distribution=distribution)
    progress = trained(2, "ContinuousCartPole-v0", config)
    assert torch.isfinite(weights(progress.policy)).all()
