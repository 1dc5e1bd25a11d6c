"""SAC: a stochastic actor that climbs two critics and likes entropy, at a price that sets itself.

The first SAC, with a V network and a fixed temperature, is in sac_v.py."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_q_function, make_squashed_policy
from course_lib.algorithms.optimising import decay
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.critics import frozen
from course_lib.environments import make_vector
from course_lib.exploring import Explorer
from course_lib.reference import (
    ReplayBuffer,
    critic_loss,
    sac_policy_loss,
    sac_target,
    squashed_gaussian_log_prob,
    temperature_loss,
    update_target,
)
from course_lib.replay import Replay


@dataclass(frozen=True)
class SACConfig:
    """Settings of `sac`; the defaults learn Pendulum-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: steps of each environment before the networks learn again.
        num_updates: minibatches that they learn from then.
        batch_size: B, transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        random_steps: environment steps with random actions, before anything is learned.
        learning_rate: Adam's step size for all networks, at the start, and for the temperature.
        decay_steps: environment steps after which that of the networks is 0; `None` keeps it.
        gamma: γ, the discount.
        return_steps: n, rewards in a target before it bootstraps; with more than one, the entropy
            of the states in between is left out.
        target_rate: share of the way that the target networks follow after each minibatch.
        temperature: T at the start.
        target_entropy: what the temperature is steered to, in nats for each action dimension.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        initial_value: Q of every action before anything is learned, in units of the reward.
        hidden: widths of the hidden layers of all networks.
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
    temperature: float = 1.0
    target_entropy: float = -1.0
    reward_scale: float = 0.1
    initial_value: float = 0.0
    hidden: tuple[int, ...] = (64, 64)


def sac(
    environment_id: str,
    config: SACConfig,
    seed: int,
    target: Callable[..., Tensor] = sac_target,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    policy_loss: Callable[..., Tensor] = sac_policy_loss,
    price: Callable[[Tensor, Tensor, float], Tensor] = temperature_loss,
    squashed_log_prob: Callable[..., Tensor] = squashed_gaussian_log_prob,
    follow: Callable[..., None] = update_target,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`, with continuous actions.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        target, loss, policy_loss, price, squashed_log_prob, follow, replay: the functions of
            lessons 07 and 10, and the buffer, by default the reference: `sac_target`,
            `critic_loss`, `sac_policy_loss`, `temperature_loss`, `squashed_gaussian_log_prob`,
            `update_target` and `ReplayBuffer`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown or has discrete actions.

    Source: Haarnoja et al. (2019), arXiv:1812.05905, algorithm 1; lecture 001, "Soft Actor-Critic".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_squashed_policy(environment, config.hidden, generator, squashed_log_prob)
    initial_value = config.reward_scale * config.initial_value
    q1, q2 = (
        make_q_function(environment, config.hidden, generator, initial_value) for _ in range(2)
    )
    target_q1, target_q2 = copy.deepcopy(q1), copy.deepcopy(q2)
    log_temperature = torch.tensor(config.temperature).log().requires_grad_()
    optimizer, q_optimizer, temperature_optimizer = (
        torch.optim.Adam(parameters, config.learning_rate, fused=True)
        for parameters in (
            policy.parameters(),
            [*q1.parameters(), *q2.parameters()],
            [log_temperature],
        )
    )
    target_entropy = config.target_entropy * environment.action_size
    explorer = Explorer(
        environment, config.capacity, seed, config.reward_scale, config.return_steps,
        config.gamma, replay,
    )  # fmt: skip
    horizon_gamma = config.gamma**config.return_steps  # of what follows n steps later
    explorer.warm_up(config.random_steps, generator)
    update = 0
    while True:
        # 1. Act: the policy is random by itself.
        for _ in range(config.num_steps):
            explorer.step(lambda obs: policy.sample(obs, generator))

        decay(optimizer, config.learning_rate, explorer.env_steps, config.decay_steps)
        decay(q_optimizer, config.learning_rate, explorer.env_steps, config.decay_steps)
        for _ in range(config.num_updates):
            update += 1
            obs, action, reward, next_obs, terminated = explorer.buffer.sample(config.batch_size)
            temperature = log_temperature.detach().exp()

            # 2. Teach both critics the more modest target, the next state's entropy included.
            with torch.no_grad():
                next_action, next_log_prob = policy.act(next_obs, generator)
                td_target = target(
                    reward, target_q1(next_obs, next_action), target_q2(next_obs, next_action),
                    next_log_prob, terminated, horizon_gamma, temperature,
                )  # fmt: skip
            q_value = q1(obs, action)
            q_loss = loss(q_value, td_target) + loss(q2(obs, action), td_target)
            require_finite(update, q_loss, td_target=td_target, q_value=q_value)
            q_optimizer.zero_grad()
            q_loss.backward()
            q_optimizer.step()

            # 3. Let the actor climb the smaller critic, but stay random.
            fresh_action, log_prob = policy.act(obs, generator)
            with frozen(q1, q2):
                fresh_q1, fresh_q2 = q1(obs, fresh_action), q2(obs, fresh_action)
            actor_loss = policy_loss(log_prob, fresh_q1, fresh_q2, temperature)
            require_finite(update, actor_loss, log_prob=log_prob, temperature=temperature)
            optimizer.zero_grad()
            actor_loss.backward()
            optimizer.step()

            # 4. Make entropy dearer if there is too much of it, and let the slow copies follow.
            temperature_optimizer.zero_grad()
            price(log_temperature, log_prob, target_entropy).backward()
            temperature_optimizer.step()
            follow(target_q1, q1, config.target_rate)
            follow(target_q2, q2, config.target_rate)

        # 5. Report.
        metrics = {
            "loss": q_loss.item(),
            "q_value": q_value.mean().item() / config.reward_scale,
            "entropy": -log_prob.mean().item(),
            "temperature": temperature.item(),
        }
        yield Progress(explorer.env_steps, explorer.take_finished_returns(), policy, metrics)
