"""World models: likelihoods, dreams done by hand, λ-returns, and gradients through all of them."""

import math

import pytest
import torch
from torch.nn import functional

from course_lib.reference import (
    discounted_return,
    dream_policy_loss,
    gaussian_entropy,
    gaussian_kl,
    gaussian_nll,
    generalized_advantage,
    imagine,
    lambda_return,
    latent_kl,
    straight_through_categorical,
)
from tests.helpers import double, leaf
from tests.properties import given, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_likelihood_agrees_with_torch_once_dimensions_are_summed():
    mean, log_std, target = draws(0, 20, 3), draws(1, 20, 3), draws(2, 20, 3)
    theirs = functional.gaussian_nll_loss(
        mean, target, (2 * log_std).exp(), full=True, eps=0, reduction="none"
    )
    got = gaussian_nll(mean, log_std, target)
    torch.testing.assert_close(got, theirs.sum(-1).mean())
    # A planted bug: the mean over dimensions.
    assert abs(float(theirs.mean() - got)) > 0.1


def test_the_likelihoods_gradient_by_hand():
    mean, log_std = leaf([[1.0, 2.0]]), leaf([0.0, math.log(2)])
    loss = gaussian_nll(mean, log_std, double([[3.0, 2.0]]))
    torch.testing.assert_close(loss, double(0.5 * 4 + math.log(2) + math.log(2 * math.pi)))
    loss.backward()
    torch.testing.assert_close(mean.grad, double([[1.0 - 3.0, 0.0]]))
    torch.testing.assert_close(log_std.grad, double([1 - 4.0, 1.0]))


def test_the_expected_likelihood_of_the_truth_is_its_entropy():
    log_std = double([0.3, -0.7])
    sample = log_std.exp() * draws(0, 200_000, 2)
    got = gaussian_nll(torch.zeros_like(sample), log_std, sample)
    assert float(got) == pytest.approx(float(gaussian_entropy(log_std)), abs=0.01)


def test_the_latent_kl_is_clipped_for_each_sample_and_not_for_the_mean():
    posterior, prior = leaf([[0.1], [3.0]]), leaf([[0.0], [0.0]])
    zero = leaf([0.0])
    loss = latent_kl(posterior, zero, prior, zero, 1.0)
    torch.testing.assert_close(loss, double((1.0 + 9 / 2) / 2))
    loss.backward()
    torch.testing.assert_close(posterior.grad, double([[0.0], [3.0 / 2]]))
    torch.testing.assert_close(prior.grad, double([[0.0], [-3.0 / 2]]))


def test_the_latent_kl_names_the_posterior_first_and_sums_dimensions():
    inputs = [draws(i, 5, 3) for i in range(4)]
    torch.testing.assert_close(latent_kl(*inputs, 0.0), gaussian_kl(*inputs).mean())
    swapped = latent_kl(*inputs[2:], *inputs[:2], 0.0)
    assert abs(float(swapped - latent_kl(*inputs, 0.0))) > 0.1


def linear_dream(gain, start, noise, horizon):
    """s' = s + a + ½ ε, reward −s'², a = −gain · s: a dream with a closed form."""
    return imagine(
        lambda obs, action: (obs + action, torch.full_like(obs, math.log(0.5))),
        lambda obs: -obs.square().sum(-1),
        lambda obs: -gain * obs,
        start,
        horizon,
        noise,
    )


def test_two_dreamed_steps_by_hand():
    noise = double([[[1.0], [0.0]], [[-2.0], [4.0]]])
    obs, action, reward = linear_dream(0.5, double([[2.0], [-4.0]]), noise, 2)
    first = [0.5 * 2.0 + 0.5, 0.5 * -4.0]
    second = [0.5 * first[0] - 1.0, 0.5 * first[1] + 2.0]
    torch.testing.assert_close(obs, double([[2.0, -4.0], first, second]).unsqueeze(-1))
    torch.testing.assert_close(action, -0.5 * double([[2.0, -4.0], first]).unsqueeze(-1))
    torch.testing.assert_close(reward, -double([first, second]).square())


def test_the_gradient_runs_through_the_whole_dream():
    # Without noise s_T = (1 − gain)^T s_0, so d(−s_T²)/dgain = 2 T (1 − gain)^(2T−1) s_0².
    gain = leaf(0.3)
    noise = torch.zeros(5, 1, 1, dtype=torch.float64)
    _, _, reward = linear_dream(gain, double([[2.0]]), noise, 5)
    (slope,) = torch.autograd.grad(reward[-1].sum(), gain)
    torch.testing.assert_close(slope, double(2 * 5 * 0.7**9 * 4.0))
    # A policy that was not differentiated through the model would know the last step alone.
    assert abs(float(slope) - 2 * 0.7**9 * 4.0) > 0.1


def test_the_shapes_of_a_dream():
    obs, action, reward = imagine(
        lambda obs, action: (obs + action.sum(-1, keepdim=True), torch.zeros(3)),
        lambda obs: obs.sum(-1),
        lambda obs: obs[:, :2],
        torch.ones(4, 3),
        5,
        torch.zeros(5, 4, 3),
    )
    assert (obs.shape, action.shape, reward.shape) == ((6, 4, 3), (5, 4, 2), (5, 4))
    assert torch.equal(obs[0], torch.ones(4, 3))


def test_the_lambda_return_by_hand():
    reward, value = double([[1.0], [2.0]]), double([[10.0], [20.0]])
    discount = double([[0.5], [0.8]])
    last = 2 + 0.8 * (0.6 * 20 + 0.4 * 20)
    first = 1 + 0.5 * (0.6 * 10 + 0.4 * last)
    got = lambda_return(reward, value, discount, 0.4)
    torch.testing.assert_close(got, double([[first], [last]]))


