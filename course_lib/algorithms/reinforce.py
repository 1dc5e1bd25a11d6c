"""REINFORCE: play whole episodes, then make what was done before large returns more likely.

No baseline and no critic; lesson 03 adds them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.agents import make_policy
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.environments import make_vector
from course_lib.reference import reinforce_practical_loss
from course_lib.rollout import collect_episodes


@dataclass(frozen=True)
class ReinforceConfig:
    """Settings of `reinforce`; the defaults learn CartPole-v1.

    Attributes:
        episodes_per_update: N, whole episodes played before each update.
        learning_rate: Adam's step size.
        gamma: γ, the discount.
        max_grad_norm: a longer gradient is scaled to this length.
        hidden: widths of the policy's hidden layers.
        distribution: of continuous actions, "gaussian" or "beta".
    """

    episodes_per_update: int = 16
    learning_rate: float = 0.005
    gamma: float = 0.99
    max_grad_norm: float = 1.0
    hidden: tuple[int, ...] = (64, 64)
    distribution: str = "gaussian"


def reinforce(
    environment_id: str,
    config: ReinforceConfig,
    seed: int,
    loss: Callable[[Tensor, Tensor, float], Tensor] = reinforce_practical_loss,
    sample: Callable[..., Tensor] | None = None,
) -> Iterator[Progress]:
    """Train for ever, yielding after each update; the caller decides when to stop.

    Args:
        environment_id: a name known to `make_vector`.
        config: the settings.
        seed: of the environments, the network and the actions.
        loss: `loss(log_prob, reward, gamma)` of tensors (T, N), padded with 0 after each episode's
            end: one of the three REINFORCE losses, or a reader's own.
        sample: draws actions in place of the reference: `sample_categorical(logits, generator)` or
            `sample_gaussian(mean, log_std, generator)`.

    Raises:
        ValueError: the loss is not finite, or the environment is unknown.

    Source: Williams (1992); lecture 002, "REINFORCE"; lecture 004, "REINFORCE".
    """
    generator = torch.Generator().manual_seed(seed)
    environment = make_vector(environment_id, config.episodes_per_update, seed)
    policy = make_policy(environment, config.hidden, generator, config.distribution, sample=sample)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    env_steps = update = 0
    while True:
        # 1. Act: N whole episodes with the policy as it is.
        episodes = collect_episodes(policy, environment, generator)
        finished_returns = episodes.episode_return.tolist()
        env_steps += episodes.env_steps
        update += 1

        # 2. Weigh every action's log-probability by what came after it.
        log_prob = episodes.log_prob(policy)
        objective = loss(log_prob, episodes.reward, config.gamma)
        require_finite(update, objective, log_prob=log_prob, reward=episodes.reward)

        # 3. Improve. These episodes are of no use afterwards: the policy that played them is gone.
        optimizer.zero_grad()
        objective.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), config.max_grad_norm)
        optimizer.step()

        # 4. Report.
        yield Progress(env_steps, finished_returns, policy, {"loss": objective.item()})
