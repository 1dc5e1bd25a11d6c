"""The exercise `optimal_baseline`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import optimal_baseline


def cases(generator: torch.Generator) -> list[Case]:
    """Four episodes to read, more, as many as parameters; one parameter, equal returns."""

    def batch(episodes: int, size: int) -> dict[str, Tensor]:
        return {
            "score": normal(generator, episodes, size) + 0.3,
            "episode_return": 2 * normal(generator, episodes) + 3,
        }

    same = batch(4, 2)
    same["episode_return"] = torch.full_like(same["episode_return"], 1.5)
    return [
        Case("four episodes, two parameters", batch(4, 2)),
        Case("nine episodes, five parameters", batch(9, 5)),
        Case("as many episodes as parameters", batch(3, 3)),
        Case("a single parameter", batch(5, 1), EDGE),
        Case("a single episode", batch(1, 3), EDGE),
        Case("all returns the same", same, EDGE),
    ]


def mean_return(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return.mean().expand(score.shape[1]).clone()


def not_squared(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score / score.sum(0)


def absolute_scores(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score.abs() / score.abs().sum(0)


def fourth_power(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score**4 / (score**4).sum(0)


def not_normalised(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score.square() / len(score)


def means_multiplied(score: Tensor, episode_return: Tensor) -> Tensor:
    return score.square().mean(0) * episode_return.mean()


def squared_return(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return.square() @ score.square() / score.square().sum(0)


def gradient_of_returns(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score / len(score)


def one_for_all(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = score.square().sum(1)
    return episode_return @ weight / weight.sum()


def one_for_all_repeated(score: Tensor, episode_return: Tensor) -> Tensor:
    return one_for_all(score, episode_return).expand(score.shape[1]).clone()


def centred_scores(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = (score - score.mean(0)).square()
    return episode_return @ weight / weight.sum(0)


def inverted(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = score.square()
    return weight.sum(0) / (episode_return @ weight)


def sums_over_parameters(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = score.square()
    return (weight * episode_return.unsqueeze(1)).sum(1) / weight.sum(1)


def square_of_the_mean(score: Tensor, episode_return: Tensor) -> Tensor:
    return (episode_return @ score).square() / score.sum(0).square()


def negative(score: Tensor, episode_return: Tensor) -> Tensor:
    return -optimal_baseline(score, episode_return)


def changes_score(score: Tensor, episode_return: Tensor) -> Tensor:
    score *= score
    return episode_return @ score / score.sum(0)


def mixed_powers(score: Tensor, episode_return: Tensor) -> Tensor:
    return episode_return @ score / score.square().sum(0)


def centred_returns(score: Tensor, episode_return: Tensor) -> Tensor:
    return optimal_baseline(score, episode_return - episode_return.mean())


def mean_of_the_best(score: Tensor, episode_return: Tensor) -> Tensor:
    return optimal_baseline(score, episode_return).mean().expand(score.shape[1]).clone()


def weights_of_each_episode(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = score.square()
    return episode_return @ (weight / weight.sum(1, keepdim=True)) / len(score)


def slope_of_a_fit(score: Tensor, episode_return: Tensor) -> Tensor:
    weight = score.square() - score.square().mean(0)
    below = weight.square().mean(0).clamp(min=1e-12)
    return (weight * (episode_return - episode_return.mean()).unsqueeze(1)).mean(0) / below


def with_expectations(score: Tensor, episode_return: Tensor) -> Tensor:
    """Right: the two expectations as means."""
    weight = score**2
    return (weight * episode_return.unsqueeze(-1)).mean(0) / weight.mean(0)


def one_parameter_at_a_time(score: Tensor, episode_return: Tensor) -> Tensor:
    """Right: a least-squares fit of g R by b g, one parameter after the other."""
    fits = []
    for column in score.T:
        weighed = (column * episode_return).unsqueeze(1)
        fits.append(torch.linalg.lstsq(column.unsqueeze(1), weighed).solution[0, 0])
    return torch.stack(fits)


def with_einsum(score: Tensor, episode_return: Tensor) -> Tensor:
    """Right: einsum, in float64 inside."""
    wide, returns = score.double(), episode_return.double()
    top = torch.einsum("nd,nd,n->d", wide, wide, returns)
    return (top / torch.einsum("nd,nd->d", wide, wide)).to(score.dtype)


EXERCISE = Exercise(
    name="optimal_baseline",
    reference=optimal_baseline,
    cases=cases,
    statement="one baseline a parameter: a mean return, weighed with the squared scores",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "mean-return",
            "That is the mean return for every parameter. The best constant weighs the returns "
            "with the squared scores: episodes that would move the parameter far count more.",
            mean_return,
        ),
        Mistake(
            "not-squared",
            "The scores are not squared. They have both signs, so the sum below may even be zero. "
            "A variance is about squares.",
            not_squared,
        ),
        Mistake(
            "absolute-scores",
            "The weights are |g|. Setting the derivative of E[g²(R − b)²] to zero leaves g².",
            absolute_scores,
        ),
        Mistake("fourth-power", "The weights are g⁴: squared twice. They are g².", fourth_power),
        Mistake(
            "not-normalised",
            "The denominator E[g²] is missing, so the result has the unit of g² R.",
            not_normalised,
        ),
        Mistake(
            "means-multiplied",
            "The mean of g² is multiplied by the mean of R. What counts is which g² came with "
            "which R: multiply first, then average. And divide by E[g²].",
            means_multiplied,
        ),
        Mistake(
            "squared-return",
            "The returns are squared. The derivative of g²(R − b)² with respect to b holds R once.",
            squared_return,
        ),
        Mistake(
            "gradient",
            "E[g R] is the gradient itself. The baseline is E[g² R] / E[g²].",
            gradient_of_returns,
        ),
        Mistake(
            "one-for-all",
            "One number came out, with |g|² as the weight. That is the best *single* baseline; "
            "here every parameter has its own, (D,).",
            one_for_all,
        ),
        Mistake(
            "one-for-all",
            "Every parameter got the same number, with |g|² as the weight. That is the best "
            "*single* baseline; here every parameter has its own.",
            one_for_all_repeated,
        ),
        Mistake(
            "centred-scores",
            "The mean score was subtracted before squaring. Its expectation is zero already; in a "
            "finite sample that changes the weights.",
            centred_scores,
        ),
        Mistake(
            "inverted",
            "Numerator and denominator are exchanged: E[g² R] stands above, E[g²] below.",
            inverted,
        ),
        Mistake(
            "over-parameters",
            "The sums run over the parameters and leave one number an episode. Average over the "
            "episodes: axis 0.",
            sums_over_parameters,
        ),
        Mistake(
            "square-of-the-mean",
            "The averages were squared. Square every score first, then average.",
            square_of_the_mean,
        ),
        Mistake(
            "sign-flipped",
            "The sign is flipped: the baseline is subtracted later, by the loss.",
            negative,
        ),
        Mistake(
            "mixed-powers",
            "The score is squared below the line and not above. Both have g².",
            mixed_powers,
        ),
        Mistake(
            "centred-returns",
            "The mean return was taken off first, so what came out is how far the best constant "
            "lies from the mean. Use R itself.",
            centred_returns,
        ),
        Mistake(
            "mean-of-the-best",
            "The best constants of the parameters were averaged. Each parameter keeps its own.",
            mean_of_the_best,
        ),
        Mistake(
            "weights-of-each-episode",
            "The weights were normalised along a row, over the parameters of an episode. For each "
            "parameter they sum to 1 over the *episodes*: axis 0.",
            weights_of_each_episode,
        ),
        Mistake(
            "slope-of-a-fit",
            "That is the slope of a line through R against g², a covariance over a variance. The "
            "best constant is a ratio of two means, E[g²R]/E[g²].",
            slope_of_a_fit,
        ),
        Mistake("changes-score", IN_PLACE, changes_score),
    ),
    variants=(with_expectations, one_parameter_at_a_time, with_einsum),
)
