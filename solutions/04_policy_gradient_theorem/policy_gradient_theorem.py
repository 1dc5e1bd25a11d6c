# %% [markdown]
# # Why is the gradient of everything so simple?
#
# **Lesson 04 · The policy gradient theorem, proved and run** · about two hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import numpy as np
import torch
from torch.func import jacrev

from course_lib import check, check_answer
from course_lib.environments.grid_worlds import grid_world
from course_lib.environments.tabular import random_mdp
from course_lib.figures import COLORS, new_figure, show, slider, use_style

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# Four states, three actions, random transitions, random rewards. The policy is a softmax with three logits a state, so θ is a table of twelve numbers. Change one of them a little. Two things happen: the agent gets to *other states*, and being in a state is worth something else, because it will act differently later. Here is how much both change, per unit, if one logit goes up, that of action 0 in state 0:

# %% nbgrader={"grade": false, "grade_id": "world", "locked": true, "schema_version": 3, "solution": false}
mdp = random_mdp(4, 3, seed=1)
P, R, p0, gamma = mdp.P, mdp.R, mdp.p0, 0.9
logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def visits_of(logits, start=p0):
    """d^π (4,), lesson 00."""
    chain = torch.einsum("sk,skt->st", logits.softmax(-1), P)
    return torch.linalg.solve(torch.eye(4, dtype=P.dtype) - gamma * chain.T, start)


def J_of(logits, start=p0):
    """The expected return, lesson 00."""
    return visits_of(logits, start) @ (logits.softmax(-1) * R).sum(-1)


# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
worth = [jacrev(J_of)(logits, start)[0, 0] for start in torch.eye(4, dtype=P.dtype)]
figure, (left, right) = new_figure(1, 2, size=(7, 2.6))
left.bar(range(4), jacrev(visits_of)(logits)[:, 0, 0], color=COLORS["reinforce"])
right.bar(range(4), worth, color=COLORS["a2c"])
for axes, label in ((left, "change of the visits"), (right, "change of the value")):
    axes.axhline(0, color="black", linewidth=1)
    axes.set(xlabel="state", xticks=range(4), ylabel=label)
figure.suptitle("One logit of state 0 moves everything, everywhere", fontweight="bold")
show(
    figure,
    alt="Two bar charts over the four states, per unit of one logit of state 0. Left, the discounted visits: more of state 0, less of all others. "
    "Right, the value of starting in each state: it falls in all four, most in state 0.",
)

# %% [markdown]
# With the visits and the values J changes:

# %%
exact = jacrev(J_of)(logits)  # (4, 3) by differentiating the linear solve
print("change of the visits:", jacrev(visits_of)(logits)[:, 0, 0])
print("change of J:         ", exact[0, 0].item())

