# %% [markdown]
# # How often may you use the same data?
#
# **Lesson 09 · PPO** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
from copy import deepcopy
from functools import partial
from itertools import islice

import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.algorithms import PPOConfig, ppo
from course_lib.environments import make_vector
from course_lib.evaluation import evaluate
from course_lib.experiments import EXPERIMENTS, PUBLISHED, returns_of, stored
from course_lib.figures import (
    COLORS,
    describe_curves,
    learning_curve,
    new_figure,
    show,
    show_agent,
    slider,
    train,
    use_style,
)
from course_lib.reference import generalized_advantage, normalize_advantage
from course_lib.rollout import Collector
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A policy has learned to balance a pole for a while. It plays 1,024 steps, and you have the advantage Â of each action. A2C takes one step up the gradient and throws the data away. That seems a waste: why not go on, up the same data, step after step?
#
# What you climb is lesson 06's *surrogate*: the mean of $\rho\hat A$, where $\rho=\pi_\theta(a\mid s)/\pi_\text{old}(a\mid s)$ says how much likelier the new policy makes what the old one did. Below, one policy plays three batches, and from each a copy of it climbs. (You need not read the code now.)


# %% nbgrader={"grade": false, "grade_id": "half-trained", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
def whole_batch(size, minibatch_size, generator):
    """One minibatch: everything."""
    return [torch.arange(size)]


def used_once(log_prob, old_log_prob, advantage, value, value_target, entropy, *settings):
    """Lesson 05's loss without entropy."""
    return 0.5 * (value_target - value).square().mean() - (advantage * log_prob).mean()


def played(seed):
    """1,024 steps of the half-trained policy: obs, action, log π of the policy that acted, Â."""
    environment = make_vector("CartPole-v1", 16, seed)
    collector = Collector(environment, torch.Generator().manual_seed(seed))
    rollout, critic = collector.collect(half_trained.policy, 64), half_trained.critic
    with torch.no_grad():
        value, next_value = critic(rollout.obs), critic(rollout.next_obs)
    estimate = generalized_advantage(
        0.1 * rollout.reward, value, next_value, rollout.terminated, rollout.truncated,
        gamma=0.99, gae_lambda=0.95,
    )  # fmt: skip
    columns = rollout.obs, rollout.action, rollout.log_prob, normalize_advantage(estimate, 1e-8)
    return [one.flatten(0, 1) for one in columns]


training = ppo("CartPole-v1", PPOConfig(), seed=0, loss=used_once, minibatches=whole_batch)
*_, half_trained = islice(training, 25)
batches = [played(seed) for seed in (1, 2, 3)]


# %% nbgrader={"grade": false, "grade_id": "climbing", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
def surrogate(log_prob, old_log_prob, advantage):
    """What the batch says that the new policy gains."""
    return ((log_prob - old_log_prob).exp() * advantage).mean()


def climb(loss, batch, look, steps=60, every=5):
    """Steps down a loss on one batch; every few steps what `look(policy, log_prob, batch)` sees."""
    obs, action, *rest = batch
    policy, seen = deepcopy(half_trained.policy), []
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
    for step in range(steps + 1):
        log_prob = policy.log_prob(obs, action)
        if step % every == 0:
            seen.append((step, *look(policy, log_prob.detach(), batch)))
        optimizer.zero_grad()
        loss(log_prob, *rest).backward()
        optimizer.step()
    return np.array(seen)


def promise_and_truth(policy, log_prob, batch):
    """The surrogate, and the mean return of 30 real episodes."""
    real = evaluate(policy, "CartPole-v1", 30, seed=0).mean()
    return surrogate(log_prob, *batch[2:]).item(), real


# %% [markdown]
# Each of the three batches, with no limit on the climb: what the batch promises, and what 30 fresh episodes return.


# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
def climb_all(loss):
    """(3 batches, looks, 3): step, surrogate, real return."""
    return np.stack([climb(loss, batch, promise_and_truth) for batch in batches])


def draw_climbs(climbs, title):
    """The promise on the left, what fresh episodes return on the right; a line a batch."""
    figure, (left, right) = new_figure(1, 2, size=(7, 3))
    for name, seeds in climbs.items():
        color, style = ("wrong", "-") if name == "no limit" else ("ppo", "--")
        for place, rows in enumerate(seeds):
            look = {"color": COLORS[color], "linestyle": style, "linewidth": 1.6}
            left.plot(rows[:, 0], rows[:, 1], **look, label=name if place == 0 else None)
            right.plot(rows[:, 0], rows[:, 2], **look)
    left.set(xlabel="gradient steps on one batch", ylabel="surrogate: mean of ρÂ")
    right.set(xlabel="gradient steps on one batch", ylabel="return of real episodes", ylim=(0, 520))
    if len(climbs) > 1:
        left.legend()
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    return figure


# %% tags=["experiment"]
unlimited = climb_all(lambda *inputs: -surrogate(*inputs))
ends = ", ".join(f"{one:.0f}" for one in unlimited[:, -1, 2])
show(
    draw_climbs(
        {"no limit": unlimited}, "All three batches promise a gain, and none of them keeps it"
    ),
    alt=f"Left: the surrogates rise from 0 to {', '.join(f'{one:.2f}' for one in unlimited[:, -1, 1])}. "
    f"Right: the mean return of real episodes starts at {unlimited[0, 0, 2]:.0f}, reaches "
    f"{unlimited[:, :, 2].max():.0f} at its best and ends at {ends}.",
)
print(f"real return before: {unlimited[0, 0, 2]:.0f}   after 60 steps: {ends}")

# %% [markdown]
# Promise and world part: the surrogate is made of the states that the *old* policy visited and of the noise of 1,024 advantages. It knows neither what the new policy will see nor that it is being exploited.
# It is a gamble, and often a good one. We tried five starting points, after 15, 20, 25, 30 and 40 updates, three batches each, and show the one at which all three lost. Of the fifteen climbs 9 ended higher than they began (after 20 updates 170 became 500, 500 and 402) and 6 lower. The trouble is that the left picture rises every time.
#
# - **You will** put two limits on those steps, a price and a clip; write PPO; train three agents with your own functions; find a bug that no number in the log shows; and redo the table with which the clip became the standard.
# - **You need** lesson 05 (GAE, A2C), the ratio of lesson 06; lesson 08 helps (TRPO's trust region).
# - *Predict* boxes ask for an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | [001] | here |
# | --- | --- | --- |
# | ratio | $\pi_\theta(a\mid s)/\pi_{old}(a\mid s)$ | ρ, computed as `(log_prob - old_log_prob).exp()` |
# | price of moving | β | `kl_coef` |
# | wanted divergence | $d_\text{targ}$ | `target_kl` |
# | clip | ε | `clip_epsilon` |
# | objective | under min | a loss, to be minimised: its negative |
#
# [001] Advanced Policy Optimization; [004] van Krieken calls the clip "clipped importance weights".
# </details>
#
# ## 1 · A price on moving
#
# TRPO (lesson 08) maximises the surrogate *inside* a region: $\mathrm{KL}(\pi_\text{old}\,\|\,\pi_\theta)\le\varepsilon$. That takes a Fisher matrix, conjugate gradients and a line search. PPO's first form moves the limit into the objective, as a price, so that any optimiser can follow it [001; Schulman et al. 2017]:
#
# $$\text{gain}-\text{price}=\mathbb E[\rho\hat A]-\beta\,\mathbb E\big[\mathrm{KL}(\pi_\text{old}(\cdot\mid s)\,\|\,\pi_\theta(\cdot\mid s))\big]$$
#
# ### Spot the slip · 1 point
#
# [001] prints it as $\displaystyle\min_\theta\sum_{s,a}\frac{\pi_\theta(a\mid s)}{\pi_{old}(a\mid s)}A(s,a)-\beta D_{KL}[\pi_{old}\,\|\,\pi_\theta]$. What is wrong?
#
# - **a.** Nothing: a loss is minimised.
# - **b.** The min: it must be a max.
# - **c.** The divergence: it should be $D_{KL}[\pi_\theta\,\|\,\pi_{old}]$.
# - **d.** The ratio: it should be $\pi_{old}/\pi_\theta$.


