"""Q-Prop: a critic from replayed steps takes the variance out of an on-policy gradient."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy, make_q_function
from course_lib.algorithms.batch import judged
from course_lib.algorithms.optimising import clip_gradients, decay
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.critics import frozen
from course_lib.environments import make_vector
from course_lib.reference import (
    ReplayBuffer,
    critic_loss,
    ddpg_target,
    generalized_advantage,
    qprop_baseline,
    qprop_loss,
    update_target,
)
from course_lib.replay import Replay
from course_lib.rollout import Collector


@dataclass(frozen=True)
class QPropConfig:
    """Settings of `q_prop`; the defaults learn continuous CartPole.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before an update.
        num_updates: minibatches that Q learns from then.
        batch_size: transitions in a minibatch.
        capacity: how many transitions the replay buffer keeps.
        learning_rate: Adam's step size for the policy, at the start.
        decay_steps: environment steps after which it is 0; `None` keeps it.
        critic_learning_rate: the same for V and Q.
        gamma: γ, the discount.
        gae_lambda: λ of generalised advantage estimation.
        target_rate: share of the way that the slow copies follow after each minibatch.
        max_grad_norm: a longer gradient is scaled to this length; each network's apart.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of all networks.
    """

    num_envs: int = 16
    num_steps: int = 16
    num_updates: int = 8
    batch_size: int = 64
    capacity: int = 100_000
    learning_rate: float = 3e-3
    decay_steps: int | None = 40_000
    critic_learning_rate: float = 5e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    target_rate: float = 0.02
    max_grad_norm: float = 0.5
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)


def q_prop(
    environment_id: str,
    config: QPropConfig,
    seed: int,
    advantage: Callable[..., Tensor] = generalized_advantage,
    target: Callable[..., Tensor] = ddpg_target,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    baseline: Callable[..., Tensor] = qprop_baseline,
    policy_loss: Callable[..., Tensor] = qprop_loss,
    follow: Callable[..., None] = update_target,
    replay: Callable[..., Replay] = ReplayBuffer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`, with continuous actions.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        advantage, target, loss, baseline, policy_loss, follow, replay: the functions of lessons 05
            and 07, and the buffer, by default the reference: `generalized_advantage`,
            `ddpg_target`, `critic_loss`, `qprop_baseline`, `qprop_loss`, `update_target` and
            `ReplayBuffer`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown or has discrete actions.

    Source: Gu et al. (2017), "Q-Prop", arXiv:1611.02247, algorithm 1, with one gradient step for a
    trust region; lecture 000, "Q-Prop".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    q_function = make_q_function(environment, config.hidden, generator)
    policy = make_policy(environment, config.hidden, generator)
    critic = make_critic(environment, config.hidden, generator)
    slow_mean, slow_q_function = copy.deepcopy(policy.mean), copy.deepcopy(q_function)
    optimizer, critic_optimizer, q_optimizer = (
        torch.optim.Adam(network.parameters(), learning_rate, fused=True)
        for network, learning_rate in (
            (policy, config.learning_rate),
            (critic, config.critic_learning_rate),
            (q_function, config.critic_learning_rate),
        )
    )
    size, actions = environment.observation_size, environment.action_size
    buffer = replay(config.capacity, (size,), (actions,), seed)
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act, and remember.
        rollout = collector.collect(policy, config.num_steps)
        update += 1
        columns = rollout.obs, rollout.action, rollout.reward, rollout.next_obs, rollout.terminated
        buffer.add(*(column.flatten(0, 1) for column in columns))

        # 2. Teach Q what the mean action is worth, from steps of any age.
        for _ in range(config.num_updates):
            obs, action, reward, next_obs, terminated = buffer.sample(config.batch_size)
            reward = config.reward_scale * reward
            td_target = target(
                reward, next_obs, terminated, slow_mean, slow_q_function, config.gamma
            )
            q_loss = loss(q_function(obs, action), td_target)
            require_finite(update, q_loss, td_target=td_target)
            q_optimizer.zero_grad()
            q_loss.backward()
            q_optimizer.step()
            follow(slow_mean, policy.mean, config.target_rate)
            follow(slow_q_function, q_function, config.target_rate)

        # 3. How much better than expected the fresh actions were, and what of it Q foresaw.
        batch = judged(
            rollout, critic, advantage, None, config.gamma, config.gae_lambda, config.reward_scale
        )
        with torch.no_grad():
            mean_action = policy.mean(batch.obs)
            foreseen = baseline(q_function, batch.obs, batch.action, mean_action)
            foreseen -= q_function(batch.obs, mean_action)

        # 4. Improve the policy: by the likelihood ratio what Q did not foresee, else by its slope.
        log_prob, value = policy.log_prob(batch.obs, batch.action), critic(batch.obs)
        with frozen(q_function):
            actor_loss = policy_loss(
                log_prob, batch.advantage, foreseen, batch.obs, policy.mean, q_function
            )
        value_loss = loss(value, batch.value_target)
        require_finite(update, actor_loss, log_prob=log_prob, advantage=batch.advantage)
        require_finite(update, value_loss, value=value, value_target=batch.value_target)
        decay(optimizer, config.learning_rate, collector.env_steps, config.decay_steps)
        optimizer.zero_grad()
        critic_optimizer.zero_grad()
        (actor_loss + value_loss).backward()
        clip_gradients(config.max_grad_norm, policy.parameters(), critic.parameters())
        optimizer.step()
        critic_optimizer.step()

        # 5. Report.
        residual = (batch.advantage - foreseen).var() / batch.advantage.var()
        metrics = {"loss": actor_loss.item(), "left_to_explain": residual.item()}
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
