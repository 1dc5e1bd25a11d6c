"""The exercise `grpo_loss`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import log_probs, normal
from course_lib.checks.exercise import EDGE, GRADIENT, VALUE, Case, Exercise, Mistake
from course_lib.reference.language_models import grpo_loss, kl_to_reference


def cases(generator: torch.Generator) -> list[Case]:
    """Answers of unequal length; ratio 1, no penalty, no clip; an empty answer, absurd padding."""
    first = given(generator, 5, (2, 5, 3))
    fresh = given(generator, 4, (4, 2, 3))
    fresh["old_log_prob"] = fresh["log_prob"].clone()
    absurd = given(generator, 5, (2, 4))
    for name, number in (("log_prob", 800.0), ("old_log_prob", -800.0), ("ref_log_prob", 900.0)):
        absurd[name] = absurd[name].masked_fill(~absurd["mask"], number)
    return [
        Case("three answers of two, five and three tokens", first),
        Case("six answers", given(generator, 7, (7, 1, 4, 6, 2, 3), clip_epsilon=0.1)),
        Case("as many answers as tokens", given(generator, 4, (4, 1, 2, 3))),
        Case("right after the answers were written: ρ = 1", fresh),
        Case("no penalty", given(generator, 4, (4, 2, 3), kl_coef=0.0), EDGE),
        Case("a heavy penalty", given(generator, 4, (4, 2, 3), kl_coef=2.0), EDGE),
        Case("an answer without a token", given(generator, 4, (0, 3, 1)), EDGE),
        Case("a single answer", given(generator, 4, (3,)), EDGE),
        Case("absurd numbers in the padding", absurd, EDGE),
    ]


def given(
    generator: torch.Generator,
    length: int,
    lengths: tuple[int, ...],
    clip_epsilon: float = 0.2,
    kl_coef: float = 0.3,
) -> dict:
    """The inputs of one case: ratios on both sides of both bounds, advantages of both signs."""
    shape = len(lengths), length
    log_prob = log_probs(generator, *shape)
    sign = torch.ones(len(lengths), dtype=torch.float64)
    sign[1::2] = -1.0
    return {
        "log_prob": log_prob,
        "old_log_prob": log_prob + 0.4 * normal(generator, *shape),
        "ref_log_prob": log_prob + 0.6 * normal(generator, *shape),
        "advantage": sign * (normal(generator, len(lengths)).abs() + 0.3),
        "mask": torch.arange(length) < torch.tensor(lengths).unsqueeze(-1),
        "clip_epsilon": clip_epsilon,
        "kl_coef": kl_coef,
    }


def terms(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef, sign=-1.0
) -> Tensor:
    """(B, L) the objective of each token, 0 in the padding."""
    ratio = (log_prob - old_log_prob.detach()).masked_fill(~mask, 0).exp()
    weight = advantage.detach().unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    penalty = kl_to_reference(log_prob.masked_fill(~mask, 0), ref_log_prob.masked_fill(~mask, 0))
    value = torch.minimum(ratio * weight, clipped * weight) + sign * kl_coef * penalty
    return value.masked_fill(~mask, 0)


def averaged(term: Tensor, mask: Tensor) -> Tensor:
    """Minus the mean over answers of the mean over their tokens."""
    count = mask.sum(-1)
    return -(term.sum(-1) / count.clamp(min=1))[count > 0].mean()


def plain(log_prob, old_log_prob, advantage, mask) -> tuple[Tensor, Tensor]:
    """ρ, 1 in the padding, and A as a column."""
    ratio = (log_prob - old_log_prob.detach()).masked_fill(~mask, 0).exp()
    return ratio, advantage.detach().unsqueeze(-1)


def sign_flipped(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    return -grpo_loss(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)


def penalty_rewarded(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return averaged(terms(*inputs, sign=1.0), mask)


def no_penalty(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    return grpo_loss(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)


def no_clip(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    return grpo_loss(log_prob, old_log_prob, ref_log_prob, advantage, mask, 1e6, kl_coef)


def always_clipped(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    ratio, weight = plain(log_prob, old_log_prob, advantage, mask)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon) * weight
    term = (clipped - kl_coef * kl_to_reference(*silent)).masked_fill(~mask, 0)
    return averaged(term, mask)


def larger_term(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    ratio, weight = plain(log_prob, old_log_prob, advantage, mask)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    value = torch.maximum(ratio * weight, clipped * weight)
    term = (value - kl_coef * kl_to_reference(*silent)).masked_fill(~mask, 0)
    return averaged(term, mask)


def mean_over_all_tokens(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return -terms(*inputs).sum() / mask.sum()


def mean_over_all_places(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return -terms(*inputs).mean()


def sum_over_tokens(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return -terms(*inputs).sum(-1)[mask.any(-1)].mean()


def empty_answers_counted(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return -(terms(*inputs).sum(-1) / mask.sum(-1).clamp(min=1)).mean()


def no_mask(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    everything = torch.ones_like(mask)
    return grpo_loss(
        log_prob, old_log_prob, ref_log_prob, advantage, everything, clip_epsilon, kl_coef
    )


def ratio_of_the_sequence(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    change = (log_prob - old_log_prob.detach()).masked_fill(~mask, 0)
    whole = change.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
    shared = old_log_prob.detach() + whole
    inputs = (shared, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    term = terms(*inputs) - (kl_coef * kl_to_reference(*silent)).masked_fill(~mask, 0)
    return averaged(term, mask)


def ratio_to_the_reference(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    return grpo_loss(log_prob, ref_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)


def penalty_to_the_old_policy(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    return grpo_loss(log_prob, old_log_prob, old_log_prob, advantage, mask, clip_epsilon, kl_coef)


def log_prob_cut(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    return grpo_loss(
        log_prob.detach(), old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
    )


def others_not_held(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    ratio = (log_prob - old_log_prob).masked_fill(~mask, 0).exp()
    weight = advantage.unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    d = (ref_log_prob - log_prob).masked_fill(~mask, 0)
    value = torch.minimum(ratio * weight, clipped * weight) - kl_coef * (d.expm1() - d)
    return averaged(value.masked_fill(~mask, 0), mask)


def answer_by_answer(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    """Right: each answer's own tokens, cut out by its mask."""
    losses = []
    for i in range(len(log_prob)):
        own = mask[i]
        if not own.any():
            continue
        ratio = (log_prob[i][own] - old_log_prob[i][own].detach()).exp()
        bound = ratio.clip(1 - clip_epsilon, 1 + clip_epsilon)
        weight = advantage[i].detach()
        d = ref_log_prob[i][own].detach() - log_prob[i][own]
        penalty = kl_coef * (d.exp() - d - 1)
        losses.append((penalty - torch.min(ratio * weight, bound * weight)).mean())
    return torch.stack(losses).mean()


