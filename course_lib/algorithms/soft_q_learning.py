"""Soft Q-learning: learn the values of whoever likes reward and entropy, and act like them."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.agents import make_discrete_q_function
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.exploring import Explorer
from course_lib.reference import (
    ReplayBuffer,
    boltzmann_policy,
    critic_loss,
    soft_value,
    update_target,
)
from course_lib.replay import Replay


@dataclass(frozen=True)
class SoftQLearningConfig:
    """Settings of `soft_q_learning`; the defaults learn GridWorld-v0.

    Attributes:
        temperature: T, what a nat of entropy is worth in reward.
        num_envs: N, environments stepped together.
        num_updates: minibatches after each step of them.
        batch_size: B, transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        random_steps: environment steps with random actions, before anything is learned.
        learning_rate: Adam's step size.
        gamma: γ, the discount.
        target_rate: share of the way that the target network follows after each minibatch.
        hidden: widths of the hidden layers; none is a table where observations are one-hot.
    """

    temperature: float = 0.2
    num_envs: int = 8
    num_updates: int = 1
    batch_size: int = 128
    capacity: int = 20_000
    random_steps: int = 400
    learning_rate: float = 0.1
    gamma: float = 0.99
    target_rate: float = 0.1
    hidden: tuple[int, ...] = ()


class BoltzmannPolicy(nn.Module):
    """π(a|s) = exp(Q(s, a)/T) / Z, of a network Q that is learned elsewhere.

    Args:
        q_function: (N, S) → (N, K).
        temperature: T.
        probability: `probability(q_value, temperature)` → (N, K).
    """

    def __init__(
        self,
        q_function: nn.Module,
        temperature: float,
        probability: Callable[[Tensor, float], Tensor] = boltzmann_policy,
    ) -> None:
        super().__init__()
        self.q_function, self.temperature = q_function, temperature
        self.probability = probability

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw one action a row of `obs` (N, S)."""
        probability = self.probability(self.q_function(obs), self.temperature)
        return probability.multinomial(1, generator=generator).squeeze(-1)


def soft_q_learning(
    environment_id: str,
    config: SoftQLearningConfig,
    seed: int,
    value: Callable[[Tensor, float], Tensor] = soft_value,
    policy: Callable[[Tensor, float], Tensor] = boltzmann_policy,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    follow: Callable[..., None] = update_target,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each step of the environments; the caller decides when to
    stop.

    Off-policy, as Q-learning is: with `value` the maximum and T → 0 it is Q-learning.

    Args:
        environment_id: a name known to `make_vector`, with discrete actions.
        config: the settings.
        seed: of the environments, the network, the actions and the minibatches.
        value: `value(q_value, temperature)` → (B,), by default `soft_value`.
        policy: `policy(q_value, temperature)` → (N, K), by default `boltzmann_policy`.
        loss, follow, replay: by default `critic_loss`, `update_target` and `ReplayBuffer`.

    Raises:
        ValueError: the loss is not finite, or the environment is unknown or has continuous actions.

    Source: Haarnoja et al. (2017), arXiv:1702.08165, eq. 5 to 7, over discrete actions; lecture
    001, "About soft Q learning".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    q_function = make_discrete_q_function(environment, config.hidden, generator)
    target_q_function = copy.deepcopy(q_function)
    optimizer = torch.optim.Adam(q_function.parameters(), config.learning_rate, fused=True)
    acting = BoltzmannPolicy(q_function, config.temperature, policy)
    explorer = Explorer(environment, config.capacity, seed, replay=replay)
    explorer.warm_up(config.random_steps, generator)
    update = 0
    while True:
        # 1. Act by the Boltzmann policy of the values so far: it explores by itself.
        explorer.step(lambda obs: acting.sample(obs, generator))

        for _ in range(config.num_updates):
            update += 1
            obs, action, reward, next_obs, terminated = explorer.buffer.sample(config.batch_size)

            # 2. What the step brought, and the next state's soft value to the slow copy.
            with torch.no_grad():
                next_value = value(target_q_function(next_obs), config.temperature)
                td_target = reward + config.gamma * next_value * ~terminated

            # 3. Move the taken action's value towards it.
            q_value = q_function(obs).gather(-1, action.unsqueeze(-1)).squeeze(-1)
            objective = loss(q_value, td_target)
            require_finite(update, objective, td_target=td_target, q_value=q_value)
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()

            # 4. Let the slow copy follow.
            follow(target_q_function, q_function, config.target_rate)

        # 5. Report.
        metrics = {"loss": objective.item(), "q_value": q_value.mean().item()}
        yield Progress(explorer.env_steps, explorer.take_finished_returns(), acting, metrics)
