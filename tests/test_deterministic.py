"""DPG, DDPG and TD3: by hand on networks that are formulas, and against Stable-Baselines3."""

import copy

import pytest
import torch
from torch import nn

from course_lib.reference import (
    critic_loss,
    ddpg_target,
    dpg_loss,
    td3_target,
    update_target,
)
from tests.helpers import double, leaf
from tests.peers import (
    columns,
    feed_replay,
    gradient_of,
    largest_error,
    peer_model,
    peer_step,
    random_transitions,
    step_of,
)

NEXT_OBS = double([[1.0, 2.0], [3.0, 4.0], [-5.0, 6.0]])
REWARD, TERMINATED = double([10.0, 20.0, 30.0]), torch.tensor([False, True, False])


def first_entry(obs):
    return obs[:, :1]


def total(obs, action):
    return obs.sum(-1) + action.sum(-1)


def ten_times(obs, action):
    return 10 * action.sum(-1)


def test_the_target_of_ddpg_by_hand():
    got = ddpg_target(REWARD, NEXT_OBS, TERMINATED, first_entry, total, 0.5)
    torch.testing.assert_close(got, double([10 + 0.5 * (3 + 1), 20.0, 30 + 0.5 * (1 - 5)]))


def test_the_target_of_td3_by_hand():
    # Noise 3 and −0.2 and 3 is clipped to 0.5, −0.2, 0.5; then the action to [−4, 1.2].
    noise = double([[3.0], [-0.2], [3.0]])
    got = td3_target(
        REWARD, NEXT_OBS, TERMINATED, first_entry, total, ten_times, 0.5, noise, 0.5, -4.0, 1.2
    )
    first, last = min(3 + 1.2, 10 * 1.2), min(1 - 4.0, 10 * -4.0)
    torch.testing.assert_close(got, double([10 + 0.5 * first, 20.0, 30 + 0.5 * last]))


def test_td3_without_noise_and_with_one_critic_is_ddpg():
    got = td3_target(
        REWARD, NEXT_OBS, TERMINATED, first_entry, total, total, 0.9,
        torch.zeros(3, 1).double(), 0.5, -100.0, 100.0,
    )  # fmt: skip
    expected = ddpg_target(REWARD, NEXT_OBS, TERMINATED, first_entry, total, 0.9)
    torch.testing.assert_close(got, expected)


def test_targets_carry_no_gradient():
    policy = nn.Linear(2, 1).double()
    critic = nn.Bilinear(2, 1, 1).double()

    def q_function(obs, action):
        return critic(obs, action).squeeze(-1)

    target = ddpg_target(REWARD, NEXT_OBS, TERMINATED, policy, q_function, 0.9)
    smoothed = td3_target(
        REWARD, NEXT_OBS, TERMINATED, policy, q_function, q_function, 0.9,
        torch.zeros(3, 1).double(), 0.5, -1.0, 1.0,
    )  # fmt: skip
    assert not target.requires_grad
    assert not smoothed.requires_grad


def test_the_policy_climbs_the_critic():
    # Q = −(a − 2 s)², μ = w s: −dL/dw = mean ∂Q/∂a · s = mean −2 (w − 2) s².
    obs, weight = double([[1.0], [3.0]]), leaf(0.5)

    def parabola(obs, action):
        return -(action - 2 * obs).square().squeeze(-1)

    loss = dpg_loss(obs, lambda obs: weight * obs, parabola)
    torch.testing.assert_close(loss, double((1.5**2 * 1 + 1.5**2 * 9) / 2))
    loss.backward()
    torch.testing.assert_close(weight.grad, double(2 * (0.5 - 2) * (1 + 9) / 2))


def test_a_critic_that_returns_a_column_is_refused():
    def column(obs, action):
        return total(obs, action).unsqueeze(-1)

    message = r"q_function\(obs, action\): expected shape \(3,\), got \(3, 1\)"
    with pytest.raises(ValueError, match=message):
        dpg_loss(NEXT_OBS, first_entry, column)
    with pytest.raises(ValueError, match=message):
        ddpg_target(REWARD, NEXT_OBS, TERMINATED, first_entry, column, 0.9)


def test_other_bad_input_is_named():
    def target(**changes):
        inputs = {
            "reward": REWARD,
            "next_obs": NEXT_OBS,
            "terminated": TERMINATED,
            "target_policy": first_entry,
            "target_q1": total,
            "target_q2": total,
            "gamma": 0.9,
            "noise": torch.zeros(3, 1).double(),
            "noise_clip": 0.5,
            "low": -1.0,
            "high": 1.0,
        }
        return td3_target(**{**inputs, **changes})

    with pytest.raises(ValueError, match=r"noise: expected shape \(3, 1\), got \(3,\)"):
        target(noise=torch.zeros(3))
    with pytest.raises(ValueError, match="noise_clip: expected a number of at least 0"):
        target(noise_clip=-0.5)
    with pytest.raises(ValueError, match=r"high: expected a bound of at least low = -1\.0, got -2"):
        target(high=-2.0)
    with pytest.raises(ValueError, match=r"reward: expected shape \(3,\), got \(2,\)"):
        target(reward=REWARD[:2])
    with pytest.raises(ValueError, match="gamma: expected a number in"):
        target(gamma=1.5)


