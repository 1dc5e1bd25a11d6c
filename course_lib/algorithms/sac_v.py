"""The first SAC: a V network with a slow copy, and a temperature that is fixed beforehand."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_q_function, make_squashed_policy
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.critics import frozen
from course_lib.environments import make_vector
from course_lib.exploring import Explorer
from course_lib.reference import (
    ReplayBuffer,
    critic_loss,
    sac_policy_loss,
    sac_value_loss,
    squashed_gaussian_log_prob,
    update_target,
)
from course_lib.reference.q_learning import bootstrapped
from course_lib.replay import Replay


@dataclass(frozen=True)
class SACVConfig:
    """Settings of `sac_v`; the defaults learn Pendulum-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: steps of each environment before the networks learn again.
        num_updates: minibatches that they learn from then.
        batch_size: B, transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        random_steps: environment steps with random actions, before anything is learned.
        learning_rate: Adam's step size for all networks.
        gamma: γ, the discount.
        target_rate: share of the way that V's slow copy follows after each minibatch.
        temperature: T, in units of the scaled reward.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of all networks.
    """

    num_envs: int = 4
    num_steps: int = 8
    num_updates: int = 16
    batch_size: int = 64
    capacity: int = 100_000
    random_steps: int = 500
    learning_rate: float = 3e-3
    gamma: float = 0.95
    target_rate: float = 0.02
    temperature: float = 0.02
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)


def sac_v(
    environment_id: str,
    config: SACVConfig,
    seed: int,
    value_loss: Callable[..., Tensor] = sac_value_loss,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    policy_loss: Callable[..., Tensor] = sac_policy_loss,
    squashed_log_prob: Callable[..., Tensor] = squashed_gaussian_log_prob,
    follow: Callable[..., None] = update_target,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`, with continuous actions.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        value_loss, loss, policy_loss, squashed_log_prob, follow, replay: the functions of lessons
            07 and 10, and the buffer, by default the reference: `sac_value_loss`, `critic_loss`,
            `sac_policy_loss`, `squashed_gaussian_log_prob`, `update_target` and `ReplayBuffer`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown or has discrete actions.

    Source: Haarnoja et al. (2018), arXiv:1801.01290, algorithm 1; lecture 001, "Soft Actor-Critic".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_squashed_policy(environment, config.hidden, generator, squashed_log_prob)
    q1, q2 = (make_q_function(environment, config.hidden, generator) for _ in range(2))
    critic = make_critic(environment, config.hidden, generator)
    target_critic = copy.deepcopy(critic)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    judges = [*critic.parameters(), *q1.parameters(), *q2.parameters()]
    critic_optimizer = torch.optim.Adam(judges, config.learning_rate, fused=True)
    explorer = Explorer(
        environment, config.capacity, seed, config.reward_scale, replay=replay
    )  # fmt: skip
    explorer.warm_up(config.random_steps, generator)
    update = 0
    while True:
        # 1. Act: the policy is random by itself.
        for _ in range(config.num_steps):
            explorer.step(lambda obs: policy.sample(obs, generator))

        for _ in range(config.num_updates):
            update += 1
            obs, action, reward, next_obs, terminated = explorer.buffer.sample(config.batch_size)

            # 2. Judge a fresh action: what the smaller critic says of it, and how random it was.
            fresh_action, log_prob = policy.act(obs, generator)
            with frozen(q1, q2):
                fresh_q1, fresh_q2 = q1(obs, fresh_action), q2(obs, fresh_action)
            value = critic(obs)
            with torch.no_grad():
                td_target = bootstrapped(reward, target_critic(next_obs), terminated, config.gamma)
            q_value = q1(obs, action)
            actor_loss = policy_loss(log_prob, fresh_q1, fresh_q2, config.temperature)
            judge_loss = (
                value_loss(value, fresh_q1, fresh_q2, log_prob, config.temperature)
                + loss(q_value, td_target)
                + loss(q2(obs, action), td_target)
            )
            require_finite(update, judge_loss, td_target=td_target, value=value, log_prob=log_prob)
            require_finite(update, actor_loss, log_prob=log_prob, q_value=q_value)

            # 3. Improve the actor, V and both Qs.
            optimizer.zero_grad()
            actor_loss.backward()
            critic_optimizer.zero_grad()
            judge_loss.backward()
            optimizer.step()
            critic_optimizer.step()

            # 4. Let V's slow copy follow.
            follow(target_critic, critic, config.target_rate)

        # 5. Report.
        metrics = {
            "loss": judge_loss.item(),
            "q_value": q_value.mean().item() / config.reward_scale,
            "entropy": -log_prob.mean().item(),
        }
        yield Progress(
            explorer.env_steps, explorer.take_finished_returns(), policy, metrics, critic
        )
