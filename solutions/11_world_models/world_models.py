# %% [markdown]
# # Can you learn to swing without swinging?
#
# **Lesson 11 · World models: learning by dreaming** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math

import torch

from course_lib import check, check_answer
from course_lib.dreaming import compare_with_dream
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
# Lesson 10's SAC needs about 3,000 steps of a real pendulum. That is two and a half minutes of swinging, and a robot may break in less. Somebody who has swung a pendulum a few times does something else: she closes her eyes and *imagines* what would happen if she pushed here, and there. Imagined swings cost nothing and break nothing.
#
# Below: SAC, and the agent of this lesson, which practises in a model of the world that it has learned on the way. Ten reference seeds each; the axis counts *real* steps.

# %% nbgrader={"grade": false, "grade_id": "hook", "locked": true, "schema_version": 3, "solution": false}
bands, solved = {}, {}
for name, label in (("sac-pendulum", "sac"), ("world-model-pendulum", "reference: world model")):
    env_steps, returns = reference_band(name)
    median = torch.from_numpy(returns).quantile(0.5, dim=0)
    solved[label] = int(env_steps[(median >= -200).int().argmax()])
    bands[label] = Band(env_steps[env_steps <= 4_000], returns[:, env_steps <= 4_000])
figure = learning_curve(
    bands, threshold=-200, title="Dreams replace three quarters of the real steps"
)
show(
    figure,
    alt="Returns of ten seeds each against real steps. The median of SAC reaches −200 after "
    f"{solved['sac']:,} steps, that of the world model after {solved['reference: world model']:,}.",
)
solved

# %% [markdown]
# - **You will** fit a probabilistic model, hold a latent state together with a divergence, dream with gradients, sum the returns of dreams, climb them, repair a learner that detaches too early, and see where dreams part from the world.
# - **You need** reparameterisation and the Gumbel trick (lesson 01), GAE (05), the DPG idea (07), entropy (10).
#
# <details><summary>How the lecture writes it, and how we do</summary>
#
# | | [004] | here |
# | --- | --- | --- |
# | state encoder | $q_\psi(z\mid s)$ | `encode(obs)` → mean and log σ |
# | transition model | $p_\psi(z'\mid z,a)$ | `transition(z, a)` → mean and log σ |
# | reward model | $p_\psi(r\mid z)$ | `reward_model(z')`: paid for the state a step *led to* |
# | policy | $\pi_\theta(a\mid z)$ | the same |
# | dreaming | "latent imagination" | `imagine(…)`, horizon H |
#
# [004] van Krieken, after Hafner et al. (2020).
# </details>
#
# ## 1 · A model that knows what it does not know
#
# A model of the world predicts. A single number as a prediction cannot say "roughly". So let it say a mean *and* a spread, a Gaussian for each number, and judge it by the probability that it gave to what happened:
#
# $$L=-\text{mean}_i\sum_d\log N(x_{id};\mu_{id},\sigma_{id}^2)=\text{mean}_i\sum_d\Big[\frac{(x-\mu)^2}{2\sigma^2}+\log\sigma+\tfrac12\log2\pi\Big]$$
#
# The first term wants a large σ where the error is large, the second a small one.
#
# **Predict:** the error is 0.3 in every example. For which σ is the loss smallest?
#
# ### Exercise 1 · `gaussian_nll`
#
# 2 points · 6 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Lesson 01's `gaussian_log_prob`, with a minus and a mean. Which axis is summed, which averaged?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# As above; dimensions are summed, rows averaged, the constant counts.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `noise = (target - mean) * torch.exp(-log_std)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "gaussian-nll", "locked": false, "schema_version": 3, "solution": true}
def gaussian_nll(mean, log_std, target):
    """−log N(target; mean, σ²): summed over D, mean over B. (B, D), (B, D) or (D,), (B, D) -> scalar."""
    ### BEGIN SOLUTION
    noise = (target - mean) * torch.exp(-log_std)
    each = 0.5 * noise**2 + log_std + 0.5 * math.log(2 * math.pi)
    return each.sum(-1).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-gaussian-nll", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(gaussian_nll)
