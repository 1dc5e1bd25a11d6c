# %% [markdown]
# # How good is a policy, and how sure can you be?
#
# **Lesson 00 · Agents, trajectories and returns** · about ninety minutes · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import gymnasium
import numpy as np
import torch

from course_lib import check, check_answer
from course_lib.environments import make_vector
from course_lib.environments.grid_worlds import grid_world
from course_lib.environments.tabular import TabularEnvironment
from course_lib.evaluation import evaluate
from course_lib.figures import (
    COLORS,
    new_figure,
    shades,
    show,
    show_agent,
    show_ends,
    slider,
    use_style,
)
from course_lib.rollout import Collector, collect_episodes

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A cart with a pole on top, and two pushes: left and right. Here are three ways of choosing, each a line of code. Which one is best, and by how much?


# %% nbgrader={"grade": false, "grade_id": "rules", "locked": true, "schema_version": 3, "solution": false}
class Rule:
    """A policy written by hand: `choose` maps observations (N, 4) to actions (N,)."""

    def __init__(self, choose):
        self.choose = choose

    def sample(self, obs, generator):
        return self.choose(obs, generator)


RULES = {
    "at random": Rule(lambda obs, generator: torch.randint(2, (len(obs),), generator=generator)),
    "where it leans": Rule(lambda obs, _: (obs[:, 2] > 0).long()),
    "where it swings": Rule(lambda obs, _: (obs[:, 3] > 0).long()),
}

# %%
for name, rule in RULES.items():
    print(f"{name:20} one episode: {evaluate(rule, 'CartPole-v1', episodes=1)[0]:.0f} steps")

# %% [markdown]
# One number each; another seed gives others. At the end of this lesson you can say what such a number estimates, how wrong it may be, and how to do without chance altogether where the world is small.
#
# - **You will** take part in the loop of agent and environment, write down the probability of a trajectory, compute returns in three ways, put an error bar on an estimate, and solve a small world exactly.
# - **You need** Python, torch tensors, expectation and variance, and the idea of a derivative.
# - **Exercises** are checked in the cell below each; a check that fails says what is wrong. *Predict* boxes ask you to commit to an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | reward after $a_t$ | $r_{t+1}$ in [000] and [004], $\mathcal R(s_{n+1})$ in [002] | $r_{t+1}$, stored as `reward[t]` |
# | discounted state distribution $d^\pi$ | not normalised in [000] | the same: it sums to $1/(1-\gamma)$ |
# | tensors | | (T, N): T steps of N episodes, time first |
# | an episode's end | one flag, "done" | two: `terminated` and `truncated` |
#
# [000] Preechakul, [002] Morad, [004] van Krieken.
# </details>
#
# ## 1 · The loop
#
# The *agent* sees an observation and chooses an action; the *environment* answers with a reward and the next observation. That is the whole interface. Run one episode by hand:

# %%
environment = gymnasium.make("CartPole-v1")
dice = np.random.default_rng(0)
obs, _ = environment.reset(seed=0)
terminated, truncated, episode_return = False, False, 0.0
while not (terminated or truncated):
    obs, reward, terminated, truncated, _ = environment.step(dice.integers(2))
    episode_return += reward
print(f"return {episode_return:.0f}   terminated {terminated}   truncated {truncated}")
print("last observation: position, velocity, angle, angular velocity =", obs.round(2))

# %%
show_agent(RULES["at random"], "CartPole-v1")

# %% [markdown]
# Two flags end an episode. *Terminated*: the pole has fallen or the cart has left the track; the world ends there. *Truncated*: 500 steps are over and somebody stopped the clock; the pole still stands.
#
# ### Think · 1 point
#
# You want to know what a state is worth, counting everything that is still to come. Two episodes end in very similar states after 500 steps, both with an upright pole: one because of the time limit, the other because the cart crossed the edge of the track in that very step. What was still to come?
#
# - **a.** Nothing in both cases: the episode is over.
# - **b.** Nothing after the termination. After the truncation as much as from any such state; it was only not watched.
# - **c.** The same in both cases, since the states are nearly the same.
# - **d.** Less after the truncation, because no time was left.


# %% nbgrader={"grade": false, "grade_id": "answer-two-ends", "locked": false, "schema_version": 3, "solution": true}
def answer_two_ends():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-two-ends", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_two_ends)

# %% [markdown]
# **Predict:** push where the pole leans, or where it swings: which gets further, and does either reach 500? Then look at 500 episodes of each.

# %% nbgrader={"grade": false, "grade_id": "histogram", "locked": true, "schema_version": 3, "solution": false}
returns = {
    name: evaluate(rule, "CartPole-v1", episodes=500, seed=1) for name, rule in RULES.items()
}
figure, axes = new_figure(3, 1, size=(7, 4.4), sharex=True)
for one, (name, sample), color in zip(axes, returns.items(), shades(3), strict=True):
    one.hist(sample, bins=np.arange(0, 511, 10), color=color)
    one.axvline(sample.mean(), color=COLORS["wrong"], linewidth=2)
    one.set_title(f"{name}: mean {sample.mean():.0f}", loc="right", fontsize=10)