# %% [markdown]
# The visits change, and J with them. So a formula for ∇J should contain the derivative of the visits, and that needs the transition probabilities, which no agent knows. The *policy gradient theorem* says:
#
# $$\nabla J=\sum_sd^\pi(s)\sum_aQ^\pi(s,a)\,\nabla\pi_\theta(a\mid s)$$
#
# No derivative of $d^\pi$. No derivative of $Q^\pi$. Every method of this course stands on this line. You will prove it, and every step of the proof will be an equality of two numbers.
#
# - **You will** compute values exactly, write the line of the proof that does the work, unroll it, estimate the gradient from samples, look at it as a field of arrows, and find out what nearly every implementation follows instead.
# - **You need** visits and returns (lesson 00), $\nabla p=p\nabla\log p$ (lesson 01), the product rule.
# - **Exercises** are checked in the cell below each.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | gradient of the policy | $\nabla_\pi V$ in [000] | ∇ with respect to θ, here a table of logits (S, K) |
# | where the agent is after k steps | $p(s\to s',k,\pi)$ in [000] | $\Pr(s_k=s')$, a power of $P_\pi$ |
# | the same theorem over trajectories | [002], [003], [004] | lesson 02: one proof counts states, the other episodes |
#
# [000] Preechakul, [002] Morad, [003] notes on CS 285, [004] van Krieken.
# </details>
#
# ## 1 · Two kinds of values
#
# $V^\pi(s)$ is what a state is worth, $Q^\pi(s,a)$ what an action is worth there, with π from then on:
#
# $$V=R_\pi+\gamma P_\pi V,\qquad Q(s,a)=R(s,a)+\gamma\sum_{s'}P(s'\mid s,a)\,V(s')$$
#
# ### Exercise 1 · `policy_evaluation`
#
# 2 points · 6 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Put the policy into the MDP first: average rewards and transitions over the actions.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $(I-\gamma P_\pi)V=R_\pi$: one call of `torch.linalg.solve`. No transpose: values look ahead.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `chain = torch.einsum("sk,skt->st", pi, P)`, `reward = (pi * R).sum(-1)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "policy-evaluation", "locked": false, "schema_version": 3, "solution": true}
def policy_evaluation(P, R, pi, gamma):
    """V^π, exactly. (S, K, S), (S, K), (S, K) -> (S,)."""
    ### BEGIN SOLUTION
    chain = torch.einsum("sk,skt->st", pi, P)
    identity = torch.eye(len(P), dtype=P.dtype)
    return torch.linalg.solve(identity - gamma * chain, (pi * R).sum(-1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-policy-evaluation", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(policy_evaluation)
### BEGIN HIDDEN TESTS
check(policy_evaluation, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · `action_value`
#
# 2 points · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# One step by the action, then the value of where one lands, on average.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `P @ value` sums over the last axis of P, the next state: (S, K).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `R + gamma * P @ value`
# </details>


# %% nbgrader={"grade": false, "grade_id": "action-value", "locked": false, "schema_version": 3, "solution": true}
def action_value(P, R, value, gamma):
    """Q(s, a) = R + γ Σ P V. (S, K, S), (S, K), (S,) -> (S, K)."""
    ### BEGIN SOLUTION
    return R + gamma * P @ value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-action-value", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(action_value)
### BEGIN HIDDEN TESTS
check(action_value, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 2 · The proof, line by line
#
# **Line 1.** A state is worth what its actions are worth, on average: $V(s)=\sum_a\pi(a\mid s)\,Q(s,a)$ [000].

# %% tags=["raises-exception"]
pi = logits.softmax(-1)
V = policy_evaluation(P, R, pi, gamma)
Q = action_value(P, R, V, gamma)
print("V       ", V, "\nΣ π Q   ", (pi * Q).sum(-1))

# %% [markdown]
# **Line 2.** The product rule, for every state: $\nabla V(s)=\sum_aQ(s,a)\,\nabla\pi(a\mid s)+\sum_a\pi(a\mid s)\,\nabla Q(s,a)$. Both factors depend on θ. Autograd differentiates V and Q through the linear solve:


# %% nbgrader={"grade": false, "grade_id": "derivatives", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def V_of(logits):
    return policy_evaluation(P, R, logits.softmax(-1), gamma)


def Q_of(logits):
    return action_value(P, R, V_of(logits), gamma)


grad_V, grad_Q = jacrev(V_of)(logits), jacrev(Q_of)(logits)  # (4, 4, 3) and (4, 3, 4, 3)
grad_pi = jacrev(lambda z: z.softmax(-1))(logits)  # (4, 3, 4, 3)

# %% tags=["raises-exception"]
first = torch.einsum("sa,saij->sij", Q, grad_pi)
second = torch.einsum("sa,saij->sij", pi, grad_Q)
print("largest difference of the two sides:", (grad_V - first - second).abs().max().item())

# %% [markdown]
# **Line 3.** What is ∇Q? Rewards and transitions hold no θ, so only V is differentiated: $\nabla Q(s,a)=\gamma\sum_{s'}P(s'\mid s,a)\,\nabla V(s')$.

# %% tags=["raises-exception"]
print(
    "largest difference:",
    (grad_Q - gamma * torch.einsum("sat,tij->saij", P, grad_V)).abs().max().item(),
)

# %% [markdown]
# **Line 4.** Put line 3 into line 2. Now ∇V stands on both sides:
#
# $$\nabla V(s)=\underbrace{\sum_aQ(s,a)\,\nabla\pi(a\mid s)}_{\text{what changes here and now}}+\gamma\sum_a\pi(a\mid s)\sum_{s'}P(s'\mid s,a)\,\nabla V(s')$$
#
# For a softmax the first part can be written out. The logits of *other* states do not touch $\pi(\cdot\mid s)$, and for its own
# $\sum_aQ(s,a)\frac{\partial\pi(a|s)}{\partial\theta_{sk}}=\pi(k\mid s)\big(Q(s,k)-\sum_a\pi(a\mid s)Q(s,a)\big)$.
#
# <details><summary>Where that comes from, step by step</summary>
#
# 1. $\frac{\partial\pi(a)}{\partial\theta_k}=\pi(a)\big(\mathbb 1[a=k]-\pi(k)\big)$, the derivative of a softmax.
# 2. Sum with Q: $\sum_aQ(a)\pi(a)\mathbb 1[a=k]-\pi(k)\sum_aQ(a)\pi(a)$.
# 3. The first sum is $\pi(k)Q(k)$; take $\pi(k)$ out.
# </details>
#
# ### Exercise 3 · `value_gradient_recursion`
#
# 3 points · 15 minutes · difficulty ●●● hard
#
# The right-hand side of line 4 for all states at once. `value_gradient[s]` is $\nabla V(s)$, an (S, K) table: how the value of s changes with every logit of every state.
#
# <details><summary>Hint 1: what to think of</summary>
#
# The first part of row s is zero except at the logits of s itself. The second is an average of the other rows.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `own = pi * (q_value - (pi * q_value).sum(-1, keepdim=True))` is (S, K). Put row s of it at place [s, s].
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `result = gamma * torch.einsum("sk,skt,tij->sij", pi, P, value_gradient)`; then add `own` at `result[index, index]` with `index = torch.arange(len(P))`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Right for one state only:* look at which axis is the state whose value changes, and which the one whose logits do.
# </details>


# %% nbgrader={"grade": false, "grade_id": "value-gradient-recursion", "locked": false, "schema_version": 3, "solution": true}
def value_gradient_recursion(P, pi, q_value, value_gradient, gamma):
    """Σ Q∇π + γ Σ π Σ P ∇V for every s. (S, K, S), (S, K), (S, K), (S, S, K) -> (S, S, K)."""
    ### BEGIN SOLUTION
    own = pi * (q_value - (pi * q_value).sum(-1, keepdim=True))
    result = gamma * torch.einsum("sk,skt,tij->sij", pi, P, value_gradient)
    index = torch.arange(len(P))
    result[index, index] += own
    return result
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-value-gradient-recursion", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(value_gradient_recursion)
### BEGIN HIDDEN TESTS
check(value_gradient_recursion, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The true ∇V must be a fixed point of your function. And from zero, repeating it must lead there:

# %% tags=["raises-exception"]
print(
    "at the true ∇V it moves by",
    (value_gradient_recursion(P, pi, Q, grad_V, gamma) - grad_V).abs().max().item(),
)
guess = torch.zeros_like(grad_V)
for k in range(61):
    if k % 20 == 0:
        print(f"after {k:2} repetitions from 0: off by {(guess - grad_V).abs().max().item():.6f}")
    guess = value_gradient_recursion(P, pi, Q, guess, gamma)

# %% [markdown]
# **Line 5.** Unroll. Put line 4 into its own right-hand side, again and again: after k steps the agent is in $s$ with probability $\Pr(s_k=s)$, and there it is worth what changes *there and then*. From a start drawn from $p_0$:
#
# $$\nabla J=\sum_{k=0}^\infty\gamma^k\sum_s\Pr(s_k=s)\sum_aQ(s,a)\,\nabla\pi(a\mid s)$$
#
# ### Exercise 4 · `unrolled_gradient`
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# The sum from k = 0 to `steps`, both included.
#
# <details><summary>Hint 1: what to think of</summary>
#
# The inner sum is the same for all k. What changes with k is where the agent is.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# A distribution (S,) moves on by `now @ chain`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Collect `gamma**k * now` over a loop of `steps + 1` rounds; multiply the result (S, 1) with `pi * (Q − Σ π Q)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "unrolled-gradient", "locked": false, "schema_version": 3, "solution": true}
def unrolled_gradient(P, R, logits, p0, gamma, steps):
    """Σ_{k=0}^{steps} γ^k Σ_s Pr(s_k = s) Σ_a Q ∇π, by logits. -> (S, K)."""
    ### BEGIN SOLUTION
    pi = logits.softmax(-1)
    chain = torch.einsum("sk,skt->st", pi, P)
    q_value = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    visits, now = torch.zeros_like(p0), p0
    for k in range(steps + 1):
        visits, now = visits + gamma**k * now, now @ chain
    own = pi * (q_value - (pi * q_value).sum(-1, keepdim=True))
    return visits.unsqueeze(-1) * own
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-unrolled-gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(unrolled_gradient)
### BEGIN HIDDEN TESTS
check(unrolled_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Predict:** how fast does the sum approach ∇J?

# %% nbgrader={"grade": false, "grade_id": "unrolling", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
steps = np.arange(0, 61, 2)
error = [(unrolled_gradient(P, R, logits, p0, gamma, int(k)) - exact).norm().item() for k in steps]
figure, axes = new_figure(size=(7, 3))
axes.semilogy(steps, error, "o", color=COLORS["reinforce"], markersize=4, label="distance to ∇J")
axes.semilogy(
    steps,
    error[5] * gamma ** (steps - 10.0),
    color=COLORS["exact"],
    linewidth=1,
    label="a line of slope γᵏ",
)
axes.set(xlabel="last term k of the sum", ylabel="length of the difference")
axes.set_title(
    f"Each further step counts γ = 0.9 of the one before: {error[0]:.2f} → {error[-1]:.4f}"
)
axes.legend()
show(
    figure,
    alt=f"Distance between the unrolled sum and the exact gradient against the number of terms, on a logarithmic axis: a straight line, from {error[0]:.2f} down to {error[-1]:.4f} after 60 terms.",
)

# %% [markdown]
# ### Spot the slip · 1 point
#
# [000] ends its proof with $\sum_{s'}\Big(\sum_{k=0}^\infty p(s\to s',k,\pi)\Big)\sum_aQ^\pi\,\nabla\pi$ and names the bracket $d^\pi$. On the lines before, the k-th term still carries something that has got lost here. What, and what would the bracket be without it?
#
# - **a.** A sum over actions; without it the bracket is a matrix.
# - **b.** The probability of the start; without it the bracket is one for every state.
# - **c.** The reward; without it nothing depends on the task.
# - **d.** γᵏ. Without it the bracket counts undiscounted visits, and is infinite for an agent that goes on for ever.


# %% nbgrader={"grade": false, "grade_id": "answer-lost-on-the-way", "locked": false, "schema_version": 3, "solution": true}
def answer_lost_on_the_way():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-lost-on-the-way", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_lost_on_the_way)

# %% [markdown]
# **Line 6.** Exchange the sums. $\sum_k\gamma^k\Pr(s_k=s)$ is $d^\pi(s)$, by definition:

# %% tags=["raises-exception"]
walk = torch.einsum("sk,skt->st", pi, P)
terms = [gamma**k * p0 @ torch.linalg.matrix_power(walk, k) for k in range(300)]
print("300 terms of the sum:", sum(terms))
print("one linear system:   ", visits_of(logits))

# %% [markdown]
# What is left is the theorem.
#
# ### Exercise 5 · `policy_gradient_theorem`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Exercise 4 with the whole sum at once.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $d^\pi=(I-\gamma P_\pi^\top)^{-1}p_0$ (lesson 00: here with the transpose).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `visits.unsqueeze(-1) * pi * (q_value - (pi * q_value).sum(-1, keepdim=True))`
# </details>


# %% nbgrader={"grade": false, "grade_id": "policy-gradient-theorem", "locked": false, "schema_version": 3, "solution": true}
def policy_gradient_theorem(P, R, logits, p0, gamma):
    """∇J = Σ_s d^π(s) Σ_a Q ∇π, by logits. -> (S, K)."""
    ### BEGIN SOLUTION
    pi = logits.softmax(-1)
    chain = torch.einsum("sk,skt->st", pi, P)
    visits = torch.linalg.solve(torch.eye(len(p0), dtype=p0.dtype) - gamma * chain.T, p0)
    q_value = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    return visits.unsqueeze(-1) * pi * (q_value - (pi * q_value).sum(-1, keepdim=True))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-policy-gradient-theorem", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(policy_gradient_theorem)
### BEGIN HIDDEN TESTS
check(policy_gradient_theorem, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Three independent ways to the same twelve numbers: your formula, autograd through the linear solve, and differences of J.

# %% tags=["raises-exception"]
theorem = policy_gradient_theorem(P, R, logits, p0, gamma)
difference = torch.zeros_like(logits)
for s in range(4):
    for k in range(3):
        step = torch.zeros_like(logits)
        step[s, k] = 1e-5
        difference[s, k] = (J_of(logits + step) - J_of(logits - step)) / 2e-5
print(f"theorem − autograd    {(theorem - exact).abs().max().item():.1e}")
print(f"theorem − differences {(theorem - difference).abs().max().item():.1e}")

# %% [markdown]
# ### Think · 1 point
#
# The visits *do* change with θ, as you saw at the top. Where has their derivative gone?
#
# - **a.** It is small, and was neglected.
# - **b.** Into Q. An action is credited with all that follows it, the states it leads to included; their change is already in the terms of later steps.
# - **c.** It cancels against the derivative of the rewards.
# - **d.** It is zero, because p(s'|s, a) does not depend on θ.


# %% nbgrader={"grade": false, "grade_id": "answer-where-it-went", "locked": false, "schema_version": 3, "solution": true}
def answer_where_it_went():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-where-it-went", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_where_it_went)

# %% [markdown]
# ## 3 · From samples
#
# $Q\,\nabla\pi=\pi\,Q\,\nabla\log\pi$, so the theorem is an expectation, up to a factor: draw states in proportion to $d^\pi$, actions from π, and average. Since $d^\pi$ sums to $1/(1-\gamma)$, every sample has that weight [000]:
#
# $$\nabla J=\frac1{1-\gamma}\,\mathbb E_{s\sim(1-\gamma)d^\pi,\,a\sim\pi}\big[Q(s,a)\,\nabla\log\pi(a\mid s)\big]\approx\frac1n\sum_iw_i\,Q_i\,\nabla\log\pi(a_i\mid s_i)$$
#
# ### Exercise 6 · `likelihood_ratio_gradient`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# Several samples may come from the same state; all of them count.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Each sample adds to one row of an (S, K) table. `table[state] = …` would keep only the last.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The score is onehot(a) − π(·|s). Or let autograd do it, with the surrogate of lesson 01.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.zeros_like(logits).index_add(0, state, contribution) / len(state)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "likelihood-ratio-gradient", "locked": false, "schema_version": 3, "solution": true}
def likelihood_ratio_gradient(logits, state, action, q_value, weight):
    """Mean of w Q ∇log π over n samples, by logits. (S, K), (n,) four times -> (S, K)."""
    ### BEGIN SOLUTION
    one_hot = torch.nn.functional.one_hot(action, logits.shape[-1]).to(logits.dtype)
    score = one_hot - logits.softmax(-1)[state]
    contribution = (weight * q_value).unsqueeze(-1) * score
    return torch.zeros_like(logits).index_add(0, state, contribution) / len(state)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-likelihood-ratio-gradient", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(likelihood_ratio_gradient)
### BEGIN HIDDEN TESTS
check(likelihood_ratio_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How good is it? States in proportion to the visits, actions from the policy, and the true Q:

# %% nbgrader={"grade": false, "grade_id": "sampling", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)


def sampled_error(n, weigh_with):
    """How far one estimate from n samples is from ∇J; weigh_with is a table (4, 3)."""
    visits = visits_of(logits)
    state = torch.multinomial(visits, n, replacement=True, generator=generator)
    action = torch.multinomial(pi[state], 1, generator=generator).squeeze(-1)
    weight = torch.full((n,), 1 / (1 - gamma), dtype=torch.float64)
    estimate = likelihood_ratio_gradient(logits, state, action, weigh_with[state, action], weight)
    return (estimate - exact).norm().item()


SIZES = [10, 100, 1_000, 10_000]
errors = np.array([[sampled_error(n, Q) for _ in range(30)] for n in SIZES])
A = Q - V.unsqueeze(-1)
with_advantage = np.array([[sampled_error(n, A) for _ in range(30)] for n in SIZES])

# %% [markdown]
# The error against the number of samples, thirty estimates each. (The second line has Q − V in place of Q: V is a baseline, lesson 03.)

# %% nbgrader={"grade": false, "grade_id": "sampling-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
axes.loglog(np.repeat(SIZES, 30), errors.flatten(), ".", color=COLORS["reinforce"], alpha=0.4)
axes.loglog(SIZES, errors.mean(1), color=COLORS["reinforce"], label="with Q, mean of 30 estimates")
axes.loglog(SIZES, with_advantage.mean(1), color=COLORS["a2c"], label="with Q − V")
axes.loglog(
    SIZES,
    errors[0].mean() * np.sqrt(10 / np.array(SIZES)),
    color=COLORS["exact"],
    linewidth=1,
    label="1/√n",
)
axes.axhline(exact.norm(), color=COLORS["exact"], linestyle="--", linewidth=1)
axes.text(10_000, exact.norm() * 1.15, "length of ∇J", ha="right")
axes.set(xlabel="samples n", ylabel="distance to ∇J")
axes.set_title(
    f"A hundred times the samples, a tenth of the error: {errors[0].mean():.1f} → {errors[2].mean():.2f}"
)
axes.legend(loc="lower left")
show(
    figure,
    alt="Error of the sampled gradient against the number of samples, logarithmic axes. The mean error falls like 1/√n, from "
    f"{errors[0].mean():.1f} with 10 samples to {errors[-1].mean():.2f} with 10,000. With ten samples the error is larger than the gradient itself. "
    f"With Q − V it falls in the same way, from {with_advantage[0].mean():.2f} to {with_advantage[-1].mean():.3f}.",
)

# %% [markdown]
# With Q, ten samples say nothing: the error is several times the length of ∇J. All values here lie around −4, so every action that was sampled is pushed down, and only many samples show which ones less. Q − V leaves that common part out. Here Q was known. An agent has a sample of it, the reward-to-go: more noise, the same mean (lessons 02 and 03).
#
# ## 4 · A field of arrows
#
# Two states, two actions: what matters is the difference of the logits in each state, two numbers. So ∇J can be drawn. The arrows below are *your* theorem; the shades are J.
#
# **Predict:** where in the picture are the arrows shortest?


# %% nbgrader={"grade": false, "grade_id": "field", "locked": true, "schema_version": 3, "solution": false}
small = random_mdp(2, 2, seed=5)
grid = torch.linspace(-3, 3, 13, dtype=torch.float64)


def draw_field(axes, gamma):
    J, dx, dy = np.zeros((3, 13, 13))
    for i, y in enumerate(grid):
        for j, x in enumerate(grid):
            z = torch.stack([torch.stack([x, -x]), torch.stack([y, -y])]) / 2
            g = policy_gradient_theorem(small.P, small.R, z, small.p0, gamma)
            J[i, j] = small.p0 @ policy_evaluation(small.P, small.R, z.softmax(-1), gamma)
            dx[i, j], dy[i, j] = (g[:, 0] - g[:, 1]) / 2
    axes.contourf(grid, grid, J, levels=12, cmap="cividis")
    length = np.hypot(dx, dy).max()
    axes.quiver(grid, grid, dx / length, dy / length, color="white", scale=14, width=0.006)
    axes.grid(False)
    axes.set(xlabel="state 0: action 0 over 1", xticks=[-3, 0, 3], yticks=[-3, 0, 3])
    if gamma == 0:
        axes.set_ylabel("state 1: action 0 over 1")


# %% tags=["raises-exception"]
slider(
    draw_field,
    gamma=[0.0, 0.5, 0.8, 0.95],
    static=[{"gamma": gamma} for gamma in (0.0, 0.8, 0.95)],
    labels={"gamma": "γ"},
    title="The arrows point uphill, and fade where the policy is already certain",
    alt="Three panels of the gradient of a two-state MDP as arrows over shades of J, for γ = 0, 0.8 and 0.95. In all the arrows "
    "point to higher J; near the edges, where an action has a probability near 1, they are almost invisible.",
)

# %% [markdown]
# The fading is the factor $\pi(k)$ in front: what is never done is never learned about. A policy that has become certain of the wrong action sits on a plain with hardly any slope. (Lessons 05, 08 and 10 have three different answers to that.)
#
# ### Think · 1 point
#
# A policy takes the best action with probability 0.001. Its gradient is known exactly, without any noise. How fast does gradient ascent find the best action?
#
# - **a.** At once: the gradient points there.
# - **b.** Slowly at first: the component of its logit is π(k)(Q(k) − V), so it carries the factor 0.001 until the probability has grown.
# - **c.** Never: the component is zero.
# - **d.** As fast as from any other policy, since Q(k) − V is large.


# %% nbgrader={"grade": false, "grade_id": "answer-a-rare-action", "locked": false, "schema_version": 3, "solution": true}
def answer_a_rare_action():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-a-rare-action", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_a_rare_action)

# %% [markdown]
#
# ## 5 · What everybody leaves out
#
# $d^\pi$ discounts: step t counts $\gamma^t$. Nearly every implementation averages over all steps of a batch alike, with Q still discounted. What do they follow?
#
# ### Exercise 7 · `undiscounted_gradient`
#
# 2 points · 6 minutes · difficulty ●●○ medium
#
# $d^\pi$ replaced by $\sum_{t<\text{horizon}}\Pr(s_t=s)$; Q as before.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Exercise 4 without one factor.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# t = 0, …, horizon − 1: that many rounds.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# In your loop: `visits, now = visits + now, now @ chain`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "undiscounted-gradient", "locked": false, "schema_version": 3, "solution": true}
def undiscounted_gradient(P, R, logits, p0, gamma, horizon):
    """Σ_s Σ_{t<horizon} Pr(s_t = s) Σ_a Q ∇π, by logits. -> (S, K)."""
    ### BEGIN SOLUTION
    pi = logits.softmax(-1)
    chain = torch.einsum("sk,skt->st", pi, P)
    q_value = action_value(P, R, policy_evaluation(P, R, pi, gamma), gamma)
    visits, now = torch.zeros_like(p0), p0
    for _ in range(horizon):
        visits, now = visits + now, now @ chain
    return visits.unsqueeze(-1) * pi * (q_value - (pi * q_value).sum(-1, keepdim=True))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-undiscounted-gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(undiscounted_gradient)
### BEGIN HIDDEN TESTS
check(undiscounted_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The cosine of the angle between the two directions (1: the same, 0: at right angles), for 100 steps and several γ, on our four states and averaged over 200 random MDPs:


# %% tags=["raises-exception"]
def cosine(P, R, logits, p0, gamma):
    a = policy_gradient_theorem(P, R, logits, p0, gamma)
    b = undiscounted_gradient(P, R, logits, p0, gamma, 100)
    return ((a * b).sum() / (a.norm() * b.norm())).item()


for g in (0.0, 0.5, 0.9, 0.99):
    others = [
        cosine(m.P, m.R, torch.zeros(4, 3).double(), m.p0, g)
        for m in (random_mdp(4, 3, seed) for seed in range(200))
    ]
    print(
        f"γ = {g:<4}  ours {cosine(P, R, logits, p0, g):.3f}   200 MDPs: mean {np.mean(others):.3f}, smallest {min(others):.3f}"
    )

# %% [markdown]
# **Predict:** in a table each state has logits of its own. Can the undiscounted direction ever point downhill there? And if states *share* parameters, as in a network?
#
# In a table it multiplies every state's part of ∇J with a positive number: uphill still, though not steepest. Now a corridor. At the start the agent chooses between a small reward now (1) and nothing; afterwards it walks for ever through states in which the *other* action pays 0.2. One parameter for all states: z is the logit of the first action everywhere.

# %% nbgrader={"grade": false, "grade_id": "corridor", "locked": true, "schema_version": 3, "solution": false}
walk = torch.zeros(2, 2, 2, dtype=torch.float64)
walk[:, :, 1] = 1.0  # from the start, and from the corridor, into the corridor
pay = torch.tensor([[1.0, 0.0], [0.0, 0.2]], dtype=torch.float64)
begin = torch.tensor([1.0, 0.0], dtype=torch.float64)


def shared(gradient, z, gamma, *more):
    """The derivative with respect to the shared logit: the chain rule adds up both states."""
    table = torch.tensor([[z, 0.0], [z, 0.0]], dtype=torch.float64)
    return gradient(walk, pay, table, begin, gamma, *more)[:, 0].sum().item()


# %% tags=["raises-exception"]
for g in (0.5, 0.7, 0.8, 0.9):
    right, dropped = (
        shared(policy_gradient_theorem, 0.0, g),
        shared(undiscounted_gradient, 0.0, g, 100),
    )
    print(f"γ = {g}: ∇J = {right:+.3f}   without γ^t {dropped:+.3f}")

# %% [markdown]
# J depends on z alone, so both directions can be drawn along it. Move γ:


# %% nbgrader={"grade": false, "grade_id": "corridor-figure", "locked": true, "schema_version": 3, "solution": false}
def draw_corridor(axes, gamma):
    grid = torch.linspace(-4, 4, 81, dtype=torch.float64)
    first = torch.sigmoid(grid)  # the probability of the first action
    J = first + 0.2 * gamma / (1 - gamma) * (1 - first)
    axes.plot(grid, J, color=COLORS["exact"], linewidth=1)
    for gradient, color, label, width in (
        (shared(policy_gradient_theorem, 0.0, gamma), "reinforce", "∇J", 4),
        (shared(undiscounted_gradient, 0.0, gamma, 100), "wrong", "without γᵗ", 1.5),
    ):
        end = 60 if gradient > 0 else 20  # z = 2 or −2
        arrow = {"arrowstyle": "-|>", "color": COLORS[color], "linewidth": width}
        axes.annotate("", (grid[end], J[end]), (grid[40], J[40]), arrowprops=arrow)
        axes.plot([], [], color=COLORS[color], label=label)
    axes.set(xlabel="logit z", ylabel="J", ylim=(0, 2.2))
    axes.legend(loc="upper right", fontsize=7)


# %% tags=["raises-exception"]
slider(
    draw_corridor,
    gamma=[0.5, 0.7, 0.8, 0.9],
    static=[{"gamma": gamma} for gamma in (0.5, 0.8, 0.9)],
    labels={"gamma": "γ"},
    title="Two arrows from z = 0: for γ = 0.5 and 0.8 one leads downhill",
    alt="Three panels of J against the shared logit z. For γ = 0.5 and 0.8 J rises with z; an arrow for ∇J leads up the curve, an arrow for the direction "
    "without γ^t down it. For γ = 0.9 J falls with z, and both arrows lead up the curve, to the left.",
)

# %% [markdown]
# For γ up to 0.8 the return asks for the first action, and the undiscounted direction, which counts a hundred corridor steps in full, goes the other way: *downhill*. It is the gradient of no objective at all [Nota and Thomas 2020]. In practice it works well, because late steps are worth learning from; but it is not ∇J, and now you know by how much.
#
# ### Think · 1 point
#
# Why does nearly everybody drop γᵗ all the same?
#
# - **a.** With γ = 0.99, step 500 would count 0.0066: the end of a long episode would hardly be learned from, though one wants a policy that is good there too.
# - **b.** Because it makes no difference.
# - **c.** Because it reduces the variance to zero.
# - **d.** Because Q would be wrong otherwise.


# %% nbgrader={"grade": false, "grade_id": "answer-why-dropped", "locked": false, "schema_version": 3, "solution": true}
def answer_why_dropped():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-why-dropped", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_why_dropped)

# %% [markdown]
# ## 6 · Your theorem finds a way
#
# The grid of lesson 00, whose random walker ended in the pit. Follow your exact gradient, and an estimate of it from 50 samples a step, with γ = 0.9:

# %% nbgrader={"grade": false, "grade_id": "climb", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
maze = grid_world()


def climb(samples, seed=0, steps=150):
    """J along 150 steps of ascent, exact (samples = 0) or estimated."""
    generator, z, history = torch.Generator().manual_seed(seed), torch.zeros_like(maze.R), []
    for _ in range(steps):
        pi = z.softmax(-1)
        value = policy_evaluation(maze.P, maze.R, pi, 0.9)
        history.append((maze.p0 @ value).item())
        if samples == 0:
            z = z + 2.0 * policy_gradient_theorem(maze.P, maze.R, z, maze.p0, 0.9)
            continue
        chain = torch.einsum("sk,skt->st", pi, maze.P)
        visits = torch.linalg.solve(torch.eye(len(z), dtype=z.dtype) - 0.9 * chain.T, maze.p0)
        state = torch.multinomial(visits, samples, replacement=True, generator=generator)
        action = torch.multinomial(pi[state], 1, generator=generator).squeeze(-1)
        advantage = (action_value(maze.P, maze.R, value, 0.9) - value.unsqueeze(-1))[state, action]
        weight = visits.sum().expand(samples)
        z = z + 2.0 * likelihood_ratio_gradient(z, state, action, advantage, weight)
    return history


curves = [climb(0)] + [climb(50, seed) for seed in range(5)]

# %% [markdown]
# (The estimate uses the advantage Q − V, lesson 03. In a world with ends $d^\pi$ does not sum to 1/(1 − γ); the weight is its sum.)

# %% nbgrader={"grade": false, "grade_id": "climb-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3.2))
for curve in curves[1:]:
    axes.plot(curve, color=COLORS["reinforce"], linewidth=1, alpha=0.7)
axes.plot(curves[0], color=COLORS["exact"], label="exact gradient")
axes.plot([], [], color=COLORS["reinforce"], label="50 samples a step, five seeds")
axes.set(xlabel="steps of gradient ascent", ylabel="expected return J")
ends = [curve[-1] for curve in curves]
axes.set_title("Fifty samples a step climb nearly as fast as the exact gradient")
axes.legend(loc="lower right")
show(
    figure,
    alt=f"J over 150 steps of ascent. The exact gradient rises from {curves[0][0]:.2f} to {ends[0]:.2f}; five runs with 50 samples a step end between {min(ends[1:]):.2f} and {max(ends[1:]):.2f}.",
)

# %% [markdown]
# For forty steps next to nothing happens. Whoever walks for ever pays $1/(1-0.9)=10$, and whoever falls into the pit after d steps pays $10\,(1-0.9^d)+0.9^d\cdot10=10$ too: with γ = 0.9 nothing is better than anything else but the goal, and a random walker hardly ever sees it. Once it is found, the hill is steep. (In lesson 00 γ was 0.95. Then walking for ever costs 20 and the pit still 10, so the slope led there.)
#
# ### Think · 1 point
#
# In the theorem, Q is the action value of the *current* policy. Suppose you keep an old Q, from ten updates ago, because computing it is expensive. What do you follow?
#
# - **a.** ∇J, since Q is not differentiated anyway.
# - **b.** The gradient of the old policy.
# - **c.** Something else than ∇J, close to it while the policy has changed little; how close is the subject of lessons 06 and 08.
# - **d.** Nothing useful: the direction is random.


# %% nbgrader={"grade": false, "grade_id": "answer-old-q", "locked": false, "schema_version": 3, "solution": true}
def answer_old_q():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-old-q", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_old_q)

# %% [markdown]
# ## 7 · What we left out
#
# - **Critics:** if Q is approximated by features that fit the policy (*compatible* features), the theorem still holds exactly (Sutton et al. 2000); lesson 08 meets them again.
# - **Average reward**, where $d^\pi$ is the stationary distribution. **Continuous actions:** sums become integrals; lesson 07 lets the policy become deterministic.
#
# ## Summary
#
# | line | equality |
# | --- | --- |
# | 1 | $V=\sum_a\pi Q$ |
# | 2 | $\nabla V=\sum_aQ\nabla\pi+\sum_a\pi\nabla Q$ |
# | 3 | $\nabla Q=\gamma\sum_{s'}P\,\nabla V$ |
# | 4 | $\nabla V(s)=\sum_aQ\nabla\pi+\gamma\sum_a\pi\sum_{s'}P\,\nabla V(s')$ |
# | 5 | $\nabla J=\sum_k\gamma^k\sum_s\Pr(s_k=s)\sum_aQ\nabla\pi$ |
# | 6 | $\nabla J=\sum_sd^\pi(s)\sum_aQ\nabla\pi$ |
#
# - Softmax: $\sum_aQ\,\partial\pi/\partial\theta_k=\pi_k(Q_k-\sum_a\pi Q)$. · Samples: weight $1/(1-\gamma)$. · Without $\gamma^t$: the gradient of no objective.

# %% [markdown]
# ### In your own words · 3 points, graded by hand · 12 minutes
#
# A colleague derives a "simpler" theorem: "J is $\sum_sd^\pi(s)\sum_a\pi(a|s)R(s,a)$, and by the policy gradient theorem $d^\pi$ need not be differentiated, so $\nabla J=\sum_sd^\pi(s)\sum_aR(s,a)\nabla\pi(a|s)$."
#
# 1. Her first formula is right. What is wrong with the second?
# 2. In which MDPs is her result right all the same?
# 3. Her agent learns to grab small rewards at once. Explain why, with the formula.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-simpler-theorem", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. The theorem does not say that d^π may be held constant in *this* expression: it holds for Σ d^π Σ Q ∇π, with Q in place of R. In J = Σ d^π R_π the derivative of d^π is needed; the theorem trades it for the later rewards in Q.
# 2. Where the action has no influence on what comes next: γ = 0, P(s'|s, a) the same for all a (contextual bandits), or a single state. Then Q(s, a) − R(s, a) does not depend on a, and the difference vanishes because Σ ∇π = 0. (Half a point for γ = 0 alone.)
# 3. With R in place of Q an action is credited with its own reward only; whatever it leads to later has no weight, so actions that pay at once are reinforced and actions that lead to better states are not.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Sutton, McAllester, Singh, Mansour (2000), *Policy gradient methods for reinforcement learning with function approximation*: the theorem.
# - Marbach and Tsitsiklis (2001), and Williams (1992), for its relatives. · Sutton and Barto (2018), section 13.2.
# - Nota and Thomas (2020), *Is the policy gradient a gradient?* · Thomas (2014), *Bias in natural actor-critic algorithms*.
# - Agarwal, Kakade, Lee, Mahajan (2021), *On the theory of policy gradient methods*: where softmax policies get stuck.
# - [000]: theorem and proof; [002], [003], [004]: the derivation over trajectories.
