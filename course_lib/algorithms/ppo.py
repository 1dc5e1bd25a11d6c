"""PPO: several epochs on the same data, while a clip keeps the policy near the one that acted.

Its older form, with a price on the KL divergence instead, is in ppo_kl.py."""

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
    approximate_kl,
    clip_fraction,
    generalized_advantage,
    minibatch_indices,
    normalize_advantage,
    ppo_loss,
)
from course_lib.rollout import Collector


@dataclass(frozen=True)
class PPOConfig:
    """Settings of `ppo`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before an update.
        epochs: how often an update goes over its T · N steps.
        minibatch_size: steps for one gradient.
        learning_rate: Adam's step size.
        decay_steps: environment steps over which the step size falls to 0; `None` keeps it.
        gamma: γ, the discount.
        gae_lambda: λ of generalised advantage estimation.
        clip_epsilon: ε, how far a probability ratio may move.
        value_coef: weight of the critic's loss.
        entropy_coef: weight of the entropy that keeps the policy trying things.
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
    clip_epsilon: float = 0.2
    value_coef: float = 1.0
    entropy_coef: float = 0.0
    normalize: bool = True
    max_grad_norm: float = 0.5
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def ppo(
    environment_id: str,
    config: PPOConfig,
    seed: int,
    advantage: Callable[..., Tensor] = generalized_advantage,
    loss: Callable[..., Tensor] = ppo_loss,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
    minibatches: Callable[..., list[Tensor]] = minibatch_indices,
    entropy: Callable[[Tensor], Tensor] | None = None,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        advantage, loss, normalize, minibatches, entropy, sample: the functions of lessons 02, 05
            and 09, with the reference in place of those that are not given:
            `generalized_advantage`, `ppo_loss`, `normalize_advantage`, `minibatch_indices`,
            `categorical_entropy` (or `gaussian_entropy`) and `sample_categorical` (or
            `sample_gaussian`).

    Raises:
        ValueError: the loss is not finite, or the environment is unknown.

    Source: Schulman et al. (2017), arXiv:1707.06347, algorithm 1; lecture 001, "Proximal Policy
    Optimization 2".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(
        environment, config.hidden, generator, config.distribution, sample=sample, entropy=entropy
    )
    critic = make_critic(environment, config.hidden, generator)
    parameters = list(policy.parameters()), list(critic.parameters())
    optimizer = torch.optim.Adam([*parameters[0], *parameters[1]], config.learning_rate, fused=True)
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act.
        decay(optimizer, config.learning_rate, collector.env_steps, config.decay_steps)
        rollout = collector.collect(policy, config.num_steps)
        update += 1

        # 2. Judge every action against the critic's expectation.
        batch = judged(
            rollout, critic, advantage, normalize if config.normalize else None,
            config.gamma, config.gae_lambda, config.reward_scale,
        )  # fmt: skip

        # 3. Improve, going over the same data several times; the clip keeps that honest.
        for _ in range(config.epochs):
            for index in minibatches(len(batch.obs), config.minibatch_size, generator):
                obs, action, old_log_prob, weight, value_target = batch.rows(index)
                log_prob, spread = policy.log_prob_and_entropy(obs, action)
                value = critic(obs)
                objective = loss(
                    log_prob, old_log_prob, weight, value, value_target, spread,
                    config.clip_epsilon, config.value_coef, config.entropy_coef,
                )  # fmt: skip
                require_finite(
                    update, objective,
                    advantage=weight, log_prob=log_prob, value=value, entropy=spread,
                )  # fmt: skip
                descend(objective, optimizer, config.max_grad_norm, *parameters)

        # 4. Report, as of the last minibatch.
        metrics = {
            "loss": objective.item(),
            "entropy": spread.mean().item(),
            "kl": approximate_kl(log_prob, old_log_prob).item(),
            "clip_fraction": clip_fraction(log_prob, old_log_prob, config.clip_epsilon).item(),
        }
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