# %% nbgrader={"grade": false, "grade_id": "answer-min-or-max", "locked": false, "schema_version": 3, "solution": true}
def answer_min_or_max():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-min-or-max", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_min_or_max)

# %% [markdown]
# ### Exercise 1 · `kl_penalty_loss`
#
# 2 points · 10 minutes · difficulty ●○○ easy
#
# One point is for the value, one for the gradients: `log_prob` and `kl` get one, `advantage` must not.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the two terms should grow, which should stay small? And an optimiser goes downhill.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $-\text{mean}(\rho\hat A)+\beta\,\text{mean}(\mathrm{KL})$ with $\rho=\exp(\log\pi-\log\pi_\text{old})$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `ratio = (log_prob - old_log_prob).exp()`; detach the advantage; `kl.mean()` works for a scalar, too.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The loss of an unchanged policy is not −mean(Â):* look at the ratio, it must be 1. *Everything has the wrong sign:* that was the objective.
# </details>


# %% nbgrader={"grade": false, "grade_id": "kl-penalty-loss", "locked": false, "schema_version": 3, "solution": true}
def kl_penalty_loss(log_prob, old_log_prob, advantage, kl, kl_coef):
    """−mean(ρA) + kl_coef · mean(kl). Tensors (B,), kl also a scalar -> a scalar to minimise."""
    ### BEGIN SOLUTION
    ratio = (log_prob - old_log_prob).exp()
    return -(ratio * advantage.detach()).mean() + kl_coef * kl.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-kl-penalty-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(kl_penalty_loss)
