# %% [markdown]
# # The benchmark: what would you pick?
#
# **Lesson 13 · The benchmark** · about two and a half hours, the capstone apart · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.algorithms import PPOConfig, ppo
from course_lib.experiments import budgeted_training, published, statistics, stored
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
from course_lib.figures.benchmark_table import show_benchmark
from course_lib.figures.costs import cost_picture
from course_lib.figures.luck import power_picture
from course_lib.figures.scores import intervals_picture, profile_picture
from course_lib.policy_text import agent_from_text, as_text
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# Thirteen lessons, two dozen algorithms. Two small tasks: a cart that balances a pole by a force in [−1, 1], and a pendulum that has to swing up first. Five algorithms, each with the same number of environment steps and several seeds. Which one do you take? (You need not read the code now.)
#
# **Predict:** who is first on the left, and who on the right?

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
found = stored("benchmark")
names = list(found.experiment.variants)
LOOKS = {
    "CEM": ("black", "s-"), "CMA-ES": (COLORS["wrong"], "D-"), "REINFORCE": (COLORS["reinforce"], "v-"),
    "PPO": (COLORS["ppo"], "^-"), "SAC": (COLORS["sac"], "o-"),
}  # fmt: skip


def medians(task):
    """The median over seeds of seconds and returns: two dictionaries of (points,) by algorithm."""
    places = found.places()[task]
    tables = found.cpu_seconds()[:, places], found.array()[:, places]
    return [dict(zip(names, np.median(one, axis=1), strict=True)) for one in tables]


def draw_race(axes, task):
    """Median return against seconds; returns who is first at nine tenths of the way, and words."""
    seconds, returns = medians(task)
    low, high = returns["Random"].mean(), max(returns[name].max() for name in LOOKS)
    there = {name: seconds[name][returns[name] >= low + 0.9 * (high - low)] for name in LOOKS}
    for name, (color, style) in LOOKS.items():
        axes.semilogx(seconds[name], returns[name], style, color=color, markersize=5, label=name)
    first = min(LOOKS, key=lambda name: there[name].min(initial=np.inf))
    axes.set(
        xlabel="CPU seconds of training", title=f"{task}\nfirst: {first}, {there[first][0]:.1f} s"
    )
    return f"{task}: " + ", ".join(
        f"{name} {returns[name][-1]:.0f} after {seconds[name][-1]:.1f} s" for name in LOOKS
    )


# %% nbgrader={"grade": false, "grade_id": "hook-figure", "locked": true, "schema_version": 3, "solution": false}
figure, (left, right) = new_figure(1, 2, size=(7.6, 3.8))
words = draw_race(left, "ContinuousCartPole-v0"), draw_race(right, "Pendulum-v1")
left.set_ylabel("return of an episode, median")
left.legend(fontsize=9, loc="lower right")
show(figure, alt="Return against seconds of training, on two tasks. " + "; ".join(words) + ".")
print("\n".join(words))

# %% [markdown]
# Two of the five, CEM and CMA-ES, have no gradient and no critic: they try parameters at random. On the left nothing comes near them; on the right, in the same number of steps, they get nowhere. There is no best algorithm, only one for a task and a budget.
#
# [001] shows a table that asks the question thoroughly: nine algorithms on up to 28 tasks (Duan et al. 2016). Four of its columns you have not met yet.
#
# - **You will** write three of them (CEM, RWR, REPS) and meet the fourth (CMA-ES) in a library; repair a silent bug; read the table made anew in small; learn how much of it can be believed; and hand in an agent of your own.
# - **You need** lessons 02 and 05; the comparison refers to all others.
#
# <details><summary>How the lectures and papers write it, and how we do</summary>
#
# | | papers | here |
# | --- | --- | --- |
# | parameters and what they earned | θᵢ, S(θᵢ) | `sample` (n, D), `score` (n,) |
# | temperature of RWR | 1/β | `temperature`, in units of the return |
# | temperature and bound of REPS | η, ε | `eta`; `epsilon`, in nats |
# </details>
#
# ## 1 · Search: the cross-entropy method
#
# A policy is a vector of D parameters θ, and an episode gives it a score. Forget the steps inside. The *cross-entropy method* (CEM) keeps a Gaussian over θ, and repeats:
#
# 1. draw n vectors $\theta_i=\mu+\sigma\odot\text{noise}$;
# 2. score each by an episode of its own;
# 3. keep the best share, the *elite*;
# 4. fit μ and σ to the elite, parameter by parameter.
#
# By maximum likelihood: the elite's mean and population standard deviation (divide by k, not k − 1). And σ gets a floor, `min_std`; why, you will see in a minute.
#
# ### Exercise 1 · `cem_update`
#
# 2 points · 10 minutes · difficulty ●○○ easy
#
# One point is for values, one for borders: so small a fraction that no sample would be left (keep one), equal samples.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Whose rows do you keep? More score is better. And over which axis do you average, if (D,) shall come out?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $k=\max(1,\lfloor\text{fraction}\cdot n\rfloor)$; mean over the k rows; $\max(\sigma,\sigma_{\min})$ with $\sigma_{\min}$ = `min_std`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `score.topk(k).indices` picks rows; `.std(0, correction=0)`; `.clamp(min=min_std)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *nan with one elite:* `std` divides by k − 1. *Wrong where scores are equal:* count, do not compare with a threshold.
# </details>


# %% nbgrader={"grade": false, "grade_id": "cem-update", "locked": false, "schema_version": 3, "solution": true}
def cem_update(sample, score, elite_fraction, min_std):
    """Mean and std of the max(1, int(fraction·n)) best. (n, D), (n,) -> (D,), (D,); std ≥ min_std."""
    ### BEGIN SOLUTION
    count = max(1, int(elite_fraction * len(sample)))
    elite = sample[score.topk(count).indices]
    return elite.mean(0), elite.std(0, correction=0).clamp(min=min_std)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-cem-update", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(cem_update)
