"""Stable-Baselines3 as an independent witness: its own training step, on data that we make up.

A model takes one step of plain gradient descent with step size 1, so the difference of its
parameters before and after is the gradient of its loss.
"""

import copy

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

OBS_SIZE, ACTION_SIZE, ROWS = 3, 2, 64


class SpacesOnly(gymnasium.Env):
    """An environment that is asked for its spaces, and never to step."""

    def __init__(self, action_space: spaces.Space) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (OBS_SIZE,))
        self.action_space = action_space


def peer_model(algorithm: type, action_space: spaces.Space | None = None, **settings):
    """A model with random weights, silent, whose optimisers are plain gradient descent."""
    # Imported here: tests without a peer should not wait for it.
    from stable_baselines3.common.logger import configure

    model = algorithm(
        "MlpPolicy",
        SpacesOnly(action_space or spaces.Box(-1, 1, (ACTION_SIZE,))),
        learning_rate=1.0,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [16, 16], "optimizer_class": torch.optim.SGD},
        **settings,
    )
    model.set_logger(configure(format_strings=[]))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


def random_transitions(seed: int = 2) -> dict[str, Tensor]:
    """obs, action in [−1, 1], reward, next_obs, and terminated for about a third."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "obs": draw(ROWS, OBS_SIZE),
        "action": draw(ROWS, ACTION_SIZE).tanh(),
        "reward": draw(ROWS),
        "next_obs": draw(ROWS, OBS_SIZE),
        "terminated": torch.rand(ROWS, generator=generator) < 0.3,
    }


def feed_replay(model, data: dict[str, Tensor]) -> None:
    """Let the model's replay buffer return these transitions, whatever it is asked for."""
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    sample = ReplayBufferSamples(
        observations=data["obs"],
        actions=data["action"],
        next_observations=data["next_obs"],
        dones=data["terminated"].float().unsqueeze(-1),
        rewards=data["reward"].unsqueeze(-1),
    )
    model.replay_buffer.sample = lambda *args, **kwargs: sample


def feed_rollout(model, data: dict[str, Tensor]) -> None:
    """Let the model's rollout buffer return this one batch, whatever it is asked for."""
    from stable_baselines3.common.type_aliases import RolloutBufferSamples

    sample = RolloutBufferSamples(
        observations=data["obs"],
        actions=data["action"],
        old_values=data["old_value"],
        old_log_prob=data["old_log_prob"],
        advantages=data["advantage"],
        returns=data["value_target"],
    )
    model.rollout_buffer.get = lambda *args, **kwargs: iter([sample])


def random_rollout_for(model, seed: int = 3) -> dict[str, Tensor]:
    """Observations, the model's actions, and old log-probabilities that it has moved away from."""
    data = random_transitions(seed)
    generator = torch.Generator().manual_seed(seed + 1)

    def draw() -> Tensor:
        return torch.randn(ROWS, generator=generator)

    torch.manual_seed(seed)
    with torch.no_grad():
        action, value, log_prob = model.policy(data["obs"])
    return {
        "obs": data["obs"],
        "action": action,
        "old_log_prob": log_prob + 0.3 * draw(),
        "advantage": 2 * draw(),
        "old_value": value.flatten() + 0.5 * draw(),
        "value_target": value.flatten() + draw(),
    }


def peer_step(model, train) -> tuple[nn.Module, nn.Module]:
    """Train once from a fixed seed; the policy as it was, and as it is."""
    before = copy.deepcopy(model.policy)
    torch.manual_seed(11)
    train()
    return before, model.policy


def step_of(before: nn.Module, after: nn.Module) -> Tensor:
    """(D,) the gradient that a step of size 1 has followed."""
    return torch.cat(
        [
            (old - new).detach().flatten()
            for old, new in zip(before.parameters(), after.parameters(), strict=True)
        ]
    )


def gradient_of(loss: Tensor, network: nn.Module) -> Tensor:
    """(D,) the gradient of our loss with respect to the peer's parameters."""
    gradient = torch.autograd.grad(
        loss, tuple(network.parameters()), retain_graph=True, materialize_grads=True
    )
    return torch.cat([part.flatten() for part in gradient])


def columns(q_values: tuple[Tensor, ...]) -> list[Tensor]:
    """(B,) each, of the peer's (B, 1)."""
    return [q_value.squeeze(-1) for q_value in q_values]


def largest_error(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, relative to the largest entry."""
    return float((ours - theirs).detach().abs().max() / theirs.detach().abs().max())