### BEGIN HIDDEN TESTS
check(kl_penalty_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How far does a price β let the policy go? Write $d=\log\rho$ for each action's step. For small steps, $\rho\approx1+d$ and $\mathrm{KL}\approx\tfrac12\mathbb E[d^2]$ (lesson 08). With $\mathbb E[\hat A]=0$ the objective becomes
#
# $$\mathbb E[\hat A\,d]-\tfrac\beta2\mathbb E[d^2],\qquad\text{largest at }d=\hat A/\beta,\qquad\mathrm{KL}\approx\frac{\mathbb E[\hat A^2]}{2\beta^2}.$$
#
# So KL·β² should be a constant. A check: one state, six actions, the old policy uniform, so that the mean over the six *is* the expectation. Your loss is followed to its minimum, for five prices.

# %% nbgrader={"grade": false, "grade_id": "price", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
A = torch.tensor([1.5, 0.5, 0.2, -0.4, -0.6, -1.2], dtype=torch.float64)  # advantages, mean 0
OLD = torch.full((6,), 1 / 6, dtype=torch.float64).log()  # log π_old of the six actions


def divergence(log_prob):
    """KL(π_old‖π) by the sum over all actions."""
    return (OLD.exp() * (OLD - log_prob)).sum()


def moved(kl_coef):
    """The KL at which your loss is least, found by 100 gradient steps on the logits."""
    logits = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    for _ in range(100):
        log_prob = logits.log_softmax(-1)
        loss = kl_penalty_loss(log_prob, OLD, A, divergence(log_prob), kl_coef)
        (slope,) = torch.autograd.grad(loss, logits)
        logits = (logits - 2 * slope / kl_coef).detach().requires_grad_()
    return divergence(logits.log_softmax(-1)).item()


# %% tags=["raises-exception"]
print("½ E[Â²] =", 0.5 * A.square().mean().item())
for kl_coef in (2.0, 4.0, 8.0, 16.0, 32.0):
    print(f"β = {kl_coef:4.0f}   KL {moved(kl_coef):.5f}   KL·β² {moved(kl_coef) * kl_coef**2:.4f}")

# %% [markdown]
# The dearer, the closer to the parabola. The trouble: the right price depends on the size of the advantages, on the task, on how far training has come. So [001] turns it after each update, like a thermostat:
#
# $$\beta\leftarrow\beta/2\ \text{ if }\mathrm{KL}<d_\text{targ}/1.5,\qquad\beta\leftarrow2\beta\ \text{ if }\mathrm{KL}>1.5\,d_\text{targ}.$$
#
# ### Exercise 2 · `adapt_kl_coef`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# The policy moved too far. Should moving become dearer or cheaper?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The two lines above. Both comparisons are strict; in between nothing changes.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `if kl < target_kl / 1.5:` … `if kl > 1.5 * target_kl:` … and a third `return`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adapt-kl-coef", "locked": false, "schema_version": 3, "solution": true}
def adapt_kl_coef(kl_coef, kl, target_kl):
    """The price for the next update: halved, doubled or as it was. Numbers -> a number."""
    ### BEGIN SOLUTION
    if kl < target_kl / 1.5:
        return kl_coef / 2
    if kl > 1.5 * target_kl:
        return kl_coef * 2
    return kl_coef
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-adapt-kl-coef", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(adapt_kl_coef)
### BEGIN HIDDEN TESTS
check(adapt_kl_coef, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Let the thermostat run on the same six actions, the target at 0.01.
#
# **Predict:** the first KL is a little above 1.5 times the target. After how many updates does β come to rest?

# %% tags=["raises-exception"]
kl_coef = (0.5 * A.square().mean().item() / 0.016) ** 0.5
for update in range(6):
    kl = moved(kl_coef)
    print(f"update {update}:  β = {kl_coef:5.2f}   KL = {kl:.4f}")
    kl_coef = adapt_kl_coef(kl_coef, kl, target_kl=0.01)

# %% [markdown]
# Never. Doubling β divides the KL by about four, 0.0176 by 4.2, and the zone in which nothing changes spans only a factor $1.5\cdot1.5=2.25$: the thermostat steps right over it and back. In training this does little harm, as the problem changes with every update anyway; but do not expect a constant β.
#
# ## 2 · The clip
#
# A price pulls on all samples alike. PPO's second form looks at each sample by itself, and asks what its ratio may do:
#
# - Â > 0: the action should become likelier, ρ should grow. But beyond 1 + ε it has got enough: *no more gradient*.
# - Â < 0: ρ should fall. Below 1 − ε: no more gradient.
# - And if a sample has moved the *wrong* way, however far: it must be called back.
#
# Write the six cases into a table. The slope of $\rho\hat A$ in $\log\pi$ is $\rho\hat A$; what we want is
#
# | | ρ < 1 − ε | in between | ρ > 1 + ε |
# | --- | --- | --- | --- |
# | Â > 0 | ρÂ (come back) | ρÂ | **0** |
# | Â < 0 | **0** | ρÂ | ρÂ (come back) |
#
# One formula does it. $\text{clip}(\rho)\hat A$ is flat outside the interval, on both sides. On the side with the bold zero it is the *smaller* of the two, on the other side ρÂ is: so take the minimum,
#
# $$L=-\text{mean}\;\min\big(\rho\hat A,\;\text{clip}(\rho,1-\varepsilon,1+\varepsilon)\,\hat A\big).$$
#
# As a minimum it is never above $\rho\hat A$: a pessimist's version of the promise.
#
# ### Think · 1 point
#
# Â = −1, ε = 0.2, and the ratio has become 1.5. What is the slope of this sample's objective in log π?
#
# - **a.** 0: the ratio is clipped.
# - **b.** −0.2.
# - **c.** +1.5.
# - **d.** −1.5.


# %% nbgrader={"grade": false, "grade_id": "answer-moved-the-wrong-way", "locked": false, "schema_version": 3, "solution": true}
def answer_moved_the_wrong_way():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-moved-the-wrong-way", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_moved_the_wrong_way)

# %% [markdown]
# ### Exercise 3 · `clipped_surrogate_loss`
#
# 4 points · 15 minutes · difficulty ●●○ medium
#
# Two points for values, one for the gradient, one for policies that have not moved or have moved everywhere.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Compute both products for every sample, choose between them sample by sample, and only then take a mean.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The one above; `clamp` clips, `torch.minimum` chooses. The gradient goes through ρ, in both products.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)`, then `-torch.minimum(…, …).mean()`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Wrong for negative advantages only:* the minimum is between the products, not between the ratios. *The value is right, the gradient is zero or halved:* something is detached that should not be.
# </details>


# %% nbgrader={"grade": false, "grade_id": "clipped-surrogate-loss", "locked": false, "schema_version": 3, "solution": true}
def clipped_surrogate_loss(log_prob, old_log_prob, advantage, clip_epsilon):
    """−mean min(ρA, clip(ρ, 1 − ε, 1 + ε)A). Tensors (B,) -> a scalar; only log_prob gets a gradient."""
    ### BEGIN SOLUTION
    advantage = advantage.detach()
    ratio = (log_prob - old_log_prob.detach()).exp()
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-clipped-surrogate-loss", "locked": true, "points": 4, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(clipped_surrogate_loss)
### BEGIN HIDDEN TESTS
check(clipped_surrogate_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The table above, filled in by autograd from your loss: Â = ±1, ε = 0.2, ratios 0.5, 1.1 and 1.5. (A loss has the opposite sign.)

# %% tags=["raises-exception"]
ratio = torch.tensor([0.5, 1.1, 1.5])
for sign in (1.0, -1.0):
    log_prob = ratio.log().requires_grad_()
    loss = clipped_surrogate_loss(log_prob, torch.zeros(3), torch.full((3,), sign), 0.2)
    (slope,) = torch.autograd.grad(-3 * loss, log_prob)
    print(f"Â = {sign:+.0f}   slope of the objective in log π:", slope)

# %% [markdown]
# Both limits in one picture. For the price take a state with two actions, of which the old policy took this one with probability 0.4; then the ratio fixes the new policy, and with it the KL. Above is what each objective says of the sample, below its slope.

# %% nbgrader={"grade": false, "grade_id": "objectives", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
P_OLD = 0.4
LOG_RATIO = torch.linspace(0.2, 2.0, 91, dtype=torch.float64).log()


def objective(kind, log_prob, advantage, epsilon, beta):
    """One sample's objective for every ratio: minus your loss of a batch of one."""
    old, weight = torch.zeros(1).double(), torch.tensor([float(advantage)]).double()
    rows = []
    for one in log_prob.unsqueeze(1):
        other = ((1 - one.exp() * P_OLD) / (1 - P_OLD)).log()
        kl = -P_OLD * one - (1 - P_OLD) * other
        if kind == "clip":
            rows.append(-clipped_surrogate_loss(one, old, weight, epsilon))
        else:
            rows.append(-kl_penalty_loss(one, old, weight, kl, beta if kind == "price" else 0.0))
    return torch.stack(rows)


def draw_objectives(upper, lower, advantage, epsilon, beta):
    """The three objectives, and their slopes beneath."""
    names = {"no limit": ("reference", ":"), "price": ("trpo", "--"), "clip": ("ppo", "-")}
    for kind, (color, style) in names.items():
        log_prob = LOG_RATIO.clone().requires_grad_()
        values = objective(kind, log_prob, advantage, epsilon, beta)
        (slope,) = torch.autograd.grad(values.sum(), log_prob)
        for axes, curve in ((upper, values.detach()), (lower, slope)):
            axes.plot(LOG_RATIO.exp(), curve, style, color=COLORS[color], label=kind)


# %% nbgrader={"grade": false, "grade_id": "objectives-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, grid = new_figure(2, 2, size=(7, 5), sharex=True, sharey="row")
for (upper, lower), advantage in zip(grid.T, (1, -1), strict=True):
    draw_objectives(upper, lower, advantage, epsilon=0.2, beta=1.0)
    upper.set_title(f"Â = {advantage:+d}", fontsize=11, fontweight="normal")
    lower.set(xlabel="ratio ρ")
    lower.axhline(0, color="black", linewidth=0.8)
    flat = (1.2, 2.0) if advantage > 0 else (0.2, 0.8)
    for axes in (upper, lower):
        axes.axvspan(*flat, color=COLORS["ppo"], alpha=0.12, linewidth=0)
grid[0, 0].set(ylabel="objective", ylim=(-2.1, 2.1))
grid[1, 0].set(ylabel="slope in log π", ylim=(-2.6, 2.1))
grid[0, 0].legend(loc="lower right")
title = "The clip falls silent on one side only; the price pulls back in the end"
figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
show(
    figure,
    alt="Four panels, the objective above and its slope in log π below, Â = +1 left, −1 right, against "
    "the ratio from 0.2 to 2. With the clip the objective is flat and its slope 0 above 1.2 for Â = +1 "
    "and below 0.8 for Â = −1 (shaded); elsewhere it equals the one without a limit. With the price the "
    "slope falls smoothly, is 0 at a ratio above 1 for Â = +1 and below 1 for −1, and then changes sign.",
)

# %% [markdown]
# Shaded is where the clip's gradient is zero. The price never goes silent: it has a place where gain and price balance, and beyond it pulls back. Move both:


# %% nbgrader={"grade": false, "grade_id": "explorer", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_explorer(axes, advantage, epsilon, beta):
    """Both panels inside one: above the objectives, below their slopes."""
    axes.set_axis_off()
    upper, lower = axes.inset_axes([0, 0.52, 1, 0.48]), axes.inset_axes([0, 0, 1, 0.42])
    draw_objectives(upper, lower, advantage, epsilon, beta)
    upper.set(ylim=(-2.1, 2.1), xticklabels=[])
    lower.set(ylim=(-2.6, 2.1), xlabel="ratio ρ")
    lower.axhline(0, color="black", linewidth=0.8)


# %% tags=["experiment", "raises-exception"]
slider(
    draw_explorer, advantage=[-1, 1], epsilon=[0.05, 0.1, 0.2, 0.3, 0.5], beta=[0.3, 1, 3, 10],
    static=[
        {"advantage": 1, "epsilon": 0.1, "beta": 0.3}, {"advantage": 1, "epsilon": 0.5, "beta": 3},
        {"advantage": -1, "epsilon": 0.1, "beta": 0.3}, {"advantage": -1, "epsilon": 0.5, "beta": 3},
    ],
    labels={"advantage": "Â", "epsilon": "ε", "beta": "β"}, size=(6, 5),
    title="A small ε is silent early; a large β balances near ρ = 1",
    alt="Four settings, objective above and slope below: Â = +1 and −1, each with ε = 0.1, β = 0.3 and "
    "with ε = 0.5, β = 3. The clip's slope is 0 beyond 1 + ε or 1 − ε; the price's slope crosses 0 far "
    "from ratio 1 for β = 0.3 and close to it for β = 3.",
)  # fmt: skip

# %% [markdown]
# ### Think · 1 point
#
# Before the first gradient step on fresh data: what does the clip change about the gradient?
#
# - **a.** Nothing: every ratio is 1, and the gradient is A2C's.
# - **b.** It bounds the length of the first step.
# - **c.** It removes the samples with the largest advantages.
# - **d.** It makes the gradient zero.


# %% nbgrader={"grade": false, "grade_id": "answer-first-minibatch", "locked": false, "schema_version": 3, "solution": true}
def answer_first_minibatch():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-first-minibatch", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_first_minibatch)

# %% [markdown]
# Back to the three batches that promised so much. The same 60 steps, now down *your* clipped loss.
#
# **Predict:** does the surrogate still rise? And what about the real return?

# %% tags=["experiment", "raises-exception"]
clipped = climb_all(partial(clipped_surrogate_loss, clip_epsilon=0.2))
print("real return after 60 steps:", ", ".join(f"{one:.0f}" for one in clipped[:, -1, 2]))

# %% nbgrader={"grade": false, "grade_id": "clipped-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
show(
    draw_climbs(
        {"no limit": unlimited, "clip, ε = 0.2": clipped}, "The clip promises little, and keeps it"
    ),
    alt="The curves of before, and with the clip: its surrogates stay below "
    f"{clipped[:, :, 1].max():.2f}, its mean returns between {clipped[:, :, 2].min():.0f} and "
    f"{clipped[:, :, 2].max():.0f}; without a limit they go from {unlimited[:, :, 2].min():.0f} to "
    f"{unlimited[:, :, 2].max():.0f}.",
)

# %% [markdown]
# ## 3 · Watching the epochs
#
# Two numbers tell how far an update has gone. The *clip fraction* is the share of samples whose ratio has left [1 − ε, 1 + ε]. And the divergence $\mathrm{KL}(\pi_\text{old}\|\pi)=\mathbb E_{a\sim\pi_\text{old}}[-\log\rho]$ can be estimated from the actions that were taken anyway.
#
# The mean of $-\log\rho$ is unbiased, but single batches come out negative, which a divergence never is. Now $\mathbb E_{\pi_\text{old}}[\rho]=\sum_a\pi_\text{old}\frac{\pi}{\pi_\text{old}}=1$, so $\rho-1$ has mean 0 and may be added for nothing (a control variate, lesson 03):
#
# $$\mathrm{KL}\approx\text{mean}\,(\rho-1-\log\rho)\ \ge0,\qquad\text{as }\log\rho\le\rho-1.$$
#
# ### Exercise 4 · `clip_fraction`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# A ratio can leave the interval on two sides.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The mean of $1[\,|\rho-1|>\varepsilon\,]$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# A comparison gives booleans, which have no mean: `.to(log_prob.dtype).mean()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "clip-fraction", "locked": false, "schema_version": 3, "solution": true}
def clip_fraction(log_prob, old_log_prob, clip_epsilon):
    """The share of the samples with |ρ − 1| > ε. Tensors (B,) -> a scalar of the same dtype."""
    ### BEGIN SOLUTION
    ratio = (log_prob - old_log_prob).exp()
    return ((ratio - 1).abs() > clip_epsilon).to(ratio.dtype).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-clip-fraction", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(clip_fraction)
### BEGIN HIDDEN TESTS
check(clip_fraction, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · `approximate_kl`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which policy drew the actions? It is the one below in ρ.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The mean of $\rho-1-\log\rho$; $\log\rho$ you have before you have ρ.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `log_ratio = log_prob - old_log_prob`, then `log_ratio.exp() - 1 - log_ratio`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "approximate-kl", "locked": false, "schema_version": 3, "solution": true}
def approximate_kl(log_prob, old_log_prob):
    """KL(π_old‖π) from actions of π_old: mean(ρ − 1 − log ρ). Tensors (B,) -> a scalar."""
    ### BEGIN SOLUTION
    log_ratio = log_prob - old_log_prob
    return (log_ratio.exp() - 1 - log_ratio).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-approximate-kl", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(approximate_kl)
### BEGIN HIDDEN TESTS
check(approximate_kl, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Five actions, two policies a little apart, and the exact KL by a sum. Then 2,000 batches of 64 actions each.
#
# **Predict:** both estimates have the right mean. Which of them has more noise?

# %% nbgrader={"grade": false, "grade_id": "two-estimates", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
log_old = torch.tensor([0.4, 1.0, -0.3, 0.0, 0.6], dtype=torch.float64).log_softmax(-1)
log_new = (log_old + torch.tensor([0.2, -0.1, 0.25, -0.2, 0.0])).log_softmax(-1)
taken = torch.multinomial(log_old.exp(), 64 * 2000, replacement=True, generator=generator)
taken = taken.reshape(2000, 64)
estimates = {
    "mean of −log ρ": (log_old - log_new)[taken].mean(1),
    "yours": torch.stack([approximate_kl(log_new[one], log_old[one]) for one in taken]),
}

# %% tags=["raises-exception"]
print(f"exact KL: {(log_old.exp() * (log_old - log_new)).sum():.5f}")
for name, each in estimates.items():
    negative = (each < 0).double().mean()
    print(f"{name:15} mean {each.mean():.5f}  spread {each.std():.5f}  negative {negative:.0%}")

# %% [markdown]
# The naive one has fifteen times the spread, and is negative in every fourth batch. Yours is what logs of PPO show as `approx_kl`.
#
# Watch both numbers along the 60 steps of the first batch:


# %% nbgrader={"grade": false, "grade_id": "watching", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def how_far(policy, log_prob, batch):
    """KL and clip fraction, by your functions."""
    return approximate_kl(log_prob, batch[2]).item(), clip_fraction(log_prob, batch[2], 0.2).item()


watched = {
    "no limit": climb(lambda *inputs: -surrogate(*inputs), batches[0], how_far, every=1),
    "clip, ε = 0.2": climb(
        partial(clipped_surrogate_loss, clip_epsilon=0.2), batches[0], how_far, every=1
    ),
}

# %% nbgrader={"grade": false, "grade_id": "watched-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3))
for (name, rows), color, style in zip(watched.items(), ("wrong", "ppo"), ["--", "-"], strict=True):
    left.plot(rows[1:, 0], rows[1:, 1], style, color=COLORS[color], label=name)
    right.plot(rows[:, 0], rows[:, 2], style, color=COLORS[color], label=name)
left.set(xlabel="gradient steps on one batch", ylabel="KL (nats)", yscale="log")
right.set(xlabel="gradient steps on one batch", ylabel="clip fraction", ylim=(0, 1))
right.legend(loc="center right")
title = "The first step jumps over the clip; what went too far is called back"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
ends = {name: rows[-1, 1:] for name, rows in watched.items()}
show(
    figure,
    alt="KL (left, logarithmic) and clip fraction (right) over 60 steps. Without a limit they end at "
    f"{ends['no limit'][0]:.2g} and {ends['no limit'][1]:.2f}, with the clip at "
    f"{ends['clip, ε = 0.2'][0]:.2g} and {ends['clip, ε = 0.2'][1]:.2f}; it reached {watched['clip, ε = 0.2'][:, 2].max():.2f} on the way.",
)

# %% [markdown]
# Without a limit the policy ends four nats away: what the batch says of it there means nothing. With the clip the KL stays near 0.003. But look at the first step: Adam makes it as long as the later ones, and it put 16 % of the samples outside at once.
#
# ### Think · 1 point
#
# After an update with ε = 0.2, a good action's ratio is 1.7. How can that be?
#
# - **a.** It cannot, unless there is a bug.
# - **b.** ε is too large: only $e^{\varepsilon}$ bounds ρ.
# - **c.** Past 1.2 its own pull ends; but other samples move the same weights on, and a step may jump over the edge.
# - **d.** Only for Â < 0 can a ratio leave the interval upwards.


# %% nbgrader={"grade": false, "grade_id": "answer-no-wall", "locked": false, "schema_version": 3, "solution": true}
def answer_no_wall():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-no-wall", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_no_wall)

# %% [markdown]
# ## 4 · The algorithm
#
# PPO is A2C with three changes: the clip in place of log π, the same data several times, and in *minibatches*, so that each gradient is cheap and noisy instead of dear and stale.
#
# ```text
# repeat
#     T steps of N environments with π_old; keep log π_old(a|s)     lesson 05
#     Â by GAE, V̂ = Â + V; normalise Â                              lesson 05
#     for each of several epochs
#         for each minibatch of the shuffled T·N steps              exercise 6
#             one step of Adam down the loss                        exercise 7
# ```
#
# ### Exercise 6 · `minibatch_indices`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# First shuffle everything, then cut.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `torch.randperm` shuffles 0 … size − 1 and takes a `generator`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.split(minibatch_size)` cuts a tensor into pieces; make a list of them.
# </details>


# %% nbgrader={"grade": false, "grade_id": "minibatch-indices", "locked": false, "schema_version": 3, "solution": true}
def minibatch_indices(size, minibatch_size, generator):
    """A list of int64 tensors that hold 0 … size − 1 once, shuffled; the last may be smaller."""
    ### BEGIN SOLUTION
    order = torch.randperm(size, generator=generator)
    return list(order.split(minibatch_size))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-minibatch-indices", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(minibatch_indices)
### BEGIN HIDDEN TESTS
check(minibatch_indices, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 7 · `ppo_loss`
#
# 2 points · 10 minutes · difficulty ●○○ easy
#
# $$L=L_\text{clip}+c_v\,\text{mean}\,\tfrac12(\hat V-V)^2-c_e\,\text{mean}\,H$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# It is `a2c_loss` of lesson 05 with another first term, and that term you have.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Your `clipped_surrogate_loss` is negated already. The target $\hat V$ is a constant.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `policy_loss = clipped_surrogate_loss(…)`, `value_loss = 0.5 * (value_target.detach() - value).square().mean()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "ppo-loss", "locked": false, "schema_version": 3, "solution": true}
def ppo_loss(
    log_prob, old_log_prob, advantage, value, value_target, entropy,
    clip_epsilon, value_coef, entropy_coef,
):  # fmt: skip
    """A scalar to minimise. Tensors (B,), entropy also a scalar; the last three are floats."""
    ### BEGIN SOLUTION
    policy_loss = clipped_surrogate_loss(log_prob, old_log_prob, advantage, clip_epsilon)
    value_loss = 0.5 * (value_target.detach() - value).square().mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-ppo-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(ppo_loss)
### BEGIN HIDDEN TESTS
check(ppo_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Sixteen CartPoles, 64 steps, then eight epochs of four minibatches with your loss. The grey band is where 80 % of the reference runs lie.

# %% tags=["experiment", "raises-exception"]
yours = {"loss": ppo_loss, "minibatches": minibatch_indices}
cartpole_history = train(
    RUNS["ppo-cartpole"].start(seed=0, **yours), run="ppo-cartpole", label="ppo"
)

# %% tags=["experiment", "raises-exception"]
show_agent(cartpole_history.policy, "CartPole-v1")

# %% [markdown]
# The first form, with a price and your thermostat, on the same task. Below it, the price of each update.

# %% tags=["experiment", "raises-exception"]
priced = {"loss": kl_penalty_loss, "adapt": adapt_kl_coef, "minibatches": minibatch_indices}
priced_run = RUNS["ppo-kl-cartpole"].start(seed=0, **priced)
priced_history = train(priced_run, run="ppo-kl-cartpole", label="ppo, KL price")

# %% nbgrader={"grade": false, "grade_id": "price-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 2.8))
steps, metrics = priced_history.update_steps, priced_history.metrics
left.plot(steps, metrics["kl"], color=COLORS["trpo"])
left.axhspan(0.01 / 1.5, 0.01 * 1.5, color=COLORS["trpo"], alpha=0.2, linewidth=0)
left.set(xlabel="environment steps", ylabel="KL of an update", yscale="log")
right.plot(steps, metrics["kl_coef"], color=COLORS["trpo"], drawstyle="steps-post")
right.set(xlabel="environment steps", ylabel="price β", yscale="log")
changes = int((np.diff(metrics["kl_coef"]) != 0).sum())
right.set_yticks(
    sorted(set(metrics["kl_coef"])), [f"{one:g}" for one in sorted(set(metrics["kl_coef"]))]
)
right.minorticks_off()
title = (
    f"The price changes after {changes} of {len(steps)} updates; the KL swings around its target"
)
figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
show(
    figure,
    alt=f"Left: KL of each update, between {metrics['kl'].min():.2g} and {metrics['kl'].max():.2g}, around "
    f"the shaded zone 0.0067 to 0.015. Right: β moves between {min(metrics['kl_coef']):g} and "
    f"{max(metrics['kl_coef']):g} by factors of two.",
)

# %% [markdown]
# ## 5 · A bug that no log shows
#
# ### Silent bug · Exercise 8
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# A friend writes her own epochs, here for a table of logits, one row a state, and one action taken in each. `loss` is a function of (log_prob, old_log_prob, advantage); she hands *your* clipped loss over.


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def log_prob_of(logits, action):
    """log π(a) of each row's action: (B, K), (B,) -> (B,)."""
    return logits.log_softmax(-1)[torch.arange(len(action)), action]


def bugged_epochs(loss, logits, action, advantage, step_size, epochs):
    """Meant: `epochs` gradient steps down a surrogate loss on one batch. (B, K) -> (B, K)."""
    for _ in range(epochs):
        theta = logits.detach().clone()
        theta.requires_grad_()
        now = log_prob_of(theta, action)
        old = log_prob_of(logits, action)
        total = loss(now, old, advantage)
        total.backward()
        slope = theta.grad
        logits = logits - step_size * slope
    return logits


# %% [markdown]
# Eight states with three actions each, uniform at first; the first action was taken everywhere, with advantages from −1 to 2.
#
# **Predict:** with ε = 0.2, where do the eight probabilities end after 40 steps?


# %% nbgrader={"grade": false, "grade_id": "bugged-numbers", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def after_epochs(epochs_function):
    """π(taken action) of eight states after 40 steps, from 1/3."""
    advantage = torch.tensor([-1.0, -0.5, -0.2, 0.2, 0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    logits, action = torch.zeros(8, 3, dtype=torch.float64), torch.zeros(8, dtype=torch.int64)
    loss = partial(clipped_surrogate_loss, clip_epsilon=0.2)
    return log_prob_of(epochs_function(loss, logits, action, advantage, 2.0, 40), action).exp()


print("1/3 of 0.8 and 1.2:", torch.tensor([0.8, 1.2]) / 3)
print("hers:              ", after_epochs(bugged_epochs))

# %% [markdown]
# Nothing was clipped. Her log is spotless all the same: within every epoch KL = 0, clip fraction = 0, and the loss is minus the mean advantage to the last digit. That *is* the symptom. Find the line, and repair it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which policy took the actions? In the third epoch, which policy does `old` belong to?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\rho=\pi_\theta/\pi_\text{old}$, and $\pi_\text{old}$ is the policy *before the first step*, in all epochs.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# One line has to move up, out of the loop.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-epochs", "locked": false, "schema_version": 3, "solution": true}
def repaired_epochs(loss, logits, action, advantage, step_size, epochs):
    """`epochs` gradient steps down a surrogate loss on one batch. (B, K) -> (B, K)."""
    ### BEGIN SOLUTION
    old = log_prob_of(logits, action)
    for _ in range(epochs):
        theta = logits.detach().clone()
        theta.requires_grad_()
        now = log_prob_of(theta, action)
        total = loss(now, old, advantage)
        total.backward()
        slope = theta.grad
        logits = logits - step_size * slope
    return logits
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-epochs", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_epochs)
### BEGIN HIDDEN TESTS
check(repaired_epochs, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The eight probabilities once more, by your epochs:

# %% tags=["raises-exception"]
print("1/3 of 0.8 and 1.2:", torch.tensor([0.8, 1.2]) / 3)
print("yours:             ", after_epochs(repaired_epochs))

# %% [markdown]
# All stop near 0.8/3 and 1.2/3 (a little past, up to 0.46: the step that reaches the edge jumps over it). In a training loop the slip is the same: old log-probabilities computed from the network that is being trained, instead of stored with the actions. On Pendulum, three seeds each:


# %% nbgrader={"grade": false, "grade_id": "recomputed", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def recomputed(log_prob, old_log_prob, *others):
    """Your loss, with the old log-probability computed anew."""
    return ppo_loss(log_prob, log_prob.detach(), *others)


def three_seeds(loss, label):
    """Three runs on Pendulum, judged by 20 fresh episodes now and then."""
    run = RUNS["ppo-pendulum"]
    started = [run.start(seed, loss=loss, minibatches=minibatch_indices) for seed in range(3)]
    options = {"environment_id": run.environment_id, "max_steps": 24_000, "label": label}
    return [train(one, **options, quiet=True) for one in started]


stored_once = three_seeds(ppo_loss, "ppo, stored")
computed_anew = three_seeds(recomputed, "wrong: computed anew")

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure = learning_curve(
    {"ppo, stored": stored_once, "wrong: computed anew": computed_anew},
    colors={"wrong: computed anew": COLORS["wrong"]},
    title="Without the stored log π nothing holds the epochs",
)
show(
    figure,
    alt="Three seeds each. " + describe_curves(stored_once) + " " + describe_curves(computed_anew),
)

# %% [markdown]
# ## 6 · The details
#
# Papers give the loss. Codes add a dozen details, and two studies found that these decide more than the choice between TRPO and PPO [001; Engstrom et al. 2020, Andrychowicz et al. 2021]. You know two: normalised advantages (lesson 05), and orthogonal initial weights with a last layer 100 times smaller, so that the policy starts nearly uniform. Here are two more.
#
# **Clipping the critic.** If the policy may move only so far on one batch, should V not be held as well? Some codes take the larger of two squared errors:
#
# $$L_V=\text{mean}\,\tfrac12\max\big((V-\hat V)^2,\ (V_\text{old}+\text{clip}(V-V_\text{old},-\varepsilon,\varepsilon)-\hat V)^2\big)$$
#
# ### Exercise 9 · `clipped_value_loss`
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# What is clipped: V, the error, or how far V has moved?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The one above. Two squares for each sample, the larger one counts, then the mean, and a ½. The target is a constant.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `held = old_value + (value - old_value).clamp(-clip_epsilon, clip_epsilon)`, `torch.maximum(…, …)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "clipped-value-loss", "locked": false, "schema_version": 3, "solution": true}
def clipped_value_loss(value, old_value, value_target, clip_epsilon):
    """½ mean of the larger squared error, of V and of V held near old_value. Tensors (B,) -> a scalar."""
    ### BEGIN SOLUTION
    target, old_value = value_target.detach(), old_value.detach()
    held = old_value + (value - old_value).clamp(-clip_epsilon, clip_epsilon)
    return 0.5 * torch.maximum((value - target).square(), (held - target).square()).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-clipped-value-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(clipped_value_loss)
### BEGIN HIDDEN TESTS
check(clipped_value_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Normalising observations.** A pole's angle is about 0.1, its speed about 1. The course divides by typical sizes that somebody looked up. A *running normaliser* finds them out: it keeps mean and variance of everything seen, and never the data. A new batch of $n_B$ rows has mean $\mu_B$ and variance $v_B$; with $\delta=\mu_B-\mu$ and $n'=n+n_B$,
#
# $$\mu'=\mu+\delta\,\frac{n_B}{n'},\qquad v'=\frac{n\,v+n_Bv_B+\delta^2\,n\,n_B/n'}{n'}.$$
#
# <details><summary>Why, step by step</summary>
#
# 1. The sum of all rows is $n\mu+n_B\mu_B=n'\mu+n_B\delta$. Divide by $n'$: the first formula.
# 2. Squares around the *new* mean: those of the old rows sum to $n\,v+n(\mu-\mu')^2$, because around their own mean the mixed term vanishes. With $\mu-\mu'=-\delta n_B/n'$ the second part is $n\,\delta^2n_B^2/n'^2$.
# 3. The new rows: $n_Bv_B+n_B(\mu_B-\mu')^2$, and $\mu_B-\mu'=\delta\,n/n'$, so the second part is $n_B\,\delta^2n^2/n'^2$.
# 4. Together the second parts are $\delta^2\,n\,n_B\,(n_B+n)/n'^2=\delta^2\,n\,n_B/n'$.
# </details>
#
# ### Exercise 10 · `RunningNormalizer`
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# One point is for ordinary data; one for single rows, single numbers, a sensor that never changes, and no data at all.
#
# <details><summary>Hint 1: what to think of</summary>
#
# What has to be remembered besides mean and variance? And with which n does the first batch meet?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The two above, with n = 0 at first. `normalize` is $(x-\mu)/\sqrt{v+10^{-8}}$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `batch.mean(0)`, `batch.var(0, correction=0)`; compute the new variance *before* you overwrite mean and count.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Only several portions are wrong:* the δ² term, or the count. *`NaN` for a single row:* torch divides by n − 1 unless told `correction=0`. *The dtype is float64 where float32 went in:* `self.mean.to(x.dtype)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "running-normalizer", "locked": false, "schema_version": 3, "solution": true}
class RunningNormalizer:
    """Mean and population variance of all rows seen so far: `.mean`, `.var`, each of `shape`."""

    def __init__(self, shape):
        """Nothing seen yet: mean 0, variance 1."""
        ### BEGIN SOLUTION
        self.count, self.mean, self.var = 0, torch.zeros(shape), torch.ones(shape)
        ### END SOLUTION

    def update(self, batch):
        """Take in rows (B, *shape)."""
        ### BEGIN SOLUTION
        rows, total = len(batch), self.count + len(batch)
        delta = batch.mean(0) - self.mean
        squares = self.count * self.var + rows * batch.var(0, correction=0)
        self.var = (squares + delta**2 * (self.count * rows / total)) / total
        self.mean = self.mean + delta * (rows / total)
        self.count = total
        ### END SOLUTION

    def normalize(self, x):
        """(x − mean)/√(var + 1e-8): (…, *shape) -> the same shape and dtype."""
        ### BEGIN SOLUTION
        return (x - self.mean.to(x.dtype)) / (self.var.to(x.dtype) + 1e-8).sqrt()
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-running-normalizer", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(RunningNormalizer)
### BEGIN HIDDEN TESTS
check(RunningNormalizer, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The 1,024 observations of the first batch in portions of 100, against all at once:

# %% tags=["experiment", "raises-exception"]
normalizer = RunningNormalizer((4,))
for portion in batches[0][0].split(100):
    normalizer.update(portion)
print("mean, yours:       ", normalizer.mean)
print("mean, all at once: ", batches[0][0].mean(0))
print("var,  yours:       ", normalizer.var)
print("var,  all at once: ", batches[0][0].var(0, correction=0))

# %% [markdown]
# Which details matter on small tasks? Six changes, one at a time, to the PPO of this course, on small tasks. Made by `python -m course_lib.experiments ppo-ablation`; here is what it stored. A score of 0 is the random policy, 1 the best single training on that task.
#
# **Predict:** which one hurts most?

# %% nbgrader={"grade": false, "grade_id": "ablation", "locked": true, "schema_version": 3, "solution": false}
ablation = stored("ppo-ablation")
whole, end = ablation.scores(last=6), ablation.scores()
rows = [row for row in ablation.experiment.variants if row != ablation.experiment.baseline]
print("a row:", ", ".join(f"{len(at)} seeds of {task}" for task, at in ablation.places().items()))
print("                                     whole training   its end   behind the first row")
for place, row in enumerate(rows):
    behind = whole[0] - whole[place]  # of the same task and seed
    error = f" ± {behind.std(ddof=1) / behind.size**0.5:.2f}" if behind.size > 1 else ""
    means = f"{whole[place].mean():10.2f} {end[place].mean():12.2f}"
    print(f"{row:36} {means} {behind.mean():12.2f}{error}")

# %% nbgrader={"grade": false, "grade_id": "ablation-figure", "locked": true, "schema_version": 3, "solution": false}
figure, axes = new_figure(size=(7, 3.6))
for (task, places), marker in zip(ablation.places().items(), "os^", strict=False):
    for place in range(len(rows)):
        axes.plot(
            whole[place, places], [place] * len(places), marker, color=COLORS["ppo"], alpha=0.5,
            label=task if place == 0 else None,
        )  # fmt: skip
averages = [whole[place].mean() for place in range(len(rows))]
axes.plot(averages, range(len(rows)), "|k", markersize=18, markeredgewidth=2.5, label="mean")
axes.axvline(averages[0], color="black", linewidth=1, linestyle=":")
axes.set_yticks(range(len(rows)), rows)
axes.set(xlabel="mean score over the training", ylim=(len(rows) - 0.5, -0.5))
axes.legend(loc="upper left", fontsize=8)
lowest = rows[int(np.argmin(averages))]
axes.set_title(f"Dearest: {lowest}", loc="left")
show(
    figure,
    alt="One row for each change, a mark for each training, their mean as a bar. "
    + "; ".join(f"{row}: {one:.2f}" for row, one in zip(rows, averages, strict=True))
    + ".",
)

# %% [markdown]
# - One change ruins a task: with *clipped values* Pendulum is not learned at all (−930 to −1,050 in all three seeds). The clip's ε = 0.2 is in units of the return. A fresh policy earns about −6 a step, times the scale 0.1, over the 20 steps that γ = 0.95 looks ahead: V has to come down to −12, and each of the twelve updates rewards no more than 0.2. Andrychowicz et al. advise against it, too.
# - *Running statistics* cost, where scales are known beforehand: they change what the policy sees after each update. *Advantages not normalised* learn later.
# - The other three are within two errors of the first row. That does not refute the studies: our observations are few and near 1 once their scales are known. On MuJoCo, dozens of joints and speeds are not.
#
# A small version with your own functions. One seed of each, 12,000 steps of CartPole, six evaluations on the way:

# %% nbgrader={"grade": false, "grade_id": "ablation-live", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
mine = {
    "loss": ppo_loss, "minibatches": minibatch_indices,
    "value_loss": clipped_value_loss, "normalizer": RunningNormalizer,
}  # fmt: skip
for row in ("value loss clipped, ε = 0.2", "observations by running statistics"):
    run = EXPERIMENTS["ppo-ablation"].run(row, "CartPole-v1")
    print(f"{row:36}", [round(one) for one in returns_of(run, seed=0, **mine)])

# %% [markdown]
# ## 7 · The table
#
# [001] shows the table with which the clip became the standard. Eleven ways to hold the epochs, each on seven MuJoCo tasks with three seeds, scores averaged; 0 is the random policy, 1 the best result. We redo it in small, on the course's own tasks, with 24,000 steps on Pendulum, 16,000 on continuous CartPole and 12,000 on CartPole (too few to solve them every time; where all succeed, a table says nothing), everything but the limit the same in all rows. (`python -m course_lib.experiments ppo-table`.)
#
# **Predict:** which *differences* of the published column will come out again: the first row's, or those among the other ten?

# %% nbgrader={"grade": false, "grade_id": "table", "locked": true, "schema_version": 3, "solution": false}
table = stored("ppo-table")
scores = table.scores()
ours = {row: scores[place] for place, row in enumerate(table.experiment.variants)}
best = max(PUBLISHED, key=lambda row: ours[row].mean())
count = len(ours[best])
print("a row:", ", ".join(f"{len(at)} seeds of {task}" for task, at in table.places().items()))
print("                             published   ours    behind our best row")
for row, published in PUBLISHED.items():
    behind = ours[best] - ours[row]  # of the same task and seed
    error = f" ± {behind.std(ddof=1) / count**0.5:.2f}" if count > 1 else ""
    print(f"{row:28} {published:8.2f} {ours[row].mean():7.2f}    {behind.mean():5.2f}{error}")

# %% nbgrader={"grade": false, "grade_id": "table-figure", "locked": true, "schema_version": 3, "solution": false}
figure, axes = new_figure(size=(7, 4.4))
places, means = np.arange(len(PUBLISHED)), [ours[row].mean() for row in PUBLISHED]
for place, row in zip(places, PUBLISHED, strict=True):
    axes.plot(ours[row], [place + 0.12] * count, ".", color=COLORS["ppo"], alpha=0.35)
axes.plot(means, places + 0.12, "o", color=COLORS["ppo"], label="ours")
axes.plot(list(PUBLISHED.values()), places - 0.12, "D", color="black", label="published mean")
axes.set_yticks(places, list(PUBLISHED))
axes.set(xlabel="average normalised score", ylim=(len(PUBLISHED) - 0.5, -0.5))
axes.legend(loc="center")
axes.set_title("The extremes lose: no limit, and a very dear price", loc="left")
show(
    figure,
    alt="Eleven rows, the published score as a diamond, ours as a dot, single trainings faint. "
    + "; ".join(f"{row}: {PUBLISHED[row]:.2f}, {ours[row].mean():.2f}" for row in PUBLISHED)
    + ".",
)

# %% [markdown]
# Nine trainings a row; ± is the standard error of the difference to our best row, taken between trainings of the same task and seed.
#
# - *What agrees.* The first row is far behind. It is not below 0: on Pendulum it is the random policy's, on the CartPoles the gamble of the first section pays now and then (returns of 158 to 422). ε = 0.2 is the best row in both columns, a target of 0.01 the best of the adaptive ones.
# - *What does not.* The fixed prices. Published, they are level, 0.62 to 0.72. Here they make the whole range: β = 1 is level with the best clip, β = 10 learns next to nothing. A dear price means short steps, and our trainings are short; the published ones had a million steps. That is a guess, which you can test: give the last row ten times the steps. And our first row is above 0, because none of our tasks can be failed as badly as the one on which, says the paper, the published row fell far below the random policy.
# - *What cannot be read.* Which of the six rows above 0.85 is best: all are within two errors of the top. Nor is the contest fair: all rows have the settings that were found with ε = 0.2.
#
# Three rows of it with your functions, on Pendulum and with seed 0. They give, to the digit, what the reference functions gave in the table:

# %% nbgrader={"grade": false, "grade_id": "table-live", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
for row in ("no clipping or penalty", "clipping, ε = 0.2"):
    run = EXPERIMENTS["ppo-table"].run(row, "Pendulum-v1")
    print(f"{row:26}", [round(one) for one in returns_of(run, seed=0, **yours)])
run = EXPERIMENTS["ppo-table"].run("adaptive KL, target 0.01", "Pendulum-v1")
print(f"{'adaptive KL, target 0.01':26}", [round(one) for one in returns_of(run, seed=0, **priced)])

# %% [markdown]
# ### Think · 1 point
#
# What does [001]'s table allow you to say?
#
# - **a.** ε = 0.2 is better than a target KL of 0.01: 0.82 against 0.74.
# - **b.** Some limit is needed; which one is best, the table cannot settle.
# - **c.** Without a limit returns are negative.
# - **d.** A fixed price is worse than an adaptive one.


# %% nbgrader={"grade": false, "grade_id": "answer-reading-the-table", "locked": false, "schema_version": 3, "solution": true}
def answer_reading_the_table():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-reading-the-table", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_reading_the_table)

# %% [markdown]
# ## 8 · Two more agents
#
# Continuous CartPole: only the policy is another, a Gaussian.

# %% tags=["experiment", "raises-exception"]
continuous_run = RUNS["ppo-continuous-cartpole"].start(seed=0, **yours)
continuous_history = train(continuous_run, run="ppo-continuous-cartpole", label="ppo")

# %% [markdown]
# And Pendulum, which A2C finds hard: swing up and stand, with a motor too weak to lift directly. Here the step size falls to 0 (`decay_steps`): what keeps a standing pendulum from standing still is the spread of its own actions.

# %% tags=["experiment", "raises-exception"]
pendulum_run = RUNS["ppo-pendulum"].start(seed=0, **yours)
pendulum_history = train(pendulum_run, run="ppo-pendulum", label="ppo")

# %% tags=["experiment", "raises-exception"]
show_agent(pendulum_history.policy, "Pendulum-v1")

# %% [markdown]
# ## 9 · What we left out
#
# - **A guarantee.** Lesson 08's bound holds for TRPO's step; the clip is a heuristic that looks only at the sampled actions.
# - **Early stopping.** Many codes end the epochs once `approximate_kl` has passed 1.5 targets: a third limit, on top of the clip.
# - **Reward scaling** by running statistics, gradient clipping, Adam's ε: more of the dozen. Our rewards are scaled by a fixed 0.1.
# - **Shared networks.** With one network for policy and critic, $c_v$ weighs their interests; here they are apart, and it only scales a step.
# - **Language models** are tuned with this loss, too, one token an action: lesson 12.
#
# ## Summary
#
# | | formula | what it does |
# | --- | --- | --- |
# | ratio | $\rho=\exp(\log\pi_\theta-\log\pi_\text{old})$ | old: stored when the action was taken |
# | price | $-\text{mean}(\rho\hat A)+\beta\,\text{mean}\,\mathrm{KL}$ | KL ≈ $\mathbb E[\hat A^2]/2\beta^2$ for small steps |
# | thermostat | β/2 below $d/1.5$, 2β above $1.5\,d$ | may swing for ever |
# | clip | $-\text{mean}\min(\rho\hat A,\text{clip}(\rho,1\pm\varepsilon)\hat A)$ | slope 0 past 1 ± ε on the side Â asks for, else ρÂ |
# | watch | $\text{mean}\,1[\lvert\rho-1\rvert>\varepsilon]$, $\text{mean}(\rho-1-\log\rho)$ | zeros in every epoch are a symptom |
# | PPO | $L_\text{clip}+c_v\,\text{mean}\tfrac12(\hat V-V)^2-c_e\,\text{mean}H$ | several epochs of shuffled minibatches |
#
# - The first gradient of an update is A2C's; the limits matter from the second on.
# - The clip is no wall: a silent sample does not push back.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 15 minutes
#
# Two logs of PPO, ε = 0.2, eight epochs. In the first, clip fraction and KL are 0.000 in *every* minibatch of every update. In the second they are small in the first epoch, and the clip fraction is 0.9 in the last, the KL 0.3. In at most ten sentences:
#
# 1. Name two different causes that the first log can have. What single number, or what look at the code, tells them apart?
# 2. What has happened in the second log, although everything is clipped? Name two settings that you would change, and say what you expect of the KL.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-two-logs", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. (a) Old log-probabilities computed anew, so that ρ = 1 identically; (b) the policy does not move: a step size of (almost) 0, a detached log π, the policy's parameters not in the optimiser, all advantages 0. To tell them apart: compare the parameters (or the actions' probabilities on fixed observations) before and after an update: changed in (a), unchanged in (b). Half a point for two causes without the test. (ε too large is no cause of KL = 0.)
# 2. The clip silences samples, it does not hold the policy: with Adam's long steps and shared weights the ratios ran past the edge, and nothing pulls back those that went the way Â asked for. Settings: smaller step size, fewer epochs, larger minibatches, a KL price or early stopping at a target KL; each makes the KL of an update fall. A smaller ε alone is worth half: samples fall silent earlier, but it is no wall either.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Schulman, Wolski, Dhariwal, Radford, Klimov (2017), *Proximal policy optimization algorithms*: both forms, and the table.
# - Engstrom et al. (2020), *Implementation matters in deep policy gradients: a case study on PPO and TRPO*.
# - Andrychowicz et al. (2021), *What matters in on-policy reinforcement learning? A large-scale empirical study*.
# - Huang et al. (2022), *The 37 implementation details of proximal policy optimization*: a page that explains each with its line of code.
# - Schulman (2020), *Approximating KL divergence*: exercise 5. · [001]: PPO, PPO 2, implementation matters; [004]: PPO.
