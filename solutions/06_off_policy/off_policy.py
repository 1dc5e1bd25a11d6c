# %% [markdown]
# # What would you have earned with their data?
#
# **Lesson 06 · Going off-policy** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import torch

from course_lib import check, check_answer
from course_lib.environments import TabularEnvironment, TabularMDP
from course_lib.figures import (
    COLORS,
    new_figure,
    shades,
    show,
    show_agent,
    slider,
    train,
    use_style,
)
from course_lib.policies import CategoricalPolicy
from course_lib.rollout import Collector
from course_lib.runs import RUNS, reference_band

torch.set_num_threads(1)
torch.set_printoptions(precision=3, sci_mode=False)
use_style()

# %% [markdown]
# The robot of lessons 00, 02 and 03 works or rests. Work pays 2 when its battery is charged, costs 1 when it is flat, and drains it. Until today a trainee decided by flipping a coin. You have a better idea, π: work when charged, nine times in ten; rest when flat, eight times in ten.
#
# What is your idea worth? You may not try it. But you have the trainee's log: 1,000 shifts of 30 steps.

# %% nbgrader={"grade": false, "grade_id": "world", "locked": true, "schema_version": 3, "solution": false}
P = torch.tensor([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.1, 0.9]]], dtype=torch.float64)
R = torch.tensor([[0.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
p0 = torch.tensor([0.9, 0.1], dtype=torch.float64)  # states: charged, flat; actions: rest, work
GAMMA = 0.9
b = torch.tensor([[0.5, 0.5], [0.5, 0.5]], dtype=torch.float64)  # the trainee
pi = torch.tensor([[0.1, 0.9], [0.8, 0.2]], dtype=torch.float64)  # your idea


def play(policy, shifts, steps, seed=0):
    """The log of a policy: states and actions, each (steps, shifts)."""
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(2 * steps + 1, shifts, generator=generator, dtype=torch.float64)
    state, rows = (chance[0] < p0[1]).long(), []
    for t in range(steps):
        action = (chance[2 * t + 1] < policy[state, 1]).long()
        rows.append((state, action))
        state = (chance[2 * t + 2] < P[state, action, 1]).long()
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


def exact_return(policy, steps):
    """The expected discounted return of so many steps, backwards from the last one."""
    value = torch.zeros(2, dtype=torch.float64)
    for _ in range(steps):
        value = (policy * (R + GAMMA * P @ value)).sum(-1)
    return (p0 @ value).item()


# %% [markdown]
# A shift that went as you would have done it should count more than one in which the trainee did what you never do. The natural weight is how much likelier the shift is under π than under b, his policy:

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
state, action = play(b, shifts=1000, steps=30)
likelier = (pi / b)[state, action]  # (30, 1000) how much likelier you would have done each step
figure, axes = new_figure(size=(7, 3))
half = {}
for color, steps in zip(shades(3), (2, 10, 30), strict=True):
    weight = likelier[:steps].prod(0).sort(descending=True).values
    share = weight.cumsum(0) / weight.sum()
    half[steps] = int((share < 0.5).sum()) + 1
    axes.plot(range(1, 1001), share, color=color, label=f"shifts of {steps} steps")
places = torch.arange(1, 1001)
axes.plot(
    places, places / 1000, color=COLORS["exact"], linewidth=1, linestyle=":", label="all alike"
)
axes.set(xlabel="shifts, the heaviest first", ylabel="share of all weight", ylim=(0, 1.03))
axes.set_xscale("log")
axes.set_title(f"With 30 steps, {half[30]} of 1,000 shifts carry half of the weight")
axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=9)
show(
    figure,
    alt="Share of the total weight that the heaviest shifts carry, against their number, on a logarithmic axis. "
    f"Half of the weight lies in {half[2]} shifts of 2 steps, in {half[10]} of 10 steps and in {half[30]} of 30 steps.",
)

# %% [markdown]
# A handful of shifts decides; the others might as well be thrown away. This lesson is about that price, and about what one can do to pay less: forget the future, forget the past, ask a critic, clip.
#
# - **You will** estimate returns and gradients from another policy's data, derive how fast the noise grows, learn a critic from old steps in three ways, V-trace among them, see where gradients lead that ignore one term, and train an actor-critic from a replay.
# - **You need** REINFORCE (lesson 02), visits and values (lesson 04), TD errors and ends of episodes (lesson 05).
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | the policy that acted | $\bar\pi$, or $\pi_\theta$ with θ the old parameters, in [003]; $\pi_{\theta'}$ in [001]; b in [000] | b, *behaviour* |
# | the policy that learns | $\pi_{\theta'}$ in [003], but $\pi_\theta$ in [001]: mind the prime | π, *target* |
# | ratio up to step t | $\prod_{i=0}^t\pi(a_t\mid s_t)/\dots$ in [001]: a slip, the product runs over i | $\rho_{0:t}=\prod_{i\le t}\pi(a_i\mid s_i)/b(a_i\mid s_i)$ |
# | visits | $(1-\gamma)\sum\gamma^t\Pr(s_t=s)$ in [001] | without $1-\gamma$, as in [000] |
# | first reward | at t = 1, without γ, in [003] | `reward[0]`, with weight $\gamma^0$ |
#
# [000] Preechakul, [001] Advanced Policy Optimization, [003] notes on CS 285.
# </details>
#
# ## 1 · Same data, another average
#
# An average under p can be taken with samples of q [001, 003]:
#
# $$\mathbb E_{x\sim p}[f(x)]=\sum_xp(x)f(x)=\sum_xq(x)\frac{p(x)}{q(x)}f(x)=\mathbb E_{x\sim q}\Big[\frac{p(x)}{q(x)}f(x)\Big]$$
#
# This is *importance sampling*. For a whole trajectory the world's probabilities stand above and below, and cancel. What remains are the choices:
#
# $$\frac{p_\pi(\tau)}{p_b(\tau)}=\frac{p(s_0)\prod_t\pi(a_t\mid s_t)\,P(s_{t+1}\mid s_t,a_t)}{p(s_0)\prod_tb(a_t\mid s_t)\,P(s_{t+1}\mid s_t,a_t)}=\prod_t\frac{\pi(a_t\mid s_t)}{b(a_t\mid s_t)}$$
#
# Nobody has to know how the battery works. But somebody has to have written down $b(a_t\mid s_t)$ *when the action was taken*: in code, `behavior_log_prob`.
#
# ### Exercise 1 · `importance_ratio`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# $\rho_{0:t}$ for every t, from log-probabilities.
#
# <details><summary>Hint 1: what to think of</summary>
#
# A product of many small probabilities underflows. What do logarithms turn it into?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log\rho_{0:t}=\sum_{i\le t}\big(\log\pi(a_i\mid s_i)-\log b(a_i\mid s_i)\big)$: a running sum over time.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.cumsum(0)`, and the exponential last.
# </details>


# %% nbgrader={"grade": false, "grade_id": "importance-ratio", "locked": false, "schema_version": 3, "solution": true}
def importance_ratio(log_prob, behavior_log_prob):
    """ρ_{0:t} = Π_{i≤t} π(a_i|s_i)/b(a_i|s_i). (T, N), (T, N) -> (T, N), with a gradient."""
    ### BEGIN SOLUTION
    return (log_prob - behavior_log_prob).cumsum(0).exp()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-importance-ratio", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(importance_ratio)
### BEGIN HIDDEN TESTS
check(importance_ratio, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The mean ratio must be 1: $\mathbb E_b[p_\pi/p_b]=\sum p_\pi=1$. Over all 64 shifts of three steps it is, to the last digit. And in the log?


# %% nbgrader={"grade": false, "grade_id": "all-shifts", "locked": true, "schema_version": 3, "solution": false}
def all_shifts(steps):
    """Every shift there is, a column each: state, action (steps, M), p(shift) under b (M,)."""
    paths = torch.cartesian_prod(*[torch.arange(2)] * (2 * steps)).T
    state, action = paths[0::2], paths[1::2]
    moves = P[state[:-1], action[:-1], state[1:]].prod(0)
    return state, action, p0[state[0]] * b[state, action].prod(0) * moves


# %% tags=["raises-exception"]
every_state, every_action, p_b = all_shifts(3)
ratio = importance_ratio(pi[every_state, every_action].log(), b[every_state, every_action].log())
print("all 64 shifts, mean of ρ after 1, 2, 3 steps:", ratio @ p_b)
logged = importance_ratio(pi[state, action].log(), b[state, action].log())
for steps in (1, 3, 10, 20, 30):
    print(f"the log, after {steps:2} steps: mean {logged[steps - 1].mean():7.3f}")

# %% [markdown]
# With the log, the mean is 1 as long as shifts are short. After 30 steps it is 0.06. Nothing is biased: the shifts that would bring the mean up to 1 are so rare that a thousand do not contain them.
#
# ### Think · 1 point
#
# The trainee never once restarts the robot: b(restart) = 0. Your policy restarts it with probability 0.1. You weigh his shifts with the ratio. What happens?
#
# - **a.** A division by zero stops the program.
# - **b.** The ratios of the other actions make up for it.
# - **c.** The estimate is right, with more noise.
# - **d.** Nothing is reported and no ratio is infinite: what restarting would have earned is missing from the estimate.


# %% nbgrader={"grade": false, "grade_id": "answer-never-tried", "locked": false, "schema_version": 3, "solution": true}
def answer_never_tried():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-never-tried", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_never_tried)

# %% [markdown]
# ## 2 · What it costs: noise that grows exponentially
#
# How far does one step's ratio scatter? In a state s,
#
# $$\mathbb E_b\Big[\Big(\frac\pi b\Big)^2\Big]=\sum_ab\,\frac{\pi^2}{b^2}=\sum_a\frac{\pi(a\mid s)^2}{b(a\mid s)}=:1+\chi^2(s),\qquad\chi^2(s)=\sum_a\frac{(\pi-b)^2}b\ge0.$$
#
# It is 1 only if the policies agree. (Write the square out, with $\sum\pi=\sum b=1$.) Now multiply up. Given all that happened before step t, the squared ratio of step t has the mean $1+\chi^2(s_t)$:
#
# $$\mathbb E_b[\rho_{0:t}^2]=\mathbb E_b\big[\rho_{0:t-1}^2\,\big(1+\chi^2(s_t)\big)\big]\qquad\Rightarrow\qquad\big(1+\chi^2_{\min}\big)^T\le\mathbb E_b\big[\rho_{0:T-1}^2\big]\le\big(1+\chi^2_{\max}\big)^T$$
#
# **Exponential in T** [003]. As the mean of ρ is 1, its variance is this minus 1.
#
# **Predict:** here $1+\chi^2$ is 1.64 when charged and 1.36 when flat. What is $\mathbb E[\rho^2]$ after 30 steps: about 50, 2,000, 100,000?
#
# First a measure that says what it means. If n samples carry weights w, the weighted mean $\sum w_ix_i/\sum w_i$ of noise with variance $\sigma^2$ has the variance $\sigma^2\sum w_i^2/(\sum w_i)^2$. Equal weights give $\sigma^2/n$. So the *effective sample size* is
#
# $$n_\text{eff}=\frac{\big(\sum_iw_i\big)^2}{\sum_iw_i^2}\approx\frac{n}{\mathbb E[\rho^2]}.$$
#
# ### Exercise 2 · `effective_sample_size`
#
# 1 point · 3 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# What should come out for five equal weights? And if all but one are zero?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The one above: a square of a sum over a sum of squares.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `weight.sum().square()`, divided by …
# </details>


# %% nbgrader={"grade": false, "grade_id": "effective-sample-size", "locked": false, "schema_version": 3, "solution": true}
def effective_sample_size(weight):
    """(Σw)²/Σw²: how many equally weighted samples these are worth. (n,) -> ()."""
    ### BEGIN SOLUTION
    return weight.sum().square() / weight.square().sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-effective-sample-size", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(effective_sample_size)
### BEGIN HIDDEN TESTS
check(effective_sample_size, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The exact second moment needs no sampling. Carry a row vector $m_t(s)$ along, the mean of $\rho^2$ times the probability of being in s; one step multiplies it by $\sum_a\frac{\pi^2}bP(s'\mid s,a)$. Beside it, 20,000 measured shifts.


# %% nbgrader={"grade": false, "grade_id": "moments", "locked": true, "schema_version": 3, "solution": false}
def second_moment(policy, steps):
    """(steps,) the exact E_b[ρ²] after 1, 2, … steps."""
    grow = torch.einsum("sk,skt->st", policy.square() / b, P)
    rows, mass = [], p0
    for _ in range(steps):
        mass = mass @ grow
        rows.append(mass.sum())
    return torch.stack(rows)


# %% tags=["raises-exception"]
exact_moment = second_moment(pi, 50)
many_state, many_action = play(b, shifts=20_000, steps=50, seed=1)
many = importance_ratio(pi[many_state, many_action].log(), b[many_state, many_action].log())
for steps in (1, 3, 10, 20, 30):
    exact, measured = exact_moment[steps - 1], many[steps - 1].square().mean()
    size = effective_sample_size(logged[steps - 1])
    print(
        f"{steps:2} steps: E[ρ²] exact {exact:9,.1f}   measured {measured:6,.1f}"
        f"   effective shifts of 1,000: {size:5.1f}"
    )

# %% [markdown]
# After 20 steps the measured number is a tenth of the exact one. As a picture:

# %% nbgrader={"grade": false, "grade_id": "moment-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3))
steps = torch.arange(1, 51)
left.semilogy(steps, exact_moment, color=COLORS["exact"], label="exact")
left.semilogy(steps[::3], many.square().mean(1)[::3], "o", color=COLORS["wrong"], markersize=4,
              label="20,000 shifts")  # fmt: skip
left.set(xlabel="steps", ylabel="mean of ρ²")
left.legend()
sizes = [effective_sample_size(row).item() for row in logged]
right.semilogy(steps[:30], (1000 / exact_moment)[:30], color=COLORS["exact"], label="n / E[ρ²]")
right.semilogy(
    steps[:30:2], sizes[::2], "o", color=COLORS["wrong"], markersize=4, label="1,000 shifts"
)
right.set(xlabel="steps", ylabel="effective sample size", ylim=(0.005, 1500))
right.legend()
figure.suptitle("Beyond about 15 steps the noise is not in the sample",
                x=0.01, ha="left", weight="bold")  # fmt: skip
show(
    figure,
    alt="Two panels on logarithmic axes. Left: the mean of ρ² rises on a straight line to "
    f"{exact_moment[-1]:.1e} after 50 steps; the measured dots follow up to about 15 steps and stay far below after that. "
    f"Right: of 1,000 shifts {sizes[0]:.0f} are effective after one step, {sizes[9]:.0f} after ten, {sizes[29]:.1f} after thirty; the exact line falls to {1000 / exact_moment[29]:.3f}.",
)

# %% [markdown]
# From about 15 steps on the dots fall short. The sample underrates its own noise, because what makes the noise is not in it. ($n_\text{eff}$ cannot fall below 1, so it flatters, too.)
#
# How different may the policies be? Move from the trainee to your idea, $b+x(\pi-b)$:


# %% nbgrader={"grade": false, "grade_id": "distance-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_sizes(axes, x):
    exact = 1000 / second_moment(b + x * (pi - b), 50)
    axes.semilogy(range(1, 51), exact.clamp(min=1e-9), color=COLORS["a2c"])
    axes.axhline(1, color=COLORS["exact"], linewidth=1, linestyle=":")
    axes.set(xlabel="steps", ylabel="effective, of 1,000", ylim=(1e-2, 1500))


# %% tags=["raises-exception"]
slider(
    draw_sizes, x=[0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0],
    static=[{"x": x} for x in (0.1, 0.3, 0.6, 1.0)],
    title="Twice as far away, four times the χ²: close policies keep their samples",
    alt="Four panels: n over E[ρ²] against the number of steps for x = 0.1, 0.3, 0.6 and 1. "
    f"After 50 steps {1000 / second_moment(b + 0.1 * (pi - b), 50)[-1]:.0f} of 1,000 shifts are effective at x = 0.1, "
    f"{1000 / second_moment(b + 0.3 * (pi - b), 50)[-1]:.0f} at x = 0.3, and less than one at 0.6 and 1.",
)  # fmt: skip

# %% [markdown]
# Close policies or short products: every method below buys one of them.
#
# ## 3 · Three estimates of J
#
# Weigh each return with the ratio of its shift, and you have the *ordinary* estimate. Divide by the sum of the ratios instead of N, and it is a weighted mean of returns: *weighted*. And a reward does not depend on what is done after it: given everything up to step t, the later ratios have the mean 1,
#
# $$\mathbb E_b[\rho_{0:T-1}\,r_{t+1}]=\mathbb E_b\big[\rho_{0:t}\,r_{t+1}\,\underbrace{\mathbb E_b[\rho_{t+1:T-1}\mid s_0,a_0,\dots,s_{t+1}]}_{1}\big]=\mathbb E_b[\rho_{0:t}\,r_{t+1}],$$
#
# so each reward may carry the ratios up to its own step alone: *per decision* [Precup et al. 2000].
#
# $$\hat J_\text{ord}=\frac1N\sum_i\rho_iR_i,\qquad\hat J_\text{wtd}=\frac{\sum_i\rho_iR_i}{\sum_i\rho_i},\qquad\hat J_\text{dec}=\frac1N\sum_i\sum_t\gamma^t\rho_{0:t}\,r_{t+1}$$
#
# ### Exercise 3 · `importance_sampling_return`
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# `kind` is "ordinary", "weighted" or "per_decision". One point is for the values, one for the gradient, which flows through the ratios.
#
# <details><summary>Hint 1: what to think of</summary>
#
# You have $\rho_{0:t}$ for all t. Which row of it is the ratio of the whole trajectory?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `paid = discount * reward` with `discount` (T, 1); the ordinary estimate is `(ratio[-1] * paid.sum(0)).mean()`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Per decision: `(ratio * paid).sum(0).mean()`. Weighted: the ordinary sum over `ratio[-1].sum()`, no further mean.
# </details>
# <details><summary>Help by symptom</summary>
#
# *"weighted" is N times too small:* shares that add up to 1 are summed, not averaged. *The gradient of "weighted" is wrong:* its denominator depends on π, too.
# </details>


# %% nbgrader={"grade": false, "grade_id": "importance-sampling-return", "locked": false, "schema_version": 3, "solution": true}
def importance_sampling_return(log_prob, behavior_log_prob, reward, gamma, kind):
    """An estimate of J(π) from b's trajectories. Three tensors (T, N), floats, a name -> ()."""
    ### BEGIN SOLUTION
    ratio = importance_ratio(log_prob, behavior_log_prob)
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    paid = discount * reward
    if kind == "per_decision":
        return (ratio * paid).sum(0).mean()
    weighed = ratio[-1] * paid.sum(0)
    return weighed.mean() if kind == "ordinary" else weighed.sum() / ratio[-1].sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-importance-sampling-return", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(importance_sampling_return)
### BEGIN HIDDEN TESTS
check(importance_sampling_return, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Are they unbiased? Take each of the 64 shifts of three steps as a log of its own, N = 1, and average exactly.
#
# **Predict:** one of the three gives what the *trainee* earns. Which, and why?

# %% tags=["raises-exception"]
KINDS = ("ordinary", "weighted", "per_decision")
every_log = pi[every_state, every_action].log(), b[every_state, every_action].log()
every_reward = R[every_state, every_action]
print(f"exact: J(π) = {exact_return(pi, 3):.4f}   J(b) = {exact_return(b, 3):.4f}")
for kind in KINDS:
    alone = [
        importance_sampling_return(
            *(one[:, i : i + 1] for one in (*every_log, every_reward)), GAMMA, kind
        )
        for i in range(64)
    ]
    print(f"{kind:12} mean of its estimates {p_b @ torch.stack(alone):.4f}")

# %% [markdown]
# With one shift, the weighted estimate divides its ratio by itself. It has to learn from a comparison of shifts, so it is biased for small N, and the bias fades like 1/N. Four hundred logs of each size, shifts of 10 steps. A dot is the mean of the estimates, a short line their median, a bar holds nine tenths of them, and the dashed line is the truth.


# %% nbgrader={"grade": false, "grade_id": "estimates", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def repeated(shifts, logs=400, steps=10):
    """(3, logs) the estimates of each kind from so many logs."""
    state, action = play(b, shifts * logs, steps, seed=2)
    inputs = pi[state, action].log(), b[state, action].log(), R[state, action]
    pieces = list(zip(*(one.split(shifts, dim=1) for one in inputs), strict=True))
    return torch.tensor(
        [[importance_sampling_return(*one, GAMMA, kind).item() for one in pieces] for kind in KINDS]
    )


SIZES = (5, 20, 100)
estimates = {size: repeated(size) for size in SIZES}
true_return = exact_return(pi, 10)

# %% nbgrader={"grade": false, "grade_id": "estimates-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, panels = new_figure(1, 3, size=(7, 3), sharey=True)
tint = (COLORS["wrong"], COLORS["a2c"], COLORS["trpo"])
words = []
for axes, size in zip(panels, SIZES, strict=True):
    axes.axhline(true_return, color=COLORS["exact"], linewidth=1, linestyle="--")
    for place, found in enumerate(estimates[size]):
        low, middle, high = found.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
        axes.plot([place, place], [low, high], color=tint[place], linewidth=5, alpha=0.35)
        axes.plot(place, middle, "_", color=tint[place], markersize=14)
        axes.plot(place, found.mean(), "o", color=tint[place])
        words.append(f"{size} shifts, {KINDS[place]}: {found.mean():.2f} ± {found.std():.2f}.")
    axes.set_xticks(range(3), ["ordinary", "weighted", "per\ndecision"], fontsize=7)
    axes.set_title(f"{size} shifts", fontsize=10, fontweight="normal")
panels[0].set_ylabel("estimate of J(π)")
title = "Weighted is calm and too low, ordinary right on average and wild"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(
    figure,
    alt="Estimates from logs of three sizes, mean and standard deviation; the truth is "
    f"{true_return:.2f}. " + " ".join(words),
)

# %% [markdown]
# Bias and noise together, as the root mean square error:

# %% tags=["raises-exception"]
print(f"the truth: {true_return:.2f}")
for size in SIZES:
    found = [
        f"{kind} mean {row.mean():.2f}, error {(row - true_return).square().mean().sqrt():5.2f}"
        for kind, row in zip(KINDS, estimates[size], strict=True)
    ]
    print(f"{size:3} shifts:  " + ";  ".join(found))

# %% [markdown]
# With few shifts the weighted estimate wins by far: its bias costs less than the others' noise. Per decision is four times better than ordinary for nothing, and unbiased; with 100 shifts it has caught up with weighted, whose mean is still 0.5 too low.
#
# ### Think · 1 point
#
# A log of 1,000 shifts of 30 steps. The weighted estimate says 6.2, a number that a shift may well earn. The effective sample size is 1.8. What do you know?
#
# - **a.** J is about 6.2: a weighted mean of 1,000 returns is precise.
# - **b.** Nearly nothing: one or two shifts make up the estimate, and a weighted mean of returns always looks reasonable.
# - **c.** J is about 6.2 · 1.8.
# - **d.** The estimate is unbiased, so more decimals will do.


# %% nbgrader={"grade": false, "grade_id": "answer-reasonable-estimate", "locked": false, "schema_version": 3, "solution": true}
def answer_reasonable_estimate():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-reasonable-estimate", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_reasonable_estimate)

# %% [markdown]
# ## 4 · The gradient from old data
#
# Differentiate the per-decision estimate. $\nabla\rho_{0:t'}=\rho_{0:t'}\sum_{t\le t'}\nabla\log\pi(a_t\mid s_t)$; collect what belongs to step t, and split the product there:
#
# $$\nabla J=\mathbb E_b\Big[\sum_t\rho_{0:t}\,\nabla\log\pi(a_t\mid s_t)\sum_{t'\ge t}\gamma^{t'}r_{t'+1}\;\rho_{t+1:t'}\Big]$$
#
# The first product corrects how step t was reached, the second what happened after it.
#
# ### Spot the slip · 1 point
#
# [003] writes, with its θ for the old policy and θ' for the new one:
#
# $$\nabla J=\mathbb E\Big[\sum_{t=1}^T\nabla\log\pi_{\theta'}(a_t|s_t)\Big(\prod_{t'=1}^{t}\frac{\pi_{\theta'}(a_{t'}|s_{t'})}{\pi_\theta(a_{t'}|s_{t'})}\Big)\Big(\sum_{t'=t}^Tr(s_{t'},a_{t'})\Big(\prod_{t''=t}^{t'}\frac{\pi_{\theta'}(a_{t''}|s_{t''})}{\pi_\theta(a_{t''}|s_{t''})}\Big)\Big)\Big]$$
#
# What is wrong?
#
# - **a.** The ratio of step t occurs in both products: the second must start at t'' = t + 1.
# - **b.** The sum of rewards must start at t' = 1.
# - **c.** The second product must end at t' − 1.
# - **d.** The ratios must be upside down, as the data are those of θ.


# %% nbgrader={"grade": false, "grade_id": "answer-two-products", "locked": false, "schema_version": 3, "solution": true}
def answer_two_products():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-two-products", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_two_products)

# %% [markdown]
# [003] then takes the second product for 1: no longer the gradient, it says, but still an improvement if the policies are close. What *is* it then? $\rho_{0:t}$ turns b's average over step t into π's; what follows is b's. So
#
# $$\mathbb E_b\Big[\sum_t\rho_{0:t}\,\nabla\log\pi(a_t\mid s_t)\sum_{t'\ge t}\gamma^{t'}r_{t'+1}\Big]=\sum_sd^\pi(s)\sum_aQ^b(s,a)\,\nabla\pi(a\mid s).$$
#
# The policy gradient theorem with another's Q.
#
# ### Exercise 4 · `off_policy_reinforce_loss`
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# $L=-\frac1N\sum_i\sum_t\bot(\rho_{0:t})\log\pi(a_t\mid s_t)\sum_{t'\ge t}\gamma^{t'}r_{t'+1}$. ⊥ marks a constant. One point is for the value, one for the gradient.
#
# <details><summary>Hint 1: what to think of</summary>
#
# The discount counts from the start of the shift, not from step t. What is the sum from behind of $\gamma^{t'}r_{t'+1}$?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `(discount * reward).flip(0).cumsum(0).flip(0)` is $\sum_{t'\ge t}\gamma^{t'}r_{t'+1}$ for every t.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-(ratio * to_go * log_prob).sum(0).mean()` with `ratio = importance_ratio(…).detach()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "off-policy-reinforce-loss", "locked": false, "schema_version": 3, "solution": true}
def off_policy_reinforce_loss(log_prob, behavior_log_prob, reward, gamma):
    """−mean over N of Σ_t ρ_{0:t} log π_t Σ_{t'≥t} γ^t' r. Tensors (T, N) -> (); ρ is a constant."""
    ### BEGIN SOLUTION
    ratio = importance_ratio(log_prob, behavior_log_prob).detach()
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    to_go = (discount * reward).flip(0).cumsum(0).flip(0)
    return -(ratio * to_go * log_prob).sum(0).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-off-policy-reinforce-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(off_policy_reinforce_loss)
### BEGIN HIDDEN TESTS
check(off_policy_reinforce_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The claim as a number: the exact mean of your gradient over all 64 shifts, beside $\sum d^\pi Q^b\nabla\pi$, where $d^\pi$ and $Q^b$ count the steps that are left, and beside ∇J.


# %% nbgrader={"grade": false, "grade_id": "gradients", "locked": true, "schema_version": 3, "solution": false}
def theorem(states_of, values_of, steps):
    """(2, 2) Σ_t γ^t Σ_s Pr(s_t = s) Σ_a Q ∇π by π's logits: states of one policy, Q of another."""
    q, later = [], torch.zeros(2, dtype=torch.float64)
    for _ in range(steps):
        q.insert(0, R + GAMMA * P @ later)
        later = (values_of * q[0]).sum(-1)
    total, now = torch.zeros(2, 2, dtype=torch.float64), p0
    for t in range(steps):
        total += GAMMA**t * now[:, None] * pi * (q[t] - (pi * q[t]).sum(-1, keepdim=True))
        now = now @ torch.einsum("sk,skt->st", states_of, P)
    return total


# %% tags=["raises-exception"]
logits = pi.log().requires_grad_()
each = logits.log_softmax(-1)[every_state, every_action]
mean_loss = sum(
    p_b[i] * off_policy_reinforce_loss(
        each[:, i : i + 1], every_log[1][:, i : i + 1], every_reward[:, i : i + 1], GAMMA
    )
    for i in range(64)
)  # fmt: skip
print("your gradient     ", -torch.autograd.grad(mean_loss, logits)[0].flatten())
print("states π, values b", theorem(pi, b, 3).flatten())
print("∇J                ", theorem(pi, pi, 3).flatten())

# %% [markdown]
# Equal, and not ∇J. The first product $\rho_{0:t}$ is still there, and its noise is exponential as well. So [003] goes on: replace it, too. If the policies are close, they visit similar states; take the states as b left them, and keep the ratio of step t alone:
#
# $$L(\pi)=-\,\mathbb E_b\big[\rho_t\,Q\big],\qquad-\nabla L=\mathbb E_b\big[\rho_t\,\nabla\log\pi(a_t\mid s_t)\,Q\big]=\sum_sd^b(s)\sum_aQ\,\nabla\pi(a\mid s)$$
#
# ### Exercise 5 · `first_order_loss`
#
# 2 points · 8 minutes · difficulty ●○○ easy
#
# $-\text{mean}(\rho_tQ)$. The gradient flows through $\rho_t$, and not into Q. One point each for value and gradient.
#
# <details><summary>Hint 1: what to think of</summary>
#
# No sum over time, no product: every element stands for itself.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\nabla\rho=\rho\,\nabla\log\pi$ comes by itself if you differentiate the exponential.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `ratio = (log_prob - behavior_log_prob).exp()`, and `q_value.detach()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "first-order-loss", "locked": false, "schema_version": 3, "solution": true}
def first_order_loss(log_prob, behavior_log_prob, q_value):
    """−mean(ρ_t Q), all tensors of one shape -> (). Only `log_prob` gets a gradient."""
    ### BEGIN SOLUTION
    ratio = (log_prob - behavior_log_prob).exp()
    return -(ratio * q_value.detach()).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-first-order-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(first_order_loss)
### BEGIN HIDDEN TESTS
check(first_order_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Four gradients from one theorem. Which states, whose values?
#
# | | values of π | values of b |
# | --- | --- | --- |
# | **states of π** | ∇J | future ratios dropped: Exercise 4 |
# | **states of b** | Degris et al. [000]: section 7 | first order: Exercise 5; TRPO and PPO |
#
# All four are the same at π = b. How fast do they part? Take $Q=A^b$, the trainee's advantage. In lesson 08 you will prove $J(\pi)-J(b)=\sum_sd^\pi(s)\sum_a\pi A^b$. The first-order objective has $d^b$ in place of $d^\pi$, so they differ by
#
# $$\sum_s\big(d^\pi(s)-d^b(s)\big)\sum_a\big(\pi(a\mid s)-b(a\mid s)\big)A^b(s,a)\qquad\text{(since }\textstyle\sum_abA^b=0\text{)}$$
#
# Two factors, and each shrinks with π − b: an error of *second* order. Take a line of policies, from the coin towards a robot that nearly always rests.
#
# **Predict:** resting when flat is good, resting when charged is not. Does the first-order objective see how it ends?


# %% nbgrader={"grade": false, "grade_id": "line", "locked": true, "schema_version": 3, "solution": false}
def solved(policy):
    """Visits d (2,), values V (2,) and Q (2, 2) of a policy, for shifts without an end."""
    chain, identity = torch.einsum("sk,skt->st", policy, P), torch.eye(2, dtype=P.dtype)
    value = torch.linalg.solve(identity - GAMMA * chain, (policy * R).sum(-1))
    return torch.linalg.solve(identity - GAMMA * chain.T, p0), value, R + GAMMA * P @ value


d_b, V_b, Q_b = solved(b)
A_b = Q_b - V_b[:, None]
rest = torch.tensor([[0.98, 0.02], [0.98, 0.02]], dtype=torch.float64)


def both_objectives(x):
    """J of b + x (rest − b), and its first-order approximation by `first_order_loss`."""
    policy = b + x * (rest - b)
    gain = sum(
        -d_b[s] * b[s, a]
        * first_order_loss(policy[s, a].log().view(1), b[s, a].log().view(1), A_b[s, a].view(1))
        for s in range(2) for a in range(2)
    )  # fmt: skip
    return (p0 @ solved(policy)[1]).item(), (p0 @ V_b + gain).item()


# %% tags=["raises-exception"]
for x in (0.4, 0.2, 0.1, 0.05):
    J, first_order = both_objectives(x)
    print(
        f"x = {x:4}: J {J:.4f}   first order {first_order:.4f}   difference {first_order - J:.4f}"
    )

# %% [markdown]
# Half the step, a quarter of the difference. The whole line:

# %% nbgrader={"grade": false, "grade_id": "line-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
xs = torch.linspace(0, 1, 41)
line = torch.tensor([both_objectives(x.item()) for x in xs])
peak = line[:, 0].argmax()
figure, axes = new_figure(size=(7, 3.2))
axes.plot(xs, line[:, 0], color=COLORS["exact"], label="true J")
axes.plot(xs, line[:, 1], color=COLORS["wrong"], linestyle="--", label="first-order objective")
axes.plot(0, line[0, 0], "o", color=COLORS["exact"])
axes.set(
    xlabel="x: from the trainee (0) to a robot that nearly always rests (1)",
    ylabel="expected return",
)
axes.set_title(f"It promises {line[-1, 1]:.1f}; the truth is {line[-1, 0]:.1f}")
axes.legend(loc="upper left")
show(
    figure,
    alt=f"J along a line of policies starts at {line[0, 0]:.2f}, rises to {line[peak, 0]:.2f} at x = {xs[peak]:.2f} and falls to "
    f"{line[-1, 0]:.2f} at x = 1. The first-order objective is its tangent at x = 0 and rises to {line[-1, 1]:.2f}.",
)

# %% [markdown]
# It is a tangent: right in value and slope at π = b, and blind to the bend, because it believes that the robot goes on finding its battery as flat as the trainee's. Whoever follows it has to stop in time. When, is the subject of lessons 08 and 09.
#
# ## 5 · A critic from old steps
#
# The other way out is not to multiply at all. A critic looks one step ahead [000]:
#
# $$Q^\pi(s,a)=\mathbb E\big[r+\gamma\sum_{a'}\pi(a'\mid s')\,Q^\pi(s',a')\;\big|\;s,a\big]$$
#
# s and a are *given*, whoever chose a, and the next action is averaged over with π's probabilities. So no ratio is needed. The target is called *expected SARSA*.
#
# ### Exercise 6 · `expected_sarsa_target`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the two terms ends with the episode?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $r+\gamma\,(1-\text{terminated})\sum_{a'}\pi Q$: the sum runs over the last axis.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(next_pi * next_q_value).sum(-1).masked_fill(terminated, 0)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "expected-sarsa-target", "locked": false, "schema_version": 3, "solution": true}
def expected_sarsa_target(reward, next_q_value, next_pi, terminated, gamma):
    """r + γ (1 − terminated) Σ_a' π Q(s', a'). (B,), (B, K), (B, K), bool (B,) -> (B,)."""
    ### BEGIN SOLUTION
    future = (next_pi * next_q_value).sum(-1)
    return reward + gamma * future.masked_fill(terminated, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-expected-sarsa-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(expected_sarsa_target)
### BEGIN HIDDEN TESTS
check(expected_sarsa_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The trainee's log as a bag of steps (s, a, r, s'), 20,000 of them. A table moves to the mean of its targets, 200 times; once with π for the next action, once with the trainee's own probabilities:

# %% nbgrader={"grade": false, "grade_id": "sarsa", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
bag_state, bag_action, bag_next = (
    many_state[:-1, :409],
    many_action[:-1, :409],
    many_state[1:, :409],
)
pair = (2 * bag_state + bag_action).flatten()  # which of the four (s, a)
following = bag_next.flatten()


def learned_table(next_policy, sweeps=200):
    """Q as it stands when no target moves it any more."""
    q = torch.zeros(2, 2, dtype=torch.float64)
    count = torch.bincount(pair, minlength=4)
    for _ in range(sweeps):
        target = expected_sarsa_target(
            R.flatten()[pair], q[following], next_policy[following],
            torch.zeros(len(pair), dtype=torch.bool), GAMMA,
        )  # fmt: skip
        q = (torch.bincount(pair, weights=target, minlength=4) / count).view(2, 2)
    return q


# %% tags=["raises-exception"]
Q_pi = solved(pi)[2]
print("with π next: ", learned_table(pi).flatten(), "  exact Q of π:", Q_pi.flatten())
print("with b next: ", learned_table(b).flatten(), "  exact Q of b:", Q_b.flatten())

# %% [markdown]
# Same steps, two critics. What is left is the error of 20,000 samples. One step per target is slow, though, as long as Q is wrong: what is far ahead trickles back step by step. n steps are quicker, and now the actions between count. Weigh them, per decision:
#
# $$y=\sum_{t\lt T}\gamma^t\rho_{1:t}\,r_{t+1}+\gamma^T\rho_{1:T-1}\sum_a\pi(a\mid s_T)\,Q(s_T,a),\qquad\rho_{1:t}=\prod_{1\le i\le t}\frac{\pi(a_i\mid s_i)}{b(a_i\mid s_i)}$$
#
# The product starts at 1: $a_0$ is given. Read from behind it is one line, $y_t=r_{t+1}+\gamma\,\rho_{t+1}\,y_{t+1}$, and nothing follows a termination.
#
# ### Exercise 7 · `n_step_importance_target`
#
# 2 points · 15 minutes · difficulty ●●● hard
#
# One target for each column, that of its first step. `next_q_value` (N,) is $\sum_a\pi Q$ at the end of the T steps.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Go backwards, and ask at each step: what follows it, and does $a_{t}$ have to be corrected when one looks from the step before?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `target = reward[t] + gamma * following.masked_fill(terminated[t], 0)`, and for the step before, `following = ratio[t] * target`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Start with `following = next_q_value` and loop over `reversed(range(len(reward)))`; return the last `target`, whose own ratio was never used.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Right when π = b only:* the product starts at $a_0$, or ends one step too early. *Wrong where an episode ends:* what follows is cut before the reward is added, or not at all.
# </details>


# %% nbgrader={"grade": false, "grade_id": "n-step-importance-target", "locked": false, "schema_version": 3, "solution": true}
def n_step_importance_target(reward, log_prob, behavior_log_prob, next_q_value, terminated, gamma):
    """The T-step target of Q(s_0, a_0), weighed per decision. (T, N) ×3, (N,), bool (T, N) -> (N,)."""
    ### BEGIN SOLUTION
    ratio = (log_prob - behavior_log_prob).exp()
    following = next_q_value
    for t in reversed(range(len(reward))):
        target = reward[t] + gamma * following.masked_fill(terminated[t], 0)
        following = ratio[t] * target
    return target
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-n-step-importance-target", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(n_step_importance_target)
### BEGIN HIDDEN TESTS
check(n_step_importance_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# All ways the shift can go on after working once with a charged battery, and a critic that knows nothing: Q = 0. Exact mean and noise of the target, for n = 1 … 6.
#
# **Predict:** the bias shrinks roughly like $\gamma^n$. What does the noise do?


# %% nbgrader={"grade": false, "grade_id": "n-steps", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def n_step_moments(n):
    """Exact mean and standard deviation of the n-step target of Q(charged, work), from Q = 0."""
    state, action, probability = all_shifts(n)
    keep = (state[0] == 0) & (action[0] == 1)
    state, action, p = state[:, keep], action[:, keep], probability[keep] / probability[keep].sum()
    never = torch.zeros(state.shape, dtype=torch.bool)
    target = n_step_importance_target(
        R[state, action], pi[state, action].log(), b[state, action].log(),
        torch.zeros(state.shape[1], dtype=torch.float64), never, GAMMA,
    )  # fmt: skip
    mean = p @ target
    return mean.item(), (p @ (target - mean).square()).sqrt().item()


found = torch.tensor([n_step_moments(n) for n in range(1, 7)])
bias, noise = Q_pi[0, 1] - found[:, 0], found[:, 1]
for n in range(6):
    print(
        f"n = {n + 1}: mean {found[n, 0]:.3f}   bias {bias[n]:.3f}   standard deviation {noise[n]:.2f}"
    )

# %% nbgrader={"grade": false, "grade_id": "n-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
best = {}
for samples, style, color in ((1, "-", "wrong"), (30, "--", "a2c")):
    total = (bias.square() + noise.square() / samples).sqrt()
    best[samples] = int(total.argmin()) + 1
    axes.plot(range(1, 7), total, style, color=COLORS[color], marker="o", markersize=4,
              label=f"error, {samples} sample{'s' * (samples > 1)} a target")  # fmt: skip
axes.plot(range(1, 7), bias, ":", color=COLORS["exact"], label="bias")
axes.set(xlabel="n", ylabel="error of the target", ylim=(0, None))
axes.set_title(f"With one sample n = {best[1]} is best; with thirty, n = {best[30]} or more")
axes.legend()
show(
    figure,
    alt=f"Error against n = 1 to 6. The bias falls from {bias[0]:.2f} to {bias[5]:.2f}. The standard deviation of one target grows from "
    f"{noise[0]:.1f} to {noise[5]:.1f}. The error with one sample is least at n = {best[1]} and grows again; with 30 samples it keeps falling with the bias.",
)

# %% [markdown]
# ## 6 · V-trace: clip, and know what you get
#
# Products of ratios explode because single ratios exceed 1. *V-trace* (Espeholt et al. 2018) clips each of them, and in two places with two bars:
#
# $$v_t=V(s_t)+\underbrace{\min(\bar\rho,\rho_t)}_{\text{here}}\,\delta_t+\gamma\,\underbrace{\min(\bar c,\rho_t)}_{\text{on the way back}}\,\big(v_{t+1}-V(s_{t+1})\big),\qquad\rho_t=\frac{\pi(a_t\mid s_t)}{b(a_t\mid s_t)}$$
#
# with the TD error δ of lesson 05. The last summand stops at both kinds of ends and at the edge of the rollout. What do the bars do? Ask where the targets stop moving V. They do if the mean of the first correction is zero in every state:
#
# $$\sum_ab\,\min\Big(\bar\rho,\frac\pi b\Big)\,\mathbb E[\delta\mid s,a]=\sum_a\min(\bar\rho\,b,\pi)\,\mathbb E[r+\gamma V(s')-V(s)\mid s,a]=0$$
#
# Divide by $\sum_a\min(\bar\rho\,b,\pi)$: that says $V=V^{\pi_{\bar\rho}}$ for the policy $\pi_{\bar\rho}\propto\min(\bar\rho\,b,\pi)$. If nothing is clipped it is π; if $\bar\rho\to0$ it is b. And $\bar c$ does not occur: it multiplies corrections whose mean is zero there.
#
# ### Exercise 8 · `vtrace_target`
#
# 3 points · 20 minutes · difficulty ●●● hard
#
# <details><summary>Hint 1: what to think of</summary>
#
# It is the recursion of GAE for the correction $v_t-V(s_t)$, with a ratio in front of δ and another in place of λ.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $x_t=\min(\bar\rho,\rho_t)\,\delta_t+\gamma\min(\bar c,\rho_t)\,(1-\text{terminated})(1-\text{truncated})\,x_{t+1}$, and $v=V+x$. δ bootstraps from `next_value` unless terminated.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `ratio.clamp(max=rho_bar) * delta` and `gamma * ratio.clamp(max=c_bar).masked_fill(terminated | truncated, 0)`; then the loop from behind.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Wrong only where an episode ends:* δ looks at `terminated`, the sum at both flags. *Far too large:* you carry $v_{t+1}$ back instead of $v_{t+1}-V(s_{t+1})$.
# </details>


# %% nbgrader={"grade": false, "grade_id": "vtrace-target", "locked": false, "schema_version": 3, "solution": true}
def vtrace_target(
    reward, value, next_value, terminated, truncated,
    log_prob, behavior_log_prob, gamma, rho_bar, c_bar,
):  # fmt: skip
    """v_t = V + min(ρ̄, ρ_t) δ_t + γ min(c̄, ρ_t)(v_{t+1} − V(s_{t+1})). Tensors (T, N) -> (T, N)."""
    ### BEGIN SOLUTION
    ratio = (log_prob - behavior_log_prob).exp()
    delta = reward + gamma * next_value.masked_fill(terminated, 0) - value
    carry = gamma * ratio.clamp(max=c_bar).masked_fill(terminated | truncated, 0)
    rows, last = [], torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = ratio[t].clamp(max=rho_bar) * delta[t] + carry[t] * last
        rows.insert(0, last)
    return value + torch.stack(rows)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-vtrace-target", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(vtrace_target)
### BEGIN HIDDEN TESTS
check(vtrace_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is it true? Let V be a table. In every sweep it moves to the exact mean of your targets, over all 512 rollouts of four steps, until it rests. Beside it, the value of the predicted policy by a linear solve. (No ratio here exceeds 1.8.)

# %% nbgrader={"grade": false, "grade_id": "vtrace-sweeps", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
roll_state, roll_action, roll_p = all_shifts(5)
roll_next = roll_state[1:]
roll_state, roll_action = roll_state[:-1], roll_action[:-1]  # four steps, and where they led
roll_p = roll_p / torch.stack([roll_p[roll_state[0] == s].sum() for s in (0, 1)])[roll_state[0]]
nowhere = torch.zeros(roll_state.shape, dtype=torch.bool)


def sweep(V, rho_bar, c_bar):
    """The targets of the first step: their mean in each start (2,), and their noise."""
    target = vtrace_target(
        R[roll_state, roll_action], V[roll_state], V[roll_next], nowhere, nowhere,
        pi[roll_state, roll_action].log(), b[roll_state, roll_action].log(), GAMMA, rho_bar, c_bar,
    )[0]  # fmt: skip
    share = torch.stack([roll_p * (roll_state[0] == s) for s in (0, 1)])
    mean = share @ target
    return mean, (share @ target.square() - mean.square()).clamp(min=0).sqrt()


# %% tags=["raises-exception"]
for rho_bar in (0.2, 0.6, 1.0, 1.8):
    clipped = torch.minimum(rho_bar * b, pi)
    predicted = solved(clipped / clipped.sum(-1, keepdim=True))[1]
    for c_bar in (0.0, 1.8):
        V, sweeps = torch.zeros(2, dtype=torch.float64), 0
        while (step := sweep(V, rho_bar, c_bar)[0] - V).abs().max() > 1e-8:
            V, sweeps = V + step, sweeps + 1
        print(
            f"ρ̄ = {rho_bar}, c̄ = {c_bar}: rests at {V} after {sweeps:4} sweeps; predicted {predicted}"
        )

# %% [markdown]
# Predicted to every digit shown. $\bar\rho$ decides *what* is learned, $\bar c$ how fast. Move both, and watch the value of a charged battery rise, and its noise at the end:


# %% nbgrader={"grade": false, "grade_id": "vtrace-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_sweeps(axes, rho_bar, c_bar):
    V, history = torch.zeros(2, dtype=torch.float64), []
    for _ in range(41):
        history.append(V[0].item())
        V, noise = sweep(V, rho_bar, c_bar)
    axes.plot(history, color=COLORS["a2c"])
    for level, name in ((solved(pi)[1][0], "V of π"), (V_b[0], "V of b")):
        axes.axhline(level, color=COLORS["exact"], linewidth=1, linestyle="--")
        axes.text(40, level + 0.1, name, ha="right", va="bottom", fontsize=7)
    axes.text(40, 0.2, f"noise {noise[0]:.1f}", ha="right", fontsize=8)
    axes.set(xlabel="sweeps", ylabel="V(charged)", ylim=(0, 8))


# %% tags=["raises-exception"]
slider(
    draw_sweeps, rho_bar=[0.2, 0.4, 0.6, 1.0, 1.4, 1.8], c_bar=[0.0, 0.5, 1.0, 1.8],
    static=[{"rho_bar": rho, "c_bar": c} for rho in (0.2, 1.0, 1.8) for c in (0.0, 1.0, 1.8)],
    labels={"rho_bar": "ρ̄", "c_bar": "c̄"},
    title="ρ̄ says where V comes to rest, c̄ how soon, and both what it costs in noise",
    alt="Nine panels, ρ̄ = 0.2, 1 and 1.8 in rows, c̄ = 0, 1 and 1.8 in columns: the value of a charged battery over 40 sweeps. "
    "With ρ̄ = 0.2 it creeps towards the value of b, with 1.8 it reaches the value of π, with 1 a level between. In each row a larger c̄ "
    "reaches the same level sooner, with more noise.",
)  # fmt: skip

# %% [markdown]
# ### Think · 1 point
#
# Your critic's targets are noisy. You lower $\bar c$ from 1 to 0.3 and leave $\bar\rho=1$. What have you traded?
#
# - **a.** Less noise for another fixed point, closer to the value of b.
# - **b.** Less noise for a policy that explores less.
# - **c.** Nothing: $\bar c$ has no influence on what is learned.
# - **d.** Less noise for slower learning; the fixed point stays.


# %% nbgrader={"grade": false, "grade_id": "answer-which-bar", "locked": false, "schema_version": 3, "solution": true}
def answer_which_bar():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-which-bar", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_which_bar)

# %% [markdown]
# ## 7 · In whose states?
#
# With a critic of $Q^\pi$ the values are right. The states still come from the replay. [000], after Degris et al. (2012), makes a virtue of it: take as the objective what π is worth from the states where b has been,
#
# $$J_b(\theta)=\sum_sd^b(s)\,V^\pi(s),\qquad\nabla J_b=\sum_sd^b(s)\sum_a\Big[Q^\pi\,\nabla\pi+\underbrace{\pi\,\nabla Q^\pi}_{\text{ignored}}\Big]\approx\sum_sd^b(s)\sum_aQ^\pi(s,a)\,\nabla\pi(a\mid s)$$
#
# The second term says: changing π here changes what it is worth to *come* here. A replay does not hold what it would take to estimate it, so it is left out.
#
# ### Exercise 9 · `off_policy_gradient`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# The right-hand side, by the logits of a softmax (lesson 04): $\sum_aQ\,\partial\pi/\partial z_k=\pi_k\big(Q_k-\sum_a\pi Q\big)$.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Lesson 04's theorem with other visits: you are given them.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# V by one linear solve, $(I-\gamma P_\pi)V=R_\pi$; then $Q=R+\gamma PV$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `own = pi * (q_value - (pi * q_value).sum(-1, keepdim=True))`, times the visits as a column.
# </details>


# %% nbgrader={"grade": false, "grade_id": "off-policy-gradient", "locked": false, "schema_version": 3, "solution": true}
def off_policy_gradient(P, R, logits, behavior_visitation, gamma):
    """Σ_s d^b Σ_a Q^π ∇π by logits. (S, K, S), (S, K), (S, K), (S,) -> (S, K)."""
    ### BEGIN SOLUTION
    pi = logits.softmax(-1)
    chain = torch.einsum("sk,skt->st", pi, P)
    identity = torch.eye(len(P), dtype=P.dtype)
    value = torch.linalg.solve(identity - gamma * chain, (pi * R).sum(-1))
    q_value = R + gamma * P @ value
    own = pi * (q_value - (pi * q_value).sum(-1, keepdim=True))
    return behavior_visitation.unsqueeze(-1) * own
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-off-policy-gradient", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(off_policy_gradient)
### BEGIN HIDDEN TESTS
check(off_policy_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# And the whole gradient? [000] calls it the *oracle*: "start from s, update for s, unroll, continue on-policy". Unrolling $\nabla V$ was the proof of lesson 04; begun in $d^b$ instead of $p_0$ it collects the visits
#
# $$\tilde d=d^b+\gamma P_\pi^\top d^b+\gamma^2(P_\pi^\top)^2d^b+\dots=(I-\gamma P_\pi^\top)^{-1}d^b,\qquad\nabla J_b=\sum_s\tilde d(s)\sum_aQ^\pi\,\nabla\pi.$$
#
# ### Exercise 10 · `off_policy_gradient_oracle`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Exercise 9 with other visits.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $(I-\gamma P_\pi^\top)\,\tilde d=d^b$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.linalg.solve(identity - gamma * chain.T, behavior_visitation)`, then your `off_policy_gradient`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "off-policy-gradient-oracle", "locked": false, "schema_version": 3, "solution": true}
def off_policy_gradient_oracle(P, R, logits, behavior_visitation, gamma):
    """The exact gradient of Σ_s d^b(s) V^π(s) by logits; arguments as above."""
    ### BEGIN SOLUTION
    came_from = torch.einsum("sk,skt->ts", logits.softmax(-1), P)  # the chain, transposed
    identity = torch.eye(len(P), dtype=P.dtype)
    visits = torch.linalg.solve(identity - gamma * came_from, behavior_visitation)
    return off_policy_gradient(P, R, logits, visits, gamma)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-off-policy-gradient-oracle", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(off_policy_gradient_oracle)
### BEGIN HIDDEN TESTS
check(off_policy_gradient_oracle, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# On the robot each state has logits of its own. Start from the coin, climb each of the three gradients, and compare with the best policy there is. ∇J is the oracle begun in $p_0$.


# %% tags=["raises-exception"]
def climb(gradient, start, steps=3000):
    """J of the policy after ascent from the coin's logits."""
    logits = torch.zeros(2, 2, dtype=torch.float64)
    for _ in range(steps):
        logits = logits + gradient(P, R, logits, start, GAMMA)
    return (p0 @ solved(logits.softmax(-1))[1]).item()


best = max(
    (p0 @ solved(torch.eye(2, dtype=P.dtype)[[i, j]])[1]).item() for i in (0, 1) for j in (0, 1)
)
print(f"the best of the four sure policies: J = {best:.3f}")
print(f"∇J: {climb(off_policy_gradient_oracle, p0):.3f}   oracle: {climb(off_policy_gradient_oracle, d_b):.3f}"
      f"   approximation: {climb(off_policy_gradient, d_b):.3f}")  # fmt: skip

# %% [markdown]
# All three arrive. In a table every state can be improved without harming another, so it does not matter how states are weighed as long as none is left out. But networks do not have logits of their own for each state. The smallest example (after Imani, Graves and White 2018): from the start, *left* leads to one fork and *right* to another. The forks look alike to the agent, so they share one logit. *left* pays 2 in the first fork, *right* pays 1.2 in the second, everything else nothing. Best: left, left.
#
# The behaviour goes left with probability 0.25, so its log holds the second fork three times as often.
#
# **Predict:** you start at fifty-fifty. Where does each gradient lead?


# %% nbgrader={"grade": false, "grade_id": "forks", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
fork_P = torch.zeros(3, 2, 3, dtype=torch.float64)
fork_P[0, 0, 1] = fork_P[0, 1, 2] = 1.0  # the step after the fork is the last one
begin = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)


def path(gradient, visits, pay, steps=600):
    """(steps, 2) π(left) at the start and in the forks, along the ascent of two logits."""
    fork_R = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, pay]], dtype=torch.float64)
    x, y, rows = 0.0, 0.0, []
    for _ in range(steps):
        table = torch.tensor([[x, 0.0], [y, 0.0], [y, 0.0]], dtype=torch.float64)
        rows.append(table.softmax(-1)[:2, 0])
        slope = gradient(fork_P, fork_R, table, visits, GAMMA)[:, 0]
        x, y = x + 0.2 * slope[0].item(), y + 0.2 * (slope[1] + slope[2]).item()
    return torch.stack(rows)


def three_paths(left, pay=1.2):
    """What is climbed -> its path, with a behaviour that goes left so often."""
    visits = torch.tensor([1.0, GAMMA * left, GAMMA * (1 - left)], dtype=torch.float64)
    return {
        "∇J": path(off_policy_gradient_oracle, begin, pay),
        "oracle": path(off_policy_gradient_oracle, visits, pay),
        "without π∇Q": path(off_policy_gradient, visits, pay),
    }


# %% tags=["raises-exception"]
def objectives(walked, left=0.25, pay=1.2):
    """J and J_b along a path."""
    p, q = walked.T
    J = GAMMA * (2 * p * q + pay * (1 - p) * (1 - q))
    return J, J + GAMMA * (left * 2 * q + (1 - left) * pay * (1 - q))


for left in (0.25, 0.05):
    for name, walked in three_paths(left).items():
        (p, q), (J, J_b) = walked[-1].tolist(), objectives(walked, left)
        print(
            f"b(left) = {left:4}   {name:12} ends at {p:.2f}, {q:.2f}:   J = {J[-1]:.2f}   J_b = {J_b[-1]:.2f}"
        )
J_b = objectives(three_paths(0.25, pay=1.0)["without π∇Q"], pay=1.0)[1]
print(
    f"right pays 1.0: without π∇Q, J_b rises to {J_b[:100].max():.2f} and falls to {J_b[100:].min():.2f} before it rises again"
)

# %% [markdown]
# (The two numbers behind *ends at* are π(left) at the start and in the forks.) With b(left) = 0.25 the agent without the term ends far below what is possible, and not only by J: by *its own* objective $J_b$ as well, which may even fall on the way. It weighs the forks as b visited them, three to one, and never hears that it could come to the better one more often.
#
# With b(left) = 0.05 the oracle goes there, too. But that is no mistake: by $J_b$ it *is* better there. [000] warns: "It is not the same as on-policy one!" Move the behaviour:


# %% nbgrader={"grade": false, "grade_id": "forks-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_paths(axes, left):
    p = torch.linspace(0, 1, 40)
    J = GAMMA * (2 * torch.outer(p, p) + 1.2 * torch.outer(1 - p, 1 - p))  # symmetric
    axes.contourf(p, p, J, levels=10, cmap="Greys", alpha=0.5)
    looks = [(COLORS["exact"], "-", 4), (COLORS["a2c"], "--", 2), (COLORS["wrong"], "-", 2)]
    for (name, walked), (color, style, width) in zip(three_paths(left).items(), looks, strict=True):
        axes.plot(*walked.T, style, color=color, linewidth=width, label=name)
        axes.plot(*walked[-1], "o", color=color)
    axes.grid(False)
    axes.set(
        xlabel="π(left) at the start",
        ylabel="π(left) in the forks",
        xlim=(-0.05, 1.05),
        ylim=(-0.05, 1.05),
        xticks=[0, 0.5, 1],
        yticks=[0, 0.5, 1],
    )
    if left == 0.05:
        axes.legend(fontsize=7, loc="upper left")


# %% tags=["raises-exception"]
slider(
    draw_paths, left=[0.05, 0.15, 0.25, 0.35, 0.5, 0.7],
    static=[{"left": left} for left in (0.05, 0.25, 0.5)], labels={"left": "b(left)"},
    title="Where three gradients lead from the middle (darker: larger J)",
    alt="Three panels over π(left) at the start and in the forks, with three paths from the middle. b(left) = 0.05: ∇J leads to the "
    "upper right, the oracle and the approximation to the lower left. b(left) = 0.25: the oracle joins ∇J in the upper right, the "
    "approximation still goes to the lower left. b(left) = 0.5: all three go to the upper right.",
)  # fmt: skip

# %% [markdown]
# From left to right: another objective leads elsewhere; the missing term alone leads elsewhere; nothing does. The closer b's states are to those of the best policy, the less it matters. That is one reason to throw old steps away.
#
# ### Spot the slip · 1 point
#
# [000] says of the gradient without π∇Q: "it guarantees to improve the policy". When is that true?
#
# - **a.** Always, as Degris et al. proved it.
# - **b.** Never: a gradient without one of its terms is no gradient.
# - **c.** For small steps in a table, where each state has parameters of its own; with shared parameters it may lower even its own objective.
# - **d.** Whenever $d^b$ is normalised.


# %% nbgrader={"grade": false, "grade_id": "answer-guaranteed-improvement", "locked": false, "schema_version": 3, "solution": true}
def answer_guaranteed_improvement():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-guaranteed-improvement", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_guaranteed_improvement)

# %% [markdown]
# ## 8 · Silent bug
#
# Lesson 05's pole has five tilts; a push tips it the intended way with probability 0.8. A friend has the log of a coin-flipping beginner: 16 poles, 400 pushes each, a new pole after each fall. She learns a policy from nothing but this log, by REINFORCE with ratios that multiply up within an episode. Her loss runs, warns of nothing, and is even right on average:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_rollout_loss(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    """Meant: −mean(ρ G log π), ρ the product of the ratios since the episode began. It runs."""
    ratio = (log_prob - behavior_log_prob).cumsum(0).exp().detach()
    return -(ratio * reward_to_go * log_prob).mean()


# %% [markdown]
# ### Exercise 11 · `repaired_rollout_loss`
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# A rollout holds *several* episodes, one behind the other. Find what is wrong, and repair it. One point is for the value, one for the gradient.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Print her ratios for π = b but for the first action. Which steps should know about that action?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Behind a step that terminated or was truncated the product starts again at 1, its logarithm at 0. The step itself still belongs to the old episode.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# A loop over t: `now = now + log_ratio[t]`, keep it, then `now = now.masked_fill(ended[t], 0)`. Stack, `exp()`, `detach()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-rollout-loss", "locked": false, "schema_version": 3, "solution": true}
def repaired_rollout_loss(log_prob, behavior_log_prob, reward_to_go, terminated, truncated):
    """−mean(ρ G log π), ρ the product of the ratios since the episode began. (T, N) -> ()."""
    ### BEGIN SOLUTION
    log_ratio = (log_prob - behavior_log_prob).detach()
    rows, now = [], torch.zeros_like(log_ratio[0])
    for one, ended in zip(log_ratio, terminated | truncated, strict=True):
        rows.append(now + one)
        now = rows[-1].masked_fill(ended, 0)
    weight = torch.stack(rows).exp() * reward_to_go
    return -(weight * log_prob).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-rollout-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_rollout_loss)
### BEGIN HIDDEN TESTS
check(repaired_rollout_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What the leak costs. The pole, the learner, and the exact value of what it has learned:

# %% nbgrader={"grade": false, "grade_id": "pole", "locked": true, "schema_version": 3, "solution": false}
push_P = torch.zeros(5, 2, 5, dtype=torch.float64)
for tilt in range(5):
    for push, way in enumerate((-1, 1)):
        for there, chance in ((tilt + way, 0.8), (tilt - way, 0.2)):
            if 0 <= there < 5:  # else the pole has fallen, and the episode ends
                push_P[tilt, push, there] += chance
upright = torch.nn.functional.one_hot(torch.tensor(2), 5).double()
pole = TabularMDP(push_P, torch.ones(5, 2, dtype=torch.float64), upright)


def pole_value(policy):
    """The exact value of an upright pole."""
    chance = policy.logits(torch.eye(5)).softmax(-1).double().detach()
    chain = torch.einsum("sk,skt->st", chance, push_P)
    return value_of_chain(chain)


def value_of_chain(chain):
    """The value of an upright pole that moves by a chain (5, 5)."""
    identity = torch.eye(5, dtype=torch.float64)
    return torch.linalg.solve(identity - GAMMA * chain, torch.ones(5).double())[2].item()


best_pole = value_of_chain(
    push_P[torch.arange(5), torch.tensor([1, 1, 0, 0, 0])]
)  # against the fall


# %% [markdown]
# The weights are rewards-to-go with γ = 0.9, minus their mean. Five beginners' logs, 60 steps along the gradient with each loss:


# %% nbgrader={"grade": false, "grade_id": "log-learner", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def learn_from_log(loss, seed, updates=60):
    """The value of the pole after every update, learned from one log of a coin-flipping beginner."""
    generator = torch.Generator().manual_seed(seed)
    collector = Collector(TabularEnvironment(pole, 16, seed), generator)
    policy = CategoricalPolicy(5, 2, hidden=(), generator=generator)  # one logit a tilt and push
    log = collector.collect(policy, 400)
    ended, rows, later = log.terminated | log.truncated, [], torch.zeros(16)
    for reward, end in zip(log.reward.flip(0), ended.flip(0), strict=True):
        later = reward + GAMMA * later.masked_fill(end, 0)
        rows.insert(0, later)
    to_go = torch.stack(rows) - torch.stack(rows).mean()
    optimizer = torch.optim.SGD(policy.parameters(), lr=1.0)
    values = [pole_value(policy)]
    for _ in range(updates):
        log_prob = policy.log_prob(log.obs, log.action)
        optimizer.zero_grad()
        loss(log_prob, log.log_prob, to_go, log.terminated, log.truncated).backward()
        optimizer.step()
        values.append(pole_value(policy))
    return values


losses = {"repaired": repaired_rollout_loss, "wrong": bugged_rollout_loss}
curves = {
    name: torch.tensor([learn_from_log(loss, seed) for seed in range(5)])
    for name, loss in losses.items()
}

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3.2))
labels = {"repaired": "repaired", "wrong": "wrong: ratios leak into the next episode"}
for name, color in (("repaired", COLORS["reinforce"]), ("wrong", COLORS["wrong"])):
    axes.plot(curves[name].T, color=color, linewidth=0.8, alpha=0.45)
    axes.plot(curves[name].median(0).values, color=color, linewidth=2.4, label=labels[name])
axes.axhline(best_pole, color=COLORS["exact"], linewidth=1, linestyle="--", label="the best policy")
ends = {name: curve[:, -1] for name, curve in curves.items()}
axes.set(xlabel="updates", ylabel="exact value of the upright pole")
axes.set_title(
    f"The same log: {ends['repaired'].median():.2f} with the repair, {ends['wrong'].median():.2f} without"
)
axes.legend(loc="lower right", fontsize=9)
show(
    figure,
    alt=f"Value of the upright pole against updates, five logs each. All begin at {curves['wrong'][0, 0]:.2f}; the best policy has {best_pole:.2f}. "
    + " ".join(
        f"{name}: after 20 updates the median is {curve[:, 20].median():.2f}, at the end the logs lie between {curve[:, -1].min():.2f} and {curve[:, -1].max():.2f}."
        for name, curve in curves.items()
    ),
)

# %% [markdown]
# Every repaired run ends above every bugged one. (One of them stumbles on the way: within a long episode a product is still a product.) Why, if her loss is right on average? Look at the weights themselves, for a policy that leans against the fall with probability 0.8. With G = 1 they are the gradient of the loss.

# %% nbgrader={"grade": false, "grade_id": "leaked-weights", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
beginner = CategoricalPolicy(5, 2, hidden=(), generator=generator)
log = Collector(TabularEnvironment(pole, 16, 0), generator).collect(beginner, 400)
right = torch.tensor([0.8, 0.8, 0.5, 0.2, 0.2])[log.obs.argmax(-1)]
leaning = torch.where(log.action == 1, right, 1 - right).log().requires_grad_()
for name, loss in (("repaired", repaired_rollout_loss), ("wrong", bugged_rollout_loss)):
    G = torch.ones_like(leaning)
    value = loss(leaning, log.log_prob, G, log.terminated, log.truncated)
    weight = -torch.autograd.grad(value, leaning)[0] * leaning.numel()
    print(
        f"{name:8}  effective steps of 6,400: {effective_sample_size(weight.flatten()):4.0f}"
        f"   median weight of the first 50 steps {weight[:50].median():.2f}, of the last 50 {weight[-50:].median():.1g}"
    )

# %% [markdown]
# In hers, a late step carries the ratios of dozens of strangers' pushes. Their mean is 1 (section 1), but only because of weights so large and rare that no log holds one (section 2). What the log does hold is close to 0: behind the first few episodes of each pole she learns nothing. What would have found it? These two numbers, printed for early and late steps.

# %% [markdown]
# ## 9 · Your actor-critic learns from its past
#
# All parts together, on CartPole: 16 poles, and a replay of the last 32 rollouts of 16 steps. In every update the newest rollout and three others drawn from it go through *your* V-trace, with $\bar\rho=\bar c=1$; the policy follows *your* first-order loss, whose weights are the V-trace advantages, clipped in the same way. Four updates for every new rollout.

# %% tags=["experiment", "raises-exception"]
replay_run = RUNS["off-policy-actor-critic-cartpole"].start(
    seed=0, target=vtrace_target, policy_loss=first_order_loss
)
cartpole_history = train(
    replay_run, run="off-policy-actor-critic-cartpole", label="a2c, off-policy"
)

# %% tags=["experiment", "raises-exception"]
show_agent(cartpole_history.policy, "CartPole-v1")

# %% [markdown]
# What does reuse buy? The reference seeds of lesson 05's A2C, which throws every step away after one update, beside those of this run: environment steps until the median first reaches 475.

# %%
solved_at = {}
for name in ("a2c-cartpole", "off-policy-actor-critic-cartpole"):
    env_steps, returns = reference_band(name)
    median = torch.from_numpy(returns).quantile(0.5, dim=0)
    solved_at[name] = int(env_steps[(median >= 475).int().argmax()])
solved_at

# %% [markdown]
# 5,000 steps against 18,000: each step goes into sixteen updates on average (four rollouts in each of four updates for every new one) instead of a single one. What it costs is computing, and care.
#
# ## 10 · What we left out
#
# - **The missing term, estimated:** emphatic weightings (Imani et al. 2018) and density ratios of states (Liu et al. 2018) weigh the states of the log towards those of π.
# - **Other targets:** Retrace, tree backup, Q(λ). · **Deterministic policies** need no ratio at all: lesson 07.
#
# ## Summary
#
# | | formula | price |
# | --- | --- | --- |
# | ratio | $\rho_{0:t}=\prod_{i\le t}\pi/b$ | $\mathbb E[\rho^2]$ grows like $(1+\chi^2)^T$ |
# | ordinary, weighted, per decision | $\frac1N\sum\rho R$, $\sum\rho R/\sum\rho$, $\frac1N\sum\gamma^t\rho_{0:t}r$ | noise; bias 1/N; less noise |
# | future ratios dropped | $\sum d^\pi\sum Q^b\nabla\pi$ | values of b |
# | first order | $-\text{mean}(\rho_tQ)$ | states of b; second-order error |
# | expected SARSA | $r+\gamma\sum_{a'}\pi Q(s',a')$ | one step at a time |
# | n steps | $\sum\gamma^t\rho_{1:t}r_{t+1}+\gamma^T\rho_{1:T-1}\bar Q$ | products again |
# | V-trace | $V+\min(\bar\rho,\rho)\delta+\gamma\min(\bar c,\rho)(v'-V')$ | the value of $\pi_{\bar\rho}\propto\min(\bar\rho b,\pi)$ |
# | off-policy gradient | $\sum d^b\sum Q^\pi\nabla\pi$ | π∇Q ignored |

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 12 minutes
#
# A hospital has the records of 10,000 patients, 40 decisions each, and for every decision the probability with which its doctors took it. A start-up proposes a new policy with $1+\chi^2=1.2$ in every state, and reports: "weighted importance sampling on 10,000 patients: 12 % better, standard error 1 %".
#
# 1. What is $\mathbb E[\rho^2]$, and about how many patients is this estimate worth? Why does the reported standard error not show it?
# 2. Name two ways to get a more reliable answer from the same records. What does each of them pay?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-hospital", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. 1.2^40 ≈ 1,470, so n_eff ≈ 10,000/1,470 ≈ 7 patients (½; accept 5 to 10). The standard error is measured on the same sample: the rare trajectories with enormous ratios that make the variance are mostly not in it, so the sample underrates its own noise; or: the returns of a weighted mean look reasonable whatever their number (½).
# 2. Half a point for each of two with its price: per-decision ratios (still products, less of them; for short-term rewards); a critic by expected SARSA or n-step targets, then J = p0 · V (bias of the critic and its function class, needs states that hold all that matters); V-trace or clipped ratios (answers for a policy between the doctors' and the new one); propose a policy closer to the doctors' (smaller χ², less improvement); shorter horizon or smaller γ (another question). Collecting new data is not an answer to this question.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Precup, Sutton, Singh (2000), *Eligibility traces for off-policy policy evaluation*: per-decision importance sampling.
# - Degris, White, Sutton (2012), *Off-policy actor-critic*; Imani, Graves, White (2018), *An off-policy policy gradient theorem using emphatic weightings*.
# - van Seijen et al. (2009), *A theoretical and empirical analysis of expected Sarsa*.
# - Espeholt et al. (2018), *IMPALA*: V-trace and replay. · Munos et al. (2016), *Safe and efficient off-policy reinforcement learning*: Retrace.
# - Sutton and Barto (2018), chapters 5 and 11. · [000]: off-policy actor-critic; [001]: going off-policy; [003]: importance sampling, first-order approximation.