SIZES = (st.integers(0, 2**20), st.integers(1, 6), st.integers(1, 4))


@given(*SIZES, st.floats(0, 1))
def test_its_limits_are_one_step_and_the_whole_dream(seed, horizon, batch, gamma):
    reward, value = draws(seed, horizon, batch), draws(seed + 1, horizon, batch)
    torch.testing.assert_close(lambda_return(reward, value, gamma, 0.0), reward + gamma * value)
    whole = discounted_return(torch.cat([reward, value[-1:]]), gamma)
    torch.testing.assert_close(lambda_return(reward, value, gamma, 1.0)[0], whole)


@given(*SIZES, st.floats(0, 1), st.floats(0, 1))
def test_it_is_generalized_advantage_plus_the_value(seed, horizon, batch, gamma, gae_lambda):
    reward, values = draws(seed, horizon, batch), draws(seed + 1, horizon + 1, batch)
    never = torch.zeros(horizon, batch, dtype=torch.bool)
    advantage = generalized_advantage(
        reward, values[:-1], values[1:], never, never, gamma, gae_lambda
    )
    got = lambda_return(reward, values[1:], gamma, gae_lambda)
    torch.testing.assert_close(got, advantage + values[:-1])


def test_a_number_as_discount_is_the_same_number_everywhere():
    reward, value = draws(0, 4, 3), draws(1, 4, 3)
    everywhere = torch.full((4, 3), 0.9, dtype=torch.float64)
    torch.testing.assert_close(
        lambda_return(reward, value, 0.9, 0.7), lambda_return(reward, value, everywhere, 0.7)
    )


def test_a_discount_of_zero_ends_the_dream():
    reward, value = draws(0, 4, 1), draws(1, 4, 1)
    discount = torch.full((4, 1), 0.9, dtype=torch.float64)
    discount[1] = 0.0
    got = lambda_return(reward, value, discount, 0.7)
    torch.testing.assert_close(got[1], reward[1])
    changed = lambda_return(reward, value + 100.0, discount, 0.7)
    torch.testing.assert_close(changed[1], got[1])


@pytest.mark.parametrize("scalar", [False, True])
def test_the_dreams_loss_by_hand_and_its_gradients(scalar):
    returns = leaf([[1.0, 2.0], [3.0, 6.0]])
    entropy = leaf(0.5) if scalar else leaf([[0.2, 0.4], [0.6, 0.8]])
    loss = dream_policy_loss(returns, entropy, 0.1)
    torch.testing.assert_close(loss, double(-3.0 - 0.1 * 0.5))
    loss.backward()
    torch.testing.assert_close(returns.grad, torch.full((2, 2), -0.25).double())
    torch.testing.assert_close(entropy.grad, torch.full_like(entropy, -0.1 / entropy.numel()))


def test_straight_through_is_one_hot_forward_and_softmax_backward():
    logits, noise = draws(0, 50, 4).requires_grad_(), draws(1, 50, 4)
    got = straight_through_categorical(logits, noise)
    expected = functional.one_hot((logits + noise).argmax(-1), 4).double()
    assert torch.equal(got.detach(), expected)
    weight = draws(2, 50, 4)
    (slope,) = torch.autograd.grad((weight * got).sum(), logits)
    soft = (weight * (logits + noise).softmax(-1)).sum()
    torch.testing.assert_close(slope, torch.autograd.grad(soft, logits)[0])


def test_bad_input_is_named():
    def dream(**changes):
        inputs = {
            "transition": lambda obs, action: (obs, torch.zeros(3)),
            "reward_model": lambda obs: obs.sum(-1),
            "policy": lambda obs: obs,
            "start_obs": torch.zeros(4, 3),
            "horizon": 2,
            "noise": torch.zeros(2, 4, 3),
        }
        return imagine(**{**inputs, **changes})

    with pytest.raises(ValueError, match=r"noise: expected shape \(2, 4, 3\), got \(3, 4, 3\)"):
        dream(noise=torch.zeros(3, 4, 3))
    with pytest.raises(ValueError, match="horizon: expected at least 1, got 0"):
        dream(horizon=0)
    with pytest.raises(
        ValueError, match=r"reward_model\(obs\): expected shape \(4,\), got \(4, 1\)"
    ):
        dream(reward_model=lambda obs: obs.sum(-1, keepdim=True))
    with pytest.raises(ValueError, match=r"the transition's log_std: expected shape \(4, 3\)"):
        dream(transition=lambda obs, action: (obs, torch.zeros(4, 1)))
    with pytest.raises(ValueError, match=r"discount: expected a scalar or shape \(4, 3\)"):
        lambda_return(torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(4), 0.9)
    with pytest.raises(ValueError, match="gae_lambda: expected a number in"):
        lambda_return(torch.zeros(4, 3), torch.zeros(4, 3), 0.9, 1.9)
    with pytest.raises(ValueError, match="free_nats: expected a number of at least 0"):
        latent_kl(*(torch.zeros(2, 1),) * 4, -1.0)
    with pytest.raises(ValueError, match="target: expected shape"):
        gaussian_nll(torch.zeros(4, 2), torch.zeros(2), torch.zeros(4))
    with pytest.raises(ValueError, match="entropy: expected a scalar or shape"):
        dream_policy_loss(torch.zeros(4, 2), torch.zeros(4), 0.1)
