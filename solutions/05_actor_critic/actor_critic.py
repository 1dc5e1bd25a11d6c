# %% [markdown]
# # Was that a good move, if the game is still on?
#
# **Lesson 05 · Actor-critic: A2C and GAE** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math
from functools import partial
from itertools import islice

import gymnasium
import torch

from course_lib import check, check_answer
from course_lib.agents import make_policy
from course_lib.algorithms import A2CConfig, a2c
from course_lib.environments import PROBES, make_vector
from course_lib.figures import (
    COLORS,
    describe_curves,
    learning_curve,
    new_figure,
    shades,
    show,
    show_agent,
    show_ends,
    slider,
    train,
    use_style,
)
from course_lib.rollout import Collector
from course_lib.runs import RUNS, Band, reference_band

torch.set_num_threads(1)
torch.set_printoptions(precision=3, sci_mode=False)
use_style()

# %% [markdown]
# Here is a pole that fits in your head. It has five tilts, −2 … 2. Each step you push it left or right; with probability 0.2 the wind is stronger, and it tips the other way.
# Each step pays 1. Beyond ±2 it has fallen. The policy leans against the fall with probability 0.7.
#
# The pole stands at +1, and you push. The cell lists all 8,192 futures of twelve steps with their exact probabilities, one in each column (you need not read it now).

# %% nbgrader={"grade": false, "grade_id": "pole", "locked": true, "schema_version": 3, "solution": false}
GAMMA, WIND, STEPS = 0.9, 0.2, 12


def pushes_right(tilt):
    """π(right | tilt): 0.7 when the pole leans left, 0.3 when it leans right."""
    return 0.5 - 0.2 * tilt.sign().double()


def tips_right(push):
    """The probability that the pole tips right, if `push` is that of a push to the right."""
    return push * (1 - WIND) + (1 - push) * WIND


def all_futures(start):
    """Every first push (N,), its future's probability (N,), then tilt, next tilt, fall: (T, N)."""
    push, *moves = torch.cartesian_prod(*[torch.tensor([0, 1])] * (STEPS + 1)).T
    tilt = torch.full_like(push, start)
    probability = torch.where(push == 1, pushes_right(tilt), 1 - pushes_right(tilt))
    chance, rows = tips_right(push.double()), []
    for move in moves:
        probability = probability * torch.where(move == 1, chance, 1 - chance)
        next_tilt = tilt + 2 * move - 1
        rows.append((tilt, next_tilt, next_tilt.abs() > 2))
        tilt = torch.where(next_tilt.abs() > 2, 0, next_tilt)  # after a fall: a new pole, upright
        chance = tips_right(pushes_right(tilt))
    return push, probability, *(torch.stack(row) for row in zip(*rows, strict=True))


# %%
push, probability, tilt, next_tilt, terminated = all_futures(start=1)
fallen = terminated.any(0)
length = torch.where(fallen, terminated.int().argmax(0) + 1, STEPS)
share = torch.zeros(2, STEPS + 1, dtype=torch.float64)
share.index_put_((push, length), probability, accumulate=True)
share = share / share.sum(1, keepdim=True)  # probability of each length, after left and after right
print("mean number of steps after a push left, right:", share @ torch.arange(13.0).double())
print("right lasts at least as long as left:", torch.outer(share[1], share[0]).tril().sum().item())

# %% [markdown]
# The pole leans right, so left is the right push: 8.9 steps on average against 7.2. And yet, draw one episode of each, and in 51 of 100 pairs the *wrong* push lasts at least as long.

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
figure, axes = new_figure(size=(7, 2.8))
places = torch.arange(1, STEPS + 1)
axes.bar(places - 0.2, share[0, 1:], 0.4, color=COLORS["a2c"], label="after the good push, left")
axes.bar(places + 0.2, share[1, 1:], 0.4, color=COLORS["wrong"], label="after the bad push, right")
axes.set(xlabel="steps until the pole falls (12: still standing)", ylabel="probability")
axes.set_xticks(places)
axes.set_title("From what follows you can hardly tell which push it was")
axes.legend(loc="upper center")
show(
    figure,
    alt="Probability of each number of steps, two bars each. After both pushes twelve steps are likeliest, "
    f"{share[0, 12]:.2f} after left, {share[1, 12]:.2f} after right. Only at two steps do they differ much: "
    f"{share[0, 2]:.2f} and {share[1, 2]:.2f}.",
)

# %% [markdown]
# REINFORCE pays your push with all that follows it: eleven later pushes, twelve gusts of wind. It has to wait for the end, and then it mostly pays for luck.
# A *critic* who knows what a tilt is worth could tell you after one step.
#
# - **You will** build that critic, write the advantage in three forms, GAE among them, see with exact numbers what it buys and what it costs, keep the policy from collapsing, debug with probes, and train A2C on two CartPoles with your own functions.
# - **You need** lesson 02 (policy gradient, reward-to-go).
# - *Predict* boxes ask for an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | reward after $a_t$ | $r_{t+1}$ in [000], [004]; $r_t$ in "a slew of returns" | $r_{t+1}$, stored as `reward[t]` |
# | end of an episode | one `done` in [000] | `terminated` (the world ended) and `truncated` (the clock ran out) |
# | $V(s_{t+1})$ | $V(s_{t+1})$, $V'$ | `next_value[t]`: of the state that step t really led to |
# | $q_i$ | $q_i$ in [000] | `value_target[i]` |
# | discount of late steps | $\gamma^i$ in the A2C update of [000] | left out, as everybody does (lesson 04 says what that costs) |
# | stop-gradient | ⊥ in [004] | `detach()` |
#
# [000] Preechakul, [004] van Krieken.
# </details>
#
# ## 1 · The critic: how much better than expected?
#
# Write $G_t$ for the discounted reward from step t on, and
#
# $$V^\pi(s)=\mathbb E[G_t\mid s_t=s],\qquad Q^\pi(s,a)=\mathbb E[G_t\mid s_t=s,a_t=a],\qquad A^\pi(s,a)=Q^\pi(s,a)-V^\pi(s).$$
#
# The *advantage* A is what you want to pay: how much better this action is than what the policy does here on average. For the small pole, V solves five linear equations.


# %% nbgrader={"grade": false, "grade_id": "exact", "locked": true, "schema_version": 3, "solution": false}
def exact_critic(push):
    """V of the five tilts by a linear solve, for a policy that pushes right with `push` (5,)."""
    right = tips_right(push)
    P = torch.diag(right[:-1], 1) + torch.diag(1 - right[1:], -1)  # a fall leads nowhere
    return torch.linalg.solve(torch.eye(5, dtype=torch.float64) - GAMMA * P, torch.ones(5).double())


def look_up(critic, tilt):
    """The critic's opinion of each tilt; of a fallen pole it says what it says of ±2."""
    return critic[tilt.clamp(-2, 2) + 2]


exact = exact_critic(pushes_right(torch.arange(-2, 3)))
exact