axes[1].set_ylabel("episodes of 500")
axes[2].set_xlabel("return = steps until the fall, at most 500")
figure.suptitle("A return is a random number; only its mean ranks the rules", fontweight="bold")
show(
    figure,
    alt="Three histograms of the returns of 500 episodes, the means marked. "
    + ", ".join(
        f"{name}: mean {r.mean():.0f}, from {r.min():.0f} to {r.max():.0f}"
        for name, r in returns.items()
    )
    + ".",
)

# %% [markdown]
# Even the rules without dice give another return every time: the first state is drawn at random. So "how good is a policy" cannot mean one return. It means an *expectation*, and for that you need probabilities.
#
# ## 2 · The probability of a trajectory
#
# A *trajectory* $\tau=s_0,a_0,r_1,s_1,a_1,r_2,\dots$ is everything that happens in an episode. Two parties decide about it: the policy, $\pi_\theta(a_t\mid s_t)$, whose parameters θ are yours to choose, and the environment,
# $p(s_0)$ and $p(s_{t+1}\mid s_t,a_t)$. One after the other, so the probabilities multiply [004]:
#
# $$p(\tau\mid\theta)=p(s_0)\prod_{t=0}^{T-1}\pi_\theta(a_t\mid s_t)\,p(s_{t+1}\mid s_t,a_t)$$
#
# That the next state depends on the last state and action *only* is the **Markov assumption**: the state holds all of the past that matters.
#
# ### Think · 1 point
#
# In "CartPole with hidden velocities" the agent sees the position and the angle only. Are these two numbers a state in the sense of Markov?
#
# - **a.** Yes: the pole's equations are deterministic, so everything follows from what is seen.
# - **b.** Yes, because the agent cannot use what it does not see.
# - **c.** No. A pole at 2° that is falling and one at 2° that is rising look the same, and what comes next differs; the observation before would help to tell them apart.
# - **d.** No, because the first state is random.


# %% nbgrader={"grade": false, "grade_id": "answer-hidden-velocity", "locked": false, "schema_version": 3, "solution": true}
def answer_hidden_velocity():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-hidden-velocity", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_hidden_velocity)

# %% [markdown]
# A world small enough to list everything that can happen: a robot with a battery works or rests, three times. It starts charged with probability 0.9.
#
# | state | action | reward | next: charged | next: flat |
# | --- | --- | --- | --- | --- |
# | 0 charged | 0 rest | 0 | 0.9 | 0.1 |
# | | 1 work | 2 | 0.3 | 0.7 |
# | 1 flat | 0 rest | 0 | 0.5 | 0.5 |
# | | 1 work | −1 | 0.1 | 0.9 |

