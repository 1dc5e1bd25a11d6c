"""Verifiable tasks for a tiny language model: prompts, the right answer, and rewards for any other.

Tokens are small integers; what writes them lives in course_lib.language_models."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Reward = Callable[[Tensor, Tensor], Tensor]


class Task(NamedTuple):
    """A task whose answers a program can mark.

    Attributes:
        vocabulary: one character a token.
        prompt_length: P, tokens of every prompt.
        answer_length: L, the most tokens that an answer may have, its end included.
        prompts: (count, generator) → (count, P) int64.
        solution: (B, P) → (B, L) int64, the right answers, filled up with the end token.
        rewards: name → reward(prompt (B, P), answer (B, L)) → (B,), "right" among them.
    """

    vocabulary: str
    prompt_length: int
    answer_length: int
    prompts: Callable[[int, torch.Generator], Tensor]
    solution: Callable[[Tensor], Tensor]
    rewards: dict[str, Reward]

    @property
    def context(self) -> int:
        """Tokens of a prompt and the longest answer together."""
        return self.prompt_length + self.answer_length

    def reward(self, name: str) -> Reward:
        """One of the rewards.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.rewards:
            raise ValueError(f"no reward is called {name!r}; known are {', '.join(self.rewards)}")
        return self.rewards[name]

    def text(self, tokens: Tensor) -> str:
        """(L,) tokens as characters, up to the first full stop."""
        characters = "".join(self.vocabulary[token] for token in tokens.tolist())
        head, stop, _ = characters.partition(self.vocabulary[END])
        return head + stop


VOCABULARY = "0123456789=."
EQUALS, END = 10, 11
DIGITS = 4
ANSWER_LENGTH = 8  # more than needed: room to go wrong


def written(answer: Tensor) -> Tensor:
    """Which tokens belong to the answers: all up to the first full stop, itself included.

    Args:
        answer: (…, L) int64.

    Returns:
        (…, L) bool.
    """
    ended = (answer == END).cumsum(-1) > 0
    before = torch.zeros_like(ended[..., :1])
    return ~torch.cat((before, ended[..., :-1]), -1)


def unsorted_digits(count: int, generator: torch.Generator) -> Tensor:
    """(count, 5) prompts: four random digits and an equals sign, such as "3141="."""
    digits = torch.randint(10, (count, DIGITS), generator=generator)
    return torch.cat((digits, torch.full((count, 1), EQUALS)), -1)


def sorted_digits(prompt: Tensor) -> Tensor:
    """(B, 5) prompts → (B, 8) right answers: the digits in order, then full stops: "1134...."."""
    ends = torch.full((len(prompt), ANSWER_LENGTH - DIGITS), END)
    return torch.cat((prompt[:, :DIGITS].sort(-1).values, ends), -1)


def right(prompt: Tensor, answer: Tensor) -> Tensor:
    """1 for the digits of the prompt in order, followed by a full stop; 0 for anything else.

    Args:
        prompt: (B, 5) int64.
        answer: (B, 8) int64; what stands behind the first full stop does not count.

    Returns:
        (B,) float32.
    """
    same = (answer == sorted_digits(prompt)) | ~written(answer)
    return same.all(-1).float()


def ascending(prompt: Tensor, answer: Tensor) -> Tensor:
    """A reward that looks like sorting and is not: a point for each digit that follows a smaller or
    equal one.

    The right answer earns 3. So does every other row of four digits in order, and a longer one
    earns more.

    Args:
        prompt: (B, 5) int64, not looked at: that is what is wrong with it.
        answer: (B, 8) int64.

    Returns:
        (B,) float32, from 0 to 7.
    """
    digit = written(answer) & (answer < EQUALS)
    in_order = digit[:, :-1] & digit[:, 1:] & (answer[:, :-1] <= answer[:, 1:])
    return in_order.sum(-1).float()


TASKS: dict[str, Task] = {
    "SortDigits-v0": Task(
        VOCABULARY, DIGITS + 1, ANSWER_LENGTH, unsorted_digits, sorted_digits,
        {"right": right, "ascending": ascending},
    ),
}  # fmt: skip


def find_task(environment_id: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none.
    """
    if environment_id not in TASKS:
        known = ", ".join(TASKS)
        raise ValueError(f"{environment_id!r} is no language task; known are {known}")
    return TASKS[environment_id]
