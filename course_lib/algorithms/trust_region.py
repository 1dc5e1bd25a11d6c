"""The training loop that NPG, TNPG and both forms of TRPO share: they differ in one step of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.batch import Batch, judged
from course_lib.algorithms.local_problem import LocalProblem
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.policies import Critic
from course_lib.reference import (
    critic_loss,
    generalized_advantage,
    minibatch_indices,
    normalize_advantage,
    surrogate_objective,
)
from course_lib.rollout import Collector


@dataclass(frozen=True)
class TrustRegionConfig:
    """Settings of `npg`, `tnpg`, `trpo` and `trpo_lagrangian`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each environment before an update.
        gamma: γ, the discount.
        gae_lambda: λ of generalised advantage estimation.
        max_kl: how far, in nats, an update may move the policy.
        damping: added to the Fisher matrix's diagonal.
        critic_epochs: how often the critic goes over the T · N steps.
        minibatch_size: steps for one gradient of the critic.
        critic_learning_rate: Adam's step size for the critic.
        normalize: whether advantages are normalised over the batch.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of both networks.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    num_envs: int = 16
    num_steps: int = 64
    gamma: float = 0.99
    gae_lambda: float = 0.97
    max_kl: float = 0.02
    damping: float = 0.01
    critic_epochs: int = 10
    minibatch_size: int = 256
    critic_learning_rate: float = 3e-3
    normalize: bool = True
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def fit_critic(
    critic: Critic,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: TrustRegionConfig,
    update: int,
    generator: torch.Generator,
) -> None:
    """Regress V on the batch's targets; the critic needs no trust region."""
    for _ in range(config.critic_epochs):
        for index in minibatch_indices(len(batch.obs), config.minibatch_size, generator):
            value, value_target = critic(batch.obs[index]), batch.value_target[index]
            loss = critic_loss(value, value_target)
            require_finite(update, loss, value=value, value_target=value_target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def trust_region(
    environment_id: str,
    config: TrustRegionConfig,
    seed: int,
    improve: Callable[[LocalProblem], dict[str, float]],
    advantage: Callable[..., Tensor] = generalized_advantage,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
    surrogate: Callable[[Tensor, Tensor, Tensor], Tensor] = surrogate_objective,
    kl: Callable[..., Tensor] | None = None,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks, the actions and the critic's minibatches.
        improve: moves the problem's policy, and returns numbers worth plotting.
        advantage, normalize, surrogate, kl, sample: the functions of lessons 02, 05 and 08, with
            the reference in place of those that are not given: `generalized_advantage`,
            `normalize_advantage`, `surrogate_objective`, `categorical_kl` (or `gaussian_kl`) and
            `sample_categorical` (or `sample_gaussian`).

    Raises:
        ValueError: a loss is not finite, or the environment is unknown.

    Source: Schulman et al. (2015), arXiv:1502.05477, with a critic and generalised advantages.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(
        environment, config.hidden, generator, config.distribution, sample=sample, kl=kl
    )
    critic = make_critic(environment, config.hidden, generator)
    optimizer = torch.optim.Adam(critic.parameters(), config.critic_learning_rate, fused=True)
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act.
        rollout = collector.collect(policy, config.num_steps)
        update += 1

        # 2. Judge every action against the critic's expectation.
        batch = judged(
            rollout, critic, advantage, normalize if config.normalize else None,
            config.gamma, config.gae_lambda, config.reward_scale,
        )  # fmt: skip

        # 3. Improve the policy, but keep near the one that acted.
        problem = LocalProblem(policy, batch, update, surrogate)
        metrics = improve(problem)
        with torch.no_grad():
            metrics |= {
                "kl": problem.mean_kl().item(),
                "entropy": policy.entropy(batch.obs).mean().item(),
            }

        # 4. Improve the critic.
        fit_critic(critic, optimizer, batch, config, update, generator)

        # 5. Report.
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)
