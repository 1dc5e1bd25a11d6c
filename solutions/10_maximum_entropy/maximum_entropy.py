# %% [markdown]
# # What is it worth to keep your options open?
#
# **Lesson 10 · Maximum entropy and SAC** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

import torch

from course_lib import check, check_answer
from course_lib.environments.grid_worlds import two_way_maze
from course_lib.environments.tabular import random_mdp
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
from course_lib.runs import RUNS, Band, reference_band

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A maze with two ways to the goal, ten steps each. On the lower one a single step is rough and costs 1.2 in place of 1. So the best policy takes the upper way, always. It is right, and it is brittle: shut the upper way, and it walks into the barrier for ever.

# %% nbgrader={"grade": false, "grade_id": "maze", "locked": true, "schema_version": 3, "solution": false}
GAMMA = 0.99
MAZE, UPPER_SHUT = two_way_maze(), two_way_maze("upper")
START = int(MAZE.p0.argmax())


def value_at_start(mdp, pi):
    """The expected discounted return, rewards only, by a linear solve."""
    chain = torch.einsum("sk,skt->st", pi, mdp.P)
    identity = torch.eye(len(chain), dtype=chain.dtype)
    return torch.linalg.solve(identity - GAMMA * chain, (pi * mdp.R).sum(-1))[START].item()


def best_actions(mdp):
    """(S, K) one-hot: the greedy policy of value iteration."""
    value = torch.zeros(mdp.num_states, dtype=torch.float64)
    for _ in range(2_000):
        q_value = mdp.R + GAMMA * mdp.P @ value
        value = q_value.max(-1).values
    return torch.nn.functional.one_hot(q_value.argmax(-1), mdp.num_actions).double()


greedy = best_actions(MAZE)
print(f"both ways open: {value_at_start(MAZE, greedy):.2f}")
print(f"upper way shut: {value_at_start(UPPER_SHUT, greedy):.2f}")

