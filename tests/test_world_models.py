"""Tests of course_lib.world_models: shapes, bounds, the loss's terms, and slopes through dreams."""

import pytest
import torch

from course_lib.critics import SquashedGaussianPolicy
from course_lib.environments import make_vector
from course_lib.exploring import Explorer
from course_lib.reference import gaussian_nll, imagine, lambda_return, latent_kl
from course_lib.replay import TransitionBatch
from course_lib.sequence_replay import SequenceReplay
from course_lib.world_models import WorldModel

LATENT = 4


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pendulum(num_envs=3):
    return make_vector("Pendulum-v1", num_envs, seed=0)


def world(hidden=(8,), seed=0):
    return WorldModel(pendulum(), LATENT, hidden, generator(seed))


def replayed(steps=60, num_envs=3):
    """A buffer of random swinging, with rewards scaled to be near 1."""
    explorer = Explorer(pendulum(num_envs), 10_000, seed=0, reward_scale=0.1)
    explorer.buffer = SequenceReplay(10_000, (3,), (1,), 0, num_envs)
    explorer.warm_up(steps * num_envs, generator())
    return explorer.buffer


def test_leading_axes_are_free():
    model = world()
    obs, action = torch.zeros(5, 2, 3), torch.zeros(5, 2, 1)
    mean, log_std = model.encode(obs)
    assert mean.shape == log_std.shape == (5, 2, LATENT)
    next_mean, next_log_std = model.transition(mean, action)
    assert next_mean.shape == next_log_std.shape == (5, 2, LATENT)
    assert model.decode(mean).shape == (5, 2, 3)
    assert model.reward_model(mean).shape == (5, 2)


def test_what_comes_in_is_divided_by_its_typical_size_and_decoded_back():
    model = world(hidden=())
    weight, bias = model.encoder.net[0].weight, model.encoder.net[0].bias
    expected = weight[:LATENT, 2] + bias[:LATENT]
    # Without hidden layers the mean is linear: a speed of 4 counts as 1.
    torch.testing.assert_close(model.encode(torch.tensor([0.0, 0.0, 4.0]))[0], expected)
    latent = torch.ones(LATENT)
    torch.testing.assert_close(
        model.decode(latent), torch.tensor([1.0, 1.0, 4.0]) * model.decoder(latent)
    )
    change = model.change.net[0].weight[:LATENT, LATENT]
    torch.testing.assert_close(
        model.transition(latent, torch.tensor([2.0]))[0],
        model.transition(latent, torch.tensor([0.0]))[0] + change,
    )


def test_no_dream_pays_more_or_less_than_what_was_paid():
    model = world()
    with torch.no_grad():
        model.reward[-1].weight *= 1_000
    latent = torch.randn(500, LATENT, generator=generator())
    model.widen_bounds(torch.tensor([[-1.0, -0.5]]))
    model.widen_bounds(torch.tensor([-0.7, 0.25]))
    promised = model.reward_model(latent)
    assert promised.min() == -1.0
    assert promised.max() == 0.25
    assert not torch.equal(promised, model.reward(latent).squeeze(-1))


def test_following_with_silent_noise_is_the_transitions_mean_again_and_again():
    model = world()
    latent, action = torch.randn(5, LATENT, generator=generator()), torch.ones(3, 5, 1)
    means, log_stds = model.follow(latent, action, torch.zeros(3, 5, LATENT))
    for t in range(3):
        expected, log_std = model.transition(latent, action[t])
        assert torch.equal(means[t], expected)
        assert torch.equal(log_stds[t], log_std)
        latent = expected


def test_the_loss_is_the_sum_of_its_three_terms_taken_from_dream_and_encoder():
    model, batch = world(), replayed().sample_sequences(16, 3)
    seen = {}

    def divergence(mean, log_std, prior_mean, prior_log_std, free_nats):
        seen.update(posterior=mean, prior=prior_mean, free=free_nats)
        return latent_kl(mean, log_std, prior_mean, prior_log_std, free_nats)

    loss, terms = model.loss(batch, 0.5, generator(), divergence=divergence)
    torch.testing.assert_close(loss, sum(terms.values()))
    assert list(terms) == ["observation_nll", "reward_nll", "kl"]
    assert seen["free"] == 0.5
    assert torch.equal(seen["posterior"], model.encode(batch.next_obs)[0].flatten(0, 1))
    # The dream hangs on the first observation alone, what the encoder is compared with on all.
    later = batch._replace(obs=batch.obs.clone(), next_obs=batch.next_obs + 1)
    later.obs[1:] += 1
    before = dict(seen)
    model.loss(later, 0.5, generator(), divergence=divergence)
    assert torch.equal(seen["prior"], before["prior"])
    assert not torch.equal(seen["posterior"], before["posterior"])


