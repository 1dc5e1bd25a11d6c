"""The exercise `cross_entropy_policy_gradient`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from course_lib.checks.drawing import actions, normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import SUM_FOR_MEAN
from course_lib.reference.reinforce import cross_entropy_policy_gradient


def cases(generator: torch.Generator) -> list[Case]:
    """A batch to read, a larger one, a square one, one row, weights of both signs, huge logits."""

    def batch(rows: int, num_actions: int) -> dict[str, Tensor]:
        return {
            "logits": normal(generator, rows, num_actions),
            "action": actions(generator, num_actions, rows),
            "weight": 2 * normal(generator, rows) + 1,
        }

    extreme = {
        "logits": torch.tensor([[1000.0, 0.0, -1000.0], [-1000.0, 0.0, 1000.0], [0.0, 1.0, -1.0]]),
        "action": torch.tensor([1, 2, 0]),
        "weight": torch.tensor([0.5, -2.0, 3.0]),
    }
    extreme = {
        name: value.double() if value.is_floating_point() else value
        for name, value in extreme.items()
    }
    return [
        Case("three rows of two actions", batch(3, 2)),
        Case("nine rows of four actions", batch(9, 4)),
        Case("as many rows as actions", batch(4, 4)),
        Case("one row", {**batch(1, 3), "action": torch.tensor([0])}, EDGE),
        Case("logits of ±1,000", extreme, NUMERICS),
        Case("logits of ±100", {**extreme, "logits": extreme["logits"] / 10}, NUMERICS),
    ]


def taken(log_prob: Tensor, action: Tensor) -> Tensor:
    """Of each row, the entry of the action that was taken."""
    return log_prob.gather(1, action.unsqueeze(1)).squeeze(1)


def sign_flipped(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -cross_entropy_policy_gradient(logits, action, weight)


def weight_leaks(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return (weight * cross_entropy(logits, action, reduction="none")).mean()


def mean_times_mean(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return weight.detach().mean() * cross_entropy(logits, action)


def class_weights(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return cross_entropy(logits, action, weight=weight.detach())


def divided_by_the_weights(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    weight = weight.detach()
    return (weight * cross_entropy(logits, action, reduction="none")).sum() / weight.sum()


def unweighted(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return cross_entropy(logits, action)


def summed(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return (weight.detach() * cross_entropy(logits, action, reduction="none")).sum()


def log_of_the_softmax(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken(logits.softmax(-1).log(), action)).mean()


def clamped_probability(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken(logits.softmax(-1).clamp(min=1e-8).log(), action)).mean()


def probability_plus_a_little(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken((logits.softmax(-1) + 1e-8).log(), action)).mean()


def softmax_before(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return cross_entropy_policy_gradient(logits.softmax(-1), action, weight)


def softmax_over_the_batch(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken(logits.log_softmax(0), action)).mean()


def raw_logits(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken(logits, action)).mean()


def probability(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * taken(logits.softmax(-1), action)).mean()


def all_actions(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * logits.log_softmax(-1).mean(-1)).mean()


def all_actions_summed(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return -(weight.detach() * logits.log_softmax(-1).sum(-1)).mean()


def rows_for_actions(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    rows = logits.log_softmax(-1)[action % len(logits)]
    return -(weight.detach().unsqueeze(1) * rows).mean()


def best_action(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return cross_entropy_policy_gradient(logits, logits.argmax(-1), weight)


def logits_detached(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    return cross_entropy_policy_gradient(logits.detach(), action, weight)


def by_gather(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    """Right: log-softmax, pick, weigh."""
    with torch.no_grad():
        constant = weight / len(logits)
    return -(constant * taken(logits.log_softmax(-1), action)).sum()


def by_one_hot(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    """Right: the weight as part of a soft target, in float64 inside."""
    target = weight.detach().double().unsqueeze(1) * one_hot(action, logits.shape[1])
    loss = -torch.einsum("bk,bk->", target, logits.double().log_softmax(-1))
    return (loss / len(logits)).to(logits.dtype)


def row_by_row(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    """Right: a loop, with the logarithm of the sum done by torch."""
    rows = zip(logits, action.tolist(), weight.tolist(), strict=True)
    terms = [constant * (row.logsumexp(0) - row[index]) for row, index, constant in rows]
    return torch.stack(terms).mean()


def by_distribution(logits: Tensor, action: Tensor, weight: Tensor) -> Tensor:
    """Right: torch's own distribution."""
    policy = torch.distributions.Categorical(logits=logits)
    return -(weight.detach() * policy.log_prob(action)).mean()