# %% [markdown]
# Now take one step, see r and s', and ask the critic again. The *TD error* is the difference between its two opinions:
#
# $$\delta_t=\underbrace{r_{t+1}+\gamma V(s_{t+1})}_{\text{opinion after the step}}-\underbrace{V(s_t)}_{\text{before}}$$
#
# If V is $V^\pi$, its mean over what the world may do is the advantage:
#
# $$\mathbb E[\delta_t\mid s,a]=\mathbb E[r_{t+1}+\gamma V^\pi(s_{t+1})\mid s,a]-V^\pi(s)=Q^\pi(s,a)-V^\pi(s)=A^\pi(s,a).$$
#
# After a terminated step there is no future, whatever the critic says of a fallen pole: $\delta_t=r_{t+1}-V(s_t)$.
#
# ### Exercise 1 · `td_error`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the three terms has to vanish when the episode has terminated? Only that one.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $r+\gamma\,(1-\text{terminated})\,V(s')-V(s)$. `terminated` is boolean: `~terminated`, or `masked_fill`.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `future = next_value.masked_fill(terminated, 0)`
# </details>
# <details><summary>Help by symptom</summary>
#
# *`Subtraction, the - operator, with a bool tensor is not supported`:* write `~terminated`, not `1 - terminated`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "td-error", "locked": false, "schema_version": 3, "solution": true}
def td_error(reward, value, next_value, terminated, gamma):
    """δ = r + γ (1 − terminated) V(s') − V(s). All tensors (T, N), terminated bool -> (T, N)."""
    ### BEGIN SOLUTION
    return reward + gamma * next_value.masked_fill(terminated, 0) - value
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-td-error", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(td_error)
### BEGIN HIDDEN TESTS
check(td_error, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# All 8,192 futures are the columns of one rollout, so your function takes them at once. Is the mean of δ the advantage? Q by hand: left tips the pole to 0 with probability 0.8, to 2 with 0.2.

# %% tags=["raises-exception"]
reward = torch.ones(tilt.shape, dtype=torch.float64)
delta = td_error(reward, look_up(exact, tilt), look_up(exact, next_tilt), terminated, GAMMA)[0]
for a, name in enumerate(["left", "right"]):
    weight = probability * (push == a)
    right = [0.2, 0.8][a]
    advantage = 1 + GAMMA * ((1 - right) * exact[2] + right * exact[4]) - exact[3]
    print(
        f"{name:5}  mean of δ {(weight * delta).sum() / weight.sum():.4f}   A by hand {advantage:.4f}"
    )

# %% [markdown]
# Equal. Now the noise. In the policy gradient the weight multiplies the score; at tilt +1, with one logit for "right", the score is $1[a=\text{right}]-\pi(\text{right})$. Compare three weights: the return G, $G-V$, and δ.
#
# **Predict:** which have the same mean? By what factor does δ reduce the variance of G's gradient: 2, 10, 50?


# %% tags=["raises-exception"]
def moments(weight):
    """Exact mean and standard deviation of weight · score for the first push."""
    gradient = weight * (push - pushes_right(torch.tensor(1)))
    mean = (probability * gradient).sum()
    return mean.item(), (probability * (gradient - mean) ** 2).sum().sqrt().item()


rest = GAMMA**STEPS * look_up(exact, next_tilt[-1]) * ~fallen  # what still stands goes on
G = (1 - GAMMA**length) / (1 - GAMMA) + rest
for name, weight in {"G": G, "G − V": G - exact[3], "δ": delta}.items():
    print(f"{name:6} mean {moments(weight)[0]:.4f}   standard deviation {moments(weight)[1]:.3f}")

# %% [markdown]
# One mean, three noises: $(2.915/0.407)^2\approx51$. As the error of a mean shrinks with $\sqrt{\text{variance}/n}$, one step judged by this critic tells as much as 51 episodes waited for.
#
# ### Think · 1 point
#
# V is exact. You act, and δ = −0.3. What do you know?
#
# - **a.** The action was worse than the policy's average.
# - **b.** Not much from this one step: the mean of δ over the next states is the advantage, and this is one sample.
# - **c.** The critic was too high here and should come down.
# - **d.** The episode has just ended.


# %% nbgrader={"grade": false, "grade_id": "answer-one-negative-error", "locked": false, "schema_version": 3, "solution": true}
def answer_one_negative_error():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-one-negative-error", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_one_negative_error)

# %% [markdown]
# ## 2 · Two learners, one step
#
# Nobody hands you $V^\pi$. But $\mathbb E[\delta\mid s]=0$ exactly where V is right, so the critic can learn from δ as well: after each step it moves its old opinion towards the new one. [004]'s online actor-critic, with ⊥ for "a constant here":
#
# $$L_\text{actor}=-\tfrac1B\sum\bot(\delta)\,\log\pi_\theta(a\mid s),\qquad L_\text{critic}=\tfrac1B\sum\tfrac12\big(\bot(r+\gamma V_\phi(s'))-V_\phi(s)\big)^2$$
#
# The target contains V itself, but is held still: half of the true derivative is left out on purpose (a *semi-gradient*), so that the guess moves towards what happened and not what happened towards the guess.
#
# ### Spot the slip · 1 point
#
# [004]'s "REINFORCE with baseline" prints the critic's update as
# $\;\phi\leftarrow\phi-\alpha_c\sum_t\big(V_\phi(s_t)-\bot(r_{t+1}+\gamma V_\phi(s_t))\big)^2$. What is wrong?
#
# - **a.** The reward: it should be $r_t$.
# - **b.** The ⊥: the target needs its gradient.
# - **c.** The target: it should be $G_t$.
# - **d.** The bootstrap: it should be $V_\phi(s_{t+1})$; and a ∇ is missing in front of the square.


# %% nbgrader={"grade": false, "grade_id": "answer-bootstrapped-target", "locked": false, "schema_version": 3, "solution": true}
def answer_bootstrapped_target():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-bootstrapped-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_bootstrapped_target)

# %% [markdown]
# ### Exercise 2 · `actor_critic_losses`
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# Here `value` and `next_value` come from a network that is being trained, and both carry a gradient. One point is for the values, one for the gradients.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Three things could receive a gradient in two losses. Which should? Only $\log\pi$ in the first, only $V(s)$ in the second.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Compute δ with your `td_error` and detach it; the target is $\delta+V(s)$, detached as well.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `target = error + value.detach()`, where `error = td_error(…).detach()`. The actor's loss is a mean with a minus, the critic's has a ½.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The values are right, the gradient of `value` is wrong:* the actor's loss still reaches the critic. *A gradient flows into `next_value`:* the target was not detached.
# </details>


# %% nbgrader={"grade": false, "grade_id": "actor-critic-losses", "locked": false, "schema_version": 3, "solution": true}
def actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma):
    """(actor_loss, critic_loss), two scalars. All inputs are (B,); means over B, ½ in the square."""
    ### BEGIN SOLUTION
    error = td_error(reward, value, next_value, terminated, gamma).detach()
    target = error + value.detach()
    return -(error * log_prob).mean(), 0.5 * (target - value).square().mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-actor-critic-losses", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(actor_critic_losses)
