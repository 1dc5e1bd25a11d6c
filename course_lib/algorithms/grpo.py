"""GRPO: a language model answers each prompt several times, and learns which answers were better.

No critic: what an answer is worth is told by the other answers to the same prompt."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.algorithms.optimising import clip_gradients
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.imitation import supervised_start
from course_lib.language_tasks import find_task
from course_lib.reference import (
    group_advantage,
    grpo_loss,
    kl_to_reference,
    sample_categorical,
    token_log_prob,
)


@dataclass(frozen=True)
class GRPOConfig:
    """Settings of `grpo`; the defaults learn SortDigits-v0.

    Attributes:
        start_updates: gradient steps of imitation before the first reward; few, for a weak start.
        start_batch_size: right answers in each of them.
        start_learning_rate: Adam's step size there.
        reward: which of the task's rewards is paid; "right" is the honest one.
        num_prompts: P, prompts an update.
        group_size: G, answers to each of them.
        num_epochs: gradient steps on the same answers; the clip keeps that honest.
        learning_rate: Adam's step size when learning from rewards.
        clip_epsilon: ε, how far a token's ratio may move before it is silenced.
        kl_coef: β, the price of leaving the supervised start.
        eps: added to each group's standard deviation.
        max_grad_norm: longer gradients are scaled to this length.
        width, heads, layers: of the transformer.
    """

    start_updates: int = 45
    start_batch_size: int = 64
    start_learning_rate: float = 3e-3
    reward: str = "right"
    num_prompts: int = 32
    group_size: int = 8
    num_epochs: int = 2
    learning_rate: float = 1e-3
    clip_epsilon: float = 0.2
    kl_coef: float = 0.01
    eps: float = 1e-4
    max_grad_norm: float = 1.0
    width: int = 32
    heads: int = 4
    layers: int = 2


def grpo(
    environment_id: str,
    config: GRPOConfig,
    seed: int,
    log_probability: Callable[[Tensor, Tensor], Tensor] = token_log_prob,
    advantage: Callable[[Tensor, float], Tensor] = group_advantage,
    divergence: Callable[[Tensor, Tensor], Tensor] = kl_to_reference,
    loss: Callable[..., Tensor] = grpo_loss,
    sample: Callable[[Tensor, torch.Generator], Tensor] = sample_categorical,
) -> Iterator[Progress]:
    """Train for ever, yielding after each batch of answers; the caller decides when to stop.

    A step of the environment is a token. `Progress.finished_returns` holds the answers' rewards,
    whichever is paid; the metric "success" is the share of right ones.

    Args:
        environment_id: a name known to `find_task`.
        config: the settings.
        seed: of the weights, the prompts and the answers.
        log_probability, advantage, divergence, loss, sample: the functions of lessons 12 and 02, by
            default the reference: `token_log_prob`, `group_advantage`, `kl_to_reference`,
            `grpo_loss` and `sample_categorical`. The divergence is measured for the metric "kl".

    Raises:
        ValueError: the loss is not finite, or there is no such task or reward.

    Source: Shao et al. (2024), arXiv:2402.03300, algorithm 1.
    """
    generator = torch.Generator().manual_seed(seed)
    task = find_task(environment_id)
    reward_function = task.reward(config.reward)
    policy = supervised_start(task, config, generator, sample)
    reference = copy.deepcopy(policy).requires_grad_(False)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    env_steps = update = 0
    while True:
        # 1. Answer each prompt several times, and let the program mark the answers.
        prompt = task.prompts(config.num_prompts, generator)
        answers = policy.write(prompt.repeat_interleave(config.group_size, 0), generator)
        env_steps += answers.num_tokens
        reward = reward_function(answers.prompt, answers.answer)

        # 2. Compare each answer with the others to the same prompt.
        weight = advantage(reward.view(-1, config.group_size), config.eps).flatten()

        # 3. Make tokens of better answers more likely, near the policy that wrote them.
        with torch.no_grad():
            old_log_prob = log_probability(policy.answer_logits(answers), answers.answer)
            ref_log_prob = log_probability(reference.answer_logits(answers), answers.answer)
        for _ in range(config.num_epochs):
            update += 1
            log_prob = log_probability(policy.answer_logits(answers), answers.answer)
            total = loss(
                log_prob, old_log_prob, ref_log_prob, weight, answers.mask,
                config.clip_epsilon, config.kl_coef,
            )  # fmt: skip
            require_finite(update, total, log_prob=log_prob, advantage=weight)
            optimizer.zero_grad()
            total.backward()
            clip_gradients(config.max_grad_norm, policy.parameters())
            optimizer.step()

        # 4. Report what the answers were like: they were written before this update.
        kl = divergence(old_log_prob, ref_log_prob)
        metrics = {
            "loss": total.item(),
            "success": task.rewards["right"](answers.prompt, answers.answer).mean().item(),
            "reward": reward.mean().item(),
            "kl": kl[answers.mask].mean().item(),
            "length": answers.num_tokens / len(reward),
        }
        yield Progress(env_steps, reward.tolist(), policy, metrics)
