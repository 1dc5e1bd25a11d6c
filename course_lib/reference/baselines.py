"""Baselines, the variance they remove and the bias they must not bring."""

from collections.abc import Callable

from torch import Tensor

from course_lib.reference.advantages import td_error
from course_lib.reference.returns import reward_to_go as discounted_reward_to_go
from course_lib.reference.shapes import (
    require_at_least,
    require_dimensions,
    require_range,
    require_same_shape,
    require_scalar_or_shape,
    require_shape,
)


def gradient_variance(gradient: Tensor) -> Tensor:
    """The total variance of a gradient estimator.

        Σ_i Var[g_i],   Var[g_i] = 1/(n−1) Σ_j (g_ij − ḡ_i)²

    Args:
        gradient: (n, D) one estimate of the gradient a row, at least two.

    Returns:
        () the sum of the parameters' variances.

    Raises:
        ValueError: `gradient` is not a matrix, or has fewer than two rows.

    Source: lecture 004, "Variance".
    """
    require_dimensions("gradient", gradient, 2)
    require_at_least("the number of gradients", len(gradient), 2)
    return gradient.var(0, correction=1).sum()


def mean_baseline(episode_return: Tensor) -> Tensor:
    """The mean return: what an episode is to be better than.

        b = 1/N Σ_i R(τ_i)

    Args:
        episode_return: (N,) returns.

    Returns:
        () the baseline.

    Source: lecture 003, "Baselines".
    """
    return episode_return.mean()


def optimal_baseline(score: Tensor, episode_return: Tensor) -> Tensor:
    """The constant that leaves each parameter's gradient with the least variance.

        b_i = E[g_i² R] / E[g_i²],   g = ∇log p(τ)

    A mean return in which the episodes that would move the parameter furthest count most. Where a
    parameter's score is zero throughout, every baseline is as good, and 0 is returned.

    Args:
        score: (n, D) g of each episode.
        episode_return: (n,) R.

    Returns:
        (D,) one baseline a parameter.

    Raises:
        ValueError: shapes do not fit.

    Source: lecture 003, "Analyzing variance"; Peters and Schaal (2008).
    """
    require_dimensions("score", score, 2)
    require_shape("episode_return", episode_return, (len(score),))
    weight = score.square()
    total = weight.sum(0)
    return episode_return @ weight / total.masked_fill(total == 0, 1)


def baseline_loss(log_prob: Tensor, reward_to_go: Tensor, baseline: Tensor) -> Tensor:
    """REINFORCE with a baseline: an action is judged by how much better than expected it went.

        L(θ) = −mean (G − b) log π_θ(a|s)

    Whatever b does not know of the action, E[b ∇log π] = 0: the gradient's expectation stays.

    Args:
        log_prob: (T, N) log π_θ(a|s); the only input that receives a gradient.
        reward_to_go: (T, N) G.
        baseline: (T, N) b, or a scalar.

    Returns:
        () the loss, to be minimised.

    Raises:
        ValueError: shapes do not fit.

    Source: Williams (1992); lecture 004, "What baseline?".
    """
    require_same_shape(log_prob=log_prob, reward_to_go=reward_to_go)
    require_scalar_or_shape("baseline", baseline, tuple(log_prob.shape))
    return -((reward_to_go - baseline).detach() * log_prob).mean()


def value_loss_monte_carlo(value: Tensor, reward_to_go: Tensor) -> Tensor:
    """Regression of V on the returns that were seen: no bias, much variance.

        L(φ) = mean ½ (G − V_φ(s))²

    Args:
        value: (T, N) V_φ(s); the only input that receives a gradient.
        reward_to_go: (T, N) G.

    Returns:
        () the loss.

    Raises:
        ValueError: the two tensors differ in shape.

    Source: lecture 004, "Training value function", 1 (whose update lacks the gradient).
    """
    require_same_shape(value=value, reward_to_go=reward_to_go)
    return 0.5 * (reward_to_go.detach() - value).square().mean()


