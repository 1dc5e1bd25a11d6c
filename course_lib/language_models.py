"""A transformer that answers prompts: writing answers, weighing them, pairing them.

Learning lives in course_lib.imitation and course_lib.algorithms; what is asked in
course_lib.language_tasks."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.language_tasks import END, Task, written
from course_lib.reference import (
    categorical_entropy,
    categorical_kl,
    categorical_log_prob,
    sample_categorical,
)
from course_lib.transformer import Transformer


class Answers(NamedTuple):
    """Answers to prompts, one a row.

    Attributes:
        prompt: (B, P) int64.
        answer: (B, L) int64; behind an answer's end stand end tokens.
        mask: (B, L) bool, true for the tokens that were written, the end included.
    """

    prompt: Tensor
    answer: Tensor
    mask: Tensor

    @property
    def num_tokens(self) -> int:
        """How many tokens were written."""
        return int(self.mask.sum())

    def rows(self, index: Tensor) -> "Answers":
        """The answers with these numbers, or where this mask is true."""
        return Answers(*(column[index] for column in self))


class LanguagePolicy(nn.Module):
    """A transformer as a policy: the state is what has been written, the action the next token.

    Args:
        task: says how large vocabulary and context have to be.
        width, heads, layers: of the transformer.
        generator: the source of the initial weights.
        sample: (B, V) logits, generator → (B,) tokens; to be replaced by a reader's own.
    """

    def __init__(
        self,
        task: Task,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        generator: torch.Generator | None = None,
        sample: Callable[[Tensor, torch.Generator], Tensor] = sample_categorical,
    ) -> None:
        super().__init__()
        sizes = len(task.vocabulary), task.context, width, heads, layers
        self.transformer = Transformer(*sizes, generator)
        self.answer_length, self.sample_function = task.answer_length, sample

    @torch.no_grad()
    def write(self, prompt: Tensor, generator: torch.Generator) -> Answers:
        """Answer each prompt with tokens drawn one after the other: (B, P) → B answers."""
        logits, past = self.transformer.read(prompt)
        answer: list[Tensor] = []
        ended = torch.zeros(len(prompt), dtype=torch.bool)
        while True:
            token = self.sample_function(logits[:, -1], generator).masked_fill(ended, END)
            answer.append(token)
            ended = ended | (token == END)
            if len(answer) == self.answer_length:
                break
            logits, past = self.transformer.read(token.unsqueeze(-1), past)
        tokens = torch.stack(answer, -1)
        return Answers(prompt, tokens, written(tokens))

    def answer_logits(self, answers: Answers) -> Tensor:
        """(B, L, V) logits of the tokens of answers, with a gradient: logits[:, t] predict
        answer[:, t]."""
        tokens = torch.cat((answers.prompt, answers.answer[:, :-1]), -1)
        return self.transformer(tokens)[:, answers.prompt.shape[1] - 1 :]

    def logits(self, obs: Tensor) -> Tensor:
        """(…, S) tokens so far, −1 where nothing stands yet → (…, V) logits of the next one."""
        tokens = obs.flatten(0, -2).long()
        last = (tokens >= 0).sum(-1) - 1
        logits = self.transformer(tokens.clamp(min=0))
        return logits[torch.arange(len(tokens)), last].unflatten(0, obs.shape[:-1])

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the next token of each row of `obs` (N, S)."""
        return self.sample_function(self.logits(obs), generator)

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        return categorical_log_prob(self.logits(obs), action)

    def entropy(self, obs: Tensor) -> Tensor:
        return categorical_entropy(self.logits(obs))

    def distribution(self, obs: Tensor) -> tuple[Tensor]:
        return (self.logits(obs),)

    def kl(self, old: tuple[Tensor, ...], obs: Tensor) -> Tensor:
        return categorical_kl(*old, self.logits(obs))


def preference_pairs(answers: Answers, preferred: Tensor) -> tuple[Answers, Answers]:
    """From the answers to each prompt the first preferred one and the first other one.

    Prompts whose answers are all preferred, or none of them, give no pair.

    Args:
        answers: B = P · G answers, those to the same prompt next to each other.
        preferred: (P, G) 1 for preferred answers, 0 for the others.

    Returns:
        the chosen and the rejected answers, one row a pair.

    Raises:
        ValueError: there is not a single pair.
    """
    paired = (preferred.amax(-1) > 0) & (preferred.amin(-1) < 1)
    if not paired.any():
        raise ValueError(f"no pair: the answers to each of {len(preferred)} prompts are all alike")
    first = torch.arange(len(preferred)) * preferred.shape[1]
    chosen, rejected = first + preferred.argmax(-1), first + preferred.argmin(-1)
    return answers.rows(chosen[paired]), answers.rows(rejected[paired])


@torch.no_grad()
def success_rate(policy: LanguagePolicy, task: Task, count: int, seed: int) -> float:
    """The share of right answers to `count` fresh prompts."""
    generator = torch.Generator().manual_seed(seed)
    answers = policy.write(task.prompts(count, generator), generator)
    return task.rewards["right"](answers.prompt, answers.answer).mean().item()
