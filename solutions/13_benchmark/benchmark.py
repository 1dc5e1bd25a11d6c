# %% [markdown]
# # The benchmark: what would you pick?
#
# **Lesson 13 · The benchmark** · about two and a half hours, the capstone apart · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import itertools
import math
from functools import partial

import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.algorithms.cma_es import CMAESConfig, make_strategy
from course_lib.algorithms.reps import minimising_eta
from course_lib.experiments import PUBLISHED_BENCHMARK, PUBLISHED_BOLD, stored
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
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# Thirteen lessons, two dozen algorithms. Your task is CartPole, you have a laptop: which one do you take? Three seeds each, trained here and now until a mean return of 475 is held. (You need not read the code now.)
#
# **Predict:** which of the five needs the fewest environment steps, and which the fewest seconds?

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
RACERS = {"CEM": "cem", "A2C": "a2c", "PPO": "ppo", "DQN": "dqn", "CMA-ES": "cma-es"}


def race(name, seed):
    """Environment steps and seconds of training until the threshold was held; None if it was not."""
    history = train(RUNS[name].start(seed), run=name, quiet=True)
    return history.solved_at, history.seconds


race("cma-es-cartpole", seed=9)  # once in vain: loading a library shall not count
times = {
    label: [race(f"{name}-cartpole", seed) for seed in range(3)] for label, name in RACERS.items()
}
for label, runs in times.items():
    solved = [run for run in runs if run[0]]
    steps, seconds = np.median(solved, axis=0)
    print(f"{label:7} {len(solved)} of 3   {steps:8,.0f} steps   {seconds:5.2f} s")

# %% nbgrader={"grade": false, "grade_id": "hook-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment"]
figure, axes = new_figure(size=(7, 3.6))
looks = {"CEM": "s", "CMA-ES": "D", "A2C": "o", "PPO": "^", "DQN": "v"}
colors = {"CEM": "black", "CMA-ES": COLORS["reference"]}
for label, runs in times.items():
    points = np.array([run for run in runs if run[0]], dtype=float)
    color = colors.get(label) or COLORS[label.lower()]
    axes.loglog(*points.T, looks[label], color=color, markersize=8)
    axes.annotate(
        label, points[points[:, 1].argmax()], xytext=(9, 4), textcoords="offset points", color=color
    )
axes.set(xlabel="environment steps until solved", ylabel="seconds of training")
quick = {
    axis: min(times, key=lambda one: np.median([r[axis] for r in times[one] if r[0]]))
    for axis in (0, 1)
}
axes.set_title(f"Fewest steps: {quick[0]}; fewest seconds: {quick[1]}", loc="left")
show(
    figure,
    alt="Environment steps against seconds, three seeds each. "
    + "; ".join(
        f"{label}: "
        + ", ".join(f"{steps:,} steps in {seconds:.1f} s" for steps, seconds in runs if steps)
        for label, runs in times.items()
    )
    + ".",
)