### BEGIN HIDDEN TESTS
check(actor_critic_losses, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# That is a complete algorithm. On the small pole, with tables for both learners and 32 poles side by side:


# %% nbgrader={"grade": false, "grade_id": "online", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def online_actor_critic(updates=2000, poles=32):
    """One step of every pole, one update of both learners, and on. Returns π(right) and V."""
    generator = torch.Generator().manual_seed(0)
    logits, critic = torch.zeros(5, 2, requires_grad=True), torch.zeros(5, requires_grad=True)
    optimizer = torch.optim.SGD([{"params": [logits], "lr": 0.2}, {"params": [critic], "lr": 0.5}])
    tilt = torch.zeros(poles, dtype=torch.int64)
    for _ in range(updates):
        pi = logits.softmax(-1)[tilt + 2]
        push = torch.multinomial(pi, 1, generator=generator)
        wind = torch.rand(poles, generator=generator) < WIND
        next_tilt = tilt + torch.where((push.squeeze(1) == 1) != wind, 1, -1)
        terminated = next_tilt.abs() > 2
        actor_loss, critic_loss = actor_critic_losses(
            pi.gather(1, push).squeeze(1).log(), torch.ones(poles),
            look_up(critic, tilt), look_up(critic, next_tilt), terminated, GAMMA,
        )  # fmt: skip
        optimizer.zero_grad()
        (actor_loss + critic_loss).backward()
        optimizer.step()
        tilt = torch.where(terminated, 0, next_tilt)
    return logits.softmax(-1)[:, 1].detach(), critic.detach()


learned_push, learned_critic = online_actor_critic()
print("π(right) at −2 … 2:  ", learned_push)
print("the critic it learned:", learned_critic)
print("exact V of its policy:", exact_critic(learned_push.double()))

# %% [markdown]
# It has learned to lean against every fall (upright, both pushes are equally good, so it does not care), and its critic is close to the exact values of its own policy. No episode was ever waited for.
# The critic takes larger steps than the actor, as [000] recommends ($\alpha_2>\alpha_1$): a judge should know the policy that it judges.
#
# ### Think · 1 point
#
# Why is δ detached in the actor's loss?
#
# - **a.** Otherwise $-\delta\log\pi$ would also train the critic, to something that is no prediction.
# - **b.** To save computing time.
# - **c.** Because autograd cannot differentiate δ.
# - **d.** Because the size of δ would make the steps too long.


# %% nbgrader={"grade": false, "grade_id": "answer-why-detach", "locked": false, "schema_version": 3, "solution": true}
def answer_why_detach():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-why-detach", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_why_detach)

# %% [markdown]
# ## 3 · A rollout, and where it ends
#
# One step of one environment is a poor batch: neighbours in time resemble each other. A2C takes T steps of N *parallel environments* [000, 004], and where an episode ends, the environment starts the next one within the same step: *autoreset*.
# [000] draws the flags as `[f f f f f t]`. Here are those of a real rollout: an untrained policy on CartPole, with the time limit lowered to 20 steps so that you see it.

# %%
cartpole = make_vector("CartPole-v1", num_envs=4, seed=6)
cartpole.max_steps = 20
untrained = make_policy(cartpole, generator=torch.Generator().manual_seed(0))
rollout = Collector(cartpole, torch.Generator().manual_seed(6)).collect(untrained, 32)
show_ends(
    rollout.terminated, rollout.truncated, title="Two kinds of ends, and no row waits for another"
)

# %% [markdown]
# At a `t` the pole fell: nothing follows. At a `c` only the clock ran out: the pole stands, and its future is worth $V(s_{t+1})$. [000]'s single `done` cannot tell them apart. And after both, the next column belongs to *another episode*:

# %%
t, n = (int(place) for place in rollout.truncated.nonzero()[0])
print(f"environment {n}, step {t}, cut. Led to  {rollout.next_obs[t, n]}")
print(f"environment {n}, step {t + 1} begins at       {rollout.obs[t + 1, n]}")

# %% [markdown]
# So V(s') is `critic(next_obs)[t]`, never `critic(obs)[t + 1]`. Vector environments elsewhere have a trap here. Below is gymnasium's own autoreset on a two-step problem: the observation is 0, then 1, and the second step pays 1.
#
# **Predict:** what does the third row say?

# %%
env = gymnasium.make_vec("Probe3-v0", num_envs=1)
obs, _ = env.reset(seed=0)
for t in range(4):
    next_obs, reward_t, terminated_t, _, _ = env.step(env.action_space.sample() * 0)
    step = f"obs {obs.item():.0f} → {next_obs.item():.0f}   reward {reward_t.item():.0f}"
    print(f"t = {t}: {step}   terminated {terminated_t.item()}")
    obs = next_obs

# %% [markdown]
# At t = 2 the action was *ignored*, the reward is an invented 0, and the step "leads" from the last observation of one episode to the first of the next. That is gymnasium's default (`NEXT_STEP`): one row in every episode that never happened. Leave those rows out of every loss,
# or ask for `AutoresetMode.SAME_STEP` and take the last observation from `info["final_obs"]`. The course's environments reset within the step and give you both: `obs` and `next_obs`.
#
# ## 4 · How many steps before you ask the critic?
#
# One step is quick and believes the critic completely. You can wait for n rewards first [000; Mnih et al. 2016]:
#
# $$G^{(n)}_t=r_{t+1}+\gamma r_{t+2}+\dots+\gamma^{n-1}r_{t+n}+\gamma^nV(s_{t+n})$$
#
# If the episode ends or the rollout stops after $m\lt n$ steps, take those m rewards, and then $\gamma^mV(s_{t+m})$, unless the last step terminated.
#
# ### Spot the slip · 1 point
#
# [000]'s A2C collects $s_0,a_0,r_1,\dots,r_n,s_n$ and computes $q_i=\sum_{j=0}^{n}\gamma^jr_{i+j+1}+\gamma^nV_\phi(s_n)$ for every i. What should it say?
#
# - **a.** $\sum_{j=0}^{n}\gamma^jr_{i+j+1}+\gamma^{n-i}V_\phi(s_n)$
# - **b.** $\sum_{j=0}^{n-i-1}\gamma^jr_{i+j+1}+\gamma^{n}V_\phi(s_n)$
# - **c.** $\sum_{j=0}^{n-i-1}\gamma^jr_{i+j+1}+\gamma^{n-i}V_\phi(s_n)$
# - **d.** $\sum_{j=0}^{n-i-1}\gamma^jr_{i+j+1}+\gamma^{n-i-1}V_\phi(s_n)$


# %% nbgrader={"grade": false, "grade_id": "answer-a2c-target", "locked": false, "schema_version": 3, "solution": true}
def answer_a2c_target():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-a2c-target", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_a2c_target)

# %% [markdown]
# ### Exercise 3 · `n_step_return`
#
# 2 points · 15 minutes · difficulty ●●● hard
#
# <details><summary>Hint 1: what to think of</summary>
#
# Suppose you had the targets for n − 1 steps, of all t. How do you get those for n steps from them?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $G^{(1)}_t=r_{t+1}+\gamma V(s_{t+1})$ and $G^{(n)}_t=r_{t+1}+\gamma\,G^{(n-1)}_{t+1}$, but where step t ends the episode, or is the last of the rollout, it stays $G^{(1)}_t$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# n − 1 times: `longer = reward[:-1] + gamma * target[1:]`, `torch.where(stops[:-1], one_step[:-1], longer)`, and the last row of `one_step` below it.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Wrong near the end of the rollout only:* the bootstrap's exponent, or no bootstrap there. *The sum crosses a cut:* `stops` needs both flags, the bootstrap only `terminated`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "n-step-return", "locked": false, "schema_version": 3, "solution": true}
def n_step_return(reward, next_value, terminated, truncated, gamma, num_steps):
    """Up to num_steps rewards, then V. Tensors (T, N), the two flags bool -> (T, N) targets of V(s_t)."""
    ### BEGIN SOLUTION
    one_step = reward + gamma * next_value.masked_fill(terminated, 0)
    stops = terminated | truncated
    target = one_step
    for _ in range(min(num_steps, len(reward)) - 1):
        longer = reward[:-1] + gamma * target[1:]
        target = torch.cat([torch.where(stops[:-1], one_step[:-1], longer), one_step[-1:]])
    return target
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-n-step-return", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(n_step_return)
### BEGIN HIDDEN TESTS
check(n_step_return, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Which n is best depends on the critic. Take two: the exact one, and a beginner who has learned how long poles stand on average, and nothing about tilts: it says 5.57 everywhere.
#
# **Predict:** what is the mean gradient of the beginner with n = 1?

# %% tags=["raises-exception"]
beginner = exact.mean().expand(5)
never = torch.zeros_like(terminated)


def n_step_advantage(critic, num_steps):
    """Exact moments of the n-step gradient of the first push."""
    target = n_step_return(reward, look_up(critic, next_tilt), terminated, never, GAMMA, num_steps)
    return moments(target[0] - look_up(critic, tilt)[0])


for n in (1, 2, 3, 5, 12):
    (mean, noise), (mean_b, noise_b) = n_step_advantage(exact, n), n_step_advantage(beginner, n)
    print(
        f"n = {n:2}   exact: {mean:z.3f} ± {noise:.3f}    beginner: {mean_b:z.3f} ± {noise_b:.3f}"
    )

# %% [markdown]
# The same to move: bars are means, whiskers the standard deviation of an average over 64 pushes, the dashed line is the truth.


# %% nbgrader={"grade": false, "grade_id": "n-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_moments(axes, results):
    """The mean gradient of both critics, with the noise of an average over 64 pushes."""
    means, noises = [mean for mean, _ in results], [noise / 8 for _, noise in results]
    axes.bar(["exact", "beginner"], means, color=[COLORS["exact"], COLORS["a2c"]], alpha=0.6)
    axes.errorbar(["exact", "beginner"], means, noises, fmt="none", color="black", capsize=5)
    axes.axhline(moments(delta)[0], color="black", linestyle="--", linewidth=1)
    axes.set(ylabel="gradient", ylim=(-0.45, 0.1))


def draw_n(axes, n):
    draw_moments(axes, [n_step_advantage(critic, n) for critic in (exact, beginner)])


# %% tags=["raises-exception"]
slider(
    draw_n, n=[1, 2, 3, 4, 5, 8, 12], static=[{"n": n} for n in (1, 2, 5, 12)],
    title="More steps: the beginner begins to see, and everything gets noisier",
    alt="Four panels, n = 1, 2, 5 and 12. The exact critic's mean is the truth, −0.24, in all. The "
    "beginner's is 0 at n = 1 and close to the truth from n = 2 on. The whiskers of both grow with n.",
)  # fmt: skip

# %% [markdown]
# With n = 1 the beginner's gradient is *zero*: one step from +1 no pole falls, so every δ is the same, whatever you did. Rewards have to come in where the critic is blind. And each of them brings noise. The exact critic has the right mean for every n, and pays noise for nothing.
#
# ## 5 · Generalised advantage estimation: all n at once
#
# Write $\hat A^{(n)}_t=G^{(n)}_t-V(s_t)$. It is a sum of TD errors, because every V but the first and the last is added once and subtracted once. For n = 2:
#
# $$\delta_t+\gamma\delta_{t+1}=r_{t+1}+\underbrace{\gamma V(s_{t+1})}_{\text{cancels}}-V(s_t)+\gamma r_{t+2}+\gamma^2V(s_{t+2})-\underbrace{\gamma V(s_{t+1})}_{\text{cancels}}=\hat A^{(2)}_t,$$
#
# and so on: $\hat A^{(n)}_t=\sum_{k\lt n}\gamma^k\delta_{t+k}$. Instead of one n, take all, with weights that fade: $(1-\lambda)\lambda^{n-1}$, which add up to 1. That is GAE (Schulman et al. 2016, [000]):
#
# $$\hat A_t=\sum_{n\ge1}(1-\lambda)\lambda^{n-1}\hat A^{(n)}_t=\sum_{k\ge0}(\gamma\lambda)^k\delta_{t+k}$$
#
# <details><summary>Why the two sums are equal, step by step</summary>
#
# 1. Insert: $(1-\lambda)\sum_{n\ge1}\lambda^{n-1}\sum_{k\lt n}\gamma^k\delta_{t+k}$.
# 2. Exchange the sums. $\delta_{t+k}$ occurs for every $n\ge k+1$: $\sum_{k\ge0}\gamma^k\delta_{t+k}\,(1-\lambda)\sum_{n\ge k+1}\lambda^{n-1}$.
# 3. The inner sum is geometric: $\lambda^k+\lambda^{k+1}+\dots=\lambda^k/(1-\lambda)$.
# 4. $(1-\lambda)$ cancels, and $(\gamma\lambda)^k\delta_{t+k}$ remains.
# </details>
#
# Take the first term out of the sum, and you have a recursion that runs backwards and stops at ends:
#
# $$\hat A_t=\delta_t+\gamma\lambda\,(1-\text{terminated}_t)(1-\text{truncated}_t)\,\hat A_{t+1}$$
#
# ### Exercise 4 · `generalized_advantage`
#
# 4 points · 20 minutes · difficulty ●●○ medium
#
# <details><summary>Hint 1: what to think of</summary>
#
# Two questions at every step: may δ bootstrap? May the sum go on? The answers differ for a truncated step.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# δ is your `td_error`: it knows `terminated` only. The factor of $\hat A_{t+1}$ is 0 after either end. Start from 0 behind the last row.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `for t in reversed(range(len(reward))): last = delta[t] + carry[t] * last`, with `carry = gamma * gae_lambda * (~(terminated | truncated)).to(reward.dtype)`; collect `last` at the front of a list and `torch.stack` it.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Only steps before a cut are wrong:* one of the two flags is missing in the factor, or one too many in δ. *`a view of a leaf Variable … in-place`:* collect in a list, do not write into a tensor that has a gradient.
# </details>


# %% nbgrader={"grade": false, "grade_id": "generalized-advantage", "locked": false, "schema_version": 3, "solution": true}
def generalized_advantage(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    """Â_t = δ_t + γλ (1 − terminated_t)(1 − truncated_t) Â_{t+1}. Tensors (T, N) -> (T, N)."""
    ### BEGIN SOLUTION
    delta = td_error(reward, value, next_value, terminated, gamma)
    carry = gamma * gae_lambda * (~(terminated | truncated)).to(delta.dtype)
    advantage, last = [], torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        last = delta[t] + carry[t] * last
        advantage.insert(0, last)
    return torch.stack(advantage)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-generalized-advantage", "locked": true, "points": 4, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(generalized_advantage)
### BEGIN HIDDEN TESTS
check(generalized_advantage, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Three statements of the derivation as numbers, for the first future and over all of them, with the beginner as critic: λ = 0 is δ, λ = 1 is $G-V$, and 0.8 is the weighted sum of the n-step advantages. (From n = 12 on they are all the same here, so the last one gets the remaining weight, $\lambda^{11}$.)

# %% tags=["raises-exception"]
value, next_value = look_up(beginner, tilt), look_up(beginner, next_tilt)


def gae(gae_lambda):
    return generalized_advantage(reward, value, next_value, terminated, never, GAMMA, gae_lambda)


def n_step(n):
    return n_step_return(reward, next_value, terminated, never, GAMMA, n) - value


weighted = sum(0.2 * 0.8 ** (n - 1) * n_step(n)[0] for n in range(1, 12)) + 0.8**11 * n_step(12)[0]
one_step = td_error(reward, value, next_value, terminated, GAMMA)[0]
for name, gae_lambda, other in [
    ("δ", 0, one_step),
    ("G − V", 1, n_step(12)[0]),
    ("sum", 0.8, weighted),
]:
    left, worst = gae(gae_lambda)[0], (gae(gae_lambda)[0] - other).abs().max()
    print(
        f"λ = {gae_lambda:3}: {left[0]:7.4f}   {name:5}: {other[0]:7.4f}   largest difference {worst:.0e}"
    )

# %% [markdown]
# **Predict:** for the exact critic, which λ is best? And for the beginner? Move λ.


# %% nbgrader={"grade": false, "grade_id": "lambda-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def with_lambda(critic, gae_lambda):
    """Exact moments of the gradient of the first push, weighed by GAE."""
    opinions = look_up(critic, tilt), look_up(critic, next_tilt)
    return moments(
        generalized_advantage(reward, *opinions, terminated, never, GAMMA, gae_lambda)[0]
    )


def draw_lambda(axes, gae_lambda):
    draw_moments(axes, [with_lambda(critic, gae_lambda) for critic in (exact, beginner)])


# %% tags=["raises-exception"]
slider(
    draw_lambda, gae_lambda=[0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1],
    static=[{"gae_lambda": one} for one in (0, 0.5, 0.8, 1)], labels={"gae_lambda": "λ"},
    title="The beginner needs λ to see anything; the exact critic only gets noisier",
    alt="Four panels, λ = 0, 0.5, 0.8 and 1. The exact critic's mean is the truth, −0.24, in all; its "
    "whiskers grow. The beginner's mean goes from 0 to −0.24, and its whiskers grow as well.",
)  # fmt: skip

# %% [markdown]
# *Bias* is the distance of the mean from the truth. Together with the noise it makes the error that you pay:

# %% nbgrader={"grade": false, "grade_id": "trade-off", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
lambdas = torch.linspace(0, 1, 21).tolist()
truth = moments(delta)[0]
swept = torch.tensor([with_lambda(beginner, one) for one in lambdas])
counted = torch.tensor([n_step_advantage(beginner, n) for n in range(1, STEPS + 1)])
figure, both = new_figure(1, 2, size=(7, 3), sharey=True)
for axes, places, result in zip(
    both, [lambdas, range(1, STEPS + 1)], [swept, counted], strict=True
):
    bias, noise = (result[:, 0] - truth).abs(), result[:, 1] / 8
    axes.plot(places, bias, color=COLORS["wrong"], linestyle="--", label="bias")
    axes.plot(places, noise, color=COLORS["ddpg"], linestyle=":", label="noise of 64 pushes")
    axes.plot(
        places, (bias**2 + noise**2).sqrt(), color=COLORS["a2c"], label="root mean square error"
    )
both[0].set(xlabel="λ", ylabel="error of the gradient", ylim=(0, None))
both[1].set(xlabel="n")
both[0].legend()
best = lambdas[((swept[:, 0] - truth) ** 2 + swept[:, 1] ** 2 / 64).argmin()]
title = f"With a beginner as critic the error is least in between, at λ = {best:.2f}"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(
    figure,
    alt="Two panels for the beginner critic, against λ from 0 to 1 and against n from 1 to 12. The bias "
    "falls from 0.24 to almost 0, the noise rises from 0.03 to 0.15, and the total error is least at "
    f"λ = {best:.2f}, and at n = 2.",
)

# %% [markdown]
# n can only jump; λ moves smoothly from one end to the other, and the best place is in between. In practice λ lies between 0.9 and 0.99.
#
# ### Think · 1 point
#
# Your critic has random weights at first and will become good. Which λ?
#
# - **a.** 0 all along: it has the least variance.
# - **b.** Any: the sum telescopes, so all λ have the same mean.
# - **c.** Near 1 at first; a smaller one could do once the critic is good.
# - **d.** Leave λ alone and make γ smaller.


# %% nbgrader={"grade": false, "grade_id": "answer-which-lambda", "locked": false, "schema_version": 3, "solution": true}
def answer_which_lambda():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-which-lambda", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_which_lambda)

# %% [markdown]
# ### What a wrong end costs
#
# Reward 1 for ever, γ = 0.98, and a clock that cuts after 8 steps. There is one state, so one value to learn, with your GAE at λ = 0.95.
#
# **Predict:** what should it be? What does it become if the cut is stored as a termination?


# %% tags=["raises-exception"]
def learned_value(terminated, truncated):
    """Where a one-state critic comes to rest if it always moves to the mean of its targets."""
    value = torch.zeros(8, 1, dtype=torch.float64)
    for _ in range(1500):
        rollout = torch.ones_like(value), value, value, terminated, truncated
        value = value + generalized_advantage(*rollout, gamma=0.98, gae_lambda=0.95).mean()
    return value[0, 0].item()


last_step = torch.arange(8).unsqueeze(1) == 7
nowhere = torch.zeros_like(last_step)
print("cut, then bootstrap:     ", learned_value(terminated=nowhere, truncated=last_step))
print("a cut as a termination:  ", learned_value(terminated=last_step, truncated=nowhere))

# %% [markdown]
# $1+0.98+0.98^2+\dots=1/0.02=50$. One flag wrong, and the critic believes in 4.5.
#
# ## 6 · Policy collapse, and what to pay against it
#
# [000] warns: a policy often becomes deterministic too early, and then it explores no more. The remedy is a bonus for being unsure. How unsure a policy is, its *entropy* measures:
#
# $$H(\pi)=\mathbb E[-\log\pi(a)]=-\sum_k\pi_k\log\pi_k$$
#
# 0 for a sure policy, $\log K$ for a uniform one over K actions (with the natural logarithm the unit is called *nat*). For a Gaussian, $-\log\pi(a)=\tfrac12z^2+\log\sigma+\tfrac12\log2\pi$ with $z=(a-\mu)/\sigma$ and $\mathbb E[z^2]=1$, so each dimension has $H=\log\sigma+\tfrac12\log2\pi e$.
#
# ### Exercise 5 · `categorical_entropy`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# Logits may be ±1,000; the result has to stay finite.
#
# <details><summary>Hint 1: what to think of</summary>
#
# You need $\pi$ and $\log\pi$. Which one is safe to compute first?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\pi=\exp(\log\pi)$ is always finite; $\log(\pi)$ is not.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `log_prob = logits.log_softmax(-1)`, then the sum over the last axis.
# </details>


# %% nbgrader={"grade": false, "grade_id": "categorical-entropy", "locked": false, "schema_version": 3, "solution": true}
def categorical_entropy(logits):
    """H = −Σ_k π_k log π_k of softmax(logits). (B, K) -> (B,), in nats, with a gradient."""
    ### BEGIN SOLUTION
    log_prob = logits.log_softmax(-1)
    return -(log_prob.exp() * log_prob).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-categorical-entropy", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(categorical_entropy)
### BEGIN HIDDEN TESTS
check(categorical_entropy, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 · `gaussian_entropy`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Independent dimensions add their entropies. What does the mean have to do with it?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\sum_d\big(\log\sigma_d+\tfrac12\log2\pi e\big)$. You are given $\log\sigma$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `0.5 * math.log(2 * math.pi * math.e)`, *inside* the sum over the last axis.
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-entropy", "locked": false, "schema_version": 3, "solution": true}
def gaussian_entropy(log_std):
    """H = Σ_d (log σ_d + ½ log 2πe). (B, D) -> (B,), or (D,) -> (), with a gradient."""
    ### BEGIN SOLUTION
    constant = 0.5 * math.log(2 * math.pi * math.e)
    return (log_std + constant).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-entropy", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_entropy)
### BEGIN HIDDEN TESTS
check(gaussian_entropy, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# A policy of eight equal actions, a Gaussian with σ = 1, and one with σ = 0.1. **Predict** the sign of the third.

# %% tags=["raises-exception"]
print(
    "8 equal actions:", categorical_entropy(torch.zeros(1, 8)), "  log 8:", torch.tensor(8.0).log()
)
print(
    "σ = 1:",
    gaussian_entropy(torch.zeros(1)),
    "  σ = 0.1:",
    gaussian_entropy(torch.tensor([0.1]).log()),
)

# %% [markdown]
# Negative: a density may exceed 1, so a Gaussian's entropy has no floor.
#
# ### Think · 1 point
#
# A tutorial saves the sum over actions and uses $-\log\pi(a)$ of the *sampled* action as the entropy bonus. What does that do?
#
# - **a.** Nothing, on average: the mean of its gradient is zero.
# - **b.** The same as the entropy, with more noise: its mean is the entropy.
# - **c.** It makes the policy collapse faster.
# - **d.** It becomes infinite for rare actions.


# %% nbgrader={"grade": false, "grade_id": "answer-entropy-of-the-sample", "locked": false, "schema_version": 3, "solution": true}
def answer_entropy_of_the_sample():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-entropy-of-the-sample", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_entropy_of_the_sample)

# %% [markdown]
# ## 7 · A2C in one line
#
# Policy, critic and entropy share one optimiser step, means over all $M=TN$ elements of the rollout:
#
# $$L=-\tfrac1M\sum\bot(\hat A)\log\pi\;+\;c_v\,\tfrac1M\sum\tfrac12\big(\bot(\hat V)-V\big)^2\;-\;c_e\,\tfrac1M\sum H,\qquad\hat V=\hat A+V$$
#
# ### Exercise 7 · `a2c_loss`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# Two of the points are for gradients: `log_prob`, `value` and `entropy` get one, `advantage` and `value_target` must not.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Three terms, three signs. Which should grow, and what does an optimiser do?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The one above. `detach()` the two constants in the first line, and you can forget about them.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `policy_loss = -(advantage * log_prob).mean()`, `value_loss = 0.5 * (value_target - value).square().mean()`, and `entropy.mean()`, which works for a scalar, too.
# </details>
# <details><summary>Help by symptom</summary>
#
# *A gradient flows into `advantage`:* right value, wrong training; detach. *Everything has the wrong sign:* that was the objective.
# </details>


# %% nbgrader={"grade": false, "grade_id": "a2c-loss", "locked": false, "schema_version": 3, "solution": true}
def a2c_loss(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef):
    """A scalar to minimise. Tensors (T, N) or (B,); entropy may be a scalar; coefficients floats."""
    ### BEGIN SOLUTION
    advantage, value_target = advantage.detach(), value_target.detach()
    policy_loss = -(advantage * log_prob).mean()
    value_loss = 0.5 * (value_target - value).square().mean()
    return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-a2c-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(a2c_loss)
### BEGIN HIDDEN TESTS
check(a2c_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Does entropy help? A vault: you may take 0.7 at the door, or go in and try one of eight keys; one key opens and pays 1, the others 0. Two hundred agents learn it at once, with *your* loss and *your* entropy.
# At first, going in pays 1/8 on average.
#
# **Predict:** what do they learn without a bonus?


# %% nbgrader={"grade": false, "grade_id": "vault", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def vault(entropy_coef, agents=200, updates=600):
    """Entropy of each update, and each agent's expected reward at the end."""
    generator = torch.Generator().manual_seed(0)
    door, key, guess = torch.zeros(agents, 2), torch.zeros(agents, 8), torch.zeros(agents)
    optimizer = torch.optim.SGD([one.requires_grad_() for one in (door, key, guess)], lr=agents)
    history = []
    for _ in range(updates):
        enter = torch.multinomial(door.softmax(-1), 4, replacement=True, generator=generator)
        tried = torch.multinomial(key.softmax(-1), 4, replacement=True, generator=generator)
        reward = torch.where(enter == 1, (tried == 0).float(), 0.7)  # (agents, 4 tries)
        log_prob = door.log_softmax(-1).gather(1, enter)
        log_prob = log_prob + enter * key.log_softmax(-1).gather(1, tried)
        entropy = categorical_entropy(door) + door.softmax(-1)[:, 1] * categorical_entropy(key)
        value = guess.unsqueeze(1).expand(agents, 4)
        loss = a2c_loss(log_prob, reward - value, value, reward, entropy.mean(), 0.5, entropy_coef)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(entropy.mean().item())
    enters, opens = door.softmax(-1)[:, 1], key.softmax(-1)[:, 0]
    return history, (0.7 * (1 - enters) + enters * opens).detach()


vaults = {coef: vault(coef) for coef in (0.0, 0.05, 0.1)}

# %% nbgrader={"grade": false, "grade_id": "vault-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, (left, right) = new_figure(1, 2, size=(7, 3))
opened = [(reward > 0.85).double().mean().item() for _, reward in vaults.values()]
for color, style, (coef, (history, _)) in zip(
    shades(3), ["-", "--", ":"], vaults.items(), strict=True
):
    left.plot(history, color=color, linestyle=style, label=f"bonus {coef:g}")
left.set(xlabel="update", ylabel="mean entropy (nats)", ylim=(0, None))
left.legend()
right.bar([f"{coef:g}" for coef in vaults], opened, color=shades(3))
right.set(xlabel="entropy bonus", ylabel="share with the right key", ylim=(0, 1))
title = f"Without a bonus {1 - opened[0]:.0%} of the agents settle for the door"
figure.suptitle(title, x=0.01, ha="left", weight="bold")
show(
    figure,
    alt="Left: mean entropy over 600 updates falls fastest without a bonus. Right: the share of agents "
    f"that found the key: {opened[0]:.2f}, {opened[1]:.2f} and {opened[2]:.2f} for bonuses 0, 0.05 and 0.1.",
)

# %% [markdown]
# The door looked better as long as nobody knew the keys, so the policy went for the door and stopped looking: collapse. The bonus keeps the looking alive long enough. It has a price: an agent that is paid for variety never becomes quite sure.
#
# ### Exercise 8 · `normalize_advantage`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# Rewards ten times larger make the policy's step ten times longer. Most A2C codes therefore rescale $\hat A$ over the batch: $(\hat A-\text{mean})/(\text{std}+\varepsilon)$, after the critic's targets $\hat V=\hat A+V$ were made.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which standard deviation does torch compute by default, with n or with n − 1?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Population: $\text{std}=\sqrt{\text{mean}\big((\hat A-\text{mean})^2\big)}$. ε is added to it, outside the root.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `advantage.std(correction=0)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "normalize-advantage", "locked": false, "schema_version": 3, "solution": true}
def normalize_advantage(advantage, eps=1e-8):
    """Mean 0 and population standard deviation 1 over all elements. Any shape -> the same shape."""
    ### BEGIN SOLUTION
    return (advantage - advantage.mean()) / (advantage.std(correction=0) + eps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-normalize-advantage", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(normalize_advantage)
### BEGIN HIDDEN TESTS
check(normalize_advantage, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 8 · Probes: problems so small that the answer is known
#
# An agent that does not learn says nothing about why. So do not start with CartPole. Start with problems in which one thing can be wrong, in this order (Jones 2021):
#
# | probe | the world | right answer | if it fails while those before it pass |
# | --- | --- | --- | --- |
# | 1 | one step, reward 1 | V = 1 | the critic's loss or its optimiser |
# | 2 | one step, reward = observation ±1 | V(s) = s | the critic does not see its input |
# | 3 | two steps, reward 1 at the end | V = γ, 1 | discount, bootstrap, ends, or which error belongs to which step |
# | 4 | one step, action 1 pays 1, action 0 pays −1 | π(1) → 1 | the policy's loss, the advantage's sign, pairing of actions and advantages |
# | 5 | as 4, but the right action depends on the observation | π → right | the policy does not see its input; rows mixed up |
# | 6 | reward 1 for ever, cut after 8 steps | V = 1/(1−γ) | the ends |

# %% nbgrader={"grade": false, "grade_id": "probes", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
SEEN = {1: [0.0], 2: [-1.0, 1.0], 3: [0.0, 1.0], 4: [0.0], 5: [-1.0, 1.0], 6: [0.0]}
SETTINGS = A2CConfig(
    num_envs=16, num_steps=8, hidden=(16,), learning_rate=0.01, critic_learning_rate=0.01,
    gamma=0.7, reward_scale=1.0, max_grad_norm=5.0, value_coef=1.0, normalize=False,
)  # fmt: skip


def run_probes(**functions):
    """120 updates on each probe: what the critic says, what it should say, π(best action)."""
    for number, seen in SEEN.items():
        name, obs = f"Probe{number}-v0", torch.tensor(seen).unsqueeze(1)
        *_, progress = islice(a2c(name, SETTINGS, seed=0, **functions), 120)
        with torch.no_grad():
            value, pi = progress.critic(obs), progress.policy.logits(obs).softmax(-1)
        best = torch.from_numpy(PROBES[name].exact_action(obs.numpy()))
        wanted = torch.from_numpy(PROBES[name].exact_value(obs.numpy(), SETTINGS.gamma))
        sure = pi.gather(1, best.unsqueeze(1)).squeeze(1)
        passed = (value - wanted).abs().max() < 0.1 and sure.min() > 0.9
        rows = [[round(x, 2) for x in one.tolist()] for one in (value, wanted, sure)]
        print(
            f"{'✓' if passed else '✗'} probe {number}:  V {rows[0]}   exact {rows[1]}   π {rows[2]}"
        )


# %% tags=["experiment", "raises-exception"]
run_probes(advantage=generalized_advantage, loss=a2c_loss, entropy=categorical_entropy)

# %% [markdown]
# ### Silent bug · Exercise 9
#
# 2 points · 15 minutes · difficulty ●●○ medium
#
# A friend thinks one environment at a time. Her function takes the estimator to be used, here *your* GAE, and returns (T, N). It raises nothing, and its numbers even have the right mean, spread and histogram:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_advantage(estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    """Meant: `estimate` (GAE), one environment after the other. (T, N) -> (T, N). It runs."""
    num_steps, num_envs = reward.shape
    columns = []
    for n in range(num_envs):
        inputs = [one[:, n : n + 1] for one in (reward, value, next_value, terminated, truncated)]
        columns.append(estimate(*inputs, gamma, gae_lambda))
    return torch.cat(columns).reshape(num_steps, num_envs)


# %% tags=["experiment", "raises-exception"]
bugged_gae = partial(bugged_advantage, generalized_advantage)
run_probes(advantage=bugged_gae, loss=a2c_loss, entropy=categorical_entropy)

# %% [markdown]
# Probes 1, 2 and 6 pass: in 1 and 6 all rows are alike, and in 2 strangers' errors are only noise, which ends when V is right and δ = 0 in *every* row. In 3 both states are taught the mean of both errors: one equation for two values.
# In 4 and 5 an action is paid for what another one did. So it matters which row gets which number. Find the line, and repair it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Take a (3, 2) rollout whose advantages are `[[1, 4], [2, 5], [3, 6]]` and do the last line by hand.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `torch.cat` joins along axis 0: N columns of (T, 1) become (T·N, 1), environment after environment. `reshape` reads row by row, time after time.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Join along the axis of the environments. If you then still need `reshape`, something is wrong: `reshape` makes errors go away, not bugs.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-advantage", "locked": false, "schema_version": 3, "solution": true}
def repaired_advantage(
    estimate, reward, value, next_value, terminated, truncated, gamma, gae_lambda
):
    """`estimate` (such as GAE), one environment after the other. (T, N) -> (T, N)."""
    ### BEGIN SOLUTION
    columns = []
    for n in range(reward.shape[1]):
        inputs = [one[:, n : n + 1] for one in (reward, value, next_value, terminated, truncated)]
        columns.append(estimate(*inputs, gamma, gae_lambda))
    return torch.cat(columns, dim=1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-advantage", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_advantage)
### BEGIN HIDDEN TESTS
check(repaired_advantage, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# What it costs on CartPole, three seeds each:


# %% tags=["experiment", "raises-exception"]
def three_seeds(advantage, label):
    """Three runs of 30,000 steps, judged by their own training episodes."""
    run = RUNS["a2c-cartpole"]
    functions = {"advantage": advantage, "loss": a2c_loss, "normalize": normalize_advantage}
    started = [run.start(seed, **functions) for seed in range(3)]
    return [train(one, max_steps=30_000, label=label, quiet=True) for one in started]


repaired_gae = partial(repaired_advantage, generalized_advantage)
repaired = three_seeds(repaired_gae, "a2c, repaired")
bugged = three_seeds(bugged_gae, "wrong: rows mixed up")

# %% nbgrader={"grade": false, "grade_id": "bug-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure = learning_curve(
    {"a2c, repaired": repaired, "wrong: rows mixed up": bugged},
    colors={"wrong: rows mixed up": COLORS["wrong"]},
    title="The same numbers in the wrong rows teach next to nothing",
)
show(figure, alt="Three seeds each. " + describe_curves(repaired) + " " + describe_curves(bugged))

# %% [markdown]
# ## 9 · Your A2C balances a pole
#
# Sixteen CartPoles, sixteen steps, your advantage, your normalisation, your loss and your entropy, one update, and on. The grey band is where 80 % of the reference runs lie.

# %% tags=["experiment", "raises-exception"]
yours = {"advantage": generalized_advantage, "loss": a2c_loss, "normalize": normalize_advantage}
cartpole_run = RUNS["a2c-cartpole"].start(seed=0, **yours, entropy=categorical_entropy)
cartpole_history = train(cartpole_run, run="a2c-cartpole", label="a2c")

# %% tags=["experiment", "raises-exception"]
show_agent(cartpole_history.policy, "CartPole-v1")

# %% [markdown]
# And the first assignment of [000]: A2C on *continuous* CartPole, where the push has any strength in [−1, 1]. Only the policy changes: it is Gaussian, and the entropy is your other one.

# %% tags=["experiment", "raises-exception"]
continuous_run = RUNS["a2c-continuous-cartpole"].start(seed=0, **yours, entropy=gaussian_entropy)
continuous_history = train(continuous_run, run="a2c-continuous-cartpole", label="a2c, Gaussian")

# %% tags=["experiment", "raises-exception"]
show_agent(continuous_history.policy, "ContinuousCartPole-v0")

# %% [markdown]
# What did the critic buy? Twenty reference seeds each of lesson 02's REINFORCE and of this lesson's A2C on the same CartPole, each with settings that suit it, and the steps at which the median first reaches 475:

# %%
bands, solved = {}, {}
for name in ("reinforce", "a2c"):
    env_steps, returns = reference_band(f"{name}-cartpole")
    median = torch.from_numpy(returns).quantile(0.5, dim=0)
    solved[name] = int(env_steps[(median >= 475).int().argmax()])
    bands[name] = Band(env_steps[env_steps <= 60_000], returns[:, env_steps <= 60_000])
solved

# %%
title = "A2C starts later, while its critic learns, and arrives sooner"
figure = learning_curve(bands, threshold=475, title=title)
show(
    figure,
    alt="Twenty seeds each, medians thick. REINFORCE rises at once and its median reaches 475 after "
    f"{solved['reinforce']:,} steps. A2C stays flat at first and reaches 475 after {solved['a2c']:,}. "
    "A few A2C seeds fall back to about 200 later.",
)

# %% [markdown]
# While the critic knows nothing, it is no help: at first REINFORCE is ahead. Then A2C overtakes, and its median arrives first. You see something else, too: some A2C runs *fall back* after they were solved.
# The advantage says in which direction to go, and nothing about how far; that is for lessons 08 and 09.

# %% [markdown]
# ## 10 · What we left out
#
# - **The discount $\gamma^t$.** The theorem discounts late states; [000]'s update keeps $\gamma^i$, ours drops it. What that optimises: lesson 04.
# - **Stability.** Semi-gradients of nonlinear critics may diverge, [000] warns; with n > 5 or GAE they rarely do. Target networks: lesson 07.
# - **Data.** Every rollout is used once and thrown away. Reuse: lessons 06 and 09. **The size of a step:** lessons 08 and 09.
# - **Why b(s) is free**, and which baseline is best: lesson 03.
#
# ## Summary
#
# | | formula | trusts the critic | noise |
# | --- | --- | --- | --- |
# | TD error | $\delta_t=r_{t+1}+\gamma V(s_{t+1})-V(s_t)$ | fully | least |
# | n steps | $\hat A^{(n)}_t=\sum_{k\lt n}\gamma^k\delta_{t+k}$ | after n rewards | grows with n |
# | GAE | $\hat A_t=\sum_k(\gamma\lambda)^k\delta_{t+k}$ | λ says how much | grows with λ |
# | return | $G_t-V(s_t)$, λ = 1 | as a baseline only | most |
#
# - If V is exact, $\mathbb E[\delta\mid s,a]=A(s,a)$.
# - Terminated: no bootstrap. Truncated: bootstrap, and no sum across. After either end, the next row is another episode.
# - The critic's target: $\hat V=\hat A+V$. The loss: $L=-\text{mean}\big(\bot(\hat A)\log\pi\big)+c_v\,\text{mean}\,\tfrac12\big(\bot(\hat V)-V\big)^2-c_e\,\text{mean}\,H$.
# - Entropy: $H=-\sum_k\pi_k\log\pi_k$; of a Gaussian $H=\sum_d(\log\sigma_d+\tfrac12\log2\pi e)$.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 15 minutes
#
# A robot on a treadmill earns 1 a step; nothing ever breaks. Episodes are cut after 100 steps, γ = 0.99, and the observation does not show the clock. A colleague stores one flag, `done = terminated or truncated`, and uses it for both factors in GAE. In at most ten sentences:
#
# 1. What is the true V, and what does her critic come to believe with λ = 0? Give both numbers, and say in words what she has told it about the world.
# 2. "Then I shall put the clock into the observation", she says. What does her critic learn now? For which task would that be the right thing to do, and for which not?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-treadmill", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. True: 1/(1 − γ) = 100. Hers: with λ = 0 one step in a hundred has no bootstrap, so V = 1 + 0.99 · 0.99 · V, V = 1/(1 − 0.9801) ≈ 50. (λ = 1 would give about 37; accept it if λ = 1 is said.) In words: the world may end at any step with probability 1/100. Half a point for 100 and the right words without the second number.
# 2. It can now learn the truth about the task she has described: V falls from (1 − 0.99^100)/(1 − 0.99) ≈ 63 at the start to 1 at the last step. Right if the limit belongs to the task (a game of 100 moves, an exam of an hour): then time is part of the state and the end is a termination.
#    Wrong if the limit is a convenience of training: the robot shall run for ever, and would learn that nothing matters towards step 100; there the remedy is to bootstrap at the cut.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Mnih et al. (2016), *Asynchronous methods for deep reinforcement learning*: A3C, whose synchronous form is A2C.
# - Schulman, Moritz, Levine, Jordan, Abbeel (2016), *High-dimensional continuous control using generalized advantage estimation*.
# - Pardo, Tavakoli, Levdik, Kormushev (2018), *Time limits in reinforcement learning*.
# - Jones (2021), *Debugging RL, without the agonizing pain*: the probes.
# - Andrychowicz et al. (2021), *What matters in on-policy reinforcement learning?*
# - Sutton and Barto (2018), chapters 6, 7, 12 and 13. · [000]: advantage to A2C pseudocode; [004]: actor-critic.
