"""DQN: learn the value of every action from replayed steps, and take the best one."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_discrete_q_function
from course_lib.algorithms.optimising import decay, descend
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.exploring import Explorer, falling
from course_lib.reference import ReplayBuffer, critic_loss, double_dqn_target, update_target
from course_lib.replay import Replay


@dataclass(frozen=True)
class DQNConfig:
    """Settings of `dqn`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: steps of each environment before the network learns again.
        num_updates: minibatches that it learns from then.
        batch_size: B, transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        random_steps: environment steps with random actions, before anything is learned.
        learning_rate: Adam's step size at the start.
        decay_steps: environment steps after which it is 0; `None` keeps it. With a step size that
            stays, the greedy policy turns with every error of the values: it falls back.
        gamma: γ, the discount.
        return_steps: n, rewards in a target before it bootstraps; failures are heard of n steps
            earlier. Not corrected for the random actions among them.
        target_rate: share of the way that the target network follows after each minibatch.
        random_share: how many actions are random in the end.
        explore_steps: environment steps over which that share falls from 1. Before, the cart has
            to be seen in all places and leaning both ways: greedy, it drifts to one side for ever.
        max_grad_norm: a longer gradient is scaled to this length.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        initial_value: Q of every action before anything is learned, in units of the reward. At
            1/(1 − γ), that of never falling, only falls have to be learned.
        hidden: widths of the hidden layers.
    """

    num_envs: int = 8
    num_steps: int = 4
    num_updates: int = 8
    batch_size: int = 256
    capacity: int = 100_000
    random_steps: int = 1_000
    learning_rate: float = 2e-3
    decay_steps: int | None = 20_000
    gamma: float = 0.99
    return_steps: int = 5
    target_rate: float = 0.05
    random_share: float = 0.1
    explore_steps: int = 8_000
    max_grad_norm: float = 1.0
    reward_scale: float = 0.1
    initial_value: float = 100.0
    hidden: tuple[int, ...] = (64, 64)


def dqn(
    environment_id: str,
    config: DQNConfig,
    seed: int,
    target: Callable[..., Tensor] = double_dqn_target,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    follow: Callable[..., None] = update_target,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`, with discrete actions.
        config: the settings.
        seed: of the environments, the network, the random actions and the minibatches.
        target, loss, follow, replay: the functions and the buffer of lesson 07, by default the
            reference: `double_dqn_target`, `critic_loss`, `update_target` and `ReplayBuffer`. For
            plain DQN give a target that takes the maximum of the slow copy's values:
            `lambda reward, q, slow_q, terminated, gamma: dqn_target(reward, slow_q, terminated,
            gamma)`.

    Raises:
        ValueError: the loss is not finite, or the environment is unknown or has continuous actions.

    Source: Mnih et al. (2015), with van Hasselt et al.'s (2016) target, targets of several steps
    as in Hessel et al. (2018) and a target network that follows slowly; lecture 002, homework.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    initial_value = config.reward_scale * config.initial_value
    q_function = make_discrete_q_function(environment, config.hidden, generator, initial_value)
    target_q_function = copy.deepcopy(q_function)
    optimizer = torch.optim.Adam(q_function.parameters(), config.learning_rate, fused=True)
    explorer = Explorer(
        environment, config.capacity, seed, config.reward_scale, config.return_steps,
        config.gamma, replay,
    )  # fmt: skip
    horizon_gamma = config.gamma**config.return_steps  # of what follows n steps later
    explorer.warm_up(config.random_steps, generator)
    update = 0

    def mostly_greedy(obs: Tensor) -> Tensor:
        random_share = falling(1.0, config.random_share, explorer.env_steps, config.explore_steps)
        random = torch.rand(len(obs), generator=generator) < random_share
        best = q_function.sample(obs, generator)
        return torch.where(random, explorer.random_action(generator), best)

    while True:
        # 1. Act: the best action, and now and then a random one.
        for _ in range(config.num_steps):
            explorer.step(mostly_greedy)

        decay(optimizer, config.learning_rate, explorer.env_steps, config.decay_steps)
        for _ in range(config.num_updates):
            update += 1
            obs, action, reward, next_obs, terminated = explorer.buffer.sample(config.batch_size)

            # 2. What the step brought, and what the next state is worth to the slow copy.
            with torch.no_grad():
                td_target = target(
                    reward, q_function(next_obs), target_q_function(next_obs), terminated,
                    horizon_gamma,
                )  # fmt: skip

            # 3. Move the taken action's value towards it.
            q_value = q_function(obs).gather(-1, action.unsqueeze(-1)).squeeze(-1)
            objective = loss(q_value, td_target)
            require_finite(update, objective, td_target=td_target, q_value=q_value)
            descend(objective, optimizer, config.max_grad_norm, q_function.parameters())

            # 4. Let the slow copy follow.
            follow(target_q_function, q_function, config.target_rate)

        # 5. Report.
        metrics = {"loss": objective.item(), "q_value": q_value.mean().item() / config.reward_scale}
        yield Progress(explorer.env_steps, explorer.take_finished_returns(), q_function, metrics)
