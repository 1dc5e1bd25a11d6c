"""Tests of course_lib.policies: what is sampled is what log_prob and entropy are about."""

import math

import pytest
import torch

from course_lib.policies import (
    BetaPolicy,
    CategoricalPolicy,
    Critic,
    GaussianPolicy,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def policies():
    """One of each kind, with larger weights than at the start, so that observations matter."""
    made = [
        CategoricalPolicy(4, 3, (16,), generator()),
        GaussianPolicy(4, 2, (16,), generator(), action_scale=0.6),
        BetaPolicy(4, 2, -2.0, 3.0, (16,), generator()),
    ]
    with torch.no_grad():
        for policy in made:
            for parameter in policy.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(10)
    return made


def draws(policy, count=40_000):
    obs = torch.tensor([[0.3, -0.2, 0.5, 0.1]]).expand(count, 4)
    return obs, policy.sample(obs, generator(1))


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_shapes_follow_the_leading_axes(policy):
    obs = torch.randn(5, 4, generator=generator())
    action = policy.sample(obs, generator())
    assert not action.requires_grad
    obs, action = obs.expand(2, 5, 4), action.expand(2, *action.shape)
    assert policy.log_prob(obs, action).shape == policy.entropy(obs).shape == (2, 5)


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_the_mean_of_minus_log_prob_over_samples_is_the_entropy(policy):
    obs, action = draws(policy)
    surprise = -policy.log_prob(obs, action)
    standard_error = surprise.std().item() / math.sqrt(len(surprise))
    assert abs(surprise.mean() - policy.entropy(obs[:1])).item() < 4 * standard_error


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_the_mean_score_over_samples_is_zero(policy):
    # E[∇ log π] = 0 holds only if samples and log_prob belong to the same distribution.
    obs, action = draws(policy)
    weight = next(parameter for parameter in policy.parameters() if parameter.ndim == 2)
    halves = [
        torch.autograd.grad(policy.log_prob(obs[part], action[part]).mean(), weight)[0]
        for part in (slice(0, 20_000), slice(20_000, 40_000))
    ]
    one = torch.autograd.grad(policy.log_prob(obs[:1], action[:1]).sum(), weight)[0]
    for half in halves:
        assert half.norm() < 0.1 * one.norm()


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_sampling_depends_on_the_given_generator_alone(policy):
    before = torch.get_rng_state()
    obs = torch.zeros(50, 4)
    first, again = policy.sample(obs, generator(3)), policy.sample(obs, generator(3))
    assert torch.equal(first, again)
    assert not torch.equal(first, policy.sample(obs, generator(4)))
    assert torch.equal(torch.get_rng_state(), before)


def test_samples_of_a_categorical_policy_have_the_softmax_frequencies():
    policy = policies()[0]
    obs, action = draws(policy)
    frequency = torch.bincount(action, minlength=3) / len(action)
    expected = policy.logits(obs[:1]).softmax(-1)[0]
    assert torch.allclose(frequency, expected, atol=4 * math.sqrt(0.25 / len(action)))


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_one_pass_gives_the_same_log_prob_and_entropy_as_two_and_the_same_gradients(policy):
    obs = torch.randn(5, 4, generator=generator())
    action = policy.sample(obs, generator())
    both = policy.log_prob_and_entropy(obs, action)
    apart = policy.log_prob(obs, action), policy.entropy(obs)
    weights = list(policy.parameters())
    for one, two in zip(both, apart, strict=True):
        assert torch.equal(one, two)
        gradients = [
            torch.autograd.grad(part.sum(), weights, materialize_grads=True, retain_graph=True)
            for part in (one, two)
        ]
        assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


def test_the_action_scale_is_the_unit_of_the_mean_and_the_spread_to_start_with():
    small, large = (
        GaussianPolicy(4, 2, (16,), generator(), action_scale=scale) for scale in (1.0, 2.0)
    )
    obs = torch.randn(5, 4, generator=generator())
    assert torch.equal(large.mean(obs), 2 * small.mean(obs))
    assert torch.allclose(large.log_std.exp(), torch.tensor([2.0, 2.0]))
    assert torch.equal(small.log_std, torch.zeros(2))


def test_beta_actions_stay_strictly_inside_the_bounds_even_for_a_sharp_policy():
    policy = BetaPolicy(4, 1, -1.0, 1.0, (16,), generator())
    with torch.no_grad():
        policy.net[-1].bias.copy_(torch.tensor([5_000.0, -50.0]))
    obs, action = draws(policy, 1_000)
    assert ((action > -1) & (action < 1)).all()
    assert torch.isfinite(policy.log_prob(obs, action)).all()


def test_the_entropy_of_a_flat_beta_policy_is_that_of_the_uniform_distribution():
    policy = BetaPolicy(4, 1, -2.0, 3.0, (16,), generator())
    with torch.no_grad():
        policy.net[-1].bias.fill_(-50.0)  # softplus(−50) = 0: both concentrations are 1
    assert policy.entropy(torch.zeros(1, 4)).item() == pytest.approx(math.log(5), abs=1e-5)


def test_a_new_policy_is_nearly_uniform():
    probability = (
        CategoricalPolicy(4, 2, generator=generator()).logits(torch.ones(1, 4)).softmax(-1)
    )
    assert torch.allclose(probability, torch.full((1, 2), 0.5), atol=0.02)


def test_a_readers_own_functions_are_used():
    def sample(logits, generator):
        return torch.full((len(logits),), 2)

    policy = CategoricalPolicy(4, 3, sample=sample, entropy=lambda logits: logits.sum(-1) * 0 + 7)
    obs = torch.zeros(5, 4)
    assert policy.sample(obs, generator()).tolist() == [2] * 5
    assert policy.entropy(obs).tolist() == [7] * 5


def test_a_critic_has_no_trailing_axis():
    critic = Critic(4, (8,), generator())
    assert critic(torch.zeros(4)).shape == ()
    assert critic(torch.zeros(3, 5, 4)).shape == (3, 5)


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_the_divergence_from_itself_is_zero_and_so_is_its_gradient(policy):
    obs = torch.randn(5, 4, generator=generator())
    old = tuple(part.detach().clone() for part in policy.distribution(obs))
    divergence = policy.kl(old, obs)
    assert divergence.shape == (5,)
    assert divergence.abs().max() < 1e-6
    gradient = torch.autograd.grad(divergence.sum(), list(policy.parameters()))
    assert max(part.abs().max() for part in gradient) < 1e-5


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: type(policy).__name__)
def test_the_divergence_is_the_mean_log_ratio_over_samples_of_the_old_policy(policy):
    obs, action = draws(policy)
    with torch.no_grad():
        old, old_log_prob = policy.distribution(obs), policy.log_prob(obs, action)
        old = tuple(part.clone() for part in old)
        noise = generator(2)
        for parameter in policy.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=noise)
        log_ratio = old_log_prob - policy.log_prob(obs, action)
        standard_error = log_ratio.std().item() / math.sqrt(len(log_ratio))
        divergence = policy.kl(old, obs)[0].item()
    assert divergence > 0.001
    assert abs(log_ratio.mean().item() - divergence) < 4 * standard_error
