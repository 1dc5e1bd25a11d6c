"""Language models: tokens against classification, masks that leak nothing, GRPO and DPO by hand."""

import math

import pytest
import torch
from torch.nn import functional

from course_lib.reference import (
    clipped_surrogate_loss,
    dpo_loss,
    group_advantage,
    grpo_loss,
    kl_to_reference,
    sequence_log_prob,
    token_log_prob,
)
from tests.helpers import double, leaf
from tests.properties import given, st

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def some_tokens(seed, *shape, vocabulary=5):
    return torch.randint(vocabulary, shape, generator=torch.Generator().manual_seed(seed))


def test_token_log_probabilities_agree_with_torchs_cross_entropy():
    logits, tokens = draws(0, 3, 4, 5), some_tokens(1, 3, 4)
    expected = -functional.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    torch.testing.assert_close(token_log_prob(logits, tokens), expected)
    # A planted bug: the logits are one position late.
    late = token_log_prob(logits.roll(1, dims=1), tokens)
    assert float((late - expected).abs().max()) > 0.1


def test_extreme_logits_stay_exact():
    logits = leaf([[[1000.0, -1000.0], [-1000.0, 1000.0]]])
    tokens, mask = torch.tensor([[0, 0]]), torch.ones(1, 2, dtype=torch.bool)
    got = token_log_prob(logits, tokens)
    torch.testing.assert_close(got.detach(), double([[0.0, -2000.0]]))
    total = sequence_log_prob(logits, tokens, mask)
    torch.testing.assert_close(total.detach(), double([-2000.0]))
    total.sum().backward()
    assert bool(logits.grad.isfinite().all())


def test_a_sequence_is_the_sum_of_its_own_tokens():
    logits, tokens = draws(0, 3, 3, 5), some_tokens(1, 3, 3)
    token = token_log_prob(logits, tokens)
    got = sequence_log_prob(logits, tokens, MASK)
    torch.testing.assert_close(got, torch.stack([token[0, :2].sum(), token[1, 0], double(0.0)]))


@given(st.integers(0, 2**20), st.integers(1, 5))
def test_padding_changes_no_sequence(seed, extra):
    logits, tokens = draws(seed, 3, 3, 5), some_tokens(seed + 1, 3, 3)
    wider = (
        torch.cat([logits, torch.full((3, extra, 5), 1e6).double()], 1),
        torch.cat([tokens, torch.zeros(3, extra, dtype=torch.int64)], 1),
        torch.cat([MASK, torch.zeros(3, extra, dtype=torch.bool)], 1),
    )
    torch.testing.assert_close(sequence_log_prob(*wider), sequence_log_prob(logits, tokens, MASK))


def test_group_advantages_by_hand():
    got = group_advantage(double([[1.0, 3.0], [5.0, 5.0]]), 0.5)
    torch.testing.assert_close(got, double([[-1 / 1.5, 1 / 1.5], [0.0, 0.0]]))