### BEGIN HIDDEN TESTS
check(gaussian_nll, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The derivative by log σ is $1-(x-\mu)^2/\sigma^2$: zero where σ is the error's own size. So the spread that a model learns is what it gets wrong, whatever the reason. Here 500 steps of a noisy world, x' = sin(3x) + noise whose size grows with x, and a small network that says both:

# %% tags=["raises-exception"]
generator = torch.Generator().manual_seed(0)
x = torch.rand(500, 1, generator=generator) * 2 - 1
size = 0.05 + 0.25 * (x + 1) / 2
y = torch.sin(3 * x) + size * torch.randn(500, 1, generator=generator)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
optimizer = torch.optim.Adam(net.parameters(), 0.01)
for _ in range(1_500):
    loss = gaussian_nll(*net(x).split(1, dim=1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(
    f"the network's loss {loss.item():.3f}   "
    f"the truth's {gaussian_nll(torch.sin(3 * x), size.log(), y).item():.3f}"
)

# %% [markdown]
# (The network's is a little lower: it has fitted some of the noise of these 500 points as well.)

# %% nbgrader={"grade": false, "grade_id": "spread-figure", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
grid = torch.linspace(-1, 1, 200).unsqueeze(1)
with torch.no_grad():
    mean, spread = net(grid)[:, 0], net(grid)[:, 1].exp()
axes.plot(x, y, ".", color=COLORS["reference"], markersize=3, alpha=0.6)
axes.fill_between(
    grid[:, 0],
    mean - 2 * spread,
    mean + 2 * spread,
    color=COLORS["a2c"],
    alpha=0.2,
    label="predicted ± 2 σ",
)
axes.plot(grid, mean, color=COLORS["a2c"], label="predicted mean")
axes.plot(
    grid,
    torch.sin(3 * grid),
    "--",
    color=COLORS["exact"],
    linewidth=1,
    label="the world, without noise",
)
axes.set(xlabel="x", ylabel="x'")
axes.set_title("It has learned where it cannot know")
axes.legend(loc="upper left")
show(
    figure,
    alt="500 noisy points around a sine. The predicted mean follows the sine; the band of two standard deviations is narrow on the left, where the noise is small, and "
    f"wide on the right: σ grows from {spread[0]:.2f} to {spread[-1]:.2f}.",
)

# %% [markdown]
# ## 2 · A state of its own
#
# What should be predicted? Not every pixel: the model may choose its own description z of the state, its *latent* state. An *encoder* q(z|s) looks at an observation, a *transition* p(z'|z, a) predicts the next latent state without looking, a decoder p(s|z) and a reward model p(r|z') say what one would see and get.
#
# How good is such a model? By the probability of what was seen. For one step, with z' drawn by the encoder q, whatever that is,
#
# $$\log p(s'\mid z,a)=\log\mathbb E_{q}\Big[\frac{p(s'\mid z')\,p(z'\mid z,a)}{q(z'\mid s')}\Big]\;\ge\;\mathbb E_q[\log p(s'\mid z')]-D_\text{KL}\big(q(z'\mid s')\,\|\,p(z'\mid z,a)\big)$$
#
# because the logarithm of a mean is at least the mean of the logarithms. (The equality is lesson 06's importance sampling; $D_\text{KL}(q\|p)=\mathbb E_q[\log q-\log p]$ is the divergence of lesson 08: zero where the two agree, positive elsewhere.) The right side is what one can compute. It has two halves that pull against each other: describe s' well, and do not say anything in z' that the transition could not have foretold.
#
# Is it really a bound, and when is it tight? One dimension, p(z') = N(0, 1), p(s'|z') = N(z', 0.5²), so that p(s') = N(0, 1.25) is known exactly. Encoders q = N(m, v²) for the observation s' = 1; the best one is the posterior, N(0.8, 0.447²):


# %% tags=["raises-exception"]
def normal_kl(mean, log_std, prior_mean, prior_log_std):
    """KL(N‖N), summed over the last axis: lesson 08's formula."""
    ratio = torch.exp(2 * (log_std - prior_log_std))
    distance = (mean - prior_mean) ** 2 * torch.exp(-2 * prior_log_std)
    return (0.5 * (ratio + distance - 1) - log_std + prior_log_std).sum(-1)


zero = torch.zeros(1, dtype=torch.float64)
exact = -0.5 * (1 / 1.25 + math.log(2 * math.pi * 1.25))
for m, v in ((0.0, 1.0), (1.0, 0.1), (0.8, 0.2), (0.8, 0.2**0.5)):
    describes = -0.5 * (((1 - m) ** 2 + v**2) / 0.25 + math.log(2 * math.pi * 0.25))
    foretold = normal_kl(zero + m, zero + math.log(v), zero, zero).item()
    print(
        f"q = N({m}, {v:.3f}²): describes {describes:7.3f} − divergence {foretold:.3f} = {describes - foretold:7.3f}   exact {exact:.3f}"
    )

# %% [markdown]
# Below the exact value, and equal to it for the posterior.
#
# ### Exercise 2 · `latent_kl`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# At the beginning the transition foretells nothing, and the cheapest way to make the divergence small is an encoder that says nothing. So the first few nats are *free*: rows with less pay `free_nats` and have no slope. Two points for the value, one for the gradients.
#
# $$L=\text{mean}_i\max\big(D_\text{KL}(q_i\|p_i),\;\text{free nats}\big)$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# Sum over dimensions first, then the maximum, row by row, then the mean. Who should learn from this: the encoder, the transition, or both?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `normal_kl` above is $D_\text{KL}(q\|p)=\sum_d\tfrac12\big(\tfrac{\sigma_q^2}{\sigma_p^2}+\tfrac{(\mu_q-\mu_p)^2}{\sigma_p^2}-1\big)-\log\sigma_q+\log\sigma_p$. Which of the two is q?
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.clamp(min=free_nats).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "latent-kl", "locked": false, "schema_version": 3, "solution": true}
def latent_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std, free_nats):
    """mean max(KL(posterior‖prior), free_nats). (B, D) means, (B, D) or (D,) log σ -> scalar."""
    ### BEGIN SOLUTION
    divergence = normal_kl(posterior_mean, posterior_log_std, prior_mean, prior_log_std)
    return divergence.clamp(min=free_nats).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-latent-kl", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(latent_kl)
### BEGIN HIDDEN TESTS
check(latent_kl, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Think · 1 point
#
# Without free nats, early in training, the encoder's σ grows to that of the prior and its mean stops depending on s. What has happened?
#
# - **a.** The learning rate was too high.
# - **b.** Saying nothing costs nothing: the divergence is 0, and the gain from describing s' is still too small, as the decoder cannot read z' yet.
# - **c.** The bound is violated: log p(s') became larger than its bound.
# - **d.** The reward model has taken over the latent state.


# %% nbgrader={"grade": false, "grade_id": "answer-says-nothing", "locked": false, "schema_version": 3, "solution": true}
def answer_says_nothing():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-says-nothing", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_says_nothing)

# %% [markdown]
# ## 3 · Dreaming
#
# With a model, close your eyes: start in a state you know, act, let the transition say where you are, and go on. Everything is a differentiable function of everything before it, if the noise comes from outside (lesson 01):
#
# $$a_t=\pi_\theta(z_t),\qquad z_{t+1}=\mu(z_t,a_t)+\sigma(z_t,a_t)\,\varepsilon_t,\qquad r_t=r(z_{t+1})$$
#
# ### Exercise 3 · `imagine`
#
# 4 points · 15 minutes · difficulty ●●○ medium
#
# Two points for the values, two for the gradients. The functions are given to you: `transition(obs, action)` → (mean, log σ), `reward_model(obs)` → (B,), `policy(obs)` → action.
#
# <details><summary>Hint 1: what to think of</summary>
#
# How many states, actions and rewards has a dream of H steps? Which state is the reward of a step for?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Lists that start with `[start_obs]`, `[]`, `[]`; one round for each of `noise[t]`; `torch.stack` at the end. Detach nothing.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `obs.append(mean + torch.exp(log_std) * noise[t])`, then `reward.append(reward_model(obs[-1]))`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "imagine", "locked": false, "schema_version": 3, "solution": true}
def imagine(transition, reward_model, policy, start_obs, horizon, noise):
    """(obs (H+1, B, S), action (H, B, D), reward (H, B)); differentiable. noise: (H, B, S)."""
    ### BEGIN SOLUTION
    obs, action, reward = [start_obs], [], []
    for t in range(horizon):
        action.append(policy(obs[-1]))
        mean, log_std = transition(obs[-1], action[-1])
        obs.append(mean + torch.exp(log_std) * noise[t])
        reward.append(reward_model(obs[-1]))
    return torch.stack(obs), torch.stack(action), torch.stack(reward)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-imagine", "locked": true, "points": 4, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(imagine)
### BEGIN HIDDEN TESTS
check(imagine, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is the slope of a dream the policy gradient? In a world where everything is known it must be. Take s' = 0.9 s + 0.5 u, u = −k s, reward −s'² a step, γ = 0.9, s = 1. By hand, s' = c s with c = 0.9 − 0.5 k, and
#
# $$J(k)=-\sum_{t\ge0}\gamma^tc^{2(t+1)}=-\frac{c^2}{1-\gamma c^2},\qquad\frac{dJ}{dk}=\frac{dJ}{dc}\cdot(-0.5)=\frac{c}{(1-\gamma c^2)^2}.$$

# %% tags=["raises-exception"]
gain = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
H, start = 200, torch.ones(1, 1, dtype=torch.float64)
silence, quiet = torch.zeros(H, 1, 1, dtype=torch.float64), torch.full((1,), -50.0).double()
discount = 0.9 ** torch.arange(H, dtype=torch.float64)
_, _, dreamed = imagine(
    lambda s, u: (0.9 * s + 0.5 * u, quiet), lambda s: -(s**2).squeeze(-1), lambda s: -gain * s,
    start, H, silence,
)  # fmt: skip
slope = torch.autograd.grad((discount * dreamed[:, 0]).sum(), gain)[0]
c = 0.9 - 0.5 * 0.4
print("through the dream", slope.item(), "  by hand", c / (1 - 0.9 * c**2) ** 2)

# %% [markdown]
# No score function, no sampling of actions: the model says how each action changes all that follows. DPG (lesson 07) used one step of this, with a critic's slope for the rest.
#
# **Predict:** take the slope of the *last* reward with respect to the *first* action, over 5, 10, 20 steps. Does it stay, vanish or explode? The panels below use the smallest world that can do all three, s' = k sin s without any noise, in which the first push moves the start.


# %% nbgrader={"grade": false, "grade_id": "slopes", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def draw_slopes(axes, stretch):
    """|∂ reward_H / ∂ action_0| against H, for a world that stretches by a factor a step."""
    horizons = [1, 2, 5, 10, 20, 40]
    slopes = []
    for H in horizons:
        first = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        start = (
            torch.full((1, 1), 0.3, dtype=torch.float64) + first
        )  # the first push moves the start
        world = lambda s, u: (stretch * torch.sin(s), quiet)  # noqa: E731
        _, _, r = imagine(
            world, lambda s: s.squeeze(-1), lambda s: s, start, H, torch.zeros(H, 1, 1).double()
        )
        slopes.append(abs(torch.autograd.grad(r[-1].sum(), first)[0].item()) + 1e-12)
    axes.semilogy(horizons, slopes, "o-", color=COLORS["a2c"])
    axes.set(xlabel="steps", ylabel="slope", ylim=(1e-9, 1e6))


slider(
    draw_slopes,
    alt="Slope of the last state with respect to the first, in the world s' = k sin s, against the number of steps, logarithmic, for four k. With k = 0.8 it vanishes "
    "exponentially, with k = 1.5 faster still and with k = 2.3 slowly, as the world settles; with k = 3.1 it grows beyond 100,000.",
    static=[{"stretch": k} for k in (0.8, 1.5, 2.3, 3.1)],
    title="A slope through many steps is a product of many factors",
    labels={"stretch": "k"},
    stretch=[0.8, 1.0, 1.5, 2.0, 2.3, 2.6, 2.9, 3.1],
)

# %% [markdown]
# By the chain rule the slope is a product, one factor $\partial s_{t+1}/\partial s_t=k\cos s_t$ a step. A product of many factors is either nothing or everything. So dreams are kept short, and something else has to speak for what comes after.
#
# ## 4 · What a dream was worth
#
# That something is a critic v of latent states. As in GAE, mix all the ways of asking it: after one dreamed step, after two, … with weights that fade.
#
# $$R_t=r_t+d_t\big((1-\lambda)\,v_{t+1}+\lambda R_{t+1}\big),\qquad R_H=v_H$$
#
# d is γ, or γ times a predicted probability of going on.
#
# ### Exercise 4 · `lambda_return`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# Two points for the values, one for the gradients. `next_value[t]` is the critic's opinion of the state that step t led to; `discount` is (H, B) or a number.
#
# <details><summary>Hint 1: what to think of</summary>
#
# From the end backwards. What is known about the world beyond the last dreamed step?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Start with R = next_value[-1], and for each t from the last: R = r_t + d_t ((1 − λ) v_{t+1} + λ R).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)`, `for t in reversed(range(len(reward)))`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "lambda-return", "locked": false, "schema_version": 3, "solution": true}
def lambda_return(reward, next_value, discount, gae_lambda):
    """R_t of a dream, bootstrapped from the last value. (H, B), (H, B), (H, B) or float -> (H, B)."""
    ### BEGIN SOLUTION
    discount = torch.as_tensor(discount, dtype=reward.dtype).expand_as(reward)
    later, returns = next_value[-1], []
    for t in reversed(range(len(reward))):
        later = reward[t] + discount[t] * ((1 - gae_lambda) * next_value[t] + gae_lambda * later)
        returns.append(later)
    return torch.stack(returns[::-1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-lambda-return", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(lambda_return)
### BEGIN HIDDEN TESTS
check(lambda_return, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# You know it already: minus the value of the state itself it is lesson 05's GAE, $R_t-v_t=\sum_k(\gamma\lambda)^k\delta_{t+k}$ with $\delta_t=r_t+\gamma v_{t+1}-v_t$. For a random dream:

# %% tags=["raises-exception"]
H, B, gamma, lam = 6, 3, 0.95, 0.8
reward, value = (
    torch.randn(H, B, generator=generator).double(),
    torch.randn(H + 1, B, generator=generator).double(),
)
delta = reward + gamma * value[1:] - value[:-1]
gae = torch.stack([sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, H)) for t in range(H)])
difference = lambda_return(reward, value[1:], gamma, lam) - value[:-1] - gae
print("largest difference:", difference.abs().max().item())

# %% [markdown]
# ### Think · 1 point
#
# In lesson 05 returns and advantages were detached before they entered the policy's loss. Here they are not. Why?
#
# - **a.** It makes no difference; detaching is a matter of taste.
# - **b.** There the return was a *weight* of the score, and the theorem treats it as a number. Here it is the objective itself: its slope, through model and critic, is the gradient.
# - **c.** Here the critic shall learn from the actor's loss.
# - **d.** Detached returns would make the dream's values wrong.


# %% nbgrader={"grade": false, "grade_id": "answer-why-not-detached", "locked": false, "schema_version": 3, "solution": true}
def answer_why_not_detached():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-why-not-detached", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_why_not_detached)

# %% [markdown]
# ## 5 · Climbing the dream
#
# ### Exercise 5 · `dream_policy_loss`
#
# 1 point · 4 minutes · difficulty ●○○ easy
#
# The policy's parameters sit *inside* R: every dreamed action has moved all that came after it. So the loss is the mean return itself, with a minus, and lesson 05's price on entropy, so that the policy does not stop trying.
#
# $$L=-\text{mean}\,R-c_e\,\text{mean}\,H$$
#
# <details><summary>Hint 1: what to think of</summary>
#
# What should grow gets a minus. Is anything held?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Two means. `entropy` may be (H, B) or a scalar.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-lambda_return.mean() - …`
# </details>


# %% nbgrader={"grade": false, "grade_id": "dream-policy-loss", "locked": false, "schema_version": 3, "solution": true}
def dream_policy_loss(lambda_return, entropy, entropy_coef):
    """−mean R − c mean H, gradient through the dream. (H, B), (H, B) or scalar, float -> scalar."""
    ### BEGIN SOLUTION
    return -lambda_return.mean() - entropy_coef * entropy.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-dream-policy-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(dream_policy_loss)
### BEGIN HIDDEN TESTS
check(dream_policy_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# How much does it save, compared with REINFORCE *in the same dream*? The linear world again, now with noise in the actions, $u=-ks+0.3\,\varepsilon$, dreams of 12 steps. Both estimate dJ/dk from one dream; 20,000 dreams each:

# %% tags=["raises-exception"]
N, H, gamma = 20_000, 12, 0.9
gains = torch.full((N, 1), 0.4, dtype=torch.float64, requires_grad=True)  # a copy for each dream
noise = torch.randn(H, N, 1, generator=generator, dtype=torch.float64)
chosen = iter(0.3 * noise)  # the actions' noise, one row a step
obs, action, reward = imagine(
    lambda s, u: (0.9 * s + 0.5 * u, quiet), lambda s: -(s**2).squeeze(-1),
    lambda s: -gains * s + next(chosen), torch.ones(N, 1).double(), H, torch.zeros(H, N, 1).double(),
)  # fmt: skip
discount = gamma ** torch.arange(H, dtype=torch.float64).unsqueeze(1)
pathwise = torch.autograd.grad((discount * reward).sum(), gains)[0].squeeze(1)
score = (
    (0.3 * noise.squeeze(2)) / 0.3**2 * -obs[:-1].detach().squeeze(2)
)  # ∂ log N(u; −k s, 0.3²)/∂k
to_go = (discount * reward.detach()).flip(0).cumsum(0).flip(0)
reinforce = (score * (to_go - to_go.mean(1, keepdim=True))).sum(0)
for name, sample in {"through the dream": pathwise, "REINFORCE": reinforce}.items():
    print(
        f"{name:18} mean {sample.mean():.3f} ± {sample.std() / N**0.5:.3f}   standard deviation {sample.std():.3f}"
    )

# %% [markdown]
# The same mean; the score function, even with a baseline, scatters nearly three times as widely, so it takes about eight times as many dreams. That is what a differentiable model buys. It is also what a *wrong* model sells: its slopes are believed without a single sample of the truth.
#
# ### Silent bug · Exercise 6
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# A friend writes actor and critic in one place. He has learned from lessons 05, 07 and 10 that *targets are detached*, and does it first thing:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_dream_losses(lambda_return, value, entropy, entropy_coef):
    """Meant: (actor's loss, critic's loss) of a batch of dreams, all (H, B). It runs."""
    target = lambda_return.detach()
    actor_loss = -target.mean() - entropy_coef * entropy.mean()
    critic_loss = 0.5 * ((value - target) ** 2).mean()
    return actor_loss, critic_loss


# %% [markdown]
# Both losses have the right values. Repair it.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which of the two losses wants a number, and which a slope?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The critic regresses on ⊥(R). The actor climbs R.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Move `.detach()` into the critic's line.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-dream-losses", "locked": false, "schema_version": 3, "solution": true}
def repaired_dream_losses(lambda_return, value, entropy, entropy_coef):
    """(actor's loss, critic's loss) of a batch of dreams, all (H, B) -> two scalars."""
    ### BEGIN SOLUTION
    actor_loss = -lambda_return.mean() - entropy_coef * entropy.mean()
    critic_loss = 0.5 * ((value - lambda_return.detach()) ** 2).mean()
    return actor_loss, critic_loss
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-dream-losses", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_dream_losses)
### BEGIN HIDDEN TESTS
check(repaired_dream_losses, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ## 6 · Your agent learns to swing, mostly asleep
#
# Everything together, on the pendulum: 200 random real steps; a model fitted to replayed sequences; batches of 64 dreams of 12 steps from states that were really visited; actor and critic learn from the dreams; 32 real steps; and again. All through your five functions.

# %% tags=["experiment", "raises-exception"]
yours = {
    "likelihood": gaussian_nll,
    "divergence": latent_kl,
    "dream": imagine,
    "returns": lambda_return,
    "loss": dream_policy_loss,
}
run = RUNS["world-model-pendulum"].start(seed=1, **yours)
history = train(run, run="world-model-pendulum", label="world model")

# %% tags=["experiment", "raises-exception"]
show_agent(history.policy, "Pendulum-v1")

# %% [markdown]
# And what your friend's agent learns, with the return detached too early:


# %% nbgrader={"grade": false, "grade_id": "friend", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def detached_loss(lambda_return, entropy, entropy_coef):
    """The actor's half of the friend's function."""
    return bugged_dream_losses(lambda_return, lambda_return, entropy, entropy_coef)[0]


run = RUNS["world-model-pendulum"].start(seed=1, **{**yours, "loss": detached_loss})
bugged = train(run, max_steps=900, label="wrong: detached", quiet=True, run="world-model-pendulum")

# %% nbgrader={"grade": false, "grade_id": "friend-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(1, 2, size=(7, 2.9))
for one, color, label in (
    (history, COLORS["a2c"], "repaired"),
    (bugged, COLORS["wrong"], "detached"),
):
    axes[0].plot(one.env_steps, one.returns, "o-", color=color, label=label, markersize=3)
    axes[1].plot(one.update_steps, one.metrics["entropy"], color=color, label=label)
axes[0].set(xlabel="real steps", ylabel="return of an episode")
axes[1].set(xlabel="real steps", ylabel="entropy of the policy, nats")
axes[1].legend()
figure.suptitle(
    "With the return detached, being random is all there is to learn",
    x=0.01,
    ha="left",
    weight="bold",
)
show(
    figure,
    alt=describe_curves([history, bugged])
    + f" Right: the entropy falls to {history.metrics['entropy'][-1]:.1f} nats when repaired and "
    f"rises to {bugged.metrics['entropy'][-1]:.2f} with the bug.",
)

# %% [markdown]
# No NaN, no error, two losses with the right values. The *entropy* tells: log 2 ≈ 0.69 nats is the most that an action in (−1, 1) can have.
#
# ## 7 · Where dream and world part
#
# Let the agent act for 60 real steps, and let its model dream of having done exactly the same, from the first observation on.
#
# **Predict:** for how many steps will the dream follow the world?

# %% nbgrader={"grade": false, "grade_id": "compared", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
H = 60
compared = compare_with_dream(history.policy, "Pendulum-v1", H, episodes=20, seed=1)
figure, axes = new_figure(1, 2, size=(7, 2.9))
for n, color in zip(range(3), shades(3), strict=True):
    axes[0].plot(compared.real[:, n, 0], color=color)
    axes[0].plot(compared.dreamed[:, n, 0], "--", color=color)
axes[0].axvline(12, color=COLORS["exact"], linewidth=1, linestyle=":")
axes[0].set(
    xlabel="steps",
    ylabel="cosine of the angle",
    ylim=(-1.6, 1.6),
    title="real (solid), dreamed (dashed)",
)
axes[0].set_title("real (solid), dreamed (dashed)", fontsize=10, fontweight="normal")
error = compared.error(history.policy.model.observation_scale)
axes[1].semilogy(error, color=COLORS["a2c"])
axes[1].axvline(12, color=COLORS["exact"], linewidth=1, linestyle=":")
axes[1].text(13, error.min(), "horizon of\nthe dreams", fontsize=9, va="bottom")
axes[1].set(xlabel="steps", ylabel="error, typical sizes")
figure.suptitle(
    f"Error {error[12]:.2f} after 12 steps, {error[60]:.1f} after 60",
    x=0.01,
    ha="left",
    weight="bold",
)
show(
    figure,
    alt="Left: the cosine of three pendulums' angles over 60 steps, real and dreamed; they agree for one or two dozen steps and then part. "
    f"Right: the error of 20 dreams, logarithmic: {error[1]:.3f} after one step, {error[12]:.2f} after 12, {error[60]:.1f} after 60.",
)

# %% [markdown]
# Twelve steps are about as far as this model can be trusted, and that is how long the dreams were. The reward that the dreams promised, beside what was paid:

# %% tags=["experiment", "raises-exception"]
for first, last in ((0, 12), (12, 24), (24, 60)):
    real = compared.real_reward[first:last].mean().item()
    promised = compared.dreamed_reward[first:last].mean().item() / 0.1  # rewards were scaled by 0.1
    print(f"steps {first:2} to {last:2}: promised {promised:7.3f} a step, paid {real:7.3f}")

# %% [markdown]
# Up to the horizon the promise is right. Later it is too *low*: a pendulum that stands has to be caught again and again, and the dream repeats actions that were meant for the real one. As soon as the two differ a little, they no longer fit, and the dreamed pendulum falls. Here the actions were given. Worse happens when they are *chosen* in the dream:
#
# ### Think · 1 point
#
# A policy earns −50 in its dreams and −1,200 in the world. Which explanation comes first?
#
# - **a.** The dreams were too short.
# - **b.** The entropy bonus is too small.
# - **c.** The policy has found actions for which the model is wrong in its favour, and nobody has ever tried them; it climbs the *model's* reward, errors included.
# - **d.** The critic was not detached.


# %% nbgrader={"grade": false, "grade_id": "answer-sweet-dreams", "locked": false, "schema_version": 3, "solution": true}
def answer_sweet_dreams():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-sweet-dreams", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_sweet_dreams)

# %% [markdown]
# Three things hold it back here: real steps go on, so what the policy dreams of gets tried; dreams are short and start where one has been; and the reward model may promise no more than was ever paid (`WorldModel.reward_model` clamps).
#
# ### Spot the slip · 1 point
#
# [004] says that dreaming can be used to train agents "*without interaction with environment*". What has to be added?
#
# - **a.** Nothing: this lesson's agent never touched the pendulum.
# - **b.** The *actor's updates* need none. The model has to be fitted to real steps, and without new ones from the new policy it stays wrong just where that policy goes.
# - **c.** The critic needs interaction, the actor does not.
# - **d.** It holds for discrete latent states only.


# %% nbgrader={"grade": false, "grade_id": "answer-without-interaction", "locked": false, "schema_version": 3, "solution": true}
def answer_without_interaction():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-without-interaction", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_without_interaction)

# %% [markdown]
# ## 8 · Discrete latent states
#
# A door is open or shut. A Gaussian has no good way to say so; later versions of this agent describe the state by a handful of *categorical* variables. But a draw has no slope. Lesson 01's way out: draw hard, pretend to have drawn soft.
#
# $$\text{forward: }\text{onehot}\big(\arg\max(\text{logits}+g)\big),\qquad\text{backward: the slope of }\text{softmax}(\text{logits}+g)$$
#
# with Gumbel noise g, which makes the argmax a draw from softmax(logits).
#
# ### Exercise 7 · `straight_through_categorical`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# One point for the value, two for the gradient.
#
# <details><summary>Hint 1: what to think of</summary>
#
# You need an expression that is 0 as a number and has the slope of the soft sample.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# hard + soft − ⊥(soft).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1])`; turn it into the soft sample's dtype.
# </details>


# %% nbgrader={"grade": false, "grade_id": "straight-through-categorical", "locked": false, "schema_version": 3, "solution": true}
def straight_through_categorical(logits, gumbel_noise):
    """One-hot of argmax(logits + g) forward, softmax's gradient backward. (B, K), (B, K) -> (B, K)."""
    ### BEGIN SOLUTION
    soft = torch.softmax(logits + gumbel_noise, dim=-1)
    hard = torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-straight-through-categorical", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(straight_through_categorical)
### BEGIN HIDDEN TESTS
check(straight_through_categorical, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Frequencies, and the price of pretending. For f(z) = w·z the exact gradient of E[f] is known; for a function that bends, $f(z)=(w\cdot z)^2$, too. 200,000 draws:

# %% tags=["raises-exception"]
logits = torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)
w = torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64)
rows = logits.expand(200_000, -1).clone().requires_grad_()
uniform = torch.rand(200_000, 3, generator=generator, dtype=torch.float64)
z = straight_through_categorical(rows, -torch.log(-torch.log(uniform)))
print("frequencies", z.detach().mean(0), "  softmax", logits.softmax(0))
theta = logits.clone().requires_grad_()
for name, f in {"w·z": lambda v: v, "(w·z)²": lambda v: v**2}.items():
    estimate = torch.autograd.grad(f(z @ w).sum(), rows, retain_graph=True)[0].mean(0)
    exact = torch.autograd.grad((theta.softmax(0) * f(w)).sum(), theta)[0]
    print(f"{name:7} straight through {estimate.numpy().round(3)}   exact {exact.numpy().round(3)}")

# %% [markdown]
# ### Think · 1 point
#
# What do the last two lines say?
#
# - **a.** The straight-through gradient is exact for every function, up to noise.
# - **b.** It is biased in both cases: for w·z by the softness of the pretended draw, for the function that bends also because the slope is taken at a corner and not along the way to the next one. It points roughly right, at next to no cost.
# - **c.** It is exact for the linear function and biased for the other.
# - **d.** It is useless: only the score function can be used for discrete draws.


# %% nbgrader={"grade": false, "grade_id": "answer-straight-through", "locked": false, "schema_version": 3, "solution": true}
def answer_straight_through():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-straight-through", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_straight_through)

# %% [markdown]
# ## 9 · What we left out
#
# - **Memory.** A latent state that remembers (recurrent, as in Dreamer) makes hidden velocities visible. Ours sees everything.
# - **Episodes that end.** The model would also predict whether the dream goes on, hence d in `lambda_return`.
# - **Planning** in the model at the moment of acting, in place of a policy. **Ensembles** of models, whose disagreement says where not to dream.
# - **Pixels**, for which all of this was invented.
#
# ## Summary
#
# | | formula |
# | --- | --- |
# | prediction | $\frac{(x-\mu)^2}{2\sigma^2}+\log\sigma+\frac12\log2\pi$: σ becomes the size of the error |
# | evidence | $\log p\ge\mathbb E_q[\log p(s\mid z)]-D_\text{KL}(q\|p)$, tight for the posterior |
# | free nats | max(KL, free), row by row |
# | dream | $z_{t+1}=\mu+\sigma\varepsilon_t$, differentiable in every action before |
# | worth | $R_t=r_t+d_t((1-\lambda)v_{t+1}+\lambda R_{t+1})$ = GAE + v |
# | actor | $-\text{mean}\,R-c\,\text{mean}\,H$, nothing detached; the critic's target is |
#
# - A gradient through the model has little noise and believes every error. Keep dreams short, start them where you have been, go on trying them out.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 12 minutes
#
# A team trains a drone in the dreams of a model that was fitted to 100 hours of flights by careful pilots. In its dreams it flies through a gap at 20 m/s. In at most ten sentences:
#
# 1. Why may the dream promise that, although the model's error on the recorded flights is tiny? What does "the gradient believes every error" mean here?
# 2. They ask for three measures before it flies for real. Name them, each with the quantity that you would look at.

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-drone", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. The small error was measured where the pilots flew, slowly and far from walls. The policy goes where nobody was; there the model extrapolates, and among its errors the optimisation picks those that pay: it climbs the model's slope, which nothing contradicts, since no sample of the truth enters the gradient. Half a point for "other states than in the data" without the selection of favourable errors.
# 2. Three sensible measures with quantities, for instance: short dreams from recorded states (error against horizon, as in section 7); spread or disagreement of several models along the dreamed path (σ, variance between models), and a price for it; no reward beyond what was ever observed; a divergence to the pilots' policy (KL, lesson 12); a few real flights in a safe place and refitting (error on the *new* policy's flights); a simulator as a second opinion.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Ha, Schmidhuber (2018), *World models*.
# - Hafner et al. (2019), *Learning latent dynamics for planning from pixels*; (2020), *Dream to control*; (2021), *Mastering Atari with discrete world models*.
# - Heess et al. (2015), *Learning continuous control policies by stochastic value gradients*.
# - Kingma, Welling (2014), *Auto-encoding variational Bayes*: the bound.
# - Bengio, Léonard, Courville (2013), *Estimating or propagating gradients through stochastic neurons*: straight through.
# - Janner et al. (2019), *When to trust your model*: short dreams.
# - [004]: world models, dreaming.
