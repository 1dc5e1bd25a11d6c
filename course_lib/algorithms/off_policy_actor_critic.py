"""Off-policy actor-critic: steps of older policies are learned from again, weighed by their ratio.

The ratio says how much likelier the policy of today would take the action."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.optimising import clip_gradients
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.exploring import RolloutReplay
from course_lib.reference import critic_loss, first_order_loss, normalize_advantage, vtrace_target
from course_lib.rollout import Collector


@dataclass(frozen=True)
class OffPolicyActorCriticConfig:
    """Settings of `off_policy_actor_critic`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before the networks learn again.
        num_updates: how often they learn then, from other old rollouts each time.
        num_rollouts: rollouts in an update, the newest among them.
        capacity: how many rollouts the replay keeps.
        learning_rate: Adam's step size for the policy.
        critic_learning_rate: the same for the critic.
        gamma: γ, the discount.
        rho_bar: ρ̄, what the weight of a step is clipped to, in the critic's targets and in the
            policy's gradient.
        c_bar: c̄, what the weight of later surprises is clipped to.
        max_grad_norm: a longer gradient is scaled to this length; policy and critic apart.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of both networks.
    """

    num_envs: int = 16
    num_steps: int = 16
    num_updates: int = 4
    num_rollouts: int = 4
    capacity: int = 32
    learning_rate: float = 1e-3
    critic_learning_rate: float = 5e-3
    gamma: float = 0.99
    rho_bar: float = 1.0
    c_bar: float = 1.0
    max_grad_norm: float = 0.5
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)


@torch.no_grad()
def weighed_advantage(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    ratio: Tensor,
    value_target: Tensor,
    gamma: float,
    rho_bar: float,
) -> Tensor:
    """What an action was worth beyond expectation, times the share of its ratio that is trusted.

        A_t = r_{t+1} + γ (1 − terminated_t) v_{t+1} − V(s_t),   weight  min(1, ρ̄/ρ_t) A_t

    v_{t+1} is the next step's target, and V(s_{t+1}) where the episode or the rollout ends. The
    policy's loss multiplies by ρ_t, so that what counts is min(ρ̄, ρ_t) A_t: as in the critic's
    target, no step weighs more than ρ̄.

    Args:
        reward, value, next_value, terminated, truncated: (T, N), as for `vtrace_target`.
        ratio: (T, N) ρ_t = π(a_t|s_t)/b(a_t|s_t).
        value_target: (T, N) v_t.
        gamma: γ, the discount.
        rho_bar: ρ̄ > 0.

    Returns:
        (T, N), without a gradient.

    Source: Espeholt et al. (2018), "IMPALA", section 4.2.
    """
    following = next_value.clone()
    inside = ~(terminated | truncated)[:-1]
    following[:-1] = torch.where(inside, value_target[1:], next_value[:-1])
    advantage = reward + gamma * following.masked_fill(terminated, 0) - value
    return (rho_bar / ratio).clamp(max=1.0) * advantage


def off_policy_actor_critic(
    environment_id: str,
    config: OffPolicyActorCriticConfig,
    seed: int,
    target: Callable[..., Tensor] = vtrace_target,
    loss: Callable[[Tensor, Tensor], Tensor] = critic_loss,
    policy_loss: Callable[[Tensor, Tensor, Tensor], Tensor] = first_order_loss,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
) -> Iterator[Progress]:
    """Train for ever, yielding after each round of updates; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks, the actions and the replay.
        target, loss, policy_loss, normalize: the functions of lessons 05 to 07, by default the
            reference: `vtrace_target`, `critic_loss`, `first_order_loss`, `normalize_advantage`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown.

    Source: Espeholt et al. (2018), "IMPALA", arXiv:1802.01561, section 5.2.2 (replay); lecture 000,
    "Off-policy actor-critic"; lecture 003, "A first-order approximation for IS".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(environment, config.hidden, generator)
    critic = make_critic(environment, config.hidden, generator)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    critic_optimizer = torch.optim.Adam(
        critic.parameters(), config.critic_learning_rate, fused=True
    )
    collector = Collector(environment, generator)
    replay = RolloutReplay(config.capacity, seed)
    update = 0
    while True:
        # 1. Act, and remember how likely each action was.
        rollout = collector.collect(policy, config.num_steps)
        replay.add(rollout)

        for _ in range(config.num_updates):
            update += 1
            old = replay.sample(config.num_rollouts)
            reward = config.reward_scale * old.reward

            # 2. Correct for actions that the policy of today would take more or less often.
            log_prob, value = policy.log_prob(old.obs, old.action), critic(old.obs)
            with torch.no_grad():
                next_value, ratio = critic(old.next_obs), (log_prob - old.log_prob).exp()
                value_target = target(
                    reward, value, next_value, old.terminated, old.truncated,
                    log_prob, old.log_prob, config.gamma, config.rho_bar, config.c_bar,
                )  # fmt: skip
                weight = weighed_advantage(
                    reward, value, next_value, old.terminated, old.truncated,
                    ratio, value_target, config.gamma, config.rho_bar,
                )  # fmt: skip

            # 3. Improve critic and policy.
            value_loss = loss(value, value_target)
            actor_loss = policy_loss(log_prob, old.log_prob, normalize(weight, 1e-8))
            require_finite(update, value_loss, value=value, value_target=value_target)
            require_finite(update, actor_loss, log_prob=log_prob, advantage=weight)
            optimizer.zero_grad()
            critic_optimizer.zero_grad()
            (actor_loss + value_loss).backward()
            clip_gradients(config.max_grad_norm, policy.parameters(), critic.parameters())
            optimizer.step()
            critic_optimizer.step()

        # 4. Report.
        metrics = {"loss": actor_loss.item(), "ratio": ratio.mean().item()}
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
