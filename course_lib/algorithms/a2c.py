"""A2C, advantage actor-critic: a critic says what to expect, the actor learns from the surprise."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.optimising import descend
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import a2c_loss, generalized_advantage, normalize_advantage
from course_lib.rollout import Collector


@dataclass(frozen=True)
class A2CConfig:
    """Settings of `a2c`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before an update.
        learning_rate: Adam's step size for the policy.
        critic_learning_rate: the same for the critic, which has to keep ahead of the policy.
        gamma: γ, the discount.
        gae_lambda: λ of generalised advantage estimation.
        value_coef: weight of the critic's loss.
        entropy_coef: weight of the entropy that keeps the policy trying things.
        normalize: whether advantages are normalised over the batch.
        max_grad_norm: a longer gradient is scaled to this length; policy and critic apart.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of both networks.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    num_envs: int = 16
    num_steps: int = 16
    learning_rate: float = 1e-3
    critic_learning_rate: float = 5e-3
    gamma: float = 0.99
    gae_lambda: float = 0.95
    value_coef: float = 0.5
    entropy_coef: float = 0.0
    normalize: bool = True
    max_grad_norm: float = 0.5
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def a2c(
    environment_id: str,
    config: A2CConfig,
    seed: int,
    advantage: Callable[..., Tensor] = generalized_advantage,
    loss: Callable[..., Tensor] = a2c_loss,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
    entropy: Callable[[Tensor], Tensor] | None = None,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks and the actions.
        advantage, loss, normalize, entropy, sample: the functions of lessons 02 and 05, with the
            reference in place of those that are not given: `generalized_advantage`, `a2c_loss`,
            `normalize_advantage`, `categorical_entropy` (or `gaussian_entropy`) and
            `sample_categorical` (or `sample_gaussian`).

    Raises:
        ValueError: the loss is not finite, or the environment is unknown.

    Source: Mnih et al. (2016), arXiv:1602.01783, synchronous; lecture 000, "A2C pseudocode".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(
        environment, config.hidden, generator, config.distribution, sample=sample, entropy=entropy
    )
    critic = make_critic(environment, config.hidden, generator)
    parameters = list(policy.parameters()), list(critic.parameters())
    rates = config.learning_rate, config.critic_learning_rate
    optimizer = torch.optim.Adam(
        [{"params": params, "lr": rate} for params, rate in zip(parameters, rates, strict=True)],
        fused=True,
    )
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act.
        rollout = collector.collect(policy, config.num_steps, with_log_prob=False)
        update += 1

        # 2. Judge every action against the critic's expectation.
        value = critic(rollout.obs)
        with torch.no_grad():
            estimate = advantage(
                config.reward_scale * rollout.reward, value.detach(), critic(rollout.next_obs),
                rollout.terminated, rollout.truncated,
                gamma=config.gamma, gae_lambda=config.gae_lambda,
            )  # fmt: skip
            value_target = estimate + value
            weight = normalize(estimate, 1e-8) if config.normalize else estimate

        # 3. Improve policy and critic, once: afterwards the data is of an older policy.
        log_prob, spread = policy.log_prob_and_entropy(rollout.obs, rollout.action)
        objective = loss(
            log_prob, weight, value, value_target, spread, config.value_coef, config.entropy_coef
        )
        require_finite(
            update, objective, log_prob=log_prob, advantage=estimate, value=value, entropy=spread
        )
        descend(objective, optimizer, config.max_grad_norm, *parameters)

        # 4. Report.
        metrics = {"loss": objective.item(), "entropy": spread.mean().item()}
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
