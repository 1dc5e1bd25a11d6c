"""Tests of course_lib.algorithms.reinforce: the loop, not the losses."""

import dataclasses
from itertools import islice

import pytest
import torch

from course_lib.algorithms import ReinforceConfig, reinforce
from course_lib.reference import (
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
    sample_categorical,
)

SMALL = ReinforceConfig(episodes_per_update=4, hidden=(8,))


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(updates=3, environment_id="CartPole-v1", config=SMALL, seed=0, **functions):
    *_, last = islice(reinforce(environment_id, config, seed, **functions), updates)
    return last


def test_a_seed_gives_the_same_training_and_another_seed_another_one():
    assert torch.equal(weights(trained(seed=1)), weights(trained(seed=1)))
    assert not torch.equal(weights(trained(seed=1)), weights(trained(seed=2)))


def test_training_neither_uses_nor_changes_the_global_random_numbers():
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained()), first)


@pytest.mark.parametrize("loss", [reinforce_loss, reinforce_to_go_loss])
def test_the_given_loss_is_the_one_that_is_minimised(loss):
    assert not torch.equal(weights(trained(loss=loss)), weights(trained()))
    assert torch.equal(weights(trained(loss=reinforce_practical_loss)), weights(trained()))


def test_the_loss_sees_padded_columns_time_first():
    seen = []

    def spy(log_prob, reward, gamma):
        seen.append((log_prob.detach(), reward, gamma))
        return reinforce_practical_loss(log_prob, reward, gamma)

    progress = trained(1, loss=spy)
    ((log_prob, reward, gamma),) = seen
    assert log_prob.shape == reward.shape == (max(progress.finished_returns), 4)
    assert gamma == SMALL.gamma
    assert reward.sum(0).tolist() == progress.finished_returns
    assert torch.equal(log_prob != 0, reward != 0)


def test_more_padding_changes_nothing():
    def padded(log_prob, reward, gamma):
        nothing = torch.zeros(7, log_prob.shape[1])
        return reinforce_practical_loss(
            torch.cat([log_prob, nothing]), torch.cat([reward, nothing]), gamma
        )

    # Longer sums may be rounded otherwise, so the weights agree to float32's accuracy.
    assert torch.allclose(weights(trained(1, loss=padded)), weights(trained(1)), atol=1e-6)


def test_the_given_sample_function_chooses_the_actions():
    assert torch.equal(weights(trained(sample=sample_categorical)), weights(trained()))

    def always_right(logits, generator):
        return torch.ones(len(logits), dtype=torch.int64)

    progress = trained(1, sample=always_right)
    # Pushed to one side from the start, the pole falls within eight to eleven steps.
    assert all(7 < episode_return < 12 for episode_return in progress.finished_returns)


def test_every_step_of_every_episode_is_counted():
    progress = list(islice(reinforce("CartPole-v1", SMALL, 0), 3))
    assert all(len(step.finished_returns) == 4 for step in progress)
    expected = [sum(step.finished_returns) for step in progress]  # reward 1 a step
    assert [step.env_steps for step in progress] == [
        expected[0],
        expected[0] + expected[1],
        sum(expected),
    ]


def test_a_loss_that_is_no_number_stops_the_run_and_says_where():
    calls = []

    def breaks_later(log_prob, reward, gamma):
        calls.append(log_prob)
        factor = float("nan") if len(calls) == 3 else 1.0
        return factor * reinforce_practical_loss(log_prob, reward, gamma)

    with pytest.raises(ValueError, match=r"update 3: the loss is nan; all its inputs are finite"):
        trained(5, loss=breaks_later)


def test_a_broken_input_is_named():
    config = dataclasses.replace(SMALL, learning_rate=float("inf"))
    with pytest.raises(ValueError, match=r"update 2: the loss is nan; log_prob already"):
        trained(
            2, config=config, sample=lambda logits, generator: torch.zeros(4, dtype=torch.int64)
        )


def test_a_loss_that_is_no_scalar_is_refused():
    with pytest.raises(ValueError, match=r"must be a scalar, got \(\d+, 4\)"):
        trained(1, loss=lambda log_prob, reward, gamma: -log_prob * reward)


@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
def test_continuous_actions_train_with_both_distributions(distribution):
    config = dataclasses.replace(SMALL, distribution=distribution)
    progress = trained(2, "ContinuousCartPole-v0", config)
    assert torch.isfinite(weights(progress)).all()


def test_the_sign_of_the_loss_decides_between_learning_and_unlearning():
    def flipped(log_prob, reward, gamma):
        return -reinforce_practical_loss(log_prob, reward, gamma)

    def share_of_the_better_action(loss):
        config = ReinforceConfig(episodes_per_update=32, hidden=(8,))
        policy = trained(60, "Probe4-v0", config, loss=loss).policy
        return policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1].item()

    assert share_of_the_better_action(reinforce_practical_loss) > 0.9
    assert share_of_the_better_action(flipped) < 0.1