# %% nbgrader={"grade": false, "grade_id": "robot", "locked": true, "schema_version": 3, "solution": false}
P = torch.tensor([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.1, 0.9]]], dtype=torch.float64)
R = torch.tensor([[0.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
p0 = torch.tensor([0.9, 0.1], dtype=torch.float64)
logits = torch.tensor([[0.3, -0.2], [0.1, 0.4]], dtype=torch.float64, requires_grad=True)

# %% [markdown]
# The policy is a softmax of two *logits* a state, $\pi_\theta(a\mid s)=e^{\theta_{sa}}/\sum_be^{\theta_{sb}}$, so θ is the table `logits`. Four states (the last one included) and three actions with two values each make $2^7=128$ trajectories, one a column:

# %% nbgrader={"grade": false, "grade_id": "all-trajectories", "locked": true, "schema_version": 3, "solution": false}
paths = torch.cartesian_prod(*[torch.arange(2)] * 7).T  # (7, 128): s₀ a₀ s₁ a₁ s₂ a₂ s₃
state, action = paths[0::2], paths[1::2]  # (4, 128) and (3, 128), time first
log_p0 = p0.log()[state[0]]
log_prob = logits.log_softmax(-1)[state[:3], action]
log_transition = P.log()[state[:3], action, state[1:]]

# %% [markdown]
# ### Exercise 1 · `trajectory_log_prob`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# Products of hundreds of probabilities are too small for a computer's numbers. So take logarithms, and the product becomes a sum:
#
# $$\log p(\tau\mid\theta)=\log p(s_0)+\sum_t\big[\log\pi_\theta(a_t\mid s_t)+\log p(s_{t+1}\mid s_t,a_t)\big]$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which axis is time? One number a trajectory should be left.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Two sums over axis 0, and the start once.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `log_prob.sum(0)` is (N,), and so are the other two parts.
# </details>
# <details><summary>Help by symptom</summary>
#
# *−inf in a long trajectory:* somewhere you multiply probabilities. *A shape error:* `sum(1)` runs over trajectories. *The gradient is missing:* something cut `log_prob` from its graph.
# </details>


# %% nbgrader={"grade": false, "grade_id": "trajectory-log-prob", "locked": false, "schema_version": 3, "solution": true}
def trajectory_log_prob(log_p0, log_prob, log_transition):
    """log p(τ|θ) of every trajectory. (N,), (T, N), (T, N) -> (N,)."""
    ### BEGIN SOLUTION
    return log_p0 + log_prob.sum(0) + log_transition.sum(0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-trajectory-log-prob", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(trajectory_log_prob)
### BEGIN HIDDEN TESTS
check(trajectory_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# If nothing was forgotten, the 128 probabilities sum to 1:

# %% tags=["raises-exception"]
log_p = trajectory_log_prob(log_p0, log_prob, log_transition)
print(f"sum of all probabilities: {log_p.exp().sum().item():.12f}")
most = log_p.argmax()
print("most likely: states", state[:, most].tolist(), "actions", action[:, most].tolist())

# %% [markdown]
# **Predict:** how does $\log p(\tau\mid\theta)$ change with θ? Which of its three parts take part in the derivative? Compare the gradient of the whole with that of the policy's part, for the most likely trajectory:

# %% tags=["raises-exception"]
whole = torch.autograd.grad(log_p[most], logits, retain_graph=True)[0]
policy_part = torch.autograd.grad(log_prob.sum(0)[most], logits, retain_graph=True)[0]
print("largest difference:", (whole - policy_part).abs().max().item())

# %% [markdown]
# None: the environment's terms hold no θ. They decide what happens, and drop out of every derivative. That is why the methods of this course need no model of the world; lesson 02 builds on this line.
#
# ## 3 · The return
#
# What should an episode be worth? Add up its rewards, and let later ones count a little less, by a *discount* $0\le\gamma\le1$ a step [004]:
#
# $$R_\gamma=r_1+\gamma r_2+\gamma^2r_3+\dots=\sum_{t=0}^{T-1}\gamma^t\,r_{t+1}$$
#
# ### Exercise 2 · `discounted_return`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# A weight for every step, then a sum over time.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `gamma ** torch.arange(T)` holds the weights, of shape (T,). Against (T, N) torch aligns the *last* axes.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)`, then `discount @ reward`, or `unsqueeze(1)` and a sum.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Right for a square batch only, or a size error:* the discount ran over episodes. *Everything is a little too small:* `reward[0]` has weight 1.
# </details>


# %% nbgrader={"grade": false, "grade_id": "discounted-return", "locked": false, "schema_version": 3, "solution": true}
def discounted_return(reward, gamma):
    """Σ_t γ^t r_{t+1} of every episode. reward (T, N) -> (N,)."""
    ### BEGIN SOLUTION
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    return discount @ reward
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-discounted-return", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(discounted_return)
### BEGIN HIDDEN TESTS
check(discounted_return, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Why discount at all? The sum stays finite if episodes never end; a reward now may be surer than a reward later; and short-sighted problems are easier to learn. How far does γ look?
#
# **Predict:** with γ = 0.9, how many steps carry half of all the weight? And with 0.99? Move γ.


# %% nbgrader={"grade": false, "grade_id": "horizon", "locked": true, "schema_version": 3, "solution": false}
def draw_weights(axes, gamma):
    weight = gamma ** np.arange(200)
    half = int(np.searchsorted(weight.cumsum() / weight.sum(), 0.5)) + 1
    axes.fill_between(np.arange(200), weight, step="post", color=COLORS["reference"])
    axes.axvline(half, color=COLORS["wrong"], linewidth=2)
    axes.set(xlabel="step t", ylabel="weight γᵗ", xlim=(0, 100), ylim=(0, 1.05))
    axes.text(min(half + 3, 60), 0.85, f"half by step {half}", color=COLORS["wrong"])


# %%
slider(
    draw_weights,
    gamma=[0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99],
    static=[{"gamma": gamma} for gamma in (0.5, 0.9, 0.98)],
    labels={"gamma": "γ"},
    title="The weights sum to 1/(1 − γ): about that many steps are looked at",
    alt="Three panels of the weights γ^t over a hundred steps. Half of the weight lies in the first "
    "step for γ = 0.5, in the first 7 for 0.9, in the first 34 for 0.98.",
)

# %% [markdown]
# $1+\gamma+\gamma^2+\dots=\frac1{1-\gamma}$: with γ = 0.99, a hundred steps' worth. It is called the *effective horizon*.
#
# ### Whose work was it?
#
# A return at the end says nothing about which action earned it. One thing is certain, though: no action can have earned a reward that came *before* it. What an action may be credited with is the **reward-to-go**:
#
# $$G_t=\sum_{t'\ge t}\gamma^{t'-t}r_{t'+1}=r_{t+1}+\gamma\,G_{t+1}$$
#
# ### Exercise 3 · `reward_to_go`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# One whole episode a column; after its last step nothing follows.
#
# <details><summary>Hint 1: what to think of</summary>
#
# $G_t$ needs $G_{t+1}$. At which step do you know it without computing?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Start after the last step with zeros (N,), go backwards: `later = reward[t] + gamma * later`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `for t in reversed(range(len(reward)))`; put each row at the front of a list; `torch.stack` makes it (T, N).
# </details>
# <details><summary>Help by symptom</summary>
#
# *The first row has what belongs to the last:* `append` reverses time. *My inputs changed:* `reward[t] += …` writes into the caller's tensor. *nan at γ = 0:* you divide by γ^t.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reward-to-go", "locked": false, "schema_version": 3, "solution": true}
def reward_to_go(reward, gamma):
    """G_t of every step, one episode a column. reward (T, N) -> (T, N)."""
    ### BEGIN SOLUTION
    to_go, later = [], torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        later = reward[t] + gamma * later
        to_go.insert(0, later)
    return torch.stack(to_go)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reward-to-go", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reward_to_go)
### BEGIN HIDDEN TESTS
check(reward_to_go, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Its first row is the return of the exercise before. Now draw the credit: an episode of eight steps that finds a coin (+1), stumbles (−1), and reaches the goal (+2).

# %% nbgrader={"grade": false, "grade_id": "credit", "locked": true, "schema_version": 3, "solution": false}
story = torch.tensor([0, 0, 1, 0, -1, 0, 0, 2], dtype=torch.float64).unsqueeze(1)


def draw_credit(axes, gamma):
    axes.bar(np.arange(8) - 0.2, story[:, 0], 0.36, color=COLORS["reference"], label="reward")
    to_go = reward_to_go(story, gamma)[:, 0]
    axes.bar(np.arange(8) + 0.2, to_go, 0.36, color=COLORS["a2c"], label="reward-to-go")
    axes.axhline(0, color="black", linewidth=1)
    axes.set(xlabel="step t", ylim=(-1.4, 2.6), xticks=range(8))
    if gamma == 0.5:
        axes.legend(loc="upper left")


# %% tags=["raises-exception"]
slider(
    draw_credit,
    gamma=[0.0, 0.5, 0.7, 0.9, 1.0],
    static=[{"gamma": gamma} for gamma in (0.5, 0.9, 1.0)],
    labels={"gamma": "γ"},
    title="The larger γ, the further back the goal reaches; the past reaches nowhere",
    alt="Rewards and rewards-to-go of eight steps for γ = 0.5, 0.9 and 1. The step after the coin is "
    "not credited with it. With γ = 1 the first steps carry 2, the whole return; with γ = 0.5 the "
    "goal is felt in the last three steps only.",
)

# %% [markdown]
# ### Several episodes in a column
#
# For speed one steps many environments at once, for a fixed number of steps. When an episode ends, the environment resets itself and the column goes on with the next one. Here are four random CartPoles for forty steps:

# %% nbgrader={"grade": false, "grade_id": "rollout", "locked": true, "schema_version": 3, "solution": false}
collector = Collector(make_vector("CartPole-v1", 4, seed=3), torch.Generator().manual_seed(3))


class RandomPolicy(Rule):
    """What `Collector` asks of a policy: samples, and how likely they were."""

    def log_prob(self, obs, action):
        return torch.full(action.shape, np.log(0.5), dtype=torch.float32)


rollout = collector.collect(RandomPolicy(RULES["at random"].choose), 40)

# %%
show_ends(
    rollout.terminated,
    rollout.truncated,
    title=f"{int(rollout.terminated.sum())} episodes end inside one rollout, at different steps",
)

# %% [markdown]
# ### Exercise 4 · `episode_reward_to_go`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# The same recursion, cut wherever an episode stopped, for either reason. `terminated[t]` and `truncated[t]` belong to the same step as `reward[t]`: the episode ended *with* step t.
#
# $$G_t=r_{t+1}+\gamma\,(1-\text{stop}_t)\,G_{t+1}$$
#
# (After a truncation, and at the edge of the rollout, the rest of the return is missing. Lesson 05 puts an estimate there.)
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which link does a flag at step t cut: the one from t − 1 to t, or the one from t to t + 1?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `stop = terminated | truncated` is boolean; `~stop` can multiply a float tensor.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# In your loop of Exercise 3: `later = reward[t] + gamma * later * ~stop[t]`. The reward itself is not masked.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The last reward of an episode is lost:* the mask multiplies too much. *Only one of the cases fails:* look at which of the two flags it raises.
# </details>


# %% nbgrader={"grade": false, "grade_id": "episode-reward-to-go", "locked": false, "schema_version": 3, "solution": true}
def episode_reward_to_go(reward, terminated, truncated, gamma):
    """G_t within its own episode; several episodes a column. All (T, N) -> (T, N)."""
    ### BEGIN SOLUTION
    stop = terminated | truncated
    to_go, later = [], torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        later = reward[t] + gamma * later * ~stop[t]
        to_go.insert(0, later)
    return torch.stack(to_go)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-episode-reward-to-go", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(episode_reward_to_go)
### BEGIN HIDDEN TESTS
check(episode_reward_to_go, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What leaks if the flags are forgotten? The first column of the rollout, γ = 0.95:

# %% nbgrader={"grade": false, "grade_id": "leak", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
right = episode_reward_to_go(rollout.reward, rollout.terminated, rollout.truncated, 0.95)[:, 0]
leaking = reward_to_go(rollout.reward, 0.95)[:, 0]
first_end = int(rollout.terminated[:, 0].nonzero()[0])
figure, axes = new_figure(size=(7, 3.2))
axes.plot(leaking, color=COLORS["wrong"], linestyle="--", label="flags forgotten")
axes.plot(right, color=COLORS["a2c"], label="cut at the ends")
axes.set(xlabel="step t of the rollout", ylabel="reward-to-go", ylim=(0, None))
axes.set_title(
    f"The push that let the pole fall (t = {first_end}) earns {right[first_end]:.0f}, not {leaking[first_end]:.0f}"
)
axes.legend()
show(
    figure,
    alt=f"Two curves over forty steps. Cut at the ends, the reward-to-go falls to 1 at each end, first at step {first_end}. "
    f"With the flags forgotten it stays near {leaking[first_end]:.0f} there, as if falling had not happened.",
)

# %% [markdown]
# The fatal push looks as good as any other. Nothing crashes, and nothing would be learned from falling. Leaks across ends are among the most common bugs in reinforcement learning code.
#
# ## 4 · An expectation, estimated
#
# Now it can be said what a policy is worth [004]:
#
# $$J(\theta)=\mathbb E_{p(\tau\mid\theta)}\big[R_\gamma\big]$$
#
# On CartPole nobody can sum over all trajectories. So play n episodes and take the mean: *Monte Carlo*. The mean of n independent draws with standard deviation σ has standard deviation $\sigma/\sqrt n$; with σ estimated from the same draws, that is the **standard error**:
#
# $$\bar x=\frac1n\sum_ix_i,\qquad\text{standard error}=\sqrt{\frac{1}{n}\cdot\frac1{n-1}\sum_i(x_i-\bar x)^2}$$
#
# <details><summary>Why n − 1</summary>
#
# 1. $\sum_i(x_i-c)^2$ is smallest at $c=\bar x$, so around $\bar x$ the draws look closer than they are around the true mean μ.
# 2. $\sum_i(x_i-\bar x)^2=\sum_i(x_i-\mu)^2-n(\bar x-\mu)^2$: write $x_i-\mu=(x_i-\bar x)+(\bar x-\mu)$ and square; the mixed terms sum to zero.
# 3. Take expectations: $n\sigma^2-n\cdot\frac{\sigma^2}n=(n-1)\sigma^2$.
# </details>
#
# ### Exercise 5 · `monte_carlo_estimate`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two things are estimated: the mean, and how far off it typically is.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# torch's `std` and `var` divide by n − 1 unless you tell them otherwise (`correction=1`); NumPy's divide by n.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `sample.std() / len(sample) ** 0.5`
# </details>
# <details><summary>Help by symptom</summary>
#
# *Too large by √n:* that is the spread of single draws. *A little too small, more so for few draws:* n where n − 1 belongs.
# </details>


# %% nbgrader={"grade": false, "grade_id": "monte-carlo-estimate", "locked": false, "schema_version": 3, "solution": true}
def monte_carlo_estimate(sample):
    """The mean of independent draws and its standard error. (n,) -> ((), ())."""
    ### BEGIN SOLUTION
    return sample.mean(), sample.std() / len(sample) ** 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-monte-carlo-estimate", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(monte_carlo_estimate)
### BEGIN HIDDEN TESTS
check(monte_carlo_estimate, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is the number to be trusted? Take 20,000 episodes of the random rule as the whole world. Draw n of them, a thousand times over, and see how far the means really scatter, next to what your function says from *one* such draw.

# %% tags=["raises-exception"]
world = torch.from_numpy(evaluate(RULES["at random"], "CartPole-v1", episodes=20_000)).double()
generator = torch.Generator().manual_seed(0)
sizes = [4, 16, 64, 256, 1024]
scatter, claimed = [], []
for n in sizes:
    draws = world[torch.randint(len(world), (1_000, n), generator=generator)]
    scatter.append(draws.mean(1).std().item())
    claimed.append([monte_carlo_estimate(draw)[1].item() for draw in draws[:100]])

# %% nbgrader={"grade": false, "grade_id": "standard-error", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3.4))
axes.loglog(
    sizes, [world.std() / n**0.5 for n in sizes], color=COLORS["exact"], linewidth=1, label="σ/√n"
)
axes.loglog(sizes, scatter, "o", color=COLORS["a2c"], label="scatter of 1,000 means")
low, middle, high = np.quantile(claimed, [0.1, 0.5, 0.9], axis=1)
axes.fill_between(
    sizes, low, high, color=COLORS["reinforce"], alpha=0.3, label="your standard error, 80 %"
)
axes.set(xlabel="episodes n", ylabel="error of the mean, in steps")
axes.set_xticks(sizes, [str(n) for n in sizes])
axes.set_yticks([0.5, 1, 2, 5], ["0.5", "1", "2", "5"])
axes.minorticks_off()
axes.set_title(
    f"Four times the episodes, half the error: {scatter[0]:.1f} → {scatter[1]:.1f} → {scatter[2]:.1f} → {scatter[3]:.2f}"
)
axes.legend()
show(
    figure,
    alt="Error of the mean against the number of episodes, both on logarithmic axes: a line of slope "
    f"−1/2. With 4 episodes the means scatter by {scatter[0]:.1f} steps, with 1024 by {scatter[-1]:.2f}. The "
    "standard errors computed from single draws lie around the line, widely for few episodes.",
)

# %% [markdown]
# ### Think · 1 point
#
# Twenty episodes gave a mean of 180 ± 20 (one standard error). You need ± 2. How many episodes do you play?
#
# - **a.** 200: ten times as many.
# - **b.** 40: twice as many, since the error is a spread.
# - **c.** About 63: √10 times as many.
# - **d.** 2,000: a hundred times as many.


# %% nbgrader={"grade": false, "grade_id": "answer-ten-times-surer", "locked": false, "schema_version": 3, "solution": true}
def answer_ten_times_surer():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-ten-times-surer", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_ten_times_surer)

# %% [markdown]
# With that, the question of the beginning has an answer. Your functions on all three rules, 500 episodes each, twice: undiscounted, as CartPole counts, and with γ = 0.99.

# %% tags=["raises-exception"]
for name, rule in RULES.items():
    played = collect_episodes(rule, make_vector("CartPole-v1", 500, seed=2), generator)
    for gamma in (1.0, 0.99):
        mean, error = monte_carlo_estimate(discounted_return(played.reward, gamma))
        print(f"{name:20} γ = {gamma:<5} J = {mean:6.1f} ± {error:.1f}")

# %% [markdown]
# ### The best of two hundred
#
# One more use of error bars. A linear rule pushes right if $w\cdot s>0$. Draw two hundred weight vectors at random, play *one* episode with each, keep the best.
#
# **Predict:** it scored 500, say. What will its mean over fresh episodes be: about 500, more, or less?

# %% nbgrader={"grade": false, "grade_id": "best-of-many", "locked": true, "schema_version": 3, "solution": false}
weights = torch.randn(200, 4, generator=torch.Generator().manual_seed(5))
linear = Rule(lambda obs, _: ((obs * weights).sum(-1) > 0).long())
tried = collect_episodes(linear, make_vector("CartPole-v1", 200, seed=5), generator).episode_return
top = tried.argsort(descending=True)[:10]
again = []
for index in top:
    rule = Rule(lambda obs, _, w=weights[index]: (obs @ w > 0).long())
    again.append(evaluate(rule, "CartPole-v1", episodes=200, seed=6).mean())

# %%
print("one episode: ", [int(x) for x in tried[top]])
print("200 episodes:", [round(float(x)) for x in again])

# %% [markdown]
# After one episode nine of these rules looked perfect and one nearly so. Five really are; the others lose up to half of it. Whoever picks the best of many noisy scores picks luck along with skill, and a score that was used for picking is no estimate any more. That is why every result in this course comes from *fresh* episodes. And picking among random rules works here because four numbers are few; with a network's thousands there is no hope of drawing a good one. You need a direction to move in: a gradient.
#
# ## 5 · An expectation, exactly
#
# In a world with few states nothing needs to be played. Put the policy into the MDP and a Markov chain is left, with $P_\pi(s'\mid s)=\sum_a\pi(a\mid s)P(s'\mid s,a)$ and reward $R_\pi(s)=\sum_a\pi(a\mid s)R(s,a)$. Take this grid, with a pit in the middle of the way:

# %% nbgrader={"grade": false, "grade_id": "grid", "locked": true, "schema_version": 3, "solution": false}
grid = grid_world()
uniform = torch.full_like(grid.R, 0.25)


def draw_grid(axes, per_state, **options):
    """Numbers on the grid; walls are white."""
    picture = grid.layout.picture(per_state)
    image = axes.imshow(picture, cmap="cividis", **options)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    names = {"S": int(grid.p0.argmax()), "G": grid.layout.goals[0], "X": grid.layout.pits[0]}
    for letter, s in names.items():
        row, column = grid.layout.cells[s]
        axes.text(column, row, letter, ha="center", va="center", weight="bold", color="white",
            bbox={"facecolor": "#222222", "pad": 2})  # fmt: skip
    return image


# %% [markdown]
# **How often is the agent where?** Let $d^\pi(s)=\sum_k\gamma^k\Pr(s_k=s)$ be the discounted number of visits [000]. Whoever is in $s'$ has either started there, or come from some $s$ one step earlier:
#
# $$d^\pi(s')=p_0(s')+\gamma\sum_sd^\pi(s)\,P_\pi(s'\mid s)\qquad\Longleftrightarrow\qquad(I-\gamma P_\pi^\top)\,d^\pi=p_0$$
#
# A linear system. Mind the transpose: visits are collected over where one comes *from*. (From the goal and the pit nothing leads on: their rows of P are zero. Where episodes end the visits sum to less than $1/(1-\gamma)$.)
#
# ### Exercise 6 · `state_visitation`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two steps: average P over the actions with π, then solve.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `torch.einsum("sk,skt->st", pi, P)` is $P_\pi$; `torch.linalg.solve(A, b)` solves $Ax=b$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.linalg.solve(torch.eye(len(p0), dtype=p0.dtype) - gamma * chain.T, p0)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *It sums to 1:* it should sum to 1/(1 − γ). *Right sum, wrong numbers:* is the chain transposed? *Wrong already for γ = 0:* then d = p0.
# </details>


# %% nbgrader={"grade": false, "grade_id": "state-visitation", "locked": false, "schema_version": 3, "solution": true}
def state_visitation(P, pi, p0, gamma):
    """d^π(s) = Σ_k γ^k Pr(s_k = s). (S, K, S), (S, K), (S,) -> (S,)."""
    ### BEGIN SOLUTION
    chain = torch.einsum("sk,skt->st", pi, P)
    return torch.linalg.solve(torch.eye(len(p0), dtype=p0.dtype) - gamma * chain.T, p0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-state-visitation", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(state_visitation)
### BEGIN HIDDEN TESTS
check(state_visitation, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# On the robot, whose 128 trajectories you listed, the first terms of the sum can be counted. (γ = 0.5: what comes after four states weighs little.)

# %% tags=["raises-exception"]
p_tau = log_p.exp().detach()
counted = sum(0.5**k * p_tau[state[k] == 0].sum() for k in range(4))
exact = state_visitation(P, logits.softmax(-1).detach(), p0, 0.5)[0]
print(f"charged: {counted:.4f} visits counted in four states, {exact:.4f} in all")

# %% [markdown]
# Now the grid, with a policy that walks at random. Move γ and see how far it gets.


# %% nbgrader={"grade": false, "grade_id": "occupancy", "locked": true, "schema_version": 3, "solution": false}
def draw_occupancy(axes, gamma):
    visits = state_visitation(grid.P, uniform, grid.p0, gamma)
    draw_grid(axes, visits.clamp(min=1e-6).log10(), vmin=-5, vmax=1)


# %% tags=["raises-exception"]
slider(
    draw_occupancy,
    gamma=[0.0, 0.5, 0.8, 0.9, 0.95, 0.99],
    static=[{"gamma": gamma} for gamma in (0.5, 0.9, 0.99)],
    labels={"gamma": "γ"},
    title="With a small γ the goal hardly exists (light: often visited, dark: never)",
    alt="Three heat maps of the grid on a logarithmic scale. With γ = 0.5 visits fade within a few cells "
    "of the start; with γ = 0.99 they spread over all cells, the goal's corner last.",
)

# %% [markdown]
# ### Spot the slip · 1 point
#
# [000] defines $d^\pi(s)=\sum_k\gamma^k\Pr(s_k=s)$ and then writes $\sum_sd^\pi(s)\,f(s)=\mathbb E_{s\sim d^\pi}[f(s)]$. What is wrong with the right-hand side, if anything?
#
# - **a.** It is too small by a factor: $d^\pi$ sums to $1/(1-\gamma)$, so it is no distribution. A sample from its normalised form estimates $1-\gamma$ times the left side.
# - **b.** Nothing: an expectation is a weighted sum.
# - **c.** States far away should have the largest weight, not the smallest.
# - **d.** The direction: the expectation must run over actions, not states.


# %% nbgrader={"grade": false, "grade_id": "answer-visits-as-distribution", "locked": false, "schema_version": 3, "solution": true}
def answer_visits_as_distribution():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-visits-as-distribution", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_visits_as_distribution)

# %% [markdown]
# Every step on free ground costs 1, the pit 10, the goal nothing.
#
# **What is the policy worth?** The same thought, looking ahead: a state is worth its reward plus γ times what comes next, $V=R_\pi+\gamma P_\pi V$. (No transpose here.) And the objective of this whole course [000] is
#
# $$J(\pi)=\sum_sp_0(s)\,V^\pi(s).$$
#
# ### Exercise 7 · `expected_return`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Either solve for V and average it over the start, or count visits and pay each of them.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $V=(I-\gamma P_\pi)^{-1}R_\pi$, or $J=\sum_sd^\pi(s)R_\pi(s)$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `R_pi = (pi * R).sum(-1)`, then `state_visitation(P, pi, p0, gamma) @ R_pi`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *(S,) came out:* average over `p0`. *Right for one action only:* the rewards need π's weights too.
# </details>


# %% nbgrader={"grade": false, "grade_id": "expected-return", "locked": false, "schema_version": 3, "solution": true}
def expected_return(P, R, pi, p0, gamma):
    """J = Σ_s p0(s) V^π(s), exactly. (S, K, S), (S, K), (S, K), (S,) -> ()."""
    ### BEGIN SOLUTION
    return state_visitation(P, pi, p0, gamma) @ (pi * R).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-expected-return", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(expected_return)
### BEGIN HIDDEN TESTS
check(expected_return, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Both halves of the lesson should now agree: 2,000 sampled episodes of the random walker, returns by Exercise 2, error bar by Exercise 5, against one linear system.

# %% tags=["raises-exception"]
walker = Rule(lambda obs, generator: torch.randint(4, (len(obs),), generator=generator))
playground = TabularEnvironment(grid, 2_000, seed=0, max_steps=400)
walks = collect_episodes(walker, playground, generator)
mean, error = monte_carlo_estimate(discounted_return(walks.reward.double(), 0.95))
exact = expected_return(grid.P, grid.R, uniform, grid.p0, 0.95)
print(
    f"sampled {mean:.3f} ± {error:.3f}   exact {exact:.3f}   off by {abs(mean - exact) / error:.1f} standard errors"
)

# %% [markdown]
# ## 6 · Something to climb
#
# The exact J has a derivative. Give the walker a table of logits, all zero at first, and take steps along $\nabla_\theta J$, computed by autograd through *your* linear system. For comparison, the best that any policy can do, by repeating $V\leftarrow\max_a(R+\gamma PV)$:

# %% tags=["raises-exception"]
theta = torch.zeros_like(grid.R, requires_grad=True)
climb = []
for _ in range(300):
    J = expected_return(grid.P, grid.R, theta.softmax(-1), grid.p0, 0.95)
    climb.append(J.item())
    theta.data += 2.0 * torch.autograd.grad(J, theta)[0]

# %% tags=["raises-exception"]
value = torch.zeros_like(grid.p0)
for _ in range(500):
    value = (grid.R + 0.95 * grid.P @ value).max(-1).values
best = (grid.p0 @ value).item()
print(
    f"J: {climb[0]:.2f} at the start, {climb[-1]:.2f} after 300 steps; the best policy has {best:.2f}"
)

# %% [markdown]
# **Predict:** the walker has improved a lot, and is still far from the best. What has it learned to do? Then look at where it walks.

# %% nbgrader={"grade": false, "grade_id": "climb", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3.2), width_ratios=[1.3, 1])
left.plot(climb, color=COLORS["reinforce"])
left.axhline(best, color=COLORS["exact"], linewidth=1)
left.text(300, best + 0.2, "the best there is", ha="right")
left.set(xlabel="steps along ∇J", ylabel="expected return J", ylim=(None, best + 1.2))
visits = state_visitation(grid.P, theta.softmax(-1).detach(), grid.p0, 0.95)
draw_grid(right, visits.clamp(min=1e-6).log10(), vmin=-5, vmax=1)
right.set_title("where it walks now", fontsize=10)
figure.suptitle("The gradient leads the walker into the pit", fontweight="bold")
show(
    figure,
    alt=f"Left: J rises from {climb[0]:.2f} to {climb[-1]:.2f} within 300 steps and stays there, below the best "
    f"policy's {best:.2f}. Right: the visits of the improved policy lie on the shortest way from the start S to the pit X.",
)

# %% [markdown]
# It jumps into the pit, on purpose. Walking about at random costs 1 a step, nearly for ever; the pit costs 10 once. A random walker falls into it long before it meets the goal, so ending there was the first improvement within reach, and from there every small change makes things worse: a *local* maximum. Gradient methods climb the hill they stand on. Start from another policy, or look less far ahead (try γ = 0.9), and the same steps lead to the goal.
#
# That is the programme of all that follows: *parameterise the policy, follow the gradient of J*, and keep an eye on what it really learns. What changes from here on is that the world is too large for a linear system, and unknown; the gradient has to be estimated from episodes. How that is possible at all, without a model, is the subject of lessons 01 and 02.
#
# ### Think · 1 point
#
# Why parameterise a policy? One could learn $Q(s,a)$, what each action is worth, and act by $\arg\max_aQ(s,a)$. [002] has a robot with twelve joints, $a\in[0,2\pi]^{12}$. Where does it get stuck?
#
# - **a.** Q cannot be learned for continuous actions.
# - **b.** In the arg max: with only ten angles a joint there are $10^{12}$ actions to compare, at every step. A policy *outputs* the action.
# - **c.** In the rewards, which do not depend on twelve numbers.
# - **d.** Nowhere: the maximum of Q is where its gradient is zero.


# %% nbgrader={"grade": false, "grade_id": "answer-twelve-joints", "locked": false, "schema_version": 3, "solution": true}
def answer_twelve_joints():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-twelve-joints", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_twelve_joints)

# %% [markdown]
# ## 7 · What we left out
#
# - **Partial observability.** With hidden velocities the observation is not a state; a policy of observations can still be improved (lesson 02), one with a memory would do better.
# - **What the rest of a truncated return is worth:** lesson 05. **How returns become gradients:** lessons 01 and 02. **Proofs about $d^\pi$:** lesson 04.
# - **Average reward** instead of discounting, for tasks that go on for ever.
#
# ## Summary
#
# | what | formula |
# | --- | --- |
# | probability of a trajectory | $p(\tau\mid\theta)=p(s_0)\prod_t\pi_\theta(a_t\mid s_t)\,p(s_{t+1}\mid s_t,a_t)$; only π holds θ |
# | return | $R_\gamma=\sum_t\gamma^tr_{t+1}$ |
# | reward-to-go | $G_t=r_{t+1}+\gamma(1-\text{stop}_t)G_{t+1}$ |
# | objective | $J(\theta)=\mathbb E[R_\gamma]=\sum_sp_0(s)V^\pi(s)=\sum_sd^\pi(s)R_\pi(s)$ |
# | estimate | $\bar x\pm\sigma/\sqrt n$, with n − 1 in σ² |
# | visits | $d^\pi=(I-\gamma P_\pi^\top)^{-1}p_0$, sum $1/(1-\gamma)$ |
# | values | $V^\pi=(I-\gamma P_\pi)^{-1}R_\pi$ |

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 10 minutes
#
# A colleague compares two agents on a game of at most 1,000 steps. Agent A: 10 episodes, mean 212, standard deviation of the returns 60. Agent B: the best of 30 training seeds, chosen by its score over those same 10 episodes, mean 251, standard deviation 60.
#
# 1. How large are the standard errors, and is the difference between 212 and 251 more than chance if both had been measured in the same way?
# 2. They were not measured in the same way. Which of the two numbers do you not believe, why, and what would you ask for?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-two-agents", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. 60/√10 ≈ 19 each; the difference 39 has a standard error of about 19·√2 ≈ 27, so it is about 1.5 standard errors: not convincing. (Half a point for 19 without the conclusion.)
# 2. B's: it is the largest of 30 noisy scores, so it holds luck as well as skill; the expected maximum of 30 draws of one and the same agent lies about two standard errors above its mean (212 + 2·19 ≈ 250!). Ask for fresh episodes with the chosen agent, and for A the same number of seeds. Full marks for "selected on the same data, so biased upwards, evaluate again on fresh episodes".
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Sutton and Barto (2018), *Reinforcement Learning*, chapters 3 and 5.
# - Towers et al. (2024), *Gymnasium: a standard interface for reinforcement learning environments*.
# - Pardo, Tavakoli, Levdik, Kormushev (2018), *Time limits in reinforcement learning*.
# - Agarwal, Schwarzer, Castro, Courville, Bellemare (2021), *Deep reinforcement learning at the edge of the statistical precipice*.
# - [004]: setting, trajectories, expected return; [000]: motivation, $d^\pi$; [002]: why a policy.
