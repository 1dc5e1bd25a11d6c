# %% [markdown]
# # How do you differentiate what a dice roll decides?
#
# **Lesson 01 · The log-derivative trick** · about two hours · 26 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.checks.callables import Bowl
from course_lib.figures import COLORS, new_figure, show, slider, use_style

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A machine has four buttons. They pay 1, 3, 2 and 5; the machine does not say so, it only pays. You press at random, button $k$ with probability $\pi_\theta(k)=e^{\theta_k}/\sum_je^{\theta_j}$. Your mean pay is
#
# $$J(\theta)=\mathbb E_{x\sim\pi_\theta}[f(x)]=\sum_k\pi_\theta(k)\,f(k).$$
#
# You want more. So you turn the knob $\theta_3$ of the best button, keep the same dice (the same random numbers), and watch the mean pay of twenty presses:

# %% nbgrader={"grade": false, "grade_id": "machine", "locked": true, "schema_version": 3, "solution": false}
payoff = torch.tensor([1.0, 3.0, 2.0, 5.0], dtype=torch.float64)
theta = torch.tensor([0.4, 0.2, 0.1, -0.5], dtype=torch.float64, requires_grad=True)
dice = torch.rand(20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def press(logits, uniform):
    """Buttons (n,) that the dice `uniform` (n,) choose."""
    return (logits.softmax(-1).cumsum(-1) < uniform.unsqueeze(-1)).sum(-1).clamp(max=3)


# %% nbgrader={"grade": false, "grade_id": "staircase", "locked": true, "schema_version": 3, "solution": false}
knob = torch.linspace(-3, 3, 601, dtype=torch.float64)
settings = theta.detach().repeat(601, 1)
settings[:, 3] = knob
figure, axes = new_figure(size=(7, 3.2))
axes.plot(knob, settings.softmax(-1) @ payoff, color=COLORS["exact"], label="J, the expectation")
axes.plot(
    knob,
    [payoff[press(s, dice)].mean() for s in settings],
    color=COLORS["a2c"],
    label="20 presses, the same dice",
)
axes.set(xlabel="logit θ₃ of the best button", ylabel="mean pay")
axes.set_title("The expectation has a slope; what you can observe is a staircase")
axes.legend()
show(
    figure,
    alt="Mean pay against the logit of the best button. The expectation rises smoothly from 2 to 5. The mean "
    "of twenty presses with fixed dice rises in steps, and is flat between them.",
)

# %% [markdown]
# The curve has a slope, the staircase has none: it is flat, except where it jumps. Whatever differentiates the staircase, autograd included, gets zero. Yet all you will ever have is presses. This lesson is about four ways out, and about what each of them costs.
#
# - **You will** write log-probabilities of three kinds of policies, the log-derivative trick, its best simple improvement, two ways of differentiating *through* samples, and compare all of them with exact gradients.
# - **You need** Python, torch tensors, the chain rule, expectation and variance (lesson 00).
# - **Exercises** are checked in the cell below each. *Predict* boxes ask you to commit to an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | distribution with parameters | $p_\theta(\mathbf z)$ in [004], $\pi_\theta(a\mid s)$ in [003] | $p_\theta(x)$; $\pi$ where it is a policy |
# | spread of a Gaussian | σ, `sigma`, `log_sigma` in [002] | `log_std`, always the logarithm |
# | several action dimensions | element by element in [002] | summed: one log-probability an action |
#
# [002] Morad, [003] notes on CS 285, [004] van Krieken.
# </details>
#
# ## 1 · Three log-probabilities
#
# Everything below is made of $\log p_\theta(x)$ for an $x$ that was drawn. For discrete actions a network gives logits, and
#
# $$\log\pi(a\mid s)=\text{logits}_a-\log\sum_ke^{\text{logits}_k}.$$
#
# ### Exercise 1 · `categorical_log_prob`
#
# 3 points · 8 minutes · difficulty ●○○ easy
#
# One log-probability a row, exact at logits of ±10,000, where the probability itself is 0 in a computer.
#
# <details><summary>Hint 1: what to think of</summary>
#
# torch has a function that takes the logarithm of a softmax without forming the softmax.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `log_softmax(-1)` gives (B, K). One element of each row is wanted, at the place `action` says.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.gather(-1, action.unsqueeze(-1))` picks them and leaves (B, 1); `squeeze(-1)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *−inf or nan at ±10,000:* somewhere there is a `log` of a `softmax`. *(B, B) or (B, K):* you index rows, or all pairs.
# </details>


# %% nbgrader={"grade": false, "grade_id": "categorical-log-prob", "locked": false, "schema_version": 3, "solution": true}
def categorical_log_prob(logits, action):
    """log π(a|s) of the taken actions. (B, K), (B,) int64 -> (B,)."""
    ### BEGIN SOLUTION
    return logits.log_softmax(-1).gather(-1, action.unsqueeze(-1)).squeeze(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-categorical-log-prob", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(categorical_log_prob)
### BEGIN HIDDEN TESTS
check(categorical_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Spot the slip · 1 point
#
# [002] computes the log-probabilities of all actions for the T states of an episode, `log_probs` of shape (T, K), and then takes `log_probs[episode.actions]`, with T actions in `episode.actions`. What comes out?
#
# - **a.** The T log-probabilities of the taken actions.
# - **b.** An error, always.
# - **c.** T whole *rows*, (T, K): row number a for every action a. With two actions only rows 0 and 1 ever appear, and no error is raised.
# - **d.** The log-probabilities of the most likely actions.


# %% nbgrader={"grade": false, "grade_id": "answer-picks-rows", "locked": false, "schema_version": 3, "solution": true}
def answer_picks_rows():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-picks-rows", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_picks_rows)

# %% [markdown]
# For actions of any strength the network gives a mean μ and a log σ for each of D dimensions. The dimensions are independent, so their densities multiply and the logarithms add up [003]:
#
# $$\log\pi(a\mid s)=-\sum_{d=1}^D\Big[\tfrac12\Big(\frac{a_d-\mu_d}{\sigma_d}\Big)^2+\log\sigma_d+\tfrac12\log2\pi\Big]$$
#
# ([002]'s code leaves out two things: the constant, which no gradient notices, and the sum over d. With its mean over all elements, D joints get 1/D of the gradient.)
#
# ### Exercise 2 · `gaussian_log_prob`
#
# 2 points · 8 minutes · difficulty ●○○ easy
#
# `log_std` is (B, D), or (D,) for a spread that all states share.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Three terms a dimension, then one sum. Over which axis?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Divide by `log_std.exp()` *before* you square. The constant belongs to every dimension.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-(0.5 * scaled.square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *(B, D) came out:* sum over the last axis. *Off by a constant:* the ½ log 2π, once for each dimension.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-log-prob", "locked": false, "schema_version": 3, "solution": true}
def gaussian_log_prob(mean, log_std, action):
    """log π(a|s) of a Gaussian. (B, D), (B, D) or (D,), (B, D) -> (B,)."""
    ### BEGIN SOLUTION
    scaled = (action - mean) / log_std.exp()
    return -(0.5 * scaled.square() + log_std + 0.5 * math.log(2 * math.pi)).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-log-prob", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_log_prob)
### BEGIN HIDDEN TESTS
check(gaussian_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Spot the slip · 1 point
#
# [002] draws with `a = normal(key, mu, exp(sigma))`, where the network's output is called `log_sigma`; the name `sigma` does not exist there. A friend repairs it with one line before, `sigma = exp(log_sigma)`, and trains with the log-probability of Exercise 2. What happens?
#
# - **a.** The actions are drawn with standard deviation $e^\sigma>1$, while the log-probability speaks of σ. Samples and formula belong to different distributions, and the gradient is wrong without any error.
# - **b.** Nothing: exp is monotone, so the policy means the same.
# - **c.** The program stops, because the standard deviation becomes negative.
# - **d.** The policy explores a little more, and learns the same.


# %% nbgrader={"grade": false, "grade_id": "answer-exp-twice", "locked": false, "schema_version": 3, "solution": true}
def answer_exp_twice():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-exp-twice", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_exp_twice)

# %% [markdown]
# A motor takes pushes between two bounds; a Gaussian does not know them. A *Beta* distribution lives on an interval [002; Chou et al. 2017]. On [0, 1] its density is $x^{\alpha-1}(1-x)^{\beta-1}/B(\alpha,\beta)$, with
# $\log B(\alpha,\beta)=\log\Gamma(\alpha)+\log\Gamma(\beta)-\log\Gamma(\alpha+\beta)$. Stretched to [low, high], $a=\text{low}+(\text{high}-\text{low})\,x$, the same probability lies on a width of high − low instead of 1, so the density is that much lower:
#
# $$\log\pi(a\mid s)=\sum_d\Big[(\alpha_d-1)\log x_d+(\beta_d-1)\log(1-x_d)-\log B(\alpha_d,\beta_d)-\log(\text{high}-\text{low})\Big],\qquad x=\frac{a-\text{low}}{\text{high}-\text{low}}$$
#
# ### Exercise 3 · `beta_log_prob`
#
# 3 points · 12 minutes · difficulty ●●○ medium
#
# `concentration1` is α (it pulls towards high), `concentration0` is β, as torch calls them.
#
# <details><summary>Hint 1: what to think of</summary>
#
# First bring the action back to [0, 1]. The last term is a constant; it is there once for each dimension.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `torch.lgamma` is log Γ. Or: `torch.distributions.Beta(concentration1, concentration0).log_prob(x)`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(beta.log_prob(x) - math.log(high - low)).sum(-1)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *Right on [0, 1] only:* the change of variables is missing. *The two ends are exchanged:* α belongs to x, β to 1 − x.
# </details>


# %% nbgrader={"grade": false, "grade_id": "beta-log-prob", "locked": false, "schema_version": 3, "solution": true}
def beta_log_prob(concentration1, concentration0, action, low, high):
    """log π(a|s) of Beta distributions stretched to [low, high]. (B, D) three times, floats -> (B,)."""
    ### BEGIN SOLUTION
    x = (action - low) / (high - low)
    beta = torch.distributions.Beta(concentration1, concentration0)
    return (beta.log_prob(x) - math.log(high - low)).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-beta-log-prob", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(beta_log_prob)
### BEGIN HIDDEN TESTS
check(beta_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# A density must integrate to 1. Sum yours over a fine grid of pushes between −1 and 1, and the Gaussian's too:

# %% nbgrader={"grade": false, "grade_id": "density-grid", "locked": true, "schema_version": 3, "solution": false}
push = torch.linspace(-1, 1, 4_002, dtype=torch.float64)[1:-1].unsqueeze(-1)
width = 2 / 4_001
ones = torch.ones_like(push)

# %% tags=["raises-exception"]
beta_density = beta_log_prob(2.0 * ones, 1.3 * ones, push, -1.0, 1.0).exp()
gaussian_density = gaussian_log_prob(0.3 * ones, -0.3 * ones, push).exp()
print(f"Beta {beta_density.sum() * width:.4f}   Gaussian {gaussian_density.sum() * width:.4f}")

# %% [markdown]
# The Beta's is 1. Part of the Gaussian's lies where the motor cannot go:

# %% nbgrader={"grade": false, "grade_id": "densities", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
axes.plot(push, beta_density, color=COLORS["reinforce"], label="Beta(2, 1.3), stretched")
axes.plot(
    push, gaussian_density, color=COLORS["a2c"], linestyle="--", label="Gaussian, μ = 0.3, σ = 0.74"
)
axes.set(xlabel="push", ylabel="density", ylim=(0, None))
outside = 1 - (gaussian_density.sum() * width).item()
axes.set_title(f"{outside:.0%} of the Gaussian's pushes lie outside what the motor can do")
axes.legend(loc="lower center")
show(
    figure,
    alt="Two densities over pushes from −1 to 1. The stretched Beta vanishes at both ends and encloses an area of 1; "
    f"the Gaussian is cut off at both ends, and {outside:.0%} of its area lies outside.",
)

# %% [markdown]
# ## 2 · The trick
#
# Back to the machine. The gradient of J is a sum over the buttons; the pays do not depend on θ:
#
# $$\nabla J=\sum_kf(k)\,\nabla\pi_\theta(k).$$
#
# **Line 1.** With four buttons it can be computed, and compared with differences.

# %%
J = theta.softmax(-1) @ payoff
exact = torch.autograd.grad(J, theta)[0]
step = torch.tensor([0, 0, 0, 1e-5], dtype=torch.float64)
difference = ((theta + step).softmax(-1) - (theta - step).softmax(-1)) @ payoff
print(exact, f"   by differences: {difference.item() / 2e-5:.4f} for the last")

# %% [markdown]
# But this is no expectation: you can sample from $\pi$, not from $\nabla\pi$ (which is negative in places, and sums to zero).
#
# **Line 2.** Multiply and divide by $\pi$. Since $\nabla\log\pi=\nabla\pi/\pi$,
#
# $$\nabla J=\sum_k\pi_\theta(k)\,f(k)\,\frac{\nabla\pi_\theta(k)}{\pi_\theta(k)}=\mathbb E_{x\sim\pi_\theta}\big[f(x)\,\nabla\log\pi_\theta(x)\big].$$
#
# That is the *log-derivative trick* [002], and $\nabla\log\pi$ is the *score* [003, 004]. The expectation can be sampled: press, multiply the pay with the score of the button you pressed. Nobody differentiates the pay.

# %% tags=["raises-exception"]
buttons = torch.arange(4)
score = torch.stack([
    torch.autograd.grad(one, theta, retain_graph=True)[0]
    for one in categorical_log_prob(theta.expand(4, 4), buttons)
])  # fmt: skip
pi = theta.softmax(-1).detach()
print("Σ π f ∇log π:", (pi * payoff) @ score)
print("Σ π ∇log π:  ", pi @ score)

# %% [markdown]
# The first line is the exact gradient. The second is zero, whatever θ is: $\sum_k\pi\,\frac{\nabla\pi}\pi=\nabla\sum_k\pi=\nabla1=0$. Keep both in mind.
#
# ### Think · 1 point
#
# Why the *logarithm*? The derivation multiplied by 1 = π/π. What would the estimate be if you averaged $f(x)\,\nabla\pi_\theta(x)$ over your presses instead?
#
# - **a.** The same, in the limit of many presses.
# - **b.** $\sum_k\pi(k)f(k)\nabla\pi(k)$: buttons that are pressed often would count twice, once because they are pressed often. Dividing by π takes that back.
# - **c.** Zero, since probabilities sum to one.
# - **d.** Too noisy to be useful, but right.


# %% nbgrader={"grade": false, "grade_id": "answer-why-the-logarithm", "locked": false, "schema_version": 3, "solution": true}
def answer_why_the_logarithm():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-why-the-logarithm", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_why_the_logarithm)

# %% [markdown]
# ### What a score looks like
#
# Take a Gaussian whose mean is linear in features φ of the state, $a\sim\mathcal N(\phi^\top w,\sigma^2)$ [003]. Step by step:
#
# $$\nabla_w\log\pi=\nabla_w\Big[-\frac{(a-\phi^\top w)^2}{2\sigma^2}\Big]=\frac{(a-\phi^\top w)\,\phi}{\sigma^2}$$
#
# ### Exercise 4 · `gaussian_score`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# One row for each action.
#
# <details><summary>Hint 1: what to think of</summary>
#
# A number for each row times a vector for each row.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `features @ weights` is (B,). To multiply a (B,) with a (B, F), make it (B, 1).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(action - features @ weights).unsqueeze(-1) * features / std**2`
# </details>
# <details><summary>Help by symptom</summary>
#
# *(B, B) appears:* a row met a column. *Off by a factor σ:* the variance stands below the line.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-score", "locked": false, "schema_version": 3, "solution": true}
def gaussian_score(features, weights, std, action):
    """∇_w log N(a; φᵀw, σ²). (B, F), (F,), float, (B,) -> (B, F)."""
    ### BEGIN SOLUTION
    return (action - features @ weights).unsqueeze(-1) * features / std**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-score", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_score)
### BEGIN HIDDEN TESTS
check(gaussian_score, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Read it: an action above the mean pulls the mean up, along its features; the narrower the policy, the harder the pull.
#
# In code nobody writes scores by hand. One writes a scalar whose gradient is the estimate, and lets autograd do it: a *surrogate*. Its own value means nothing.
#
# $$S(\theta)=\frac1B\sum_if(x_i)\,\log p_\theta(x_i)\qquad\Rightarrow\qquad\nabla S=\frac1B\sum_if(x_i)\,\nabla\log p_\theta(x_i)$$
#
# ### Exercise 5 · `score_function_surrogate`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# An objective to be climbed, so no minus. `value` may come out of a network: no gradient into it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Multiply first, then average. Which of the two is a constant?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `detach()` turns a tensor into a constant.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(value.detach() * log_prob).mean()`
# </details>
# <details><summary>Help by symptom</summary>
#
# *The gradient is zero on average:* two means were multiplied, or shapes (B, 1) and (B,) met.
# </details>


# %% nbgrader={"grade": false, "grade_id": "score-function-surrogate", "locked": false, "schema_version": 3, "solution": true}
def score_function_surrogate(log_prob, value):
    """A scalar whose gradient estimates ∇E[f]. (B,), (B,) -> (); only log_prob gets a gradient."""
    ### BEGIN SOLUTION
    return (value.detach() * log_prob).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-score-function-surrogate", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(score_function_surrogate)
### BEGIN HIDDEN TESTS
check(score_function_surrogate, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now press. A thousand presses in one surrogate, next to the exact gradient:

# %% tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
pressed = torch.multinomial(pi, 1_000, replacement=True, generator=generator)
log_prob = categorical_log_prob(theta.expand(1_000, 4), pressed)
estimate = torch.autograd.grad(score_function_surrogate(log_prob, payoff[pressed]), theta)[0]
print("estimate", estimate, "\nexact   ", exact)

# %% [markdown]
# Without knowing the machine, from pays alone. The rest of the lesson is about the noise.
#
# ## 3 · Less noise for free
#
# **Predict:** add 100 to every pay. The best button stays the best. What happens to the mean of the estimate, and what to its spread?
#
# For one press, both can be enumerated: four outcomes with known probabilities.


# %% nbgrader={"grade": false, "grade_id": "one-press", "locked": true, "schema_version": 3, "solution": false}
def one_press(weight):
    """Exact mean (4,) and total variance of weight(k) · ∇log π(k) over the four buttons."""
    gradient = weight.unsqueeze(-1) * score
    mean = pi @ gradient
    return mean, (pi @ (gradient - mean).square()).sum()


# %% tags=["raises-exception"]
for c in (-100, -J.item(), 0, 100):
    mean, variance = one_press(payoff + c)
    print(f"pay + {c:7.2f}: mean {mean.numpy().round(4)}   variance {variance:10.2f}")

# %% [markdown]
# The mean stays, to the last digit: a constant times the score averages to zero. The variance does not stay at all. It is large for pays around 100 *and* around −100, and small when the pays are centred: subtract what is usual, and only what is better or worse than usual is left.
#
# What is usual? You do not know J; but other presses tell. For each sample, take the mean of the *others*:
#
# $$S(\theta)=\frac1B\sum_i\Big(f(x_i)-\frac1{B-1}\sum_{j\ne i}f(x_j)\Big)\log p_\theta(x_i)$$
#
# <details><summary>Why not the mean of all?</summary>
#
# 1. The others are independent of $x_i$, so given them their mean is a constant c, and $\mathbb E[c\,\nabla\log p(x_i)]=c\cdot0$.
# 2. The mean of all holds $f(x_i)/B$ as well, and $\mathbb E[\frac{f(x_i)}B\nabla\log p(x_i)]=\frac1B\nabla J$. That much of the gradient is subtracted.
# 3. So with the mean of all, the expected gradient is $(1-\frac1B)\nabla J$: half of it for two samples.
# </details>
#
# ### Exercise 6 · `leave_one_out_surrogate`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# The sum of the others is the sum of all minus the own one. No loop is needed.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `(value.sum() - value) / (len(value) - 1)` is (B,).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Subtract it from `value` and hand the difference to your Exercise 5.
# </details>
# <details><summary>Help by symptom</summary>
#
# *A gradient flows into value:* through the baseline, perhaps. *Half the gradient for two samples:* the own value is in the mean.
# </details>


# %% nbgrader={"grade": false, "grade_id": "leave-one-out-surrogate", "locked": false, "schema_version": 3, "solution": true}
def leave_one_out_surrogate(log_prob, value):
    """The surrogate with the mean of the other samples as each one's baseline. (B,), (B,) -> ()."""
    ### BEGIN SOLUTION
    others = (value.sum() - value) / (len(value) - 1)
    return score_function_surrogate(log_prob, value - others)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-leave-one-out-surrogate", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(leave_one_out_surrogate)
### BEGIN HIDDEN TESTS
check(leave_one_out_surrogate, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Unbiased? Two presses have 16 outcomes; enumerate them. (The third row is the surrogate with the mean of all.)


# %% nbgrader={"grade": false, "grade_id": "two-presses", "locked": true, "schema_version": 3, "solution": false}
def two_presses(surrogate):
    """Exact mean (4,) and total variance of a surrogate's gradient over the 16 pairs of buttons."""
    pairs, gradient = torch.cartesian_prod(buttons, buttons), []
    for pair in pairs:
        log_prob = categorical_log_prob(theta.expand(2, 4), pair)
        gradient += torch.autograd.grad(surrogate(log_prob, payoff[pair]), theta)
    p, gradient = pi[pairs].prod(-1), torch.stack(gradient)
    return p @ gradient, (p @ (gradient - p @ gradient).square()).sum()


# %% tags=["raises-exception"]
def mean_of_all(log_prob, value):
    return score_function_surrogate(log_prob, value - value.mean())


for surrogate in (score_function_surrogate, leave_one_out_surrogate, mean_of_all):
    mean, variance = two_presses(surrogate)
    print(
        f"{surrogate.__name__:26} mean / exact {(mean / exact).numpy().round(3)}   variance {variance:.3f}"
    )

# %% [markdown]
# Less than half of the variance, and no bias. It is the simplest *baseline*; lesson 03 finds the best one. (The mean of all has the smallest variance of the three, because half of everything is missing.)
#
# ## 4 · Through the sample
#
# The score function uses f's *values* only. If f can be differentiated, its slope says where to go. But the sample must move when θ moves. For a Gaussian it can be arranged: draw the noise elsewhere, and let the parameters shape it [004]:
#
# $$x=\mu+\sigma\,\varepsilon,\quad\varepsilon\sim\mathcal N(0,I)\qquad\Rightarrow\qquad\nabla\,\mathbb E[f(x)]=\mathbb E_\varepsilon\big[\nabla f(\mu+\sigma\varepsilon)\big]$$
#
# The distribution of ε holds no θ, so the gradient moves inside the expectation. This is the *reparameterisation trick*, or the *pathwise* derivative.
#
# ### Exercise 7 · `pathwise_estimate`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# `f` maps (B, D) to (B,).
#
# <details><summary>Hint 1: what to think of</summary>
#
# Where must the graph not be cut?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# (D,) and (B, D) multiply and add by themselves.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `f(mean + log_std.exp() * noise).mean()`
# </details>
# <details><summary>Help by symptom</summary>
#
# *No gradient:* a `detach`, or `sample` where `rsample` belongs.
# </details>


# %% nbgrader={"grade": false, "grade_id": "pathwise-estimate", "locked": false, "schema_version": 3, "solution": true}
def pathwise_estimate(f, mean, log_std, noise):
    """mean f(μ + σ ε), differentiable in mean and log_std (D,). noise (B, D) -> ()."""
    ### BEGIN SOLUTION
    return f(mean + log_std.exp() * noise).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-pathwise-estimate", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(pathwise_estimate)
### BEGIN HIDDEN TESTS
check(pathwise_estimate, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Compare on a problem with an exact answer: $f(x)=-\frac12\sum_d(x_d-c_d)^2$ in D dimensions. Then $\mathbb E[f]=-\frac12\sum_d\big[(\mu_d-c_d)^2+\sigma_d^2\big]$ and $\nabla_\mu=c-\mu$. Here $c_d-\mu_d=1$ in every dimension, so each element of the right gradient is 1.


# %% nbgrader={"grade": false, "grade_id": "gaussian-problem", "locked": true, "schema_version": 3, "solution": false}
def gaussian_estimates(dims, samples, repeats=200, std=0.5):
    """Estimates of dE[f]/dμ₀ by three methods: each (repeats,). The exact one is 1."""
    f = Bowl(torch.ones(dims).double(), torch.ones(dims).double())
    log_std = torch.full((dims,), math.log(std), dtype=torch.float64)
    found = {"score function": [], "leave one out": [], "pathwise": []}
    for _ in range(repeats):
        mean = torch.zeros(dims, dtype=torch.float64, requires_grad=True)
        noise = torch.randn(samples, dims, generator=generator, dtype=torch.float64)
        x = std * noise
        log_prob = gaussian_log_prob(mean.expand(samples, dims), log_std, x)
        scalars = (
            score_function_surrogate(log_prob, f(x)),
            leave_one_out_surrogate(log_prob, f(x)),
            pathwise_estimate(f, mean, log_std, noise),
        )
        for one, scalar in zip(found.values(), scalars, strict=True):
            one.append(torch.autograd.grad(scalar, mean, retain_graph=True)[0][0].item())
    return {name: np.array(values) for name, values in found.items()}


# %% [markdown]
# **Predict:** how does the spread of the three grow with the number of dimensions D, with 16 samples each?

# %% tags=["raises-exception"]
DIMENSIONS = [1, 2, 4, 8, 16, 32, 64]
by_dimension = [gaussian_estimates(dims, 16) for dims in DIMENSIONS]
for name in by_dimension[0]:
    print(f"{name:15} mean", [round(float(one[name].mean()), 2) for one in by_dimension])

# %% nbgrader={"grade": false, "grade_id": "dimensions", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
METHODS = {
    "score function": ("reinforce", "o"),
    "leave one out": ("a2c", "s"),
    "pathwise": ("ddpg", "^"),
}
figure, axes = new_figure(size=(7, 3.4))
for name, (color, marker) in METHODS.items():
    spread = [one[name].std() for one in by_dimension]
    axes.loglog(DIMENSIONS, spread, marker=marker, color=COLORS[color], label=name)
axes.axhline(1, color=COLORS["exact"], linewidth=1)
axes.text(1, 1.1, "the gradient itself", va="bottom")
axes.set(xlabel="dimensions D", ylabel="standard deviation, 16 samples")
axes.set_xticks(DIMENSIONS, [str(d) for d in DIMENSIONS])
axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
axes.minorticks_off()
ratio = by_dimension[-1]["score function"].std() / by_dimension[-1]["pathwise"].std()
axes.set_title(f"In 64 dimensions a score is {ratio:.0f} times as noisy as a path")
axes.legend()
show(
    figure,
    alt="Standard deviation of one element of the gradient estimate against the number of dimensions, logarithmic axes. "
    "Pathwise: flat, near 0.12. Score function: grows in proportion to D and passes the gradient's own size between 2 and 8 dimensions; "
    "leave one out: like its square root, lower throughout.",
)

# %% [markdown]
# All three are unbiased (with this much noise, a mean of 200 estimates can still be off by half). The score function multiplies every element's score with the *whole* f, all other dimensions' luck included; the slope $\partial f/\partial x_0$ knows which dimension did what. Baselines help, and cannot mend that. Move both numbers:


# %% nbgrader={"grade": false, "grade_id": "spread-slider", "locked": true, "schema_version": 3, "solution": false}
def draw_spread(axes, dims, samples):
    for place, (name, values) in enumerate(gaussian_estimates(dims, samples, repeats=60).items()):
        color, marker = METHODS[name]
        axes.scatter(
            values, np.full(60, place), s=10, marker=marker, color=COLORS[color], alpha=0.6
        )
    axes.axvline(1, color=COLORS["exact"], linewidth=1)
    axes.set(
        yticks=range(3),
        yticklabels=["score", "others", "path"],
        xlim=(-6, 8),
        ylim=(2.5, -0.5),
        xlabel="estimate of 1",
    )


# %% tags=["raises-exception"]
slider(
    draw_spread,
    dims=[1, 4, 16, 64],
    samples=[4, 16, 64, 256],
    static=[{"dims": d, "samples": n} for n in (16, 256) for d in (4, 16)],
    labels={"dims": "D", "samples": "samples"},
    title="Four times D takes sixteen times the samples",
    alt="Four panels with sixty estimates of each method, the exact gradient 1 marked. Pathwise estimates lie close to it in all. "
    "Score-function estimates scatter over several units at D = 16 with 16 samples, and much less with 256.",
)

# %% [markdown]
# ### Think · 1 point
#
# A dart scores 1 inside the ring and 0 outside, $f(x)=\mathbb 1[|x|<1]$. What do the two methods estimate for $\nabla_\mu\mathbb E[f]$?
#
# - **a.** Both the right gradient; the score function with more noise.
# - **b.** Both zero: a step has no slope.
# - **c.** The pathwise estimate the right gradient; the score function none, as f is not differentiable.
# - **d.** The score function the right gradient. The pathwise estimate zero: f is flat wherever a dart lands, though hitting the ring does become more likely as μ moves in.


# %% nbgrader={"grade": false, "grade_id": "answer-darts", "locked": false, "schema_version": 3, "solution": true}
def answer_darts():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-darts", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_darts)

# %% [markdown]
# Most games are darts: a pole falls or stands, a sentence is right or wrong. And no learning agent can differentiate the world. That is why this course begins with the score function, and comes back to paths only when there is a differentiable critic (lessons 07 and 10) or a learned model (lesson 11).
#
# ## 5 · A discrete sample you can differentiate through, almost
#
# For buttons there is no μ + σε. There is something close. Add independent *Gumbel* noise $g_k=-\log(-\log u_k)$ to the logits: the largest one is at k with probability $\text{softmax}(\theta)_k$, exactly (the Gumbel-max trick). The arg max has no slope, but a softmax with a low temperature τ looks like it [004; Jang et al. 2017]:
#
# $$y=\text{softmax}\big((\theta+g)/\tau\big)$$
#
# *Straight through* uses the true one-hot sample forward and pretends, backward, that it was y.
#
# ### Exercise 8 · `gumbel_softmax`
#
# 3 points · 12 minutes · difficulty ●●● hard
#
# <details><summary>Hint 1: what to think of</summary>
#
# Soft: one line. Hard: which tensor has the *value* of the one-hot row and the *gradient* of the soft one?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `soft - soft.detach()` is zero, with the gradient of `soft`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `hard + (soft - soft.detach())`, with `hard = one_hot(soft.argmax(-1), K).to(soft.dtype)` from `torch.nn.functional`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Rows sum to 2:* `soft` was added and not taken off. *nan at ±1,000:* use `softmax`, not `exp`. *A low temperature removes the noise:* divide the sum, not the logits alone.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gumbel-softmax", "locked": false, "schema_version": 3, "solution": true}
def gumbel_softmax(logits, gumbel_noise, temperature, straight_through):
    """softmax((logits + g)/τ), or one-hot with its gradient. (B, K), (B, K), float, bool -> (B, K)."""
    ### BEGIN SOLUTION
    soft = ((logits + gumbel_noise) / temperature).softmax(-1)
    if not straight_through:
        return soft
    hard = torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + (soft - soft.detach())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gumbel-softmax", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gumbel_softmax)
### BEGIN HIDDEN TESTS
check(gumbel_softmax, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# First the trick itself: how often is each button the largest, next to π?

# %% tags=["raises-exception"]
gumbel = -(-torch.rand(20_000, 4, generator=generator, dtype=torch.float64).log()).log()
one_hot = gumbel_softmax(theta.detach().expand(20_000, 4), gumbel, 1.0, True)
print("share of one-hot samples:", one_hot.mean(0), "\nπ:                       ", pi)

# %% [markdown]
# Now it is part of a computation: the machine pays for the *square* of a mixture, $f(y)=(y\cdot\text{payoff})^2/5$, which at one-hot rows is a plain table of pays. One gradient from 20,000 samples for each temperature, and how much a single sample's gradient varies:


# %% nbgrader={"grade": false, "grade_id": "temperature", "locked": true, "schema_version": 3, "solution": false}
def gumbel_gradient(temperature, straight_through):
    """Mean (4,) and total standard deviation of a single sample's gradient."""
    logits = theta.detach().repeat(20_000, 1).requires_grad_()
    y = gumbel_softmax(logits, gumbel, temperature, straight_through)
    gradient = torch.autograd.grad(((y @ payoff) ** 2 / 5).sum(), logits)[0]
    return gradient.mean(0), gradient.var(0).sum().sqrt().item()


squared = torch.autograd.grad(theta.softmax(-1) @ (payoff**2 / 5), theta)[0]
TEMPERATURES = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]

# %% nbgrader={"grade": false, "grade_id": "temperature-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3.3))
for straight, color, label in ((False, "ddpg", "soft"), (True, "td3", "straight through")):
    found = [gumbel_gradient(temperature, straight) for temperature in TEMPERATURES]
    left.semilogx(
        TEMPERATURES,
        [(mean - squared).norm() / squared.norm() for mean, _ in found],
        "o-",
        color=COLORS[color],
        label=label,
    )
    right.loglog(
        TEMPERATURES, [spread for _, spread in found], "o-", color=COLORS[color], label=label
    )
one_sample = (pi @ ((payoff**2 / 5).unsqueeze(-1) * score - squared).square()).sum().sqrt()
right.axhline(one_sample, color=COLORS["reinforce"], linestyle="--")
right.text(5, one_sample * 1.07, "score function", ha="right")
right.set_yticks([0.1, 1], ["0.1", "1"])
left.set(xlabel="temperature τ", ylabel="bias / length of the gradient", ylim=(0, None))
right.set(xlabel="temperature τ", ylabel="std. deviation, one sample")
for one in (left, right):
    one.set_xticks([0.1, 1, 5], ["0.1", "1", "5"])
    one.minorticks_off()
left.legend()
figure.suptitle("Cold: little bias, much noise. Hot: the other way round", fontweight="bold")
show(
    figure,
    alt="Left: the bias of the Gumbel-softmax gradients grows with the temperature, from a few per cent at 0.1 to well above a third at 5. "
    "Right: the standard deviation of a single sample falls with the temperature; at 0.1 it is above that of the score function, which has no bias.",
)

# %% [markdown]
# There is no free lunch: as τ → 0 the samples become exact and their gradients explode; with a warm τ they are smooth samples of *another* machine. The score function has neither problem, and needs no slope of f. It has its noise.
#
# Now all of them on this one gradient, with the same number of presses. The oldest way joins in, *finite differences*: turn each of the four knobs by ±½, press n/8 times at each end with fresh dice, and divide the difference of the mean pays by 1.


# %% nbgrader={"grade": false, "grade_id": "four-ways", "locked": true, "schema_version": 3, "solution": false}
def four_ways(n):
    """Estimates (4,) of one gradient from n presses, by method."""
    pay, turned = payoff**2 / 5, 0.5 * torch.eye(4, dtype=torch.float64)
    ends = torch.cat([theta.detach() + turned, theta.detach() - turned]).softmax(-1)
    means = pay[torch.multinomial(ends, n // 8, replacement=True, generator=generator)].mean(-1)
    pressed = torch.multinomial(pi, n, replacement=True, generator=generator)
    noise = -torch.empty(n, 4, dtype=torch.float64).exponential_(generator=generator).log()
    free = theta.detach().clone().requires_grad_()
    log_prob = categorical_log_prob(free.expand(n, 4), pressed)
    soft = gumbel_softmax(free.expand(n, 4), noise, 0.5, False)
    scalars = {
        "score function": score_function_surrogate(log_prob, pay[pressed]),
        "leave one out": leave_one_out_surrogate(log_prob, pay[pressed]),
        "Gumbel-softmax, τ = 0.5": ((soft @ payoff) ** 2 / 5).mean(),
    }
    found = {"finite differences": means[:4] - means[4:]}
    return found | {
        k: torch.autograd.grad(s, free, retain_graph=True)[0] for k, s in scalars.items()
    }


# %% tags=["raises-exception"]
PRESSES = [8, 32, 128, 512, 2048, 8192]
tries = {n: [four_ways(n) for _ in range(60)] for n in PRESSES}
off = {
    name: [
        np.mean([(one[name] - squared).square().sum() for one in tries[n]]) ** 0.5 for n in PRESSES
    ]
    for name in tries[8][0]
}

# %% [markdown]
# **Predict:** which of the four curves fall for ever?

# %% nbgrader={"grade": false, "grade_id": "four-ways-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
looks = {
    **METHODS,
    "Gumbel-softmax, τ = 0.5": ("ddpg", "^"),
    "finite differences": ("reference", "v"),
}
for name, errors in off.items():
    color, marker = looks[name]
    axes.loglog(PRESSES, errors, marker=marker, color=COLORS[color], label=name)
axes.axhline(squared.norm(), color=COLORS["exact"], linewidth=1)
axes.text(8192, 1.1 * squared.norm(), "length of the gradient", ha="right")
axes.set_xticks(PRESSES, [f"{n:,}" for n in PRESSES])
axes.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
axes.minorticks_off()
axes.set(xlabel="presses n", ylabel="error, root mean square")
axes.set_title("Noise falls with √n, a bias stays")
axes.legend(loc="lower left")
show(
    figure,
    alt="Error of four estimates of one gradient against the number of presses, logarithmic axes. With 8,192 presses: "
    + ", ".join(f"{name} {errors[-1]:.3f}" for name, errors in off.items())
    + ". All fall like 1/√n but Gumbel-softmax, which is best with few presses and then stays at its bias.",
)

# %% [markdown]
# Gumbel-softmax is the best with few presses, and no number of presses takes it further than its bias. Finite differences share the presses among the knobs, two settings each, and divide small differences of noisy means: with a thousand parameters hardly a press would be left for each. (With the *same* dice at both ends they are far less noisy: that is the staircase of the beginning, over a wide step.)
#
# ## 6 · Two dice in a row
#
# Real computations sample more than once: an action now, another later. A *stochastic computation graph* [004; Schulman et al. 2015]: first a road $x\in\{0,1\}$ is chosen with logits α, at a toll $c_1(x)$; then a speed $y\in\{0,1,2\}$ with logits β of that road, at a cost $c_2(x,y)$. Six outcomes, so everything is exact:

# %% nbgrader={"grade": false, "grade_id": "graph", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
toll = torch.tensor([1.0, 4.0], dtype=torch.float64)
cost = torch.tensor([[6.0, 3.0, 8.0], [1.0, 2.0, 0.5]], dtype=torch.float64)
alpha = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
beta = torch.tensor([[0.1, -0.4, 0.2], [0.5, 0.0, -0.3]], dtype=torch.float64, requires_grad=True)
road, speed = torch.cartesian_prod(torch.arange(2), torch.arange(3)).T  # (6,) each
log_p_road = categorical_log_prob(alpha.expand(6, 2), road)
log_p_speed = categorical_log_prob(beta[road], speed)
p_outcome = (log_p_road + log_p_speed).exp()
exact_graph = torch.autograd.grad(
    p_outcome @ (toll[road] + cost[road, speed]), (alpha, beta), retain_graph=True
)

# %% [markdown]
# The total cost is f = c₁ + c₂, and $\log p=\log p_\alpha(x)+\log p_\beta(y\mid x)$. Three surrogates suggest themselves:
#
# 1. *everything pays for everything:* $(c_1+c_2)\,(\log p_\alpha(x)+\log p_\beta(y|x))$;
# 2. *each die pays for what comes after it:* $(c_1+c_2)\log p_\alpha(x)+c_2\log p_\beta(y|x)$;
# 3. *each die pays for its own cost:* $c_1\log p_\alpha(x)+c_2\log p_\beta(y|x)$.
#
# **Predict:** which are unbiased? Which of those is less noisy?

# %% nbgrader={"grade": false, "grade_id": "graph-surrogates", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
c1, c2 = toll[road], cost[road, speed]
SURROGATES = {
    "everything": (c1 + c2) * (log_p_road + log_p_speed),
    "what comes after": (c1 + c2) * log_p_road + c2 * log_p_speed,
    "its own cost": c1 * log_p_road + c2 * log_p_speed,
}
flat_exact = torch.cat([part.flatten() for part in exact_graph])

# %% tags=["raises-exception"]
for name, outcome in SURROGATES.items():
    gradient = []
    for one in outcome:
        parts = torch.autograd.grad(one, (alpha, beta), retain_graph=True, allow_unused=True)
        gradient.append(torch.cat([part.flatten() for part in parts]))
    gradient, p = torch.stack(gradient), p_outcome.detach()
    mean = p @ gradient
    print(
        f"{name:17} bias {(mean - flat_exact).norm():.3f}   variance {(p @ (gradient - mean).square()).sum():.2f}"
    )

# %% [markdown]
# The second is the rule: **a score is weighed with everything that happens downstream of it, and nothing else.** What came before cannot be its doing; leaving it out removes noise only (here the variance falls by a quarter). But what comes later through other dice *is* its doing: the third is biased, it never learns that road 0 leads to expensive speeds. An episode is a long graph of this kind, and the rule is *causality* in lesson 02.
#
# ### Think · 1 point
#
# A language model writes a sentence token by token; a program says at the end whether the answer is right. What do you use to get a gradient?
#
# - **a.** The pathwise derivative, as the network is differentiable.
# - **b.** The score function: the tokens are discrete, the program has no slope, and every token's score is weighed with the final reward, which lies downstream of all of them.
# - **c.** Gumbel-softmax with a low temperature, through the program.
# - **d.** The classification loss against the right answer, nothing else is possible.


# %% nbgrader={"grade": false, "grade_id": "answer-a-sentence", "locked": false, "schema_version": 3, "solution": true}
def answer_a_sentence():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-a-sentence", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_a_sentence)

# %% [markdown]
# ## 7 · Your functions work the machine
#
# Twenty learners stand before a machine that pays 10 more, whichever button is pressed: 11, 13, 12 and 15. Four presses an update, 150 updates of plain gradient ascent, θ ← θ + 0.3 ∇S, all from the same start. Ten use your Exercise 5, ten your Exercise 6.


# %% nbgrader={"grade": false, "grade_id": "learners", "locked": true, "schema_version": 3, "solution": false}
def learn(surrogate, seed, updates=150, presses=4):
    """The expected pay (updates,) of one learner."""
    generator = torch.Generator().manual_seed(seed)
    logits, history, pays = theta.detach().clone().requires_grad_(), [], payoff + 10
    for _ in range(updates):
        history.append((logits.softmax(-1) @ pays).item())
        pressed = torch.multinomial(
            logits.detach().softmax(-1), presses, replacement=True, generator=generator
        )
        scalar = surrogate(categorical_log_prob(logits.expand(presses, 4), pressed), pays[pressed])
        logits.data += 0.3 * torch.autograd.grad(scalar, logits)[0]
    return history


# %% tags=["raises-exception"]
plain = np.array([learn(score_function_surrogate, seed) for seed in range(10)])
others = np.array([learn(leave_one_out_surrogate, seed) for seed in range(10)])
print("pay at the end, plain:        ", plain[:, -1].round(2))
print("pay at the end, leave one out:", others[:, -1].round(2))

# %% [markdown]
# **Predict** from these numbers what the curves look like, then see:

# %% nbgrader={"grade": false, "grade_id": "learners-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
for runs, color, label in (
    (plain, "reinforce", "score function"),
    (others, "a2c", "leave one out"),
):
    axes.plot(runs.T, color=COLORS[color], linewidth=0.8, alpha=0.5)
    axes.plot(np.median(runs, 0), color=COLORS[color], linewidth=3, label=f"{label}, median")
axes.axhline(15, color=COLORS["exact"], linewidth=1)
axes.set(xlabel="updates of four presses", ylabel="expected pay", ylim=(11, 15.2))
stuck = [(runs[:, -1] < 14).sum() for runs in (plain, others)]
axes.set_title(f"Below 14 at the end: {stuck[0]} of 10 without a baseline, {stuck[1]} of 10 with")
axes.legend(loc="lower right")
show(
    figure,
    alt=f"Expected pay of ten learners each over 150 updates. Without a baseline {stuck[0]} of 10 end below a pay of 14, settled on "
    f"a button that is not the best; with the leave-one-out baseline {stuck[1]} of 10.",
)

# %% [markdown]
# With pays that are all positive, the plain surrogate makes *whatever was pressed* more likely, in proportion to its pay; by luck that can be a poor button, pressed again and again until it is a habit. Subtracting what is usual turns poor buttons into bad news. Both have the same expected gradient. The noise decides.
#
# ## 8 · What we left out
#
# - **Whole episodes:** a trajectory is a graph with hundreds of dice (lesson 02). **The best baseline**: lesson 03.
# - **Control variates** that mix paths and scores (REBAR, RELAX), and measure-valued derivatives: see Mohamed et al. below.
# - **Random directions instead of one knob after the other:** evolution strategies (lesson 13) make finite differences useful.
#
# ## Summary
#
# | estimator of $\nabla\mathbb E[f]$ | formula | needs | bias | noise |
# | --- | --- | --- | --- | --- |
# | score function | $f(x)\,\nabla\log p_\theta(x)$ | values of f | none | large, grows with dimensions |
# | leave one out | $(f(x_i)-\bar f_{j\ne i})\nabla\log p_\theta(x_i)$ | several samples | none | less |
# | pathwise | $\nabla_\theta f(\mu+\sigma\varepsilon)$ | slope of f, a continuous x | none (if f has no steps) | small |
# | Gumbel-softmax | $\nabla_\theta f(\text{softmax}((\theta+g)/\tau))$ | slope of f | grows with τ | grows as τ falls |
# | finite differences | $\frac{f(x_+)-f(x_-)}{2h}$, $x_\pm\sim p_{\theta\pm h}$ | two settings a parameter | grows with h² | grows with 1/h |
#
# - $\nabla p=p\,\nabla\log p$ turns a sum of gradients into an expectation; $\mathbb E[\nabla\log p]=0$.
# - A density that is stretched is thinned: $-\log(\text{high}-\text{low})$ for each dimension.
# - Every score is weighed with what lies downstream of its die.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 10 minutes
#
# A robot arm throws a ball; $x\in\mathbb R^7$ are its seven joint velocities, drawn from a Gaussian with mean μ(θ); the score is minus the distance to the basket, measured by a camera.
#
# 1. The camera's software is a black box. Which estimator do you use for $\nabla_\theta$, and what would you do first about its noise, without any further knowledge?
# 2. A colleague offers a differentiable simulator of the throw that is slightly wrong. What could you gain by using it, and what do you risk? Think of bias and variance.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-throw", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. The score function, since only values of f are there (½). First: a baseline, for instance leave-one-out over a batch of throws: the distances are all of one sign, so most of the noise comes from their common level (½). "More samples" alone: no half point.
# 2. Pathwise gradients through the simulator: far less variance (it knows which joint did what). Risk: bias, the gradient of the simulator's score instead of the real one, which more samples do not remove. Full marks for both sides; mentioning a mix (simulator for a baseline or control variate, real throws for unbiasedness) is welcome.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Williams (1992), *Simple statistical gradient-following algorithms for connectionist reinforcement learning*.
# - Mohamed, Rosca, Figurnov, Mnih (2020), *Monte Carlo gradient estimation in machine learning*: the whole map.
# - Schulman, Heess, Weber, Abbeel (2015), *Gradient estimation using stochastic computation graphs*.
# - Kool, van Hoof, Welling (2019), *Buy 4 REINFORCE samples, get a baseline for free!*
# - Jang, Gu, Poole (2017), and Maddison, Mnih, Teh (2017): Gumbel-softmax.
# - van Krieken, Tomczak, ten Teije (2021), *Storchastic: a framework for general stochastic automatic differentiation*.
# - [002]: the log-derivative; [003]: scores and the Gaussian policy; [004]: score function, pathwise, Gumbel-softmax.