# %% [markdown]
# By the clock the winner is a method without a gradient, without a critic, without a probability of an action: it tries parameters at random. By steps it is another one. Does that settle it? For CartPole on a laptop, nearly.
# It says little about a robot, on which a step costs a second, and nothing about a network with a million weights.
#
# [001] shows the table that asked this question properly for the first time: nine algorithms on up to 31 tasks (Duan et al. 2016). Four of its columns you have not met yet.
#
# - **You will** write the three missing ideas (CEM, RWR, REPS) and meet the fourth (CMA-ES) in a library; find a bug in which a temperature counts twice; redo the table in small; learn how much of such a table can be believed; and build an agent of your own.
# - **You need** lessons 02 and 05; the comparison refers to all others.
#
# <details><summary>How the lectures and papers write it, and how we do</summary>
#
# | | papers | here |
# | --- | --- | --- |
# | parameters drawn in a generation | θ₁ … θₙ | `sample`, (n, D) |
# | what each earned | S(θ) | `score`, (n,) |
# | temperature of RWR | 1/β | `temperature`, in units of the return |
# | temperature of REPS | η | `eta` |
# | bound of REPS | ε | `epsilon`, in nats |
#
# [001] Advanced Policy Optimization: Duan et al.'s table; implementation matters; what matters in on-policy RL.
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
# Fitting a Gaussian by maximum likelihood means: the elite's mean, and its population standard deviation (divide by k, not k − 1). In one respect we depart from the textbook: σ gets a floor, `min_std`. Why, you will see in a minute.
#
# ### Exercise 1 · `cem_update`
#
# 2 points · 10 minutes · difficulty ●○○ easy
#
# One point is for values, one for borders: a fraction so small that no sample would be left (keep one), a single sample, equal samples.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Whose rows do you keep? More score is better. And over which axis do you average, if (D,) shall come out?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $k=\max(1,\lfloor\text{fraction}\cdot n\rfloor)$; mean over the k rows; $\max(\sigma,\text{min\_std})$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `score.topk(k).indices` picks rows; `.std(0, correction=0)`; `.clamp(min=min_std)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *nan with one elite:* `std` divides by k − 1 unless you tell it not to. *Wrong where scores are equal:* count the elite, do not compare with a threshold.
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
# Without a floor it freezes half-way. The best five of twenty lie closer together than the twenty: each generation shrinks σ, whether the top is near or not, and a search with σ = 0 never moves again. The floor keeps it awake, at the price of a mean that trembles around the top.
#
# And a search pays for every parameter. The same hill in D dimensions, 50 generations of 40:

# %% tags=["raises-exception"]
for size in (2, 10, 50, 250, 1000):
    means, _ = search(hill, size, generations=50, min_std=0.05, population=40)
    left = ((means[-1] - 3).norm() / (means[0] - 3).norm()).item()
    print(f"{size:5} parameters: {left:5.0%} of the way is left after 2,000 scores")

# %% [markdown]
# One score is one number, and it has to say something about all D parameters. A gradient is D numbers: it walks down this hill in the same number of steps for any D. That is the whole case for policy gradients. CartPole's linear policy has ten parameters.
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
# CEM fits each parameter by itself, so its cloud of samples is as wide as it is high, or upright, or flat; it never lies askew. *CMA-ES*, the covariance matrix adaptation evolution strategy, learns the whole covariance: D(D + 1)/2 numbers. It also learns a step size: steps that agree in direction make it grow, steps that contradict each other make it shrink; a clever floor, so to speak. It is a long recipe with many constants, so we take the library `cma`.
#
# A valley that lies askew, `narrow` times as steep across as along. Both start at (−3, −1), 20 samples a generation:

# %% nbgrader={"grade": false, "grade_id": "valley", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
START = torch.tensor([-3.0, -1.0]).double()


def valley(x, narrow):
    """Scores (n,) of points (n, 2): 0 at (3, 3), steep across the diagonal, gentle along it."""
    along, across = (x - 3).sum(-1) / 2**0.5, (x[:, 1] - x[:, 0]) / 2**0.5
    return -(along**2 + (narrow * across) ** 2)


def clouds(narrow, generations=30):
    """Mean (2,) and covariance (2, 2) of each generation, of your CEM and of CMA-ES."""
    means, stds = search(lambda x: valley(x + START, narrow), 2, generations, min_std=0.0)
    found = {
        "CEM": [(mean + START, std.diag() ** 2) for mean, std in zip(means, stds, strict=True)]
    }
    strategy = make_strategy(2, CMAESConfig(population=20), seed=0)
    found["CMA-ES"] = [(START, torch.eye(2).double())]
    for _ in range(generations):
        sample = np.stack(strategy.ask())
        strategy.tell(sample, (-valley(torch.from_numpy(sample) + START, narrow)).tolist())
        covariance = torch.from_numpy(strategy.sigma**2 * np.array(strategy.C))
        found["CMA-ES"].append((torch.from_numpy(strategy.mean) + START, covariance))
    return found


# %% nbgrader={"grade": false, "grade_id": "valley-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
CLOUDS = {narrow: clouds(narrow) for narrow in (1, 5, 30)}
GRID = torch.stack(torch.meshgrid(*[torch.linspace(-5.5, 5.5, 80).double()] * 2, indexing="xy"), -1)


