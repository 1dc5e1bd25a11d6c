"""The exercise `rwr_weight`: its cases, and what goes wrong with it."""

import math

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.black_box import rwr_weight


def cases(generator: torch.Generator) -> list[Case]:
    """Returns of either sign and several temperatures; ties, one episode; thousands."""

    def returns(count: int, spread: float, level: float) -> Tensor:
        return spread * normal(generator, count) + level

    large = 1_000 * normal(generator, 6)
    tied = torch.tensor([3.0, 7.0, 7.0, 1.0, 7.0], dtype=torch.float64)
    equal = torch.full((4,), 500.0, dtype=torch.float64)
    return [
        Case("five episodes", r(returns(5, 1.5, 2.0), 0.7)),
        Case("eight episodes, a high temperature", r(returns(8, 6.0, -3.0), 4.0)),
        Case("four episodes, a temperature as a tensor", r(returns(4, 1.0, 0.0), tensor(0.4))),
        Case("T = 1", r(returns(6, 1.0, 1.0), 1.0), EDGE),
        Case("three of five equally good", r(tied, 1.5), EDGE),
        Case("all equally good", r(equal, 0.3), EDGE),
        Case("a single episode", r(returns(1, 1.0, 20.0), 0.5), EDGE),
        Case("returns in the thousands, a low temperature", r(large, 0.5), NUMERICS),
        Case("pendulum's returns, all far below 0", r(returns(6, 150.0, -1200.0), 45.0), NUMERICS),
        Case("returns far above 0, a high temperature", r(returns(5, 30.0, 90_000.0), 9), NUMERICS),
    ]


def r(episode_return: Tensor, temperature: float | Tensor) -> dict[str, Tensor | float]:
    """The inputs of one case."""
    return {"episode_return": episode_return, "temperature": temperature}


def tensor(number: float) -> Tensor:
    """A number as a 0-dimensional tensor."""
    return torch.tensor(number, dtype=torch.float64)


def forgets_temperature(episode_return, temperature):
    return episode_return.softmax(0)


def upside_down(episode_return, temperature):
    return (episode_return * temperature).softmax(0)


def divided_afterwards(episode_return, temperature):
    return episode_return.softmax(0) / temperature


def squared_temperature(episode_return, temperature):
    return (episode_return / temperature**2).softmax(0)


def prefers_the_worst(episode_return, temperature):
    return (-episode_return / temperature).softmax(0)


def overflows(episode_return, temperature):
    weight = (episode_return / temperature).exp()
    return weight / weight.sum()


def shifted_in_another_unit(episode_return, temperature):
    weight = (episode_return / temperature - episode_return.max()).exp()
    return weight / weight.sum()


def mean_taken_off(episode_return, temperature):
    weight = ((episode_return - episode_return.mean()) / temperature).exp()
    return weight / weight.sum()


def added_to_the_sum(episode_return, temperature):
    weight = (episode_return / temperature).exp()
    return weight / (weight.sum() + 1e-8)


def clamped_exponent(episode_return, temperature):
    return (episode_return / temperature).clamp(-80, 80).softmax(0)


def best_has_one(episode_return, temperature):
    return ((episode_return - episode_return.max()) / temperature).exp()


def mean_one(episode_return, temperature):
    return rwr_weight(episode_return, temperature) * len(episode_return)


def log_weights(episode_return, temperature):
    return (episode_return / temperature).log_softmax(0)


def best_only(episode_return, temperature):
    best = (episode_return == episode_return.max()).to(episode_return.dtype)
    return best / best.sum()


def all_the_same(episode_return, temperature):
    return torch.full_like(episode_return, 1 / len(episode_return))


def in_proportion(episode_return, temperature):
    return episode_return / episode_return.sum()


def above_the_worst(episode_return, temperature):
    above = (episode_return - episode_return.min()) / temperature
    return above / above.sum()


def standardised(episode_return, temperature):
    spread = episode_return.std(correction=0) + 1e-8
    return ((episode_return - episode_return.mean()) / spread / temperature).softmax(0)


def of_the_ranks(episode_return, temperature):
    rank = episode_return.argsort().argsort().to(episode_return.dtype)
    return (rank / temperature).softmax(0)


def above_the_mean_only(episode_return, temperature):
    better = episode_return >= episode_return.mean()
    return (episode_return / temperature).masked_fill(~better, -math.inf).softmax(0)


def times_the_return(episode_return, temperature):
    return rwr_weight(episode_return, temperature) * episode_return


def as_a_column(episode_return, temperature):
    return rwr_weight(episode_return, temperature).unsqueeze(-1)


def one_number(episode_return, temperature):
    return (rwr_weight(episode_return, temperature) * episode_return).sum()


def in_place(episode_return, temperature):
    episode_return -= episode_return.max().item()
    return (episode_return / temperature).softmax(0)


def largest_first(episode_return, temperature):
    """Right: the best return is taken off, which no weight can tell."""
    weight = ((episode_return - episode_return.max()) / temperature).exp()
    return weight / weight.sum()


def one_by_one(episode_return, temperature):
    """Right: Python numbers, without a gradient."""
    returns, best = episode_return.tolist(), episode_return.max().item()
    weight = [math.exp((one - best) / float(temperature)) for one in returns]
    return torch.tensor([one / sum(weight) for one in weight], dtype=episode_return.dtype)


