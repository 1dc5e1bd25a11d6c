"""REINFORCE with a learned value baseline: actions are judged by how much better than expected
things went. The critic only judges whole episodes afterwards; it bootstraps nothing (lesson 05)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_critic, make_policy
from course_lib.algorithms.optimising import descend
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import baseline_loss, reward_to_go, value_loss_monte_carlo
from course_lib.rollout import collect_episodes


@dataclass(frozen=True)
class ReinforceBaselineConfig:
    """Settings of `reinforce_baseline`; the defaults learn CartPole-v1.

    Attributes:
        episodes_per_update: N, whole episodes played before each update.
        learning_rate: Adam's step size for the policy.
        value_learning_rate: the same for the value function.
        value_epochs: gradient steps of the value function an update, each over all steps.
        subtract_value: whether V is subtracted; otherwise it is learned, but b = 0.
        gamma: γ, the discount.
        max_grad_norm: a longer gradient is scaled to this length; policy and value apart.
        reward_scale: factor of the rewards in learning, so that values are near 1.
        hidden: widths of the hidden layers of both networks.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    episodes_per_update: int = 4
    learning_rate: float = 0.005
    value_learning_rate: float = 0.01
    value_epochs: int = 10
    subtract_value: bool = True
    gamma: float = 0.99
    max_grad_norm: float = 1.0
    reward_scale: float = 0.1
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def reinforce_baseline(
    environment_id: str,
    config: ReinforceBaselineConfig,
    seed: int,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] = baseline_loss,
    value_loss: Callable[[Tensor, Tensor], Tensor] = value_loss_monte_carlo,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the networks and the actions.
        loss: `loss(log_prob, reward_to_go, baseline)`, each (B,): all steps of the N episodes in
            one row; by default the reference, `baseline_loss`.
        value_loss: `value_loss(value, reward_to_go)`, likewise `value_loss_monte_carlo`.
        sample: draws actions in place of the reference: `sample_categorical(logits, generator)` or
            `sample_gaussian(mean, log_std, generator)`.

    Raises:
        ValueError: a loss is not finite, or the environment is unknown.

    Source: Williams (1992); lecture 004, "REINFORCE with baseline"; lecture 003, "Baselines".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.episodes_per_update, seed)
    policy = make_policy(environment, config.hidden, generator, config.distribution, sample=sample)
    critic = make_critic(environment, config.hidden, generator)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    value_optimizer = torch.optim.Adam(critic.parameters(), config.value_learning_rate, fused=True)
    env_steps = update = 0
    while True:
        # 1. Act: N whole episodes; what is padding is left out.
        episodes = collect_episodes(policy, environment, generator)
        obs, action = episodes.obs[episodes.mask], episodes.action[episodes.mask]
        env_steps += len(obs)
        update += 1

        # 2. What came after each action, and what was to be expected there.
        to_go = reward_to_go(config.reward_scale * episodes.reward, config.gamma)[episodes.mask]
        with torch.no_grad():
            baseline = critic(obs) if config.subtract_value else torch.zeros(len(obs))

        # 3. Improve the policy, before V has seen these episodes: it must not know their actions.
        log_prob = policy.log_prob(obs, action)
        objective = loss(log_prob, to_go, baseline)
        require_finite(update, objective, log_prob=log_prob, reward_to_go=to_go, baseline=baseline)
        descend(objective, optimizer, config.max_grad_norm, policy.parameters())

        # 4. Improve the expectation.
        for _ in range(config.value_epochs):
            value = critic(obs)
            error = value_loss(value, to_go)
            require_finite(update, error, value=value, reward_to_go=to_go)
            descend(error, value_optimizer, config.max_grad_norm, critic.parameters())

        # 5. Report.
        metrics = {"loss": objective.item(), "value_loss": error.item()}
        yield Progress(env_steps, episodes.episode_return.tolist(), policy, metrics, critic)
