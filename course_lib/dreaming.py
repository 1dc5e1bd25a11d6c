"""Acting on latent states, and holding dreams against the world: for pictures of both."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.critics import SquashedGaussianPolicy
from course_lib.environments import make_vector
from course_lib.world_models import WorldModel


class DreamingPolicy(nn.Module):
    """Acts on what the encoder makes of an observation; learned without looking at any.

    Args:
        model: the world model, whose encoder is used.
        actor: a squashed Gaussian policy of latent states.
    """

    def __init__(self, model: WorldModel, actor: SquashedGaussianPolicy) -> None:
        super().__init__()
        self.model, self.actor = model, actor

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one action a row of `obs` (N, S)."""
        return self.actor.sample(self.model.encode(obs)[0], generator)


@torch.no_grad()
def dream_start(
    model: WorldModel, obs: Tensor, horizon: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Where dreams begin, and all the noise that they need.

    Args:
        model: encodes.
        obs: (B, S) states that were visited.
        horizon: H.
        generator: of the noise.

    Returns:
        (B, Z) latent states drawn from q(z|s), and (H, B, Z) draws of a standard Gaussian.
    """
    mean, log_std = model.encode(obs)
    first, *later = torch.empty(horizon + 1, *mean.shape).normal_(generator=generator)
    return mean + log_std.exp() * first, torch.stack(later)


class Comparison(NamedTuple):
    """The same actions in the world and in a dream of it.

    Attributes:
        real: (H + 1, N, S) observations.
        dreamed: (H + 1, N, S) decoded latent states; the first is the encoded real one.
        real_reward, dreamed_reward: (H, N) what was paid, and what the dream promised.
    """

    real: Tensor
    dreamed: Tensor
    real_reward: Tensor
    dreamed_reward: Tensor

    def error(self, scale: Tensor) -> Tensor:
        """(H + 1,) root mean squared error of all observations, in units of their typical sizes.

        Args:
            scale: (S,) typical sizes, such as `WorldModel.observation_scale`.
        """
        return ((self.dreamed - self.real) / scale).square().sum(-1).mean(-1).sqrt()


@torch.no_grad()
def compare_with_dream(
    policy: DreamingPolicy, environment_id: str, horizon: int, episodes: int = 20, seed: int = 0
) -> Comparison:
    """Act for a while, then dream of having done the same.

    The dream sees the first observation only, and takes the mean of every transition.

    Args:
        policy: acts, with sampled actions; its model dreams.
        environment_id: a name known to `make_vector`.
        horizon: H, steps; at most an episode's.
        episodes: N, first states.
        seed: of the first states and the actions.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, episodes, seed)
    obs, actions, rewards = [torch.from_numpy(environment.reset())], [], []
    for _ in range(horizon):
        actions.append(policy.sample(obs[-1], generator))
        step = environment.step(actions[-1].numpy())
        obs.append(torch.from_numpy(step.next_obs))
        rewards.append(torch.from_numpy(step.reward))
    model, action = policy.model, torch.stack(actions)
    first = model.encode(obs[0])[0]
    silence = torch.zeros(horizon, *first.shape)
    latent = torch.cat((first.unsqueeze(0), model.follow(first, action, silence)[0]))
    promised = model.reward_model(latent[1:])
    return Comparison(torch.stack(obs), model.decode(latent), torch.stack(rewards), promised)
