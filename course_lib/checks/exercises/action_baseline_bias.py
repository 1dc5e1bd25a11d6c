"""The exercise `action_baseline_bias`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import action_baseline_bias


def cases(generator: torch.Generator) -> list[Case]:
    """Three actions to read, more of them, two; a baseline of the state; one action."""

    def state(actions: int) -> dict[str, Tensor]:
        return {
            "pi": normal(generator, actions).softmax(-1),
            "baseline": 2 * normal(generator, actions) + 1,
        }

    constant = state(4)
    constant["baseline"] = torch.full_like(constant["baseline"], 3.0)
    certain = state(3)
    certain["pi"] = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    return [
        Case("three actions", state(3)),
        Case("six actions", state(6)),
        Case("two actions", state(2)),
        Case("the same baseline for all actions: no bias", constant, EDGE),
        Case("a policy that is certain", certain, EDGE),
        Case("a single action", state(1), EDGE),
    ]


def sign_flipped(pi: Tensor, baseline: Tensor) -> Tensor:
    return -action_baseline_bias(pi, baseline)


def mean_not_subtracted(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi * baseline


def unweighted_mean(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi * (baseline - baseline.mean())


def not_weighted(pi: Tensor, baseline: Tensor) -> Tensor:
    return -(baseline - pi @ baseline)


def always_zero(pi: Tensor, baseline: Tensor) -> Tensor:
    return torch.zeros_like(baseline)


def one_number(pi: Tensor, baseline: Tensor) -> Tensor:
    return -(pi * (baseline - pi @ baseline)).sum()


def expected_baseline(pi: Tensor, baseline: Tensor) -> Tensor:
    return -(pi @ baseline).expand_as(pi).clone()


def weighted_twice(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi.square() * (baseline - pi @ baseline)


def per_action(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi * (1 - pi) * baseline


def score_of_own_action(pi: Tensor, baseline: Tensor) -> Tensor:
    return -(1 - pi) * baseline


def jacobian_of_log(pi: Tensor, baseline: Tensor) -> Tensor:
    return -(baseline - pi * baseline.sum())


def divided(pi: Tensor, baseline: Tensor) -> Tensor:
    centred = baseline - pi @ baseline
    return -centred / pi.clamp(min=1e-12)


def table(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi.unsqueeze(1) * (torch.diag(baseline) - pi * baseline)


def changes_baseline(pi: Tensor, baseline: Tensor) -> Tensor:
    baseline -= (pi @ baseline).clone()
    return -pi * baseline


def softmax_again(pi: Tensor, baseline: Tensor) -> Tensor:
    return action_baseline_bias(pi.softmax(-1), baseline)


def unweighted_sum(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi * (baseline - baseline.sum())


def second_half(pi: Tensor, baseline: Tensor) -> Tensor:
    return pi * (pi @ baseline)


def above_the_best(pi: Tensor, baseline: Tensor) -> Tensor:
    return -pi * (baseline - baseline.max())


def by_autograd(pi: Tensor, baseline: Tensor) -> Tensor:
    """Right: the sum over actions of π b, differentiated through a softmax of logits."""
    certain = pi.detach().clamp(min=1e-300).log() if pi.dtype == torch.float64 else pi.log()
    logits = certain.clone().requires_grad_()
    return -torch.autograd.grad(logits.softmax(-1) @ baseline.detach(), logits)[0]


def with_the_jacobian(pi: Tensor, baseline: Tensor) -> Tensor:
    """Right: the softmax's Jacobian, in float64 inside."""
    p, b = pi.double(), baseline.double()
    return (-(torch.diag(p) - torch.outer(p, p)) @ b).to(pi.dtype)


def score_by_score(pi: Tensor, baseline: Tensor) -> Tensor:
    """Right: −Σ_a π(a) b(a) ∇log π(a), one action after the other."""
    total = torch.zeros_like(pi)
    for a in range(len(pi)):
        score = -pi.clone()
        score[a] += 1
        total = total - pi[a] * baseline[a] * score
    return total


EXERCISE = Exercise(
    name="action_baseline_bias",
    reference=action_baseline_bias,
    cases=cases,
    statement="zero where the baseline does not know the action, and not otherwise",
    points={VALUE: 2},
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped. The baseline is *subtracted* from the return, so the bias is "
            "minus its own expected gradient.",
            sign_flipped,
        ),
        Mistake(
            "mean-not-subtracted",
            "The score of action a with respect to the logits is onehot(a) − π. You kept the first "
            "part only; the second one brings −π Σ π b.",
            mean_not_subtracted,
        ),
        Mistake(
            "unweighted-mean",
            "The plain mean of b is subtracted. Actions are drawn from π: it is Σ π b.",
            unweighted_mean,
        ),
        Mistake(
            "not-weighted",
            "The factor π in front is missing: the expectation over actions weighs each score with "
            "its probability.",
            not_weighted,
        ),
        Mistake(
            "always-zero",
            "That would hold for a baseline of the state. This one knows the action, so it does "
            "not come out of the sum over actions.",
            always_zero,
        ),
        Mistake(
            "one-number",
            "The components were added up, which always gives zero. One number for each logit is "
            "wanted, (K,).",
            one_number,
        ),
        Mistake(
            "expected-baseline",
            "That is the expected baseline itself. What is asked for is what it does to the "
            "gradient of the logits.",
            expected_baseline,
        ),
        Mistake(
            "weighted-twice",
            "π stands in front twice. Once from the expectation is enough: ∇log π = onehot − π.",
            weighted_twice,
        ),
        Mistake(
            "own-logit-only",
            "Each action was allowed to move its own logit only. A softmax moves all of them: the "
            "score of action a has −π_j in every other place.",
            per_action,
        ),
        Mistake(
            "score-without-expectation",
            "You multiplied each baseline with its action's own score, and took no expectation "
            "over the actions.",
            score_of_own_action,
        ),
        Mistake(
            "sum-without-weights",
            "The expectation over the actions is missing: the scores are added up as if all "
            "actions were taken once.",
            jacobian_of_log,
        ),
        Mistake(
            "divided-by-pi",
            "You divided by π. The log-derivative has done that already; sampling multiplies it "
            "back.",
            divided,
        ),
        Mistake(
            "table",
            "A table (K, K) came out, one row an action. Sum over the actions.",
            table,
        ),
        Mistake(
            "softmax-again",
            "`pi` went through a softmax once more. It holds probabilities already.",
            softmax_again,
        ),
        Mistake(
            "unweighted-sum",
            "The sum over the actions lacks π: what is subtracted is the mean under π, Σ_a π(a) "
            "b(a).",
            unweighted_sum,
        ),
        Mistake(
            "second-half-only",
            "That is the second half, π(k) Σ_a π(a) b(a). The score has two parts; 1[a = k] gives "
            "−π(k) b(k).",
            second_half,
        ),
        Mistake(
            "above-the-best",
            "The largest baseline was subtracted; it is the mean under π, or a constant baseline "
            "of all actions would only by luck come out as zero.",
            above_the_best,
        ),
        Mistake("changes-baseline", IN_PLACE, changes_baseline),
    ),
    variants=(by_autograd, with_the_jacobian, score_by_score),
)