def through_the_logarithm(episode_return, temperature):
    """Right: R/T − log Σ exp(R/T), in float64 inside, then the exponential."""
    scaled = episode_return.double() / temperature
    return (scaled - scaled.logsumexp(0)).exp().to(episode_return.dtype)


def against_all_others(episode_return, temperature):
    """Right: 1 / Σ_j exp((R_j − R_i)/T), a table of differences."""
    table = (episode_return.unsqueeze(0) - episode_return.unsqueeze(1)) / temperature
    return 1 / table.exp().sum(1)


EXERCISE = Exercise(
    name="rwr_weight",
    reference=rwr_weight,
    cases=cases,
    statement="better episodes weigh more, all together weigh 1, and no return is too large",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "forgets-temperature",
            "The temperature has no effect: either it is not used, or it cancels, as in exp(R)/T, "
            "once all is divided by the sum. With returns between 0 and 500 that is the best "
            "episode alone, with returns between 0 and 0.1 it is all of them alike.",
            forgets_temperature,
        ),
        Mistake(
            "temperature-upside-down",
            "The returns are multiplied by T, not divided. Test yourself: for T → 0 the best "
            "episode alone must count.",
            upside_down,
        ),
        Mistake(
            "divided-afterwards",
            "T divides the weights after the softmax. It belongs inside the exponential, where it "
            "says which difference in return is a large one.",
            divided_afterwards,
        ),
        Mistake(
            "temperature-squared",
            "The returns are divided by T². T is in units of the return, so R/T has none: no "
            "square.",
            squared_temperature,
        ),
        Mistake(
            "prefers-the-worst",
            "The sign is flipped: the worst episode weighs most, and the policy learns to fail. "
            "exp(+R/T).",
            prefers_the_worst,
        ),
        Mistake(
            "overflows",
            "Right for small returns; but exp(2,000) is ∞, and where all returns lie far below 0, "
            "0/0 is nan. Only differences of returns matter: take the largest off first, or let "
            "`softmax` do it.",
            overflows,
        ),
        Mistake(
            "shifted-in-another-unit",
            "The largest *return* is taken off from R/T, which has another unit. The exponents are "
            "still far from 0 when T is. Subtract first, then divide: (R − max R)/T.",
            shifted_in_another_unit,
        ),
        Mistake(
            "mean-taken-off",
            "The *mean* return is taken off first. That changes no weight; but what lies far above "
            "the mean still overflows. Take the largest off: then no exponent is above 0.",
            mean_taken_off,
        ),
        Mistake(
            "added-to-the-sum",
            "A small number is added to the sum, so that 0/0 becomes 0: no episode counts at all "
            "where all returns lie far below 0. Take the largest return off first.",
            added_to_the_sum,
        ),
        Mistake(
            "clamped-exponent",
            "R/T is clamped before the exponential. That stops the overflow and gives other "
            "weights: beyond the clamp all episodes look alike. Take the largest off.",
            clamped_exponent,
        ),
        Mistake(
            "not-normalised",
            "The best episode weighs 1, and the sum is larger. Divide by the sum, or the step "
            "grows with the number of episodes.",
            best_has_one,
        ),
        Mistake(
            "mean-one",
            "The weights have mean 1, so they sum to n. Here they sum to 1, and the loss sums over "
            "episodes instead of averaging.",
            mean_one,
        ),
        Mistake(
            "log-weights",
            "Those are the logarithms of the weights: softmax, not log_softmax.",
            log_weights,
        ),
        Mistake(
            "best-only",
            "Only the best episode counts: the limit T → 0. One lucky episode is a poor teacher.",
            best_only,
        ),
        Mistake(
            "all-the-same",
            "All episodes count the same: the limit T → ∞. The policy imitates itself and learns "
            "nothing.",
            all_the_same,
        ),
        Mistake(
            "in-proportion",
            "The weights are in proportion to the returns, without the exponential. Returns may be "
            "negative; weights may not.",
            in_proportion,
        ),
        Mistake(
            "above-the-worst",
            "The weights grow linearly from the worst episode on. T has no effect then: it "
            "divides above and below. The exponential is what makes it one.",
            above_the_worst,
        ),
        Mistake(
            "standardised",
            "The returns are brought to spread 1 here. The caller has measured T in units of the "
            "return already: then T would count twice.",
            standardised,
        ),
        Mistake(
            "of-the-ranks",
            "The exponential is taken of the ranks. (Many evolution strategies do so.) Here the "
            "returns themselves count: a much better episode counts much more.",
            of_the_ranks,
        ),
        Mistake(
            "above-the-mean-only",
            "Episodes below the mean are left out. They count little already, and by how little is "
            "what T says.",
            above_the_mean_only,
        ),
        Mistake(
            "times-the-return",
            "The weights are multiplied by the returns once more. exp(R/T) is all they count.",
            times_the_return,
        ),
        Mistake(
            "extra-axis",
            "The weights have shape (n, 1). Against log-probabilities (n,) that silently becomes "
            "(n, n) in the next line: return (n,).",
            as_a_column,
        ),
        Mistake(
            "one-number",
            "A single number came out, the weighted return. Return one weight an episode, (n,).",
            one_number,
        ),
        Mistake("changes-returns", IN_PLACE, in_place),
    ),
    variants=(largest_first, one_by_one, through_the_logarithm, against_all_others),
)
