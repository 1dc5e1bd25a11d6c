"""The exercise `importance_sampling_return`: its cases, and what goes wrong with it."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal, off_policy
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, SUM_FOR_MEAN
from course_lib.reference.importance import importance_ratio, importance_sampling_return

KINDS = ("ordinary", "weighted", "per_decision")


def cases(generator: torch.Generator) -> list[Case]:
    """Every kind on short and on longer trajectories; early ends, one trajectory, π = b, γ."""

    def logged(steps: int, envs: int) -> dict[str, Tensor]:
        return {
            **off_policy(generator, steps, envs),
            "reward": normal(generator, steps, envs) + 0.7,
        }

    def padded(steps: int, envs: int, length: int) -> dict[str, Tensor]:
        drawn = logged(steps, envs)
        drawn["log_prob"][length:, 0] = drawn["behavior_log_prob"][length:, 0]
        drawn["reward"][length:, 0] = 0.0
        return drawn

    same = log_probs(generator, 3, 4)
    on_policy = {**logged(3, 4), "log_prob": same, "behavior_log_prob": same.clone()}

    def case(title: str, kind: str, inputs: dict[str, Tensor], gamma: float, *part: str) -> Case:
        return Case(f"{kind!r}, {title}", {**inputs, "gamma": gamma, "kind": kind}, *part)

    return [
        *(case("three steps", kind, logged(3, 2), 0.9) for kind in KINDS),
        *(case("six steps", kind, logged(6, 4), 0.8) for kind in KINDS),
        *(case("one that ended early", kind, padded(5, 3, 2), 0.9, EDGE) for kind in KINDS),
        case("one trajectory", "weighted", logged(4, 1), 0.9, EDGE),
        case("γ = 1", "per_decision", logged(4, 4), 1.0, EDGE),
        case("π = b", "ordinary", on_policy, 0.9, EDGE),
    ]


def parts(log_prob, behavior_log_prob, reward, gamma) -> tuple[Tensor, Tensor, Tensor]:
    """ρ_{0:t} (T, N), γ^t r (T, N) and the whole trajectory's ratio (N,)."""
    ratio = importance_ratio(log_prob, behavior_log_prob)
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    return ratio, discount.unsqueeze(1) * reward, ratio[-1]