EXERCISE = Exercise(
    name="cross_entropy_policy_gradient",
    reference=cross_entropy_policy_gradient,
    cases=cases,
    statement="a weighted classification loss is a policy gradient, and stays finite",
    points={VALUE: 1, NUMERICS: 1},
    gradient=("logits",),
    no_gradient=("weight",),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped. Cross entropy is −log π already, so the weighted cross entropy "
            "is the loss as it stands: a second minus makes well-paid actions rarer.",
            sign_flipped,
        ),
        Mistake(
            "weight-not-detached",
            "The value is right, but a gradient flows into `weight`. Where the weight comes from a "
            "critic, this loss would teach the critic to flatter: detach it.",
            weight_leaks,
        ),
        Mistake(
            "mean-times-mean",
            "That is the mean weight times the mean cross entropy: which action earned which "
            "weight is lost. Either cross_entropy took its mean too early: ask it for one number a "
            "row (reduction='none'). Or (B, 1) met (B,) and made a (B, B) table: gather keeps its "
            "axis, take it off with squeeze(1).",
            mean_times_mean,
        ),
        Mistake(
            "class-weights",
            "The `weight` argument of torch's cross_entropy holds one weight a *class*, here an "
            "action, not one a row; and it divides by their sum. Use reduction='none' and multiply "
            "yourself.",
            class_weights,
        ),
        Mistake(
            "divided-by-the-weights",
            "The sum is divided by the sum of the weights. Then doubling all returns changes "
            "nothing, and weights that add up to zero blow up: divide by the number of rows.",
            divided_by_the_weights,
        ),
        Mistake(
            "unweighted",
            "`weight` is not used: that is maximum likelihood, which imitates everything that was "
            "done, well paid or not.",
            unweighted,
        ),
        Mistake("sum-for-mean", SUM_FOR_MEAN, summed),
        Mistake(
            "log-of-the-softmax",
            "Right on ordinary logits, but log(softmax(·)) is −∞ once a probability rounds to 0. "
            "log_softmax does both steps at once and stays exact.",
            log_of_the_softmax,
        ),
        Mistake(
            "clamped-probability",
            "A small number keeps the logarithm finite, but not right: below it, the value stops "
            "growing and the gradient is cut off, where the policy is most wrong. log_softmax "
            "needs no such help.",
            clamped_probability,
        ),
        Mistake(
            "clamped-probability",
            "A small number was added to keep the logarithm finite, and it bends every value a "
            "little and the extreme ones a lot. log_softmax needs no such help.",
            probability_plus_a_little,
        ),
        Mistake(
            "softmax-before",
            "You put probabilities into something that expects logits, so the softmax is taken "
            "twice and the policy looks nearly uniform. cross_entropy wants the logits themselves.",
            softmax_before,
        ),
        Mistake(
            "softmax-over-the-batch",
            "The softmax runs over the rows. Each row is a distribution of its own: dim=-1.",
            softmax_over_the_batch,
        ),
        Mistake(
            "raw-logits",
            "A logit is not a log-probability: without subtracting log Σ exp, raising one action "
            "never lowers another, and the logits run away. Use log_softmax.",
            raw_logits,
        ),
        Mistake(
            "probability",
            "You weigh the probability, not its logarithm. The gradient is then small exactly "
            "where the policy thinks an action unlikely.",
            probability,
        ),
        Mistake(
            "all-actions",
            "The log-probabilities of all actions are averaged. Only the action that was taken can "
            "be paid; what the others would have earned nobody knows.",
            all_actions,
        ),
        Mistake(
            "all-actions",
            "The log-probabilities of all actions are summed. Only the action that was taken can "
            "be paid; what the others would have earned nobody knows.",
            all_actions_summed,
        ),
        Mistake(
            "rows-for-actions",
            "`log_prob[action]` picks whole *rows* by number, not one action of each row: the "
            "lecture's slip. Use log_prob.gather(1, action.unsqueeze(1)) or "
            "log_prob[torch.arange(B), action].",
            rows_for_actions,
        ),
        Mistake(
            "best-action",
            "The log-probability of the most probable action is weighted, whatever was done. Use "
            "the action that was taken and earned that weight.",
            best_action,
        ),
        Mistake(
            "logits-detached",
            "The value is right, but no gradient reaches the logits, so the policy would never "
            "move. Only `weight` is a constant.",
            logits_detached,
        ),
    ),
    variants=(by_gather, by_one_hot, row_by_row, by_distribution),
)
