"""The exercise `repaired_rollout_loss`, lesson 06's silent bug: ratios that leak into the next
episode. The broken version is the first known mistake."""

import torch
from torch import Tensor

from course_lib.checks.drawing import flags, normal, off_policy
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE, LOG_PROB_CUT, LOSS_SIGN


def cases(generator: torch.Generator) -> list[Case]:
    """Rollouts with ends of both kinds, also at their edges; one episode, only ends, one step."""

    def logged(shape: tuple[int, int], terminated=(), truncated=()) -> dict[str, Tensor]:
        return {
            **off_policy(generator, *shape),
            "reward_to_go": normal(generator, *shape) + 1.0,
            "terminated": flags(shape, *terminated),
            "truncated": flags(shape, *truncated),
        }

    every = tuple((t, n) for t in range(3) for n in range(2))
    return [
        Case("four steps, an end of each kind", logged((4, 2), ((1, 0),), ((2, 1),))),
        Case(
            "eight steps, three environments",
            logged((8, 3), ((2, 0), (7, 1), (0, 2)), ((4, 0), (3, 2))),
        ),
        Case("as many steps as environments", logged((4, 4), ((0, 1), (2, 1)), ((1, 3),))),
        Case("a step both terminated and truncated", logged((5, 2), ((2, 0),), ((2, 0),)), EDGE),
        Case("no end at all", logged((5, 2)), EDGE),
        Case("every step is an end", logged((3, 2), every), EDGE),
        Case("a single step", logged((1, 3), ((0, 1),)), EDGE),
    ]


def running_product(log_ratio: Tensor, ended: Tensor) -> Tensor:
    """(T, N) exp of the sum of log-ratios since the last end before each step."""
    rows, now = [], torch.zeros_like(log_ratio[0])
    for one, end in zip(log_ratio, ended, strict=True):
        rows.append(now + one)
        now = rows[-1].masked_fill(end, 0)
    return torch.stack(rows).exp()


def loss_of(ratio: Tensor, reward_to_go: Tensor, log_prob: Tensor) -> Tensor:
    """−mean(ρ G log π), ρ a constant."""
    return -((ratio * reward_to_go).detach() * log_prob).mean()


def repaired_rollout_loss(
    log_prob: Tensor, behavior_log_prob: Tensor, reward_to_go: Tensor, terminated: Tensor,
    truncated: Tensor,
) -> Tensor:  # fmt: skip
    """−mean(ρ G log π), ρ the product of the ratios since the episode began."""
    ratio = running_product(log_prob - behavior_log_prob, terminated | truncated)
    return loss_of(ratio, reward_to_go, log_prob)


