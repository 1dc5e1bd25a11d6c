"""DPO: a language model learns from pairs of answers which one is preferred, without any reward.

All pairs are written by the supervised start, before anything is learned from them."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.algorithms.optimising import clip_gradients
from course_lib.algorithms.progress import Progress, require_finite
from course_lib.imitation import supervised_start
from course_lib.language_models import Answers, LanguagePolicy, preference_pairs
from course_lib.language_tasks import find_task
from course_lib.reference import (
    dpo_loss,
    kl_to_reference,
    sample_categorical,
    sequence_log_prob,
    token_log_prob,
)


@dataclass(frozen=True)
class DPOConfig:
    """Settings of `dpo`; the defaults learn SortDigits-v0.

    Attributes:
        start_updates: gradient steps of imitation before the first pair; few, for a weak start.
        start_batch_size: right answers in each of them.
        start_learning_rate: Adam's step size there.
        num_prompts: prompts an update.
        group_size: answers of the start to each; of these one right and one wrong make a pair.
        learning_rate: Adam's step size when learning from pairs.
        beta: β, the price of leaving the supervised start.
        max_grad_norm: longer gradients are scaled to this length.
        width, heads, layers: of the transformer.
    """

    start_updates: int = 45
    start_batch_size: int = 64
    start_learning_rate: float = 3e-3
    num_prompts: int = 64
    group_size: int = 8
    learning_rate: float = 1e-3
    beta: float = 1.0
    max_grad_norm: float = 1.0
    width: int = 32
    heads: int = 4
    layers: int = 2


def dpo(
    environment_id: str,
    config: DPOConfig,
    seed: int,
    log_probability: Callable[[Tensor, Tensor, Tensor], Tensor] = sequence_log_prob,
    divergence: Callable[[Tensor, Tensor], Tensor] = kl_to_reference,
    loss: Callable[..., Tensor] = dpo_loss,
    sample: Callable[[Tensor, torch.Generator], Tensor] = sample_categorical,
) -> Iterator[Progress]:
    """Train for ever, yielding after each batch of pairs; the caller decides when to stop.

    A step of the environment is a token that the supervised start wrote for a pair. The policy
    itself writes answers only to be judged: the metrics "success", "kl" and "length" are those of
    as many answers as there are prompts.

    Args:
        environment_id: a name known to `find_task`.
        config: the settings.
        seed: of the weights, the prompts and the answers.
        log_probability, divergence, loss, sample: the functions of lessons 12 and 02, by default
            the reference: `sequence_log_prob`, `kl_to_reference`, `dpo_loss` and
            `sample_categorical`. The divergence is measured for the metric "kl".

    Raises:
        ValueError: the loss is not finite, there is no such task, or the start wrote no pair.

    Source: Rafailov et al. (2023), arXiv:2305.18290, section 4.
    """
    generator = torch.Generator().manual_seed(seed)
    task = find_task(environment_id)
    right = task.reward("right")
    policy = supervised_start(task, config, generator, sample)
    reference = copy.deepcopy(policy).requires_grad_(False)
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate, fused=True)
    env_steps = update = 0

    def weighed(model: LanguagePolicy, answers: Answers) -> Tensor:
        return log_probability(model.answer_logits(answers), answers.answer, answers.mask)

    while True:
        # 1. Let the start answer each prompt several times; prefer right answers to wrong ones.
        update += 1
        prompt = task.prompts(config.num_prompts, generator)
        answers = reference.write(prompt.repeat_interleave(config.group_size, 0), generator)
        env_steps += answers.num_tokens
        preferred = right(answers.prompt, answers.answer).view(-1, config.group_size)
        chosen, rejected = preference_pairs(answers, preferred)

        # 2. Make the chosen answer more likely than the rejected one, compared with the start.
        with torch.no_grad():
            ref_chosen, ref_rejected = weighed(reference, chosen), weighed(reference, rejected)
        log_prob, rejected_log_prob = weighed(policy, chosen), weighed(policy, rejected)
        total = loss(log_prob, rejected_log_prob, ref_chosen, ref_rejected, config.beta)
        require_finite(update, total, chosen=log_prob, rejected=rejected_log_prob)
        optimizer.zero_grad()
        total.backward()
        clip_gradients(config.max_grad_norm, policy.parameters())
        optimizer.step()

        # 3. Report how the policy answers now.
        own = policy.write(prompt, generator)
        success = right(own.prompt, own.answer)
        with torch.no_grad():
            kl = divergence(*(
                token_log_prob(model.answer_logits(own), own.answer)
                for model in (policy, reference)
            ))  # fmt: skip
        metrics = {
            "loss": total.item(),
            "success": success.mean().item(),
            "kl": kl[own.mask].mean().item(),
            "length": own.num_tokens / len(success),
            "pairs": float(len(chosen.prompt)),
        }
        yield Progress(env_steps, success.tolist(), policy, metrics)
