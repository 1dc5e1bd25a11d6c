"""torchrl as an independent witness: the losses of PPO, A2C, DDPG and DQN, and their gradients."""

import math

import pytest
import torch
from torch import nn

from course_lib.reference import (
    a2c_loss,
    categorical_entropy,
    categorical_log_prob,
    critic_loss,
    ddpg_target,
    double_dqn_target,
    dpg_loss,
    dqn_target,
    ppo_loss,
    squashed_gaussian_log_prob,
)
from tests.peers import ACTION_SIZE, OBS_SIZE, gradient_of, largest_error, random_transitions

# A fraction of a power of two: torchrl multiplies γ by an integer mask, which makes it float32.
GAMMA, ACTIONS = 31 / 32, 4


@pytest.fixture(scope="module")
def objectives():
    return pytest.importorskip("torchrl.objectives")


def network(outputs, inputs=OBS_SIZE, seed=0):
    """A float64 network with large random weights."""
    generator = torch.Generator().manual_seed(seed)
    layers = nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, outputs)).double()
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator).double())
    return layers


def transitions(seed=2):
    return {
        name: tensor if tensor.dtype == torch.bool else tensor.double()
        for name, tensor in random_transitions(seed).items()
    }


def as_tensordict(data, action, **more):
    """A batch by torchrl's names; what is a number a row becomes a column."""
    from tensordict import TensorDict

    column = {name: data[name].unsqueeze(-1) for name in ("reward", "terminated")}
    following = {"observation": data["next_obs"], "done": column["terminated"].clone(), **column}
    contents = {"observation": data["obs"], "action": action, "next": following, **more}
    return TensorDict(contents, batch_size=[len(action)])


def actor_critic():
    """A softmax policy and a critic, and both as torchrl wants them."""
    from tensordict.nn import ProbabilisticTensorDictModule, TensorDictModule
    from tensordict.nn import ProbabilisticTensorDictSequential as Sequence

    policy, critic = network(ACTIONS, seed=0), network(1, seed=1)
    draw = ProbabilisticTensorDictModule(
        in_keys=["logits"], out_keys=["action"], return_log_prob=True,
        distribution_class=torch.distributions.Categorical,
    )  # fmt: skip
    actor = Sequence(TensorDictModule(policy, ["observation"], ["logits"]), draw)
    return policy, critic, actor, TensorDictModule(critic, ["observation"], ["state_value"])


def on_policy_data(policy):
    """Actions, old log-probabilities that the policy has moved away from, and what to learn."""
    data, generator = transitions(), torch.Generator().manual_seed(3)
    rows = len(data["reward"])
    noise = torch.randn(3, rows, generator=generator).double()
    action = torch.randint(ACTIONS, (rows,), generator=generator)
    log_prob = categorical_log_prob(policy(data["obs"]), action).detach()
    return data, action, log_prob + 0.3 * noise[0], 2 * noise[1], noise[2]


def torchrl_gradients(loss, batch, names, *modules):
    """The gradient of the sum of these of torchrl's losses, for each module."""
    total = sum(loss(batch)[name] for name in names)
    for module in modules:
        module.zero_grad()
    total.backward()
    return [torch.cat([p.grad.flatten() for p in module.parameters()]) for module in modules]