class WithBuffer(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.weight = nn.Parameter(double([number, 2 * number]))
        self.register_buffer("count", torch.tensor(int(number)))


def test_a_target_network_moves_by_its_rate_and_copies_buffers():
    target, online = WithBuffer(1.0), WithBuffer(5.0)
    assert update_target(target, online, 0.25) is None
    torch.testing.assert_close(target.weight.data, double([1 + 0.25 * 4, 2 + 0.25 * 8]))
    assert int(target.count) == 5
    torch.testing.assert_close(online.weight.data, double([5.0, 10.0]))
    assert target.weight.requires_grad
    assert target.weight.grad_fn is None


@pytest.mark.parametrize(("rate", "expected"), [(0.0, 1.0), (1.0, 5.0)])
def test_a_rate_of_zero_stays_and_a_rate_of_one_copies(rate, expected):
    target = WithBuffer(1.0)
    update_target(target, WithBuffer(5.0), rate)
    assert torch.equal(target.weight.data, double([expected, 2 * expected]))


def test_shared_weights_move_once():
    target = nn.Sequential(layer := nn.Linear(2, 2), layer)
    online = copy.deepcopy(target)
    with torch.no_grad():
        online[0].weight += 1.0
    before = target[0].weight.detach().clone()
    update_target(target, online, 0.5)
    torch.testing.assert_close(target[0].weight.detach(), before + 0.5)


def test_networks_that_differ_are_refused_before_anything_changes():
    target = nn.Linear(2, 3)
    before = copy.deepcopy(target.state_dict())
    with pytest.raises(ValueError, match=r"online weight: expected shape \(3, 2\), got \(4, 2\)"):
        update_target(target, nn.Linear(2, 4), 0.5)
    with pytest.raises(ValueError, match="online: expected the tensors"):
        update_target(target, nn.Linear(2, 3, bias=False), 0.5)
    with pytest.raises(ValueError, match="target_rate: expected a number in"):
        update_target(target, nn.Linear(2, 3), 1.5)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.fixture(scope="module")
def td3():
    """Stable-Baselines3's TD3 before and after one step on wide noise, and the data it saw."""
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    model = peer_model(
        stable_baselines3.TD3,
        gamma=0.9,
        tau=0.3,
        policy_delay=1,
        target_policy_noise=0.8,
        target_noise_clip=0.5,
    )
    data = random_transitions()
    feed_replay(model, data)
    before, after = peer_step(model, lambda: model.train(1, len(data["reward"])))
    return before, after, data


def our_critic_gradient(before, data, noise_clip=0.5):
    torch.manual_seed(11)
    noise = data["action"].clone().normal_(0, 0.8)
    with torch.no_grad():
        next_q = [
            lambda obs, action, i=i: columns(before.critic_target(obs, action))[i] for i in (0, 1)
        ]
    target = td3_target(
        data["reward"], data["next_obs"], data["terminated"], before.actor_target,
        *next_q, 0.9, noise, noise_clip, -1.0, 1.0,
    )  # fmt: skip
    # Stable-Baselines3's mean squared error has no ½; ours has, as lecture 000's L = ½ δ².
    loss = sum(
        2 * critic_loss(q, target) for q in columns(before.critic(data["obs"], data["action"]))
    )
    return gradient_of(loss, before.critic)


def test_the_critics_of_td3_agree_with_stable_baselines3(td3):
    before, after, data = td3
    theirs = step_of(before.critic, after.critic)
    assert largest_error(our_critic_gradient(before, data), theirs) < 1e-5
    # A planted bug: the noise is not clipped.
    assert largest_error(our_critic_gradient(before, data, noise_clip=100.0), theirs) > 1e-3


def test_the_actor_of_td3_agrees_with_stable_baselines3(td3):
    before, after, data = td3

    def first_critic(obs, action):
        return after.critic.q1_forward(obs, action).squeeze(-1)

    loss = dpg_loss(data["obs"], before.actor, first_critic)
    theirs = step_of(before.actor, after.actor)
    assert largest_error(gradient_of(loss, before.actor), theirs) < 1e-5
    # A planted bug: the critic is climbed at the actions that were taken.
    wrong = dpg_loss(data["next_obs"], before.actor, first_critic)
    assert largest_error(gradient_of(wrong, before.actor), theirs) > 1e-2


def test_the_target_networks_of_td3_agree_with_stable_baselines3(td3):
    before, after, _ = td3
    ours = copy.deepcopy(before.critic_target)
    update_target(ours, after.critic, 0.3)
    theirs = step_of(before.critic_target, after.critic_target)
    assert largest_error(step_of(before.critic_target, ours), theirs) < 1e-5
    swapped = copy.deepcopy(before.critic_target)
    update_target(swapped, after.critic, 0.7)
    assert largest_error(step_of(before.critic_target, swapped), theirs) > 0.1
