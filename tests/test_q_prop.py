"""Q-Prop: by hand, exact for critics that are linear, and unbiased whatever the critic."""

import pytest
import torch
from torch import nn

from course_lib.reference import dpg_loss, gaussian_log_prob, qprop_baseline, qprop_loss
from tests.helpers import double, leaf

OBS = double([[1.0], [3.0]])


def cubic(obs, action):
    return obs.squeeze(-1) + action.pow(3).sum(-1)


def test_the_taylor_expansion_by_hand():
    action, mean = double([[2.0, 1.0], [0.0, 5.0]]), double([[1.0, 1.0], [2.0, 4.0]])
    got = qprop_baseline(cubic, OBS, action, mean)
    first = 1 + (1 + 1) + 3 * 1 * (2 - 1)
    second = 3 + (8 + 64) + 3 * 4 * (0 - 2) + 3 * 16 * (5 - 4)
    torch.testing.assert_close(got, double([first, second]))


def test_the_expansion_of_a_linear_critic_is_the_critic():
    def linear(obs, action):
        return 2 * obs.squeeze(-1) - 3 * action.sum(-1)

    action, mean = torch.randn(2, 2, 4, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(qprop_baseline(linear, OBS, action, mean), linear(OBS, action))


def test_the_baseline_carries_no_gradient_and_leaves_the_critic_alone():
    layer = nn.Bilinear(1, 2, 1).double()
    action, mean = leaf([[2.0, 1.0], [0.0, 5.0]]), leaf([[1.0, 1.0], [2.0, 4.0]])
    with torch.no_grad():
        got = qprop_baseline(lambda o, a: layer(o, a).squeeze(-1), OBS, action, mean)
    assert not got.requires_grad
    assert all(parameter.grad is None for parameter in layer.parameters())
    assert mean.grad is None


def test_the_loss_by_hand_and_its_gradients():
    log_prob, advantage, known = leaf([-0.5, -1.0]), leaf([3.0, 4.0]), leaf([1.0, 6.0])
    weight = leaf(0.5)
    loss = qprop_loss(log_prob, advantage, known, OBS, lambda obs: weight * obs, cubic)
    likelihood = -((3 - 1) * -0.5 + (4 - 6) * -1.0) / 2
    pathwise = -((1 + 0.5**3) + (3 + 1.5**3)) / 2
    torch.testing.assert_close(loss, double(likelihood + pathwise))
    loss.backward()
    torch.testing.assert_close(log_prob.grad, double([-(3 - 1) / 2, -(4 - 6) / 2]))
    torch.testing.assert_close(weight.grad, double(-(3 * 0.25 + 3 * 0.25 * 27) / 2))
    assert advantage.grad is None
    assert known.grad is None


def hermite(count=40):
    """Nodes and weights with which E[f(ε)] of a standard Gaussian is exact for polynomials."""
    position = torch.arange(1, count, dtype=torch.float64).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(position, 1) + torch.diag(position, -1))
    return nodes, vectors[0].square()


@pytest.mark.parametrize("slope", [0.0, 1.0, -7.0])
def test_the_gradient_is_unbiased_whatever_the_critic(slope):
    # The truth is A(a) = a³; the critic believes slope · a + a². E over a ~ N(w, 1) by quadrature.
    nodes, probability = hermite()
    weight = leaf(0.7)
    action = (weight.detach() + nodes).unsqueeze(-1)
    obs = torch.ones_like(action)

    def critic(obs, action):
        return (slope * action + action.square()).squeeze(-1)

    def policy(obs):
        return weight * obs

    mean = policy(obs).detach()
    known = qprop_baseline(critic, obs, action, mean) - critic(obs, mean)
    zero = torch.zeros(1, dtype=torch.float64)
    total = double(0.0)
    for i in range(len(nodes)):
        row = slice(i, i + 1)
        log_prob = gaussian_log_prob(policy(obs[row]), zero, action[row])
        truth = action[row, 0].pow(3)
        total = total + probability[i] * qprop_loss(
            log_prob, truth, known[row], obs[row], policy, critic
        )
    (slope_of_loss,) = torch.autograd.grad(total, weight)
    torch.testing.assert_close(slope_of_loss, -double(3 * (0.7**2 + 1)))


def test_dpg_alone_would_believe_the_critic():
    weight = leaf(0.7)
    loss = dpg_loss(double([[1.0]]), lambda obs: weight * obs, lambda obs, a: -7 * a.squeeze(-1))
    (slope,) = torch.autograd.grad(loss, weight)
    assert float(slope) > 0 > -3 * (0.7**2 + 1)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"mean_action: expected shape \(2, 1\) like action"):
        qprop_baseline(cubic, OBS, torch.zeros(2, 1), torch.zeros(2))
    with pytest.raises(ValueError, match="baseline_advantage: expected shape"):
        qprop_loss(torch.zeros(2), torch.zeros(2), torch.zeros(3), OBS, torch.tanh, cubic)