def test_ppos_loss_and_gradients_agree(objectives):
    policy, critic, actor, value = actor_critic()
    data, action, old_log_prob, advantage, target = on_policy_data(policy)
    batch = as_tensordict(
        data, action, action_log_prob=old_log_prob, advantage=advantage.unsqueeze(-1),
        value_target=target.unsqueeze(-1),
    )  # fmt: skip
    peer = objectives.ClipPPOLoss(
        actor, value, clip_epsilon=0.2, entropy_coeff=0.1, critic_coeff=0.25, loss_critic_type="l2"
    )
    names = ("loss_objective", "loss_entropy", "loss_critic")
    theirs = sum(peer(batch)[name] for name in names)
    gradient = torchrl_gradients(peer, batch, names, policy, critic)

    def ours(clip_epsilon):
        logits = policy(data["obs"])
        # torchrl's squared error has no ½: its coefficient ¼ is our ½.
        return ppo_loss(
            categorical_log_prob(logits, action), old_log_prob, advantage,
            critic(data["obs"]).squeeze(-1), target, categorical_entropy(logits),
            clip_epsilon, 0.5, 0.1,
        )  # fmt: skip

    torch.testing.assert_close(ours(0.2), theirs)
    for module, want in zip((policy, critic), gradient, strict=True):
        assert largest_error(gradient_of(ours(0.2), module), want) < 1e-9
    # A planted bug: nothing is clipped.
    assert largest_error(gradient_of(ours(100.0), policy), gradient[0]) > 1e-2


def test_a2cs_loss_and_gradients_agree(objectives):
    policy, critic, actor, value = actor_critic()
    data, action, _, advantage, target = on_policy_data(policy)
    batch = as_tensordict(
        data, action, advantage=advantage.unsqueeze(-1), value_target=target.unsqueeze(-1)
    )
    peer = objectives.A2CLoss(
        actor, value, entropy_coeff=0.1, critic_coeff=0.25, loss_critic_type="l2"
    )
    names = ("loss_objective", "loss_entropy", "loss_critic")
    theirs = sum(peer(batch)[name] for name in names)
    gradient = torchrl_gradients(peer, batch, names, policy, critic)

    def ours(entropy_coef):
        logits, prediction = policy(data["obs"]), critic(data["obs"]).squeeze(-1)
        return a2c_loss(
            categorical_log_prob(logits, action), advantage, prediction, target,
            categorical_entropy(logits), 0.5, entropy_coef,
        )  # fmt: skip

    torch.testing.assert_close(ours(0.1), theirs)
    for module, want in zip((policy, critic), gradient, strict=True):
        assert largest_error(gradient_of(ours(0.1), module), want) < 1e-9
    # A planted bug: the entropy's sign.
    assert largest_error(gradient_of(ours(-0.1), policy), gradient[0]) > 1e-2


class OneOutput(nn.Module):
    """Q(s, a) as torchrl calls it: two inputs, one column."""

    def __init__(self, seed):
        super().__init__()
        self.net = network(1, OBS_SIZE + ACTION_SIZE, seed)

    def forward(self, obs, action):
        return self.net(torch.cat((obs, action), -1))


def give_weights(parameters, network):
    """Write a network's weights over torchrl's target parameters."""
    weights = dict(network.named_parameters())
    for key, value in parameters.items(include_nested=True, leaves_only=True):
        (name,) = [name for name in weights if ".".join(key).endswith(f".{name}")]
        value.data.copy_(weights[name].data)


def test_ddpgs_losses_and_gradients_agree(objectives):
    from tensordict.nn import TensorDictModule

    policy, slow_policy = (
        nn.Sequential(network(ACTION_SIZE, seed=seed), nn.Tanh()) for seed in (4, 6)
    )
    q_function, slow_q = OneOutput(5), OneOutput(7)
    peer = objectives.DDPGLoss(
        TensorDictModule(policy, ["observation"], ["action"]),
        TensorDictModule(q_function, ["observation", "action"], ["state_action_value"]),
        delay_actor=True, delay_value=True,
    )  # fmt: skip
    peer.make_value_estimator(gamma=GAMMA)
    objectives.SoftUpdate(peer, tau=0.5)  # never stepped; without it torchrl warns
    give_weights(peer.target_actor_network_params, slow_policy)
    give_weights(peer.target_value_network_params, slow_q)
    data = transitions()
    batch = as_tensordict(data, data["action"])
    ((critic_gradient,), (actor_gradient,)) = (
        torchrl_gradients(peer, batch, [name], module)
        for name, module in (("loss_value", q_function), ("loss_actor", policy))
    )

    def ours(terminated):
        target = ddpg_target(
            data["reward"], data["next_obs"], terminated, slow_policy,
            lambda *inputs: slow_q(*inputs).squeeze(-1), GAMMA,
        )  # fmt: skip
        # torchrl's squared error has no ½; ours has, as lecture 000's L = ½ δ².
        return 2 * critic_loss(q_function(data["obs"], data["action"]).squeeze(-1), target)

    assert largest_error(gradient_of(ours(data["terminated"]), q_function), critic_gradient) < 1e-9
    # A planted bug: nothing terminates.
    never = torch.zeros_like(data["terminated"])
    assert largest_error(gradient_of(ours(never), q_function), critic_gradient) > 1e-2
    climbed = dpg_loss(data["obs"], policy, lambda *inputs: q_function(*inputs).squeeze(-1))
    assert largest_error(gradient_of(climbed, policy), actor_gradient) < 1e-9
    wrong = dpg_loss(data["next_obs"], policy, lambda *inputs: q_function(*inputs).squeeze(-1))
    assert largest_error(gradient_of(wrong, policy), actor_gradient) > 1e-2


