# %% [markdown]
# # How far may a step go?
#
# **Lesson 08 · Trust regions: natural gradient, TNPG, TRPO** · about three hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math
from dataclasses import replace
from itertools import islice

import torch
from torch.func import jacfwd, jacrev

import course_lib.algorithms.trust_region as shared
from course_lib import check, check_answer
from course_lib.algorithms import TNPGConfig
from course_lib.figures import (
    COLORS,
    describe_curves,
    learning_curve,
    new_figure,
    shades,
    show,
    show_agent,
    slider,
    train,
    use_style,
)
from course_lib.runs import RUNS, reference_band

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# You drive in fog. On the straight, slow pays 1 and fast pays 2; in a bend, slow pays 1 and fast costs 2. Who is fast on the straight gets into a bend more often: with probability 0.4 instead of 0.1. After a bend the road is straight again with probability 0.8.
# You cannot see which it is, so your policy is one number: the probability of driving fast. At present it is 0.05.

# %% nbgrader={"grade": false, "grade_id": "fog", "locked": true, "schema_version": 3, "solution": false}
P = torch.tensor([[[0.9, 0.1], [0.6, 0.4]], [[0.8, 0.2], [0.8, 0.2]]], dtype=torch.float64)
R = torch.tensor([[1.0, 2.0], [1.0, -2.0]], dtype=torch.float64)  # rows: straight, bend
p0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
GAMMA, NOW = 0.9, 0.05


def in_fog(fast):
    """(2, 2) the policy that drives fast with this probability, wherever it is."""
    fast = torch.as_tensor(fast, dtype=torch.float64)
    return torch.stack([1 - fast, fast]).expand(2, 2)


def visits(P, pi, gamma):
    """(S, S) discounted visits: row s counts where a drive from s will be, Σ γ^t Pr(s_t = s')."""
    chain = (pi.unsqueeze(-1) * P).sum(1)
    return torch.linalg.inv(torch.eye(len(P), dtype=P.dtype) - gamma * chain)


def J(fast):
    """The expected return, exactly."""
    pi = in_fog(fast)
    return p0 @ visits(P, pi, GAMMA) @ (pi * R).sum(-1)


# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
fasts = torch.linspace(0, 1, 101).double()
true = torch.stack([J(fast) for fast in fasts])
slope = jacrev(J)(torch.tensor(NOW).double())
promised = J(NOW) + slope * (fasts - NOW)
best, even = fasts[true.argmax()], fasts[true > J(NOW)].max()
figure, axes = new_figure(size=(7, 3.2))
axes.plot(fasts, promised, "--", color=COLORS["wrong"], label="what the gradient promises")
axes.plot(fasts, true, color=COLORS["exact"], label="what you get: J")
axes.plot(NOW, J(NOW), "o", color=COLORS["exact"], markersize=8)
axes.set(xlabel="probability of driving fast", ylabel="expected return")
axes.set_title("The gradient is right, and no step length is safe by itself")
axes.legend()
show(
    figure,
    alt=f"J rises from {J(NOW):.2f} at 0.05 to {true.max():.2f} at {best:.2f}, is back where it started at {even:.2f} "
    f"and falls to {true[-1]:.2f} at 1. The straight line of the gradient rises to {promised[-1]:.2f}.",
)

# %% [markdown]
# The gradient at 0.05 is exact. It says *faster*, and that is right, for a while. Beyond 0.61 you are worse off than before, and at 1 you have lost a quarter, where the straight line had promised to add almost a half.
# Why: the line takes it for granted that the road stays as it is. But who drives fast gets into other places. In lesson 05, some A2C runs fell back after they had solved the task. No rollout tells how far to go; this lesson does.
#
# - **You will** prove how much a new policy gains, bound what a step can spoil, measure steps in nats instead of in parameters, and build NPG, TNPG, TRPO and its Lagrangian variant.
# - **You need** advantages (lesson 05), visits (lesson 00), scores (lesson 01). *Predict* boxes ask for an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | visits | $d^\pi$ sums to 1 in [001] | $d^\pi(s)=\sum_t\gamma^t\Pr(s_t=s)$ sums to $1/(1-\gamma)$, as in [000] |
# | surrogate | $\bar A_\theta(\theta')$ | $L$, `surrogate_objective` |
# | new and old policy | $\pi'$ and $\pi$; $\pi_{\theta'}$ and $\pi_\theta$ | `log_prob`, `old_log_prob` |
# | trust region | $D_{KL}(\pi_{\theta'}\Vert\pi_\theta)\le\epsilon$ in [001] | $\overline{\mathrm{KL}}(\pi_\text{old}\Vert\pi)\le\varepsilon$, as in Schulman et al. (2015), the mean over visited states; `max_kl` |
# | size of a step in [001]'s bound | $\lvert\pi'-\pi\rvert\le\epsilon$ | total variation, $\tfrac12\sum_a\lvert\pi'-\pi\rvert\le\alpha$ |
#
# [000] Preechakul, [001] Advanced policy optimization, [004] van Krieken.
# </details>
#
# ## 1 · What a new policy gains
#
# Let π be the policy that acts now, π' another one. Judge every action of π' by the *old* advantage $A^\pi(s,a)=\mathbb E[r+\gamma V^\pi(s')]-V^\pi(s)$, and add up [001, "Policy relative performance"]:
#
# $$\mathbb E_{\tau\sim\pi'}\Big[\sum_t\gamma^tA^\pi(s_t,a_t)\Big]=\underbrace{\mathbb E_{\tau\sim\pi'}\Big[\sum_t\gamma^tr_{t+1}\Big]}_{J(\pi')}+\mathbb E_{\tau\sim\pi'}\Big[\underbrace{\sum_t\big(\gamma^{t+1}V^\pi(s_{t+1})-\gamma^tV^\pi(s_t)\big)}_{\text{all cancel but }-V^\pi(s_0)}\Big]$$
#
# The first state does not depend on the policy, so $\mathbb E[V^\pi(s_0)]=J(\pi)$, and
#
# $$J(\pi')-J(\pi)=\sum_sd^{\pi'}(s)\sum_a\pi'(a\mid s)\,A^\pi(s,a).$$
#
# No approximation so far (Kakade and Langford 2002).
#
# ### Exercise 1 · `performance_difference`
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# Compute both sides. `visits(P, pi, gamma)` above is $(I-\gamma P_\pi)^{-1}$: times rewards it gives values, and $p_0$ times it gives $d^\pi$.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Whose values, whose visits, whose actions? One policy judges, the other one drives.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $V^\pi=(I-\gamma P_\pi)^{-1}R_\pi$ with $R_\pi(s)=\sum_a\pi(a\mid s)R(s,a)$; $A=R+\gamma PV-V$; $d^{\pi'}=p_0(I-\gamma P_{\pi'})^{-1}$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `value = old @ (pi_old * R).sum(-1)`, `advantage = R + gamma * P @ value - value.unsqueeze(-1)`; the second number is `p0 @ new @ (pi_new * advantage).sum(-1)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The second number is 0:* you average the advantages with the policy that they belong to. *It is nearly right:* the visits are the old policy's.
# </details>


# %% nbgrader={"grade": false, "grade_id": "performance-difference", "locked": false, "schema_version": 3, "solution": true}
def performance_difference(P, R, pi_new, pi_old, p0, gamma):
    """J(π') − J(π), and Σ d^π' Σ π' A^π. (S, K, S), (S, K), (S, K), (S, K), (S,) -> two scalars."""
    ### BEGIN SOLUTION
    old, new = visits(P, pi_old, gamma), visits(P, pi_new, gamma)
    value = old @ (pi_old * R).sum(-1)
    advantage = R + gamma * P @ value - value.unsqueeze(-1)
    difference = p0 @ new @ (pi_new * R).sum(-1) - p0 @ value
    return difference, p0 @ new @ (pi_new * advantage).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-performance-difference", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(performance_difference)
