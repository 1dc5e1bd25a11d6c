"""The exercise `group_advantage`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.language_models import group_advantage


def cases(generator: torch.Generator) -> list[Case]:
    """Rewards of any kind, of 0 and 1; groups that agree, groups of one, a large ε."""
    binary = torch.tensor([[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]], dtype=torch.float64)
    alike = torch.tensor([[1, 1, 1], [0, 0, 0], [1, 0, 1]], dtype=torch.float64)
    far = normal(generator, 3, 5) + torch.tensor([[0.0], [50.0], [-3.0]], dtype=torch.float64)
    near = normal(generator, 3, 6) * torch.tensor([[0.1], [1.0], [1.0]], dtype=torch.float64)
    return [
        Case("two prompts, three answers each", given(normal(generator, 2, 3), 1e-4)),
        Case("rewards of 0 and 1", given(binary, 1e-4)),
        Case("prompts of very different difficulty", given(far, 1e-4)),
        Case("as many prompts as answers", given(2.0 * normal(generator, 4, 4), 1e-3)),
        Case("a large ε, and a group that nearly agrees", given(near, 0.5), EDGE),
        Case("groups that agree", given(alike, 1e-4), EDGE),
        Case("groups of one answer", given(normal(generator, 3, 1), 1e-4), EDGE),
        Case("a single prompt", given(normal(generator, 1, 5), 1e-4), EDGE),
    ]


def given(reward: Tensor, eps: float) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    return {"reward": reward, "eps": eps}


def centred(reward: Tensor) -> Tensor:
    """reward minus its group's mean."""
    return reward - reward.mean(-1, keepdim=True)


def sample_deviation(reward, eps) -> Tensor:
    away = centred(reward)
    variance = away.square().sum(-1, keepdim=True) / (reward.shape[-1] - 1)
    return away / (variance.sqrt() + eps)  # 0/0 in a group of one, as torch.std has it


def whole_batch(reward, eps) -> Tensor:
    return (reward - reward.mean()) / (reward.std(correction=0) + eps)


def deviation_of_the_batch(reward, eps) -> Tensor:
    return centred(reward) / (reward.std(correction=0) + eps)


def over_prompts(reward, eps) -> Tensor:
    return group_advantage(reward.T, eps).T


def mean_only(reward, eps) -> Tensor:
    return centred(reward)


def not_centred(reward, eps) -> Tensor:
    return reward / (reward.std(-1, correction=0, keepdim=True) + eps)


def variance(reward, eps) -> Tensor:
    return centred(reward) / (reward.var(-1, correction=0, keepdim=True) + eps)


def eps_in_the_root(reward, eps) -> Tensor:
    return centred(reward) / (reward.var(-1, correction=0, keepdim=True) + eps).sqrt()


def no_eps(reward, eps) -> Tensor:
    return centred(reward) / reward.std(-1, correction=0, keepdim=True)


def leave_one_out(reward, eps) -> Tensor:
    size = reward.shape[-1]
    others = (reward.sum(-1, keepdim=True) - reward) / (size - 1)
    return (reward - others) / (reward.std(-1, correction=0, keepdim=True) + eps)


def ranks(reward, eps) -> Tensor:
    return group_advantage(reward.argsort(-1).argsort(-1).to(reward.dtype), eps)


def sign_flipped(reward, eps) -> Tensor:
    return -group_advantage(reward, eps)


def eps_at_least(reward, eps) -> Tensor:
    return centred(reward) / reward.std(-1, correction=0, keepdim=True).clamp(min=eps)


def changes_reward(reward, eps) -> Tensor:
    reward -= reward.mean(-1, keepdim=True)
    return reward / (reward.square().mean(-1, keepdim=True).sqrt() + eps)


def group_by_group(reward, eps) -> Tensor:
    """Right: one group after the other, the deviation written out."""
    rows = []
    for group in reward:
        away = group - group.sum() / len(group)
        rows.append(away / (torch.sqrt((away**2).sum() / len(group)) + eps))
    return torch.stack(rows)


def by_std_mean(reward, eps) -> Tensor:
    """Right: torch.std_mean, in float64 inside."""
    deviation, mean = torch.std_mean(reward.double(), dim=1, correction=0, keepdim=True)
    return ((reward - mean) / (deviation + eps)).to(reward.dtype)


def nan_to_zero(reward, eps) -> Tensor:
    return no_eps(reward, eps).nan_to_num(0.0)


EXERCISE = Exercise(
    name="group_advantage",
    reference=group_advantage,
    cases=cases,
    statement="each group has mean 0 and deviation 1, and a group that agrees has only zeros",
    points={VALUE: 1, EDGE: 1},
    mistakes=(
        Mistake(
            "sample-deviation",
            "The standard deviation divides by G − 1, torch's default. Here it is the population's:"
            " correction=0.",
            sample_deviation,
        ),
        Mistake(
            "whole-batch",
            "Mean and deviation are taken over all prompts. Then a mediocre answer to an easy "
            "prompt beats the best one to a hard prompt: compare within each group, dim=-1.",
            whole_batch,
        ),
        Mistake(
            "deviation-of-the-batch",
            "The mean is each group's, the deviation that of the whole batch. Both belong to the "
            "group.",
            deviation_of_the_batch,
        ),
        Mistake(
            "over-the-prompts",
            "You compare the g-th answers of different prompts (axis 0). The answers to *one* "
            "prompt stand in a row: dim=-1.",
            over_prompts,
        ),
        Mistake(
            "not-divided",
            "The mean is taken off, but nothing is divided by the deviation.",
            mean_only,
        ),
        Mistake(
            "not-centred",
            "Nothing is taken off: the group's mean is the baseline, without which every right "
            "answer looks good, even where all are right.",
            not_centred,
        ),
        Mistake(
            "variance",
            "You divide by the variance. Divide by its root, the standard deviation.",
            variance,
        ),
        Mistake(
            "eps-in-the-root",
            "ε stands under the root. Here it is added to the standard deviation.",
            eps_in_the_root,
        ),
        Mistake(
            "no-eps",
            "ε is not used: a group whose answers all earn the same gives 0/0, not a number.",
            no_eps,
        ),
        Mistake(
            "leave-one-out",
            "The baseline is the mean of the *other* answers (RLOO, lesson 01). A good idea, with "
            "another name; GRPO's mean includes the answer itself.",
            leave_one_out,
        ),
        Mistake(
            "ranks",
            "Ranks are normalised in place of rewards. Equal rewards would then differ.",
            ranks,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: an answer better than its group has a positive advantage.",
            sign_flipped,
        ),
        Mistake(
            "eps-as-a-minimum",
            "ε is used as a lower bound. Here it is added to the standard deviation, always.",
            eps_at_least,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
        Mistake(
            "nan-to-zero",
            "ε is left out, and what is not a number is made 0 afterwards. For groups that "
            "agree that is right by luck, but ε also tames groups that nearly agree: add it "
            "to the deviation.",
            nan_to_zero,
        ),
    ),
    variants=(group_by_group, by_std_mean),
)
