"""PPO's first form: several epochs on the same data, with a price on moving that adapts itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.batch import judged
from course_lib.algorithms.optimising import decay, descend
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import (
    adapt_kl_coef,
    critic_loss,
    generalized_advantage,
    kl_penalty_loss,
    minibatch_indices,
    normalize_advantage,
)
from course_lib.rollout import Collector


@dataclass(frozen=True)
class PPOKLConfig:
    """Settings of `ppo_kl`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before an update.
        epochs: how often an update goes over its T · N steps.
        minibatch_size: steps for one gradient.
        learning_rate: Adam's step size.
        decay_steps: environment steps over which the step size falls to 0; `None` keeps it.
        gamma: γ, the discount.
        gae_lambda: λ of generalised advantage estimation.
        kl_coef: β, the price of moving in the first update.
        target_kl: the KL divergence that an update should have.
        value_coef: weight of the critic's loss.
        normalize: whether advantages are normalised over the batch.
        max_grad_norm: a longer gradient is scaled to this length; policy and critic apart.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of both networks.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    num_envs: int = 16
    num_steps: int = 64
    epochs: int = 8
    minibatch_size: int = 256
    learning_rate: float = 3e-3
    decay_steps: int | None = None
    gamma: float = 0.99
    gae_lambda: float = 0.95
    kl_coef: float = 1.0
    target_kl: float = 0.01
    value_coef: float = 1.0
    normalize: bool = True
    max_grad_norm: float = 0.5
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def ppo_kl(
    environment_id: str,
    config: PPOKLConfig,
    seed: int,
    advantage: Callable[..., Tensor] = generalized_advantage,
    loss: Callable[..., Tensor] = kl_penalty_loss,
    adapt: Callable[[float, Tensor, float], float] = adapt_kl_coef,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
    minibatches: Callable[..., list[Tensor]] = minibatch_indices,
    kl: Callable[..., Tensor] | None = None,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        advantage, loss, adapt, normalize, minibatches, kl, sample: the functions of lessons 02, 05,
            08 and 09, with the reference in place of those that are not given:
            `generalized_advantage`, `kl_penalty_loss`, `adapt_kl_coef` (which may as well return
            the coefficient as it was), `normalize_advantage`, `minibatch_indices`, `categorical_kl`
            (or `gaussian_kl`) and `sample_categorical` (or `sample_gaussian`).

    Raises:
        ValueError: the loss is not finite, or the environment is unknown.

    Source: Schulman et al. (2017), arXiv:1707.06347, section 4; lecture 001, "Proximal Policy
    Optimization".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(
        environment, config.hidden, generator, config.distribution, sample=sample, kl=kl
    )
    critic = make_critic(environment, config.hidden, generator)
    parameters = list(policy.parameters()), list(critic.parameters())
    optimizer = torch.optim.Adam([*parameters[0], *parameters[1]], config.learning_rate, fused=True)
    collector = Collector(environment, generator)
    kl_coef, update = config.kl_coef, 0
    while True:
        # 1. Act.
        decay(optimizer, config.learning_rate, collector.env_steps, config.decay_steps)
        rollout = collector.collect(policy, config.num_steps)
        update += 1

        # 2. Judge every action against the critic's expectation; keep the policy as it acted.
        batch = judged(
            rollout, critic, advantage, normalize if config.normalize else None,
            config.gamma, config.gae_lambda, config.reward_scale,
        )  # fmt: skip
        with torch.no_grad():
            acted = tuple(part.clone() for part in policy.distribution(batch.obs))

        # 3. Improve, going over the same data several times; the price keeps that honest.
        for _ in range(config.epochs):
            for index in minibatches(len(batch.obs), config.minibatch_size, generator):
                obs, action, old_log_prob, weight, value_target = batch.rows(index)
                # A Gaussian's spread (D,) is the same for all rows.
                old = tuple(part[index] if len(part) == len(batch.obs) else part for part in acted)
                log_prob, value = policy.log_prob(obs, action), critic(obs)
                distance = policy.kl(old, obs)
                policy_loss = loss(log_prob, old_log_prob, weight, distance, kl_coef)
                objective = policy_loss + config.value_coef * critic_loss(value, value_target)
                require_finite(
                    update, objective,
                    advantage=weight, log_prob=log_prob, value=value, kl=distance,
                )  # fmt: skip
                descend(objective, optimizer, config.max_grad_norm, *parameters)

        # 4. Make moving dearer if the policy moved too far, cheaper if not far enough.
        with torch.no_grad():
            moved = policy.kl(acted, batch.obs).mean()
        metrics = {"loss": objective.item(), "kl": moved.item(), "kl_coef": kl_coef}
        kl_coef = adapt(kl_coef, moved, config.target_kl)

        # 5. Report.
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
