"""DDPG: a critic learns from replayed steps, and a deterministic actor climbs it."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_deterministic_policy, make_q_function
from course_lib.algorithms.optimising import decay
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.critics import frozen
from course_lib.environments import make_vector
from course_lib.exploring import Explorer, falling, noise_shares
from course_lib.reference import (
    ReplayBuffer,
    critic_loss,
    ddpg_target,
    dpg_loss,
    gaussian_exploration,
    update_target,
)
from course_lib.replay import Replay


@dataclass(frozen=True)
class DDPGConfig:
    """Settings of `ddpg`; the defaults learn Pendulum-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: steps of each environment before the networks learn again.
        num_updates: minibatches that they learn from then.
        batch_size: B, transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        random_steps: environment steps with random actions, before anything is learned.
        learning_rate: Adam's step size for both networks, at the start.
        decay_steps: environment steps after which it is 0; `None` keeps it.
        gamma: γ, the discount.
        return_steps: n, rewards in a target before it bootstraps.
        target_rate: share of the way that the target networks follow after each minibatch.
        noise_std: of the exploration in the end, in units of half the action's range.
        first_noise_std: the same at the start.
        explore_steps: environment steps over which it would fall from there to 0.
        all_explore: whether all environments act with this noise; else each goes its own share of
            the way there, evenly from none to all of it.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        initial_value: Q of every action before anything is learned, in units of the reward.
        hidden: widths of the hidden layers of both networks.
    """

    num_envs: int = 4
    num_steps: int = 8
    num_updates: int = 16
    batch_size: int = 64
    capacity: int = 100_000
    random_steps: int = 500
    learning_rate: float = 3e-3
    decay_steps: int | None = None
    gamma: float = 0.95
    return_steps: int = 1
    target_rate: float = 0.02
    noise_std: float = 0.1
    first_noise_std: float = 0.1
    explore_steps: int = 10_000
    all_explore: bool = True
    reward_scale: float = 0.1
    initial_value: float = 0.0
    hidden: tuple[int, ...] = (64, 64)


def ddpg(
    environment_id: str,
    config: DDPGConfig,
    seed: int,
    target: Callable[..., Tensor] = ddpg_target,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    policy_loss: Callable[..., Tensor] = dpg_loss,
    follow: Callable[..., None] = update_target,
    explore: Callable[..., Tensor] = gaussian_exploration,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`, with continuous actions.
        config: the settings.
        seed: of the environments, the networks, the noise and the minibatches.
        target, loss, policy_loss, follow, explore, replay: the functions and the buffer of lesson
            07, by default the reference: `ddpg_target`, `critic_loss`, `dpg_loss`, `update_target`,
            `gaussian_exploration` and `ReplayBuffer`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown or has discrete actions.

    Source: Lillicrap et al. (2016), arXiv:1509.02971, algorithm 1, with Gaussian noise; lecture
    000, algorithm 1.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_deterministic_policy(environment, config.hidden, generator)
    initial_value = config.reward_scale * config.initial_value
    q_function = make_q_function(environment, config.hidden, generator, initial_value)
    target_policy, target_q_function = copy.deepcopy(policy), copy.deepcopy(q_function)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    q_optimizer = torch.optim.Adam(q_function.parameters(), config.learning_rate, fused=True)
    unit, low, high = policy.half_range, environment.action_low, environment.action_high
    explorer = Explorer(
        environment, config.capacity, seed, config.reward_scale, config.return_steps,
        config.gamma, replay,
    )  # fmt: skip
    horizon_gamma = config.gamma**config.return_steps  # of what follows n steps later
    explorer.warm_up(config.random_steps, generator)
    update = 0

    shares = noise_shares(config.num_envs, config.all_explore)

    def noisy(obs: Tensor) -> Tensor:
        noise_std = falling(
            config.first_noise_std, config.noise_std, explorer.env_steps, config.explore_steps
        )
        action = policy.sample(obs, generator)
        return action.lerp(explore(action, unit * noise_std, low, high, generator), shares)

    while True:
        # 1. Act, with noise: a deterministic policy alone would never try anything else.
        for _ in range(config.num_steps):
            explorer.step(noisy)

        decay(optimizer, config.learning_rate, explorer.env_steps, config.decay_steps)
        decay(q_optimizer, config.learning_rate, explorer.env_steps, config.decay_steps)
        for _ in range(config.num_updates):
            update += 1
            obs, action, reward, next_obs, terminated = explorer.buffer.sample(config.batch_size)

            # 2. Teach the critic what follows, as the slow copies see it.
            td_target = target(
                reward, next_obs, terminated, target_policy, target_q_function, horizon_gamma
            )
            q_value = q_function(obs, action)
            q_loss = loss(q_value, td_target)
            require_finite(update, q_loss, td_target=td_target, q_value=q_value)
            q_optimizer.zero_grad()
            q_loss.backward()
            q_optimizer.step()

            # 3. Let the actor climb the critic, which holds still meanwhile.
            with frozen(q_function):
                actor_loss = policy_loss(obs, policy, q_function)
            require_finite(update, actor_loss, q_value=q_value)
            optimizer.zero_grad()
            actor_loss.backward()
            optimizer.step()

            # 4. Let the slow copies follow.
            follow(target_policy, policy, config.target_rate)
            follow(target_q_function, q_function, config.target_rate)

        # 5. Report.
        metrics = {"loss": q_loss.item(), "q_value": q_value.mean().item() / config.reward_scale}
        yield Progress(explorer.env_steps, explorer.take_finished_returns(), policy, metrics)
