"""A supervised start for language models: maximum likelihood of right answers, as in lesson 02."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from course_lib.language_models import Answers, LanguagePolicy
from course_lib.language_tasks import Task, written
from course_lib.reference import max_likelihood_loss, sample_categorical, token_log_prob


def supervise(
    policy: LanguagePolicy,
    task: Task,
    updates: int,
    batch_size: int,
    learning_rate: float,
    generator: torch.Generator,
) -> None:
    """Imitate right answers for a while, in place.

    Args:
        policy: is changed.
        task: gives prompts and right answers.
        updates: gradient steps.
        batch_size: right answers in each of them, always fresh ones.
        learning_rate: Adam's step size.
        generator: of the prompts.
    """
    optimizer = torch.optim.Adam(policy.parameters(), learning_rate, fused=True)
    for _ in range(updates):
        prompt = task.prompts(batch_size, generator)
        answer = task.solution(prompt)
        shown = Answers(prompt, answer, written(answer))
        log_prob = token_log_prob(policy.answer_logits(shown), answer)
        optimizer.zero_grad()
        max_likelihood_loss(log_prob[shown.mask]).backward()
        optimizer.step()


class StartSettings(Protocol):
    """What the settings of every loop that begins with imitation have in common."""

    start_updates: int
    start_batch_size: int
    start_learning_rate: float
    width: int
    heads: int
    layers: int


def supervised_start(
    task: Task,
    config: StartSettings,
    generator: torch.Generator,
    sample: Callable[[Tensor, torch.Generator], Tensor] = sample_categorical,
) -> LanguagePolicy:
    """A new policy that has imitated right answers for a while: where learning from rewards or from
    preferences begins.

    Args:
        task: what is asked.
        config: how long to imitate, and the size of the transformer.
        generator: of the weights and the prompts.
        sample: the policy's.
    """
    policy = LanguagePolicy(task, config.width, config.heads, config.layers, generator, sample)
    supervise(
        policy, task, config.start_updates, config.start_batch_size, config.start_learning_rate,
        generator,
    )  # fmt: skip
    return policy