@pytest.mark.parametrize("double_dqn", [False, True])
def test_dqns_loss_and_gradient_agree(objectives, double_dqn):
    from torchrl.modules import QValueActor

    q_function, slow = network(ACTIONS, seed=8), network(ACTIONS, seed=9)
    actor = QValueActor(q_function, in_keys=["observation"], action_space="categorical")
    peer = objectives.DQNLoss(
        actor, delay_value=True, double_dqn=double_dqn, action_space="categorical"
    )
    peer.make_value_estimator(gamma=GAMMA)
    objectives.SoftUpdate(peer, tau=0.5)  # never stepped; without it torchrl warns
    give_weights(peer.target_value_network_params, slow)
    data = transitions()
    generator = torch.Generator().manual_seed(10)
    action = torch.randint(ACTIONS, (len(data["reward"]),), generator=generator)
    (theirs,) = torchrl_gradients(peer, as_tensordict(data, action), ["loss"], q_function)
    with torch.no_grad():
        fast, late = q_function(data["next_obs"]), slow(data["next_obs"])
        rest = data["terminated"], GAMMA
        targets = [
            dqn_target(data["reward"], late, *rest),
            double_dqn_target(data["reward"], fast, late, *rest),
        ]
    q_value = q_function(data["obs"]).gather(-1, action.unsqueeze(-1)).squeeze(-1)
    ours, other = (gradient_of(2 * critic_loss(q_value, each), q_function) for each in targets)
    if double_dqn:
        ours, other = other, ours
    assert largest_error(ours, theirs) < 1e-9
    # A planted bug: the other of the two targets.
    assert largest_error(other, theirs) > 1e-2


@pytest.mark.parametrize(("pre_tanh", "peer_is_right"), [(1.0, True), (8.0, False)])
def test_squashed_log_densities_agree_until_the_tanh_saturates_and_there_ours_is_exact(
    pre_tanh, peer_is_right
):
    modules = pytest.importorskip("torchrl.modules")
    mean, log_std, u = torch.tensor([[0.5]]), torch.tensor([[0.2]]), torch.tensor([[pre_tanh]])
    peer = modules.TanhNormal(mean, log_std.exp(), low=-1.0, high=1.0)
    theirs = float(peer.log_prob(u.tanh()))
    ours = float(squashed_gaussian_log_prob(mean, log_std, u))
    # log N(u; ½, e^0.2) − log(1 − tanh² u), and 1 − tanh² u = 1/cosh² u.
    exact = (
        -0.5 * ((pre_tanh - 0.5) / math.exp(0.2)) ** 2
        - 0.2
        - 0.5 * math.log(2 * math.pi)
        + 2 * math.log(math.cosh(pre_tanh))
    )
    assert ours == pytest.approx(exact, abs=1e-4)
    # torchrl recovers u from tanh u, which in float32 has lost it: tanh 8 = 1 − 2·10⁻⁷.
    assert (abs(theirs - exact) < 1e-3) == peer_is_right
