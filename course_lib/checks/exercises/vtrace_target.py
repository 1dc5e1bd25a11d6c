"""The exercise `vtrace_target`: its cases, and what goes wrong with it."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.drawing import off_policy, rollout
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.advantages import td_error
from course_lib.reference.off_policy_targets import vtrace_target

INPUTS = (
    "reward", "value", "next_value", "terminated", "truncated", "log_prob", "behavior_log_prob",
    "gamma", "rho_bar", "c_bar",
)  # fmt: skip


def cases(generator: torch.Generator) -> list[Case]:
    """Both kinds of ends, bars of different heights; then bars, λ-like limits, one step, π = b."""

    def logged(shape, terminated=(), truncated=(), gamma=0.9, rho_bar=1.2, c_bar=0.8) -> dict:
        return {
            **rollout(generator, shape, terminated=terminated, truncated=truncated),
            **off_policy(generator, *shape),
            "gamma": gamma,
            "rho_bar": rho_bar,
            "c_bar": c_bar,
        }

    ends = {"terminated": ((2, 0), (7, 1)), "truncated": ((4, 0), (3, 2), (7, 2))}
    on_policy = logged((4, 3), ((1, 2),), ((2, 0),))
    on_policy["behavior_log_prob"] = on_policy["log_prob"].clone()
    return [
        Case("one end of each kind", logged((4, 2), ((1, 0),), ((2, 1),))),
        Case("eight steps, three environments", logged((8, 3), **ends, gamma=0.97)),
        Case("as many steps as environments", logged((4, 4), ((0, 1),), ((2, 3),), rho_bar=2.0)),
        Case("bars that clip nothing", logged((6, 2), rho_bar=50.0, c_bar=50.0), EDGE),
        Case("c̄ = 0", logged((8, 3), **ends, c_bar=0.0), EDGE),
        Case("ρ̄ below c̄", logged((5, 2), ((3, 1),), rho_bar=0.4, c_bar=1.0), EDGE),
        Case("a step both terminated and truncated", logged((5, 2), ((2, 0),), ((2, 0),)), EDGE),
        Case("π = b", on_policy, EDGE),
        Case("γ = 1", logged((5, 2), ((3, 0),), gamma=1.0), EDGE),
        Case("a single step", logged((1, 3), ((0, 1),), ((0, 2),)), EDGE),
    ]  # fmt: skip


def backwards(value: Tensor, surprise: Tensor, carry: Tensor) -> Tensor:
    """v_t = V + surprise_t + carry_t (v_{t+1} − V_{t+1}), from the end of the rollout."""
    rows, last = [], torch.zeros_like(surprise[0])
    for t in reversed(range(len(surprise))):
        last = surprise[t] + carry[t] * last
        rows.insert(0, last)
    return value + torch.stack(rows)


def from_ratios(change: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Tensor]:
    """V-trace with the weights of δ and of the sum that `change(ratio, rho_bar, c_bar)` gives."""

    def function(reward, value, next_value, terminated, truncated, log_prob, behavior_log_prob,
                 gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
        rho, c = change((log_prob - behavior_log_prob).exp(), rho_bar, c_bar)
        delta = td_error(reward, value, next_value, terminated, gamma)
        carry = gamma * c.masked_fill(terminated | truncated, 0)
        return backwards(value, rho * delta, carry)

    function.__name__ = change.__name__
    return function


def from_inputs(change: Callable[[dict], dict]) -> Callable[..., Tensor]:
    """The reference on other inputs: `change(inputs)` gives what is replaced."""

    def function(reward, value, next_value, terminated, truncated, log_prob, behavior_log_prob,
                 gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
        given = (reward, value, next_value, terminated, truncated, log_prob, behavior_log_prob,
                 gamma, rho_bar, c_bar)  # fmt: skip
        inputs = dict(zip(INPUTS, given, strict=True))
        return vtrace_target(**{**inputs, **change(inputs)})

    function.__name__ = change.__name__
    return function


@from_ratios
def bars_swapped(ratio, rho_bar, c_bar):
    return ratio.clamp(max=c_bar), ratio.clamp(max=rho_bar)


@from_ratios
def nothing_clipped(ratio, rho_bar, c_bar):
    return ratio, ratio


@from_ratios
def only_c_clipped(ratio, rho_bar, c_bar):
    return ratio, ratio.clamp(max=c_bar)


@from_ratios
def only_rho_clipped(ratio, rho_bar, c_bar):
    return ratio.clamp(max=rho_bar), ratio


@from_ratios
def rho_bar_for_both(ratio, rho_bar, c_bar):
    return ratio.clamp(max=rho_bar), ratio.clamp(max=rho_bar)


@from_ratios
def clipped_from_below(ratio, rho_bar, c_bar):
    return ratio.clamp(min=rho_bar), ratio.clamp(min=c_bar)


@from_ratios
def surprise_not_weighed(ratio, rho_bar, c_bar):
    return torch.ones_like(ratio), ratio.clamp(max=c_bar)


@from_ratios
def sum_not_weighed(ratio, rho_bar, c_bar):
    return ratio.clamp(max=rho_bar), torch.ones_like(ratio)


@from_ratios
def one_step_only(ratio, rho_bar, c_bar):
    return ratio.clamp(max=rho_bar), torch.zeros_like(ratio)


@from_ratios
def product_as_ratio(ratio, rho_bar, c_bar):
    product = ratio.cumprod(0)
    return product.clamp(max=rho_bar), product.clamp(max=c_bar)


@from_ratios
def c_of_the_next_step(ratio, rho_bar, c_bar):
    c = ratio.clamp(max=c_bar)
    return ratio.clamp(max=rho_bar), torch.cat([c[1:], torch.zeros_like(c[:1])])


@from_ratios
def inverted(ratio, rho_bar, c_bar):
    return (1 / ratio).clamp(max=rho_bar), (1 / ratio).clamp(max=c_bar)


@from_inputs
def truncation_as_termination(inputs):
    return {"terminated": inputs["terminated"] | inputs["truncated"]}


@from_inputs
def ignores_truncated(inputs):
    return {"truncated": torch.zeros_like(inputs["truncated"])}


@from_inputs
def bootstraps_after_termination(inputs):
    return {
        "terminated": torch.zeros_like(inputs["terminated"]),
        "truncated": inputs["terminated"] | inputs["truncated"],
    }


@from_inputs
def value_of_the_next_row(inputs):
    return {"next_value": torch.cat([inputs["value"][1:], inputs["next_value"][-1:]])}


def pieces(reward, value, next_value, terminated, truncated, log_prob, behavior_log_prob,
           gamma, rho_bar, c_bar) -> tuple[Tensor, Tensor]:  # fmt: skip
    """ρ_t δ_t, and γ c_t where the sum goes on."""
    ratio = (log_prob - behavior_log_prob).exp()
    delta = td_error(reward, value, next_value, terminated, gamma)
    carry = gamma * ratio.clamp(max=c_bar).masked_fill(terminated | truncated, 0)
    return ratio.clamp(max=rho_bar) * delta, carry


def sum_crosses_ends(reward, value, next_value, terminated, truncated, log_prob,
                     behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    ratio = (log_prob - behavior_log_prob).exp()
    delta = td_error(reward, value, next_value, terminated, gamma)
    return backwards(value, ratio.clamp(max=rho_bar) * delta, gamma * ratio.clamp(max=c_bar))


def without_the_value(reward, value, *rest, **named) -> Tensor:
    return vtrace_target(reward, value, *rest, **named) - value


def forgets_gamma_in_the_sum(reward, value, next_value, terminated, truncated, log_prob,
                             behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    surprise, carry = pieces(reward, value, next_value, terminated, truncated, log_prob,
                             behavior_log_prob, gamma, rho_bar, c_bar)  # fmt: skip
    return backwards(value, surprise, carry / gamma)


def value_not_subtracted(reward, value, next_value, terminated, truncated, log_prob,
                         behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    surprise, carry = pieces(reward, value, next_value, terminated, truncated, log_prob,
                             behavior_log_prob, gamma, rho_bar, c_bar)  # fmt: skip
    rows, last = [], torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        last = value[t] + surprise[t] + carry[t] * last
        rows.insert(0, last)
    return torch.stack(rows)


def forward_in_time(reward, value, next_value, terminated, truncated, log_prob,
                    behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    surprise, carry = pieces(reward, value, next_value, terminated, truncated, log_prob,
                             behavior_log_prob, gamma, rho_bar, c_bar)  # fmt: skip
    return value + backwards(torch.zeros_like(value), surprise.flip(0), carry.flip(0)).flip(0)


def as_in_the_paper(reward, value, next_value, terminated, truncated, log_prob,
                    behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    """Right: the double sum with its products, in float64 and without a gradient."""
    target = value.detach().double().clone()
    with torch.no_grad():
        ratio = (log_prob.double() - behavior_log_prob.double()).exp()
        for n in range(reward.shape[1]):
            for start in range(len(reward)):
                weight = 1.0
                for t in range(start, len(reward)):
                    future = 0.0 if terminated[t, n] else gamma * next_value[t, n].item()
                    delta = reward[t, n].item() + future - value[t, n].item()
                    target[start, n] += weight * min(rho_bar, ratio[t, n].item()) * delta
                    if terminated[t, n] or truncated[t, n]:
                        break
                    weight *= gamma * min(c_bar, ratio[t, n].item())
    return target.to(reward.dtype)


def target_to_target(reward, value, next_value, terminated, truncated, log_prob,
                     behavior_log_prob, gamma, rho_bar, c_bar) -> Tensor:  # fmt: skip
    """Right: the recursion of remark 1, from target to target."""
    ratio = (log_prob - behavior_log_prob).exp()
    rho, c = ratio.clamp(max=rho_bar), ratio.clamp(max=c_bar)
    future = torch.where(terminated, 0.0, next_value)
    rows: list[Tensor] = []
    for t in reversed(range(len(reward))):
        target = value[t] + rho[t] * (reward[t] + gamma * future[t] - value[t])
        if rows:
            goes_on = ~(terminated[t] | truncated[t])
            target = target + gamma * c[t] * goes_on * (rows[0] - next_value[t])
        rows.insert(0, target)
    return torch.stack(rows)


def ratio_inside_the_error(
    reward, value, next_value, terminated, truncated,
    log_prob, behavior_log_prob, gamma, rho_bar, c_bar,
) -> Tensor:  # fmt: skip
    ratio = (log_prob - behavior_log_prob).exp()
    future = reward + gamma * next_value.masked_fill(terminated, 0)
    error = ratio.clamp(max=rho_bar) * future - value
    carry = gamma * ratio.clamp(max=c_bar).masked_fill(terminated | truncated, 0)
    rows, last = [], torch.zeros_like(error[0])
    for t in reversed(range(len(error))):
        last = error[t] + carry[t] * last
        rows.insert(0, last)
    return value + torch.stack(rows)


EXERCISE = Exercise(
    name="vtrace_target",
    reference=vtrace_target,
    cases=cases,
    statement="one bar says whose value is learned, the other how far surprises travel",
    points={VALUE: 2, EDGE: 1},
    noted_gradient=("value", "next_value", "log_prob"),
    mistakes=(
        Mistake(
            "bars-swapped",
            "The bars are exchanged. ρ̄ clips the ratio in front of δ_t, c̄ the one in front of "
            "v_{t+1} − V(s_{t+1}).",
            bars_swapped,
        ),
        Mistake(
            "nothing-clipped",
            "No ratio is clipped. That is the per-decision n-step target, right on average and as "
            "noisy as its longest product.",
            nothing_clipped,
        ),
        Mistake(
            "rho-not-clipped",
            "The ratio in front of δ_t is not clipped: min(ρ̄, ρ_t).",
            only_c_clipped,
        ),
        Mistake(
            "c-not-clipped",
            "The ratio in front of the later corrections is not clipped, so their product grows "
            "without a bound: min(c̄, ρ_t).",
            only_rho_clipped,
        ),
        Mistake(
            "one-bar-for-both",
            "Both ratios are clipped at ρ̄. The one that carries later corrections back has a bar "
            "of its own, c̄.",
            rho_bar_for_both,
        ),
        Mistake(
            "clipped-from-below",
            "The ratios are raised to the bars instead of lowered: `clamp(max=…)`, or a minimum.",
            clipped_from_below,
        ),
        Mistake(
            "surprise-not-weighed",
            "δ_t has no ratio. Its action was b's, so the mean of δ_t would be about b: weigh it "
            "with min(ρ̄, ρ_t).",
            surprise_not_weighed,
        ),
        Mistake(
            "sum-not-weighed",
            "The later corrections have no ratio c_t: b's way to them counts as if it were π's.",
            sum_not_weighed,
        ),
        Mistake(
            "one-step-only",
            "Each target uses its own step only, the case c̄ = 0. What later steps found out is "
            "missing: + γ c_t (v_{t+1} − V(s_{t+1})).",
            one_step_only,
        ),
        Mistake(
            "product-as-ratio",
            "ρ_t is the product over all steps so far. In V-trace ρ_t and c_t are of one step; the "
            "recursion multiplies them up by itself.",
            product_as_ratio,
        ),
        Mistake(
            "c-of-the-next-step",
            "The recursion uses c_{t+1}. Whether π would have gone on from s_t to s_{t+1} is a "
            "question about a_t: c_t.",
            c_of_the_next_step,
        ),
        Mistake(
            "inverted",
            "The ratios are upside down: the data came from b, so divide by its probabilities.",
            inverted,
        ),
        Mistake(
            "truncation-as-termination",
            "A time limit is treated as the end of the world: δ leaves out V(s') there. Bootstrap "
            "with next_value, and cut only the sum.",
            truncation_as_termination,
        ),
        Mistake(
            "ignores-truncated",
            "`truncated` is ignored, so corrections of the next episode leak into this one. Cut "
            "the sum at either kind of end.",
            ignores_truncated,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The sum stops in the right places, but δ adds γV(s') after a termination, too.",
            bootstraps_after_termination,
        ),
        Mistake(
            "value-of-the-next-row",
            "You use value[t + 1] for V(s_{t+1}). At an end that row belongs to the next episode; "
            "next_value[t] is the state that the step led to.",
            value_of_the_next_row,
        ),
        Mistake(
            "sum-crosses-ends",
            "δ is right, but corrections are carried across the ends of episodes: γ c_t is 0 "
            "where step t terminated or was truncated.",
            sum_crosses_ends,
        ),
        Mistake(
            "without-the-value",
            "That is the correction v_t − V(s_t). The target itself is wanted: add V(s_t).",
            without_the_value,
        ),
        Mistake(
            "forgets-gamma-in-the-sum",
            "Later corrections are not discounted: γ c_t (v_{t+1} − V(s_{t+1})).",
            forgets_gamma_in_the_sum,
        ),
        Mistake(
            "value-not-subtracted",
            "v_{t+1} is carried back whole. δ_t contains γV(s_{t+1}) already, so only the "
            "*correction* v_{t+1} − V(s_{t+1}) is added, or the future counts twice.",
            value_not_subtracted,
        ),
        Mistake(
            "forward-in-time",
            "The loop runs forwards, so each target collects the past. v_t needs v_{t+1}: begin "
            "with the last step.",
            forward_in_time,
        ),
        Mistake(
            "ratio-inside-the-error",
            "The ratio multiplies r + γ V' but not V. It stands in front of the whole TD "
            "error: else V itself is corrected towards 0 wherever ρ is small.",
            ratio_inside_the_error,
        ),
    ),
    variants=(as_in_the_paper, target_to_target),
)