def value_loss_td(
    value: Tensor, reward: Tensor, next_value: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """Regression of V on one reward and its own next guess: little variance, some bias.

        L(φ) = mean ½ (y − V_φ(s))²,   y = r + γ (1 − terminated) V_φ(s')  a constant

    Args:
        value: (T, N) V_φ(s); the only input that receives a gradient.
        reward: (T, N) rewards.
        next_value: (T, N) V_φ of the state that the step really led to.
        terminated: (T, N) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        () the loss.

    Raises:
        ValueError: shapes differ, or γ lies outside [0, 1].

    Source: lecture 004, "Training value function", 2; "REINFORCE with baseline" there reads V(s_t)
    in the target where it must read V(s_{t+1}).
    """
    target = td_error(reward, value, next_value, terminated, gamma).detach() + value.detach()
    return 0.5 * (target - value).square().mean()


def gradient_weight(
    kind: str, reward: Tensor, value: Tensor, next_value: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """What may stand in front of ∇log π: the six of the lecture.

        "total"            Σ_t' r_{t'+1}, the same for every step
        "to_go"            Σ_{t'≥t} r_{t'+1}
        "to_go_baseline"   Σ_{t'≥t} r_{t'+1} − V(s_t)
        "q"                G_t = Σ_{t'≥t} γ^{t'−t} r_{t'+1}, a sample of Q(s_t, a_t)
        "advantage"        G_t − V(s_t)
        "td"               r_{t+1} + γ (1 − terminated_t) V(s_{t+1}) − V(s_t)

    Down the list the variance falls, and the last one pays for it with the bias of V.

    Args:
        kind: one of the names above.
        reward: (T,) rewards of one episode, which ends at T − 1, terminated or not.
        value: (T,) V(s_t).
        next_value: (T,) V(s_{t+1}).
        terminated: (T,) bool.
        gamma: γ in [0, 1], the discount.

    Returns:
        (T,) weights. Gradients are neither stopped nor needed: losses detach them.

    Raises:
        ValueError: an unknown kind, shapes differ, or γ lies outside [0, 1].

    Source: Schulman et al. (2016), arXiv:1506.02438, eq. 1; lecture 000, "A slew of returns" (whose
    TD residual lacks γ).
    """
    require_dimensions("reward", reward, 1)
    require_same_shape(reward=reward, value=value, next_value=next_value, terminated=terminated)
    require_range("gamma", gamma, 0.0, 1.0)
    weights: dict[str, Callable[[], Tensor]] = {
        "total": lambda: reward.sum().expand_as(reward).clone(),
        "to_go": lambda: discounted_reward_to_go(reward, 1.0),
        "to_go_baseline": lambda: discounted_reward_to_go(reward, 1.0) - value,
        "q": lambda: discounted_reward_to_go(reward, gamma),
        "advantage": lambda: discounted_reward_to_go(reward, gamma) - value,
        "td": lambda: td_error(reward, value, next_value, terminated, gamma),
    }
    if kind not in weights:
        raise ValueError(f"kind: expected one of {', '.join(weights)}, got {kind!r}")
    return weights[kind]()


def action_baseline_bias(pi: Tensor, baseline: Tensor) -> Tensor:
    """The exact bias that a baseline b(s, a) brings into the gradient of one state's logits.

        −Σ_a π(a) b(a) ∇log π(a) = −π ⊙ (b − Σ_a π(a) b(a))

    It is zero if b is the same for all actions; that is why V(s) may be subtracted, and Q(s, a) may
    not.

    Args:
        pi: (K,) π(·|s), a softmax of the state's logits.
        baseline: (K,) b(s, ·), subtracted from the return.

    Returns:
        (K,) expected gradient with the baseline minus the one without.

    Raises:
        ValueError: the two tensors are not vectors of the same length.

    Source: lecture 000, "What if b(s) becomes b(s, a)?".
    """
    require_dimensions("pi", pi, 1)
    require_same_shape(pi=pi, baseline=baseline)
    return -pi * (baseline - pi @ baseline)