@given(st.integers(0, 2**20), st.floats(-100, 100), st.floats(0.1, 10))
def test_group_advantages_know_neither_other_prompts_nor_shift_nor_scale(seed, shift, scale):
    reward = draws(seed, 3, 4)
    got = group_advantage(reward, 0.0)
    torch.testing.assert_close(got.mean(-1), torch.zeros(3).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(got.std(-1, correction=0), torch.ones(3).double())
    moved = reward.clone()
    moved[1] = scale * moved[1] + shift
    torch.testing.assert_close(group_advantage(moved, 0.0), got, rtol=1e-6, atol=1e-8)


def test_the_kl_to_the_reference_by_hand_and_its_gradient():
    log_prob, reference = leaf([[-1.0, -0.5]]), leaf([[-1.5, -0.5]])
    got = kl_to_reference(log_prob, reference)
    torch.testing.assert_close(got, double([[math.exp(-0.5) + 0.5 - 1, 0.0]]))
    got.sum().backward()
    torch.testing.assert_close(log_prob.grad, double([[1 - math.exp(-0.5), 0.0]]))
    assert reference.grad is None


@given(st.integers(0, 2**20))
def test_its_expectation_under_the_policy_is_the_kl(seed):
    log_pi, log_ref = draws(seed, 5).log_softmax(-1), draws(seed + 1, 5).log_softmax(-1)
    exact = (log_pi.exp() * (log_pi - log_ref)).sum()
    got = kl_to_reference(log_pi, log_ref)
    torch.testing.assert_close(log_pi.exp() @ got, exact)
    assert bool((got >= 0).all())


def grpo_inputs():
    """Two answers of two tokens and one token, and one without any."""
    return {
        "log_prob": leaf([[-0.5, -1.0, 7.0], [-2.0, 7.0, 7.0], [7.0, 7.0, 7.0]]),
        "old_log_prob": leaf([[-1.0, -0.9, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "ref_log_prob": leaf([[-0.7, -1.0, 0.0], [-2.4, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "advantage": leaf([2.0, -3.0, 5.0]),
        "mask": MASK,
    }


def test_grpo_by_hand_and_where_its_gradient_dies():
    inputs = grpo_inputs()
    loss = grpo_loss(**inputs, clip_epsilon=0.2, kl_coef=0.1)

    def penalty(d):
        return math.exp(d) - d - 1

    # The first ratio exp(0.5) is past 1.2 with A > 0: clipped, and silent.
    first = 1.2 * 2 - 0.1 * penalty(-0.2)
    second = math.exp(-0.1) * 2 - 0.1 * penalty(0.0)
    other = -3.0 - 0.1 * penalty(-0.4)
    torch.testing.assert_close(loss, double(-((first + second) / 2 + other) / 2))
    loss.backward()
    slope = [
        -(-0.1 * (1 - math.exp(-0.2))) / 4,
        -(math.exp(-0.1) * 2) / 4,
        -(-3.0 - 0.1 * (1 - math.exp(-0.4))) / 2,
    ]
    expected = double([[slope[0], slope[1], 0], [slope[2], 0, 0], [0, 0, 0]])
    torch.testing.assert_close(inputs["log_prob"].grad, expected)
    constants = ("old_log_prob", "ref_log_prob", "advantage")
    assert all(inputs[name].grad is None for name in constants)


@given(st.integers(0, 2**20), st.sampled_from([1e4, float("inf"), float("-inf")]))
def test_what_stands_under_the_mask_reaches_neither_loss_nor_gradient(seed, garbage):
    def loss_and_slope(fill):
        inputs = {name: draws(seed + i, 3, 3) for i, name in enumerate(
            ("log_prob", "old_log_prob", "ref_log_prob"))}  # fmt: skip
        inputs = {name: tensor.masked_fill(~MASK, fill) for name, tensor in inputs.items()}
        inputs["log_prob"].requires_grad_()
        loss = grpo_loss(
            **inputs, advantage=draws(seed + 3, 3), mask=MASK, clip_epsilon=0.2, kl_coef=0.1
        )
        return loss, torch.autograd.grad(loss, inputs["log_prob"])[0]

    torch.testing.assert_close(loss_and_slope(garbage), loss_and_slope(0.0))


@given(st.integers(0, 2**20))
def test_for_answers_of_one_token_it_is_ppo(seed):
    log_prob, old, advantage = draws(seed, 6, 1), draws(seed + 1, 6, 1), draws(seed + 2, 6)
    mask = torch.ones(6, 1, dtype=torch.bool)
    got = grpo_loss(log_prob, old, old, advantage, mask, clip_epsilon=0.2, kl_coef=0.0)
    expected = clipped_surrogate_loss(log_prob[:, 0], old[:, 0], advantage, 0.2)
    torch.testing.assert_close(got, expected)


def test_a_long_answer_weighs_no_more_than_a_short_one():
    inputs = grpo_inputs()
    got = grpo_loss(**inputs, clip_epsilon=0.2, kl_coef=0.0)
    ratio = (inputs["log_prob"] - inputs["old_log_prob"]).detach()[MASK].exp()
    token = torch.minimum(
        ratio * double([2.0, 2.0, -3.0]), ratio.clamp(0.8, 1.2) * double([2.0, 2.0, -3.0])
    )
    over_all_tokens = -token.mean()
    assert abs(float(got.detach() - over_all_tokens)) > 0.1


def test_dpo_by_hand_and_its_gradients():
    chosen, rejected = leaf([-1.0, -2.0]), leaf([-3.0, -1.0])
    ref_chosen, ref_rejected = leaf([-1.5, -2.0]), leaf([-2.5, -2.0])
    loss = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, 0.5)
    margin = double([0.5 * (0.5 - -0.5), 0.5 * (0.0 - 1.0)])
    torch.testing.assert_close(loss, (1 + (-margin).exp()).log().mean())
    loss.backward()
    slope = -0.5 * torch.sigmoid(-margin) / 2
    torch.testing.assert_close(chosen.grad, slope)
    torch.testing.assert_close(rejected.grad, -slope)
    assert ref_chosen.grad is None
    assert ref_rejected.grad is None


def test_at_the_reference_dpo_is_log_two():
    policy = draws(0, 4), draws(1, 4)
    torch.testing.assert_close(dpo_loss(*policy, *policy, 0.3), double(2.0).log())


def test_dpo_is_finite_at_extreme_margins():
    chosen = leaf([1000.0, -1000.0])
    zero = double([0.0, 0.0])
    loss = dpo_loss(chosen, zero, zero, zero, 1.0)
    torch.testing.assert_close(loss.detach(), double(500.0))
    loss.backward()
    torch.testing.assert_close(chosen.grad, double([0.0, -0.5]))


def test_dpo_is_least_where_the_policys_own_reward_explains_the_preferences():
    # Two answers; the first is preferred with probability 0.8. π ∝ π_ref exp(r/β) must come out.
    log_ref, beta = double([0.3, 0.7]).log(), 0.5
    margin = leaf(0.0)
    for _ in range(200):
        log_pi = torch.stack([log_ref[0] + margin, log_ref[1]]).log_softmax(0)
        right = dpo_loss(log_pi[:1], log_pi[1:], log_ref[:1], log_ref[1:], beta)
        wrong = dpo_loss(log_pi[1:], log_pi[:1], log_ref[1:], log_ref[:1], beta)
        (slope,) = torch.autograd.grad(0.8 * right + 0.2 * wrong, margin)
        margin = (margin - 8 * slope).detach().requires_grad_()
    assert float(beta * margin.detach()) == pytest.approx(math.log(0.8 / 0.2), abs=1e-6)


def test_bad_input_is_named():
    inputs = {name: tensor.detach() for name, tensor in grpo_inputs().items()}

    def grpo(clip_epsilon=0.2, kl_coef=0.1, **changes):
        return grpo_loss(**{**inputs, **changes}, clip_epsilon=clip_epsilon, kl_coef=kl_coef)

    with pytest.raises(ValueError, match=r"mask: expected dtype torch\.bool, got torch\.float64"):
        grpo(mask=MASK.double())
    with pytest.raises(ValueError, match="mask: expected a token in at least one of 3 sequences"):
        grpo(mask=torch.zeros_like(MASK))
    with pytest.raises(ValueError, match=r"advantage: expected shape \(3,\), got \(3, 1\)"):
        grpo(advantage=torch.zeros(3, 1))
    with pytest.raises(ValueError, match="ref_log_prob: expected shape"):
        grpo(ref_log_prob=torch.zeros(3, 2))
    with pytest.raises(ValueError, match="kl_coef: expected a number of at least 0"):
        grpo(kl_coef=-0.1)
    with pytest.raises(ValueError, match=r"tokens: expected shape \(3, 4\), got \(3, 3\)"):
        token_log_prob(torch.zeros(3, 4, 5), some_tokens(0, 3, 3))
    with pytest.raises(ValueError, match="mask: expected shape"):
        sequence_log_prob(torch.zeros(3, 4, 5), some_tokens(0, 3, 4), MASK)
    with pytest.raises(ValueError, match="reward: expected 2 dimension"):
        group_advantage(torch.zeros(4), 1e-8)
    with pytest.raises(ValueError, match="ref_log_prob: expected shape"):
        kl_to_reference(torch.zeros(3), torch.zeros(3, 1))
    with pytest.raises(ValueError, match="rejected_log_prob: expected shape"):
        dpo_loss(torch.zeros(3), *(torch.zeros(3, 1),) * 3, 0.1)
