"""Many small deterministic policies side by side, as a search over parameters needs them: one
forward pass and one batched environment for all. What to do with their returns is said in
course_lib.algorithms."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.environments import BatchedEnvironment, make_vector
from course_lib.networks import mlp


class SearchedPolicy(nn.Module):
    """A deterministic policy without any gradient: the largest output, or a bounded action.

    Continuous actions are centre + half the range · tanh(output). All parameters start at 0.

    Args:
        environment: says how wide observations and actions are, and what bounds they have.
        hidden: widths of the hidden layers; none makes the policy linear.
    """

    def __init__(self, environment: BatchedEnvironment, hidden: Sequence[int] = ()) -> None:
        super().__init__()
        self.is_discrete = environment.num_actions is not None
        outputs = environment.num_actions if self.is_discrete else environment.action_size
        low, high = environment.action_low, environment.action_high
        self.centre, self.half_range = (high + low) / 2, (high - low) / 2
        sizes = [environment.observation_size, *hidden, outputs]
        self.net = mlp(sizes, torch.Generator(), input_scale=environment.observation_scale)
        for parameter in self.parameters():
            parameter.requires_grad_(False).zero_()

    def action(self, output: Tensor) -> Tensor:
        """(…, K) → (…,) int64, or (…, D) → (…, D)."""
        if self.is_discrete:
            return output.argmax(-1)
        return self.centre + self.half_range * torch.tanh(output)

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """The action a row of `obs` (N, S), without any chance: as the policy is used."""
        return self.action(self.net(obs))


class Population:
    """M policies of one architecture, played in M × E environments at once.

    Args:
        environment_id: a name known to `make_vector`.
        size: M.
        episodes: E, how many each member plays in a generation.
        hidden: widths of the hidden layers; none makes the policies linear.
        seed: of the environments.

    Attributes:
        num_parameters: D, of one member.
        env_steps: steps of single environments so far.
    """

    def __init__(
        self, environment_id: str, size: int, episodes: int, hidden: Sequence[int], seed: int
    ) -> None:
        self.size, self.episodes = size, episodes
        self.environment = make_vector(environment_id, size * episodes, seed)
        self.policy = SearchedPolicy(self.environment, hidden)
        self.num_parameters = sum(one.numel() for one in self.policy.parameters())
        self.env_steps = 0

    def member(self, parameters: Tensor) -> SearchedPolicy:
        """The policy that one vector (D,) stands for; a copy."""
        policy = copy.deepcopy(self.policy)
        nn.utils.vector_to_parameters(parameters.to(torch.float32), policy.parameters())
        return policy

    @torch.no_grad()
    def outputs(self, parameters: Tensor, obs: Tensor) -> Tensor:
        """Every member's network on its own observations: (M, D), (M, E, S) → (M, E, K)."""
        start = 0
        for layer in self.policy.net:
            if isinstance(layer, nn.Linear):
                stop = start + layer.weight.numel()
                weight = parameters[:, start:stop].reshape(-1, *layer.weight.shape)
                start = stop + layer.bias.numel()
                obs = torch.baddbmm(parameters[:, None, stop:start], obs, weight.mT)
            else:  # the scaling of observations, an activation
                obs = layer(obs)
        return obs

    def play(self, parameters: Tensor) -> Tensor:
        """Whole episodes of every member: (M, D) → (M, E) float64 undiscounted returns.

        Raises:
            ValueError: parameters or returns that are not finite.
        """
        require_finite_rows("parameters", parameters)
        parameters = parameters.to(torch.float32)
        obs = self.environment.reset()
        total = np.zeros(len(obs))
        running = np.ones(len(obs), dtype=bool)
        while running.any():
            rows = torch.from_numpy(obs).reshape(self.size, self.episodes, -1)
            action = self.policy.action(self.outputs(parameters, rows)).flatten(0, 1)
            step = self.environment.step(action.numpy())
            total += step.reward * running
            self.env_steps += int(running.sum())
            running &= ~(step.terminated | step.truncated)
            obs = step.obs
        returns = torch.from_numpy(total).reshape(self.size, self.episodes)
        require_finite_rows("returns", returns)
        return returns


def require_finite_rows(name: str, rows: Tensor) -> None:
    """Raise `ValueError` if a member's row has an entry that is no finite number."""
    broken = (~rows.isfinite()).any(-1).sum().item()
    if broken:
        raise ValueError(f"the {name} of {broken} of {len(rows)} members are not finite")