def instead(kind: str, wrong: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The reference, but for one kind, which gets the three parts."""
    wanted = kind

    def function(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
        if kind != wanted:
            return importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, kind)
        return wrong(*parts(log_prob, behavior_log_prob, reward, gamma))

    function.__name__ = wrong.__name__
    return function


def divided_by_n(ratio, paid, whole) -> Tensor:
    return (whole * paid.sum(0)).mean()


def divided_twice(ratio, paid, whole) -> Tensor:
    return (whole / whole.sum() * paid.sum(0)).mean()


def constant_denominator(ratio, paid, whole) -> Tensor:
    return (whole * paid.sum(0)).sum() / whole.sum().detach()


def per_step_denominator(ratio, paid, whole) -> Tensor:
    return ((ratio * paid).sum(1) / ratio.sum(1)).sum()


def largest_denominator(ratio, paid, whole) -> Tensor:
    return (whole / whole.max() * paid.sum(0)).mean()


def whole_product(ratio, paid, whole) -> Tensor:
    return (whole * paid.sum(0)).mean()


def late_product(ratio, paid, whole) -> Tensor:
    shifted = torch.cat([torch.ones_like(ratio[:1]), ratio[:-1]])
    return (shifted * paid).sum(0).mean()


def product_to_come(ratio, paid, whole) -> Tensor:
    before = torch.cat([torch.ones_like(ratio[:1]), ratio[:-1]])
    return (whole / before * paid).sum(0).mean()


def own_ratio(ratio, paid, whole) -> Tensor:
    before = torch.cat([torch.ones_like(ratio[:1]), ratio[:-1]])
    return (ratio / before * paid).sum(0).mean()


def mean_over_time(ratio, paid, whole) -> Tensor:
    return (ratio * paid).mean()


def inverted(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return importance_sampling_return(-log_prob, -behavior_log_prob, reward, gamma, kind)


def never_weighed(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return parts(log_prob, behavior_log_prob, reward, gamma)[1].sum(0).mean()


def undiscounted(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return importance_sampling_return(log_prob, behavior_log_prob, reward, 1.0, kind)


def discounted_from_the_start(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return gamma * importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, kind)


def summed(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    total = importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, kind)
    return total if kind == "weighted" else total * reward.shape[1]


def clipped(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    ratio, paid, whole = parts(log_prob, behavior_log_prob, reward, gamma)
    ratio, whole = ratio.clamp(max=1), whole.clamp(max=1)
    if kind == "per_decision":
        return (ratio * paid).sum(0).mean()
    weighed = whole * paid.sum(0)
    return weighed.mean() if kind == "ordinary" else weighed.sum() / whole.sum()


def cut_off(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return importance_sampling_return(log_prob.detach(), behavior_log_prob, reward, gamma, kind)


def changes_reward(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    result = importance_sampling_return(log_prob, behavior_log_prob, reward.clone(), gamma, kind)
    reward.copy_(parts(log_prob, behavior_log_prob, reward, gamma)[1].detach())
    return result


def in_three_branches(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    """Right: the three formulas as they stand."""
    ratio, paid, whole = parts(log_prob, behavior_log_prob, reward, gamma)
    if kind == "ordinary":
        return (whole * paid.sum(0)).mean()
    if kind == "weighted":
        return (whole * paid.sum(0)).sum() / whole.sum()
    return (ratio * paid).sum() / reward.shape[1]


def one_after_the_other(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    """Right: loops over trajectories and steps, in float64 inside."""
    top = bottom = torch.zeros((), dtype=torch.float64)
    for n in range(reward.shape[1]):
        rho = torch.ones((), dtype=torch.float64)
        total = weighed = torch.zeros((), dtype=torch.float64)
        for t in range(len(reward)):
            rho = rho * (log_prob[t, n].double() - behavior_log_prob[t, n].double()).exp()
            total = total + gamma**t * reward[t, n].double()
            weighed = weighed + gamma**t * rho * reward[t, n].double()
        top = top + (weighed if kind == "per_decision" else rho * total)
        bottom = bottom + (rho if kind == "weighted" else 1.0)
    return (top / bottom).to(reward.dtype)


def exchanged(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    other = {"ordinary": "weighted", "weighted": "ordinary"}.get(kind, kind)
    return importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, other)


def kind_ignored(log_prob, behavior_log_prob, reward, gamma, kind) -> Tensor:
    return importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, "ordinary")


EXERCISE = Exercise(
    name="importance_sampling_return",
    reference=importance_sampling_return,
    cases=cases,
    statement="three estimates of what π would have earned, none of which asked π",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "weighted-divided-by-n",
            '"weighted" divides by N, so it is "ordinary" once more. Divide by the sum of the '
            "ratios: then the shares add up to 1, and the estimate is a mean of returns.",
            instead("weighted", divided_by_n),
        ),
        Mistake(
            "weighted-divided-twice",
            '"weighted" divides by the sum of the ratios and then takes a mean, too: N times too '
            "small. Shares that add up to 1 are summed.",
            instead("weighted", divided_twice),
        ),
        Mistake(
            "constant-denominator",
            'The value is right, but the denominator of "weighted" was detached. It depends on π '
            "as much as the numerator does.",
            instead("weighted", constant_denominator),
        ),
        Mistake(
            "per-step-denominator",
            '"weighted" normalises every step for itself. That is a weighted per-decision '
            "estimate, a fourth kind; here one ratio weighs one whole return.",
            instead("weighted", per_step_denominator),
        ),
        Mistake(
            "largest-denominator",
            '"weighted" divides by the largest ratio. Nothing is normalised by that: divide by '
            "their sum.",
            instead("weighted", largest_denominator),
        ),
        Mistake(
            "per-decision-whole-product",
            '"per_decision" weighs every reward with the ratio of the whole trajectory. A reward '
            "cannot depend on what was done after it: stop the product at its own step.",
            instead("per_decision", whole_product),
        ),
        Mistake(
            "per-decision-late",
            'The product in "per_decision" stops one step early. `reward[t]` follows `action[t]`, '
            "so the ratio of step t belongs to it.",
            instead("per_decision", late_product),
        ),
        Mistake(
            "per-decision-to-come",
            '"per_decision" uses the ratios from t on. A reward depends on the actions before it, '
            "0 to t.",
            instead("per_decision", product_to_come),
        ),
        Mistake(
            "per-decision-own-ratio",
            '"per_decision" uses the ratio of step t alone. The state in which step t was taken '
            "was reached by b's actions, and they need their ratios, too.",
            instead("per_decision", own_ratio),
        ),
        Mistake(
            "per-decision-mean-over-time",
            '"per_decision" takes a mean over steps as well. Rewards of one trajectory add up; '
            "only trajectories are averaged.",
            instead("per_decision", mean_over_time),
        ),
        Mistake(
            "inverted",
            "The ratios are upside down: the data came from b, so divide by its probabilities.",
            inverted,
        ),
        Mistake(
            "never-weighed",
            "No ratio is used: that estimates what *b* earns, the policy that acted.",
            never_weighed,
        ),
        Mistake(
            "undiscounted",
            "γ is missing: the reward after t steps counts γ^t.",
            undiscounted,
        ),
        Mistake(
            "discounted-from-the-start",
            "One γ too many: the first reward counts γ⁰ = 1, so the exponents run from 0.",
            discounted_from_the_start,
        ),
        Mistake("summed", SUM_FOR_MEAN, summed),
        Mistake(
            "clipped",
            "The ratios are clipped at 1. That tames the estimate and biases it; here the full "
            "ratio counts.",
            clipped,
        ),
        Mistake("log-prob-cut", LOG_PROB_CUT, cut_off),
        Mistake("changes-reward", IN_PLACE, changes_reward),
        Mistake(
            "ordinary-and-weighted-exchanged",
            "The two kinds are exchanged: *ordinary* divides by N, *weighted* by the sum of "
            "the ratios.",
            exchanged,
        ),
        Mistake(
            "kind-ignored",
            "Every kind gives the ordinary estimate. Look at `kind`.",
            kind_ignored,
        ),
    ),
    variants=(in_three_branches, one_after_the_other),
)