def draw_clouds(axes, narrow, generation):
    """The valley, and each method's path and two-σ ellipse."""
    height = -valley(GRID.flatten(0, 1), narrow).reshape(80, 80)
    axes.contour(*GRID.unbind(-1), height.log1p(), levels=9, colors="#BBBBBB", linewidths=0.7)
    circle = torch.linspace(0, 2 * math.pi, 60).double()
    circle = 2 * torch.stack([circle.cos(), circle.sin()])
    for (name, steps), (color, style) in zip(
        CLOUDS[narrow].items(), ((COLORS["a2c"], "--"), (COLORS["wrong"], "-")), strict=True
    ):
        mean, covariance = steps[generation]
        edge = mean[:, None] + torch.linalg.cholesky(covariance + 1e-9 * torch.eye(2)) @ circle
        axes.plot(*edge, style, color=color, linewidth=1.6, label=name)
        axes.plot(
            *torch.stack([one for one, _ in steps[: generation + 1]]).T,
            ".-",
            color=color,
            linewidth=0.8,
        )
    axes.plot(3, 3, "k+", markersize=10)
    axes.set(xlim=(-5.5, 5.5), ylim=(-5.5, 5.5))
    axes.legend(loc="lower right", fontsize=8)


left = {
    narrow: {name: (steps[-1][0] - 3).norm().item() for name, steps in found.items()}
    for narrow, found in CLOUDS.items()
}
slider(
    draw_clouds,
    narrow=[1, 5, 30],
    generation=list(range(0, 31, 2)),
    static=[{"narrow": narrow, "generation": at} for narrow in (1, 30) for at in (2, 6, 20)],
    title="In the askew valley only a cloud that can turn gets through",
    alt="Paths and clouds of CEM and CMA-ES. Distance to the top after 30 generations: "
    + "; ".join(
        f"{narrow} times as steep across: CEM {one['CEM']:.2f}, CMA-ES {one['CMA-ES']:.2f}"
        for narrow, one in left.items()
    )
    + ".",
)

# %% [markdown]
# ### Think · 1 point
#
# What does CMA-ES have that makes the difference in the right valley?
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
# On CartPole, 16 policies a generation (nothing of yours in it this time):

# %% tags=["experiment"]
cma_history = train(RUNS["cma-es-cartpole"].start(seed=0), run="cma-es-cartpole", label="cma-es")