def test_the_likelihoods_are_of_scaled_observations_and_of_the_rewards_they_led_to():
    model, batch = world(), replayed().sample_sequences(16, 3)
    seen = []

    def likelihood(mean, log_std, target):
        seen.append(target)
        return gaussian_nll(mean, log_std, target)

    model.loss(batch, 0.5, generator(), likelihood)
    obs = torch.cat((batch.obs, batch.next_obs[-1:])) / torch.tensor([1.0, 1.0, 4.0])
    assert torch.equal(seen[0], obs.flatten(0, 1))
    assert torch.equal(seen[1], batch.reward.reshape(-1, 1))


def test_every_parameter_learns_from_the_loss():
    model = world()
    model.loss(replayed().sample_sequences(16, 3), 0.0, generator())[0].backward()
    assert all(one.grad.abs().max() > 0 for one in model.parameters())


def test_an_episode_that_terminated_is_refused_for_dreams_do_not_end():
    batch = replayed().sample_sequences(4, 3)
    ended = TransitionBatch(*batch[:-1], torch.ones(3, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="dreams do not end, but 12 of the steps terminated"):
        world().loss(ended, 0.5, generator())


def test_discrete_actions_are_refused():
    with pytest.raises(ValueError, match="CartPole has discrete actions"):
        WorldModel(make_vector("CartPole-v1", 1), LATENT)


def dreamed_return(model, actor, parameters, transition=None, seed=3):
    """J of a dream with fixed noise, as a function of the actor's parameters."""
    torch.nn.utils.vector_to_parameters(parameters, actor.parameters())
    start = torch.randn(6, LATENT, generator=generator(seed), dtype=torch.float64)
    noise = torch.randn(5, 6, LATENT, generator=generator(seed + 1), dtype=torch.float64)
    random = generator(seed + 2)
    latent, _, reward = imagine(
        transition or model.transition, model.reward_model, lambda z: actor.act(z, random)[0],
        start, 5, noise,
    )  # fmt: skip
    return lambda_return(reward, latent[1:].sum(-1), 0.9, 0.8).mean()


def test_the_slope_of_a_dream_agrees_with_finite_differences():
    model = world().double()
    model.widen_bounds(torch.tensor([-1e3, 1e3]))
    actor = SquashedGaussianPolicy(LATENT, 1, -2.0, 2.0, (8,), generator(1)).double()
    theta = torch.nn.utils.parameters_to_vector(actor.parameters()).detach()

    def slope(transition=None):
        value = dreamed_return(model, actor, theta, transition)
        return torch.cat(
            [one.flatten() for one in torch.autograd.grad(value, [*actor.parameters()])]
        )

    direction = torch.randn(4, len(theta), generator=generator(2), dtype=torch.float64)
    with torch.no_grad():
        numeric = torch.stack([
            dreamed_return(model, actor, theta + 1e-5 * one)
            - dreamed_return(model, actor, theta - 1e-5 * one)
            for one in direction
        ]) / 2e-5  # fmt: skip
    torch.testing.assert_close(direction @ slope(), numeric, rtol=1e-5, atol=1e-9)
    # A planted bug: the dream is cut after every step, so that no action has later consequences.
    cut = slope(lambda latent, action: model.transition(latent.detach(), action))
    assert ((direction @ cut - numeric).abs() > 0.05 * numeric.abs()).any()


def rms(error):
    """The root mean squared length of (B, S) errors."""
    return error.square().sum(-1).mean().sqrt().item()


@pytest.mark.slow
def test_what_was_learned_from_sequences_predicts_better_than_standing_still():
    model, buffer = world((64, 64)), replayed(100, num_envs=6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(500):
        loss, _ = model.loss(buffer.sample_sequences(64, 4), 0.5, generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fresh = Explorer(make_vector("Pendulum-v1", 50, seed=77), 1_000, seed=1)
    fresh.buffer = SequenceReplay(1_000, (3,), (1,), 1, 50)
    fresh.warm_up(50 * 10, generator(5))
    batch = fresh.buffer.sample_sequences(200, 10)
    with torch.no_grad():
        first = model.encode(batch.obs[0])[0]
        means, _ = model.follow(first, batch.action, torch.zeros(10, *first.shape))
        error = (model.decode(means[-1]) - batch.next_obs[-1]) / model.observation_scale
        still = (batch.obs[0] - batch.next_obs[-1]) / model.observation_scale
    assert rms(error) < 0.5 * rms(still)
