"""The exercise `baseline_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN
from course_lib.reference.baselines import baseline_loss


def cases(generator: torch.Generator) -> list[Case]:
    """A baseline a step and one for all; T = N; one step, one episode; a perfect baseline."""

    def batch(steps: int, number: int, scalar: bool = False) -> dict[str, Tensor]:
        baseline = normal(generator, *(() if scalar else (steps, number)))
        return {
            "log_prob": log_probs(generator, steps, number),
            "reward_to_go": 2 * normal(generator, steps, number) + 3,
            "baseline": baseline + 2,
        }

    perfect = batch(3, 2)
    perfect["baseline"] = perfect["reward_to_go"].clone()
    return [
        Case("three steps of two episodes", batch(3, 2)),
        Case("three steps of two episodes, one baseline for all", batch(3, 2, scalar=True)),
        Case("seven steps of four episodes", batch(7, 4)),
        Case("as many steps as episodes", batch(4, 4)),
        Case("a single step", batch(1, 3), EDGE),
        Case("a single episode, one baseline for all", batch(5, 1, scalar=True), EDGE),
        Case("a baseline that knows every return: nothing to learn", perfect, EDGE),
    ]


def paid(weight: Tensor, log_prob: Tensor) -> Tensor:
    """−mean(weight · log π), the weight a constant."""
    return -(weight.detach() * log_prob).mean()


def sign_flipped(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -baseline_loss(log_prob, reward_to_go, baseline)


def no_baseline(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go, log_prob)


def baseline_added(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go + baseline, log_prob)


def gradient_into_baseline(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -((reward_to_go - baseline) * log_prob).mean()


def subtracted_outside(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -(reward_to_go * log_prob - baseline.detach()).mean()


def sum_for_mean(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return baseline_loss(log_prob, reward_to_go, baseline) * log_prob.numel()


def sum_over_time(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return baseline_loss(log_prob, reward_to_go, baseline) * len(log_prob)


def means_multiplied(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -(reward_to_go - baseline).detach().mean() * log_prob.mean()


def log_prob_detached(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return baseline_loss(log_prob.detach(), reward_to_go, baseline)


def probability(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return baseline_loss(log_prob.exp(), reward_to_go, baseline)


def normalised(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = (reward_to_go - baseline).detach()
    return paid((weight - weight.mean()) / (weight.std(correction=0) + 1e-8), log_prob)


def own_mean_instead(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go - reward_to_go.mean(), log_prob)


def ratio(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go / baseline, log_prob)


def absolute(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid((reward_to_go - baseline).abs(), log_prob)


def only_the_good(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid((reward_to_go - baseline).clamp(min=0), log_prob)


def mean_of_baseline(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return paid(reward_to_go - baseline.mean(), log_prob)


def changes_returns(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    reward_to_go -= baseline.detach()
    return -(reward_to_go * log_prob).mean()


def centred(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = reward_to_go - baseline
    return paid(weight - weight.mean(), log_prob)


def scaled(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    weight = (reward_to_go - baseline).detach()
    return paid(weight / (weight.std(correction=0) + 1e-8), log_prob)


def not_averaged(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -(reward_to_go - baseline).detach() * log_prob


def with_value_loss(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    error = reward_to_go - baseline
    return paid(error, log_prob) + 0.5 * error.square().mean()


def wrong_one_detached(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return -((reward_to_go - baseline) * log_prob.detach()).mean()


def next_baseline(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    following = baseline.roll(-1, 0) if baseline.ndim else baseline
    return paid(reward_to_go - following, log_prob)


def sum_over_episodes(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    return baseline_loss(log_prob, reward_to_go, baseline) * log_prob.shape[1]


def two_sums(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """Right: the two products apart."""
    kept = baseline.detach()
    return (kept * log_prob).mean() - (reward_to_go.detach() * log_prob).mean()


def with_loops(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """Right: one step at a time."""
    total = log_prob.new_zeros(())
    weight = (reward_to_go - baseline).detach()
    for one, log_p in zip(weight.flatten(), log_prob.flatten(), strict=True):
        total = total - one * log_p
    return total / log_prob.numel()


def in_double(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """Right: float64 inside, an inner product."""
    weight = (reward_to_go.double() - baseline.double()).detach().flatten()
    return -(weight @ log_prob.double().flatten() / weight.numel()).to(log_prob.dtype)


EXERCISE = Exercise(
    name="baseline_loss",
    reference=baseline_loss,
    cases=cases,
    statement="an action is paid for what went better than expected; the critic is left alone",
    points={VALUE: 1, GRADIENT: 2},
    gradient=("log_prob",),
    no_gradient=("baseline",),
    mistakes=(
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake(
            "no-baseline",
            "The baseline is not used: that is the practical loss of lesson 02, but for its mean.",
            no_baseline,
        ),
        Mistake(
            "baseline-added",
            "The baseline is added. It is what was expected: subtract it.",
            baseline_added,
        ),
        Mistake(
            "gradient-into-baseline",
            "The value is right, but a gradient flows into `baseline`. The policy's loss would "
            "train the critic, and in the wrong direction: to predict *less* wherever actions were "
            "likely. Detach the weight.",
            gradient_into_baseline,
        ),
        Mistake(
            "subtracted-outside",
            "The baseline is subtracted from the product. As a summand it has no influence on the "
            "gradient; it belongs inside the bracket, (G − b) log π.",
            subtracted_outside,
        ),
        Mistake(
            "sum-for-mean",
            "The sum over steps and episodes is not divided by their number. A loss is a mean over "
            "all elements here.",
            sum_for_mean,
        ),
        Mistake(
            "sum-over-time",
            "The sum over time stands where the mean belongs. In lesson 02 losses summed over the "
            "steps of an episode; from here on they average over all elements.",
            sum_over_time,
        ),
        Mistake(
            "means-multiplied",
            "The mean weight is multiplied by the mean log-probability. Multiply element by "
            "element, then average.",
            means_multiplied,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, log_prob_detached),
        Mistake(
            "probability",
            "You weigh the probabilities, not their logarithms.",
            probability,
        ),
        Mistake(
            "normalised",
            "The weights were normalised. That is a step of its own (lesson 05), and here the "
            "plain difference is wanted.",
            normalised,
        ),
        Mistake(
            "own-mean-instead",
            "The mean of the returns is subtracted; the argument `baseline` is not used.",
            own_mean_instead,
        ),
        Mistake(
            "ratio",
            "The return is divided by the baseline. An expectation of zero comes from subtracting.",
            ratio,
        ),
        Mistake(
            "absolute",
            "The sign of G − b is lost, so disappointments count as successes.",
            absolute,
        ),
        Mistake(
            "only-the-good",
            "Weights below zero were cut off. What was worse than expected must become rarer; "
            "without it the gradient is biased.",
            only_the_good,
        ),
        Mistake(
            "mean-of-the-baseline",
            "The baselines of the steps were averaged first. Each step has its own.",
            mean_of_baseline,
        ),
        Mistake(
            "centred",
            "The mean of G − b was taken off as well. b is the only thing to subtract here; the "
            "batch's own mean is another baseline.",
            centred,
        ),
        Mistake(
            "scaled",
            "G − b was divided by its spread. That comes at the end of this lesson; here the "
            "weight is G − b itself.",
            scaled,
        ),
        Mistake(
            "not-averaged",
            "One number for each step came out, (T, N). A loss is one number: take the mean.",
            not_averaged,
        ),
        Mistake(
            "with-value-loss",
            "The squared error of the baseline was added. It has a loss and an optimiser of its "
            "own (Exercise 6); this loss is the policy's.",
            with_value_loss,
        ),
        Mistake(
            "wrong-one-detached",
            "`detach()` stands at `log_prob`, so the policy never moves and the baseline does. It "
            "belongs to the weight, G − b.",
            wrong_one_detached,
        ),
        Mistake(
            "baseline-of-the-next-step",
            "G_t is compared with the baseline of step t + 1: that state was reached by the action "
            "itself. A baseline is what was expected *before* the action.",
            next_baseline,
        ),
        Mistake(
            "sum-over-episodes",
            "The episodes are added up, the steps averaged. Take the mean over both.",
            sum_over_episodes,
        ),
        Mistake("changes-returns", IN_PLACE, changes_returns),
    ),
    variants=(two_sums, with_loops, in_double),
)