### BEGIN HIDDEN TESTS
check(performance_difference, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Both sides, for three drivers:

# %% tags=["raises-exception"]
for fast in (0.25, 0.5, 1.0):
    gain, by_advantage = performance_difference(P, R, in_fog(fast), in_fog(NOW), p0, GAMMA)
    print(f"fast {fast:4}:   J(π') − J(π) {gain:8.5f}   by old advantages {by_advantage:8.5f}")

# %% [markdown]
# ## 2 · The surrogate: the old states will do
#
# To climb the right-hand side you would need $d^{\pi'}$: rollouts of every policy you consider. What you have are states of π. [001] asks: *what about* taking those?
#
# $$L(\pi')=\sum_sd^{\pi}(s)\sum_a\pi'(a\mid s)A^\pi(s,a)=\sum_sd^\pi(s)\sum_a\pi(a\mid s)\,\underbrace{\frac{\pi'(a\mid s)}{\pi(a\mid s)}}_{\rho}A^\pi(s,a)$$
#
# The second form is a mean over old data: $L(\theta)=\text{mean}(\rho A)$, to be *maximised*.
#
# ### Exercise 2 · `surrogate_objective`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# You are given logarithms. Which operation turns their difference into a ratio?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\rho=\exp(\log\pi_\theta-\log\pi_\text{old})$; A is a constant: detach it. No minus.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `((log_prob - old_log_prob).exp() * advantage.detach()).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "surrogate-objective", "locked": false, "schema_version": 3, "solution": true}
def surrogate_objective(log_prob, old_log_prob, advantage):
    """mean(ρ A), to be maximised. All (B,) -> (); only `log_prob` needs a gradient."""
    ### BEGIN SOLUTION
    ratio = (log_prob - old_log_prob.detach()).exp()
    return (ratio * advantage.detach()).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-surrogate-objective", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(surrogate_objective)
### BEGIN HIDDEN TESTS
check(surrogate_objective, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# There are four pairs of state and action in the fog. As a batch of four, each weighed by how often π is there, the mean becomes the exact L.
#
# **Predict:** how does the slope of L at 0.05 compare with that of J? And what does L promise for 1.0, where J falls by a quarter?

# %% tags=["raises-exception"]
value = visits(P, in_fog(NOW), GAMMA) @ (in_fog(NOW) * R).sum(-1)
advantage = R + GAMMA * P @ value - value.unsqueeze(-1)
d_old = p0 @ visits(P, in_fog(NOW), GAMMA)
share = 4 * d_old.unsqueeze(-1) * in_fog(NOW)  # a mean of four, so four times the weights


def L(fast):
    """The surrogate of a policy that drives fast with this probability."""
    logs = in_fog(fast).log().flatten(), in_fog(NOW).log().flatten()
    return surrogate_objective(*logs, (share * advantage).flatten())


print(f"slope at 0.05:  J {slope:.6f}   L {jacrev(L)(torch.tensor(NOW).double()):.6f}")
print(f"gain at 1.0:    J {J(1.0) - J(NOW):.4f}    L {L(1.0):.4f}")

# %% [markdown]
# The same slope, to the last digit: in the derivative of $\sum_sd^{\pi'}(s)\sum_a\pi'A^\pi$ the change of the visits is multiplied by $\sum_a\pi A^\pi=0$. And L is *linear* in π', so it is the straight line of the first picture. Policy gradients climb L, whether they say so or not.
#
# ### Think · 1 point
#
# What is true of $J(\pi)+L(\pi')$, seen as an estimate of $J(\pi')$?
#
# - **a.** Near π the two are equal.
# - **b.** At π both value and slope are right; the curvature is not.
# - **c.** It ignores how the visits change, so even its slope at π is only nearly right.
# - **d.** It is a lower bound of $J(\pi')$, so climbing it is safe.


# %% nbgrader={"grade": false, "grade_id": "answer-surrogate-at-home", "locked": false, "schema_version": 3, "solution": true}
def answer_surrogate_at_home():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-surrogate-at-home", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_surrogate_at_home)

# %% [markdown]
# ## 3 · How much can a small step spoil?
#
# Small in which sense? Take the largest difference in probability that two policies give to any set of actions, the *total variation*: $\mathrm{TV}(p,q)=\tfrac12\sum_a\lvert p_a-q_a\rvert$. The ½ is there because what one action loses, others win.
#
# ### Exercise 3 · `total_variation`
#
# 1 point · 3 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two policies that share no action: how far apart should they be?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\tfrac12\sum_a\lvert p_a-q_a\rvert$, a number for each state. It lies between 0 and 1.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.abs().sum(-1)`, and the half.
# </details>


# %% nbgrader={"grade": false, "grade_id": "total-variation", "locked": false, "schema_version": 3, "solution": true}
def total_variation(p, q):
    """½ Σ |p − q| of probabilities. (B, K), (B, K) -> (B,)."""
    ### BEGIN SOLUTION
    return (p - q).abs().sum(-1) / 2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-total-variation", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(total_variation)
### BEGIN HIDDEN TESTS
check(total_variation, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Let α be the largest total variation in any state. Three steps lead from it to what a step can spoil:
#
# 1. **The visits.** With $M_\pi=(I-\gamma P_\pi)^{-1}$, multiply $M_{\pi'}-M_\pi=\gamma M_\pi(P_{\pi'}-P_\pi)M_{\pi'}$ by both inverses to see that it holds. A row of $P_{\pi'}-P_\pi$ adds up to at most 2α in absolute values, and each M has rows that sum to $1/(1-\gamma)$. So $\;\lVert d^{\pi'}-d^\pi\rVert_1\le\dfrac{2\gamma\alpha}{(1-\gamma)^2}$.
# 2. **The advantage of what π' does.** $\sum_a\pi'A^\pi=\sum_a(\pi'-\pi)A^\pi$, at most $2\alpha\max\lvert A\rvert$ in any state.
# 3. **Together.** $J(\pi')-J(\pi)-L(\pi')=\sum_s(d^{\pi'}-d^\pi)(s)\sum_a\pi'A^\pi$, therefore
#
# $$\big\lvert J(\pi')-J(\pi)-L(\pi')\big\rvert\;\le\;\frac{4\gamma\max\lvert A\rvert}{(1-\gamma)^2}\,\alpha^2.$$
#
# This is theorem 1 of Schulman et al. (2015). [001] writes it without discount for T steps: mismatch $2\epsilon T$, loss $2\epsilon T^2$, with ε in the role of α. Here are the three steps in numbers, and how tight they are:


# %% nbgrader={"grade": false, "grade_id": "bounds", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def mismatch(fast):
    """α; then what is true and what is promised, for the visits, the advantage and the gain."""
    new, old = in_fog(fast), in_fog(NOW)
    alpha = total_variation(new, old).max()
    apart = (p0 @ (visits(P, new, GAMMA) - visits(P, old, GAMMA))).abs().sum()
    most, doing = advantage.abs().max(), (new * advantage).sum(-1).abs().max()
    gap = (J(fast) - J(NOW) - L(fast)).abs()
    limits = [2 * GAMMA * alpha / (1 - GAMMA) ** 2, 2 * alpha * most]
    return torch.stack([alpha, apart, limits[0], doing, limits[1], gap, limits[0] * limits[1]])


for fast in (0.1, 0.25, 0.5):
    alpha, *pairs = mismatch(fast).tolist()
    text = ["{:.3g} ≤ {:.3g}".format(*pairs[i : i + 2]) for i in (0, 2, 4)]
    print(f"α = {alpha:.2f}   visits {text[0]:14}   advantage {text[1]:14}   gap {text[2]}")

# %% nbgrader={"grade": false, "grade_id": "bound-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
steps = torch.logspace(-2.5, -0.05, 30).double()
table = torch.stack([mismatch(NOW + step) for step in steps]).T
figure, axes = new_figure(size=(7, 3.2))
axes.loglog(table[0], table[6], "--", color=COLORS["wrong"], label="bound, 4γ max|A| α² / (1 − γ)²")
axes.loglog(
    table[0], table[1] * table[3], ":", color=COLORS["a2c"], label="true mismatch × true advantage"
)
axes.loglog(table[0], table[5], color=COLORS["exact"], label="true gap, |J(π') − J(π) − L(π')|")
axes.set(xlabel="α, the largest total variation", ylabel="return")
looseness = (table[6] / table[5]).median()
axes.set_title(f"The same power of α, and about {looseness:.0f} times too careful")
axes.legend()
show(
    figure,
    alt="Three straight lines of slope 2 in logarithmic axes, against α from 0.003 to 0.9: the true gap "
    f"lowest, then the product of true mismatch and true advantage, and the bound, about {looseness:.0f} times the gap.",
)

# %% [markdown]
# What a step promises grows with α, what it may spoil with α². So short enough steps always win, and one can even say how short. In the fog:

# %% tags=["raises-exception"]
bound = 4 * GAMMA * advantage.abs().max() / (1 - GAMMA) ** 2
safe = slope / bound  # L = slope · α, and slope · α − bound · α² > 0 up to here
print(f"guaranteed to gain: up to α = {safe:.4f};   really gains: up to α = {even - NOW:.2f}")

# %% [markdown]
# The guarantee is honest and useless: a hundred times too short. So everybody keeps its form, *climb L, keep π' near π*, and chooses the size of the region by experience.
#
# ### From total variation to nats
#
# A maximum over states cannot be estimated from samples, and an absolute value has a kink where you start. The *KL divergence* has neither fault. It is the mean logarithm of the ratio, in nats:
#
# $$\mathrm{KL}(p\Vert q)=\sum_ap_a(\log p_a-\log q_a)\ge0,\qquad\text{and Pinsker:}\quad\mathrm{TV}(p,q)\le\sqrt{\tfrac12\mathrm{KL}(p\Vert q)}.$$
#
# ### Exercise 4 · `categorical_kl`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Who averages? The policy that is named first.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log p$ and $\log q$ by `log_softmax`, then $\sum_a p_a(\log p_a-\log q_a)$. Both may need a gradient: detach nothing.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(log_p.exp() * (log_p - log_q)).sum(-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "categorical-kl", "locked": false, "schema_version": 3, "solution": true}
def categorical_kl(logits_p, logits_q):
    """KL(p‖q) of softmax policies. (B, K), (B, K) -> (B,), both with a gradient."""
    ### BEGIN SOLUTION
    log_p, log_q = logits_p.log_softmax(-1), logits_q.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-categorical-kl", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(categorical_kl)
### BEGIN HIDDEN TESTS
check(categorical_kl, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Pinsker on 2,000 random pairs of policies with four actions, half of them close to each other:

# %% nbgrader={"grade": false, "grade_id": "pinsker", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
logits_p, noise = torch.randn(2, 2000, 4, generator=generator, dtype=torch.float64)
logits_q = logits_p + noise * torch.logspace(-2, 0.6, 2000).double().unsqueeze(1)
kl, tv = (
    categorical_kl(logits_p, logits_q),
    total_variation(logits_p.softmax(-1), logits_q.softmax(-1)),
)
figure, axes = new_figure(size=(7, 3.2))
axes.loglog(kl, tv, ".", color=COLORS["trpo"], markersize=3, alpha=0.5, label="pairs of policies")
nats = torch.logspace(-6, 1, 100)
axes.loglog(nats, (nats / 2).sqrt(), color=COLORS["exact"], label="Pinsker: √(KL / 2)")
axes.axvline(0.02, color=COLORS["reference"], linestyle="--")
axes.text(0.022, 2e-3, "0.02 nats: TV ≤ 0.1", color=COLORS["reference"])
axes.set(xlabel="KL(p‖q) in nats", ylabel="total variation", ylim=(5e-4, 3), xlim=(1e-6, 10))
ratio = (tv / (kl / 2).sqrt()).max()
axes.set_title("No pair lies above the line, and many lie close below it")
axes.legend(loc="upper left")
show(
    figure,
    alt="2,000 pairs in logarithmic axes: total variation against KL divergence. All lie below the line "
    f"√(KL/2), the closest at {ratio:.3f} of it, over six powers of ten. At 0.02 nats the line is at 0.1.",
)

# %% [markdown]
# So 0.02 nats, a usual limit, mean that no event's probability changes by more than 0.1. ([001] prints Pinsker's inequality for $\lvert\pi'-\pi\rvert$; with the ½ of the total variation it is right.) For Gaussian policies, with $\sigma$ by dimension d:
#
# $$\mathrm{KL}(p\Vert q)=\sum_d\Big[\log\frac{\sigma_q}{\sigma_p}+\frac{\sigma_p^2+(\mu_p-\mu_q)^2}{2\sigma_q^2}-\frac12\Big]$$
#
# ### Exercise 5 · `gaussian_kl`
#
# 1 point · 8 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# You are given $\log\sigma$. Which quantities need an exponential, and of what?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\sigma^2=\exp(2\log\sigma)$; the logarithm of the quotient is `log_std_q - log_std_p`. The −½ belongs to every dimension.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `distance = (2 * log_std_p).exp() + (mean_p - mean_q).square()`, divided by `2 * (2 * log_std_q).exp()`; then `.sum(-1)` over all three terms.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-kl", "locked": false, "schema_version": 3, "solution": true}
def gaussian_kl(mean_p, log_std_p, mean_q, log_std_q):
    """KL(p‖q), summed over dimensions. Means (B, D), log_std (B, D) or (D,) -> (B,)."""
    ### BEGIN SOLUTION
    distance = (2 * log_std_p).exp() + (mean_p - mean_q).square()
    each = log_std_q - log_std_p + distance / (2 * (2 * log_std_q).exp()) - 0.5
    return each.sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-kl", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_kl)
### BEGIN HIDDEN TESTS
check(gaussian_kl, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Predict:** move a Gaussian's mean by 0.1. How many nats is that, with σ = 1, and with σ = 0.01?

# %% tags=["raises-exception"]
for std in (1.0, 0.1, 0.01):
    here, there = torch.zeros(1, 1), torch.full((1, 1), 0.1)
    log_std = torch.tensor([std]).log()
    print(f"σ = {std:4}:  {gaussian_kl(here, log_std, there, log_std).item():.3f} nats")

# %% [markdown]
# The same step in the parameter, and ten thousand times the distance. A learning rate that is right for a beginner with σ = 1 tears an expert with σ = 0.01 apart.
#
# ## 4 · The natural gradient
#
# Near a policy, its divergence from itself is a bowl. For $f(\delta)=\mathrm{KL}(\pi_\theta\Vert\pi_{\theta+\delta})$, value and slope are 0 at δ = 0, and the curvature is the *Fisher matrix*: with the score $g=\nabla\log\pi_\theta(a\mid s)$,
#
# $$\mathrm{KL}(\pi_\theta\Vert\pi_{\theta+\delta})\approx\tfrac12\,\delta^\top F\,\delta,\qquad F=\mathbb E\big[g\,g^\top\big]$$
#
# <details><summary>Why, step by step</summary>
#
# 1. $f(\delta)=\sum_a\pi_\theta\log\pi_\theta-\sum_a\pi_\theta\log\pi_{\theta+\delta}$. Only the second sum depends on δ.
# 2. Slope at 0: $-\sum_a\pi\,\nabla\log\pi=-\sum_a\nabla\pi=-\nabla1=0$.
# 3. Curvature at 0: $-\sum_a\pi\,\nabla^2\log\pi$.
# 4. $\nabla^2\log\pi=\nabla\big(\tfrac{\nabla\pi}{\pi}\big)=\tfrac{\nabla^2\pi}{\pi}-\tfrac{\nabla\pi\,\nabla\pi^\top}{\pi^2}=\tfrac{\nabla^2\pi}{\pi}-g\,g^\top$.
# 5. The first part vanishes in the mean, $\sum_a\nabla^2\pi=0$. What remains is $+\mathbb E[g\,g^\top]$.
# </details>
#
# ### Exercise 6 · `fisher_matrix`
#
# 1 point · 3 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# One score a row. You want parameters against parameters, (D, D), averaged over rows.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\frac1n\sum_ig_ig_i^\top$ is one matrix product.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `score.T @ score`, divided by the number of rows.
# </details>


# %% nbgrader={"grade": false, "grade_id": "fisher-matrix", "locked": false, "schema_version": 3, "solution": true}
def fisher_matrix(score):
    """Mean outer product of the scores. (n, D) -> (D, D)."""
    ### BEGIN SOLUTION
    return score.T @ score / len(score)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-fisher-matrix", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(fisher_matrix)
### BEGIN HIDDEN TESTS
check(fisher_matrix, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now the best step within ε nats: maximise $g^\top\delta$ (from here on g is the gradient of L) subject to $\tfrac12\delta^\top F\delta\le\varepsilon$. Setting the derivative of $g^\top\delta-\lambda(\tfrac12\delta^\top F\delta-\varepsilon)$ to 0 gives $\delta=\tfrac1\lambda F^{-1}g$: the direction is
#
# $$x=F^{-1}g,$$
#
# the *natural gradient* (Amari 1998; Kakade 2001). Its length α follows from the limit: $\tfrac12\alpha^2x^\top Fx=\varepsilon$.
#
# ### Spot the slip · 1 point
#
# [001] prints, for $\theta'=\theta+\alpha F^{-1}\nabla J$, the step size $\alpha=\sqrt{\dfrac{2\epsilon}{\nabla J^\top F\,\nabla J}}$. What should it say?
#
# - **a.** $\sqrt{\epsilon/(\nabla J^\top F\,\nabla J)}$
# - **b.** $2\epsilon/(\nabla J^\top F^{-1}\nabla J)$
# - **c.** $\sqrt{2\epsilon/(\nabla J^\top F^{-1}\nabla J)}$
# - **d.** Nothing else: F is symmetric.


# %% nbgrader={"grade": false, "grade_id": "answer-natural-step-size", "locked": false, "schema_version": 3, "solution": true}
def answer_natural_step_size():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-natural-step-size", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_natural_step_size)

# %% [markdown]
# ### Exercise 7 · `natural_step`
#
# 1 point · 8 minutes · difficulty ●●○ medium
#
# With $Fx=g$, $x^\top Fx=g^\top x$: no matrix is needed any more. If x was computed approximately, $g^\top x$ may turn out ≤ 0; then x leads nowhere up, and the step is zero.
#
# <details><summary>Hint 1: what to think of</summary>
#
# One number, $g^\top x$, decides over both: whether to go, and how far.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $x\sqrt{2\varepsilon/(g^\top x)}$ if $g^\top x>0$, else zeros like x.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `slope = gradient @ direction`, and `torch.zeros_like(direction)` for `slope <= 0`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "natural-step", "locked": false, "schema_version": 3, "solution": true}
def natural_step(gradient, direction, max_kl):
    """x √(2ε / gᵀx), zeros if gᵀx ≤ 0. (D,), (D,), float -> (D,)."""
    ### BEGIN SOLUTION
    slope = gradient @ direction
    if slope <= 0:
        return torch.zeros_like(direction)
    return direction * (2 * max_kl / slope).sqrt()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-natural-step", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(natural_step)
### BEGIN HIDDEN TESTS
check(natural_step, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### One policy, four parameterisations
#
# A Gaussian policy with μ = 1.5, σ = 0.4 is paid $-a^2$ for its action a, so $J=-\mu^2-\sigma^2$. Write the same policy with four different θ: both gradients, turned back into directions in the plane of μ and σ, each of length 1. The Fisher matrix comes from the scores of the same 100,000 actions.
#
# **Predict:** for which of the two do all four rows agree?

# %% nbgrader={"grade": false, "grade_id": "charts", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
CHARTS = {  # θ → (μ, log σ), and the θ of the policy
    "μ, log σ": (lambda t: (t[0], t[1]), [1.5, math.log(0.4)]),
    "μ, σ": (lambda t: (t[0], t[1].log()), [1.5, 0.4]),
    "10 μ, log σ": (lambda t: (t[0] / 10, t[1]), [15.0, math.log(0.4)]),
    "μ/σ², −1/2σ²": (lambda t: (-t[0] / t[1] / 2, -(-2 * t[1]).log() / 2), [9.375, -3.125]),
}
actions = 1.5 + 0.4 * torch.randn(100_000, generator=torch.Generator().manual_seed(0)).double()


def in_chart(chart, theta):
    """Gradient of J (2,), Fisher matrix (2, 2), and how θ moves μ and σ (2, 2)."""
    gradient = jacrev(lambda t: -(chart(t)[0] ** 2) - (2 * chart(t)[1]).exp())(theta)
    density = torch.distributions.Normal
    score = jacfwd(lambda t: density(chart(t)[0], chart(t)[1].exp()).log_prob(actions))(theta)
    back = jacrev(lambda t: torch.stack([chart(t)[0], chart(t)[1].exp()]))(theta)
    return gradient, fisher_matrix(score), back


for name, (chart, theta) in CHARTS.items():
    g, F, back = in_chart(chart, torch.tensor(theta, dtype=torch.float64))
    ways = [back @ one for one in (g, torch.linalg.solve(F, g))]
    ordinary, natural = [(one / one.norm()).numpy().round(4) for one in ways]
    print(f"{name:13} ordinary {ordinary}   natural {natural}")

# %% [markdown]
# The ordinary gradient's direction is a fact about how you wrote the policy down. The natural gradient's is a fact about the policy. If $\theta=\phi(\eta)$ with Jacobian $B$, then $g_\eta=B^\top g$ and $F_\eta=B^\top FB$, so $B\,F_\eta^{-1}g_\eta=F^{-1}g$. And how far do the slide's step and yours go, if both are meant to go 0.02 nats?

# %% tags=["raises-exception"]
for name, (chart, theta) in CHARTS.items():
    theta = torch.tensor(theta, dtype=torch.float64)
    g, F, _ = in_chart(chart, theta)
    x, nats = torch.linalg.solve(F, g), []
    for step in (x * (0.04 / (g @ F @ g)).sqrt(), natural_step(g, x, 0.02)):
        old, new = chart(theta), chart(theta + step)
        nats.append(gaussian_kl(*[one.reshape(1, 1) for one in (*old, *new)]).item())
    print(f"{name:13} as printed {nats[0]:10.5f} nats   natural_step {nats[1]:.5f} nats")

# %% [markdown]
# The printed size gives another distance in each row. Yours is 0.02 but for what the parabola neglects. Now walk: steps of 0.005 nats along both, from four policies, while you change the unit in which the mean is stored. (A path ends where σ < 0.1 or μ has reached 0.)


# %% nbgrader={"grade": false, "grade_id": "walks", "locked": true, "schema_version": 3, "solution": false}
def walk(start, unit, natural):
    """(T, 2) path in the plane of μ and σ, in steps of 0.005 nats; θ = (μ / unit, log σ)."""
    mu, log_std = start[0], math.log(start[1])
    path = [start]
    while math.exp(log_std) > 0.1 and mu * start[0] > 0 and len(path) < 300:
        std = math.exp(log_std)
        g = torch.tensor([-2 * mu * unit, -2 * std**2])
        F = torch.tensor([(unit / std) ** 2, 2.0])
        direction = g / F if natural else g
        step = direction * (0.01 / (direction * F * direction).sum()).sqrt()
        mu, log_std = mu + unit * step[0].item(), log_std + step[1].item()
        path.append((mu, math.exp(log_std)))
    return torch.tensor(path)


def draw_walks(axes, unit):
    """Ordinary and natural steps from four policies."""
    for start in [(-1.8, 1.0), (-0.8, 1.1), (0.7, 1.1), (1.8, 0.7)]:
        for natural, color, style in [(False, "wrong", "--"), (True, "trpo", "-")]:
            path = walk(start, unit, natural)
            axes.plot(*path.T, style, color=COLORS[color], linewidth=1.8)
        axes.plot(*start, "o", color=COLORS["exact"], markersize=5)
    axes.set(xlabel="μ", ylabel="σ", xlim=(-2.1, 2.1), ylim=(0, 1.25))


# %% nbgrader={"grade": false, "grade_id": "walks-figure", "locked": true, "schema_version": 3, "solution": false}
slider(
    draw_walks, unit=[0.1, 0.2, 0.5, 1, 2, 5],
    static=[{"unit": unit} for unit in (0.1, 0.5, 1, 5)], labels={"unit": "unit of μ"},
    title="Dashed, the ordinary gradient: another way with every unit. Solid, the natural one",
    alt="Four panels, units 0.1, 0.5, 1 and 5. The natural gradient's four paths bend to μ = 0, σ = 0 "
    "in the same curves in all panels. With a small unit the ordinary gradient's paths go down first, "
    "σ shrinks and μ hardly moves; with a large one they run level to μ = 0.",
)  # fmt: skip

# %% [markdown]
# ### Think · 1 point
#
# You store a policy's weights as η with θ = 2η. Learning rate and `max_kl` stay as they are. How do the steps change, measured in θ?
#
# - **a.** Neither does: it is the same policy.
# - **b.** Both are four times as long.
# - **c.** The ordinary one is twice as long, the natural one as before.
# - **d.** The ordinary one is four times as long, the natural one as before.


# %% nbgrader={"grade": false, "grade_id": "answer-half-the-units", "locked": false, "schema_version": 3, "solution": true}
def answer_half_the_units():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-half-the-units", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_half_the_units)

# %% [markdown]
# ## 5 · A matrix that nobody writes down
#
# A policy with two hidden layers of 64 has 4,610 parameters, and its Fisher matrix 21 million entries. NPG forms and solves it for small networks. TNPG, the *truncated* variant, never does: products $Fv$ are enough. Since F is the Hessian of the mean KL divergence where the two policies agree,
#
# $$Fv=\nabla\big(\nabla\overline{\mathrm{KL}}\cdot v\big),$$
#
# two passes of autograd (Pearlmutter 1994). Sampled matrices are nearly singular, so a little *damping* is added to the diagonal: $(F+\text{damping}\cdot I)\,v$.
#
# ### Exercise 8 · `fisher_vector_product`
#
# 3 points · 20 minutes · difficulty ●●● hard
#
# `kl` is a scalar that was computed already; you get it with its graph. `parameters` is a sequence of tensors, `vector` is flat.
#
# <details><summary>Hint 1: what to think of</summary>
#
# What must the first derivative carry, so that you can differentiate it again? And conjugate gradient will call you ten times with the same `kl`.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `torch.autograd.grad(kl, parameters, create_graph=True)`, joined into one vector; its inner product with v; the gradient of that, with `retain_graph=True`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `flat = torch.cat([one.reshape(-1) for one in slopes])`, then `torch.autograd.grad(flat @ vector, parameters, retain_graph=True)`, joined the same way, `+ damping * vector`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *`Trying to backward through the graph a second time`:* the second call has no `retain_graph=True`. *`does not require grad`:* the first has no `create_graph=True`. *The result is damping · v:* look for a `detach()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "fisher-vector-product", "locked": false, "schema_version": 3, "solution": true}
def fisher_vector_product(kl, parameters, vector, damping):
    """(∇²kl + damping · I) v. (), a sequence of tensors with D entries, (D,), float -> (D,)."""
    ### BEGIN SOLUTION
    parameters = list(parameters)
    slopes = torch.autograd.grad(kl, parameters, create_graph=True)
    along = torch.cat([one.reshape(-1) for one in slopes]) @ vector
    products = torch.autograd.grad(along, parameters, retain_graph=True)
    return torch.cat([one.reshape(-1) for one in products]) + damping * vector
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-fisher-vector-product", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(fisher_vector_product)
### BEGIN HIDDEN TESTS
check(fisher_vector_product, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Three ways to one matrix, on a small policy with five states, three actions and nine parameters: outer products of all scores, each weighed with its probability (by its root, since scores are multiplied in pairs); the Hessian of the KL divergence; nine of your products.

# %% nbgrader={"grade": false, "grade_id": "three-fishers", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
generator = torch.Generator().manual_seed(1)
obs = torch.randn(5, 2, generator=generator, dtype=torch.float64)
theta = torch.randn(9, generator=generator, dtype=torch.float64, requires_grad=True)


def logits_of(theta):
    """(5, 3) logits of a linear policy, of weights (3, 2) and biases (3,) in one vector."""
    return obs @ theta[:6].reshape(3, 2).T + theta[6:]


home = logits_of(theta).detach()
scores = jacrev(lambda t: logits_of(t).log_softmax(-1).flatten())(theta.detach())  # (15, 9)
probability = home.softmax(-1).flatten() / 5  # of each state and action
by_scores = fisher_matrix(scores * (15 * probability).sqrt().unsqueeze(1))
by_hessian = torch.autograd.functional.hessian(
    lambda t: categorical_kl(home, logits_of(t)).mean(), theta.detach()
)
kl = categorical_kl(home, logits_of(theta)).mean()
unit_vectors = torch.eye(9, dtype=torch.float64)
by_products = torch.stack([fisher_vector_product(kl, [theta], one, 0.0) for one in unit_vectors])
print("first row:", by_scores[0, :5].numpy().round(4), "…")
print(f"scores − Hessian: {(by_scores - by_hessian).abs().max():.0e}")
print(f"scores − products: {(by_scores - by_products).abs().max():.0e}")

# %% [markdown]
# ### Solving with products alone
#
# *Conjugate gradient* solves $Ax=b$ for a symmetric positive definite A (Hestenes and Stiefel 1952). It minimises $\tfrac12x^\top Ax-b^\top x$ along directions p that do not disturb each other, $p_i^\top Ap_j=0$: whatever was gained along one stays gained.
#
# $$\alpha=\frac{r^\top r}{p^\top Ap},\quad x\leftarrow x+\alpha p,\quad r'=r-\alpha Ap,\quad\beta=\frac{r'^\top r'}{r^\top r},\quad p\leftarrow r'+\beta p$$
#
# from $x=0$, $r=p=b$. The residual $r=b-Ax$ is what is still unexplained.
#
# ### Exercise 9 · `conjugate_gradient`
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# Stop when $r^\top r$ is below `tolerance`, also before the first step.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Each step needs one product with A. Which of the five quantities have to be kept from step to step?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Keep x, r, p and $r^\top r$. Look at $r^\top r$ at the head of the loop.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `image = matvec(direction)`, `length = squared / (direction @ image)`; make new tensors (`x = x + …`), or `b` changes with r.
# </details>
# <details><summary>Help by symptom</summary>
#
# *NaN for b = 0:* the tolerance is looked at too late. *`b` was changed in place:* `r = b` and then `r -= …` writes into b.
# </details>


# %% nbgrader={"grade": false, "grade_id": "conjugate-gradient", "locked": false, "schema_version": 3, "solution": true}
def conjugate_gradient(matvec, b, iterations, tolerance):
    """x with A x ≈ b, from 0, by products `matvec(v)` = A v. (D,) -> (D,)."""
    ### BEGIN SOLUTION
    x, residual, direction, squared = torch.zeros_like(b), b, b, b @ b
    for _ in range(iterations):
        if squared < tolerance:
            break
        image = matvec(direction)
        length = squared / (direction @ image)
        x, residual = x + length * direction, residual - length * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-conjugate-gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(conjugate_gradient)
### BEGIN HIDDEN TESTS
check(conjugate_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How many steps does it take? That depends on the *condition number* κ, the largest eigenvalue divided by the smallest. Eight unknowns, four matrices.
#
# **Predict:** after how many steps is the solution exact, whatever κ is?


# %% nbgrader={"grade": false, "grade_id": "convergence", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def errors(condition, size=8, steps=10):
    """√(eᵀAe) of the error e after each number of steps, relative to the start."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
    scales = torch.logspace(0, math.log10(condition), size, dtype=torch.float64)
    A = basis @ torch.diag(scales) @ basis.T
    b = A @ torch.randn(size, generator=generator, dtype=torch.float64)
    exact = torch.linalg.solve(A, b)
    wrong = [exact - conjugate_gradient(lambda v: A @ v, b, i, 1e-24) for i in range(steps + 1)]
    sizes = torch.stack([(one @ A @ one).sqrt() for one in wrong])
    return sizes / sizes[0]


figure, axes = new_figure(size=(7, 3.2))
for condition, color in zip((2, 10, 100, 1000), shades(4), strict=True):
    axes.semilogy(errors(condition), color=color, marker=".", label=f"κ = {condition}")
axes.axvline(8, color=COLORS["reference"], linestyle="--")
axes.text(8.1, 0.1, "D = 8", color=COLORS["reference"])
axes.set(xlabel="steps of conjugate gradient", ylabel="relative error", ylim=(1e-16, 5))
axes.set_title("Well conditioned: a few steps are enough. In any case: D steps")
axes.legend(loc="lower left")
show(
    figure,
    alt="Relative error against steps, logarithmic. After four steps it is "
    f"{errors(2)[4]:.0e} for κ = 2, {errors(10)[4]:.0e} for 10, {errors(100)[4]:.0e} for 100, {errors(1000)[4]:.0e} for 1000. "
    f"At 8 steps, the number of unknowns, all four fall off a cliff, to {errors(1000)[8]:.0e} at most.",
)

# %% [markdown]
# For κ = 1000 the drop stops at $10^{-6}$: rounding has made the directions a little less conjugate. With thousands of parameters nobody waits for D steps; TNPG and TRPO take ten. Is that enough? Here is one update of TNPG with your functions, in full, and ten of them on CartPole:


# %% nbgrader={"grade": false, "grade_id": "tnpg-update", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
seen = []


def tnpg_update(mean_kl=None):
    """One update of TNPG: direction by conjugate gradient, length by the limit, nothing asked."""

    def improve(problem):
        own = mean_kl or (lambda logits: problem.mean_kl())
        kl = own(problem.policy.logits(problem.batch.obs))
        direction = conjugate_gradient(
            lambda v: fisher_vector_product(kl, problem.weights, v, 0.01),
            problem.gradient,
            10,
            1e-10,
        )
        problem.move_to(problem.parameters + natural_step(problem.gradient, direction, 0.02))
        seen.append(problem)
        return {}

    return improve


yours = {"surrogate": surrogate_objective, "kl": categorical_kl}
loop = shared.trust_region("CartPole-v1", TNPGConfig(), 0, tnpg_update(), **yours)
*_, progress = islice(loop, 10)

# %% nbgrader={"grade": false, "grade_id": "residuals", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
problem = seen[-1]
problem.move_to(problem.parameters)  # back to the policy that acted
kl, g = problem.mean_kl(), problem.gradient
for damping in (0.1, 0.01, 0.001):
    row = []
    for steps in (1, 3, 10, 30):

        def product(v, damping=damping):
            return fisher_vector_product(kl, problem.weights, v, damping)

        x = conjugate_gradient(product, g, steps, 1e-10)
        row.append(f"{steps:2} steps {(product(x) - g).norm() / g.norm():.3f}")
    print(f"damping {damping:5}   unexplained:  " + "   ".join(row))

# %% [markdown]
# "Unexplained" is $\lVert r\rVert/\lVert g\rVert$: 4,610 unknowns, and ten steps leave less than 3 % of the gradient. With two actions, F is a sum of 1,024 matrices of rank one, so at least 3,586 of its eigenvalues are 0. With damping they are all alike, and conjugate gradient deals with alike ones in one step. More damping means fewer steps, and a worse metric:

# %% [markdown]
# ### Think · 1 point
#
# Let the damping grow beyond all limits, with the same `max_kl`. What becomes of the step of TNPG?
#
# - **a.** Zero, so it has no direction.
# - **b.** The natural gradient's direction, shorter and shorter.
# - **c.** The ordinary gradient's direction, with length $\sqrt{2\varepsilon/\text{damping}}$.
# - **d.** A random direction: F drowns, and with it all that is known of the policy.


# %% nbgrader={"grade": false, "grade_id": "answer-large-damping", "locked": false, "schema_version": 3, "solution": true}
def answer_large_damping():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-large-damping", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_large_damping)

# %% [markdown]
# ## 6 · TRPO: ask before you go
#
# $\tfrac12\delta^\top F\delta$ is a parabola, and the true divergence is not. How far do NPG's steps really go? Three seeds, twenty updates each, with your functions, meant to go 0.02 nats, and 0.2.
#
# **Predict:** at which limit does NPG miss by more, in units of the limit?


# %% nbgrader={"grade": false, "grade_id": "npg-steps", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def lengths_of(name, max_kl, **functions):
    """(3, 20) true KL of each update in units of the limit."""
    run = RUNS[name]
    config = replace(run.config, max_kl=max_kl)
    loops = [
        run.algorithm(run.environment_id, config, seed, **yours, step=natural_step, **functions)
        for seed in range(3)
    ]
    lengths = [[one.metrics["kl"] / max_kl for one in islice(loop, 20)] for loop in loops]
    return torch.tensor(lengths)


npg = {limit: lengths_of("npg-cartpole", limit, fisher=fisher_matrix) for limit in (0.02, 0.2)}
for limit, lengths in npg.items():
    beyond = (lengths > 1).double().mean()
    print(
        f"limit {limit:4}:  {beyond:.0%} of the updates beyond, the longest {lengths.max():.1f} times"
    )

# %% [markdown]
# [001] names two promises that NPG and TNPG make and may not keep: that L goes up, and that the divergence stays within ε. TRPO asks both questions of the *true* L and the *true* divergence, and shortens the step until both are answered with yes: a backtracking line search.
#
# $$\theta'=\theta+\text{ratio}^i\cdot\text{step},\quad i=0,1,2,\dots\quad\text{the first with}\quad L(\theta')>L(\theta)\ \text{ and }\ \overline{\mathrm{KL}}(\theta')\le\varepsilon$$
#
# ### Exercise 10 · `line_search`
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# `objective` and `kl` take a flat vector and return a scalar. Lengths for i = 0 … `max_backtracks` − 1. Return the new parameters and True, or the old ones and False.
#
# <details><summary>Hint 1: what to think of</summary>
#
# What do you compare the objective with? Compute it once, before the loop.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Every candidate starts at θ again. Strictly higher, and at most `max_kl`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `for i in range(max_backtracks): candidate = parameters + backtrack_ratio**i * step`, one `if`, and a `return parameters, False` below the loop.
# </details>


# %% nbgrader={"grade": false, "grade_id": "line-search", "locked": false, "schema_version": 3, "solution": true}
def line_search(objective, kl, parameters, step, max_kl, backtrack_ratio, max_backtracks):
    """The first θ + ratio^i · step with a higher objective and KL ≤ max_kl -> (θ', accepted)."""
    ### BEGIN SOLUTION
    before = objective(parameters)
    for i in range(max_backtracks):
        candidate = parameters + backtrack_ratio**i * step
        if objective(candidate) > before and kl(candidate) <= max_kl:
            return candidate, True
    return parameters, False
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-line-search", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(line_search)
### BEGIN HIDDEN TESTS
check(line_search, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# That is all of TRPO: advantages, the gradient of L, ten steps of conjugate gradient, a natural step, a line search. The same seeds and limits:

# %% tags=["experiment", "raises-exception"]
solver = {"solve": conjugate_gradient, "product": fisher_vector_product, "search": line_search}
trpo = {limit: lengths_of("trpo-cartpole", limit, **solver) for limit in (0.02, 0.2)}

# %% nbgrader={"grade": false, "grade_id": "kl-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, both = new_figure(1, 2, size=(7, 3), sharey=True)
updates = torch.arange(1, 21).expand(3, 20).flatten()
for axes, limit in zip(both, npg, strict=True):
    axes.plot(updates - 0.15, npg[limit].flatten(), "x", color=COLORS["wrong"], label="NPG")
    axes.plot(
        updates + 0.15, trpo[limit].flatten(), ".", color=COLORS["trpo"], label="TRPO, line search"
    )
    axes.axhline(1, color=COLORS["exact"], linestyle="--", linewidth=1)
    axes.set(xlabel=f"update, limit {limit} nats")
worst = [max(one.max().item() for one in lengths.values()) for lengths in (npg, trpo)]
both[0].set(ylabel="true KL / limit", ylim=(0, 1.1 * max(worst)))
both[0].legend()
title = f"NPG goes up to {worst[0]:.1f} times as far as meant, TRPO never too far"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(
    figure,
    alt="True KL divided by the limit, for 20 updates of three seeds, limits 0.02 and 0.2. NPG's crosses go up to "
    f"{npg[0.02].max():.1f} and {npg[0.2].max():.1f}; TRPO's dots stay below 1, the highest at {worst[1]:.2f}.",
)

# %% [markdown]
# The parabola is good for small steps and bad for large ones; the line search does not care. Now train with it, against the band of reference runs:

# %% tags=["experiment", "raises-exception"]
cartpole_run = RUNS["trpo-cartpole"].start(0, **yours, step=natural_step, **solver)
cartpole_history = train(cartpole_run, run="trpo-cartpole", label="trpo")

# %% tags=["experiment", "raises-exception"]
show_agent(cartpole_history.policy, "CartPole-v1")

# %% [markdown]
# ## 7 · The limit as a price
#
# [001] shows another way to keep near: a price λ for every nat,
#
# $$\mathcal L(\theta,\lambda)=L(\theta)-\lambda\,\big(\overline{\mathrm{KL}}(\theta)-\varepsilon\big),$$
#
# up with it by θ, for a few gradient steps, then $\lambda\leftarrow\lambda+\alpha\,(\overline{\mathrm{KL}}-\varepsilon)$: too far makes the next nat dearer. No Fisher matrix, no conjugate gradient; but the limit is kept on average only, and late.
#
# ### Spot the slip · 1 point
#
# The policy has stayed well inside the region for some time, and [001]'s update, exactly as printed, has brought λ to −0.5. What does the policy climb now?
#
# - **a.** $L+0.5\,\overline{\mathrm{KL}}$: it is paid for every nat that it moves away.
# - **b.** L alone: the region is wide enough, so the price is as good as 0.
# - **c.** Nothing: it stays where it is.
# - **d.** It makes no difference: λ comes back by itself as soon as KL > ε.


# %% nbgrader={"grade": false, "grade_id": "answer-price-below-zero", "locked": false, "schema_version": 3, "solution": true}
def answer_price_below_zero():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-price-below-zero", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_price_below_zero)

# %% [markdown]
# ### Exercise 11 · `trpo_multiplier`
#
# 1 point · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# What is the cheapest a nat may be?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\lambda\leftarrow\max\big(0,\;\lambda+\text{step size}\cdot(\mathrm{KL}-\text{max KL})\big)$
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `max(0.0, …)` around the whole sum.
# </details>


# %% nbgrader={"grade": false, "grade_id": "trpo-multiplier", "locked": false, "schema_version": 3, "solution": true}
def trpo_multiplier(multiplier, kl, max_kl, step_size):
    """The next λ: up where KL is above max_kl, down below it, never under 0. -> float"""
    ### BEGIN SOLUTION
    return max(0.0, multiplier + step_size * (float(kl) - max_kl))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-trpo-multiplier", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(trpo_multiplier)
### BEGIN HIDDEN TESTS
check(trpo_multiplier, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Twenty steps of Adam on $L-\lambda\,\overline{\mathrm{KL}}$ an update, and a new price after each of them:

# %% tags=["experiment", "raises-exception"]
priced_run = RUNS["trpo-lagrangian-cartpole"].start(0, **yours, multiplier=trpo_multiplier)
priced_history = train(priced_run, run="trpo-lagrangian-cartpole", label="trpo, Lagrangian")

# %% nbgrader={"grade": false, "grade_id": "price-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 2.9))
for axes, name in ((left, "kl"), (right, "multiplier")):
    axes.plot(priced_history.update_steps, priced_history.metrics[name], color=COLORS["trpo"])
    axes.set(xlabel="environment steps", ylim=(0, None))
left.axhline(0.02, color=COLORS["exact"], linestyle="--", linewidth=1)
left.set_ylabel("KL of an update (nats)")
right.set_ylabel("λ")
priced = priced_history.metrics["kl"]
outside = (priced > 0.02).mean()
title = f"A price keeps the limit roughly: {outside:.0%} of the updates lie beyond it"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(
    figure,
    alt=f"Left: the KL of an update lies between {priced.min():.3f} and {priced.max():.3f}, around the dashed limit of 0.02. "
    f"Right: λ moves between {priced_history.metrics['multiplier'].min():.2f} and {priced_history.metrics['multiplier'].max():.2f}.",
)

# %% [markdown]
# ### Four ways, ten seeds each
#
# The reference runs of all four, with the same batches, critics and limit (NPG with a smaller network, because it forms its matrix):

# %% nbgrader={"grade": false, "grade_id": "bands", "locked": true, "schema_version": 3, "solution": false}
bands = {}
for name in ("npg", "tnpg", "trpo", "trpo-lagrangian"):
    bands[name] = reference_band(f"{name}-cartpole")
for name, band in bands.items():
    median = torch.from_numpy(band.returns).quantile(0.5, dim=0)
    solved = int(band.env_steps[(median >= 475).int().argmax()])
    fallen = (band.returns[:, band.env_steps > 25_000] < 400).mean()
    print(f"{name:16} median at 475 after {solved:6,} steps;   below 400 later on: {fallen:.0%}")

# %% nbgrader={"grade": false, "grade_id": "bands-figure", "locked": true, "schema_version": 3, "solution": false}
hues = [COLORS["exact"], COLORS["reference"], COLORS["trpo"], "#7FCDB0"]
figure = learning_curve(
    bands, threshold=475, colors=dict(zip(bands, hues, strict=True)),
    title="A limit in nats: all four learn, at about one speed",
)  # fmt: skip
show(
    figure,
    alt="Ten seeds each, medians thick. All four medians reach 475 between 12,000 and 16,000 steps. A few "
    "runs fall back for a while, most of them NPG's and TNPG's.",
)

# %% [markdown]
# On a problem as small as this the checks cost nothing and gain little: NPG's overstepping is forgiven most of the time. Where one bad update breaks what a thousand have built, it is not.

# %% [markdown]
# ## 8 · Silent bug · Exercise 12
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# A friend has read section 5 and writes the divergence of the policy from itself for TNPG. "At home it is 0, and its gradient is 0", she says, "I have tested that."


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_mean_kl(logits):
    """Meant: mean KL divergence from the policy that acted, for the Fisher matrix. (B, K) -> ()."""
    return categorical_kl(logits, logits).mean()


# %% tags=["raises-exception"]
logits = problem.policy.logits(problem.batch.obs).detach().requires_grad_()
for name, kl in {
    "the loop's": categorical_kl(*problem.acted, logits).mean(),
    "hers": bugged_mean_kl(logits),
}.items():
    (first,) = torch.autograd.grad(kl, logits)
    print(f"{name:10}  value {abs(kl.item()):.6f}   largest slope {first.abs().max():.6f}")

# %% [markdown]
# Nothing to see. Both are 0 and flat. Now train with each, three seeds; and look at the divergence of an update, meant to be 0.02.


# %% tags=["experiment", "raises-exception"]
def three_with(mean_kl, label):
    """Three runs of 20,000 steps, judged by fresh episodes."""
    loops = [
        shared.trust_region("CartPole-v1", TNPGConfig(), seed, tnpg_update(mean_kl), **yours)
        for seed in range(3)
    ]
    how = {"environment_id": "CartPole-v1", "threshold": 475, "max_steps": 20_000, "quiet": True}
    return [train(one, label=label, **how) for one in loops]


right_runs = three_with(None, "TNPG")
wrong_runs = three_with(bugged_mean_kl, "wrong: from itself")

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
both = {"TNPG": right_runs, "wrong: from itself": wrong_runs}
hues = {"TNPG": COLORS["trpo"], "wrong: from itself": COLORS["wrong"]}
figure = learning_curve(
    both, colors=hues, threshold=475, title="No error, no warning, and no trust region"
)
show(
    figure,
    alt="Three seeds each. " + describe_curves(right_runs) + " " + describe_curves(wrong_runs),
)
for label, runs in both.items():
    largest = [f"{one.metrics['kl'].max():.3f}" for one in runs]
    print(f"{label:20} largest KL of an update: {', '.join(largest)}")

# %% [markdown]
# Her policy jumps by several nats in every update, finds something good now and then, and jumps away from it. Nothing but her function differs between the two colours. Find what it lacks, and repair it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Value, slope … which derivative does the Fisher matrix come from? Think of θ moving by a little: how far is the policy from itself then?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# In $\mathrm{KL}(\pi_\theta\Vert\pi_{\theta+\delta})$ only one of the two moves with δ. What does `conjugate_gradient` solve if the Hessian is 0 and the damping 0.01?
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# One `.detach()`, on either side.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-mean-kl", "locked": false, "schema_version": 3, "solution": true}
def repaired_mean_kl(logits):
    """() mean KL divergence of softmax(logits) (B, K) from the policy that acted: 0, flat, curved."""
    ### BEGIN SOLUTION
    return categorical_kl(logits.detach(), logits).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-mean-kl", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_mean_kl)
### BEGIN HIDDEN TESTS
check(repaired_mean_kl, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# With F = 0 the damping was all that conjugate gradient saw: $0.01\,x=g$. So the step was an ordinary gradient step, with the length $\sqrt{2\varepsilon/\text{damping}}=\sqrt{0.04/0.01}=2$ in the parameters, in every update, whatever the policy. No value, no slope and no error message could show it; a second derivative, or one look at the divergence of the updates, does. Log it always.
#
# ## 9 · TRPO with a Gaussian policy
#
# Continuous CartPole: only the divergence changes, it is your `gaussian_kl`. The limit of 0.02 nats and all other settings are those of the discrete pole.

# %% tags=["experiment", "raises-exception"]
continuous_run = RUNS["trpo-continuous-cartpole"].start(
    0, surrogate=surrogate_objective, kl=gaussian_kl, step=natural_step, **solver
)
continuous_history = train(continuous_run, run="trpo-continuous-cartpole", label="trpo, Gaussian")

# %% tags=["experiment", "raises-exception"]
show_agent(continuous_history.policy, "ContinuousCartPole-v0")

# %% [markdown]
# ## 10 · What we left out
#
# - **The maximum over states.** The theorem bounds the largest divergence, TRPO the mean over visited states. A rare state may change completely.
# - **Sampled or exact Fisher matrix.** NPG's outer products use the sampled actions; the Hessian of the KL divergence averages over all of them, with less noise. The *empirical* Fisher matrix, with advantages inside, would be something else.
# - **The discount** $\gamma^t$ of the states, dropped as everywhere (lesson 04). **The critic** is fitted by plain regression.
# - **Reusing the batch.** TRPO takes one step a batch. PPO takes many, and replaces conjugate gradient and line search by a clip: lesson 09.
#
# ## Summary
#
# | | formula |
# | --- | --- |
# | what is gained | $J(\pi')-J(\pi)=\sum_sd^{\pi'}\sum_a\pi'A^\pi$ |
# | surrogate | $L=\text{mean}(\rho A)$: right value and slope at π |
# | what L may miss | $4\gamma\max\lvert A\rvert\,\alpha^2/(1-\gamma)^2$, $\;\alpha=\max_s\mathrm{TV}\le\sqrt{\tfrac12\max_s\mathrm{KL}}$ |
# | Fisher matrix | $F=\mathbb E[g\,g^\top]=\nabla^2\,\mathrm{KL}(\pi_\text{old}\Vert\pi_\theta)$ at $\theta_\text{old}$ |
# | natural step | $x\sqrt{2\varepsilon/(g^\top x)}$ with $Fx=g$ |
# | NPG · TNPG · TRPO | solve with F · ten steps of CG · and ask the true L and KL |
# | Lagrangian | $\lambda\leftarrow\max(0,\lambda+\text{step size}\cdot(\mathrm{KL}-\varepsilon))$ |

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 15 minutes
#
# A colleague trains a robot arm with a Gaussian policy, by plain policy gradient with a fixed learning rate. It learns well for hours. When σ has fallen to 0.005, a single update that moves the mean action by 0.02 ruins everything. In at most ten sentences:
#
# 1. How many nats was that update, and how many would the same move have been at σ = 0.5? What would a natural gradient step with ε = 0.02 have moved the mean by in either case?
# 2. "Then I take TRPO", he says, "it guarantees that each update makes the policy better." Which two things that the guarantee needs does TRPO not have, and what can still go wrong in a state that is rarely visited?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-robot-arm", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. KL = (Δμ)²/(2σ²): 0.02²/(2 · 0.005²) = 8 nats; at σ = 0.5 it is 0.0008. A step of 0.02 nats in μ alone is Δμ = σ √(2ε) = 0.2 σ: 0.001 and 0.1. Half a point for the two divergences, half for the two steps.
# 2. Two of: the bound's own penalty (ε is chosen by experience and far larger than the guarantee allows); the maximum over states (TRPO limits the mean over visited ones); exact advantages and expectations (both are estimated from one batch). With the mean at 0.02, one state in a hundred may change by 2 nats, that is, completely; the batch hardly sees it, and the policy may act absurdly there, and come there more often from now on.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Kakade and Langford (2002), *Approximately optimal approximate reinforcement learning*: the identity of section 1.
# - Amari (1998), *Natural gradient works efficiently in learning*; Kakade (2001), *A natural policy gradient*.
# - Peters and Schaal (2008), *Reinforcement learning of motor skills with policy gradients*: the figure in [001].
# - Schulman, Levine, Moritz, Jordan, Abbeel (2015), *Trust region policy optimization*.
# - Achiam, Held, Tamar, Abbeel (2017), *Constrained policy optimization*: a bound with the mean divergence.
# - Shewchuk (1994), *An introduction to the conjugate gradient method without the agonizing pain*.
# - [001]: relative performance to TRPO; [004]: advanced policy gradient methods.
