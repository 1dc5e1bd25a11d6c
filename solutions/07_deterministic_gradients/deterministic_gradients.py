# %% [markdown]
# # How do you take the best of infinitely many actions?
#
# **Lesson 07 · Deterministic policy gradients: DPG, DDPG, TD3** · about three hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import copy
import math
from functools import partial

import torch
from torch import nn

from course_lib import check, check_answer
from course_lib.environments import make_vector
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
from course_lib.replay import TransitionBatch
from course_lib.runs import RUNS, reference_band

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A robot arm with two motors stands in some state. A critic can tell you what any pair of torques is worth; here is one, invented, with two hills. Which pair is best?


# %% nbgrader={"grade": false, "grade_id": "hills", "locked": true, "schema_version": 3, "solution": false}
def worth(action):
    """(…,) what a pair of torques (…, 2) in [−1, 1]² is worth to the invented critic."""
    hills = [(1.0, 0.45, 0.35, 0.25), (0.6, -0.55, -0.4, 0.12)]  # height, place, width²
    at = [
        h * torch.exp(-(action - torch.tensor([x, y])).square().sum(-1) / w) for h, x, y, w in hills
    ]
    return sum(at) - 0.1 * action.square().sum(-1)


def climb(start, steps=25, step_size=0.1):
    """(steps + 1, 2) the way uphill from a pair of torques."""
    path = [torch.tensor(start)]
    for _ in range(steps):
        here = path[-1].clone().requires_grad_()
        (slope,) = torch.autograd.grad(worth(here), here)
        path.append((here + step_size * slope).detach().clamp(-1, 1))
    return torch.stack(path)


line = torch.linspace(-1, 1, 11)
grid = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
paths = [climb((-0.2, 0.6)), climb((-0.8, 0.1))]

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
figure, axes = new_figure(size=(7, 4))
fine = torch.linspace(-1, 1, 101)
surface = worth(torch.stack(torch.meshgrid(fine, fine, indexing="xy"), -1))
filled = axes.contourf(fine, fine, surface, levels=14, cmap="cividis", alpha=0.8)
figure.colorbar(filled, label="worth")
axes.plot(
    *grid.reshape(-1, 2).T, "o", markersize=3, color="white", markeredgecolor="black",
    markeredgewidth=0.5, label="121 looks",
)  # fmt: skip
for path, name in zip(paths, ["a climb of 25 steps", "another start"], strict=True):
    color = "white" if name != "another start" else COLORS["wrong"]
    axes.plot(*path.T, color="black", linewidth=4)
    axes.plot(*path.T, color=color, label=name)
    axes.plot(*path[-1], "o", color=color, markeredgecolor="black", markersize=8)
axes.set(
    xlabel="torque of motor 1", ylabel="torque of motor 2", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05)
)
figure.legend(loc="outside lower center", ncols=3, facecolor="#BBBBBB", frameon=True)
axes.set_title("Look everywhere, or walk uphill?")
ends = [worth(path[-1]).item() for path in paths]
show(
    figure,
    alt="Contours of a surface over two torques with a high hill on the upper right and a lower one on "
    f"the lower left. A grid of 121 points covers it. One path climbs the high hill and ends at {ends[0]:.2f}, "
    f"another one, from the left, climbs the lower hill and ends at {ends[1]:.2f}.",
)
print(
    f"best of the grid: {worth(grid).max():.3f}   ends of the climbs: {ends[0]:.3f}, {ends[1]:.3f}"
)
print("looks on such a grid with 12 motors:", f"{11**12:,}")

