# %% [markdown]
# # What should an action be compared with?
#
# **Lesson 03 · Baselines and variance** · about two hours · 27 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
from dataclasses import replace

import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.algorithms.reinforce_baseline import ReinforceBaselineConfig, reinforce_baseline
from course_lib.evaluation import evaluate
from course_lib.figures import (
    COLORS,
    describe_curves,
    learning_curve,
    new_figure,
    shades,
    show,
    slider,
    train,
    use_style,
)
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A robot with a battery works or rests, three times (you know it from lessons 00 and 02). An episode returns between −3 and 6. Two friends train one each, with the same method, REINFORCE. One uses the returns as they are. The other has a pay office that adds 1,000,000 to every return, so that everybody may feel rich.
#
# [003] has the extreme case: a good action pays 1,000,001, a bad one 999,999, and if bad ones happen to come first, nothing is learned any more. What does a million do? Here is the answer, exactly, over all 64 things that can happen in an episode:

# %% nbgrader={"grade": false, "grade_id": "world", "locked": true, "schema_version": 3, "solution": false}
P = torch.tensor([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.1, 0.9]]], dtype=torch.float64)
R = torch.tensor([[0.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
p0 = torch.tensor([0.9, 0.1], dtype=torch.float64)
logits = torch.tensor([[0.3, -0.2], [0.1, 0.4]], dtype=torch.float64, requires_grad=True)
paths = torch.cartesian_prod(*[torch.arange(2)] * 6).T  # (6, 64): s₀ a₀ s₁ a₁ s₂ a₂
state, action = paths[0::2], paths[1::2]  # (3, 64) each, time first
reward = R[state, action]
log_environment = p0.log()[state[0]] + P.log()[state[:-1], action[:-1], state[1:]].sum(0)
log_prob = logits.log_softmax(-1)[state, action]  # (3, 64)
p = (log_environment + log_prob.sum(0)).exp().detach()  # (64,) probabilities, they sum to 1

# %% [markdown]
# Three states and three actions with two values each make 64 trajectories, one a column. Every expectation below is a sum over them.

# %% nbgrader={"grade": false, "grade_id": "moments", "locked": true, "schema_version": 3, "solution": false}
score = torch.stack(
    [torch.autograd.grad(one, logits, retain_graph=True)[0].flatten() for one in log_prob.sum(0)]
)  # fmt: skip (64, 4) ∇log p(τ) of every trajectory
episode_return = reward.sum(0)  # (64,) undiscounted: three steps need no γ


def moments(gradient):
    """Exact mean (4,) and total variance of a gradient that has one row (4,) a trajectory."""
    mean = p @ gradient
    return mean, (p @ (gradient - mean).square()).sum().item()


# %% [markdown]
# A trajectory's gradient is its return times its score $\nabla\log p(\tau)$. For both friends, and one of the four parameters, the logit of working when charged:

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
figure, panels = new_figure(1, 2, size=(7.4, 2.6), sharey=True)
for axes, c in zip(panels, (0.0, 1_000_000.0), strict=True):
    gradient = (episode_return + c) * score[:, 1]
    axes.scatter(gradient, p, s=14, color=COLORS["reinforce"], alpha=0.7)
    axes.axvline(p @ gradient, color=COLORS["exact"], linewidth=1)
    axes.set_title(f"returns + {c:,.0f}", fontsize=10, fontweight="normal")
    axes.set(xlabel="gradient from this trajectory")
panels[0].set(ylabel="its probability", ylim=(0, None))
panels[1].set_xticks([-1e6, 0, 1e6], ["−1 million", "0", "1 million"])
figure.suptitle("Both lines, the means, stand at 0.61", fontweight="bold")
show(
    figure,
    alt="Two panels with a dot for each of 64 trajectories: its gradient against its probability. On the left the gradients lie between −0.3 and 11, on the right "
    "between −1.1 and 1.9 million. A line marks the mean: it is 0.61 in both.",
)

# %% [markdown]
# On the left a few episodes show where the mean lies. On the right the same mean has to be found among numbers of a million. All four parameters:

# %%
for c in (0.0, 1_000_000.0):
    mean, variance = moments((episode_return + c).unsqueeze(1) * score)
    print(
        f"returns + {c:>11,.0f}   mean gradient {mean.numpy().round(4)}   standard deviation {variance**0.5:,.1f}"
    )

# %% [markdown]
# The mean gradient is the same in all printed digits. Its standard deviation has grown to more than a million. Whoever pays a million to everyone has drowned the signal; so whoever *subtracts* the right number must be able to lift it out. That number is called a **baseline**. This lesson finds the best one, and the limits of what is allowed.
#
# - **You will** measure the variance of a gradient, derive the best constant, learn a baseline for every state in two ways, see which baseline spoils everything, compare six weights for the same gradient, and watch a learner that fails without a baseline succeed with one.
# - **You need** REINFORCE (lesson 02) and the log-derivative trick (lesson 01).
# - **Exercises** are checked in the cell below each.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | baseline | $b$ in [000] and [003], $b_t$ in [004] | `baseline`, a scalar or one a step |
# | what is learned for it | $V_\phi(s_t)$ | `value` |
# | return from step t on | $G_t$ in [004], $\sum_{t'\ge t}r_{t'}$ in [000] and [003] | `reward_to_go` |
# | variance of a vector | trace of the covariance, [004] | the same: one number |
#
# [000] Preechakul, [003] notes on CS 285, [004] van Krieken.
# </details>
#
# ## 1 · Measuring noise
#
# With n independent estimates of a gradient, one a row, the total variance is the sum of the parameters' variances [004]:
#
# $$\mathbb V[g]=\sum_i\mathbb E\big[(g_i-\mathbb E[g_i])^2\big]\approx\sum_i\frac1{n-1}\sum_j(g_{ji}-\bar g_i)^2$$
#
# ### Exercise 1 · `gradient_variance`
#
# 1 point · 3 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which axis holds the samples?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# torch's `var` divides by n − 1 unless told otherwise.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `gradient.var(0).sum()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "gradient-variance", "locked": false, "schema_version": 3, "solution": true}
def gradient_variance(gradient):
    """Σ_i Var[g_i] of samples of a gradient, unbiased. (n, D) -> ()."""
    ### BEGIN SOLUTION
    return gradient.var(0).sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gradient-variance", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gradient_variance)
### BEGIN HIDDEN TESTS
check(gradient_variance, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# And the first candidate for a baseline: what an episode is usually worth.
#
# ### Exercise 2 · `mean_baseline`
#
# 1 point · 2 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# One number for all episodes.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $b=\frac1N\sum_iR(\tau_i)$
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# One method call. Leave the subtraction to the loss.
# </details>


# %% nbgrader={"grade": false, "grade_id": "mean-baseline", "locked": false, "schema_version": 3, "solution": true}
def mean_baseline(episode_return):
    """The mean return. (N,) -> ()."""
    ### BEGIN SOLUTION
    return episode_return.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-mean-baseline", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(mean_baseline)
### BEGIN HIDDEN TESTS
check(mean_baseline, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Play 20,000 episodes of the robot and use both: the variance that you measure, next to the exact one.

# %% tags=["raises-exception"]
drawn = torch.multinomial(p, 20_000, replacement=True, generator=torch.Generator().manual_seed(0))
b = mean_baseline(episode_return[drawn])
for name, weight in (("no baseline", episode_return), ("minus the mean", episode_return - b)):
    gradient = weight.unsqueeze(1) * score
    _, exact = moments(gradient)
    print(f"{name:15} measured {gradient_variance(gradient[drawn]):.3f}   exact {exact:.3f}")

# %% [markdown]
# Why is the mean gradient untouched? One line, which you have met three times by now: $\mathbb E[b\,\nabla\log p(\tau)]=b\,\nabla\sum_\tau p(\tau)=b\,\nabla1=0$, for *every* constant b [003].
#
# ## 2 · The best constant
#
# **Predict:** is the mean return the constant with the least variance? Move b and look at two of the four parameters.


# %% nbgrader={"grade": false, "grade_id": "parabola", "locked": true, "schema_version": 3, "solution": false}
def variance_of(parameter, b):
    """Exact variance of one parameter's gradient with the constant baseline b."""
    g = score[:, parameter] * (episode_return - b)
    return (p @ g.square() - (p @ g).square()).item()


def draw_parabola(axes, b):
    grid = np.linspace(-4, 6, 101)
    for parameter, color, label in (
        (1, "reinforce", "work when charged"),
        (3, "a2c", "work when flat"),
    ):
        axes.plot(grid, [variance_of(parameter, x) for x in grid], color=COLORS[color], label=label)
        axes.plot(b, variance_of(parameter, b), "o", color=COLORS[color])
    axes.axvline(p @ episode_return, color=COLORS["exact"], linewidth=1, linestyle=":")
    axes.set(xlabel="baseline b", ylabel="variance", xticks=[-4, -2, 0, 2, 4, 6], ylim=(0, 10.5))
    axes.legend(loc="upper center", fontsize=7)


# %%
slider(
    draw_parabola,
    b=[-3, -2, -1, 0, 1, 2, 3, 4, 5],
    static=[{"b": b} for b in (-2, 1, 4)],
    title="Each parameter has a valley of its own; dotted: the mean return",
    alt="Three panels with the variance of two parameters' gradients as parabolas of the baseline b. The valley for working when "
    "charged lies a little above the mean return of 1.0, the one for working when flat below it. The dots show b = −2, 1 and 4.",
)

# %% [markdown]
# A parabola, and not the same for each parameter. It is no bias that moves when you move b, but noise does, and in both directions: [003] says of baselines that they "never hurt, only help", and here b = 4 is noisier than none at all. So which b? Take one parameter with score g and write its variance out [003]:
#
# $$\mathbb V[g(R-b)]=\mathbb E[g^2(R-b)^2]-\big(\mathbb E[gR]\big)^2$$
#
# The last term holds no b, since $\mathbb E[gb]=0$. Differentiate the first and set it to zero:
#
# $$\frac{d}{db}\,\mathbb E[g^2(R-b)^2]=-2\,\mathbb E[g^2R]+2b\,\mathbb E[g^2]=0\qquad\Rightarrow\qquad b^*=\frac{\mathbb E[g^2R]}{\mathbb E[g^2]}$$
#
# A mean return again, in which the episodes that would move this parameter far count more.
#
# ### Exercise 3 · `optimal_baseline`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# One baseline for each parameter, from samples.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two averages over the episodes for every parameter; their common factor 1/n cancels.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# With `weight = score.square()` of shape (n, D): `episode_return @ weight` is (D,).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `episode_return @ weight / weight.sum(0)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *One number came out:* |g|² was used for all. *The result has another unit than the return:* the denominator is missing.
# </details>


# %% nbgrader={"grade": false, "grade_id": "optimal-baseline", "locked": false, "schema_version": 3, "solution": true}
def optimal_baseline(score, episode_return):
    """E[g²R]/E[g²] for every parameter. (n, D), (n,) -> (D,)."""
    ### BEGIN SOLUTION
    weight = score.square()
    return episode_return @ weight / weight.sum(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-optimal-baseline", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(optimal_baseline)
### BEGIN HIDDEN TESTS
check(optimal_baseline, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# From the 20,000 episodes, and then judged exactly:

# %% tags=["raises-exception"]
best = optimal_baseline(score[drawn], episode_return[drawn])
print("mean return", round(b.item(), 3), "  best baselines", best.numpy().round(3))
for name, baseline in (("none", torch.zeros(1)), ("mean", b), ("best", best)):
    mean, variance = moments((episode_return.unsqueeze(1) - baseline) * score)
    print(f"{name:5} variance {variance:.3f}   mean gradient {mean.numpy().round(4)}")

# %% [markdown]
# The best constants win, by little. That is the usual outcome, and the reason why hardly anybody computes them: the mean is nearly as good, and a baseline that knows the *state* is far better.
#
# ### Think · 1 point
#
# With a baseline, the gradient of an episode that went exactly as usual is zero. Is that information thrown away?
#
# - **a.** Yes, a compromise between noise and information.
# - **b.** No. Making everything that was done more likely by the same amount cancels on average; leaving it out removes noise only.
# - **c.** Yes, but another episode will bring it back.
# - **d.** No, because the optimiser would have clipped it anyway.


# %% nbgrader={"grade": false, "grade_id": "answer-usual-episode", "locked": false, "schema_version": 3, "solution": true}
def answer_usual_episode():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-usual-episode", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_usual_episode)

# %% [markdown]
# ## 3 · A baseline for every state
#
# From here on actions are credited one by one, with the reward-to-go $G_t$ (lesson 02), and the baseline may look at the state in which the action was chosen:
#
# $$\nabla J=\mathbb E\Big[\sum_t\big(G_t-b(s_t)\big)\,\nabla\log\pi(a_t\mid s_t)\Big]$$
#
# (With a discount each term carries $\gamma^t$ [004], which implementations drop, as in lesson 02. On the robot γ = 1, and nothing is dropped.) Given $s_t$, the number $b(s_t)$ is fixed before the action is drawn, so $\mathbb E[b(s_t)\nabla\log\pi(a_t|s_t)\mid s_t]=b(s_t)\sum_a\nabla\pi(a\mid s_t)=0$. The natural choice is what the state is worth, $V^\pi(s)=\mathbb E[G_t\mid s_t=s]$ [004].
#
# ### Exercise 4 · `baseline_loss`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# $L=-\text{mean}\,(G-b)\log\pi$, the mean over all steps and episodes. The baseline will come out of a network, and this loss must not train it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the three tensors may receive a gradient?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# A (T, N) baseline and a scalar both subtract from a (T, N) tensor by themselves.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-((reward_to_go - baseline).detach() * log_prob).mean()`
# </details>
# <details><summary>Help by symptom</summary>
#
# *A gradient flows into `baseline`:* detach the weight. *Off by a factor:* mean over everything, not a sum over time.
# </details>


# %% nbgrader={"grade": false, "grade_id": "baseline-loss", "locked": false, "schema_version": 3, "solution": true}
def baseline_loss(log_prob, reward_to_go, baseline):
    """−mean (G − b) log π. (T, N), (T, N), (T, N) or () -> (); only log_prob gets a gradient."""
    ### BEGIN SOLUTION
    return -((reward_to_go - baseline).detach() * log_prob).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-baseline-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(baseline_loss)
### BEGIN HIDDEN TESTS
check(baseline_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# On the robot V can be computed backwards, for each number of steps to go. Then every candidate's mean and variance, exactly, with *your* loss:

# %% nbgrader={"grade": false, "grade_id": "candidates", "locked": true, "schema_version": 3, "solution": false}
to_go = reward.flip(0).cumsum(0).flip(0)  # (3, 64)
values = [torch.zeros(2, dtype=torch.float64)]  # no step to go
for _ in range(3):
    q = R + P @ values[0]  # (2, 2) what each action is worth with one step more to go
    values.insert(0, (logits.detach().softmax(-1) * q).sum(-1))
value = torch.stack(values[:3]).gather(1, state)  # (3, 64) V of the states that were visited


def gradients_of(baseline):
    """(64, 4) the gradient of −3 · baseline_loss on every trajectory, as a sum over its steps."""
    rows = []
    for i in range(64):
        b = baseline[:, i : i + 1] if baseline.ndim else baseline
        loss = -3 * baseline_loss(log_prob[:, i : i + 1], to_go[:, i : i + 1], b)
        rows.append(torch.autograd.grad(loss, logits, retain_graph=True)[0].flatten())
    return torch.stack(rows)


# %% tags=["raises-exception"]
CANDIDATES = {"none": torch.tensor(0.0), "mean of all G": (p * to_go).sum() / 3, "V(s)": value}
exact_gradient = moments(episode_return.unsqueeze(1) * score)[0]
found = {name: moments(gradients_of(baseline)) for name, baseline in CANDIDATES.items()}
for name, (mean, variance) in found.items():
    print(f"{name:14} off by {(mean - exact_gradient).norm():.1e}   variance {variance:.3f}")

# %% [markdown]
# Side by side with where you came from, the total return:

# %% nbgrader={"grade": false, "grade_id": "candidates-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
bars = {"total return": moments(episode_return.unsqueeze(1) * score)[1]}
bars |= {f"to go, {name}": variance for name, (_, variance) in found.items()}
figure, axes = new_figure(size=(7, 2.8))
drawn_bars = axes.barh(list(bars), list(bars.values()), color=shades(4))
axes.bar_label(drawn_bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.grid(axis="y", visible=False)
axes.set(xlabel="variance of the gradient of one episode", xlim=(0, 1.15 * max(bars.values())))
axes.set_title(
    f"Credit and baseline together leave {bars['to go, V(s)'] / bars['total return']:.0%} of the variance"
)
show(
    figure,
    alt="Exact variances of four estimators of the same gradient: "
    + ", ".join(f"{name} {variance:.2f}" for name, variance in bars.items())
    + ".",
)

# %% [markdown]
# All unbiased. Comparing an action with what its state is worth leaves only what the action itself, and the luck after it, changed.
#
# ## 4 · What a baseline must not know
#
# If b(s) is good, would b(s, a) not be better? Subtract from each return what *this action* is usually worth, and even less noise is left.
#
# **Predict:** what is left of the expected gradient if b(s, a) = Q(s, a)?
#
# Take one state with logits z. Its contribution with b(a) subtracted differs from the right one by
#
# $$-\sum_a\pi(a)\,b(a)\,\nabla_z\log\pi(a),\qquad\nabla_{z_k}\log\pi(a)=\mathbb 1[a=k]-\pi(k)$$
#
# ### Exercise 5 · `action_baseline_bias`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# Work the sum out: one number for each logit.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Put the two parts of the score into the sum one after the other.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $-\pi(k)\,b(k)+\pi(k)\sum_a\pi(a)\,b(a)$
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-pi * (baseline - pi @ baseline)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *Not zero for a constant b:* the mean that is subtracted must be weighed with π.
# </details>


# %% nbgrader={"grade": false, "grade_id": "action-baseline-bias", "locked": false, "schema_version": 3, "solution": true}
def action_baseline_bias(pi, baseline):
    """The exact bias of subtracting b(s, a) on one state's logits. (K,), (K,) -> (K,)."""
    ### BEGIN SOLUTION
    return -pi * (baseline - pi @ baseline)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-action-baseline-bias", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(action_baseline_bias)
### BEGIN HIDDEN TESTS
check(action_baseline_bias, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The charged robot with one step to go earns 0 by resting and 2 by working. Three baselines:

# %% tags=["raises-exception"]
pi = logits.detach().softmax(-1)[0]
q_value = torch.tensor([0.0, 2.0], dtype=torch.float64)
right = pi * (q_value - pi @ q_value)  # the gradient of Σ π q
for name, baseline in (
    ("b = 5 for both", torch.full((2,), 5.0).double()),
    ("b = (0, 1)", q_value / 2),
    ("b = Q(s, a)", q_value),
):
    print(
        f"{name:15} bias {action_baseline_bias(pi, baseline).numpy().round(3)}   left of the gradient {(right + action_baseline_bias(pi, baseline)).numpy().round(3)}"
    )

# %% [markdown]
# With b = Q nothing is left: everything that distinguishes the actions has been subtracted, noise and signal alike. Over whole episodes the same: all baselines so far, exactly, and from the 20,000 episodes of Exercise 1, where nobody could look up the truth.

# %% nbgrader={"grade": false, "grade_id": "all-baselines", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
q_by_step = torch.stack([R + P @ ahead for ahead in values[1:]])  # (3, 2, 2)
q_taken = q_by_step[torch.arange(3).unsqueeze(1), state, action]  # (3, 64)
gradients = {
    "none": episode_return.unsqueeze(1) * score,
    "mean return": (episode_return - b).unsqueeze(1) * score,
    "best constants": (episode_return.unsqueeze(1) - best) * score,
    "V(s)": gradients_of(value),
    "b(s, a) = Q": gradients_of(q_taken),
}

# %% tags=["raises-exception"]
print("                 exact: bias  variance   20,000 episodes: off by  variance")
for name, gradient in gradients.items():
    mean, variance = moments(gradient)
    off = (gradient[drawn].mean(0) - exact_gradient).norm()
    print(
        f"{name:16} {(mean - exact_gradient).norm():11.3f}  {variance:8.3f}   {off:23.3f}  {gradient_variance(gradient[drawn]):8.3f}"
    )

# %% [markdown]
# The first four are unbiased; what the sample is off by is its noise, about $\sqrt{\text{variance}/20{,}000}\approx0.01$. The last has the least variance of all, and is off by the whole gradient, however many episodes are played.
#
# A baseline is what one expects *before* the action. (One may use b(s, a) if one adds back what it takes away; Q-Prop in lesson 07 does.)
#
# ### Think · 1 point
#
# Which of these may be subtracted from $G_t$ without bias?
#
# - **a.** The value of the state that the action led to, $V(s_{t+1})$.
# - **b.** The mean of all rewards-to-go of the same batch, this one included.
# - **c.** The return of the previous episode.
# - **d.** The reward $r_{t+1}$, because it is known by then.


# %% nbgrader={"grade": false, "grade_id": "answer-may-be-subtracted", "locked": false, "schema_version": 3, "solution": true}
def answer_may_be_subtracted():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-may-be-subtracted", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_may_be_subtracted)

# %% [markdown]
# ## 5 · Where V comes from
#
# Nobody is told V. It is learned, by regression, and there are two things to regress on [004].
#
# **Monte Carlo:** the return that was seen. Its mean is V by definition, and a squared error has its minimum at the mean:
#
# $$L=\text{mean}\ \tfrac12\big(G_t-V_\phi(s_t)\big)^2$$
#
# (The update in [004] reads $\phi\leftarrow\phi-\alpha\sum_t(V_\phi(s_t)-G_t)^2$. A ∇ is missing: one steps along the *gradient* of the loss.)
#
# ### Exercise 6 · `value_loss_monte_carlo`
#
# 2 points · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the two tensors is the prediction, which one is data?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Square, mean over everything, half of it.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `0.5 * (reward_to_go.detach() - value).square().mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "value-loss-monte-carlo", "locked": false, "schema_version": 3, "solution": true}
def value_loss_monte_carlo(value, reward_to_go):
    """mean ½ (G − V)². (T, N), (T, N) -> (); the gradient goes into value."""
    ### BEGIN SOLUTION
    return 0.5 * (reward_to_go.detach() - value).square().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-value-loss-monte-carlo", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(value_loss_monte_carlo)
### BEGIN HIDDEN TESTS
check(value_loss_monte_carlo, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Temporal difference:** one reward, and the critic's own guess for the rest. The guess is a *target*: it is held still while the prediction moves towards it.
#
# $$L=\text{mean}\ \tfrac12\big(y_t-V_\phi(s_t)\big)^2,\qquad y_t=r_{t+1}+\gamma\,(1-\text{terminated}_t)\,V_\phi(s_{t+1})\ \text{as a constant}$$
#
# ### Spot the slip · 1 point
#
# [004] prints REINFORCE with a learned baseline. Its bootstrapped target for $V_\phi(s_t)$ reads $r_{t+1}+\gamma V_\phi(s_t)$. What would a critic learn from it, on CartPole with reward 1 a step and γ = 0.99?
#
# - **a.** The right values, more slowly.
# - **b.** V = 100 in every state, whatever the state: the line asks V to be 1 + 0.99 V.
# - **c.** Nothing: the loss is zero from the start.
# - **d.** The reward, V = 1.


# %% nbgrader={"grade": false, "grade_id": "answer-own-value", "locked": false, "schema_version": 3, "solution": true}
def answer_own_value():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-own-value", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_own_value)

# %% [markdown]
# ### Exercise 7 · `value_loss_td`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# `next_value[t]` is the value of the state that step t really led to.
#
# <details><summary>Hint 1: what to think of</summary>
#
# What comes after a termination? And what must not move?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `~terminated` can multiply a float tensor; the reward is not masked.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `target = (reward + gamma * next_value * ~terminated).detach()`, then as in Exercise 6.
# </details>
# <details><summary>Help by symptom</summary>
#
# *A gradient flows into `next_value`:* the target is not detached. *One case only fails:* is it the one with the end?
# </details>


# %% nbgrader={"grade": false, "grade_id": "value-loss-td", "locked": false, "schema_version": 3, "solution": true}
def value_loss_td(value, reward, next_value, terminated, gamma):
    """mean ½ (r + γ V(s') − V(s))², the target a constant. All (T, N) -> ()."""
    ### BEGIN SOLUTION
    target = (reward + gamma * next_value * ~terminated).detach()
    return 0.5 * (target - value).square().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-value-loss-td", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(value_loss_td)
### BEGIN HIDDEN TESTS
check(value_loss_td, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Compare them where the truth is known: a walk over five places, one step left or right with equal chance, from the middle. Stepping out on the right pays 1, on the left 0. The values are 1/6, 2/6, … 5/6 [Sutton and Barto, example 6.2].


# %% nbgrader={"grade": false, "grade_id": "walks", "locked": true, "schema_version": 3, "solution": false}
def walk(generator):
    """One walk: places (T,), rewards (T,), next places (T,), and whether each step was the last."""
    place, rows = 2, []
    while 0 <= place <= 4:
        after = place + 2 * int(torch.randint(2, (), generator=generator)) - 1
        rows.append((place, float(after == 5), min(max(after, 0), 4), after in (-1, 5)))
        place = after
    places, rewards, after, ended = zip(*rows, strict=True)
    return torch.tensor(places), torch.tensor(rewards), torch.tensor(after), torch.tensor(ended)


TRUTH = torch.arange(1, 6) / 6


def learn_values(method, step, seed, walks=100):
    """Root mean square error after each walk; V starts at ½ and takes plain gradient steps."""
    generator, table, errors = torch.Generator().manual_seed(seed), torch.full((5,), 0.5), []
    for _ in range(walks):
        places, rewards, after, ended = walk(generator)
        table = table.detach().requires_grad_()
        if method == "Monte Carlo":
            loss = value_loss_monte_carlo(table[places], rewards.sum().expand(len(places)))
        else:
            loss = value_loss_td(table[places], rewards, table[after], ended, 1.0)
        table = table - step * len(places) * torch.autograd.grad(loss, table)[0]
        errors.append((table - TRUTH).square().mean().sqrt().item())
    return errors


# %% tags=["raises-exception"]
METHODS, STEPS = {"Monte Carlo": "reinforce", "temporal difference": "a2c"}, [0.01, 0.03, 0.1]
curves = {
    (method, step): np.array([learn_values(method, step, seed) for seed in range(20)])
    for method in METHODS
    for step in STEPS
}

# %% [markdown]
# **Predict:** which of the two ends closer to the truth after a hundred walks? Does it hang on the step size?


# %% nbgrader={"grade": false, "grade_id": "walks-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_walks(axes, step):
    for method, color in METHODS.items():
        runs = curves[method, step]
        axes.plot(runs.T, color=COLORS[color], linewidth=0.4, alpha=0.3)
        axes.plot(runs.mean(0), color=COLORS[color], linewidth=3, label=method)
    axes.set(xlabel="walks", ylabel="error of V", ylim=(0, 0.45))
    if step == STEPS[0]:
        axes.legend(loc="upper left", fontsize=7)


last = {key: runs[:, -20:].mean() for key, runs in curves.items()}
reached = {method: min(last[method, step] for step in STEPS) for method in METHODS}

# %% tags=["raises-exception"]
slider(
    draw_walks,
    step=STEPS,
    static=[{"step": step} for step in STEPS],
    title=f"With the best of three steps: {reached['Monte Carlo']:.2f} by returns, {reached['temporal difference']:.2f} by guesses",
    alt="Root mean square error of the learned values over 100 walks, 20 runs each and their mean, for three step sizes. In the last 20 walks: "
    + "; ".join(f"{method}, step {step}: {error:.2f}" for (method, step), error in last.items())
    + ".",
)

# %% [markdown]
# A walk's end is a coin toss, and Monte Carlo regresses every place on it: a large step follows the last toss, a small one needs many walks. A temporal difference regresses on the *next place's* value, which many walks have shaped, so a larger step does less harm. With a small step it is the slower one: the news of an exit moves back one place at a time. The price: while V is wrong, its targets are wrong with it. That is a *bias*, and it becomes visible next.
#
# ## 6 · Six weights for one gradient
#
# [000] lists what may stand in front of $\nabla\log\pi(a_t\mid s_t)$, "a slew of returns":
#
# | kind | weight of step t | |
# | --- | --- | --- |
# | `"total"` | $\sum_{t'}r_{t'+1}$ | the same for all steps |
# | `"to_go"` | $\sum_{t'\ge t}r_{t'+1}$ | no past |
# | `"to_go_baseline"` | $\sum_{t'\ge t}r_{t'+1}-V(s_t)$ | |
# | `"q"` | $G_t=\sum_{t'\ge t}\gamma^{t'-t}r_{t'+1}$ | a sample of $Q(s_t,a_t)$ |
# | `"advantage"` | $G_t-V(s_t)$ | a sample of $A=Q-V$ |
# | `"td"` | $r_{t+1}+\gamma V(s_{t+1})-V(s_t)$ | on the slide γ is missing |
#
# ### Exercise 8 · `gradient_weight`
#
# 3 points · 12 minutes · difficulty ●●○ medium
#
# One episode; all tensors are (T,). The first three do not discount.
#
# <details><summary>Hint 1: what to think of</summary>
#
# There are two kinds of sums, with and without γ. The rest is subtracting V.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Your `reward_to_go` of lesson 00 with γ = 1 and with γ. "total" is `reward.sum()` for every step.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Write a helper that sums from the end; then six `if`s, or a dictionary of six tensors.
# </details>
# <details><summary>Help by symptom</summary>
#
# *"q" fails, "to_go" does not:* the discount counts from step t. *"td" fails at the end:* mask the bootstrap where `terminated`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gradient-weight", "locked": false, "schema_version": 3, "solution": true}
def gradient_weight(kind, reward, value, next_value, terminated, gamma):
    """What stands in front of ∇log π, by its name. All (T,) -> (T,)."""

    ### BEGIN SOLUTION
    def to_go(gamma):
        rows, later = [], torch.zeros_like(reward[0])
        for one in reward.flip(0):
            later = one + gamma * later
            rows.insert(0, later)
        return torch.stack(rows)

    if kind == "total":
        return reward.sum().expand_as(reward).clone()
    if kind == "td":
        return reward + gamma * next_value * ~terminated - value
    weight = to_go(gamma if kind in ("q", "advantage") else 1.0)
    return weight - value if kind in ("to_go_baseline", "advantage") else weight
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gradient-weight", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gradient_weight)
### BEGIN HIDDEN TESTS
check(gradient_weight, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# All six on the robot, exactly; γ = 1, so that the same gradient is meant by all. Once with the true V, once with a critic that is wrong: V = 0 everywhere but in the charged state, where it says 1.


# %% nbgrader={"grade": false, "grade_id": "six-weights", "locked": true, "schema_version": 3, "solution": false}
def six_weights(critic):
    """Bias and variance of the gradient by kind; critic is (3, 2), V by step and state."""
    found = {}
    for kind in ("total", "to_go", "to_go_baseline", "q", "advantage", "td"):
        rows = []
        for i in range(64):
            v = critic[torch.arange(3), state[:, i]]
            following = torch.cat([v[1:], torch.zeros(1, dtype=torch.float64)])
            ended = torch.tensor([False, False, True])
            weight = gradient_weight(kind, reward[:, i], v, following, ended, 1.0)
            surrogate = (weight.detach() * log_prob[:, i]).sum()
            rows.append(torch.autograd.grad(surrogate, logits, retain_graph=True)[0].flatten())
        mean, variance = moments(torch.stack(rows))
        found[kind] = ((mean - exact_gradient).norm().item(), variance)
    return found


# %% tags=["raises-exception"]
wrong_values = torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
with_truth, with_error = six_weights(torch.stack(values[:3])), six_weights(wrong_values)

# %% [markdown]
# **Predict:** which of the six become biased when the critic is wrong?

# %% nbgrader={"grade": false, "grade_id": "six-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7.4, 3.2), sharey=True)
kinds = list(with_truth)
for axes, place, label in ((left, 1, "variance"), (right, 0, "bias (length)")):
    axes.barh(
        np.arange(6) - 0.2,
        [with_truth[k][place] for k in kinds],
        0.38,
        color=COLORS["a2c"],
        label="true V",
    )
    axes.barh(
        np.arange(6) + 0.2,
        [with_error[k][place] for k in kinds],
        0.38,
        color=COLORS["wrong"],
        hatch="//",
        label="wrong V",
    )
    axes.set(xlabel=label)
    axes.grid(axis="y", visible=False)
left.set(yticks=range(6), yticklabels=kinds)
left.invert_yaxis()
right.legend(loc="upper right")
figure.suptitle("Only the TD residual can be biased, and only by a wrong critic", fontweight="bold")
show(
    figure,
    alt="Variance and bias of six weights, with the true and with a wrong critic. The variance falls from “total” to “td”. "
    + f"With the true V no kind is biased; with the wrong V only “td” is, by {with_error['td'][0]:.2f}.",
)

# %% [markdown]
# A wrong baseline costs variance, never bias: it is only subtracted. A wrong *bootstrap* costs bias, because it replaces rewards. Lesson 05 lets you choose how much of each you want.
#
# ### Think · 1 point
#
# Your critic was trained on another task by mistake, and predicts nonsense. You use it in `"advantage"`. What happens?
#
# - **a.** The policy converges to a policy for the other task.
# - **b.** The expected gradient is still right; the nonsense adds noise, perhaps a lot.
# - **c.** The gradient becomes zero.
# - **d.** The gradient is biased towards states that the critic likes.


# %% nbgrader={"grade": false, "grade_id": "answer-nonsense-critic", "locked": false, "schema_version": 3, "solution": true}
def answer_nonsense_critic():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-nonsense-critic", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_nonsense_critic)

# %% [markdown]
# ## 7 · Your functions on CartPole
#
# The loop plays whole episodes, updates the policy with *your* `baseline_loss`, then V with *your* `value_loss_monte_carlo`. In that order: a V that has already seen these episodes knows what their actions brought. First the run of this lesson, four episodes an update:

# %% tags=["experiment", "raises-exception"]
run = RUNS["reinforce-baseline-cartpole"].start(
    seed=0, loss=baseline_loss, value_loss=value_loss_monte_carlo
)
history = train(run, run="reinforce-baseline-cartpole", label="reinforce, V subtracted")

# %% [markdown]
# Now make it hard: an update after *every* episode. Two learners with the same settings and five seeds each; for one of them V is subtracted, for the other b = 0 (V is learned and not used). Each gets 60 episodes, and is judged every ten by 20 fresh ones.


# %% nbgrader={"grade": false, "grade_id": "one-episode", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def follow(subtract_value, seed):
    """Mean returns after 10, 20, … 60 episodes."""
    settings = ReinforceBaselineConfig(
        episodes_per_update=1, learning_rate=0.003, subtract_value=subtract_value
    )
    functions = {"loss": baseline_loss, "value_loss": value_loss_monte_carlo}
    progress, returns = reinforce_baseline("CartPole-v1", settings, seed, **functions), []
    for played in range(1, 61):
        policy = next(progress).policy
        if played % 10 == 0:
            returns.append(evaluate(policy, "CartPole-v1", episodes=20, seed=played).mean())
    return returns


with_value = np.array([follow(True, seed) for seed in range(5)])
without = np.array([follow(False, seed) for seed in range(5)])

# %% [markdown]
# **Predict:** how far does each get in 60 episodes?

# %% nbgrader={"grade": false, "grade_id": "one-episode-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
played = np.arange(10, 61, 10)
for runs, color, label in ((with_value, "reinforce", "V subtracted"), (without, "wrong", "b = 0")):
    axes.plot(played, runs.T, color=COLORS[color], linewidth=0.8, alpha=0.5)
    axes.plot(
        played, np.median(runs, 0), color=COLORS[color], linewidth=3, label=f"{label}, median"
    )
axes.axhline(475, color=COLORS["exact"], linestyle="--", linewidth=1)
axes.set(xlabel="episodes played", ylabel="return of an episode", ylim=(0, 600))
solved = [(runs.max(1) >= 475).sum() for runs in (with_value, without)]
axes.set_title(
    f"Within 60 episodes {solved[0]} of 5 reach 475 with V, and {solved[1]} of 5 without"
)
axes.legend(loc="upper left", ncols=2)
show(
    figure,
    alt=f"Returns against episodes played, five seeds each. With V subtracted the median is {np.median(with_value, 0)[3]:.0f} after 40 episodes; "
    f"with b = 0 it is {np.median(without, 0)[3]:.0f}. {solved[0]} and {solved[1]} of 5 seeds reach 475 within 60 episodes.",
)

# %% [markdown]
# ### Think · 1 point
#
# Where does the difference come from?
#
# - **a.** The same expected gradient with less noise: with V, one episode says as much as several without.
# - **b.** The critic adds reward.
# - **c.** Without V the expected gradient points somewhere else.
# - **d.** The learner without V had no critic to train, so it was slower.


# %% nbgrader={"grade": false, "grade_id": "answer-which-gap", "locked": false, "schema_version": 3, "solution": true}
def answer_which_gap():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-which-gap", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_which_gap)

# %% [markdown]
# ## 8 · A silent bug
#
# ### Exercise 9 · `repaired_normalized_loss`
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# "Everybody normalises", says a friend, and brings the weights to mean 0 and standard deviation 1, so that steps have the same size whatever the rewards. A good idea. Her loss raises nothing, warns of nothing, and hardly learns:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def normalized_loss(log_prob, reward_to_go, baseline):
    """Meant: −mean w log π, where w is G − V brought to mean 0 and standard deviation 1. It runs."""
    scaled = (reward_to_go - reward_to_go.mean()) / (reward_to_go.std(correction=0) + 1e-8)
    weight = (scaled - baseline).detach()
    return -(weight * log_prob).mean()


# %% [markdown]
# Look at her weights for a pole that stands well: returns around 60, a critic that is nearly right.

# %%
example = torch.tensor([58.0, 60.0, 62.0, 64.0], dtype=torch.float64)
print(
    "weights:",
    ((example - example.mean()) / example.std(correction=0) - (example - 1)).numpy().round(2),
)

# %% [markdown]
# Repair it: $w=(G-V-m)/(s+10^{-8})$ with the mean m and the population's standard deviation s of G − V, over all elements.
#
# <details><summary>Hint 1: what to think of</summary>
#
# In which units is V? In which units is `scaled`?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Two steps in the right order: compare, then normalise.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `weight = (reward_to_go - baseline).detach()`, then `(weight - weight.mean()) / (weight.std(correction=0) + 1e-8)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Still refused, with V far above the returns:* both were normalised apart. *A little off:* `std` divides by n − 1 unless told otherwise.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-normalized-loss", "locked": false, "schema_version": 3, "solution": true}
def repaired_normalized_loss(log_prob, reward_to_go, baseline):
    """−mean w log π, w = (G − V − mean)/(std + 1e-8). All of one shape -> ()."""
    ### BEGIN SOLUTION
    weight = (reward_to_go - baseline).detach()
    weight = (weight - weight.mean()) / (weight.std(correction=0) + 1e-8)
    return -(weight * log_prob).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-normalized-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_normalized_loss)
### BEGIN HIDDEN TESTS
check(repaired_normalized_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The rewards are taken as they are here (`reward_scale=1`), so V grows to tens. Three seeds each, at most 25,000 steps:


# %% nbgrader={"grade": false, "grade_id": "bug-runs", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def three_seeds(loss):
    """Trainings on CartPole with unscaled rewards."""
    settings = replace(ReinforceBaselineConfig(), reward_scale=1.0)
    histories = []
    for seed in range(3):
        functions = {"loss": loss, "value_loss": value_loss_monte_carlo}
        progress = reinforce_baseline("CartPole-v1", settings, seed, **functions)
        options = {"environment_id": "CartPole-v1", "threshold": 475.0, "max_steps": 25_000}
        histories.append(train(progress, label=f"seed {seed}", quiet=True, **options))
    return histories


bugged = three_seeds(normalized_loss)
repaired = three_seeds(repaired_normalized_loss)

# %% tags=["experiment", "raises-exception"]
best_bugged = max(history.returns.max() for history in bugged)
figure = learning_curve(
    {"reinforce, repaired": repaired, "wrong: two units": bugged},
    threshold=475.0,
    colors={"wrong: two units": COLORS["wrong"]},
    title=f"The repaired loss learns; the bugged one never gets beyond {best_bugged:.0f}",
)
show(figure, alt=f"Repaired: {describe_curves(repaired)} Bugged: {describe_curves(bugged)}")

# %% [markdown]
# Her weights are negative everywhere, and the more so the *better* the state. Does she teach the pole to avoid what is good? Section 3 says no: V is a function of the state, in whatever units, so it cannot bias anything. Ask the robot, with the true V and rewards a hundred times as large, as CartPole's returns are large:


# %% nbgrader={"grade": false, "grade_id": "bug-moments", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def normalised(weight):
    """To mean 0 and standard deviation 1, over all steps of all trajectories."""
    weight = weight - (p * weight).sum() / 3
    return weight / ((p * weight.square()).sum() / 3).sqrt()


weights = {
    "G, normalised": normalised(100 * to_go),
    "G − V, normalised": normalised(100 * (to_go - value)),
    "hers": normalised(100 * to_go) - 100 * value,
}

# %% tags=["raises-exception"]
for name, weight in weights.items():
    mean, variance = moments(gradients_of(to_go - weight))  # G minus this baseline is the weight
    cosine = mean @ exact_gradient / (mean.norm() * exact_gradient.norm())
    print(
        f"{name:18} cosine with ∇J {cosine:.6f}   noise of one episode / signal {variance**0.5 / mean.norm():6.1f}"
    )

# %% [markdown]
# Her expected gradient points exactly where it should, and it is buried in noise: the signal was divided by the spread of G, what is subtracted was not. It is the pay office of the beginning, with the sign turned. What would have found it? Printing mean and spread of the weights (0 and 1, if they are normalised), and asking of every difference whether both sides have the same unit.

# %% [markdown]
# ## 9 · What we left out
#
# - **How much to bootstrap:** n steps, λ (lesson 05). **Old data**: lesson 06.
# - **Baselines that know the action**, with a correction that keeps the gradient unbiased: Q-Prop, lesson 07.
# - **Normalised advantages**, a baseline and a step size in one: lesson 05.
#
# ## Summary
#
# | baseline | formula | bias | note |
# | --- | --- | --- | --- |
# | any constant | $b$ | none | $\mathbb E[\nabla\log\pi]=0$ |
# | mean of the others | $\frac1{N-1}\sum_{j\ne i}R_j$ | none | lesson 01 |
# | best constant | $\mathbb E[g^2R]/\mathbb E[g^2]$ | none | one a parameter |
# | value | $V^\pi(s_t)$ | none | wrong V: more noise, no bias |
# | $b(s,a)$ | | $-\pi(b-\sum\pi b)$ | with b = Q nothing is left |
# | TD residual | $r+\gamma V(s')-V(s)$ | the critic's | least noise |

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 10 minutes
#
# A team trains with 16 episodes an update and subtracts "the mean return of these 16 episodes" from each of them. A colleague objects: "that mean contains the episode's own return, so the gradient is biased."
#
# 1. Is she right? By what factor is the expected gradient wrong, and does it matter for training?
# 2. Another colleague subtracts $V(s_{t+1})$, "which is more up to date than $V(s_t)$". On CartPole, what is left of $G_t-V(s_{t+1})$ when V is right? What will be learned?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-own-return", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. Right: the own return enters with 1/16, and E[R g]/16 is subtracted, so the expected gradient is (1 − 1/16) of the true one (½). The direction is unchanged, so it acts like a slightly smaller step size and does not matter (½).
# 2. G_t − V(s_{t+1}) is about r_{t+1} = 1 whatever the action was (with a discount: 1 minus a little), plus noise of the future: everything the action changed sits in s_{t+1} and is subtracted with it. Nothing is learned (the baseline knows the action). Full marks for "it depends on the action, so it is biased" with the consequence that the signal is gone.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Williams (1992): reinforcement baselines. · Greensmith, Bartlett, Baxter (2004), *Variance reduction techniques for gradient estimates in reinforcement learning*: the best constant and more.
# - Peters and Schaal (2008), *Reinforcement learning of motor skills with policy gradients*: optimal baselines.
# - Schulman et al. (2016), *High-dimensional continuous control using generalized advantage estimation*: the six weights.
# - Tucker et al. (2018), *The mirage of action-dependent baselines in reinforcement learning*.
# - Sutton and Barto (2018), chapters 6 and 13. · [000]: slew of returns; [003]: baselines, analysing variance; [004]: baseline, value function.