def by_cases_of_the_sign(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    """Right: for A > 0 only the upper bound matters, for A < 0 only the lower one."""
    held = [one.detach() for one in (old_log_prob, ref_log_prob, advantage)]
    ratio = torch.where(mask, log_prob - held[0], 0.0).exp()
    weight = held[2][:, None]
    bounded = torch.where(
        weight > 0, ratio.clamp(max=1 + clip_epsilon), ratio.clamp(min=1 - clip_epsilon)
    )
    d = torch.where(mask, held[1] - log_prob, 0.0)
    term = torch.where(mask, bounded * weight - kl_coef * (torch.expm1(d) - d), 0.0)
    length = mask.sum(1)
    return -(term.sum(1)[length > 0] / length[length > 0]).mean()


def mask_times_infinity(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    held = [one.detach() for one in (old_log_prob, ref_log_prob, advantage)]
    ratio, d = (log_prob - held[0]).exp(), held[1] - log_prob
    weight = held[2].unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    term = torch.minimum(ratio * weight, clipped * weight) - kl_coef * (d.exp() - d - 1)
    return averaged(term * mask, mask)


def masked_after_the_exponential(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    held = [one.detach() for one in (old_log_prob, ref_log_prob, advantage)]
    ratio, d = (log_prob - held[0]).exp(), held[1] - log_prob
    weight = held[2].unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    term = torch.minimum(ratio * weight, clipped * weight) - kl_coef * (d.exp() - d - 1)
    return averaged(term.masked_fill(~mask, 0), mask)


def divided_by_no_token(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef)
    return -(terms(*inputs).sum(-1) / mask.sum(-1)).mean()


def advantage_not_held(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    ratio, _ = plain(log_prob, old_log_prob, advantage, mask)
    weight, silent = (
        advantage.unsqueeze(-1),
        [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)],
    )
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    value = torch.minimum(ratio * weight, clipped * weight)
    return averaged((value - kl_coef * kl_to_reference(*silent)).masked_fill(~mask, 0), mask)


def smaller_ratio(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    ratio, weight = plain(log_prob, old_log_prob, advantage, mask)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    term = torch.minimum(ratio, ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)) * weight
    return averaged((term - kl_coef * kl_to_reference(*silent)).masked_fill(~mask, 0), mask)


def penalty_k1(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)
    price = kl_coef * (log_prob - ref_log_prob.detach())
    return averaged((terms(*inputs) - price).masked_fill(~mask, 0), mask)


def penalty_upside_down(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)
    d = (log_prob - ref_log_prob.detach()).masked_fill(~mask, 0)
    return averaged(terms(*inputs) - kl_coef * (torch.expm1(d) - d), mask)


def penalty_over_all_tokens(
    log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef
):
    inputs = (log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    return averaged(terms(*inputs), mask) + kl_coef * kl_to_reference(*silent)[mask].mean()


def ratio_cut(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    inputs = (log_prob.detach(), old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, 0.0)
    silent = [one.masked_fill(~mask, 0) for one in (log_prob, ref_log_prob)]
    return averaged(terms(*inputs) - kl_coef * kl_to_reference(*silent), mask)


EXERCISE = Exercise(
    name="grpo_loss",
    reference=grpo_loss,
    cases=cases,
    statement="each answer weighs the same, each token is clipped, and padding is silent",
    points={VALUE: 2, GRADIENT: 1, EDGE: 2},
    gradient=("log_prob",),
    no_gradient=("old_log_prob", "ref_log_prob", "advantage"),
    mistakes=(
        Mistake(
            "sign-flipped",
            "The sign is flipped. The formula in the brackets is to grow; a loss is its negative.",
            sign_flipped,
        ),
        Mistake(
            "penalty-rewarded",
            "The divergence is rewarded. In the objective it is subtracted, so in the loss it is "
            "added: + β (exp(d) − d − 1).",
            penalty_rewarded,
        ),
        Mistake(
            "no-penalty",
            "The penalty β (exp(d) − d − 1) is missing: nothing holds the model back.",
            no_penalty,
        ),
        Mistake(
            "no-clip",
            "Nothing is clipped: of ρA and clip(ρ) A the smaller one counts, token by token.",
            no_clip,
        ),
        Mistake(
            "always-clipped",
            "Only the clipped term is used. The minimum of both lets a bad move be undone: where "
            "clipping would flatter, the unclipped term counts.",
            always_clipped,
        ),
        Mistake(
            "larger-term",
            "The larger of the two terms is taken. The minimum is the pessimistic one.",
            larger_term,
        ),
        Mistake(
            "mean-over-all-tokens",
            "That is one mean over all tokens, so a long answer weighs more than a short one. (A "
            "later paper argues for it.) GRPO averages within each answer first.",
            mean_over_all_tokens,
        ),
        Mistake(
            "mean-over-all-places",
            "The mean runs over all B · L places, padding included: batches with much padding "
            "learn slowly. Divide by each answer's own number of tokens.",
            mean_over_all_places,
        ),
        Mistake(
            "sum-over-tokens",
            "The tokens of an answer are added up. Here they are averaged within each answer.",
            sum_over_tokens,
        ),
        Mistake(
            "empty-answers-counted",
            "An answer without a token is counted as a loss of 0. Leave it out of the mean.",
            empty_answers_counted,
        ),
        Mistake(
            "no-mask",
            "The padding is trained as well. Only tokens where `mask` is true were written.",
            no_mask,
        ),
        Mistake(
            "ratio-of-the-sequence",
            "One ratio an answer (GSPO does that, on purpose). Here every token has its own ratio "
            "and its own clip.",
            ratio_of_the_sequence,
        ),
        Mistake(
            "ratio-to-the-reference",
            "The ratio is taken to the reference model. The tokens were written by the *old* "
            "policy; the reference is for the penalty only.",
            ratio_to_the_reference,
        ),
        Mistake(
            "penalty-to-the-old-policy",
            "The penalty is taken to the old policy. It should hold the model near the "
            "*reference*; the clip looks after the old policy.",
            penalty_to_the_old_policy,
        ),
        Mistake(
            "log-prob-cut",
            "The value is right, but log π was cut from its graph: nothing would be learned.",
            log_prob_cut,
        ),
        Mistake(
            "others-not-held",
            "The value is right, but gradients flow into the old policy, the reference or the "
            "advantage. All three are constants here.",
            others_not_held,
        ),
        Mistake(
            "mask-times-infinity",
            "The mask is multiplied in at the end. Absurd padding has become ∞ by then, and 0 "
            "· ∞ is not a number. Fill the *differences* with 0 before the exponential.",
            mask_times_infinity,
        ),
        Mistake(
            "masked-after-the-exponential",
            "The value is right, but the padding was masked only after the exponential: there "
            "its slope is ∞, and 0 · ∞ in the backward pass is not a number. Fill the "
            "differences with 0 first.",
            masked_after_the_exponential,
        ),
        Mistake(
            "divided-by-no-token",
            "An answer without a token is divided by its count, 0, and the whole loss is not "
            "a number. Leave such answers out.",
            divided_by_no_token,
        ),
        Mistake(
            "advantage-not-held",
            "The value is right, but a gradient flows into the advantage. It is a weight: a "
            "number that says how good the answer was.",
            advantage_not_held,
        ),
        Mistake(
            "smaller-ratio",
            "The smaller of the two *ratios* is taken and then multiplied. For A < 0 that is "
            "the wrong one: compare ρA with clip(ρ) A.",
            smaller_ratio,
        ),
        Mistake(
            "penalty-k1",
            "The penalty is log π − log π_ref. Its mean is right and its mean gradient is 0 "
            "(section 4): it holds nothing back. Use exp(d) − d − 1.",
            penalty_k1,
        ),
        Mistake(
            "penalty-upside-down",
            "d is the wrong way round in the penalty: d = log π_ref − log π, so that exp(d) "
            "has the mean 1 over tokens of π.",
            penalty_upside_down,
        ),
        Mistake(
            "penalty-over-all-tokens",
            "The penalty is one mean over all tokens of the batch, so long answers weigh more "
            "in it. It stands inside the brackets: averaged within each answer first.",
            penalty_over_all_tokens,
        ),
        Mistake(
            "ratio-cut",
            "The value is right, but the ratio was cut from its graph: only the penalty "
            "learns, and pulls the model back to where it began.",
            ratio_cut,
        ),
    ),
    variants=(answer_by_answer, by_cases_of_the_sign),
)