### BEGIN HIDDEN TESTS
check(cem_update, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Let your update look for the top of a round hill at (3, 3), from (0, 0) with spread 1, with 20 samples a generation.
#
# **Predict:** without a floor (`min_std = 0`), how near does it get in 30 generations? And with a floor of 0.3?


# %% nbgrader={"grade": false, "grade_id": "search", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def hill(x):
    """Scores (n,) of points (n, D): 0 at the top, where all coordinates are 3."""
    return -(x - 3).square().sum(-1)


def search(score, size, generations, min_std, population=20, seed=0):
    """The mean and spread of each generation, first one included: two (generations + 1, D)."""
    generator = torch.Generator().manual_seed(seed)
    means, stds = [torch.zeros(size).double()], [torch.ones(size).double()]
    for _ in range(generations):
        noise = torch.randn(population, size, generator=generator).double()
        sample = means[-1] + stds[-1] * noise
        mean, std = cem_update(sample, score(sample), 0.25, min_std)
        means.append(mean)
        stds.append(std)
    return torch.stack(means), torch.stack(stds)


# %% tags=["raises-exception"]
for min_std in (0.0, 0.3):
    means, stds = search(hill, size=2, generations=30, min_std=min_std)
    print(
        f"floor {min_std}:  distance to the top after 0, 5, 10 … generations",
        (means[::5] - 3).norm(dim=1),
        " last spread",
        stds[-1],
    )

# %% [markdown]
# Without a floor it freezes half-way: the best five of twenty lie closer together than the twenty, so σ shrinks whether the top is near or not. The floor keeps the search awake, at the price of a mean that trembles around the top.
#
# And a search pays for every parameter. The same hill in D dimensions, 50 generations of 40:

# %% tags=["raises-exception"]
for size in (2, 10, 50, 250, 1000):
    means, _ = search(hill, size, generations=50, min_std=0.05, population=40)
    left = ((means[-1] - 3).norm() / (means[0] - 3).norm()).item()
    print(f"{size:5} parameters: {left:5.0%} of the way is left after 2,000 scores")

# %% [markdown]
# A score is one number, and has to say something about all D parameters. A gradient is D numbers: it climbs this hill in the same number of steps for any D.
#
# Your search on CartPole, 40 linear policies a generation, one episode each; in grey the band of 20 reference seeds:

# %% tags=["experiment", "raises-exception"]
cem_history = train(
    RUNS["cem-cartpole"].start(seed=0, update=cem_update), run="cem-cartpole", label="cem"
)

# %% tags=["experiment", "raises-exception"]
show_agent(cem_history.policy, "CartPole-v1")

# %% [markdown]
# ## 2 · CMA-ES: a cloud that may turn
#
# CEM fits each parameter by itself, so its cloud of samples is as wide as it is high, or upright, or flat; it never lies askew. *CMA-ES*, the covariance matrix adaptation evolution strategy, learns the whole covariance: D(D + 1)/2 numbers. It also learns a step size, which grows while steps agree in direction and shrinks when they contradict each other. It is a long recipe: we take the library `cma`.
#
# A valley that lies askew, `narrow` times as long as it is wide. Both start at (−3, −1), 20 samples a generation:

# %% nbgrader={"grade": false, "grade_id": "valley", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
START = torch.tensor([-3.0, -1.0]).double()


def valley(x, narrow):
    """Scores (n,) of points (n, 2): 0 at (3, 3), steep across the diagonal, gentle along it."""
    along, across = (x - 3).sum(-1) / 2**0.5, (x[:, 1] - x[:, 0]) / 2**0.5
    return -(along**2 + (narrow * across) ** 2)


def clouds(narrow, generations=30):
    """Mean (2,) and covariance (2, 2) of each generation, of your CEM and of CMA-ES."""
    import cma  # here, not above: it takes a second to load

    means, stds = search(lambda x: valley(x + START, narrow), 2, generations, min_std=0.3)
    found = {
        "CEM": [(mean + START, std.diag() ** 2) for mean, std in zip(means, stds, strict=True)]
    }
    options = {"popsize": 20, "seed": 1, "verbose": -9, "verb_log": 0}
    strategy = cma.CMAEvolutionStrategy([0.0, 0.0], 1.0, options)
    found["CMA-ES"] = [(START, torch.eye(2).double())]
    for _ in range(generations):
        sample = strategy.ask()
        cost = -valley(torch.tensor(np.array(sample)) + START, narrow)  # cma minimises
        strategy.tell(sample, cost.tolist())
        covariance = torch.from_numpy(strategy.sigma**2 * np.array(strategy.C))
        found["CMA-ES"].append((torch.from_numpy(strategy.mean) + START, covariance))
    return found


# %% nbgrader={"grade": false, "grade_id": "clouds", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
CLOUDS = {narrow: clouds(narrow) for narrow in (1, 5, 30)}
LINE = torch.linspace(-5.5, 5.5, 80).double()
GRID = torch.stack(torch.meshgrid(LINE, LINE, indexing="xy"), -1)
CIRCLE = torch.linspace(0, 2 * math.pi, 60).double()
CIRCLE = torch.stack([CIRCLE.cos(), CIRCLE.sin()])


def draw_clouds(axes, narrow, generation):
    """The valley, and each method's path and one-σ ellipse."""
    height = -valley(GRID.flatten(0, 1), narrow).reshape(80, 80)
    axes.contour(LINE, LINE, height.log1p(), levels=9, colors="#BBBBBB", linewidths=0.7)
    for name, color, style in (("CEM", "black", "--"), ("CMA-ES", COLORS["wrong"], "-")):
        path = torch.stack([mean for mean, _ in CLOUDS[narrow][name][: generation + 1]])
        _, covariance = CLOUDS[narrow][name][generation]
        root = torch.linalg.cholesky(covariance + 1e-9 * torch.eye(2))
        axes.plot(
            *(path[-1][:, None] + root @ CIRCLE), style, color=color, linewidth=1.8, label=name
        )
        axes.plot(*path.T, ".-", color=color, linewidth=0.8)
    axes.plot(3, 3, "+", color=COLORS["a2c"], markersize=14, markeredgewidth=2.5)
    axes.set(xlim=(-5.5, 5.5), ylim=(-5.5, 5.5))
    axes.legend(loc="lower right", fontsize=8)


# %% [markdown]
# The cross is the top. With `narrow` = 1 the hill is round, with 30 it is a valley 30 times as long as wide; dots are the means of the generations so far, ellipses one σ of the cloud.

# %% nbgrader={"grade": false, "grade_id": "clouds-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
ends = "; ".join(
    f"{narrow} times as long as wide: "
    + ", ".join(f"{name} {(steps[-1][0] - 3).norm():.2f}" for name, steps in found.items())
    for narrow, found in CLOUDS.items()
)
slider(
    draw_clouds, narrow=list(CLOUDS), generation=list(range(0, 31, 2)),
    static=[{"narrow": one, "generation": at} for one in (1, 30) for at in (2, 6, 20)],
    title="On the round hill both arrive, in the narrow valley only CMA-ES",
    alt="Paths and clouds of CEM and CMA-ES. Distances to the top after 30 generations: " + ends + ".",
)  # fmt: skip
print("distance to the top after 30 generations:", ends)

# %% [markdown]
# ### Think · 1 point
#
# What does CMA-ES have that makes the difference in the narrow valley?
#
# - **a.** It estimates the gradient of the score.
# - **b.** It has a spread for each parameter, CEM one for all.
# - **c.** It learns how parameters should vary *together*.
# - **d.** It scores more samples in a generation.


# %% nbgrader={"grade": false, "grade_id": "answer-what-cma-adds", "locked": false, "schema_version": 3, "solution": true}
def answer_what_cma_adds():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-what-cma-adds", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_what_cma_adds)

# %% [markdown]
# On CartPole, 16 policies a generation:

# %% tags=["experiment"]
cma_history = train(RUNS["cma-es-cartpole"].start(seed=0), run="cma-es-cartpole", label="cma-es")

# %% [markdown]
# The covariance of a network with 5,000 weights has 12.5 million entries. In [001]'s table CMA-ES has no numbers for the largest tasks.
#
# ## 3 · RWR: imitate your better episodes
#
# *Reward-weighted regression* plays n episodes and imitates them, the better ones more,
#
# $$\max_\theta\ \sum_i w_i\sum_t\log\pi_\theta(a_t^i\mid s_t^i),\qquad w_i=\frac{e^{R_i/T}}{\sum_je^{R_j/T}}.$$
#
# This is supervised learning with weights. Why the exponential? Ask for the policy with the largest $\log\mathbb E_\theta[e^{R/T}]$. By Jensen's inequality (log of a mean ≥ mean of logs), for episodes drawn from the old policy,
#
# $$\log\mathbb E_{\theta}\big[e^{R/T}\big]=\log\mathbb E_\text{old}\Big[e^{R/T}\,\tfrac{p_\theta(\tau)}{p_\text{old}(\tau)}\Big]\ \ge\ \sum_iw_i\log\frac{p_\theta(\tau_i)}{p_\text{old}(\tau_i)}+\text{const},$$
#
# with equality at $\theta=\text{old}$; in $\log p_\theta(\tau)$ only the log-probabilities of actions depend on θ. So each regression raises the left side. A small *temperature* T asks for the best episode alone, a large one for all alike.
#
# ### Exercise 2 · `rwr_weight`
#
# 1 point · 10 minutes · difficulty ●○○ easy
#
# Returns are −1,200 on Pendulum and 500 on CartPole, and T may be small: exp(500/0.1) must not overflow.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which function of torch turns numbers into exponentials that sum to 1?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# A common factor cancels: $e^{(R_i-c)/T}/\sum_je^{(R_j-c)/T}$ is the same for every c. With $c=\max R$ no exponent is above 0.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(… / …).softmax(0)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "rwr-weight", "locked": false, "schema_version": 3, "solution": true}
def rwr_weight(episode_return, temperature):
    """exp(R/T), divided by their sum: (n,) -> (n,) weights that sum to 1, finite for any R."""
    ### BEGIN SOLUTION
    return (episode_return / temperature).softmax(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-rwr-weight", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(rwr_weight)
### BEGIN HIDDEN TESTS
check(rwr_weight, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How greedy is a temperature? The *effective sample size* $1/\sum w_i^2$ (lesson 06) says it:

# %% nbgrader={"grade": false, "grade_id": "temperature", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
RETURNS = torch.tensor([9.0, 11, 14, 15, 16, 21, 22, 25, 29, 34, 41, 47]).double()


def draw_weights(axes, temperature):
    """A bar an episode, in the order of returns."""
    weight = rwr_weight(RETURNS, temperature * RETURNS.std(correction=0))
    axes.bar(range(12), weight, color=COLORS["reinforce"])
    axes.set(ylim=(0, 1), xticks=[0, 6, 11], xticklabels=[f"{RETURNS[i]:.0f}" for i in (0, 6, 11)])
    axes.set(xlabel="return of the episode", ylabel="weight")
    axes.text(
        0.03,
        0.85,
        f"counts like {1 / weight.square().sum():.1f} episodes",
        transform=axes.transAxes,
    )


slider(
    draw_weights, temperature=[0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0],
    static=[{"temperature": one} for one in (0.05, 0.3, 1.0, 5.0)],
    labels={"temperature": "T, in standard deviations"},
    title="Cold imitates one lucky episode, hot imitates everything",
    alt="Weights of twelve episodes at four temperatures. At 0.05 standard deviations the best has all the weight; at 5 all have nearly the same.",
)  # fmt: skip

# %% [markdown]
# What has this to do with a policy gradient? For large T, $e^{R/T}\approx1+R/T$, and to first order
#
# $$w_i\approx\frac1n\Big(1+\frac{R_i-\bar R}{T}\Big):$$
#
# the 1 imitates what was done, which on average changes nothing, and the rest is REINFORCE with the mean as a baseline and step size 1/T. So $nT(w_i-1/n)$ should go to $R_i-\bar R$:

# %% tags=["raises-exception"]
some = torch.tensor([1.0, 2.0, 6.0]).double()
for T in (1.0, 10.0, 100.0, 1000.0):
    print(f"T = {T:6.0f}   n T (w − 1/n) =", 3 * T * (rwr_weight(some, T) - 1 / 3))
print("returns minus their mean =", some - some.mean())

# %% [markdown]
# ### Think · 1 point
#
# Two friends change the rewards of their task. One adds 100 to every return, the other multiplies all by 10. Both keep T. Whose weights stay as they were?
#
# - **a.** Both: only the order of the episodes matters.
# - **b.** The first friend's.
# - **c.** The second friend's.
# - **d.** Neither's.


# %% nbgrader={"grade": false, "grade_id": "answer-shift-or-scale", "locked": false, "schema_version": 3, "solution": true}
def answer_shift_or_scale():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-shift-or-scale", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_shift_or_scale)

# %% [markdown]
# ### Silent bug · Exercise 3
#
# 1 point · 15 minutes · difficulty ●●○ medium
#
# So T needs the unit of the returns. A friend measures it in their standard deviations. Her function runs, its weights sum to 1, the better episodes weigh more:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_preference(episode_return, temperature):
    """Meant: exp(R/T), T in standard deviations of the returns. (n,) -> (n,). It runs."""
    spread = episode_return.std(correction=0) + 1e-8
    scaled = (episode_return - episode_return.mean()) / spread
    degrees = temperature * spread
    return (scaled / degrees).softmax(0)


# %% nbgrader={"grade": false, "grade_id": "bugged-numbers", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def learns(preference, label):
    """Three seeds of RWR for 60,000 steps with T = 0.3."""

    def weight(episode_return, temperature):
        return preference(episode_return, 0.3)  # the loop's own temperature is not used

    run = RUNS["rwr-cartpole"]
    started = [run.start(seed, weight=weight) for seed in range(3)]
    return [train(one, max_steps=60_000, label=label, quiet=True) for one in started]


bugged = learns(bugged_preference, "wrong: T counts twice")
print("she reaches, after 60,000 steps:", [round(one.returns[-1].item()) for one in bugged])
for unit in (0.1, 1.0, 10.0):
    print(
        f"returns in units of {unit:4}:",
        bugged_preference(unit * torch.tensor([20.0, 35.0, 50.0]).double(), 0.3),
    )

# %% [markdown]
# It even learns, a little. But the *same* three episodes, counted in other units, get weights from "the best alone" to "all alike": the better her policy, the farther its returns lie apart, and the less she prefers the best. Find the line, and repair it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Write the unit behind each name: returns are in points. What is `spread` in, what `scaled`, what `degrees`?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# An exponent has no unit: $\dfrac{R-\bar R}{T\sigma}$, with σ *once*.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# One of two lines has to go, either one. Keep the 1e-8: where all returns are equal, the weights are even.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-preference", "locked": false, "schema_version": 3, "solution": true}
def repaired_preference(episode_return, temperature):
    """exp(R/T), T in standard deviations of the returns. (n,) -> (n,) weights that sum to 1."""
    ### BEGIN SOLUTION
    in_points = temperature * (episode_return.std(correction=0) + 1e-8)
    return (episode_return / in_points).softmax(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-preference", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_preference)
### BEGIN HIDDEN TESTS
check(repaired_preference, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The same three seeds, repaired:

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
repaired = learns(repaired_preference, "rwr, repaired")
figure = learning_curve(
    {"rwr, repaired": repaired, "wrong: T counts twice": bugged},
    colors={"wrong: T counts twice": COLORS["wrong"], "rwr, repaired": COLORS["reinforce"]},
    title="A temperature that counts twice brakes its own success",
)
show(figure, alt="Three seeds each. " + describe_curves(repaired) + " " + describe_curves(bugged))

# %% [markdown]
# A whole training with your `rwr_weight`; the loop hands T over in the returns' unit. It is slow: one weight for all of an episode's actions, and no critic to tell them apart.

# %% tags=["experiment", "raises-exception"]
rwr_history = train(
    RUNS["rwr-cartpole"].start(seed=0, weight=rwr_weight), run="rwr-cartpole", label="rwr"
)

# %% [markdown]
# ## 4 · REPS: a temperature that chooses itself
#
# *Relative entropy policy search* asks a question whose answer is a temperature. Take single actions and their advantages $A_i$ (here from GAE and a critic, lesson 05), and look for weights w:
#
# $$\max_w\ \sum_iw_iA_i\quad\text{such that}\quad\sum_iw_i=1,\qquad\mathrm{KL}\big(w\,\|\,\tfrac1n\big)=\sum_iw_i\log(n\,w_i)\le\varepsilon.$$
#
# In words: prefer what turned out well, but stay within ε *nats* of the data. With a multiplier η for the bound and ν for the sum, the derivative for each $w_i$ must vanish:
#
# $$A_i-\eta\big(\log(n\,w_i)+1\big)-\nu=0\quad\Longrightarrow\quad w_i\propto e^{A_i/\eta}.$$
#
# So η *is* a temperature. Put these weights back, and what remains is a function of η alone, the *dual*,
#
# $$g(\eta)=\eta\,\varepsilon+\eta\log\frac1n\sum_ie^{A_i/\eta},\qquad g'(\eta)=\varepsilon-\mathrm{KL}\big(w_\eta\,\|\,\tfrac1n\big).$$
#
# It is convex, and *minimised* over η > 0. Where its slope is 0, the divergence is ε to the dot.
#
# ### Exercise 4 · `reps_dual`
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# One point is for values, huge exponents included, one for the slope in `eta`, a tensor.
#
# <details><summary>Hint 1: what to think of</summary>
#
# For η → 0 it must become max A, for η → ∞ (and ε = 0) the mean of A. Which of torch's functions is a logarithm of a sum of exponentials?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log\frac1n\sum e^{x}=\text{logsumexp}(x)-\log n$, and η multiplies all of it.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `eta * (epsilon + (advantage / eta).logsumexp(0) - …)`; no `float(eta)`, no `.item()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reps-dual", "locked": false, "schema_version": 3, "solution": true}
def reps_dual(advantage, eta, epsilon):
    """η ε + η log mean exp(A/η): (n,) -> a scalar, finite for any A; eta keeps its gradient."""
    ### BEGIN SOLUTION
    log_mean = (advantage / eta).logsumexp(0) - math.log(len(advantage))
    return eta * (epsilon + log_mean)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reps-dual", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reps_dual)
### BEGIN HIDDEN TESTS
check(reps_dual, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 5 · `reps_weight`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# You have written it already, under another name.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $w_i=e^{A_i/\eta}/\sum_je^{A_j/\eta}$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(advantage / eta).softmax(0)`, or a call of `rwr_weight`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reps-weight", "locked": false, "schema_version": 3, "solution": true}
def reps_weight(advantage, eta):
    """exp(A/η), divided by their sum: (n,) -> (n,) weights that sum to 1, finite for any A."""
    ### BEGIN SOLUTION
    return (advantage / eta).softmax(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reps-weight", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reps_weight)
### BEGIN HIDDEN TESTS
check(reps_weight, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Sixty-four random advantages, your dual minimised for several ε. The divergence is measured from your weights.
#
# **Predict:** 64 weights can be at most log 64 ≈ 4.16 nats away from even. What happens with ε = 5?


# %% nbgrader={"grade": false, "grade_id": "bisection", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def lowest(advantage, epsilon):
    """The η at which your dual is lowest, by bisection of its slope between 1e-4 and 1e4."""
    low, high = torch.tensor([1e-4, 1e4], dtype=torch.float64)
    for _ in range(50):
        middle = (low * high).sqrt().requires_grad_()
        (slope,) = torch.autograd.grad(reps_dual(advantage, middle, epsilon), middle)
        low, high = (low, middle.detach()) if slope > 0 else (middle.detach(), high)
    return low


# %% tags=["raises-exception"]
A = torch.randn(64, generator=torch.Generator().manual_seed(0)).double()
for epsilon in (0.05, 0.5, 2.0, 4.0, 5.0):
    eta = lowest(A, epsilon)
    w = reps_weight(A, eta)
    kl = torch.special.xlogy(w, 64 * w).sum()
    print(
        f"ε = {epsilon:4}:  η = {eta:8.4f}   KL = {kl:.4f}   counts like {1 / w.square().sum():5.1f} actions"
    )

# %% [markdown]
# Your dual for three bounds:

# %% nbgrader={"grade": false, "grade_id": "dual-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
etas = torch.logspace(-1.6, 1, 120).double()
for epsilon, color in zip((0.05, 0.5, 2.0), shades(3), strict=True):
    values = [reps_dual(A, one, epsilon).item() for one in etas]
    axes.semilogx(etas, values, color=color)
    eta = lowest(A, epsilon)
    bottom = reps_dual(A, eta, epsilon).item()
    axes.plot(eta, bottom, "o", color=color)
    axes.annotate(
        f"ε = {epsilon}",
        (eta, bottom),
        xytext=(0, -16),
        textcoords="offset points",
        ha="center",
        color=color,
    )
axes.axhline(A.max().item(), color=COLORS["reference"], linewidth=1, linestyle=":")
axes.text(10, A.max().item(), "max A ", va="bottom", ha="right", color=COLORS["reference"])
axes.set(xlabel="temperature η", ylabel="dual g(η)", ylim=(-0.3, 4))
axes.set_title("The wider the bound, the lower the temperature it chooses", loc="left")
show(
    figure,
    alt="Three curves against η on a logarithmic scale, lowest at smaller η for larger ε; all come from the largest advantage at the left.",
)

# %% [markdown]
# For ε = 5 the dual only rises, and the bisection ends at its smallest η, which leaves one action. (The same happens, silently, when a *sum* stands for the mean in the dual: ε grows by log n.)
#
# ### Think · 1 point
#
# After the weights, REPS fits the policy to the weighted actions, by ten gradient steps. What does ε bound?
#
# - **a.** How far the policy moves: KL(old policy ‖ new policy) ≤ ε.
# - **b.** The same, in the mean over states, as in TRPO.
# - **c.** The improvement of the return.
# - **d.** The divergence of the weights from even ones, and nothing else.


# %% nbgrader={"grade": false, "grade_id": "answer-what-epsilon-bounds", "locked": false, "schema_version": 3, "solution": true}
def answer_what_epsilon_bounds():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-what-epsilon-bounds", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_what_epsilon_bounds)

# %% [markdown]
# REPS with your dual and your weights:

# %% tags=["experiment", "raises-exception"]
reps_history = train(
    RUNS["reps-cartpole"].start(seed=0, dual=reps_dual, weight=reps_weight),
    run="reps-cartpole",
    label="reps",
)

# %% [markdown]
# ## 5 · How to read [001]'s table
#
# Five rows of it: the mean return over *all* policies met in 25 million steps, ± the standard deviation over five seeds. A star stands for bold print.

# %% nbgrader={"grade": false, "grade_id": "published", "locked": true, "schema_version": 3, "solution": false}
for task in list(published.PUBLISHED_BENCHMARK)[:5]:
    row, bold = published.PUBLISHED_BENCHMARK[task], published.PUBLISHED_BOLD[task]
    print(published.PUBLISHED_NAMES[task])
    for name, (mean, std) in row.items():
        print(f"    {name:10} {mean:9.1f} ± {std:5.1f} {'*' if name in bold else ''}")

# %% [markdown]
# ### Spot the slip? · 1 point
#
# Cart-Pole Balancing: REINFORCE has 4,694 in plain print, TNPG 3,986 in bold. How can that be?
#
# - **a.** No slip: bold means that five seeds cannot tell it from the best.
# - **b.** A slip in the printing: the two were exchanged.
# - **c.** REINFORCE's spread is so small that its mean is not to be trusted.
# - **d.** Their returns are in different units.


# %% nbgrader={"grade": false, "grade_id": "answer-bold-and-lower", "locked": false, "schema_version": 3, "solution": true}
def answer_bold_and_lower():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-bold-and-lower", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_bold_and_lower)

# %% [markdown]
# The test is Welch's: the difference of two means over its standard error $\sqrt{s_1^2/n_1+s_2^2/n_2}$, against Student's t. Its p says how often equals would differ so much by chance, in either direction (*two-sided*); below 0.05 the lower one is not bold. Means, spreads and n = 5 suffice to check it, on these five rows and three more. (Five invented returns a cell have its mean and its spread.)

# %% nbgrader={"grade": false, "grade_id": "bold", "locked": true, "schema_version": 3, "solution": false}
PATTERN = np.array([-2, -1, 0, 1, 2]) / 2.5**0.5  # mean 0, standard deviation 1
checked, differing = 0, []
for task, row in published.PUBLISHED_BENCHMARK.items():
    mean, std = np.array(list(row.values())).T
    p_value = statistics.p_against_best(mean[:, None] + std[:, None] * PATTERN)
    for name, p in zip(row, p_value, strict=True):
        checked += 1
        if (2 * p >= 0.05) != (name in published.PUBLISHED_BOLD[task]):
            differing.append(
                f"{published.PUBLISHED_NAMES[task]}, {name}: {row[name][0]} ± {row[name][1]}, p = {2 * p:.2f}"
            )
print(
    f"{checked - len(differing)} of {checked} cells are printed as the test says; not:",
    *differing,
    sep="\n    ",
)

# %% [markdown]
# So bold means that, in all but one of these cells. DDPG's ± 244.6: some seeds must have learned it and some not, and no test can call that worse than the best. Read such a cell as two.
#
# ## 6 · The same table in small
#
# The paper's nine columns and four more methods, on the course's own tasks. The rules:
#
# - the same number of environment steps for all on a task; one set of settings an algorithm, but for the scale of rewards and the value that critics of actions begin with, chosen with other seeds (a reported one showed that DDPG and TD3 lacked something);
# - judged ten times, evenly over the training, by 20 fresh episodes; policies that draw as they draw, deterministic ones without noise;
# - CPU seconds of the training are kept as well;
# - bold by the *one-sided* test: only chance *downwards* counts. It is stricter: TNPG would lose two of its bold cells above.
#
# Made by `python -m course_lib.experiments benchmark`; stored so far:
#
# **Predict:** who will be bold most often?

# %% nbgrader={"grade": false, "grade_id": "stored", "locked": true, "schema_version": 3, "solution": false}
final, whole = found.array()[..., -1], found.array().mean(-1)  # (algorithms, columns)
for task, places in found.places().items():
    steps = found.experiment.run("PPO", task).max_steps
    print(f"{task:26} {len(places):2} seeds of {steps:,} steps each")

# %% nbgrader={"grade": false, "grade_id": "table", "locked": true, "schema_version": 3, "solution": false}
show_benchmark(
    found, last=found.experiment.points,
    published=published.PUBLISHED_BENCHMARK, published_bold=published.PUBLISHED_BOLD,
)  # fmt: skip

# %% [markdown]
# How alike are the two orders of the nine shared methods? A rank correlation of 1 says the same order, 0 nothing in common.


# %% nbgrader={"grade": false, "grade_id": "agreement", "locked": true, "schema_version": 3, "solution": false}
def rank_correlation(one, other):
    """Spearman's: the correlation of the ranks of two lists."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return np.corrcoef(*ranks)[0, 1]


shared = [name for name in names if name in published.PUBLISHED_BENCHMARK["Pendulum-v1"]]
rows = [names.index(name) for name in shared]
for task, places in found.places().items():
    theirs = [published.PUBLISHED_BENCHMARK[task][name][0] for name in shared]
    ours = whole[rows][:, places].mean(1)
    best = names[whole[:, places].mean(1).argmax()]
    print(
        f"{task:26} rank correlation {rank_correlation(theirs, ours):5.2f}   best there: "
        f"{shared[int(np.argmax(theirs))]:5}   best here of the nine: {shared[int(ours.argmax())]:9}  of all: {best}"
    )

# %% [markdown]
# Two of the stored trainings again, with your update and your weights:

# %% nbgrader={"grade": false, "grade_id": "yours", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
benchmark, mountain = found.experiment, "MountainCarContinuous-v0"
for name, functions in (("CEM", {"update": cem_update}), ("RWR", {"weight": rwr_weight})):
    returns, _ = budgeted_training(benchmark.run(name, mountain), 0, benchmark.points, **functions)
    print(f"{name} yours:  ", [round(one, 2) for one in returns])
    print(f"{name} stored: ", [round(one, 2) for one in found.returns[name, mountain, 0]])

# %% [markdown]
# On the mountain car fuel costs, and only the flag pays. Whoever does not find it early learns to stand still, for a return of about 0: a local optimum, perfectly learned. How many trainings ended there?

# %% nbgrader={"grade": false, "grade_id": "standing-still", "locked": true, "schema_version": 3, "solution": false}
places = found.places()["MountainCarContinuous-v0"]
still, flag = np.abs(final[:, places]) < 5, final[:, places] > 50
for title, which in (("stand still", still), ("reach the flag", flag)):
    counts = {name: int(row.sum()) for name, row in zip(names, which, strict=True) if row.any()}
    print(
        f"{title:15} in {which.sum():3} of {which.size}:",
        ", ".join(f"{name} {count}" for name, count in counts.items()),
    )

# %% [markdown]
# A gradient cannot tell of a flag that no sample has touched; among policies drawn as a whole, some drive up the hill.
#
# Where the two tables disagree, almost everything differs:
#
# - *Simulators, rewards, horizons.* Their cart-pole pays 10 a step, ours 1; their pendulum stands on a cart.
# - *Budget.* 25 million steps there, tens of thousands here: a method that is quick at first looks better here.
# - *Policies.* Networks of three layers there, of two here; CEM and CMA-ES search linear policies here, with a few parameters instead of thousands.
# - *Tuning.* They searched a grid; ours have this course's settings, changed where they fitted one task only; replay looks five steps ahead, DDPG and TD3 explore more.
# - *Codes.* The same name, other details: see lesson 09's ablation. Engstrom et al. found that most of PPO's lead over TRPO came from such details [001].
#
# So a benchmark ranks *implementations with settings on tasks within a budget*. "SAC is better than PPO" says nothing until these are named.
#
# ## 7 · How much of it can you believe?
#
# **Seeds.** Suppose each algorithm had been trained with three of these seeds only. Which would then have been reported as the best?
#
# **Predict:** how often is the winner of all seeds also the winner of three?

# %% nbgrader={"grade": false, "grade_id": "three-seeds", "locked": true, "schema_version": 3, "solution": false}
few = min(3, max(map(len, found.places().values())) - 1)
tasks = [task for task, places in found.places().items() if len(places) > few]
shares = {task: statistics.share_best(whole[:, found.places()[task]], few) for task in tasks}
for task, share in shares.items():
    order = [row for row in share.argsort()[::-1] if share[row] > 0.005]
    best = names[whole[:, found.places()[task]].mean(1).argmax()]
    print(
        f"{task:26} best of all seeds: {best:9} of three:",
        ", ".join(f"{names[row]} {share[row]:.0%}" for row in order),
    )
contested = min(shares, key=lambda task: shares[task].max())

# %% [markdown]
# The most contested task: three seeds (dots) and their mean (bar). With each throw, every algorithm draws another three:

# %% nbgrader={"grade": false, "grade_id": "resample", "locked": true, "schema_version": 3, "solution": false}
at = whole[:, found.places()[contested]]
shown = at.mean(1).argsort()[::-1][:5]  # the five best of all seeds


def drawn(throw):
    """The returns of three seeds, another three for each of the five algorithms: (5, 3)."""
    return np.random.default_rng(throw).permuted(at[shown], axis=1)[:, :few]


def draw_resampled(axes, throw):
    """Three seeds of each, their mean, and who wins."""
    returns = drawn(throw)
    winner = returns.mean(1).argmax()
    for place, row in enumerate(returns):
        color = COLORS["a2c"] if place == winner else COLORS["reference"]
        axes.plot(row, [place] * few, ".", color=color, alpha=0.6)
        axes.plot(row.mean(), place, "|", color=color, markersize=16, markeredgewidth=3)
    axes.set_yticks(range(len(shown)), [names[one] for one in shown])
    axes.set(xlabel="mean return of the training", ylim=(len(shown) + 0.4, -0.5))
    axes.text(0.03, 0.03, f"best: {names[shown[winner]]}", transform=axes.transAxes, weight="bold")


# %% nbgrader={"grade": false, "grade_id": "resample-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
winners = {}
for throw in range(40):
    winners.setdefault(names[shown[drawn(throw).mean(1).argmax()]], throw)
panels = (list(winners.values()) + [one for one in range(4) if one not in winners.values()])[:4]
slider(
    draw_resampled, throw=list(range(40)), static=[{"throw": one} for one in sorted(panels)],
    title=f"{contested}, {few} seeds: {len(winners)} of the five best can be made to win",
    alt=f"Four throws of {few} seeds on {contested}, with the means of the five best algorithms. Winners among forty throws: " + ", ".join(winners) + ".",
)  # fmt: skip

# %% [markdown]
# (The static picture chooses a throw for each winner, as papers may choose seeds.)
#
# ### Think · 1 point
#
# A preprint reports three seeds for each of six algorithms. Its own method has the highest mean. What follows?
#
# - **a.** It is the best, as all six had the same three seeds.
# - **b.** Nothing: a mean of three is biased.
# - **c.** With the median instead of the mean it would be certain.
# - **d.** Another three seeds might well have made another method win; ask for spreads and more seeds.


# %% nbgrader={"grade": false, "grade_id": "answer-best-of-three", "locked": false, "schema_version": 3, "solution": true}
def answer_best_of_three():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-best-of-three", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_best_of_three)

# %% [markdown]
# **Power.** A difference that is not significant is not *no* difference. How often does the test notice that one method is better?

# %% nbgrader={"grade": false, "grade_id": "power", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
show(*power_picture())

# %% [markdown]
# **Many comparisons.** And if all thirteen algorithms were equally good, their returns pure luck: how many would not be bold, as each is held against the luckiest of all?

# %% nbgrader={"grade": false, "grade_id": "equals", "locked": true, "schema_version": 3, "solution": false}
for seeds in (3, 5, 10):
    refused, any_refused = statistics.share_refused_among_equals(len(names), seeds)
    print(
        f"{seeds:3} seeds: {refused:.0%} are called worse; {any_refused:.0%} of columns call somebody worse"
    )

# %% [markdown]
# Bold print errs both ways: with five seeds a lead of one deviation is mostly overlooked, and equals are held against whoever had luck.
#
# **All tasks together** need a common scale: 0 is the random policy, 1 the best single training on the task. A *performance profile* shows the whole distribution (Agarwal et al. 2021): for each score τ, the share of trainings that ended above it.

# %% nbgrader={"grade": false, "grade_id": "profile", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
show(*profile_picture(found))

# %% nbgrader={"grade": false, "grade_id": "aggregates", "locked": true, "schema_version": 3, "solution": false}
show(*intervals_picture(found))

# %% [markdown]
# The *interquartile mean* (dot), that of the middle half, and the mean (diamond) need not agree on the order. Bars are *bootstrap* intervals: the middle 95 % of what seeds drawn again, with replacement, give.
#
# **What you measure decides who wins.** The mean over the training praises who learns early; the last policy is what you would use. And steps are one price, seconds another:


# %% nbgrader={"grade": false, "grade_id": "measures", "locked": true, "schema_version": 3, "solution": false}
def best_of(values):
    """The name of the largest value, or of how many it is."""
    level = [
        name for name, value in zip(names, values, strict=True) if value >= values.max() - 1e-9
    ]
    return level[0] if len(level) == 1 else f"{len(level)} level"


print(f"{'':26}  last policy   whole training   fewest seconds to 80 % of the best")
for task, places in found.places().items():
    curves, seconds = found.array()[:, places].mean(1), found.cpu_seconds()[:, places].mean(1)
    zero = curves[names.index("Random")].mean()
    there = curves - zero >= 0.8 * (curves[:, -1].max() - zero)
    spent = np.where(there.any(1), seconds[np.arange(len(names)), there.argmax(1)], np.inf)
    print(
        f"{task:26}  {best_of(curves[:, -1]):12}  {best_of(curves.mean(1)):15}  "
        f"{best_of(-spent)} ({spent.min():.2f} s)"
    )

# %% nbgrader={"grade": false, "grade_id": "cost", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
show(*cost_picture(found))

# %% [markdown]
# ## 8 · What would you pick?
#
# What five small tasks and thirteen lessons support: *where to begin*, no verdict.
#
# | your problem | begin with | because |
# | --- | --- | --- |
# | few parameters, short cheap episodes, or a score without any gradient (a program, a game's rules) | CMA-ES; CEM if you want ten lines | nothing to tune but a spread; hopeless with thousands of weights |
# | a fast simulator, thousands of environments at once | PPO | steps may be thrown away; robust, parallel (09) |
# | continuous actions, every step dear (a robot, a slow simulator) | SAC or TD3 | replay uses a step many times (07, 10), and pays in seconds; which one: see the table, settings decide |
# | even fewer steps allowed, dynamics that can be learned | a world model | a quarter of SAC's steps on Pendulum; its errors are exploited (11) |
# | a few discrete actions, steps dear | DQN with double targets | no policy gradient at all (07) |
# | discrete actions, steps cheap | PPO or A2C | no maximum over values, and a policy that can stay random |
# | the best policy must be random (partial views, opponents, poker) | a stochastic policy gradient; SAC for the entropy | a greedy policy of Q is deterministic (02, 10) |
# | hidden state, long memory | PPO or A2C on sequences, with a recurrent network or past observations | replay of sequences is harder (11) |
# | a guaranteed small step (a policy in use) | TRPO | it measures its divergence (08) |
# | logged data of another policy only | importance weights, carefully, or methods we left out (offline RL) | the variance grows with the horizon (06) |
# | a language model | GRPO where answers can be checked; DPO for preferences | no critic, a KL to the start (12) |
# | you do not know | PPO, then SAC, five seeds or more | task and settings decide |
#
# Five small tasks tell nothing about pictures, rare rewards, hundreds of joints, weeks of training.
#
# ### Think · 1 point
#
# A real robot arm: two joints, continuous torques, one episode of 200 steps takes a minute, a computer stands idle beside it. Which would you try first?
#
# - **a.** PPO: it is robust.
# - **b.** SAC: continuous actions, dear steps, cheap computing.
# - **c.** CMA-ES over the weights of a network.
# - **d.** DQN on discretised torques.


# %% nbgrader={"grade": false, "grade_id": "answer-a-costly-robot", "locked": false, "schema_version": 3, "solution": true}
def answer_a_costly_robot():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-a-costly-robot", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_a_costly_robot)

# %% [markdown]
# ## 9 · Capstone: hand in an agent
#
# 10 points · 60 minutes · difficulty ●●● hard
#
# Here you decide what to write. A cart carries two poles of one metre, one on top of the other. You push it with at most 10 N, 20 times a second, for 500 steps, on a track that ends 2.4 m from the middle. Position, angles and velocities begin up to 0.2 off, and from some of these states no push is strong enough: the best agents that we know hold about two thirds of the episodes. A held episode returns nearly 5,000, a lost one about 150.
#
# Your agent is one function: `capstone_agent(obs)` gets the observations of $N$ episodes at once, an array $(N, 8)$ of float32, and returns $(N, 1)$ pushes between −1 and 1. One sees
#
# | column | 0 | 1, 2 | 3, 4 | 5 | 6, 7 |
# | --- | --- | --- | --- | --- | --- |
# | is | $x$ | $\sin\theta_1, \sin\theta_2$ | $\cos\theta_1, \cos\theta_2$ | $\dot x$ | $\dot\theta_1, \dot\theta_2$ |
#
# with both angles from upright, the lower pole first. Any algorithm of this course will do, one of your own, or a rule that you thought out.
#
# | mean return of at least | points | who gets there |
# | --- | --- | --- |
# | 400 | 2 | pushing at random has 129, not pushing at all 130 |
# | 1,200 | 4 | |
# | 2,000 | 6 | a linear rule (LQR) with a high price on the angles: 2,227 |
# | 2,600 | 8 | PPO after 70,000 steps, with luck |
# | 3,000 | 10 | a linear rule with a low price: 3,173; PPO after 250,000 steps: 3,174 to 3,389 |
#
# **What grades you.** The check below plays 1,000 episodes that are always the same. Grading plays 2,000 others, the same for the whole class, drawn when it is graded, with your agent in a process of its own. There the standard error of the mean is about 50, so stay 100 above the step that you want.
#
# **What your agent may do.** Import what this course imports. Take 10 s of CPU time for all its calls together (two layers of 64 take less than one). Return pushes outside ±1: they are cut. Draw random numbers, best from a generator with a seed of its own. Remember something from step to step, if it is an object with a method `reset()`, which is called before the first step; row $i$ is the same episode throughout. A function without `reset` must not remember anything.
#
# <details><summary>Hint 1: where to begin</summary>
#
# Run the next cell: it trains an agent that earns points. Then change it. Or push by a rule: which signs hold the poles longest?
#
# </details>
#
# <details><summary>Hint 2: what a rule has to know</summary>
#
# To lift the upper pole, the lower one must lean first. A good linear rule pushes *towards* the lower pole's lean and *away* from the upper one's, uses both speeds, and a little of $x$ and $\dot x$ to stay on the track.
#
# </details>
#
# <details><summary>Hint 3: what a training has to get right</summary>
#
# Rewards are about 10 a step: scale them by 0.01. The first second decides, so $\gamma$ = 0.98 sees far enough. A step size that falls to 0 gets the last tenth. Two layers of 16 are enough.
#
# </details>
#
# When grading, this cell is left out:

# %% tags=["experiment", "raises-exception"]
capstone_id = "WideDoublePendulum-v0"
config = PPOConfig(
    num_envs=32,
    num_steps=128,
    epochs=10,
    minibatch_size=512,
    learning_rate=2e-3,
    decay_steps=250_000,
    gamma=0.98,
    reward_scale=0.01,
    hidden=(16, 16),
)
# In a graded course, paste lesson 09's clipped_surrogate_loss and ppo_loss above, and write
# loss=ppo_loss below: the course does not bring them along.
trained = train(
    ppo(capstone_id, config, seed=2),
    label="ppo",
    environment_id=capstone_id,
    threshold=3_000,
    max_steps=250_000,
    stop_when_solved=False,
)
show_agent(trained.policy, capstone_id, seed=1)

# %% [markdown]
# Only the notebook is handed in, so the policy has to travel as text, in lines that notice a broken paste.

# %% tags=["experiment", "raises-exception"]
print(as_text(trained.policy))

# %% [markdown]
# Paste all lines, from `policy-text` to the last one, into your answer:
#
# ```python
# def capstone_agent(obs):
#     return policy(obs)
#
# policy = agent_from_text("""
# policy-text 1: …
# 001 …
# """)
# ```
#
# `as_text` takes every policy of this course, and an `nn.Sequential` of `Linear`, `Tanh`, `ReLU`, `SiLU` and `Sigmoid`; about 15,000 numbers fit. It keeps the likeliest action, without noise. A rule needs none of this; write it into the function.


# %% nbgrader={"grade": false, "grade_id": "capstone-agent", "locked": false, "schema_version": 3, "solution": true}
def capstone_agent(obs):
    """(N, 8) observations -> (N, 1) pushes from −1 (10 N to the left) to 1 (10 N to the right)."""
    ### BEGIN SOLUTION
    return POLICY(obs)


POLICY = agent_from_text("""
policy-text 1: 17 lines, 28b22bc3322f4460
001 eyJsYXllcnMiOltbIlJlc2NhbGUiLDhdLFsiTGluZWFyIiw4LDE2XSxbIlRhbmgiXSxbIkxpbmVhciIs 8a60
002 MTYsMTZdLFsiVGFuaCJdLFsiTGluZWFyIiwxNiwxXV0sImVuZCI6WyJhcyBpdCBpcyIsMC4wLDAuMF0s f527
003 ImR0eXBlIjoiPGYyIn0KADwARQBFADwAPAA8ADwAPDSxVTB1uum1MLRwL7ezIDGZtag0crMmLUs5uC2R 896f
004 sCa4M7bTtaq0lTaAJBwvDTBxJNYx6rZtNr86hbX0q74zuDbKKY86UrkOmG+2jTMwOA0uMTTmN4m5W6cg 73a4
005 N9215ynLsge4O7WsvUk2JLMEqG+7/7owtJu0ErOXtOu6sbkzuX2zljd/pIy8i7EOKws5nTIKsl84KrhL 0161
006 OMaw1TAqNQsxMz08NHUuKq/LNqI3RLLkNou0EzdLPMi4+jVjtamtxDY3u1GqW7GGN0w2iTeHsXywFTIV 3c58
007 rSK2rzNLt5WuCbL6tOw4eDXDuCA6NzCXH8w3gLTmN16u/bWksMa1tLkoLhI5kLlnpXMuZS6drYMsJzQ8 6985
008 tAWvd60kJSswKC4VMbOyx63orNsuLTUJLZi5gjv7Nh87iLAiOfyyOKKbPCm4RbTEvZq3zDEouiq1wTQe 65c8
009 N1eyOzhbrFQwsDXONEE5TDhQqP0sqLLlMkc5NTKWLAA11bgbNlazDzAuMo045ra1tPA3MS+/ODQ1XTGd 75bb
010 tCi5AKMpMQOwkTmQo6E2pjlCu4i4NrNvrq01BTgMOEirraEHuTKtcqygtUs5saRIg9O4ADTQtKG3BTHD 1e61
011 tAS5L7OXOOS6kLjXt/Y1uroaPDYv97keNhs50DQMuAGzmLq9LX66t7SAueq1UjNtNCEyTLVvs1+mIDrt f58b
012 KpMshKx6N70zoyVkt/Q5PzYXqn027Dh8NLIsFbRSK4A16ThPOtuz+DVRLm61Q7ETrycxvC/tsUcyHB4d 74a5
013 vOazUbLCJW+rz7Z2rVik8CTSNJ+44LyIrOk4pDZQtNGwOyVTr5g5xjSdL3y0n7kBMSg3aT0eJwsfXrwY 40a3
014 NrE6fbMVtm66lzKZJ2W0TzUdNrQ0tDRct381Sid2uOI34gzUOsU35q+9tGe4HznFOQ6zBqR4NMo3UbgT 1271
015 NR+40Do8LkwnUb0fMLWzpDhOLeQ26bKNuRWrJLYwp327RzuAtfm7TzntNUw6+Kznq0I8li2LtIu4OjD1 eb67
016 pZm1ZzGisS88GztmMf622TRCsmwy2zRprRWvEbWYOZk2gbdiNai2CjX+t6e4gjZCNmS4oy2vHLytfaAZ 0901
017 IMGy7rF1MBYuma0zp04pMCv+pC4z5aOBOCUyHbUjuGC0K7a4K4S0w68AtG82gTC9skG26a0btAQn ddde
""")
### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-capstone-agent", "locked": true, "points": 10, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(capstone_agent, exercise="capstone_agent")
### BEGIN HIDDEN TESTS
check(capstone_agent, hidden=True, exercise="capstone_agent")
### END HIDDEN TESTS

# %% [markdown]
# Your feedback tells your agent's mean in the fresh episodes, and its pseudonym on the class's leaderboard. A rank there is a range, such as 3–5: 2,000 episodes cannot tell all agents apart (section 7).
#
# <details><summary>I get …</summary>
#
# - **`a line was changed, cut or does not belong here`**: the paste lost something: print again, and paste everything from `policy-text` to the end of the last line.
# - **`this policy sees 3 numbers`**: it was trained in another environment.
# - **`wrong shape`, `(1000,)`**: the network's output lost its last axis; `.reshape(-1, 1)`.
# - **here 3,100, but 2,950 when graded**: luck of the episodes; the standard error here is about 70.
# - **much less than while training**: perhaps only the noisy action is good; `as_text` keeps the mean.
#
# </details>

# %% [markdown]
# ## 10 · What we left out
#
# - **Tuning as a budget:** a search over settings is training, too, and no table counts it.
# - **Harder tasks:** [001]'s table ends with four of which nobody learns anything.
# - **Evolution strategies** (Salimans et al. 2017): a gradient estimated from scores of noisy weights.
# - **MPO** (Abdolmaleki et al. 2018): REPS with a critic Q and a bound on the fitted policy. **AWR** (Peng et al. 2019): exponential weights of advantages, on logged data.
#
# ## Summary
#
# | | formula | what it asks for |
# | --- | --- | --- |
# | CEM | mean and std of the max(1, ⌊fraction · n⌋) best, std ≥ a floor | scores of whole parameter vectors |
# | CMA-ES | the same idea with a covariance and a step size | order of scores only |
# | RWR | $w_i=e^{R_i/T}/\sum_je^{R_j/T}$, then regression | returns; T in their unit |
# | REPS | $w_i\propto e^{A_i/\eta}$, η minimises $\eta\varepsilon+\eta\log\frac1n\sum e^{A_i/\eta}$ | advantages; ε in nats |
# | bold | not significantly below the best (Welch) | spreads, n, and the number of tests |
#
# - A search pays for every parameter, a gradient does not.
# - A benchmark ranks implementations, by steps or seconds, early or at the end.
# - With few seeds, differences are overlooked and winners are lucky: show all seeds.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 15 minutes
#
# A preprint: "Our method beats PPO on four of five tasks (p < 0.05, three seeds). We report the highest return met in training. Our method's settings were searched over 40 trials a task, PPO has its defaults." In at most ten sentences:
#
# 1. Name three weaknesses of this comparison, and say for each in whose favour it works. Which of them would remain with thirty seeds?
# 2. Design a comparison that you would believe, with the same computing time. What do you fix before you look, and what do you report?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-preprint", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. Any three of: (a) three seeds, five tests, no correction: favours luck; (b) the maximum over training: favours noisy methods and frequent judging; (c) 40 trials against defaults, on the tasks (perhaps seeds) that are reported: favours theirs; (d) four of five, without sizes. With thirty seeds only (a) goes. Half a point without the last question.
# 2. Equal tuning (or none), on seeds that are not reported; tasks, budget, seeds, measure and test fixed beforehand; ten seeds instead of 40 trials; report all seeds, spread or intervals, steps and seconds, the number of tests. Full mark for equal tuning, fresh seeds, a fixed measure and all seeds shown; half for two of these.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Duan, Chen, Houthooft, Schulman, Abbeel (2016), *Benchmarking deep reinforcement learning for continuous control*: [001]'s table.
# - Agarwal, Schwarzer, Castro, Courville, Bellemare (2021), *Deep reinforcement learning at the edge of the statistical precipice*.
# - Henderson et al. (2018), *Deep reinforcement learning that matters*.
# - Rubinstein (1999), *The cross-entropy method*; Szita and Lőrincz (2006), *Learning Tetris using the noisy cross-entropy method*.
# - Hansen (2016), *The CMA evolution strategy: a tutorial*.
# - Peters and Schaal (2007), *Reinforcement learning by reward-weighted regression*; Peters, Mülling, Altün (2010), *Relative entropy policy search*.
