"""PPO once more, with the details that papers do not write down as settings.

The plain loop, which the lessons read, is in course_lib.algorithms.ppo.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.batch import judged
from course_lib.algorithms.optimising import decay, descend
from course_lib.algorithms.ppo import PPOConfig
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.networks import Layers, Rescale
from course_lib.reference import (
    RunningNormalizer,
    clipped_value_loss,
    generalized_advantage,
    minibatch_indices,
    normalize_advantage,
    ppo_loss,
)
from course_lib.rollout import Collector

OBSERVATIONS = ("known scales", "raw", "running statistics")


@dataclass(frozen=True)
class DetailedPPOConfig(PPOConfig):
    """Settings of `detailed_ppo`: those of `ppo`, and

    Attributes:
        value_clip: ε of the clipped value loss, in units of the scaled return; `None` for none.
        orthogonal: weights orthogonal and the policy's last layer small; else torch's own.
        observations: "known scales" divides by typical sizes that somebody has looked up, "raw"
            leaves them alone, "running statistics" brings them to mean 0 and spread 1.
    """

    value_clip: float | None = None
    orthogonal: bool = True
    observations: str = "known scales"


class Standardize(nn.Module):
    """Brings observations to the running mean 0 and spread 1: the first layer of a network."""

    def __init__(self, normalizer: Any) -> None:
        super().__init__()
        self.normalizer = normalizer

    def forward(self, obs: Tensor) -> Tensor:
        return self.normalizer.normalize(obs)


def torch_defaults(network: nn.Sequential, generator: torch.Generator) -> None:
    """Draw weights and biases as `nn.Linear` does: uniform, up to 1/√(number of inputs)."""
    for layer in network:
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def with_details(
    network: nn.Sequential, config: DetailedPPOConfig, normalizer: Any, generator: torch.Generator
) -> Layers:
    """The same network with the weights and the first layer that the settings ask for.

    Raises:
        ValueError: there is no such treatment of observations.
    """
    if config.observations not in OBSERVATIONS:
        known = ", ".join(map(repr, OBSERVATIONS))
        raise ValueError(f"observations must be one of {known}, got {config.observations!r}")
    if not config.orthogonal:
        torch_defaults(network, generator)
    layers = list(network)
    if config.observations != "known scales" and isinstance(layers[0], Rescale):
        layers.pop(0)
    if config.observations == "running statistics":
        layers.insert(0, Standardize(normalizer))
    return Layers(*layers)


def detailed_ppo(
    environment_id: str,
    config: DetailedPPOConfig,
    seed: int,
    advantage: Callable[..., Tensor] = generalized_advantage,
    loss: Callable[..., Tensor] = ppo_loss,
    value_loss: Callable[..., Tensor] = clipped_value_loss,
    normalize: Callable[[Tensor, float], Tensor] = normalize_advantage,
    minibatches: Callable[..., list[Tensor]] = minibatch_indices,
    normalizer: Callable[[tuple[int, ...]], Any] = RunningNormalizer,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks, the actions and the minibatches.
        advantage, loss, value_loss, normalize, minibatches, normalizer: the functions of lessons 05
            and 09, with the reference in place of those that are not given:
            `generalized_advantage`, `ppo_loss`, `clipped_value_loss`, `normalize_advantage`,
            `minibatch_indices` and the class `RunningNormalizer`.

    Raises:
        ValueError: the loss is not finite, or the environment or a setting is unknown.

    Source: Engstrom et al. (2020), "Implementation Matters in Deep Policy Gradients"; lecture 001.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(environment, config.hidden, generator, config.distribution)
    critic = make_critic(environment, config.hidden, generator)
    statistics = normalizer((environment.observation_size,))
    name = "logits" if hasattr(policy, "logits") else "mean"
    for network, part in ((policy, name), (critic, "value")):
        detailed = with_details(getattr(network, part), config, statistics, generator)
        setattr(network, part, detailed)
    parameters = [*policy.parameters(), *critic.parameters()]
    optimizer = torch.optim.Adam(parameters, config.learning_rate, fused=True)
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act, and judge every action against the critic's expectation.
        decay(optimizer, config.learning_rate, collector.env_steps, config.decay_steps)
        rollout = collector.collect(policy, config.num_steps)
        update += 1
        batch = judged(
            rollout, critic, advantage, normalize if config.normalize else None,
            config.gamma, config.gae_lambda, config.reward_scale,
        )  # fmt: skip
        with torch.no_grad():
            old_value = critic(batch.obs)

        # 2. Improve, going over the same data several times.
        for _ in range(config.epochs):
            for index in minibatches(len(batch.obs), config.minibatch_size, generator):
                obs, action, old_log_prob, weight, value_target = batch.rows(index)
                log_prob, spread = policy.log_prob_and_entropy(obs, action)
                value = critic(obs)
                plain = config.value_coef if config.value_clip is None else 0.0
                objective = loss(
                    log_prob, old_log_prob, weight, value, value_target, spread,
                    config.clip_epsilon, plain, config.entropy_coef,
                )  # fmt: skip
                if config.value_clip is not None:
                    held = value_loss(value, old_value[index], value_target, config.value_clip)
                    objective = objective + config.value_coef * held
                require_finite(update, objective, log_prob=log_prob, value=value)
                descend(
                    objective,
                    optimizer,
                    config.max_grad_norm,
                    policy.parameters(),
                    critic.parameters(),
                )

        # 3. Look at the new observations. Earlier, the ratios would not start from 1.
        if config.observations == "running statistics":
            statistics.update(rollout.obs.flatten(0, 1))
        yield Progress(collector.env_steps, rollout.finished_returns, policy, {}, critic)