def leaking(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    ratio = (log_prob - behavior_log_prob).cumsum(0).exp()
    return loss_of(ratio, reward_to_go, log_prob)


def leaks_at_truncations(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ratio = running_product(log_prob - behavior_log_prob, terminated)
    return loss_of(ratio, reward_to_go, log_prob)


def leaks_at_terminations(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ratio = running_product(log_prob - behavior_log_prob, truncated)
    return loss_of(ratio, reward_to_go, log_prob)


def restarts_a_step_early(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ended = terminated | truncated
    early = torch.cat([ended[1:], torch.zeros_like(ended[:1])])
    ratio = running_product(log_prob - behavior_log_prob, early)
    return loss_of(ratio, reward_to_go, log_prob)


def restarts_a_step_late(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ended = terminated | truncated
    late = torch.cat([torch.zeros_like(ended[:1]), ended[:-1]])
    ratio = running_product(log_prob - behavior_log_prob, late)
    return loss_of(ratio, reward_to_go, log_prob)


def last_ratio_lost(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    ended = terminated | truncated
    log_ratio = (log_prob - behavior_log_prob).masked_fill(ended, 0)
    return loss_of(running_product(log_ratio, ended), reward_to_go, log_prob)


def nothing_after_an_end(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ended = (terminated | truncated).int()
    first = (ended.cumsum(0) - ended == 0).to(log_prob.dtype)
    ratio = (log_prob - behavior_log_prob).cumsum(0).exp() * first
    return loss_of(ratio, reward_to_go, log_prob)


def own_ratio(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    return loss_of((log_prob - behavior_log_prob).exp(), reward_to_go, log_prob)


def never_weighed(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    return loss_of(torch.ones_like(log_prob), reward_to_go, log_prob)


def inverted(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    ratio = running_product(behavior_log_prob - log_prob, terminated | truncated)
    return loss_of(ratio, reward_to_go, log_prob)


def backwards(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    ended = terminated | truncated
    before = torch.cat([torch.zeros_like(ended[:1]), ended[:-1]])
    ratio = running_product((log_prob - behavior_log_prob).flip(0), before.flip(0)).flip(0)
    return loss_of(ratio, reward_to_go, log_prob)


def clipped(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    ratio = running_product(log_prob - behavior_log_prob, terminated | truncated)
    return loss_of(ratio.clamp(max=1), reward_to_go, log_prob)


def ratio_differentiated(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    ratio = running_product(log_prob - behavior_log_prob, terminated | truncated)
    return -(ratio * reward_to_go * log_prob).mean()


def sign_flipped(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    return -repaired_rollout_loss(log_prob, behavior_log_prob, reward_to_go, terminated, truncated)


def cut_off(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    return repaired_rollout_loss(
        log_prob.detach(), behavior_log_prob, reward_to_go, terminated, truncated
    )


def changes_behavior(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    loss = repaired_rollout_loss(
        log_prob, behavior_log_prob.clone(), reward_to_go, terminated, truncated
    )
    behavior_log_prob.sub_(log_prob.detach())
    return loss


def sum_before_the_episode(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    """Right: the leaking sum, minus what it was when the episode began."""
    log_ratio = (log_prob - behavior_log_prob).detach()
    total = log_ratio.cumsum(0)
    step = torch.arange(len(log_prob)).unsqueeze(1).expand(log_prob.shape)
    ended = terminated | truncated
    last_end = torch.where(ended, step, -1).cummax(0).values
    last_end = torch.cat([torch.full_like(last_end[:1], -1), last_end[:-1]])
    before = torch.where(last_end >= 0, total.gather(0, last_end.clamp(min=0)), 0.0)
    return loss_of((total - before).exp(), reward_to_go, log_prob)


def column_by_column(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    """Right: loops over environments and steps, in float64 inside."""
    total = torch.zeros((), dtype=torch.float64)
    for n in range(log_prob.shape[1]):
        rho = 1.0
        for t in range(len(log_prob)):
            rho *= (log_prob[t, n].double() - behavior_log_prob[t, n].double()).exp().item()
            total = total - rho * reward_to_go[t, n].item() * log_prob[t, n].double()
            if terminated[t, n] or truncated[t, n]:
                rho = 1.0
    return (total / log_prob.numel()).to(log_prob.dtype)


def both_flags_needed(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    return loss_of(running_product(log_ratio, terminated & truncated), reward_to_go, log_prob)


def all_environments_restart(
    log_prob, behavior_log_prob, reward_to_go, terminated, truncated
) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    ended = (terminated | truncated).any(1, keepdim=True).expand_as(terminated)
    return loss_of(running_product(log_ratio, ended), reward_to_go, log_prob)


def summed(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    ratio = running_product(log_ratio, terminated | truncated)
    return loss_of(ratio, reward_to_go, log_prob) * log_prob.numel()


def summed_over_time(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    ratio = running_product(log_ratio, terminated | truncated)
    return loss_of(ratio, reward_to_go, log_prob) * len(log_prob)


def last_step_left_out(log_prob, behavior_log_prob, reward_to_go, terminated, truncated) -> Tensor:
    log_ratio = log_prob - behavior_log_prob
    ended = terminated | truncated
    ratio = running_product(log_ratio, ended).masked_fill(ended, 1)
    return loss_of(ratio, reward_to_go, log_prob)


EXERCISE = Exercise(
    name="repaired_rollout_loss",
    reference=repaired_rollout_loss,
    cases=cases,
    statement="every episode begins with a clean slate: its ratios start at 1 again",
    points={VALUE: 1, GRADIENT: 1},
    gradient=("log_prob",),
    mistakes=(
        Mistake(
            "leaking",
            "The product still runs through the ends of episodes, so a step carries the ratios of "
            "episodes that were over before it began. Their mean is 1, so nothing is wrong on "
            "average; their noise multiplies. Start again after each end.",
            leaking,
        ),
        Mistake(
            "leaks-at-truncations",
            "The product starts again after a termination, but not after a time limit. The step "
            "behind either belongs to another episode.",
            leaks_at_truncations,
        ),
        Mistake(
            "leaks-at-terminations",
            "The product starts again after a time limit, but not after a termination. The step "
            "behind either belongs to another episode.",
            leaks_at_terminations,
        ),
        Mistake(
            "restarts-a-step-early",
            "The product starts again *at* the step that ends the episode, and that step loses the "
            "ratios before it. It is the last of its episode: start again behind it.",
            restarts_a_step_early,
        ),
        Mistake(
            "restarts-a-step-late",
            "The product starts again one step too late: the first step of an episode still "
            "carries the one before.",
            restarts_a_step_late,
        ),
        Mistake(
            "last-ratio-lost",
            "The ratio of the step that ends the episode is set to 1. Its action was chosen like "
            "the others; reset the product behind it.",
            last_ratio_lost,
        ),
        Mistake(
            "nothing-after-an-end",
            "Everything after the first end is thrown away. It is a good episode, too: its product "
            "begins at 1.",
            nothing_after_an_end,
        ),
        Mistake(
            "own-ratio",
            "Each step has its own ratio only. Within an episode they multiply up: ρ_{0:t}.",
            own_ratio,
        ),
        Mistake(
            "never-weighed",
            "No ratio is used: that is REINFORCE on the wrong data.",
            never_weighed,
        ),
        Mistake(
            "inverted",
            "The ratios are upside down: the data came from b, so divide by its probabilities.",
            inverted,
        ),
        Mistake(
            "backwards",
            "The product runs from the end of the episode to the step. What makes a step likelier "
            "is what was done before it.",
            backwards,
        ),
        Mistake(
            "clipped",
            "The product is clipped at 1. That hides the leak and biases the rest.",
            clipped,
        ),
        Mistake(
            "ratio-differentiated",
            "The value is right, but the gradient flows through ρ as well. ρ is a weight: detach "
            "it.",
            ratio_differentiated,
        ),
        Mistake("sign-flipped", LOSS_SIGN, sign_flipped),
        Mistake("log-prob-cut", LOG_PROB_CUT, cut_off),
        Mistake("changes-behavior", IN_PLACE, changes_behavior),
        Mistake(
            "both-flags-needed",
            "The product starts again only where a step is terminated *and* truncated. Either "
            "of them ends the episode: terminated | truncated.",
            both_flags_needed,
        ),
        Mistake(
            "all-environments-restart",
            "When one environment ends its episode, the product starts again in all of them. "
            "Each column has its own ends: masked_fill, not an `if`.",
            all_environments_restart,
        ),
        Mistake(
            "sum-for-mean",
            "A sum stands where a mean belongs: over all T · N steps of the rollout, as in "
            "the friend's code.",
            summed,
        ),
        Mistake(
            "summed-over-time",
            "The steps are summed and only the environments averaged. A rollout holds several "
            "episodes, so the mean runs over all of its steps.",
            summed_over_time,
        ),
        Mistake(
            "last-step-left-out",
            "The step that ends an episode gets the weight 1: its own ratio belongs to the "
            "old episode. Keep the product first, then start again.",
            last_step_left_out,
        ),
    ),
    variants=(sum_before_the_episode, column_by_column),
)