# %% [markdown]
# Two motors: 121 looks find the top. Twelve motors, as in [002]: three million million looks, at *every* step. A walk uphill needs 25 slopes in any dimension. But it may end on the lower hill.
#
# This lesson is about the walk. A second network, the *actor*, remembers for every state where it has climbed to. The critic shows it the slope.
#
# - **You will** build DQN, which takes the maximum, and measure how maxima lie; prove the deterministic policy gradient and check it on a problem with an exact answer; build DDPG and TD3 and let your functions train them; join both kinds of gradient in Q-Prop; and find a bug that raises nothing.
# - **You need** lessons 04 (policy gradient theorem) and 05 (critics, ends of episodes).
# - *Predict* boxes ask for an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | deterministic policy | $\pi_\theta(s)$ in [000] and [001], $\mu(s\mid\theta^\mu)$ in their algorithms | $\mu_\theta(s)$, `policy(obs)` of shape (B, D) |
# | critic | $Q_\phi$, $Q_w$, $Q(s,a\mid\theta^Q)$ | $Q_\phi(s,a)$, `q_function(obs, action)` of shape (B,) |
# | slow copy | $Q'$, $\mu'$ | $Q^-$, $\mu^-$ |
# | its rate | τ | `target_rate` |
# | end of an episode | left out of $y$ in both algorithms | `terminated`; a step that was cut is stored as going on |
# | objective | [000] drops ∇ on the left of some gradients; [001] puts $d^\pi$ into J, with a stray $da$ | $J=\mathbb E[V(s_0)]$, and ∇ where it belongs |
#
# [000] Preechakul, [001] Advanced policy optimization, [002] Morad.
# </details>
#
# ## 1 · The maximum, and what is wrong with it
#
# With few actions you need no actor: act by $\arg\max_aQ(s,a)$. The value of acting so from now on obeys
#
# $$Q(s,a)=\mathbb E\big[r+\gamma\max_{a'}Q(s',a')\big].$$
#
# DQN makes the right side a target for the left one, over steps that anybody may have taken: only (s, a, r, s') enters, not *why* a was chosen. That is off-policy learning without a ratio. A slow copy $Q^-$ of the network computes the target, so that it stays where it is for a while:
#
# $$y=r+\gamma\,(1-\text{terminated})\max_{a'}Q^-(s',a')$$
#
# ### Exercise 1 · `dqn_target`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# One maximum a row, along which axis? And where does the target not bootstrap?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `next_q_value` is $Q^-(s',\cdot)$, (B, K). Its maximum over the last axis is (B,). Nothing here may carry a gradient.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `next_q_value.amax(-1).masked_fill(terminated, 0)`, under `torch.no_grad()`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "dqn-target", "locked": false, "schema_version": 3, "solution": true}
def dqn_target(reward, next_q_value, terminated, gamma):
    """y = r + γ (1 − terminated) max Q⁻(s', ·). next_q_value (B, K), others (B,) -> (B,), no gradient."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        return reward + gamma * next_q_value.amax(-1).masked_fill(terminated, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-dqn-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(dqn_target)
### BEGIN HIDDEN TESTS
check(dqn_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Now the catch. Let K actions all be worth exactly 0, and let the critic know that up to an error N(0, 1) each. The right target is 0.
#
# **Predict:** what does your target say on average, for 2, 4 and 16 actions?

# %% tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
nothing, goes_on = torch.zeros(100_000), torch.zeros(100_000, dtype=torch.bool)
for K in (2, 4, 16):
    opinion = torch.randn(100_000, K, generator=generator)
    print(f"K = {K:2}: mean target {dqn_target(nothing, opinion, goes_on, 1.0).mean():.3f}")
print(f"for K = 2 exactly 1/√π = {1 / math.sqrt(math.pi):.3f}")

# %% [markdown]
# The maximum of noisy numbers picks the lucky ones: $\mathbb E[\max_aX_a]\ge\max_a\mathbb E[X_a]$. [000] calls it *maximisation bias*. And as targets are made of targets, it is passed on from state to state.
#
# The cure: let one network choose, and another one judge. Luck in choosing is then no luck in judging:
#
# $$y=r+\gamma\,(1-\text{terminated})\;Q^-\big(s',\arg\max_{a'}Q(s',a')\big)$$
#
# ### Exercise 2 · `double_dqn_target`
#
# 1 point · 7 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Who chooses: the network that learns, or its slow copy? Who says what the choice is worth?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The choice is `next_q_value.argmax(-1)`. To take one column a row, use `gather` along the last axis, with an index of shape (B, 1).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `next_target_q_value.gather(-1, choice.unsqueeze(-1)).squeeze(-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "double-dqn-target", "locked": false, "schema_version": 3, "solution": true}
def double_dqn_target(reward, next_q_value, next_target_q_value, terminated, gamma):
    """y = r + γ (1 − terminated) Q⁻(s', argmax Q(s', ·)). Values (B, K), others (B,) -> (B,), no gradient."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        choice = next_q_value.argmax(-1, keepdim=True)
        judged = next_target_q_value.gather(-1, choice).squeeze(-1)
        return reward + gamma * judged.masked_fill(terminated, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-double-dqn-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(double_dqn_target)
### BEGIN HIDDEN TESTS
check(double_dqn_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# It works as far as the judge's errors are *other* errors. Give both networks errors of correlation ρ, and move ρ. The third bar is the smaller of both opinions about the chosen action; you will need it later.
#
# **Predict:** at which ρ does double DQN help most, and at which not at all?


# %% nbgrader={"grade": false, "grade_id": "correlation", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def targets(rho, K=4, rows=40_000):
    """Mean targets of DQN, of double DQN, and of the smaller opinion; the truth is 0."""
    generator = torch.Generator().manual_seed(1)
    chooser, other = torch.randn(2, rows, K, generator=generator)
    judge = rho * chooser + math.sqrt(1 - rho**2) * other
    zero, goes_on = torch.zeros(rows), torch.zeros(rows, dtype=torch.bool)
    double = double_dqn_target(zero, chooser, judge, goes_on, 1.0)
    smaller = torch.minimum(double, dqn_target(zero, chooser, goes_on, 1.0))
    return [one.mean().item() for one in (dqn_target(zero, judge, goes_on, 1.0), double, smaller)]


def draw_targets(axes, rho):
    names = ["DQN", "double\nDQN", "smaller\nopinion"]
    axes.bar(names, targets(rho), color=[COLORS["wrong"], COLORS["dqn"], COLORS["td3"]])
    axes.axhline(0, color="black", linewidth=1)
    axes.set(ylabel="mean target", ylim=(-0.7, 1.2))


# %% tags=["raises-exception"]
slider(
    draw_targets, rho=[0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0],
    static=[{"rho": one} for one in (0, 0.6, 0.9, 1.0)], labels={"rho": "ρ"},
    title="A second opinion helps as far as it is another opinion (the truth is 0)",
    alt="Four panels for correlations 0, 0.6, 0.9 and 1. DQN's mean target is about 1.03 in all. Double "
    "DQN's is 0 at correlation 0 and rises to 1.03 at 1. The smaller opinion is below 0 at correlation "
    "0, and rises to 1.03 as well.",
)  # fmt: skip

# %% [markdown]
# Double DQN's bias is ρ times DQN's. With errors of its own, the judge is right on average; a twin of the chooser is no help.
#
# ### What is learned from: the buffer
#
# A target asks for (s, a, r, s', terminated), so steps can be kept in a *replay buffer* and drawn at random [000, 001]. Two gains: each step teaches many times, and neighbours in a minibatch are no neighbours in time.
#
# ### Exercise 3 · `ReplayBuffer`
#
# 2 points · 20 minutes · difficulty ●●○ medium
#
# A ring: the last `capacity` transitions stay, the oldest make room. It copies what it is given, keeps dtypes, draws uniformly with replacement by its own generator, and raises a `ValueError` when it is empty. How it begins is written; change it as you like.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Where does a row go that comes after the last place? And how many places hold something?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The i-th row that ever came lies at place i mod capacity. Make the memory when the first batch shows you the dtypes.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `place = (self.added + torch.arange(rows)) % self.capacity`, then `memory[place] = field` for each of the five; of a batch larger than the ring, keep `field[-self.capacity :]`. Draw with `torch.randint`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "replay-buffer", "locked": false, "schema_version": 3, "solution": true}
class ReplayBuffer:
    """The last `capacity` transitions; minibatches are drawn uniformly with replacement."""

    def __init__(self, capacity, obs_shape, action_shape, seed):
        self.capacity, self.added, self.memory = capacity, 0, None
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, obs, action, reward, next_obs, terminated):
        """Copy B rows in, in place of the oldest: (B, *obs_shape), (B, *action_shape), (B,), …"""
        ### BEGIN SOLUTION
        fields = (obs, action, reward, next_obs, terminated)
        kept = [torch.as_tensor(one)[-self.capacity :] for one in fields]
        self.memory = self.memory or [one.new_zeros(self.capacity, *one.shape[1:]) for one in kept]
        place = (self.added + torch.arange(len(kept[0]))) % self.capacity
        for memory, one in zip(self.memory, kept, strict=True):
            memory[place] = one
        self.added += len(place)
        ### END SOLUTION

    def sample(self, batch_size):
        """`TransitionBatch(obs, action, reward, next_obs, terminated)` of batch_size rows."""
        ### BEGIN SOLUTION
        if not self.added:
            raise ValueError("the buffer is empty: add transitions before you draw")
        row = torch.randint(len(self), (batch_size,), generator=self.generator)
        return TransitionBatch(*(memory[row] for memory in self.memory))
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-replay-buffer", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(ReplayBuffer)
### BEGIN HIDDEN TESTS
check(ReplayBuffer, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How much do neighbours resemble each other? One pendulum under random torques, 4,000 steps: the correlation of its angular velocity with that of the row below, as the steps came, and as your buffer draws them.

# %% tags=["raises-exception"]
pendulum = make_vector("Pendulum-v1", 1, seed=0)
obs, buffer = torch.from_numpy(pendulum.reset()), ReplayBuffer(4000, (3,), (1,), seed=0)
seen = []
for _ in range(4000):
    action = 4 * torch.rand(1, 1, generator=generator) - 2
    next_seen, reward, terminated, _, next_obs = pendulum.step(action.numpy())
    buffer.add(obs, action, *(torch.from_numpy(one) for one in (reward, next_obs, terminated)))
    seen.append(obs[0])
    obs = torch.from_numpy(next_seen)
for name, rows in {"as they came": torch.stack(seen), "as drawn": buffer.sample(4000).obs}.items():
    velocity = rows[:, 2]
    print(f"{name:13} {torch.corrcoef(torch.stack([velocity[:-1], velocity[1:]]))[0, 1]:6.3f}")

# %% [markdown]
# ### What holds still: the slow copy
#
# If the target moved with every step of Q, the learner would run after its own shadow. The copy follows slowly [000, 001]:
#
# $$\theta^-\leftarrow(1-\tau)\,\theta^-+\tau\,\theta$$
#
# ### Exercise 4 · `update_target`
#
# 1 point · 7 minutes · difficulty ●○○ easy
#
# In place: the loop holds the network. Buffers (`module.buffers()`: running means, counters) are copied, for a blend of two counters means nothing. It returns None.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Whose weight is small, the copy's own or the learner's? And may autograd see this?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# For each pair of parameters `old ← (1 − rate) old + rate new`; tensors have `lerp_(new, rate)` and `copy_(new)`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Under `torch.no_grad()`: `for old, new in zip(target.parameters(), online.parameters()): old.lerp_(new, target_rate)`, and the same with `.buffers()` and `copy_`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *`a leaf Variable that requires grad is being used in an in-place operation`:* `no_grad` is missing. *Nothing moves:* `old = …` only renames; write into `old`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "update-target", "locked": false, "schema_version": 3, "solution": true}
def update_target(target, online, target_rate):
    """θ⁻ ← (1 − rate) θ⁻ + rate θ, in place; buffers are copied. Two modules and a float -> None."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        for old, new in zip(target.parameters(), online.parameters(), strict=True):
            old.lerp_(new, target_rate)
        for old, new in zip(target.buffers(), online.buffers(), strict=True):
            old.copy_(new)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-update-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(update_target)
### BEGIN HIDDEN TESTS
check(update_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Predict:** with a rate of 0.02, how many calls until the copy has gone half the way to a network that stands still?

# %% tags=["raises-exception"]
learner, slow = nn.Linear(1, 1), nn.Linear(1, 1)
with torch.no_grad():
    learner.weight.fill_(1.0)
    slow.weight.fill_(0.0)
calls = 0
while slow.weight.item() < 0.5:
    update_target(slow, learner, 0.02)
    calls += 1
print(f"{calls} calls; log ½ / log(1 − 0.02) = {math.log(0.5) / math.log(0.98):.1f}")

# %% [markdown]
# ### Exercise 5 · `critic_loss`
#
# 1 point · 3 minutes · difficulty ●○○ easy
#
# Q is regressed on its target, which is a constant: $L=\text{mean}\,\tfrac12\big(\bot(y)-Q(s,a)\big)^2$ [000].
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the two may move?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# A mean of squares with a ½, the target detached.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `0.5 * (td_target.detach() - q_value).square().mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "critic-loss", "locked": false, "schema_version": 3, "solution": true}
def critic_loss(q_value, td_target):
    """mean ½ (y − Q)². Both (B,) -> (); only `q_value` gets a gradient."""
    ### BEGIN SOLUTION
    return 0.5 * (td_target.detach() - q_value).square().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-critic-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(critic_loss)
### BEGIN HIDDEN TESTS
check(critic_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# That is deep Q-learning, [002]'s harder homework: your target, loss, copy and buffer, on CartPole. (The loop's targets look five steps ahead, as in lesson 05.)

# %% tags=["experiment", "raises-exception"]
memory = {"follow": update_target, "replay": ReplayBuffer}
dqn_run = RUNS["dqn-cartpole"].start(seed=0, target=double_dqn_target, loss=critic_loss, **memory)
dqn_history = train(dqn_run, run="dqn-cartpole", label="dqn")

# %% [markdown]
# ## 2 · The deterministic policy gradient
#
# With continuous actions the maximum has no list to go through. So let a network $\mu_\theta(s)$ say the action, and ask how the return changes with θ. For a deterministic policy $V(s)=Q(s,\mu_\theta(s))$, and θ comes in twice: through the action now, and through everything that the policy does later, which is inside Q.
#
# 1. The action now, by the chain rule: $\nabla_\theta\mu_\theta(s)\,\nabla_aQ(s,a)\big|_{a=\mu_\theta(s)}$.
# 2. Later: $Q(s,a)=r(s,a)+\gamma\,\mathbb E[V(s')]$, and with a held fixed only V depends on θ: $\gamma\,\mathbb E[\nabla_\theta V(s')]$.
#
# Together $\nabla V(s)=\nabla\mu(s)\,\nabla_aQ+\gamma\,\mathbb E[\nabla V(s')]$. That is the recursion of lesson 04 with another first term. Unroll it from the first state, and every state that is visited adds its own first term, discounted:
#
# $$\nabla J(\theta)=\sum_sd^\mu(s)\;\nabla_\theta\mu_\theta(s)\;\nabla_aQ^\mu(s,a)\big|_{a=\mu_\theta(s)},\qquad d^\mu(s)=\sum_t\gamma^t\Pr(s_t=s)$$
#
# This is DPG (Silver et al. 2014, [000, 001]). There is no score, no log, no sampled action.
#
# ### A problem with an exact answer
#
# A cart that drifts away: $s'=as+bu$ with $a=1.1$. You push with $u=\mu(s)=-k\,s$, where the *gain* k is the only parameter, and pay $q s^2+r u^2$ each step: a linear-quadratic regulator, LQR. With $c=a-bk$ the state after t steps is $c^ts_0$.
#
# - **V.** Try $V(s)=-p\,s^2$ in $V(s)=-(q+rk^2)s^2+\gamma V(cs)$: it fits with $p=\dfrac{q+rk^2}{1-\gamma c^2}$, as long as $\gamma c^2\lt1$.
# - **Q.** $Q(s,u)=-(qs^2+ru^2)-\gamma p\,(as+bu)^2$, a parabola in u. Its slope at $u=-ks$ is $(2rk-2\gamma pbc)\,s$.
# - **The actor.** $d\mu/dk=-s$.
# - **The visits.** $\sum_t\gamma^ts_t^2=s_0^2\,/\,(1-\gamma c^2)$.
#
# ### Exercise 6 · `lqr_gradient`
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# Put the four together into $dJ/dk$. `gain` is k; it and the result are scalar tensors, everything else is a number.
#
# <details><summary>Hint 1: what to think of</summary>
#
# The theorem's sum over t is a sum of slope times $d\mu/dk$ times $\gamma^t$. Which factor depends on t?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\dfrac{dJ}{dk}=-(2rk-2\gamma pbc)\sum_t\gamma^ts_t^2$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `c = a - b * gain`, `decay = 1 - gamma * c**2`, `p = (q + r * gain**2) / decay`; the result has `s0**2 / decay` in it.
# </details>


# %% nbgrader={"grade": false, "grade_id": "lqr-gradient", "locked": false, "schema_version": 3, "solution": true}
def lqr_gradient(a, b, q, r, gain, gamma, s0):
    """dJ/dgain of u = −gain·s on s' = a s + b u, reward −(q s² + r u²). Scalars -> ()."""
    ### BEGIN SOLUTION
    c = a - b * gain
    decay = 1 - gamma * c**2
    p = (q + r * gain**2) / decay
    return -(2 * r * gain - 2 * gamma * p * b * c) * s0**2 / decay
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-lqr-gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(lqr_gradient)
### BEGIN HIDDEN TESTS
check(lqr_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is it the gradient of the return? Four ways: the theorem's sum, state by state; your formula; autograd through a rollout of 400 steps; finite differences of the return.


# %% tags=["raises-exception"]
a, b, q, r, gamma, s0 = PROBLEM = (1.1, 0.5, 1.0, 0.2, 0.9, 1.5)


def p_of(gain):
    return (q + r * gain**2) / (1 - gamma * (a - b * gain) ** 2)


def rolled_out(gain, term):
    """Σ_t γ^t term(s_t) along the way of this gain."""
    state, total = torch.tensor(s0, dtype=torch.float64), 0.0
    for t in range(400):
        total = total + gamma**t * term(state)
        state = a * state - b * gain * state
    return total


def cost_of(gain):
    return lambda state: -(q * state**2 + r * (gain * state) ** 2)


def first_term(state, gain):
    """∇_u Q(s, u) at u = −gain·s, times dμ/dgain = −s."""
    u = -gain * state
    slope = -2 * r * u - 2 * gamma * p_of(gain) * b * (a * state + b * u)
    return slope * -state


# %% tags=["raises-exception"]
k = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
by_autograd = torch.autograd.grad(rolled_out(k, cost_of(k)), k)[0]
gain, h = k.detach(), 1e-5
ends = [rolled_out(gain + one, cost_of(gain + one)) for one in (h, -h)]
print(f"the theorem's sum   {rolled_out(gain, partial(first_term, gain=gain)):.10f}")
print(f"your formula        {lqr_gradient(a, b, q, r, gain, gamma, s0):.10f}")
print(f"autograd, 400 steps {by_autograd:.10f}")
print(f"finite differences  {(ends[0] - ends[1]) / (2 * h):.10f}")

# %% [markdown]
# One number. Autograd had to differentiate through the dynamics; the theorem needs the slope of Q in the action, nothing else. So Q may be *learned*, and the dynamics a black box. Move the gain:


# %% nbgrader={"grade": false, "grade_id": "gain-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
gains = torch.linspace(0.35, 3.6, 120, dtype=torch.float64)
heights = -p_of(gains) * s0**2


def draw_gain(axes, gain):
    here = torch.tensor(gain, dtype=torch.float64)
    slope, height = lqr_gradient(a, b, q, r, here, gamma, s0), -p_of(here) * s0**2
    near = torch.tensor([gain - 0.3, gain + 0.3])
    axes.plot(gains, heights, color=COLORS["exact"])
    axes.plot(near, height + slope * (near - gain), color=COLORS["ddpg"], linewidth=3)
    axes.plot(gain, height, "o", color=COLORS["ddpg"])
    axes.text(0.97, 0.88, f"slope {slope:.2f}", transform=axes.transAxes, ha="right")
    axes.set(xlabel="gain k", ylabel="return J", ylim=(-9, -2))


# %% tags=["raises-exception"]
slider(
    draw_gain, gain=[0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.5, 3.0],
    static=[{"gain": one} for one in (0.5, 1.1, 1.4, 3.0)],
    title="Your gradient is the slope of the return, and 0 at the top",
    alt="Four panels with the same hill, the return against the gain, and a tangent at gains 0.5, 1.1, 1.4 "
    "and 3.0. It rises steeply at 0.5, less at 1.1, is nearly level at 1.4 and falls at 3.0.",
)  # fmt: skip

# %% [markdown]
# ### Think · 1 point
#
# $d^\mu$ and $Q^\mu$ depend on θ, and yet neither is differentiated in the theorem. Why is that right?
#
# - **a.** They do not really depend on θ.
# - **b.** It is an approximation that ignores how Q depends on θ.
# - **c.** What Q's dependence adds is γ∇V(s'), which unrolls into the same term at the next state, and so becomes $d^\mu$.
# - **d.** It holds at the best θ only, where these derivatives vanish.


# %% nbgrader={"grade": false, "grade_id": "answer-what-the-theorem-leaves-out", "locked": false, "schema_version": 3, "solution": true}
def answer_what_the_theorem_leaves_out():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-what-the-theorem-leaves-out", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_what_the_theorem_leaves_out)

# %% [markdown]
# ### The stochastic gradient becomes this one
#
# Give the policy some noise: $u=-ks+\sigma\varepsilon$ with $\varepsilon\sim\mathcal N(0,1)$. Each step then costs $r\sigma^2$ more and shakes the next state by $b\sigma\varepsilon$, which V prices at $\gamma p\,b^2\sigma^2$. So
#
# $$J_\sigma=-p\,s_0^2-\kappa,\qquad\kappa=\sigma^2\,\frac{r+\gamma p\,b^2}{1-\gamma}.$$
#
# Its derivative is $p'$ times something, and $p'=-\nabla J/s_0^2$: hence $\nabla J_\sigma=\nabla J\,\big(1+\frac{\gamma b^2}{(1-\gamma)s_0^2}\,\sigma^2\big)$. As σ → 0 the stochastic gradient tends to DPG, with an error that falls like σ².
#
# And how would you *estimate* it? By the score, $-\varepsilon s/\sigma$, times Q, or times $A=Q-V$ (lesson 05); or by the slope of Q at the mean action. **Predict:** when σ is halved, what happens to the standard deviation of each?


# %% nbgrader={"grade": false, "grade_id": "estimates", "locked": true, "schema_version": 3, "solution": false}
def estimates(sigma, count=4000, steps=120):
    """Three estimates of ∇J_σ from each of `count` trajectories, with the exact Q: (3, count)."""
    draw = torch.Generator().manual_seed(0)
    p = p_of(gain)
    kappa = sigma**2 * (r + gamma * p * b**2) / (1 - gamma)
    state, total = torch.full((count,), s0, dtype=torch.float64), torch.zeros(3, count).double()
    for t in range(steps):
        noise = torch.randn(count, generator=draw, dtype=torch.float64)
        u = -gain * state + sigma * noise
        Q = -(q * state**2 + r * u**2) - gamma * (p * (a * state + b * u) ** 2 + kappa)
        score = -noise * state / sigma
        advantage = Q + p * state**2 + kappa
        total += gamma**t * torch.stack([Q * score, advantage * score, first_term(state, gain)])
        state = a * state + b * u
    return total


# %% tags=["raises-exception"]
sigmas = torch.tensor([0.02, 0.05, 0.1, 0.2, 0.5], dtype=torch.float64)
deterministic = lqr_gradient(a, b, q, r, gain, gamma, s0)
noisy = []
for sigma in sigmas:
    kappa = sigma**2 * (r + gamma * p_of(k) * b**2) / (1 - gamma)
    noisy.append(torch.autograd.grad(-p_of(k) * s0**2 - kappa, k)[0])
noisy = torch.stack(noisy)
sampled = torch.stack([estimates(sigma) for sigma in sigmas])  # (5, 3, n)
mean, error = sampled[3].mean(-1), sampled[3].std(-1) / sampled.shape[-1] ** 0.5
print(f"σ = 0.2: exactly {noisy[3]:.4f}; DPG's limit {deterministic:.4f}")
for name, one, e in zip(["score · Q", "score · A", "slope of Q"], mean, error, strict=True):
    print(f"  {name:10} {one:.4f} ± {e:.4f}")

# %% [markdown]
# The same for all five widths, in logarithms:

# %% nbgrader={"grade": false, "grade_id": "limit-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3.2))
gap, spread = (noisy - deterministic).abs(), sampled.std(-1).T
left.loglog(sigmas, gap, "o-", color=COLORS["ddpg"])
left.set(xlabel="σ of the policy", ylabel="|∇J_σ − ∇J|")
names, colors = ["score · Q", "score · A", "slope of Q"], ["wrong", "a2c", "ddpg"]
for one, name, color in zip(spread, names, colors, strict=True):
    right.loglog(sigmas, one, "o-", color=COLORS[color], label=name)
right.set(xlabel="σ of the policy", ylabel="standard deviation")
right.set_ylim(0.02, 5000)
right.legend(loc="upper right")
for axes in (left, right):
    axes.set_xticks(sigmas, [f"{one:g}" for one in sigmas.tolist()])
    axes.set_xticks([], minor=True)


def power(values):
    """The slope of a line in logarithms."""
    x, y = sigmas.log(), values.log()
    return (((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()).item()


slopes = [power(gap), *(power(one) for one in spread)]
left.set_title(f"The gap falls like σ to the power {slopes[0]:.1f}", fontsize=11)
right.set_title("One trajectory's noise", fontsize=11)
show(figure, alt="Left: the gap between both gradients falls by a straight line in logarithms, with slope "
    f"{slopes[0]:.2f}. Right: the standard deviation of one trajectory's estimate against σ. With the score "
    f"and Q it grows as σ falls, slope {slopes[1]:.2f}; with the advantage it stays, slope {slopes[2]:.2f}; "
    f"with the slope of Q it vanishes, slope {slopes[3]:.2f}.")  # fmt: skip
print("powers of σ:", [round(one, 2) for one in slopes])

# %% [markdown]
# All three have the right mean. But the score divides by σ: with Q as the weight, the noise grows without bound while the policy becomes sure. The baseline stops that. The noise of the slope of Q vanishes: it *knows* the direction that the others find by chance.
#
# ### Think · 1 point
#
# REINFORCE weighs the score of a narrow Gaussian policy by the return. Why is it so noisy, and DPG is not?
#
# - **a.** They estimate different things when σ is small.
# - **b.** The score is ε/σ, so a return of any size is multiplied by a large number of random sign; the slope of a critic needs no luck to find the direction.
# - **c.** A narrow policy has tried too many different actions.
# - **d.** Because its bias grows as σ falls.


# %% nbgrader={"grade": false, "grade_id": "answer-noise-of-both-gradients", "locked": false, "schema_version": 3, "solution": true}
def answer_noise_of_both_gradients():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-noise-of-both-gradients", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_noise_of_both_gradients)

# %% [markdown]
# ## 3 · DDPG: an actor that climbs its critic
#
# "Policy improvement = backprop on critic" [000]. With a network as critic, autograd does the chain rule: the loss
#
# $$L(\theta)=-\text{mean}\;Q_\phi\big(s,\mu_\theta(s)\big)$$
#
# has the gradient $-\text{mean}\,\nabla\mu\,\nabla_aQ$. The states come from the buffer, so $d^\mu$ has become the distribution $d^b$ of whoever acted, as in lesson 06. ([000] writes J where ∇J is meant on that slide.)
#
# ### Exercise 7 · `dpg_loss`
#
# 2 points · 7 minutes · difficulty ●●○ medium
#
# One point is for the value, one for the gradient in the policy. The loop holds the critic still meanwhile.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which action does the critic have to be asked about, the one in the buffer or the actor's own?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The gradient must flow through the critic into the action and on into the actor. So nothing is detached.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-q_function(obs, policy(obs)).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "dpg-loss", "locked": false, "schema_version": 3, "solution": true}
def dpg_loss(obs, policy, q_function):
    """−mean Q(s, μ(s)). obs (B, S), policy(obs) (B, D), q_function(obs, action) (B,) -> ()."""
    ### BEGIN SOLUTION
    return -q_function(obs, policy(obs)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-dpg-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(dpg_loss)
### BEGIN HIDDEN TESTS
check(dpg_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Does its gradient agree with the theorem? On the LQR the exact Q is known. Draw times from the discounted distribution, $\Pr(t)=(1-\gamma)\gamma^t$, take the states there, and divide the mean by $1-\gamma$, for $d^\mu$ sums to $1/(1-\gamma)$:

# %% tags=["raises-exception"]
actor = nn.Linear(1, 1, bias=False, dtype=torch.float64)
actor.weight.data.fill_(-gain)  # μ(s) = −gain · s
time = torch.rand(200_000, generator=generator, dtype=torch.float64).log() / math.log(gamma)
states = s0 * (a - b * gain) ** time.floor().unsqueeze(1)


def exact_q(obs, action):
    """Q of the gain 0.8, as of a critic that has finished learning."""
    next_obs = a * obs + b * action
    return -(q * obs**2 + r * action**2 + gamma * p_of(gain) * next_obs**2).squeeze(-1)


dpg_loss(states, actor, exact_q).backward()
print(f"−∇L/(1 − γ), in the gain: {actor.weight.grad.item() / (1 - gamma):.3f}")
print(f"lqr_gradient:             {deterministic:.3f}")

# %% [markdown]
# (The weight is −k, so the two minuses cancel.) Now the critic's target. The actor has taken the place of the maximum:
#
# $$y=r+\gamma\,(1-\text{terminated})\;Q^-\big(s',\mu^-(s')\big)$$
#
# Both lectures' algorithm leaves $(1-\text{terminated})$ out. On Pendulum nothing ever terminates; on CartPole, without it, a fallen pole would go on earning.
#
# ### Exercise 8 · `ddpg_target`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two networks, both slow. Which is asked first?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `target_policy(next_obs)` is the next action; `target_q_function(next_obs, action)` is (B,).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# As `dqn_target`, with that value in place of the maximum, and no gradient.
# </details>


# %% nbgrader={"grade": false, "grade_id": "ddpg-target", "locked": false, "schema_version": 3, "solution": true}
def ddpg_target(reward, next_obs, terminated, target_policy, target_q_function, gamma):
    """y = r + γ (1 − terminated) Q⁻(s', μ⁻(s')). reward, terminated (B,), next_obs (B, S) -> (B,), no gradient."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        future = target_q_function(next_obs, target_policy(next_obs))
        return reward + gamma * future.masked_fill(terminated, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-ddpg-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(ddpg_target)
### BEGIN HIDDEN TESTS
check(ddpg_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# So DDPG *is* DQN for continuous actions [000]: "explicit max over actions" there, "climb to the local max action" here. What it gives up is exploring. A deterministic policy tries one action a state, for ever; so noise is added while acting, and the buffer stores what was really done.
#
# ### Exercise 9 · `gaussian_exploration`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# $a=\text{clip}(\mu(s)+\sigma\varepsilon,\ \text{low},\ \text{high})$ with fresh $\varepsilon\sim\mathcal N(0,1)$ for every number.
#
# <details><summary>Hint 1: what to think of</summary>
#
# What is clipped, the noise or the sum? And where do the random numbers come from?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Noise of the action's shape: `torch.randn(action.shape, generator=generator, dtype=action.dtype)`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `(action + noise_std * noise).clamp(low, high)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-exploration", "locked": false, "schema_version": 3, "solution": true}
def gaussian_exploration(action, noise_std, low, high, generator):
    """clip(a + σ ε, low, high), ε ~ N(0, 1) from `generator`. (B, D) -> (B, D)."""
    ### BEGIN SOLUTION
    noise = torch.randn(action.shape, generator=generator, dtype=action.dtype)
    return (action + noise_std * noise).clamp(low, high)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-exploration", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_exploration)
### BEGIN HIDDEN TESTS
check(gaussian_exploration, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# [000]'s algorithm has "a random process" instead: noise that remembers, so that a push lasts. Ornstein and Uhlenbeck's is a walk on a spring,
#
# $$x\leftarrow x-\theta x\,dt+\sigma\sqrt{dt}\,\varepsilon,\qquad x=0\text{ at the start of an episode.}$$
#
# (√dt, because variances add up: two half steps must shake as much as a whole one.)
#
# ### Exercise 10 · `OrnsteinUhlenbeck`
#
# 1 point · 10 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# What has to survive from one call of `sample` to the next? What does `reset` do to it?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# One state of shape `shape`, zeros after `reset` and at the beginning. A sample is the state *after* the step.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `self.state = self.state - self.theta * self.dt * self.state + self.sigma * self.dt**0.5 * noise`, a new tensor every time.
# </details>


# %% nbgrader={"grade": false, "grade_id": "ornstein-uhlenbeck", "locked": false, "schema_version": 3, "solution": true}
class OrnsteinUhlenbeck:
    """x ← x − θ x dt + σ √dt ε, from 0."""

    def __init__(self, shape, theta, sigma, dt, generator):
        """`shape` of a sample, a tuple; the numbers of the formula; the source of ε."""
        ### BEGIN SOLUTION
        self.shape, self.theta, self.sigma, self.dt = shape, theta, sigma, dt
        self.generator = generator
        self.reset()
        ### END SOLUTION

    def reset(self):
        """Back to 0."""
        ### BEGIN SOLUTION
        self.state = torch.zeros(self.shape)
        ### END SOLUTION

    def sample(self):
        """One step; the state after it, of shape `shape`."""
        ### BEGIN SOLUTION
        noise = torch.randn(self.shape, generator=self.generator)
        kick = self.sigma * self.dt**0.5 * noise
        self.state = self.state - self.theta * self.dt * self.state + kick
        return self.state
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-ornstein-uhlenbeck", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(OrnsteinUhlenbeck)
### BEGIN HIDDEN TESTS
check(OrnsteinUhlenbeck, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What does the memory buy? Let the noise push a mass for 60 steps, 500 times, with the same spread of single pushes for both kinds, and see how far the mass gets.

# %% nbgrader={"grade": false, "grade_id": "noise-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
process = OrnsteinUhlenbeck((500,), theta=0.15, sigma=0.2, dt=1.0, generator=generator)
for _ in range(60):
    process.sample()  # warm: the spread has settled
walk = torch.stack([process.sample() for _ in range(60)])
white = walk.std() * torch.randn(60, 500, generator=generator)
reached = {"remembers": walk.cumsum(0), "fresh every step": white.cumsum(0)}
figure, (left, right) = new_figure(1, 2, size=(7, 2.9))
for (name, way), pushes, color in zip(reached.items(), (walk, white), ("ddpg", "td3"), strict=True):
    left.plot(pushes[:, 0], color=COLORS[color], label=name)
    right.hist(way[-1], bins=40, range=(-40, 40), color=COLORS[color], alpha=0.6, label=name)
left.set(xlabel="step", ylabel="push")
right.set(xlabel="where 60 pushes lead", ylabel="of 500 walks")
right.legend(loc="upper left")
farther = reached["remembers"][-1].std() / reached["fresh every step"][-1].std()
title = f"Equal pushes, but with memory they lead {farther:.1f} times as far"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(figure, alt="Left: two lines of pushes of equal spread; one changes slowly, one jumps. Right: histograms of "
    f"the sum of 60 pushes over 500 walks; with memory it is {farther:.1f} times as wide.")  # fmt: skip

# %% [markdown]
# Where single pushes average out (a heavy arm, small time steps), memory helps to get anywhere. On our problems plain noise is enough.
#
# ## 4 · Your DDPG at work
#
# All parts are yours: target, both losses, copies, noise, buffer. An observer passes your `dpg_loss` on; every 400 steps the two networks that it was called with are copied into an album.


# %% nbgrader={"grade": false, "grade_id": "observer", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
class Observed:
    """Your `dpg_loss`, which remembers the networks it is called with."""

    def __call__(self, obs, policy, q_function):
        self.policy, self.q_function = policy, q_function
        return dpg_loss(obs, policy, q_function)


def functions(target, policy_loss=dpg_loss, loss=critic_loss):
    """All of this lesson's functions that DDPG and TD3 take."""
    return {
        "target": target, "loss": loss, "policy_loss": policy_loss, "follow": update_target,
        "explore": gaussian_exploration, "replay": ReplayBuffer,
    }  # fmt: skip


def photographed(run_name, target, seed, album):
    """A training, while copies of its actor and critic go into the album every 400 steps."""
    seen = Observed()
    for step in RUNS[run_name].start(seed, **functions(target, seen)):
        if step.env_steps >= 400 * (len(album) + 1):
            album[step.env_steps] = copy.deepcopy((seen.policy, seen.q_function))
        yield step


# %% tags=["experiment", "raises-exception"]
albums = {"ddpg": [{}, {}], "td3": [{}, {}]}
ddpg_run = photographed("ddpg-pendulum", ddpg_target, 1, albums["ddpg"][0])
whole = {"max_steps": 5_000, "stop_when_solved": False}
ddpg_history = train(ddpg_run, run="ddpg-pendulum", label="ddpg", **whole)

# %% [markdown]
# The pendulum has to swing up and stand; its torque is too weak to lift it directly.

# %% tags=["experiment", "raises-exception"]
show_agent(ddpg_history.policy, "Pendulum-v1")

# %% [markdown]
# Open the album at one state: the pendulum at 115° from upright, at rest. The curve is what the critic says of every torque there, the dot is the actor's torque. Move through time.


# %% tags=["experiment", "raises-exception"]
torques = torch.linspace(-2, 2, 81).unsqueeze(1)
side = torch.tensor([[math.cos(2.0), math.sin(2.0), 0.0]])  # 2 rad = 115° from upright
unit = 1 / RUNS["ddpg-pendulum"].config.reward_scale  # the critic learns scaled rewards
album = albums["ddpg"][0]


@torch.no_grad()
def opinion_at(steps):
    """(81,) Q of every torque below its maximum, the actor's torque, and what it is worth."""
    policy, q_function = album[steps]
    q_value, action = unit * q_function(side.expand(81, 3), torques), policy(side)
    return q_value - q_value.max(), action.item(), unit * q_function(side, action) - q_value.max()


def draw_critic(axes, steps):
    q_value, action, height = opinion_at(steps)
    axes.plot(torques, q_value, color=COLORS["exact"])
    axes.plot(action, height, "o", color=COLORS["ddpg"], markersize=9)
    axes.set(xlabel="torque", ylabel="Q minus its maximum", xlim=(-2.1, 2.1))


# %% tags=["experiment", "raises-exception"]
chosen = [list(album)[round(i * (len(album) - 1) / 3)] for i in range(4)]
tops = {one: torques[opinion_at(one)[0].argmax()].item() for one in chosen}
slider(
    draw_critic, steps=list(album), static=[{"steps": one} for one in chosen], labels={"steps": "step"},
    title="The critic bends, and the actor climbs after it",
    alt="Four moments of training. The critic's curve over the torque in one state, and the actor's "
    "torque as a dot on it: " + "; ".join(
        f"at step {one} the dot is at {opinion_at(one)[1]:.2f} and the curve's top at {tops[one]:.2f}"
        for one in chosen) + ".",
)  # fmt: skip

# %% [markdown]
# How good is the actor at being a maximum? Compare its value with the best of 81 torques, over 500 states that the trained policy meets.

# %% tags=["experiment", "raises-exception"]
pendulums, (policy, q_function) = make_vector("Pendulum-v1", 5, seed=3), album[max(album)]
met = [torch.from_numpy(pendulums.reset())]
with torch.no_grad():
    for _ in range(99):
        met.append(torch.from_numpy(pendulums.step(policy(met[-1]).numpy()).obs))
    states = torch.cat(met)
    tables = q_function(states.repeat_interleave(81, 0), torques.repeat(500, 1)).view(500, 81)
    lost = tables.amax(1) - q_function(states, policy(states))
print(
    f"best torque minus worst, mean over states: {unit * (tables.amax(1) - tables.amin(1)).mean():.2f}"
)
print(f"best torque minus the actor's, mean:       {unit * lost.mean():.2f}")

# %% [markdown]
# One forward pass in place of 81, for a small part of what is at stake.
#
# And the second assignment of [000]: DDPG on *continuous* CartPole. There poles do fall, so $(1-\text{terminated})$ earns its place. The settings differ (targets of ten steps, noise that fades); the functions are the same.

# %% tags=["experiment", "raises-exception"]
cart_run = RUNS["ddpg-continuous-cartpole"].start(seed=0, **functions(ddpg_target))
cart_history = train(cart_run, run="ddpg-continuous-cartpole", label="ddpg, continuous CartPole")

# %% [markdown]
# ## 5 · TD3: three cures for optimism
#
# An actor that climbs the critic climbs the critic's errors too: it finds the actions that are *overrated*. Nobody takes a maximum, and yet the maximisation bias is back.
#
# Measure it where the truth is known: all actions in [−1, 1] are worth 0. Two critics, made of waves, are fitted to noisy outcomes, each to its own half of them. An actor climbs the first one from a random start. 2,000 such problems:


# %% nbgrader={"grade": false, "grade_id": "optimists", "locked": true, "schema_version": 3, "solution": false}
def waves(action):
    """(…, 9) a constant, and four sines and cosines of the action."""
    angle = action.unsqueeze(-1) * torch.arange(1, 5) * math.pi / 2
    return torch.cat([torch.ones_like(action).unsqueeze(-1), angle.cos(), angle.sin()], -1)


def fitted(action, outcome):
    """(P, 9) weights of each problem's critic: regression with a little ridge."""
    seen = waves(action)
    ridge = seen.mT @ seen + 0.5 * torch.eye(9)
    return torch.linalg.solve(ridge, (seen.mT @ outcome.unsqueeze(-1)).squeeze(-1))


def climbed(weights, action, steps=100):
    """(P,) where gradient ascent on each critic ends, inside the bounds."""
    for _ in range(steps):
        here = action.detach().requires_grad_()
        (slope,) = torch.autograd.grad((waves(here) * weights).sum(), here)
        action = (here + 0.03 * slope).detach().clamp(-1, 1)
    return action


draw = torch.Generator().manual_seed(3)
tried = 2 * torch.rand(2000, 24, generator=draw) - 1
outcome = torch.randn(2000, 24, generator=draw)
first, second = (fitted(tried[:, i::2], outcome[:, i::2]) for i in (0, 1))
start = 2 * torch.rand(2000, generator=draw) - 1
end = climbed(first, start)

# %% nbgrader={"grade": false, "grade_id": "optimists-figure", "locked": true, "schema_version": 3, "solution": false}
worth_of = {
    "random\naction": (waves(start) * first).sum(-1),
    "climbed": (waves(end) * first).sum(-1),
}
worth_of["second\nopinion"] = (waves(end) * second).sum(-1)
worth_of["smaller\nof both"] = torch.minimum(worth_of["climbed"], worth_of["second\nopinion"])
promises = {name: one.mean().item() for name, one in worth_of.items()}
figure, (left, right) = new_figure(1, 2, size=(7, 3))
line = torch.linspace(-1, 1, 101)
left.plot(tried[0, ::2], outcome[0, ::2], ".", color=COLORS["reference"], label="outcomes")
left.plot(line, waves(line) @ first[0], color=COLORS["ddpg"], label="first critic")
left.plot(line, waves(line) @ second[0], color=COLORS["td3"], label="second critic")
left.plot(end[0], worth_of["climbed"][0], "o", color=COLORS["ddpg"], markeredgecolor="black")
left.axhline(0, color="black", linewidth=1)
left.set(xlabel="action", ylabel="worth (in truth 0)")
left.legend(fontsize=8)
shade = [COLORS["reference"], COLORS["wrong"], COLORS["dqn"], COLORS["td3"]]
right.bar(list(promises), list(promises.values()), color=shade)
right.axhline(0, color="black", linewidth=1)
right.set(ylabel="mean promise")
figure.suptitle("Climbing makes an optimist of a fair critic", x=0.01, ha="left", weight="bold")
show(figure, alt="Left: noisy outcomes around 0, two wavy critics, and the actor on top of the first one. Right: mean "
    "promise over 2,000 problems: " + ", ".join(f"{k} {v:.2f}".replace(chr(10), " ") for k, v in promises.items()) + ".")  # fmt: skip

# %% [markdown]
# Of a random action the critic is right on average. Of the action that its own slope has led to it promises far too much. A second critic, with errors of its own, does not; and the smaller opinion errs on the safe side.
#
# TD3 (Fujimoto et al. 2018, [001]) answers with three things.
#
# 1. **Twin critics.** Two critics from different starts; the target takes the smaller opinion.
# 2. **Smoothed targets.** The next action is blurred, $a'=\text{clip}\big(\mu^-(s')+\text{clip}(\varepsilon,-c,c),\ \text{low},\ \text{high}\big)$: a narrow peak of the critic is averaged away.
# 3. **Delay.** The actor and the copies move once for d steps of the critics.
#
# $$y=r+\gamma\,(1-\text{terminated})\min_{i=1,2}Q_i^-(s',a')$$
#
# ### Exercise 11 · `td3_target`
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# `noise` is ε as drawn, (B, D), in the action's units; c is `noise_clip`.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two clips with two ranges. Which of them is for the noise alone?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Both critics are asked about the *same* blurred action; the smaller opinion is taken row by row.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `noise.clamp(-noise_clip, noise_clip)`, added to `target_policy(next_obs)`, then `.clamp(low, high)`; `torch.minimum(…)` of the two critics.
# </details>


# %% nbgrader={"grade": false, "grade_id": "td3-target", "locked": false, "schema_version": 3, "solution": true}
def td3_target(
    reward, next_obs, terminated, target_policy, target_q1, target_q2, gamma, noise, noise_clip,
    low, high,
):  # fmt: skip
    """y = r + γ (1 − terminated) min Qᵢ⁻(s', a'), a' blurred. (B,), noise (B, D) -> (B,), no gradient."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        blur = noise.clamp(-noise_clip, noise_clip)
        action = (target_policy(next_obs) + blur).clamp(low, high)
        future = torch.minimum(target_q1(next_obs, action), target_q2(next_obs, action))
        return reward + gamma * future.masked_fill(terminated, 0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-td3-target", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(td3_target)
### BEGIN HIDDEN TESTS
check(td3_target, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Spot the slip · 1 point
#
# [001] prints TD3's inner loop so:
#
# > $y\leftarrow r+\gamma\min_{i=1,2}Q_{\theta'_i}(s',\tilde a)$; update the critics; **if** $t \bmod d$ **then** update φ by $\nabla_aQ_{\theta_1}\nabla\pi_\phi$, and the targets by $\theta'\leftarrow\tau\theta+(1-\tau)\theta'$
#
# Both a missing mask and another slip are in it. Which is the other one?
#
# - **a.** "if t mod d" is true wherever t mod d is *not* 0: for d = 3 the actor would learn in two steps of three. It must be t mod d = 0.
# - **b.** The target must take the maximum of the two.
# - **c.** The actor must climb $\min(Q_{\theta_1},Q_{\theta_2})$.
# - **d.** τ and 1 − τ have changed places.


# %% nbgrader={"grade": false, "grade_id": "answer-td3-delay", "locked": false, "schema_version": 3, "solution": true}
def answer_td3_delay():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-td3-delay", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_td3_delay)

# %% [markdown]
# Your TD3, with an album of its own:

# %% tags=["experiment", "raises-exception"]
td3_run = photographed("td3-pendulum", td3_target, 1, albums["td3"][0])
td3_history = train(td3_run, run="td3-pendulum", label="td3", **whole)

# %% [markdown]
# ### Promise against reality
#
# What a critic promises can be measured. Take 100 fresh pendulums, ask the critic what the actor's first torque is worth, then play on without noise and add up the discounted rewards. If the critic is right, the two are equal. All photographs of both albums, and of a second seed each:
#
# **Predict:** on which side of zero will DDPG's difference lie, and on which TD3's?


# %% nbgrader={"grade": false, "grade_id": "promise", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
@torch.no_grad()
def promise_minus_reality(policy, q_function, gamma=0.95):
    """What Q says at the start of 100 episodes minus the discounted rewards that follow."""
    fresh = make_vector("Pendulum-v1", 100, seed=7)
    obs = torch.from_numpy(fresh.reset())
    promise, reality = unit * q_function(obs, policy(obs)).mean(), 0.0
    for t in range(100):  # 0.95¹⁰⁰ = 0.006: what comes later hardly counts
        step = fresh.step(policy(obs).numpy())
        reality += gamma**t * step.reward.mean()
        obs = torch.from_numpy(step.obs)
    return promise.item() - reality


# %% tags=["experiment", "raises-exception"]
for name, target in (("ddpg", ddpg_target), ("td3", td3_target)):
    second = photographed(f"{name}-pendulum", target, 0, albums[name][1])
    train(second, label=name, max_steps=5_000, quiet=True)
gaps = {
    name: torch.tensor([[promise_minus_reality(*pair) for pair in one.values()] for one in both])
    for name, both in albums.items()
}

# %% [markdown]
# The albums hold 12 photographs each; here are their differences.

# %% nbgrader={"grade": false, "grade_id": "promise-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3.2))
late = {name: one[:, 4:].mean().item() for name, one in gaps.items()}  # after step 2,000
for name, one in gaps.items():
    places = list(albums[name][0])
    axes.plot(places, one.T, "o-", color=COLORS[name], linewidth=1, markersize=3)
    axes.plot(places, one.mean(0), color=COLORS[name], linewidth=3, label=name)
axes.axhline(0, color="black", linewidth=1)
axes.set(xlabel="environment steps", ylabel="promise minus reality")
axes.legend()
axes.set_title("Fresh critics promise far too much; DDPG's forgets it sooner")
last = {name: round(one[:, -1].mean().item(), 1) for name, one in gaps.items()}
print("mean difference in the last photograph:", last)
show(figure, alt="Promise minus reality against environment steps, two seeds each. "
    + " ".join(f"{name}: {one[:, :4].mean():+.1f} on average up to step 2,000, {late[name]:+.1f} after it."
    for name, one in gaps.items()))  # fmt: skip

# %% [markdown]
# Not what the story says! A fresh critic says about 0 where the truth is near −120. *That* error has to be learned away, and TD3's slow copies move half as often. Once it is gone, little is left: Pendulum's rewards have no noise, and its torque has one dimension. Fujimoto et al. measured large differences on harder bodies, and there caution pays. So measure before you believe.
#
# ### Think · 1 point
#
# [000] says that double DQN's target "doesn't work as well" against the bias of DDPG. Why?
#
# - **a.** DDPG takes no maximum, so there is nothing to correct.
# - **b.** With continuous actions another network cannot judge the choice.
# - **c.** The exploration noise makes both networks equal.
# - **d.** Actor and slow copies change slowly, so the judge's errors are nearly the chooser's; the correlation ρ of section 1 is near 1.


# %% nbgrader={"grade": false, "grade_id": "answer-when-double-fails", "locked": false, "schema_version": 3, "solution": true}
def answer_when_double_fails():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-when-double-fails", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_when_double_fails)

# %% [markdown]
# The stored bands, ten seeds each:

# %%
bands = {name: reference_band(f"{name}-pendulum") for name in ("ddpg", "td3")}
figure = learning_curve(bands, threshold=-200, title="On Pendulum DDPG is first, and both arrive")
ends = {name: torch.from_numpy(one.returns[:, -1]) for name, one in bands.items()}
show(figure, alt="Returns of the reference seeds of DDPG and of TD3 against steps, medians thick. "
    + " ".join(f"{name}: median {one.median():.0f} at the end, worst seed {one.min():.0f}." for name, one in ends.items()))  # fmt: skip

# %% [markdown]
# ## 6 · Q-Prop: both gradients at once
#
# The score function is right on average and noisy. The critic's slope is quiet, and as wrong as the critic. Q-Prop (Gu et al. 2017, [000]) joins them.
#
# Lesson 03 warned: a baseline that sees the action brings a bias, $\mathbb E[b(s,a)\nabla\log\pi]\ne0$. But where that expectation is *known*, subtract b in the samples, and add its expectation again. It is known for a straight line through the mean action:
#
# $$\bar Q(s,a)=Q(s,\mu)+\nabla_aQ(s,a)\big|_{a=\mu}\cdot(a-\mu)$$
#
# For a Gaussian policy with mean $\mu_\theta(s)$, step by step: the height $Q(s,\mu)$ is a baseline of the state, its expectation is 0. In $\mathbb E[(a-\mu)\,\nabla_\theta\log\pi]$ the score is $\nabla_\theta\mu\,(a-\mu)/\sigma^2$ and $\mathbb E[(a-\mu)^2]=\sigma^2$: what remains is $\nabla_\theta\mu$. So
#
# $$\mathbb E\big[\bar Q\,\nabla_\theta\log\pi\big]=\nabla_\theta\mu\;\nabla_aQ\big|_{a=\mu},$$
#
# DPG's term. With $\bar A=\bar Q-Q(s,\mu)$ the loss is
#
# $$L=-\text{mean}\big(\bot(A-\bar A)\,\log\pi\big)-\text{mean}\;Q\big(s,\mu_\theta(s)\big).$$
#
# ### Exercise 12 · `qprop_baseline`
#
# 1 point · 10 minutes · difficulty ●●● hard
#
# It may be called under `torch.no_grad()`, and still needs a slope.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Whose slope, at which place? Autograd gives the slope of a scalar; you need one slope a row.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Row i of Q depends on row i of the action alone, so the gradient of `q_value.sum()` has each row's slope in its row.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `centre = mean_action.detach().requires_grad_()`, under `torch.enable_grad()`: `(slope,) = torch.autograd.grad(q_function(obs, centre).sum(), centre)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "qprop-baseline", "locked": false, "schema_version": 3, "solution": true}
def qprop_baseline(q_function, obs, action, mean_action):
    """Q(s, μ) + ∇_a Q(s, μ) · (a − μ). obs (B, S), action, mean_action (B, D) -> (B,)."""
    ### BEGIN SOLUTION
    with torch.enable_grad():
        centre = mean_action.detach().requires_grad_()
        q_value = q_function(obs, centre)
        (slope,) = torch.autograd.grad(q_value.sum(), centre)
    return q_value.detach() + (slope * (action - mean_action).detach()).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-qprop-baseline", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(qprop_baseline)
### BEGIN HIDDEN TESTS
check(qprop_baseline, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 13 · `qprop_loss`
#
# 1 point · 7 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two terms of this course that you have written before: a policy gradient with a weight, and `dpg_loss`.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The weight is $A-\bar A$, a constant. Nothing in the second term is detached.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `residual = (advantage - baseline_advantage).detach()`; the loss is `-(residual * log_prob).mean() + dpg_loss(…)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "qprop-loss", "locked": false, "schema_version": 3, "solution": true}
def qprop_loss(log_prob, advantage, baseline_advantage, obs, policy, q_function):
    """−mean((A − Ā) log π) − mean Q(s, μ(s)). The first three (B,), obs (B, S) -> ()."""
    ### BEGIN SOLUTION
    residual = (advantage - baseline_advantage).detach()
    return -(residual * log_prob).mean() + dpg_loss(obs, policy, q_function)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-qprop-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(qprop_loss)
### BEGIN HIDDEN TESTS
check(qprop_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Measured on one state of the LQR, s = 1.5 and σ = 0.5, where everything is known. The gradient of minibatches of 32 actions, 1,000 times: without a critic, and with three: the exact one, one that is wrong by half, and one with its slope *flipped*.
#
# **Predict:** which of the four are right on average? Which is noisier than no critic at all?


# %% nbgrader={"grade": false, "grade_id": "qprop-measured", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
SIGMA, MINIBATCHES, ROWS = 0.5, 1000, 32
KAPPA = SIGMA**2 * (r + gamma * p_of(gain) * b**2) / (1 - gamma)
obs = torch.full((ROWS, 1), s0, dtype=torch.float64)
critics = {
    "no critic": lambda obs, action: 0 * action.squeeze(-1),
    "exact": exact_q,
    "half": lambda obs, action: 0.5 * exact_q(obs, action),
    "flipped": lambda obs, action: -exact_q(obs, action),
}


def minibatch_gradients(critic):
    """(MINIBATCHES,) the gradient of your loss in the gain, of as many minibatches of actions."""
    draw, found = torch.Generator().manual_seed(0), []
    for _ in range(MINIBATCHES):
        mean_action = actor(obs)
        noise = torch.randn(ROWS, 1, generator=draw, dtype=torch.float64)
        action = (mean_action + SIGMA * noise).detach()
        log_prob = -0.5 * ((action - mean_action) / SIGMA).square().squeeze(-1)
        advantage = exact_q(obs, action) - KAPPA * gamma + p_of(gain) * s0**2 + KAPPA
        foreseen = qprop_baseline(critic, obs, action, mean_action) - critic(obs, mean_action)
        loss = qprop_loss(log_prob, advantage, foreseen, obs, actor, critic)
        (slope,) = torch.autograd.grad(loss, actor.weight)
        found.append(slope.item())  # the weight is −k, and the loss −J: two minuses
    return torch.tensor(found)


# %% tags=["raises-exception"]
truth = first_term(torch.tensor(s0), gain).item()
print(f"exactly: {truth:.3f}")
of_critic = {name: minibatch_gradients(critic) for name, critic in critics.items()}
for name, one in of_critic.items():
    error = one.std() / MINIBATCHES**0.5
    print(f"{name:10} mean {one.mean():7.3f} ± {error:.3f}   standard deviation {one.std():.3f}")

# %% [markdown]
# The same minibatches as a picture:

# %% nbgrader={"grade": false, "grade_id": "qprop-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 2.9))
colors = [COLORS["a2c"], COLORS["ddpg"], COLORS["td3"], COLORS["wrong"]]
for (name, one), color in zip(of_critic.items(), colors, strict=True):
    axes.hist(one, bins=60, range=(-1, 6), histtype="step", linewidth=2, color=color, label=name)
axes.axvline(truth, color="black", linestyle="--", linewidth=1)
axes.set(xlabel="gradient of a minibatch", ylabel="of 1,000 minibatches")
axes.legend(title="critic")
saved = (of_critic["no critic"].var() / of_critic["exact"].var()).item()
axes.set_title(f"The exact critic leaves {1 / saved:.0%} of the variance")
show(figure, alt="Histograms of the gradient of 1,000 minibatches, all centred on the dashed exact value. With the "
    "exact critic it is a narrow peak, with half of it wider, without a critic wider still, and widest with the "
    "flipped one. Standard deviations: " + ", ".join(f"{k} {v.std():.2f}" for k, v in of_critic.items()) + ".")  # fmt: skip

# %% [markdown]
# All four are right on average, the flipped critic too: what it takes away falsely it gives back falsely. A bad critic costs noise, never truth. DDPG has no such insurance.
#
# ### Think · 1 point
#
# Lesson 03: a baseline $b(s,a)$ biases the gradient. Q-Prop's depends on the action. Why is Q-Prop unbiased?
#
# - **a.** Because baselines may depend on actions after all.
# - **b.** What the line takes out of the samples has a known expectation, $\nabla_aQ\,\nabla\mu$, and exactly that is added again.
# - **c.** It is unbiased only if the critic is right.
# - **d.** The two terms optimise different objectives.


# %% nbgrader={"grade": false, "grade_id": "answer-baseline-that-sees-the-action", "locked": false, "schema_version": 3, "solution": true}
def answer_baseline_that_sees_the_action():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-baseline-that-sees-the-action", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_baseline_that_sees_the_action)

# %% [markdown]
# In training, the critic is learned. The stored bands on continuous CartPole, where both use a GAE advantage, and Q-Prop a replayed Q besides:

# %%
pair = {name: reference_band(f"{name}-continuous-cartpole") for name in ("a2c", "q-prop")}
first = {}
for name, one in pair.items():
    median = torch.from_numpy(one.returns).quantile(0.5, dim=0)
    first[name] = int(one.env_steps[(median >= 475).int().argmax()])
title = "Q-Prop needs about as many steps as A2C here"
colors = {"q-prop": "#AA4499"}
figure = learning_curve(pair, threshold=475, title=title, colors=colors)
show(figure, alt="Returns against steps, medians thick; the median reaches 475 after "
    + " and ".join(f"{steps:,} steps for {name}" for name, steps in first.items()) + ".")  # fmt: skip
first

# %% [markdown]
# A learned Q must be good to save much, and a good advantage has saved most already.
#
# ## 7 · Silent bug · Exercise 14
#
# 1 point · 10 minutes · difficulty ●●○ medium
#
# A friend's critic ends in `nn.Linear(64, 1)`, so it returns a column, (B, 1). Her targets are a row, (B,). Her loss raises nothing and falls nicely:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_critic_loss(q_column, td_target):
    """Meant: mean ½ (y − Q)² of a column (B, 1) and a row (B,). It runs."""
    return 0.5 * (td_target.detach() - q_column).square().mean()


# %% tags=["experiment", "raises-exception"]
def three_seeds(loss_of_columns, label):
    """DDPG on Pendulum whose critic's values come as a column: three seeds, 3,800 steps."""
    run, found = RUNS["ddpg-pendulum"], []

    def loss(q_value, td_target):
        return loss_of_columns(q_value.unsqueeze(-1), td_target)

    for seed in (1, 2, 3):
        started = run.start(seed, **functions(ddpg_target, loss=loss))
        settings = {"environment_id": "Pendulum-v1", "threshold": -200, "label": label}
        found.append(train(started, max_steps=3_800, quiet=True, **settings))
    return found


bugged = three_seeds(bugged_critic_loss, "wrong: column and row")

# %% [markdown]
# The pendulum hangs. Look at the shape of `td_target - q_column`, and ask what its mean is smallest for. Then repair it: any B, and the gradient flows into `q_column` alone.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Take Q = [[1], [2]] and y = [1, 2], a critic that is right. What is the friend's loss?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# (B,) against (B, 1) is (B, B): every target minus every Q. The mean over targets is smallest where each Q is the mean of *all* targets, so Q does not depend on s or a, and the actor has nothing to climb.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `q_column.squeeze(-1)`, with the axis: a bare `squeeze()` would also take away a batch of one.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-critic-loss", "locked": false, "schema_version": 3, "solution": true}
def repaired_critic_loss(q_column, td_target):
    """mean ½ (y − Q)². q_column (B, 1), td_target (B,) -> ()."""
    ### BEGIN SOLUTION
    return 0.5 * (td_target.detach() - q_column.squeeze(-1)).square().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-critic-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_critic_loss)
### BEGIN HIDDEN TESTS
check(repaired_critic_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The numbers of hint 1, and the three seeds once more:

# %% tags=["experiment", "raises-exception"]
column, row = torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0])
print("loss of a critic that is right:", bugged_critic_loss(column, row).item(), "(bugged),",
      repaired_critic_loss(column, row).item(), "(repaired)")  # fmt: skip
repaired = three_seeds(repaired_critic_loss, "ddpg, repaired")

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure = learning_curve(
    {"ddpg, repaired": repaired, "wrong: column and row": bugged},
    colors={"wrong: column and row": COLORS["wrong"]}, threshold=-200,
    title="One axis too many, and nobody learns",
)  # fmt: skip
figure.axes[0].legend(loc="center right")
show(figure, alt="Three seeds each. " + describe_curves(repaired) + " " + describe_curves(bugged))

# %% [markdown]
# A guard of one line would have told her: the course's own `critic_loss` compares the two shapes first, and raises.

# %% [markdown]
# ## 8 · What we left out
#
# - **Local tops.** The climb of the first picture could end on the lower hill. DDPG has no answer but noise; lesson 10's soft policies keep several hills in view.
# - **$d^b$ for $d^\mu$.** States come from the buffer. Lesson 06 says what that approximation costs.
# - **Compatible critics.** Silver et al. show which linear critics give the exact gradient.
#
# ## Summary
#
# | | formula |
# | --- | --- |
# | DQN, double DQN | $y=r+\gamma\max_{a'}Q^-(s',a')$; $\;y=r+\gamma\,Q^-(s',\arg\max_{a'}Q(s',a'))$ |
# | DPG | $\nabla J=\sum_sd^\mu(s)\,\nabla\mu(s)\,\nabla_aQ(s,a)\vert_{a=\mu(s)}$ |
# | DDPG | $y=r+\gamma\,Q^-(s',\mu^-(s'))$; actor: $-\text{mean}\,Q(s,\mu(s))$; critic: mean $\frac12(\bot(y)-Q)^2$ |
# | TD3 | $y=r+\gamma\min_iQ_i^-(s',a')$, $a'=\text{clip}(\mu^-(s')+\text{clip}(\varepsilon,-c,c))$; actor and copies every d-th step |
# | copies | $\theta^-\leftarrow(1-\tau)\theta^-+\tau\theta$ |
# | Q-Prop | $-\text{mean}(\bot(A-\bar A)\log\pi)-\text{mean}\,Q(s,\mu(s))$, $\bar A=\nabla_aQ\cdot(a-\mu)$ |
#
# - All bootstraps are multiplied by (1 − terminated).
# - A maximum over noisy values is too large; an actor that climbs them is a maximum too.
# - The stochastic gradient tends to DPG like σ²; its estimate by the score gets noisier like 1/σ.
# - (B,) against (B, 1) is (B, B), and no error.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 15 minutes
#
# A colleague trains DDPG on a crane. After 100,000 steps the critic promises returns of 900 at the start of episodes; the crane earns 300. The actor's torques are all at their bounds. In at most ten sentences:
#
# 1. How can a critic be wrong by 600 although its loss is small? Say where the actor has led it, and why the data in the buffer did not correct it.
# 2. Which of TD3's three changes would you try first, and what would you plot to see whether it was the right one?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-crane", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. The loss compares Q with targets made of Q⁻, at actions of the buffer: it says that the critic agrees with itself. The actor climbs to where Q is overrated, here the bounds, and the target asks about these very actions, so the error is fed back. Data correct only actions that were taken. Half a point for "maximisation bias" without the actor's part.
# 2. Twin critics (they act on the bias itself); smoothing, if narrow peaks are suspected; delay alone is weak. The plot: Q(s₀, μ(s₀)) and the real discounted return from the same states against steps, both variants, several seeds.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Silver, Lever, Heess, Degris, Wierstra, Riedmiller (2014), *Deterministic policy gradient algorithms*.
# - Lillicrap et al. (2016), *Continuous control with deep reinforcement learning*: DDPG.
# - Fujimoto, van Hoof, Meger (2018), *Addressing function approximation error in actor-critic methods*: TD3.
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*; van Hasselt, Guez, Silver (2016), *Deep reinforcement learning with double Q-learning*.
# - Gu, Lillicrap, Ghahramani, Turner, Levine (2017), *Q-Prop: sample-efficient policy gradient with an off-policy critic*.
# - [000]: deterministic policy gradient to Q-Prop; [001]: DPG, DDPG, TD3.