# %% [markdown]
# A covariance of a network with 5,000 weights has 12.5 million entries, and scores that barely name one direction each. In [001]'s table CMA-ES has no numbers for the largest tasks.
#
# ## 3 · RWR: imitate your better episodes
#
# Searches look at episodes from outside. *Reward-weighted regression* looks inside, and still needs no gradient of the return: play n episodes, and imitate them, the better ones more,
#
# $$\max_\theta\ \sum_i w_i\sum_t\log\pi_\theta(a_t^i\mid s_t^i),\qquad w_i=\frac{e^{R_i/T}}{\sum_je^{R_j/T}}.$$
#
# This is a classification problem with weights: supervised learning. Why the exponential? Ask for the policy with the largest $\log\mathbb E_\theta[e^{R/T}]$. By Jensen's inequality, for episodes drawn from the old policy,
#
# $$\log\mathbb E_{\theta}\big[e^{R/T}\big]=\log\mathbb E_\text{old}\Big[e^{R/T}\,\tfrac{p_\theta(\tau)}{p_\text{old}(\tau)}\Big]\ \ge\ \sum_iw_i\log\frac{p_\theta(\tau_i)}{p_\text{old}(\tau_i)}+\text{const},$$
#
# with equality at $\theta=\text{old}$, and in $\log p_\theta(\tau)$ only the log-probabilities of the actions depend on θ. So each regression raises the left side, without any step size towards the return. A small *temperature* T asks for the best episode alone, a large one for all alike.
#
# ### Exercise 2 · `rwr_weight`
#
# 1 point · 10 minutes · difficulty ●○○ easy
#
# Returns are −1,200 on Pendulum and 500 on CartPole, and T may be small: exp(500/0.1) must not overflow. The point is for all of it.
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
# How greedy a temperature is, in one number: the *effective sample size* $1/\sum w_i^2$ (lesson 06). Move T; the twelve returns stay:

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
# So T needs the unit of the returns. A friend writes a weight whose temperature is a plain number, "0.3 standard deviations". Her function runs, its weights sum to 1, the better episodes weigh more:


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
# It even learns, a little. Look at the three lines below it: the *same* three episodes, the reward counted in other units, and the weights go from "the best alone" to "all alike". The better her policy gets, the farther its returns lie apart, and the less she prefers the best. Find the line, and repair it.
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
    spread = episode_return.std(correction=0) + 1e-8
    scaled = (episode_return - episode_return.mean()) / spread
    return (scaled / temperature).softmax(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-preference", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_preference)
### BEGIN HIDDEN TESTS
check(repaired_preference, hidden=True)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
repaired = learns(repaired_preference, "rwr, repaired")
figure = learning_curve(
    {"rwr, repaired": repaired, "wrong: T counts twice": bugged},
    colors={"wrong: T counts twice": COLORS["wrong"], "rwr, repaired": COLORS["reinforce"]},
    title="A temperature that counts twice brakes its own success",
)
show(figure, alt="Three seeds each. " + describe_curves(repaired) + " " + describe_curves(bugged))

# %% [markdown]
# RWR's whole training with your `rwr_weight`; the loop measures T in the returns' unit and hands it over. It is slow: one weight for all of an episode's actions, and no critic to tell them apart.

# %% tags=["experiment", "raises-exception"]
rwr_history = train(
    RUNS["rwr-cartpole"].start(seed=0, weight=rwr_weight), run="rwr-cartpole", label="rwr"
)

# %% [markdown]
# ## 4 · REPS: a temperature that chooses itself
#
# Which T is right changes while you learn. *Relative entropy policy search* asks a question whose answer is a temperature. Take single actions and their advantages $A_i$ (here from GAE and a critic, lesson 05), and look for weights w:
#
# $$\max_w\ \sum_iw_iA_i\quad\text{such that}\quad\sum_iw_i=1,\qquad\mathrm{KL}\big(w\,\|\,\tfrac1n\big)=\sum_iw_i\log(n\,w_i)\le\varepsilon.$$
#
# In words: prefer what turned out well, but let the weighted data stay within ε *nats* of the data. With a multiplier η for the bound and ν for the sum, the derivative for each $w_i$ must vanish:
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
# One point is for values, huge exponents included, one for the slope: `eta` is a tensor, and must keep its gradient.
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
# <details><summary>Help by symptom</summary>
#
# *inf with small η:* an exponential was taken by itself. *Off by the same amount everywhere:* a sum stands for the mean.
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

# %% tags=["raises-exception"]
A = torch.randn(64, generator=torch.Generator().manual_seed(0)).double()
for epsilon in (0.05, 0.5, 2.0, 4.0, 5.0):
    eta = minimising_eta(A, epsilon, reps_dual)
    w = reps_weight(A, eta)
    kl = torch.special.xlogy(w, 64 * w).sum()
    print(
        f"ε = {epsilon:4}:  η = {eta:8.4f}   KL = {kl:.4f}   counts like {1 / w.square().sum():5.1f} actions"
    )

# %% nbgrader={"grade": false, "grade_id": "dual-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
etas = torch.logspace(-1.6, 1, 120).double()
for epsilon, color in zip((0.05, 0.5, 2.0), shades(3), strict=True):
    values = [reps_dual(A, one, epsilon).item() for one in etas]
    axes.semilogx(etas, values, color=color)
    lowest = minimising_eta(A, epsilon, reps_dual).item()
    bottom = reps_dual(A, torch.tensor(lowest).double(), epsilon).item()
    axes.plot(lowest, bottom, "o", color=color)
    axes.annotate(
        f"ε = {epsilon}",
        (lowest, bottom),
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
    alt="Three convex curves against η on a logarithmic scale, lowest at smaller η for larger ε; all come from the largest advantage at the left.",
)

# %% [markdown]
# For ε = 5 there is no minimum inside: no weights can be as far away as allowed, the dual only rises, and the bisection ends at its smallest η, which leaves one action. (That is what happens silently in every update when a *sum* stands for the mean in your dual: ε grows by log n.)
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