# %% [markdown]
# −100 is $-1/(1-\gamma)$: a step of −1 for ever. By the end of section 2 you will have a policy that gives up 0.2 of reward when all is well and comes through when it is not, *without ever having seen the barrier*. It was never told to prepare for anything. It was told that randomness is worth something.
#
# - **You will** find the best distribution under an entropy bonus, prove that soft policy iteration improves every time and watch the proof hold, squeeze a Gaussian through a tanh without losing its density, write SAC's losses, and let your SAC swing up a pendulum.
# - **You need** Q and V of a tabular MDP (lesson 04), entropy (lesson 05), targets and twin critics (lesson 07).
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | what a nat of entropy is worth | λ, α in [001]; 1 in its algorithm | the *temperature* T |
# | what is maximised in "maximum entropy learning" | "cost" c(x) in [001] | a value Q: larger is better |
# | reward with entropy | $r_\pi=r+\mathbb E[\mathcal H(\pi(\cdot\mid s_{t+1}))]$ in [001] | the entropy of $s_{t+1}$ is earned there, so it is discounted: $r+\gamma\,T\,\mathbb E[\mathcal H]$ |
# | entropy | $H(\pi)$, $\mathcal H$ | $H(\pi)=-\sum_a\pi(a)\log\pi(a)$, in nats |
#
# [000] Preechakul, [001] Lecture 9, [004] van Krieken.
# </details>
#
# ## 1 · One state: the best mixture
#
# You stand before K actions with values Q(a). The best *distribution* over them puts everything on the largest. Now let every nat of entropy (entropy counted with natural logarithms, as in lesson 05) be worth T:
#
# $$\max_\pi\;F(\pi)=\sum_a\pi(a)\,Q(a)+T\,H(\pi),\qquad\sum_a\pi(a)=1$$
#
# **Predict:** Q = (1, 0.8, 0, −1). Which T makes the best action twice as likely as the second?
#
# One multiplier μ for the constraint. F is concave in π, so it suffices that each derivative vanishes:
#
# $$\frac{\partial}{\partial\pi(a)}\Big[F(\pi)+\mu\big(1-\textstyle\sum\pi\big)\Big]=Q(a)-T\log\pi(a)-T-\mu=0\;\;\Rightarrow\;\;\pi(a)=e^{Q(a)/T}\cdot e^{-1-\mu/T}$$
#
# The last factor is the same for all actions, so it is what makes the sum 1:
#
# $$\pi^*(a)=\frac{e^{Q(a)/T}}{Z},\qquad Z=\sum_ke^{Q(k)/T}$$
#
# The *Boltzmann policy*. Two actions' odds are $e^{\Delta Q/T}$: twice as likely means $\Delta Q=T\log2$, so here $T=0.2/\log2\approx0.29$.
#
# ### Exercise 1 · `boltzmann_policy`
#
# 1 point · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Probabilities of the actions of one state sum to 1. Which axis is that?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\text{softmax}(Q/T)$. Do not build it from `exp`: $e^{1000}$ is ∞.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.softmax(…, dim=-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "boltzmann-policy", "locked": false, "schema_version": 3, "solution": true}
def boltzmann_policy(q_value, temperature):
    """π(a|s) = exp(Q/T)/Z. (B, K), T > 0 -> (B, K)."""
    ### BEGIN SOLUTION
    return torch.softmax(q_value / temperature, dim=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-boltzmann-policy", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(boltzmann_policy)
### BEGIN HIDDEN TESTS
check(boltzmann_policy, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is it the best mixture? Ten thousand random ones against it:

# %% tags=["raises-exception"]
Q = torch.tensor([1.0, 0.8, 0.0, -1.0], dtype=torch.float64)
generator = torch.Generator().manual_seed(0)


def objective(pi, T):
    """F(π) = Σ π Q + T H(π), for one distribution or many."""
    return (pi * Q).sum(-1) + T * torch.special.entr(pi).sum(-1)


others = (3 * torch.randn(10_000, 4, generator=generator, dtype=torch.float64)).softmax(-1)
for T in (0.1, 0.5, 2.0):
    best = boltzmann_policy(Q.unsqueeze(0), T)
    print(
        f"T = {T}: F(π*) = {objective(best, T).item():.4f}, best of 10,000 others {objective(others, T).max():.4f}"
    )

# %% [markdown]
# ### Spot the slip · 1 point
#
# [001] prints the solution as $\;\partial_pL=\sum_x[c(x)-\lambda\log p(x)-\lambda]=0,\;\;p(x)\sim e^{c(x)}$. What is wrong?
#
# - **a.** The sign: it should be $p(x)\sim e^{-c(x)}$, because c is a cost.
# - **b.** Nothing, if p is normalised.
# - **c.** $p(x)\sim e^{c(x)/\lambda}$; and the condition holds for each x, with a multiplier for Σp = 1, not for the sum.
# - **d.** λ should multiply: $p(x)\sim e^{\lambda c(x)}$.


# %% nbgrader={"grade": false, "grade_id": "answer-exponent", "locked": false, "schema_version": 3, "solution": true}
def answer_exponent():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-exponent", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_exponent)

# %% [markdown]
# And how good is the best? Put π* in: $\log\pi^*(a)=Q(a)/T-\log Z$, so $Q-T\log\pi^*=T\log Z$ for *every* action, and so is the average:
#
# $$V=F(\pi^*)=T\log Z=T\log\sum_ke^{Q(k)/T}$$
#
# the *soft value*. Every action, good or bad, is worth the same once its rarity is paid for: that is what "in balance" means here.
#
# ### Exercise 2 · `soft_value`
#
# 1 point · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# T stands in two places. What should come out for T → 0?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $T\log\sum_k\exp(Q_k/T)$ over the last axis. torch has a function that does log, sum and exp at once, safely.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `temperature * torch.logsumexp(…, dim=-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "soft-value", "locked": false, "schema_version": 3, "solution": true}
def soft_value(q_value, temperature):
    """V(s) = T log Σ exp(Q/T), stable for large Q. (B, K), T > 0 -> (B,)."""
    ### BEGIN SOLUTION
    return temperature * torch.logsumexp(q_value / temperature, dim=-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-soft-value", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(soft_value)
### BEGIN HIDDEN TESTS
check(soft_value, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Three facts, as numbers: V = F(π*); V lies between max Q and max Q + T log K; and its slope in Q is the policy, $\partial V/\partial Q(a)=\pi^*(a)$.

# %% tags=["raises-exception"]
row = Q.unsqueeze(0).requires_grad_()
V = soft_value(row, 0.5)
slope = torch.autograd.grad(V.sum(), row)[0]
print("V and F(π*):  ", V.item(), objective(boltzmann_policy(row, 0.5), 0.5).item())
print("between:      ", Q.max().item(), Q.max().item() + 0.5 * math.log(4))
print("slope and π*: ", slope, boltzmann_policy(row, 0.5).detach(), sep="\n")

# %% [markdown]
# Move the temperature:


# %% nbgrader={"grade": false, "grade_id": "temperature-slider", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_policy(axes, T):
    """π* as bars; what they earn and what the soft value adds for entropy."""
    pi = boltzmann_policy(Q.unsqueeze(0), T)[0]
    axes.bar([f"Q = {q:g}" for q in Q.tolist()], pi, color=COLORS["sac"])
    earned, soft = (pi * Q).sum().item(), soft_value(Q.unsqueeze(0), T).item()
    axes.set(ylim=(0, 1), ylabel="π*")
    axes.tick_params(axis="x", labelsize=8)
    axes.text(3.4, 0.8, f"ΣπQ = {earned:.2f}\nV = {soft:.2f}", ha="right", fontsize=10)


slider(
    draw_policy,
    alt="The Boltzmann policy over four actions at four temperatures. At T = 0.05 nearly everything is on the best, at T = 0.29 it is twice "
    "as likely as the second, at T = 5 all four are nearly even. The mean of Q falls with T, the soft value grows.",
    static=[{"T": T} for T in (0.05, 0.29, 1.0, 5.0)],
    title="Cold is greedy, hot is even; the price is ΣπQ",
    T=[0.05, 0.1, 0.2, 0.29, 0.5, 1.0, 2.0, 5.0],
)

# %% [markdown]
# ## 2 · Many states: soft policy iteration
#
# Now every state pays for entropy, and actions lead to states:
#
# $$J(\pi)=\mathbb E\Big[\sum_t\gamma^t\big(r_{t+1}+T\,H(\pi(\cdot\mid s_t))\big)\Big]$$
#
# (Lesson 05's bonus pushed only the state at hand towards randomness. Here the entropy of *later* states counts too: a choice that leads to where many ways are open is worth more.)
#
# Value and action value follow as always; only where the entropy belongs needs care. In s, before choosing, it is ahead. Once a is chosen, it is spent:
#
# $$V(s)=\sum_a\pi(a\mid s)\big(Q(s,a)-T\log\pi(a\mid s)\big),\qquad Q(s,a)=R(s,a)+\gamma\sum_{s'}P(s'\mid s,a)\,V(s')$$
#
# ### Exercise 3 · `soft_policy_evaluation`
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# To V the entropy of s is a reward like another: it does not depend on the action that comes out. Which equation of lesson 04 does V then solve?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $(I-\gamma P_\pi)V=R_\pi+T\,H$, then $Q=R+\gamma PV$, without H(s). `torch.special.entr(p)` is −p log p, and 0 at 0.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `chain = torch.einsum("sk,skt->st", pi, P)`, `torch.linalg.solve(eye - gamma * chain, reward)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "soft-policy-evaluation", "locked": false, "schema_version": 3, "solution": true}
def soft_policy_evaluation(P, R, pi, gamma, temperature):
    """Soft Q of π. (S, K, S), (S, K), (S, K) -> (S, K); 0 · log 0 = 0."""
    ### BEGIN SOLUTION
    entropy = torch.special.entr(pi).sum(-1)
    reward = (pi * R).sum(-1) + temperature * entropy
    chain = (pi.unsqueeze(-1) * P).sum(1)
    value = torch.linalg.solve(torch.eye(len(P), dtype=P.dtype) - gamma * chain, reward)
    return R + gamma * P @ value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-soft-policy-evaluation", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(soft_policy_evaluation)
### BEGIN HIDDEN TESTS
check(soft_policy_evaluation, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Does it agree with the sum it stands for? Take an action, follow where the agent may be, step by step, and add up 400 discounted terms:

# %% tags=["raises-exception"]
mdp = random_mdp(5, 3, seed=0)
P, R, gamma, T = mdp.P, mdp.R, 0.9, 0.5
pi = torch.randn(5, 3, generator=generator, dtype=torch.float64).softmax(-1)
reward = (pi * R).sum(-1) + T * torch.special.entr(pi).sum(-1)
moves = torch.einsum("sk,skt->st", pi, P)
where, total = P[0, 1], R[0, 1].clone()  # after action 1 in state 0
for t in range(1, 400):
    total += gamma**t * where @ reward
    where = where @ moves
print("summed:", total.item(), "  solved:", soft_policy_evaluation(P, R, pi, gamma, T)[0, 1].item())

# %% [markdown]
# ### Exercise 4 · `soft_policy_iteration`
#
# 1 point · 6 minutes · difficulty ●○○ easy
#
# Evaluate the policy, become Boltzmann in its Q, and again.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which policy does the returned `q_value` belong to? With no iteration at all?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\pi_0=1/K$; $\pi_{i+1}=e^{Q^{\pi_i}/T}/Z$. After each improvement, evaluate.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# One evaluation before the loop; in the loop two lines, `pi = …` and `q_value = …`, with your functions.
# </details>


# %% nbgrader={"grade": false, "grade_id": "soft-policy-iteration", "locked": false, "schema_version": 3, "solution": true}
def soft_policy_iteration(P, R, gamma, temperature, iterations):
    """From the uniform policy: (pi, q_value), each (S, K); `q_value` is that of `pi`."""
    ### BEGIN SOLUTION
    pi = torch.full_like(R, 1 / R.shape[1])
    q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    for _ in range(iterations):
        pi = boltzmann_policy(q_value, temperature)
        q_value = soft_policy_evaluation(P, R, pi, gamma, temperature)
    return pi, q_value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-soft-policy-iteration", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(soft_policy_iteration)
### BEGIN HIDDEN TESTS
check(soft_policy_iteration, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Why should that improve anything? The new policy is best against the *old* Q; but the Q changes with the policy. [001] has the proof, in three steps. Write π for the old policy, π' for the new one.
#
# 1. π' maximises $F_s(\cdot)=\sum_a\cdot\,(Q^\pi-T\log\cdot)$ in each state (section 1), so it is at least as good there as π:
#    $\;\sum_a\pi'(Q^\pi-T\log\pi')\ge\sum_a\pi(Q^\pi-T\log\pi)=V^\pi(s)$.
# 2. So $Q^\pi=R+\gamma PV^\pi\le R+\gamma P\sum_a\pi'(Q^\pi-T\log\pi')$: replace V by something larger.
# 3. The right side holds $Q^\pi$ again, one step later. Replace it again, and again: each time one more step is taken by π', each time the expression grows. The limit is $Q^{\pi'}$.
#
# $$\boxed{Q^{\pi'}(s,a)\ge Q^\pi(s,a)\text{ for all }s,a}$$
#
# Every "≥" can be looked at. Below, the smallest difference over all states in step 1, over all pairs in step 2, and over all pairs of the result:

# %% tags=["raises-exception"]
wide = random_mdp(20, 4, seed=3)


def steps_of_the_proof(i, T=0.3):
    """The smallest slack in each line of the proof, at improvement i."""
    old, q_old = soft_policy_iteration(wide.P, wide.R, 0.95, T, i)
    new, q_new = soft_policy_iteration(wide.P, wide.R, 0.95, T, i + 1)
    before = (old * q_old).sum(-1) + T * torch.special.entr(old).sum(-1)
    after = (new * q_old).sum(-1) + T * torch.special.entr(new).sum(-1)
    one_step = wide.R + 0.95 * wide.P @ after
    return [x.min().item() for x in (after - before, one_step - q_old, q_new - q_old)]


for i in range(5):
    print(f"improvement {i + 1}: " + "  ".join(f"{x:.1e}" for x in steps_of_the_proof(i)))

# %% [markdown]
# No slack is negative, and all shrink: how fast? (The last row is rounding: these Q are around 20, and a linear solve is right to about 1e−13 there.)

# %% nbgrader={"grade": false, "grade_id": "convergence", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 2.9))
TEMPERATURES = (0.05, 0.3, 2.0)
for T, color in zip(TEMPERATURES, shades(3), strict=True):
    _, limit = soft_policy_iteration(wide.P, wide.R, 0.95, T, 30)
    gaps = [
        (limit - soft_policy_iteration(wide.P, wide.R, 0.95, T, i)[1]).max().item()
        for i in range(8)
    ]
    axes.semilogy([max(gap, 1e-14) for gap in gaps], "o-", color=color, label=f"T = {T:g}")
axes.set(xlabel="improvements", ylabel="largest gap to the best Q", ylim=(1e-14, 100))
axes.set_title("The gap is roughly squared each time: four are enough")
axes.legend()
show(
    figure,
    alt="Largest distance of Q to the soft optimum against the number of improvements, logarithmic, for T = 0.05, 0.3 and 2. All three fall faster than a "
    "straight line and reach rounding after three or four improvements; the hottest first.",
)

# %% [markdown]
# Soft policy iteration is Newton's method in disguise, hence the squares: each evaluation solves the Bellman equation *linearised* at the present policy.
#
# ### Back to the maze
#
# **Predict:** at T = 0.2, with what probability does the soft policy start with the upper way? And what happens at T = 1?

# %% nbgrader={"grade": false, "grade_id": "maze-by-temperature", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
SWEEP = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0]
soft = {T: soft_policy_iteration(MAZE.P, MAZE.R, GAMMA, T, 50)[0] for T in SWEEP}
print("T      up    down   open    upper way shut")
for T in (0.01, 0.05, 0.1, 0.2, 0.5, 1.0):
    up, down = soft[T][START, 0].item(), soft[T][START, 2].item()
    opened, shut = (value_at_start(mdp, soft[T]) for mdp in (MAZE, UPPER_SHUT))
    print(f"{T:<5}  {up:.3f} {down:.3f}  {opened:6.2f}  {shut:7.2f}")


# %% nbgrader={"grade": false, "grade_id": "maze-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_visits(axes, T):
    """How often each square is visited, both ways open; walls are white."""
    pi = soft[T]
    chain = torch.einsum("sk,skt->st", pi, MAZE.P)
    identity = torch.eye(len(chain), dtype=chain.dtype)
    visits = torch.linalg.solve(identity - chain.T * GAMMA, MAZE.p0)
    axes.imshow(MAZE.layout.picture(visits.clamp(max=1)), cmap="cividis", vmin=0, vmax=1)
    for state, (r, c) in enumerate(MAZE.layout.cells):
        axes.text(c, r, f"{visits[state]:.1f}", ha="center", va="center", fontsize=7, color="white" if visits[state] < 0.6 else "black")  # fmt: skip
    shut = value_at_start(UPPER_SHUT, pi)
    axes.set_title(f"upper way shut: {shut:.1f}", fontsize=9, fontweight="normal")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


slider(
    draw_visits,
    alt="The maze at four temperatures, each square with its expected number of visits. At T = 0.01 only the upper way is walked; at 0.1 one agent in eight takes "
    "the lower one; at 0.2 about three in ten; at 0.8 the agent wanders about near the start and hardly reaches the goal.",
    static=[{"T": T} for T in (0.01, 0.1, 0.2, 0.8)],
    title="Warm agents take both ways; hot ones never arrive",
    T=SWEEP,
)

# %% [markdown]
# One picture for both prices, what the warmth costs when both ways are open and what it saves when one is shut:

# %% nbgrader={"grade": false, "grade_id": "robustness", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
for mdp, label, color in ((MAZE, "both ways open", "sac"), (UPPER_SHUT, "upper way shut", "wrong")):
    returns = [value_at_start(mdp, soft[T]) for T in SWEEP]
    axes.plot(SWEEP, returns, "o-", color=COLORS[color], label=label)
axes.axvline(1 / math.log(4), color=COLORS["exact"], linestyle="--", linewidth=1)
axes.text(1 / math.log(4) + 0.01, -60, "T = 1/log 4")
axes.set(xlabel="temperature T", ylabel="return, rewards only")
best = max(SWEEP, key=lambda T: value_at_start(UPPER_SHUT, soft[T]))
axes.set_title(f"The agent of T = {best:g} copes best with a barrier it never saw")
axes.legend(loc="lower left", bbox_to_anchor=(0.12, 0))
show(
    figure,
    alt="Return against temperature. With both ways open it stays near −9.6 up to T = 0.2 and then falls, to −100 near T = 0.8. With the upper way shut it is −100 at "
    f"T = 0.01, best at T = {best:g} with {value_at_start(UPPER_SHUT, soft[best]):.1f}, and falls to −100 as well.",
)

# %% [markdown]
# ### Think · 1 point
#
# Four moves, every step costs 1. Why does the agent stop arriving at about T = 0.7?
#
# - **a.** Its policy is so random that it gets lost: with a longer time limit it would arrive.
# - **b.** A step of pure chance earns $T\log4$, which beats its cost from $T=1/\log4\approx0.72$ on: then walking for ever is the *best* thing to do.
# - **c.** Soft policy iteration no longer converges there.
# - **d.** γ is too small for such a high temperature.


# %% nbgrader={"grade": false, "grade_id": "answer-never-arrives", "locked": false, "schema_version": 3, "solution": true}
def answer_never_arrives():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-never-arrives", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_never_arrives)

# %% [markdown]
# An entropy bonus is a reward, and like every reward it can be the wrong one. Keep it in mind when a temperature is to be set.
#
# ### From samples: soft Q-learning
#
# Without P, put the best soft value into the target of Q-learning (lesson 07) and act by the Boltzmann policy: $y=r+\gamma\,V(s')$ with $V=T\log\sum e^{Q/T}$. With T → 0 that is Q-learning. On lesson 04's grid with the pit, your two functions:

# %% tags=["experiment", "raises-exception"]
grid_run = RUNS["soft-q-grid-world"].start(seed=0, value=soft_value, policy=boltzmann_policy)
grid_history = train(grid_run, run="soft-q-grid-world", label="soft Q-learning")

# %% [markdown]
# ## 3 · A policy gradient from a divergence
#
# In a large problem π comes from a network, and nobody can set it to $e^{Q/T}/Z$ in every state. But one can move it there. How far away is it? [000] and [001] measure with the *KL divergence*, the mean of log π − log p over actions that π draws: zero where the two agree, positive everywhere else.
#
# $$D_\text{KL}\Big(\pi_\theta\,\Big\|\,\frac{e^{Q/T}}Z\Big)=\sum_a\pi_\theta\Big(\log\pi_\theta-\frac QT\Big)+\log Z$$
#
# Z depends on Q and not on θ: leave it out. What is left is $-F(\pi_\theta)/T$, so minimising the divergence *is* maximising value plus entropy.
#
# ### Exercise 5 · `kl_policy_loss`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# One point for the value, one for the gradients: Q is the critic's, not ours to change.
#
# <details><summary>Hint 1: what to think of</summary>
#
# θ is in both factors of $\pi\,(\log\pi-Q/T)$. Which of the three quantities must be held?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Sum over actions, mean over states. `log_softmax` for log π, its `exp` for π.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(log_pi.exp() * (log_pi - (q_value / temperature).detach())).sum(-1).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "kl-policy-loss", "locked": false, "schema_version": 3, "solution": true}
def kl_policy_loss(logits, q_value, temperature):
    """mean Σ_a π (log π − Q/T), Q held. (B, K), (B, K) -> scalar."""
    ### BEGIN SOLUTION
    log_pi = logits.log_softmax(-1)
    return (log_pi.exp() * (log_pi - q_value.detach() / temperature)).sum(-1).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-kl-policy-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(kl_policy_loss)
### BEGIN HIDDEN TESTS
check(kl_policy_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What is its gradient? With the log-derivative trick (lesson 01) and $\mathbb E[\nabla\log\pi]=0$:
#
# $$\nabla_\theta\sum_a\pi\Big(\log\pi-\frac QT\Big)=\mathbb E_\pi\Big[\nabla\log\pi\cdot\Big(\log\pi-\frac QT\Big)\Big]=-\frac1T\,\mathbb E_\pi\big[\nabla\log\pi\cdot(Q-T\log\pi)\big]$$
#
# The policy gradient of lesson 04, with $Q-T\log\pi$ where Q was: each action is paid for its value *and* its rarity. As a number, and then as a path:

# %% tags=["raises-exception"]
logits = torch.tensor([[0.0, 2.0, 1.0, -1.0]], dtype=torch.float64, requires_grad=True)
T = 0.5
by_autograd = torch.autograd.grad(kl_policy_loss(logits, row.detach(), T), logits)[0]
with torch.no_grad():
    pi, log_pi = logits.softmax(-1), logits.log_softmax(-1)
    score = torch.eye(4, dtype=torch.float64) - pi  # row a: ∇ log π(a)
    by_hand = -(pi * (row - T * log_pi)) @ score / T
print(by_autograd, by_hand, sep="\n")
optimizer = torch.optim.Adam([logits], lr=0.05)
for step in range(301):
    loss = kl_policy_loss(logits, row.detach(), T)
    if step % 100 == 0:
        distance = loss.item() + torch.logsumexp(row / T, -1).item()
        print(f"step {step}: KL to the Boltzmann policy {distance:.6f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% [markdown]
# ### Spot the slip · 1 point
#
# [000] writes the KL policy gradient as $\;\nabla_\theta J(\theta)=\mathbb E_s\big[\nabla_\theta D_\text{KL}\big(\pi\,\|\,e^{Q}/Z\big)\big]$ and, in its other slides, climbs with $\theta\leftarrow\theta+\alpha\nabla J$. What would happen?
#
# - **a.** The policy would run away from $e^Q/Z$: it needs a minus, or a descent.
# - **b.** It would converge, only to $e^{-Q}/Z$.
# - **c.** Nothing: Z is missing from the gradient.
# - **d.** It would converge to the greedy policy, as T is missing.


# %% nbgrader={"grade": false, "grade_id": "answer-which-way", "locked": false, "schema_version": 3, "solution": true}
def answer_which_way():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-which-way", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_which_way)

# %% [markdown]
# ## 4 · Squeezing a Gaussian
#
# A torque is a number in [−2, 2], not one of four actions. A Gaussian has no bounds; SAC squeezes it: $u\sim N(\mu,\sigma^2)$, $a=\tanh u\in(-1,1)$. To pay for entropy we need log π(a), and a is not Gaussian any more.
#
# **Predict:** σ = 1.5, μ = 0. Where is the density of a = tanh u largest: in the middle, or near ±1?
#
# What lies in a small interval of u, of width du, lies in an interval of a, of width $da=(1-\tanh^2u)\,du$. The probability is the same, so the density is divided by the slope:
#
# $$\log\pi(a)=\sum_d\Big[\log N(u_d;\mu_d,\sigma_d^2)-\log(1-\tanh^2u_d)\Big]$$
#
# Where the tanh is flat, the density piles up. And there the formula breaks: at u = 20, tanh u rounds to 1, and log(1 − 1) = −∞. Do not patch it with +1e−6; rewrite it. With $1-\tanh^2u=4/(e^u+e^{-u})^2$ and $e^u+e^{-u}=e^u(1+e^{-2u})$:
#
# $$\log(1-\tanh^2u)=2\big(\log2-u-\log(1+e^{-2u})\big)=2\big(\log2-u-\text{softplus}(-2u)\big)$$
#
# ### Exercise 6 · `squashed_gaussian_log_prob`
#
# 3 points · 12 minutes · difficulty ●●○ medium
#
# Two points for values and gradients, one for |u| = 20. `log_std` is (B, D) or (D,).
#
# <details><summary>Hint 1: what to think of</summary>
#
# Both parts are sums over the dimensions of the action; one number a state is left.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log N=-\tfrac12\big(\tfrac{u-\mu}\sigma\big)^2-\log\sigma-\tfrac12\log2\pi$, at u, not at a. Then subtract the log-slope above.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.nn.functional.softplus(-2 * pre_tanh)`, `.sum(-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "squashed-gaussian-log-prob", "locked": false, "schema_version": 3, "solution": true}
def squashed_gaussian_log_prob(mean, log_std, pre_tanh):
    """log π of a = tanh(u), u ~ N(mean, exp(log_std)²). (B, D), (B, D) or (D,), (B, D) -> (B,)."""
    ### BEGIN SOLUTION
    noise = (pre_tanh - mean) * torch.exp(-log_std)
    gaussian = -0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi)
    softplus = torch.nn.functional.softplus(-2 * pre_tanh)
    log_slope = 2 * (math.log(2) - pre_tanh - softplus)
    return (gaussian - log_slope).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-squashed-gaussian-log-prob", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(squashed_gaussian_log_prob)
### BEGIN HIDDEN TESTS
check(squashed_gaussian_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# A density integrates to 1, and agrees with a histogram. Both for three σ:

# %% nbgrader={"grade": false, "grade_id": "squash-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(1, 3, size=(7, 2.6), sharey=True)
a = torch.linspace(-0.9999, 0.9999, 20_001, dtype=torch.float64)
areas = []
for axis, std in zip(axes, (0.3, 0.8, 1.5), strict=True):
    zero, log_std = torch.zeros(len(a), 1).double(), torch.tensor([math.log(std)]).double()
    density = squashed_gaussian_log_prob(zero, log_std, torch.atanh(a).unsqueeze(1)).exp()
    areas.append(torch.trapezoid(density, a).item())
    sampled = torch.tanh(std * torch.randn(100_000, generator=generator))
    axis.hist(sampled, bins=40, range=(-1, 1), density=True, color=COLORS["sac"], alpha=0.35)
    axis.plot(a, density, color=COLORS["sac"])
    axis.set(xlabel="a", ylim=(0, 2.2), title=f"σ = {std:g}")
axes[0].set_ylabel("density of a = tanh u")
figure.suptitle(
    "A wide Gaussian, squeezed, is largest at the ends", x=0.01, ha="left", weight="bold"
)
show(
    figure,
    alt="Histograms of 100,000 samples of tanh u with the density over them, μ = 0. σ = 0.3: a bell in the middle. σ = 0.8: nearly flat, falling at the ends. "
    "σ = 1.5: low in the middle, rising steeply towards −1 and 1. Line and histogram agree.",
)
print("areas under the lines:", [round(area, 4) for area in areas])

# %% [markdown]
# And at the ends, in float32, beside what is often seen in code:

# %% tags=["raises-exception"]
for u in (2.0, 8.0, 20.0):
    one, log_std = torch.tensor([[u]]), torch.zeros(1)
    patched = -0.5 * math.log(2 * math.pi) - torch.log(1 - one.tanh() ** 2 + 1e-6)
    ours = squashed_gaussian_log_prob(one, log_std, one)
    print(f"u = {u:4.0f}: exact form {ours.item():8.4f}   with + 1e-6 {patched.item():8.4f}")

# %% [markdown]
# ### Think · 1 point
#
# Why not draw u and *clip* it to [−1, 1]?
#
# - **a.** Clipping is slower than tanh.
# - **b.** Clipped actions cannot reach ±1.
# - **c.** The clipped distribution has lumps of probability at exactly ±1, so there is no density to take a logarithm of, and beyond the bounds the action has no slope in θ.
# - **d.** It would be fine; SAC merely prefers smooth functions.


# %% nbgrader={"grade": false, "grade_id": "answer-why-tanh", "locked": false, "schema_version": 3, "solution": true}
def answer_why_tanh():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-why-tanh", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_why_tanh)

# %% [markdown]
# ## 5 · The losses of SAC
#
# *Soft actor-critic* is soft policy iteration with networks, from replayed steps: the evaluation becomes a regression, the improvement one step down the KL. The first version (the slide in [001], with T = 1) learns V as well. A fresh action a ~ π in a replayed state gives a sample of $Q-T\log\pi$, whose mean is V (⊥ as in lesson 05: held, `detach()`):
#
# $$L_V=\text{mean}\;\tfrac12\big(V(s)-\bot[\min(Q_1,Q_2)(s,a)-T\log\pi(a\mid s)]\big)^2$$
#
# The minimum of two critics is TD3's remedy against overestimation (lesson 07).
#
# ### Exercise 7 · `sac_value_loss`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Who should learn from this loss? Only V.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Build the target from `torch.minimum(q1, q2)` and `log_prob`; hold all of it.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `target = (torch.minimum(q1, q2) - …).detach()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "sac-value-loss", "locked": false, "schema_version": 3, "solution": true}
def sac_value_loss(value, q1, q2, log_prob, temperature):
    """mean ½ (V − y)², y = min Q − T log π held. All (B,) -> scalar."""
    ### BEGIN SOLUTION
    target = (torch.minimum(q1, q2) - temperature * log_prob).detach()
    return 0.5 * ((value - target) ** 2).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sac-value-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sac_value_loss)
### BEGIN HIDDEN TESTS
check(sac_value_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 8 · `sac_target`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# The second version saves the V network: it draws a' ~ π in the next state and puts the sample into Q's target.
#
# $$y=r+\gamma\,(1-\text{terminated})\,\big[\min(Q_1^-,Q_2^-)(s',a')-T\log\pi(a'\mid s')\big]$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# After a terminated step nobody acts any more. What of the bracket survives?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Entropy is part of the future, like Q: discounted, and masked. No gradient leaves this function.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `with torch.no_grad():`, `future.masked_fill(terminated, 0)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "sac-target", "locked": false, "schema_version": 3, "solution": true}
def sac_target(reward, next_q1, next_q2, next_log_prob, terminated, gamma, temperature):
    """y = r + γ (1 − terminated) (min Q − T log π). All (B,), no gradient -> (B,)."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        future = torch.minimum(next_q1, next_q2) - temperature * next_log_prob
        return reward + gamma * ~terminated * future
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sac-target", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sac_target)
### BEGIN HIDDEN TESTS
check(sac_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 9 · `sac_policy_loss`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# The KL of section 3, times T, with one sampled action in place of the sum. The sample is written as a function of θ, $a=\tanh(\mu_\theta+\sigma_\theta\varepsilon)$ (the reparameterisation of lesson 01), so the gradient runs through log π and *through the critic*:
#
# $$L_\pi=\text{mean}\big(T\log\pi_\theta(a\mid s)-\min(Q_1,Q_2)(s,a)\big)$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# Unlike in the value's loss, nothing is a constant here except T.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The loss is minimised: what is liked gets a minus. Which critic is smaller may differ from state to state.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(… * log_prob - torch.minimum(q1, q2)).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "sac-policy-loss", "locked": false, "schema_version": 3, "solution": true}
def sac_policy_loss(log_prob, q1, q2, temperature):
    """mean(T log π − min(Q₁, Q₂)), gradient through both. All (B,) -> scalar."""
    ### BEGIN SOLUTION
    return (temperature * log_prob - torch.minimum(q1, q2)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sac-policy-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sac_policy_loss)
### BEGIN HIDDEN TESTS
check(sac_policy_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Two ways to the same gradient: through the critic's slope, or with the score function, $\nabla\log\pi$ times a weight. Take a critic we know, Q(a) = −(a − 0.6)², one state, μ = 0, σ = 0.5, T = 0.1.
#
# **Predict:** whose estimate of ∂L/∂μ from one sample is noisier, and by how much?

# %% nbgrader={"grade": false, "grade_id": "pathwise", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
n, T = 200_000, 0.1
mean = torch.zeros(n, 1, dtype=torch.float64, requires_grad=True)
log_std = torch.full((1,), math.log(0.5), dtype=torch.float64)
noise = torch.randn(n, 1, generator=generator, dtype=torch.float64)
u = mean + log_std.exp() * noise
q_value = -((torch.tanh(u) - 0.6) ** 2).squeeze(-1)
loss = n * sac_policy_loss(squashed_gaussian_log_prob(mean, log_std, u), q_value, q_value, T)
pathwise = torch.autograd.grad(loss, mean)[0].squeeze()
held = u.detach()
log_prob = squashed_gaussian_log_prob(mean, log_std, held)
weight = (T * log_prob + (torch.tanh(held) - 0.6).squeeze(-1) ** 2).detach()
scored = torch.autograd.grad((weight * log_prob).sum(), mean)[0].squeeze()
for name, sample in {"through the critic": pathwise, "score function": scored}.items():
    print(f"{name:19} mean {sample.mean():.4f} ± {sample.std() / n**0.5:.4f}   standard deviation {sample.std():.3f}")  # fmt: skip

# %% [markdown]
# One mean, and a standard deviation of little more than a third: the score function needs seven and a half times as many samples. The critic's slope says at once in which direction the action should move, where the score function has to find out by trying. (That Q be *right* in its slope is another matter: lesson 07.)
#
# ### Exercise 10 · `temperature_loss`
#
# 1 point · 6 minutes · difficulty ●●○ medium
#
# T is in units of reward, so the right T depends on the task, and on the day: early the agent should try more. Haarnoja et al. (2019) fix how random the policy shall be, $H\ge\bar H$ on average, and let T be the multiplier of that constraint: dearer while the entropy is too low, cheaper while it is too high.
#
# $$L(\log T)=-\text{mean}\big(\log T\cdot\bot(\log\pi(a\mid s)+\bar H)\big),\qquad\frac{\partial L}{\partial\log T}=\underbrace{-\,\text{mean}\log\pi}_{\approx H}-\bar H$$
#
# (The paper has T in front; implementations have log T: same zero, same sign, and steps that do not shrink with T.) By custom $\bar H=-D$, with densities in (−1, 1): about as random as a uniform draw from a range of width $e^{-1}\approx0.37$ in each dimension.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Gradient descent lowers T when the slope is positive. When should that be?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Exactly as above. `log_prob` comes from the policy's graph: hold it.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-(log_temperature * (log_prob + target_entropy).detach()).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "temperature-loss", "locked": false, "schema_version": 3, "solution": true}
def temperature_loss(log_temperature, log_prob, target_entropy):
    """−mean(log T (log π + H̄)), log π held. Scalar, (B,), float -> scalar."""
    ### BEGIN SOLUTION
    return -(log_temperature * (log_prob + target_entropy).detach()).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-temperature-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(temperature_loss)
### BEGIN HIDDEN TESTS
check(temperature_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Think · 1 point
#
# You scale all rewards of a task by 10. What must be changed, with a fixed T and with a learned one?
#
# - **a.** Nothing in either case: entropy has no units.
# - **b.** Fixed: T must be 10 times larger, or the policy becomes greedier. Learned: nothing, T grows by itself until the entropy is H̄ again.
# - **c.** Fixed: T must be 10 times smaller. Learned: H̄ must be 10 times larger.
# - **d.** Fixed: nothing. Learned: the learning rate of T must be 10 times larger.


# %% nbgrader={"grade": false, "grade_id": "answer-scaled-rewards", "locked": false, "schema_version": 3, "solution": true}
def answer_scaled_rewards():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-scaled-rewards", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_scaled_rewards)

# %% [markdown]
# ## 6 · Your SAC swings up a pendulum
#
# Torque in [−2, 2], too weak to lift the pendulum at once: it has to swing. Everything learned in this run goes through your four functions. It goes on for a while after the pendulum stands, so that you see what the temperature does.

# %% tags=["experiment", "raises-exception"]
yours = {
    "target": sac_target,
    "policy_loss": sac_policy_loss,
    "price": temperature_loss,
    "squashed_log_prob": squashed_gaussian_log_prob,
}
run = RUNS["sac-pendulum"].start(seed=0, **yours)
history = train(run, run="sac-pendulum", label="sac", max_steps=5_000, stop_when_solved=False)

# %% tags=["experiment", "raises-exception"]
show_agent(history.policy, "Pendulum-v1")

# %% [markdown]
# What did the temperature do meanwhile?

# %% nbgrader={"grade": false, "grade_id": "temperature-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(1, 2, size=(7, 2.7))
steps = history.update_steps
for axis, name, label in zip(
    axes, ("entropy", "temperature"), ("entropy of π, nats", "T"), strict=True
):
    axis.plot(steps, history.metrics[name], color=COLORS["sac"])
    axis.set(xlabel="environment steps", ylabel=label)
axes[0].axhline(-1, color=COLORS["exact"], linestyle="--", linewidth=1)
axes[0].text(steps[0], -0.97, "target", va="bottom")
axes[1].set_yscale("log")
entropy, temperature = history.metrics["entropy"], history.metrics["temperature"]
figure.suptitle(
    "T falls as long as there is more entropy than the target", x=0.01, ha="left", weight="bold"
)
show(
    figure,
    alt=f"Left: the policy's entropy, from {entropy[0]:.2f} to {entropy[-1]:.2f} nats; the target is −1. "
    f"Right: the temperature, logarithmic, from {temperature[0]:.2f} to {temperature[-1]:.3f}.",
)

# %% [markdown]
# The first version, with a V network and a fixed temperature, with your value loss. It needs a T that somebody found (0.02, with rewards scaled by 0.1):

# %% tags=["experiment", "raises-exception"]
first = {
    "value_loss": sac_value_loss,
    "policy_loss": sac_policy_loss,
    "squashed_log_prob": squashed_gaussian_log_prob,
}
v_history = train(
    RUNS["sac-v-pendulum"].start(seed=0, **first), run="sac-v-pendulum", label="sac, V network"
)

# %% [markdown]
# ### Silent bug · Exercise 11
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# The torque is a = 2 tanh u. A friend computes the density of *that* action, bound included, which is right of him. There were NaNs; he cured them with a clamp. Now it runs:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_scaled_log_prob(mean, log_std, pre_tanh, high):
    """Meant: log π of a = high · tanh(u). (B, D) three times -> (B,). It runs."""
    gaussian = torch.distributions.Normal(mean, log_std.exp()).log_prob(pre_tanh)
    action = high * torch.tanh(pre_tanh)
    slope = (1 - action**2).clamp(min=1e-6)  # there were NaNs
    return (gaussian - slope.log()).sum(-1)


# %% [markdown]
# For high = 1 it is right. What does it say of a torque of 1.5? Repair it; use your `squashed_gaussian_log_prob`.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Where did the NaNs come from? For which a is 1 − a² negative, and what density does the clamp give such an action?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The slope of u ↦ high · tanh u is high · (1 − tanh² u), in each dimension. Its logarithm is a sum of two.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `squashed_gaussian_log_prob(…) - D * math.log(high)`, with D the number of dimensions.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-scaled-log-prob", "locked": false, "schema_version": 3, "solution": true}
def repaired_scaled_log_prob(mean, log_std, pre_tanh, high):
    """log π of a = high · tanh(u). (B, D), (B, D) or (D,), (B, D), float -> (B,)."""
    ### BEGIN SOLUTION
    dimensions = mean.shape[-1]
    squashed = squashed_gaussian_log_prob(mean, log_std, pre_tanh)
    return squashed - dimensions * math.log(high)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-scaled-log-prob", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_scaled_log_prob)
### BEGIN HIDDEN TESTS
check(repaired_scaled_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What it does to the agent, two seeds each:


# %% tags=["experiment", "raises-exception"]
def two_seeds(log_prob, label):
    """Two runs of at most 3,500 steps with another density of the torque."""
    functions = {**yours, "squashed_log_prob": lambda *inputs: log_prob(*inputs, 2.0)}
    runs = [RUNS["sac-pendulum"].start(seed, **functions) for seed in range(2)]
    return [
        train(one, max_steps=3_500, label=label, quiet=True, run="sac-pendulum") for one in runs
    ]


repaired = two_seeds(repaired_scaled_log_prob, "sac, repaired")
bugged = two_seeds(bugged_scaled_log_prob, "wrong: slope after scaling")

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure = learning_curve(
    {"sac, repaired": repaired, "wrong: slope after scaling": bugged},
    colors={"wrong: slope after scaling": COLORS["wrong"]},
    title="No error, no NaN, no swing-up",
)
show(figure, alt="Two seeds each. " + describe_curves(repaired) + " " + describe_curves(bugged))

# %% [markdown]
# Why does it fail, when only the *entropy* was wrong? Look at the torques of both agents in the same states:

# %% nbgrader={"grade": false, "grade_id": "torques", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 2.6))
angle = torch.rand(4_000, generator=generator) * 2 * math.pi
speed = torch.rand(4_000, generator=generator) * 8 - 4
obs = torch.stack([angle.cos(), angle.sin(), speed], dim=1)
runs = {"sac, repaired": (repaired[0], "sac"), "wrong: slope after scaling": (bugged[0], "wrong")}
beyond = []
for label, (one, color) in runs.items():
    torque = one.policy.sample(obs, torch.Generator().manual_seed(0)).detach().flatten()
    beyond.append((torque.abs() > 1).float().mean().item())
    axes.hist(
        torque, bins=40, range=(-2, 2), density=True, alpha=0.5, color=COLORS[color], label=label
    )
axes.set(xlabel="torque in 4,000 random states", ylabel="density")
axes.set_title(
    f"With the bug {beyond[1]:.0%} of the torques are beyond ±1, without it {beyond[0]:.0%}"
)
axes.legend(loc="upper center")
show(
    figure,
    alt=f"Histograms of torques. The repaired agent uses the whole range, {beyond[0]:.0%} beyond ±1; the bugged one {beyond[1]:.0%}.",
)

# %% [markdown]
# To every torque beyond ±1 the clamp gives a log-density that is up to 14 nats too high, "utterly predictable", and the entropy bonus makes the agent avoid what is predictable. With half a torque there is no swing-up. A NaN was a message; the clamp shot the messenger.
#
# ## 7 · Who would you take?
#
# Ten reference seeds each on the pendulum:

# %% nbgrader={"grade": false, "grade_id": "compared", "locked": true, "schema_version": 3, "solution": false}
bands, solved = {}, {}
for name in ("ddpg", "td3", "sac"):
    env_steps, returns = reference_band(f"{name}-pendulum")
    median = torch.from_numpy(returns).quantile(0.5, dim=0)
    solved[name] = int(env_steps[(median >= -200).int().argmax()])
    bands[name] = Band(env_steps[env_steps <= 8_000], returns[:, env_steps <= 8_000])
figure = learning_curve(bands, threshold=-200, title="On a task this small all three arrive")
show(
    figure,
    alt="Ten seeds each of DDPG, TD3 and SAC on Pendulum, medians thick. The medians first reach −200 after "
    + ", ".join(f"{steps:,} steps ({name})" for name, steps in solved.items())
    + ".",
)
solved

# %% [markdown]
# DDPG is first; three of TD3's ten seeds fall back below −400 after step 5,000, none of SAC's falls below −200. One small task decides nothing; lesson 13 compares on many.
#
# ## 8 · What we left out
#
# - **A guarantee for networks.** The improvement theorem needs exact Q and an unrestricted policy. SAC has neither.
# - **The entropy is a means.** What is reported is the return *without* it, here and in the papers.
# - **Discrete SAC**, where the sum over actions is exact: your `kl_policy_loss` is its actor.
# - **Control as inference**: read $e^{r/T}$ as a likelihood, and soft Q-values are messages in a graphical model (Levine 2018).
# - **Exploration** that looks for what is unknown. Entropy only keeps many ways open.
#
# ## Summary
#
# | | formula |
# | --- | --- |
# | best mixture | $\pi^*=e^{Q/T}/Z$ |
# | soft value | $V=T\log\sum e^{Q/T}=\max_\pi\sum\pi(Q-T\log\pi)$ |
# | soft evaluation | $Q=R+\gamma P\sum\pi(Q-T\log\pi)$: the entropy of the *next* states |
# | improvement | $\pi'=e^{Q^\pi/T}/Z\Rightarrow Q^{\pi'}\ge Q^\pi$ |
# | KL policy gradient | $\sum\pi(\log\pi-Q/T)$, downhill |
# | squeezed Gaussian | $\log N(u)-\sum2(\log2-u-\text{softplus}(-2u))$ |
# | critics | $y=r+\gamma(1-\text{term})[\min Q^--T\log\pi]$ |
# | actor | $T\log\pi-\min Q$, through both |
# | temperature | slope in log T: entropy − H̄ |
#
# - Entropy is a reward: discounted, masked, in units of reward only after it is multiplied by T. Too much of it becomes the goal.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 12 minutes
#
# A delivery robot knows two routes, 60 and 61 minutes; its reward is minus the minutes. Your colleague trains it with T = 0.01, is delighted with 60.0 minutes on average, and wants to set T = 0. In at most ten sentences:
#
# 1. What are the odds of the two routes at T = 0.01, at T = 1 and at T = 10 (use $e^{\Delta Q/T}$)? What does the average trip cost in each case, and what does that say about the price of the policy's variety?
# 2. Which argument do you have for a T above 0, and what would you look at to choose it? Name one task in which you would agree with T = 0.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-routes", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. Odds e^{1/T}: at 0.01 e^100 (never the second), at 1 e ≈ 2.72 to 1 (73 % to 27 %), at 10 e^0.1 ≈ 1.11 to 1 (52 % to 48 %). Average trips: 60.0, 60.27, 60.48 minutes. So variety costs at most half a minute, because the routes are nearly equal; the price of entropy is small exactly where the choices hardly matter. Half a point for the odds alone.
# 2. For T > 0: when a route is shut, or the model of it was wrong, the other one is still known and taken (robustness); while learning, both routes go on being tried (exploration); the gradient does not vanish. To choose: the loss in return against the return when something is changed (as in the maze), or a target entropy; any sensible measurement counts. T = 0 is right where the task is fixed and known and each mistake is dear, for instance a finished controller at deployment, a surgical robot, a game solved exactly.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Ziebart, Maas, Bagnell, Dey (2008), *Maximum entropy inverse reinforcement learning*: where the Boltzmann policy entered.
# - Haarnoja, Tang, Abbeel, Levine (2017), *Reinforcement learning with deep energy-based policies*: soft Q-learning, and the maze with two ways.
# - Haarnoja, Zhou, Abbeel, Levine (2018), *Soft actor-critic*; and, with the learned temperature, *Soft actor-critic algorithms and applications* (2019).
# - Eysenbach, Levine (2022), *Maximum entropy RL (provably) solves some robust RL problems*.
# - Levine (2018), *Reinforcement learning and control as probabilistic inference*.
# - [000]: policy gradient from minimizing KL; [001]: learning with MaxEntropy to soft actor-critic; [004]: SAC.
