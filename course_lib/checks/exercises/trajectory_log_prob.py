"""The exercise `trajectory_log_prob`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs
from course_lib.checks.exercise import EDGE, GRADIENT, NUMERICS, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT
from course_lib.reference.trajectories import trajectory_log_prob


def trajectories(generator: torch.Generator, steps: int, number: int) -> dict[str, Tensor]:
    """The three factors' logarithms of `number` trajectories."""
    return {
        "log_p0": log_probs(generator, number),
        "log_prob": log_probs(generator, steps, number),
        "log_transition": log_probs(generator, steps, number),
    }


def cases(generator: torch.Generator) -> list[Case]:
    """Two to read, more, a square batch; one step, one trajectory; a long one that underflows."""
    long = trajectories(generator, 600, 2)
    return [
        Case("two trajectories of three steps", trajectories(generator, 3, 2)),
        Case("five trajectories of eight steps", trajectories(generator, 8, 5)),
        Case("as many steps as trajectories", trajectories(generator, 4, 4)),
        Case("a single step", trajectories(generator, 1, 3), EDGE),
        Case("a single trajectory", trajectories(generator, 6, 1), EDGE),
        Case("six hundred steps: the probability itself is 0 in float64", long, NUMERICS),
    ]


def probability(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return trajectory_log_prob(log_p0, log_prob, log_transition).exp()


def product_then_log(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return (log_p0.exp() * log_prob.exp().prod(0) * log_transition.exp().prod(0)).log()


def log_of_a_sum(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob.logsumexp(0) + log_transition.logsumexp(0)


def all_trajectories(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return trajectory_log_prob(log_p0, log_prob, log_transition).sum()


def mean_over_time(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob.mean(0) + log_transition.mean(0)


def sum_over_trajectories(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob.sum(1) + log_transition.sum(1)


def start_forgotten(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_prob.sum(0) + log_transition.sum(0)


def start_every_step(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return (log_p0 + log_prob + log_transition).sum(0)


def policy_only(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_prob.sum(0)


def transitions_forgotten(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob.sum(0)


def environment_only(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_transition.sum(0)


def last_transition_dropped(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob.sum(0) + log_transition[:-1].sum(0)


def sign_flipped(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return -trajectory_log_prob(log_p0, log_prob, log_transition)


def policy_detached(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return trajectory_log_prob(log_p0, log_prob.detach(), log_transition)


def changes_the_start(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    log_p0 += log_prob.sum(0) + log_transition.sum(0)
    return log_p0


def so_far(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + (log_prob + log_transition).cumsum(0)


def logs_multiplied(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + (log_prob * log_transition).sum(0)


def first_step_only(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return log_p0 + log_prob[0] + log_transition[0]


def cut_off(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    return trajectory_log_prob(log_p0, log_prob, log_transition).clamp(min=-100)


def step_by_step(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    """Right: one step after the other, in float64 inside."""
    total = log_p0.double()
    for policy, environment in zip(log_prob, log_transition, strict=True):
        total = total + policy.double() + environment.double()
    return total.to(log_prob.dtype)


def one_sum(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    """Right: everything stacked, and one sum."""
    return torch.cat([log_p0.unsqueeze(0), log_prob, log_transition]).sum(0)


def last_of_a_cumsum(log_p0: Tensor, log_prob: Tensor, log_transition: Tensor) -> Tensor:
    """Right: the running log-probability at the last step."""
    return (log_transition + log_prob).cumsum(0)[-1] + log_p0


EXERCISE = Exercise(
    name="trajectory_log_prob",
    reference=trajectory_log_prob,
    cases=cases,
    statement="one log-probability a trajectory, and θ reaches it through the policy's terms alone",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "probability",
            "That is p(τ|θ) itself. The logarithm was asked for: after a few hundred steps the "
            "probability is smaller than any number a computer has.",
            probability,
        ),
        Mistake(
            "product-of-probabilities",
            "You multiply probabilities and take the logarithm at the end. That is right on paper; "
            "but a product of hundreds of numbers below 1 becomes exactly 0, and its logarithm −∞. "
            "Add logarithms instead.",
            product_then_log,
        ),
        Mistake(
            "log-of-a-sum",
            "`logsumexp` gives the logarithm of a sum of probabilities: the steps as alternatives. "
            "All of them happen, one after the other, so their probabilities are multiplied and "
            "their logarithms added.",
            log_of_a_sum,
        ),
        Mistake(
            "all-trajectories",
            "One number came out for all trajectories together. Sum over time, axis 0, and keep "
            "one log-probability a trajectory: (N,).",
            all_trajectories,
        ),
        Mistake(
            "mean-over-time",
            "The mean over time stands where the sum belongs. Each step multiplies the "
            "probability by its own factor, so each adds its whole logarithm.",
            mean_over_time,
        ),
        Mistake(
            "sum-over-trajectories",
            "The sum runs over axis 1, from one trajectory into the next. Time is axis 0.",
            sum_over_trajectories,
        ),
        Mistake(
            "start-forgotten",
            "log p(s₀) is missing: the trajectory has to begin somewhere, and where is chance too.",
            start_forgotten,
        ),
        Mistake(
            "start-at-every-step",
            "log p(s₀) is counted once for every step: it was added before the sum over time. A "
            "trajectory begins once.",
            start_every_step,
        ),
        Mistake(
            "policy-only",
            "That is Σ log π alone. It has the right gradient, as you will see, but it is not the "
            "log-probability of the trajectory: the environment takes its decisions too.",
            policy_only,
        ),
        Mistake(
            "transitions-forgotten",
            "The environment's steps log p(s_{t+1}|s_t, a_t) are missing.",
            transitions_forgotten,
        ),
        Mistake(
            "environment-only",
            "The policy's terms log π(a_t|s_t) are missing, and with them every trace of θ.",
            environment_only,
        ),
        Mistake(
            "last-transition-dropped",
            "The last transition is left out. T actions are followed by T transitions; the last "
            "one leads to s_T.",
            last_transition_dropped,
        ),
        Mistake(
            "sign-flipped",
            "Every log-probability has the wrong sign. A probability is at most 1, so its "
            "logarithm is at most 0. Nothing is minimised here.",
            sign_flipped,
        ),
        Mistake("log-prob-detached", LOG_PROB_CUT, policy_detached),
        Mistake(
            "so-far",
            "One number for every step came out: how likely the trajectory is up to there. Only "
            "the last row was asked for; `sum(0)` gives it at once.",
            so_far,
        ),
        Mistake(
            "logs-multiplied",
            "The two logarithms of a step are multiplied. Probabilities multiply, so their "
            "logarithms add up.",
            logs_multiplied,
        ),
        Mistake(
            "first-step-only",
            "Only the first step counts. Sum over all of them, axis 0.",
            first_step_only,
        ),
        Mistake(
            "cut-off",
            "Very unlikely trajectories were cut off at a smallest value. A logarithm has none: "
            "−2,000 is an ordinary number, and it has a gradient.",
            cut_off,
        ),
        Mistake("changes-log-p0", IN_PLACE, changes_the_start),
    ),
    variants=(step_by_step, one_sum, last_of_a_cumsum),
)
