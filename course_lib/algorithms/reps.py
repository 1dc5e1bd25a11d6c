"""Relative entropy policy search: prefer what turned out well, as far as a bound on the change of
the data's distribution allows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import (
    generalized_advantage,
    reps_dual,
    reps_weight,
    value_loss_monte_carlo,
)
from course_lib.rollout import Collector

BISECTIONS = 40
RANGE = 1e4  # η is looked for between the advantages' spread divided by this and times this


@dataclass(frozen=True)
class REPSConfig:
    """Settings of `reps`; the defaults learn CartPole-v1.

    Attributes:
        num_envs: N, environments stepped together.
        num_steps: T, steps of each before an update.
        epsilon: ε, the KL divergence that the weighted data may have from the data, in nats.
        num_epochs: gradient steps of policy and critic on the same data.
        learning_rate, critic_learning_rate: Adam's step sizes.
        gamma: γ, the discount.
        gae_lambda: λ of the advantages.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        max_grad_norm: a longer gradient is scaled to this length, each network's by itself.
        hidden: widths of the hidden layers.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    num_envs: int = 16
    num_steps: int = 64
    epsilon: float = 0.5
    num_epochs: int = 10
    learning_rate: float = 0.003
    critic_learning_rate: float = 0.003
    gamma: float = 0.99
    gae_lambda: float = 0.95
    reward_scale: float = 0.1
    max_grad_norm: float = 1.0
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def reps(
    environment_id: str,
    config: REPSConfig,
    seed: int,
    dual: Callable[[Tensor, Tensor, float], Tensor] = reps_dual,
    weight: Callable[[Tensor, Tensor], Tensor] = reps_weight,
    advantage: Callable[..., Tensor] = generalized_advantage,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    The temperature η of the weights chooses itself, by minimising the dual. Departing from the
    paper, the advantages come from a critic that is fitted beforehand, not from the dual's own
    value function.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks and the actions.
        dual: `dual(advantage, eta, epsilon)` → (), by default `reps_dual`.
        weight: `weight(advantage, eta)` → weights that sum to 1, by default `reps_weight`.
        advantage: by default `generalized_advantage`.

    Raises:
        ValueError: advantages or a loss that are not finite, or the environment is unknown.

    Source: Peters, Mülling and Altün (2010), "Relative Entropy Policy Search"; lecture 001, the
    benchmark's REPS.
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.num_envs, seed)
    policy = make_policy(environment, config.hidden, generator, config.distribution)
    critic = make_critic(environment, config.hidden, generator)
    networks = ((policy, config.learning_rate), (critic, config.critic_learning_rate))
    optimizers = [torch.optim.Adam(net.parameters(), rate, fused=True) for net, rate in networks]
    collector = Collector(environment, generator)
    update = 0
    while True:
        # 1. Act.
        rollout = collector.collect(policy, config.num_steps)
        update += 1

        # 2. Judge every action against the critic's expectation.
        reward = config.reward_scale * rollout.reward
        with torch.no_grad():
            value, next_value = critic(rollout.obs), critic(rollout.next_obs)
            better = advantage(
                reward, value, next_value, rollout.terminated, rollout.truncated,
                config.gamma, config.gae_lambda,
            )  # fmt: skip

        require_finite(update, better.mean(), reward=reward, value=value, advantage=better)

        # 3. The temperature that the bound allows, and how much each action is to count then.
        eta = minimising_eta(better.flatten(), config.epsilon, dual)
        action_weight = weight(better.flatten(), eta).view_as(better)

        # 4. Regression: the policy on the weighted actions, the critic on what they led to.
        for _ in range(config.num_epochs):
            actor_loss = -(action_weight * policy.log_prob(rollout.obs, rollout.action)).sum()
            critic_loss = value_loss_monte_carlo(critic(rollout.obs), better + value)
            require_finite(
                update, actor_loss + critic_loss, weight=action_weight, actor_loss=actor_loss
            )
            for optimizer in optimizers:
                optimizer.zero_grad()
            (actor_loss + critic_loss).backward()
            for (network, _), optimizer in zip(networks, optimizers, strict=True):
                torch.nn.utils.clip_grad_norm_(network.parameters(), config.max_grad_norm)
                optimizer.step()

        # 5. Report.
        metrics = {
            "eta": eta.item(), "loss": actor_loss.item(), "critic_loss": critic_loss.item(),
        }  # fmt: skip
        yield Progress(collector.env_steps, rollout.finished_returns, policy, metrics, critic)


def minimising_eta(
    advantage: Tensor, epsilon: float, dual: Callable[[Tensor, Tensor, float], Tensor] = reps_dual
) -> Tensor:
    """The η at which the dual is smallest, by bisection of its slope on a logarithmic scale.

    The dual is convex, so its slope changes its sign once. Where no η is small enough to use up ε
    (fewer samples than e^ε), or all advantages are the same, the end of the range is returned.

    Args:
        advantage: (n,) A.
        epsilon: ε ≥ 0.
        dual: `dual(advantage, eta, epsilon)` → ().

    Returns:
        () η > 0, float64, between the spread of the advantages times 1e-4 and times 1e4.
    """
    advantage = advantage.detach().to(torch.float64)
    spread = advantage.std(correction=0).clamp(min=1e-12).log()
    low, high = (spread + side * torch.tensor(RANGE).log() for side in (-1, 1))
    for _ in range(BISECTIONS):
        middle = ((low + high) / 2).requires_grad_()
        (slope,) = torch.autograd.grad(dual(advantage, middle.exp(), epsilon), middle)
        low, high = (low, middle.detach()) if slope > 0 else (middle.detach(), high)
    return ((low + high) / 2).exp()
