# %% [markdown]
# # How can a policy learn from nothing but its returns?
#
# **Lesson 02 · REINFORCE** · about two hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import torch
from torch.func import jacrev

from course_lib import check, check_answer
from course_lib.agents import make_policy
from course_lib.environments import make_vector
from course_lib.evaluation import evaluate
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
from course_lib.rollout import collect_episodes
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A cart, a pole, and two pushes: left and right. The policy below is a network with random weights. It earns 1 for every step until the pole falls,
# at most 500. How far does it get?

# %%
cartpole = make_vector("CartPole-v1", num_envs=1)
untrained = make_policy(cartpole, generator=torch.Generator().manual_seed(0))
print("mean return of 200 episodes:", evaluate(untrained, "CartPole-v1", episodes=200).mean())

# %%
show_agent(untrained, "CartPole-v1")

# %% [markdown]
# That number is all the agent is told. No teacher says which of the twenty-odd pushes was wrong, and nothing can be differentiated
# through the cart, whose equations the agent does not know. At the end of this lesson the same network, trained by functions that you wrote, balances for all 500 steps.
#
# - **You will** sample actions, imitate, derive the policy gradient line by line, write it in three forms, train three agents, and find a bug that raises no error.
# - **You need** Python, torch tensors, the chain rule; lesson 01 helps (the log-derivative trick).
# - **Exercises** are checked below each cell; every check tells you what is wrong. *Predict* boxes ask you to commit to an answer before you read on.
#
# <details><summary>How the lectures write it, and how we do</summary>
#
# | | lectures | here |
# | --- | --- | --- |
# | reward after $a_t$ | $r(s_t,a_t)$ in [003], $r_{t+1}$ in [000] and [004], $\mathcal R(s_{n+1})$ in [002] | $r_{t+1}$, stored as `reward[t]` |
# | return of a trajectory | $\mathcal G(\tau)$ in [002], $R_\gamma$ in [004] | $R_\gamma=\sum_t\gamma^t r_{t+1}$ |
# | time | $1\dots T$ in [003], $0\dots T-1$ in [004] | $0\dots T-1$; tensors are (T, N): T steps of N episodes |
# | discounting of late steps | $\gamma^t G_t$ in [000] and [004], no $\gamma$ in [003] | both, as two functions |
#
# [000] Preechakul, [002] Morad, [003] notes on CS 285, [004] van Krieken.
# </details>
#
# ## 1 · Acting: a policy is a distribution
#
# A network with weights θ maps a state $s$ to one number per action, the *logits* $z_1,\dots,z_K$, which may be any real numbers. The softmax makes them probabilities:
#
# $$\pi_\theta(a=k\mid s)=\frac{e^{z_k}}{\sum_j e^{z_j}}$$
#
# For pushes of any strength the network gives a mean $\mu$ and a $\log\sigma$ instead, and the action is Gaussian: $a=\mu+\sigma\varepsilon$ with $\varepsilon\sim\mathcal N(0,1)$.
# The logarithm is there because a network's output may be negative and $\sigma$ may not.
#
# ### Exercise 1 · `sample_categorical`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# Draw one action for each row of `logits`, with the probabilities above.
#
# <details><summary>Hint 1: what to think of</summary>
#
# `torch.multinomial` draws from rows of probabilities. It takes a `generator`; `torch.distributions` does not.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Softmax over the last axis, then one draw a row. What shape does `multinomial` return?
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.multinomial(PROBABILITIES, 1, generator=generator)`, then take off the axis of length 1.
# </details>
# <details><summary>Help by symptom</summary>
#
# *I get `probability tensor contains … element < 0`:* those were logits. *I get shape (B, 1):* `squeeze(-1)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "sample-categorical", "locked": false, "schema_version": 3, "solution": true}
def sample_categorical(logits, generator):
    """Draw one action a row from softmax(logits). (B, K) -> (B,) int64, using `generator` only."""
    ### BEGIN SOLUTION
    probability = logits.softmax(-1)
    return torch.multinomial(probability, 1, generator=generator).squeeze(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sample-categorical", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sample_categorical)
### BEGIN HIDDEN TESTS
check(sample_categorical, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 2 · `sample_gaussian`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# Draw one action of D independent dimensions for each row of `mean`.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Every element of the action needs its own noise, from `generator`.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $a=\mu+e^{\log\sigma}\,\varepsilon$, with $\varepsilon$ of the shape of $\mu$.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)`; (D,) and (B, D) multiply by themselves.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The spread is negative or wrong:* is `exp` missing, or taken twice? *The mean is off by half a σ:* `rand` is not `randn`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "sample-gaussian", "locked": false, "schema_version": 3, "solution": true}
def sample_gaussian(mean, log_std, generator):
    """Draw one action a row. mean (B, D), log_std (B, D) or (D,) -> (B, D), using `generator` only."""
    ### BEGIN SOLUTION
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + log_std.exp() * noise
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sample-gaussian", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sample_gaussian)
### BEGIN HIDDEN TESTS
check(sample_gaussian, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Spot the slip · 1 point
#
# [002] computes the Gaussian's log-probability for actions of D dimensions like this, weighs it with returns `G` and differentiates the mean:
#
# ```python
# log_probs = -((actions - mus) ** 2 / (2 * exp(log_sigmas) ** 2) + log_sigmas)     # (T, D)
# policy_gradient = mean(G * log_probs)
# ```
#
# Against $\log\pi=-\sum_d\left[\tfrac12\left(\tfrac{a_d-\mu_d}{\sigma_d}\right)^2+\log\sigma_d+\tfrac12\log 2\pi\right]$ the constant and the sum over $d$ are missing. What does that change?
#
# - **a.** Both change the direction of the gradient.
# - **b.** The constant changes the value only. Without the sum the shapes no longer fit, and the mean divides by D too.
# - **c.** Neither matters: the policy learns the same thing.
# - **d.** Without the constant, σ shrinks to zero.


# %% nbgrader={"grade": false, "grade_id": "answer-gaussian-code", "locked": false, "schema_version": 3, "solution": true}
def answer_gaussian_code():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-gaussian-code", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_gaussian_code)

# %% [markdown]
# ## 2 · A world small enough to count
#
# A *trajectory* τ is everything that happens in an episode, $s_0,a_0,r_1,s_1,a_1,\dots$ Expectations over trajectories are sums, if the world is small. This one is a robot with a battery. It works or rests, three times:
#
# | state | action | reward | next: charged | next: flat |
# | --- | --- | --- | --- | --- |
# | 0 charged | 0 rest | 0 | 0.9 | 0.1 |
# | | 1 work | 2 | 0.3 | 0.7 |
# | 1 flat | 0 rest | 0 | 0.5 | 0.5 |
# | | 1 work | −1 | 0.1 | 0.9 |
#
# It starts charged with probability 0.9. The policy has two logits a state, so θ is four numbers. The discount is γ = 0.5: a reward counts half of what it would have counted one step earlier, which shows within three steps.

# %% nbgrader={"grade": false, "grade_id": "world", "locked": true, "schema_version": 3, "solution": false}
P = torch.tensor([[[0.9, 0.1], [0.3, 0.7]], [[0.5, 0.5], [0.1, 0.9]]], dtype=torch.float64)
R = torch.tensor([[0.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
p0 = torch.tensor([0.9, 0.1], dtype=torch.float64)
logits = torch.tensor([[0.3, -0.2], [0.1, 0.4]], dtype=torch.float64, requires_grad=True)
gamma = 0.5

# %% [markdown]
# Three states and three actions, two choices each, make $2^6=64$ trajectories. They become the columns of `state`, `action` and `reward`, all (3, 64), time first:

# %% nbgrader={"grade": false, "grade_id": "trajectories", "locked": true, "schema_version": 3, "solution": false}
paths = torch.cartesian_prod(*[torch.arange(2)] * 6).T  # (6, 64): s₀ a₀ s₁ a₁ s₂ a₂
state, action = paths[0::2], paths[1::2]  # (3, 64) each, time first
reward = R[state, action]
# What the environment contributes to log p(τ): log p(s₀) + Σ log p(s'|s, a), (64,).
log_environment = p0.log()[state[0]] + P.log()[state[:-1], action[:-1], state[1:]].sum(0)

# %% [markdown]
# Their probabilities multiply what the policy does and what the environment does [004]:
#
# $$p(\tau\mid\theta)=p(s_0)\prod_{t}\pi_\theta(a_t\mid s_t)\,p(s_{t+1}\mid s_t,a_t)$$


# %% nbgrader={"grade": false, "grade_id": "probabilities", "locked": true, "schema_version": 3, "solution": false}
def log_policy(logits):
    """(3, 64) log π(a_t|s_t) along every trajectory."""
    return logits.log_softmax(-1)[state, action]


def probability(logits):
    """(64,) p(τ|θ)."""
    return (log_environment + log_policy(logits).sum(0)).exp()


print("the 64 probabilities sum to", probability(logits).sum().item())
print(
    "the likeliest trajectory, s₀ a₀ s₁ a₁ s₂ a₂:", paths[:, probability(logits).argmax()].tolist()
)

# %% [markdown]
# One more tool. `moments(loss)` takes the gradient of a loss on *one* trajectory, does so for all 64, and weighs them with their probabilities:
# the exact mean and variance of what a single sampled episode gives you. Summed over the four logits, the variance is [004]'s $\mathbb V[g]$.


# %% nbgrader={"grade": false, "grade_id": "moments", "locked": true, "schema_version": 3, "solution": false}
def moments(loss):
    """Exact mean and variance, (2, 2) each, of the gradient of loss(log_prob, reward, gamma)."""
    log_prob, gradient = log_policy(logits), []
    for i in range(64):
        one = loss(log_prob[:, i : i + 1], reward[:, i : i + 1], gamma)
        gradient += torch.autograd.grad(one, logits, retain_graph=True)
    gradient, p = torch.stack(gradient), probability(logits).detach()
    mean = torch.einsum("m,msk->sk", p, gradient)  # Σₘ pₘ gₘ: m is summed over
    return mean, torch.einsum("m,msk->sk", p, (gradient - mean).square())


# %% [markdown]
# ## 3 · Imitation: pull towards what was done
#
# If an expert showed you what to do, you would make her actions likely: *maximum likelihood*. Its loss is the negative mean log-probability,
#
# $$L_{\text{ML}}(\theta)=-\frac1M\sum_{m}\log\pi_\theta(a_m\mid s_m),\qquad -\nabla L_{\text{ML}}=\frac1M\sum_m\nabla\log\pi_\theta(a_m\mid s_m).$$
#
# The vector $\nabla\log\pi_\theta(a\mid s)$, the *score*, points to where the action taken becomes more likely. It is half of REINFORCE.
#
# ### Exercise 3 · `max_likelihood_loss`
#
# 1 point · 2 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# A loss is minimised, a likelihood maximised.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# The mean runs over all elements, steps and episodes alike.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Minus `log_prob`, then one method call. If you get *a Python number came back*, leave `.item()` away: it cuts the gradient.
# </details>


# %% nbgrader={"grade": false, "grade_id": "max-likelihood-loss", "locked": false, "schema_version": 3, "solution": true}
def max_likelihood_loss(log_prob):
    """The negative mean log-likelihood. log_prob (T, N) or (B,) -> ()."""
    ### BEGIN SOLUTION
    return -log_prob.mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-max-likelihood-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(max_likelihood_loss)
### BEGIN HIDDEN TESTS
check(max_likelihood_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Predict · 1 point
#
# There is no expert, so let the robot imitate *itself*: it plays with its own policy and maximises the likelihood of what it did. What is the expected gradient?
#
# - **a.** Towards its most frequent actions: they are reinforced most often.
# - **b.** Towards reward: good episodes leave more to imitate.
# - **c.** Towards a higher expected return, as in a world in which every episode earns 1.
# - **d.** Exactly zero.


# %% nbgrader={"grade": false, "grade_id": "answer-own-actions", "locked": false, "schema_version": 3, "solution": true}
def answer_own_actions():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-own-actions", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_own_actions)

# %% [markdown]
# Let the 64 trajectories decide:

# %% tags=["raises-exception"]
mean_imitation, _ = moments(lambda log_prob, reward, gamma: max_likelihood_loss(log_prob))
print("largest element of the expected gradient:", mean_imitation.abs().max().item())

# %% [markdown]
# Zero, up to rounding: $\mathbb E_{a\sim\pi}[\nabla\log\pi(a\mid s)]=\sum_a\pi\,\frac{\nabla\pi}{\pi}=\nabla\sum_a\pi=\nabla 1=0$. Remember this line. It comes back three times.
#
# ## 4 · The policy gradient, line by line
#
# You want to climb $J(\theta)=\mathbb E_{p(\tau\mid\theta)}[R_\gamma]$, the expected discounted return, $R_\gamma=\sum_t\gamma^tr_{t+1}$. Its gradient in θ is called the *policy gradient*. Each line below is followed by both of its sides as numbers [002, 003, 004].
#
# **Line 1.** An expectation is a sum over all trajectories: $J(\theta)=\sum_\tau p(\tau\mid\theta)\,R_\gamma(\tau)$. A second way, backwards through the steps, gives the same.

# %%
discount = gamma ** torch.arange(3, dtype=torch.float64)
episode_return = discount @ reward  # (64,)
J = probability(logits) @ episode_return
value = torch.zeros(2, dtype=torch.float64)
for _ in range(3):  # one more step to go each time
    value = (logits.softmax(-1) * (R + gamma * P @ value)).sum(-1)
print(f"sum over trajectories {J.item():.12f}   backwards {(p0 @ value).item():.12f}")

# %% [markdown]
# **Line 2.** Only the probabilities contain θ; the return of a given trajectory is a number: $\nabla J=\sum_\tau R_\gamma(\tau)\,\nabla p(\tau\mid\theta)$.
# For the right side, `jacrev` differentiates all 64 probabilities at once. The left side is a finite difference: J a little to the right of one logit, minus J a little to its left.

# %%
probability_gradient = jacrev(probability)(logits).detach()  # (64, 2, 2)
exact_gradient = torch.einsum("m,msk->sk", episode_return, probability_gradient)
step = torch.zeros(2, 2, dtype=torch.float64)
step[0, 1] = 1e-5  # the logit of working when charged
difference = (
    probability(logits + step) @ episode_return - probability(logits - step) @ episode_return
)
print("finite difference", difference.item() / 2e-5, "  sum", exact_gradient[0, 1].item())

# %% [markdown]
# But $\sum_\tau R\,\nabla p$ is not an expectation: there is no $p(\tau)$ in front to sample from.
#
# **Line 3.** The log-derivative trick puts it back: $\nabla\log p=\frac{\nabla p}{p}$, hence $\nabla p=p\,\nabla\log p$ and
#
# $$\nabla J=\sum_\tau p(\tau\mid\theta)\,R_\gamma(\tau)\,\nabla\log p(\tau\mid\theta)=\mathbb E\left[R_\gamma\,\nabla\log p(\tau\mid\theta)\right].$$

# %%
trajectory_score = jacrev(lambda x: probability(x).log())(logits).detach()  # (64, 2, 2)
expectation = torch.einsum("m,m,msk->sk", probability(logits), episode_return, trajectory_score)
print("largest difference to line 2:", (expectation - exact_gradient).abs().max().item())

# %% [markdown]
# **Line 4.** The logarithm turns the product into a sum, and the environment's terms have no θ:
#
# $$\log p(\tau\mid\theta)=\underbrace{\log p(s_0)}_{\nabla=0}+\sum_t\Big[\log\pi_\theta(a_t\mid s_t)+\underbrace{\log p(s_{t+1}\mid s_t,a_t)}_{\nabla=0}\Big]
# \quad\Rightarrow\quad\nabla\log p(\tau\mid\theta)=\sum_t\nabla\log\pi_\theta(a_t\mid s_t)$$

# %%
policy_score = jacrev(lambda x: log_policy(x).sum(0))(logits).detach()
print("largest difference of the two sides:", (trajectory_score - policy_score).abs().max().item())

# %% [markdown]
# ### Think · 1 point
#
# Your agent never sees $p(s'\mid s,a)$, and the formula does not ask for it. Why?
#
# - **a.** It works for deterministic environments, and CartPole is one.
# - **b.** The environment is assumed to change little while the policy changes a little.
# - **c.** The environment's factors of $p(\tau)$ become summands of $\log p(\tau)$, and those hold no θ.
# - **d.** Because the reward does not depend on θ.


# %% nbgrader={"grade": false, "grade_id": "answer-unknown-environment", "locked": false, "schema_version": 3, "solution": true}
def answer_unknown_environment():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-unknown-environment", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_unknown_environment)

# %% [markdown]
# **Line 5.** Put together, and estimated from N sampled episodes, this is REINFORCE [002, 004; Williams 1992]:
#
# $$\nabla J=\mathbb E\Big[R_\gamma\sum_t\nabla\log\pi_\theta(a_t\mid s_t)\Big]\approx\frac1N\sum_i R_\gamma(\tau_i)\sum_t\nabla\log\pi_\theta(a_{i,t}\mid s_{i,t})$$
#
# Optimisers minimise a scalar, so you write a *loss* whose gradient is the negative of that. Every action of an episode is paid the episode's whole return.
#
# ### Exercise 4 · `reinforce_loss`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# $L=-\frac1N\sum_i R_\gamma(\tau_i)\sum_t\log\pi_\theta(a_{i,t}\mid s_{i,t})$. One episode a column; episodes that end early are padded with zeros in both tensors, which add nothing.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which axis is time? Two sums run over it, one for the return and one for the scores. They are multiplied per episode, before any mean.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `gamma ** torch.arange(T)` holds $\gamma^t$, of shape (T,). A (T,) times (T, N) product aligns the *last* axes: make it (T, 1).
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `episode_return = (discount.unsqueeze(1) * reward).sum(0)` is (N,), and so is `log_prob.sum(0)`.
# </details>
# <details><summary>Help by symptom</summary>
#
# *The gradient is zero:* an (N, 1) met an (N,), or two means were multiplied. *The dtype is wrong:* give `arange` the dtype of `reward`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reinforce-loss", "locked": false, "schema_version": 3, "solution": true}
def reinforce_loss(log_prob, reward, gamma):
    """−mean over N of R_γ Σ_t log π. log_prob, reward (T, N) -> (); only log_prob gets a gradient."""
    ### BEGIN SOLUTION
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    episode_return = (discount.unsqueeze(1) * reward).sum(0)
    return -(episode_return * log_prob.sum(0)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reinforce-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reinforce_loss)
### BEGIN HIDDEN TESTS
check(reinforce_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Is the expected gradient of *your* loss $-\nabla J$? Sum over all 64 trajectories and look.

# %% tags=["raises-exception"]
mean_total, variance_total = moments(reinforce_loss)
print("minus the mean of your gradient:\n", -mean_total, "\nthe gradient of J:\n", exact_gradient)

# %% nbgrader={"grade": false, "grade_id": "imitation-and-return", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
figure, axes = new_figure(size=(7, 3))
pairs = {"maximum likelihood": mean_imitation, "REINFORCE": mean_total}
for place, (label, mean) in enumerate(pairs.items()):
    color = COLORS["reinforce" if place else "reference"]
    bars = axes.bar(
        torch.arange(2) + 0.4 * place - 0.2, -mean[:, 1], 0.36, color=color, label=label
    )
    axes.bar_label(
        bars,
        [f"{x + 0.0:.2f}".replace("-", "−") for x in (-mean[:, 1]).round(decimals=2)],
        padding=2,
    )
axes.axhline(0, color="black", linewidth=1)
axes.set(xticks=[0, 1], xticklabels=["work when charged", "work when flat"], ylim=(-0.2, 0.6))
axes.set(ylabel="expected step of the logit")
axes.set_title("On the same data, only the return says which way is up")
axes.legend()
show(
    figure,
    alt="Two bars each for working when charged and working when flat. Maximum likelihood: zero both "
    f"times. REINFORCE: {-mean_total[0, 1]:.2f} when charged, {-mean_total[1, 1]:.2f} when flat.",
)

# %% [markdown]
# The same scores, on the same trajectories. Unweighted they cancel. Weighted with the return they say: work while charged, rest when flat. REINFORCE is maximum likelihood in which
# every demonstration counts as much as it earned: trial and error, made precise [003].
#
# ### Spot the slip · 1 point
#
# [002] closes its derivation with $\nabla\,\mathbb E[\mathcal G(\tau)]=\mathbb E[\mathcal G(\tau)]\cdot\sum_{s,a\in\tau}\nabla\log\pi(a\mid s)$, and later even drops the ∇ before the log.
# Suppose you took the first formula at its word: average the returns of many episodes, average the sums of scores, multiply. What comes out?
#
# - **a.** Zero, with enough episodes: the average score vanishes.
# - **b.** The right gradient, with more noise.
# - **c.** The right direction with the wrong length.
# - **d.** The right gradient, because return and score are independent.


# %% nbgrader={"grade": false, "grade_id": "answer-product-of-expectations", "locked": false, "schema_version": 3, "solution": true}
def answer_product_of_expectations():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-product-of-expectations", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_product_of_expectations)

# %% [markdown]
# The product of the two expectations, to compare with a gradient whose elements are ±0.50 and ±0.12:

# %%
average_score = torch.einsum("m,msk->sk", probability(logits), policy_score)
print("largest element:", (J * average_score).abs().max().item())

# %% [markdown]
# ## 5 · Causality: do not pay for the past
#
# In Line 5 the last action is paid for the first reward, which it could not influence. Take one reward, $r_{t'+1}$, and one later action $a_t$, $t>t'$. Given everything up to $s_t$, the reward is a fixed number c:
#
# $$\mathbb E[\,c\,\nabla\log\pi_\theta(a_t\mid s_t)\mid\text{past}\,]=c\sum_a\nabla\pi_\theta(a\mid s_t)=0.$$
#
# All such pairs have mean zero, so they can go. What remains pays each action the *reward-to-go* $G_t=\sum_{t'\ge t}\gamma^{t'-t}r_{t'+1}$ [004]:
#
# $$\nabla J=\mathbb E\Big[\sum_t\gamma^t\,G_t\,\nabla\log\pi_\theta(a_t\mid s_t)\Big]$$
#
# <details><summary>Where the γᵗ comes from, step by step</summary>
#
# 1. Without the past, action t is paid $\sum_{t'\ge t}\gamma^{t'}r_{t'+1}$: each reward with its own discount, counted from the start of the episode.
# 2. Write $\gamma^{t'}=\gamma^t\cdot\gamma^{t'-t}$.
# 3. $\gamma^t$ does not depend on $t'$ and leaves the sum: $\gamma^t\sum_{t'\ge t}\gamma^{t'-t}r_{t'+1}=\gamma^tG_t$.
# </details>
#
# ### Exercise 5 · `reinforce_to_go_loss`
#
# 3 points · 10 minutes · difficulty ●●○ medium
#
# $L=-\frac1N\sum_i\sum_t\gamma^tG_{i,t}\log\pi_\theta(a_{i,t}\mid s_{i,t})$
#
# <details><summary>Hint 1: what to think of</summary>
#
# $\gamma^tG_t$ is a sum from t to the end. Of what?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\gamma^tG_t=\sum_{t'\ge t}\gamma^{t'}r_{t'+1}$. A sum from the end is a `cumsum` of the flipped tensor, flipped back.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `weight = (discount.unsqueeze(1) * reward).flip(0).cumsum(0).flip(0)`, then weigh `log_prob`, sum over time, mean over episodes.
# </details>
# <details><summary>Help by symptom</summary>
#
# *γ counted twice:* `cumsum` of discounted rewards has γ^t already. *Right for γ = 1 only:* one of the two discounts is missing.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reinforce-to-go-loss", "locked": false, "schema_version": 3, "solution": true}
def reinforce_to_go_loss(log_prob, reward, gamma):
    """−mean over N of Σ_t γ^t G_t log π. log_prob, reward (T, N) -> ()."""
    ### BEGIN SOLUTION
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
    weight = (discount * reward).flip(0).cumsum(0).flip(0)
    return -(weight * log_prob).sum(0).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reinforce-to-go-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reinforce_to_go_loss)
### BEGIN HIDDEN TESTS
check(reinforce_to_go_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# ### Exercise 6 · `reinforce_practical_loss`
#
# 1 point · 5 minutes · difficulty ●○○ easy
#
# With γ = 0.99 the factor $\gamma^t$ is 0.02 after 400 steps: what happens late in a long episode would hardly be learned from. So nearly every implementation leaves $\gamma^t$ out and keeps $G_t$.
#
# <details><summary>Hint 1: what to think of</summary>
#
# $G_t$ counts from the action itself. A loop from the end is the plainest way.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $G_t=r_{t+1}+\gamma\,G_{t+1}$, starting from 0 after the last step.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `for t in reversed(range(len(reward))): later = reward[t] + gamma * later`, collecting `later` at the front of a list; `torch.stack` makes it (T, N).
# </details>
# <details><summary>Help by symptom</summary>
#
# *The first action gets what belongs to the last:* the list is in the order in which you met the steps, from the end. *My inputs changed:* `+=` on `reward[t]` writes into the caller's tensor.
# </details>


# %% nbgrader={"grade": false, "grade_id": "reinforce-practical-loss", "locked": false, "schema_version": 3, "solution": true}
def reinforce_practical_loss(log_prob, reward, gamma):
    """−mean over N of Σ_t G_t log π. log_prob, reward (T, N) -> ()."""
    ### BEGIN SOLUTION
    to_go, later = [], torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        later = reward[t] + gamma * later
        to_go.insert(0, later)
    return -(torch.stack(to_go) * log_prob).sum(0).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-reinforce-practical-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(reinforce_practical_loss)
### BEGIN HIDDEN TESTS
check(reinforce_practical_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# **Predict:** for which of your three losses is $-\nabla J$ the expected gradient, and whose gradient has the least variance? Write it down, then run.

# %% tags=["raises-exception"]
for loss in (reinforce_loss, reinforce_to_go_loss, reinforce_practical_loss):
    mean, variance = moments(loss)
    error = (mean + exact_gradient).norm().item()
    print(f"{loss.__name__:26} distance to −∇J {error:.6f}   variance {variance.sum():.3f}")

# %% [markdown]
# The first two agree with the gradient to the last digit; the second has a fraction of the noise. The third has another mean: for γ < 1 it is *biased*. (How far it can point away is a question of lesson 04; at γ = 1 it is the second.)
#
# And on CartPole? There nothing can be enumerated: play 200 episodes with the untrained policy, and take the gradient of each.


# %% nbgrader={"grade": false, "grade_id": "cartpole-gradients", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def gradient_variance(loss, policy, episodes):
    """The total variance of the gradient of one episode, over all parameters of the network."""
    gradient = []
    for n in range(episodes.mask.shape[1]):
        played = episodes.mask[:, n]
        log_prob = policy.log_prob(episodes.obs[played, n], episodes.action[played, n])
        one = loss(log_prob.unsqueeze(1), episodes.reward[played, n].unsqueeze(1), 0.99)
        parts = torch.autograd.grad(one, list(policy.parameters()))
        gradient.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(gradient).var(0).sum().item()


episodes = collect_episodes(
    untrained, make_vector("CartPole-v1", 200, seed=0), torch.Generator().manual_seed(0)
)
noise_total = gradient_variance(reinforce_loss, untrained, episodes)
noise_to_go = gradient_variance(reinforce_to_go_loss, untrained, episodes)

# %% nbgrader={"grade": false, "grade_id": "causality", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
_, variance_to_go = moments(reinforce_to_go_loss)
shares = [(variance_to_go.sum() / variance_total.sum()).item(), noise_to_go / noise_total]
figure, axes = new_figure(size=(7, 2.6))
names = ["robot,\nexact", "CartPole,\n200 episodes"]
axes.barh([0, 1], [1, 1], 0.36, color=COLORS["reference"])
axes.barh([0.38, 1.38], shares, 0.36, color=COLORS["reinforce"])
for place, share in enumerate(shares):
    axes.text(0.02, place, "total return", va="center", color="white")
    axes.text(share + 0.02, place + 0.38, f"reward-to-go: {share:.2f}", va="center")
axes.set(
    yticks=[0.19, 1.19], yticklabels=names, xlabel="variance of the gradient (total return = 1)"
)
axes.invert_yaxis()
axes.grid(axis="y", visible=False)
axes.set_title(
    f"Not paying for the past leaves {shares[0]:.0%} and {shares[1]:.0%} of the variance"
)
show(
    figure,
    alt="Variance of the reward-to-go gradient as a share of the total-return gradient's: "
    f"{shares[0]:.2f} for the robot, by enumeration, {shares[1]:.2f} on CartPole, by sampling.",
)

# %% [markdown]
# The error of a mean of N episodes shrinks as $\sqrt{\text{variance}/N}$. With a fifth of the variance, as on CartPole, a fifth of the episodes are as good.
#
# ### Think · 1 point
#
# Why does leaving out past rewards not bias the gradient?
#
# - **a.** They are small against what is still to come.
# - **b.** Given the past they are constant, and a constant times the score averages to zero.
# - **c.** The action does not depend on the past.
# - **d.** It does bias it, but the lower variance is worth it.


# %% nbgrader={"grade": false, "grade_id": "answer-past-rewards", "locked": false, "schema_version": 3, "solution": true}
def answer_past_rewards():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-past-rewards", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_past_rewards)

# %% [markdown]
# ## 6 · A classifier's loss is a policy gradient
#
# For discrete actions, $-\log\pi_\theta(a\mid s)$ is the *cross entropy* of the logits with the taken action as the label. So any library's classification loss, weighted per row, is a policy gradient [003]:
#
# $$L=\frac1B\sum_b w_b\,\mathrm{CE}(z_b,a_b)=-\frac1B\sum_b w_b\log\pi_\theta(a_b\mid s_b)$$
#
# ### Exercise 7 · `cross_entropy_policy_gradient`
#
# 2 points · 8 minutes · difficulty ●●○ medium
#
# `weight` may come from a network (lesson 05), so cut it off: no gradient into it. The logits may be ±1,000; `log(softmax(…))` is −∞ there.
#
# <details><summary>Hint 1: what to think of</summary>
#
# `torch.nn.functional.cross_entropy` takes logits. You need one number a row.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `reduction="none"` gives (B,). The argument `weight` of torch's function is something else: weights of *classes*.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# Multiply by `weight.detach()` and take the mean. Where does the minus go? It is inside the cross entropy.
# </details>
# <details><summary>Help by symptom</summary>
#
# *I get (B, K) or wrong rows:* `log_prob[action]` picks rows ([002]'s slip); `gather` picks one action of each. *nan at ±1,000:* use `log_softmax` or `cross_entropy`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "cross-entropy-policy-gradient", "locked": false, "schema_version": 3, "solution": true}
def cross_entropy_policy_gradient(logits, action, weight):
    """mean over B of weight · CE(logits, action). (B, K), (B,) int64, (B,) -> ()."""
    ### BEGIN SOLUTION
    cross_entropy = torch.nn.functional.cross_entropy(logits, action, reduction="none")
    return (weight.detach() * cross_entropy).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-cross-entropy-policy-gradient", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(cross_entropy_policy_gradient)
### BEGIN HIDDEN TESTS
check(cross_entropy_policy_gradient, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The same 64 trajectories as one flat batch of 192 rows, weighted with discounted rewards-to-go, against your Exercise 5:

# %% tags=["raises-exception"]
weight = (discount.unsqueeze(1) * reward).flip(0).cumsum(0).flip(0)
flat = cross_entropy_policy_gradient(logits[state.flatten()], action.flatten(), weight.flatten())
ratio = reinforce_to_go_loss(log_policy(logits), reward, gamma) / flat
print(f"Exercise 5 / Exercise 7: {ratio.item():.6f}")

# %% [markdown]
# The ratio is 3, the number of steps: one loss sums over time, the other takes the mean over all rows. Same direction, another step size.
#
# ## 7 · Your functions balance a pole
#
# The loop plays 16 whole episodes, calls *your* loss, takes one optimiser step, and starts over; the old episodes belong to an old policy and are thrown away. That is what *on-policy* means.
# The grey band is where 80 % of reference runs lie.

# %% tags=["experiment", "raises-exception"]
cartpole_run = RUNS["reinforce-cartpole"].start(
    seed=0, loss=reinforce_practical_loss, sample=sample_categorical
)
cartpole_history = train(cartpole_run, run="reinforce-cartpole", label="reinforce")

# %% tags=["experiment", "raises-exception"]
show_agent(cartpole_history.policy, "CartPole-v1")

# %% [markdown]
# From a number an episode to a balanced pole. Now look at the loss of the first and the last update:

# %% tags=["experiment", "raises-exception"]
cartpole_history.metrics["loss"][[0, -1]]

# %% [markdown]
# ### Think · 1 point
#
# The loss went *up* while the agent got better. What is wrong?
#
# - **a.** The sign of the loss.
# - **b.** The learning rate: it is too large.
# - **c.** The policy has become too certain.
# - **d.** Nothing. The data changes with the policy, so the loss of one update cannot be compared with that of another.


# %% nbgrader={"grade": false, "grade_id": "answer-loss-as-progress", "locked": false, "schema_version": 3, "solution": true}
def answer_loss_as_progress():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "d"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-loss-as-progress", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_loss_as_progress)

# %% [markdown]
# ### Pushes of any strength
#
# In continuous CartPole the action is a share of the full force, clipped to [−1, 1]. The distribution changes; the loss stays as it is. (This run plays 32 episodes an update: with 16, not every seed holds 475.)

# %% tags=["experiment", "raises-exception"]
gaussian_run = RUNS["reinforce-continuous-cartpole"].start(
    seed=0, loss=reinforce_practical_loss, sample=sample_gaussian
)
gaussian_history = train(
    gaussian_run, run="reinforce-continuous-cartpole", label="reinforce, Gaussian"
)

# %% [markdown]
# How often does a Gaussian with σ = 1, as it is at the start, ask for more than the motor can give?

# %% tags=["raises-exception"]
noise = sample_gaussian(torch.zeros(100_000, 1), torch.zeros(1), torch.Generator().manual_seed(0))
print(f"{(noise.abs() > 1).float().mean():.1%} of the actions are clipped")

# %% [markdown]
# The environment sees the clipped push; $\log\pi$ belongs to the unclipped one. A *Beta* policy avoids that: its density lives on an interval, stretched here to [−1, 1] ([002]; Chou et al. 2017).
# It draws its own samples, and your loss does the rest.

# %% tags=["experiment", "raises-exception"]
beta_run = RUNS["reinforce-beta-continuous-cartpole"].start(seed=0, loss=reinforce_practical_loss)
beta_history = train(beta_run, run="reinforce-beta-continuous-cartpole", label="reinforce, Beta")

# %% tags=["experiment", "raises-exception"]
show_agent(beta_history.policy, "ContinuousCartPole-v0")

# %% [markdown]
# ## 8 · Three ways to break it
#
# ### A million more for everyone
#
# [003] asks: what if a good trajectory returns 1,000,001 and a bad one 999,999? Add a constant c to every return: each action is paid c more.
#
# **Predict:** what happens to the mean of the gradient, and what to its spread? Move c.


# %% nbgrader={"grade": false, "grade_id": "constant", "locked": true, "schema_version": 3, "solution": false} tags=["raises-exception"]
def paid_more(c):
    """Your total-return loss with every return raised by c."""
    return lambda log_prob, reward, gamma: (
        reinforce_loss(log_prob, reward, gamma) - c * log_prob.sum(0).mean()
    )


def draw_constant(axes, c):
    mean, variance = moments(paid_more(c))
    states, height = ["charged", "flat"], -mean[:, 1]
    axes.bar(states, height, color=COLORS["reinforce"])
    axes.errorbar(states, height, variance[:, 1].sqrt(), fmt="none", color="black", capsize=5)
    axes.axhline(0, color="black", linewidth=1)
    axes.set(ylabel="step for “work”", ylim=(-8, 9))


# %% tags=["raises-exception"]
slider(
    draw_constant,
    c=[-3, -2, -1, 0, 1, 2, 5, 10],
    static=[{"c": c} for c in (-1, 0, 2, 5)],
    title="Bars: the mean step, which c leaves alone. Lines: ± one standard deviation, which it does not",
    alt="Four panels, c = −1, 0, 2 and 5. The mean steps for working when charged and when flat are "
    "the same in all; the standard deviation is smallest at c = −1 and grows with c.",
)

# %% [markdown]
# And at a million?

# %% tags=["raises-exception"]
for c in (-1.0, 0.0, 1_000_000.0):
    mean, variance = moments(paid_more(c))
    print(
        f"c = {c:>11,.0f}   step when charged {-mean[0, 1]:.6f}   standard deviation {variance.sum().sqrt():,.2f}"
    )

# %% [markdown]
# The mean does not move; the standard deviation grows to more than a million. (And a *negative* c near −J makes it smaller than at c = 0. Lesson 03 is about that.)
#
# ### Think · 1 point
#
# CartPole with 1,000,000 added to every return:
#
# - **a.** The expected gradient points somewhere else.
# - **b.** Learning is faster: the gradients are larger.
# - **c.** The expectation is the same, and the noise tens of thousands of times larger: whatever was done becomes more likely.
# - **d.** Nothing changes: the optimiser rescales the step.


# %% nbgrader={"grade": false, "grade_id": "answer-million", "locked": false, "schema_version": 3, "solution": true}
def answer_million():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-million", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_million)

# %% [markdown]
# Three seeds with your loss, and the same three with a million on every return:


# %% tags=["experiment", "raises-exception"]
def million_loss(log_prob, reward, gamma):
    """Every G_t raised by 1,000,000."""
    return reinforce_practical_loss(log_prob, reward, gamma) - 1e6 * log_prob.sum(0).mean()


def three_seeds(loss, max_steps):
    """Three short runs on CartPole."""
    options = {"environment_id": "CartPole-v1", "max_steps": max_steps, "quiet": True}
    histories = []
    for seed in range(3):
        run = RUNS["reinforce-cartpole"].start(seed, loss=loss)
        histories.append(train(run, label=f"seed {seed}", **options))
    return histories


plain = three_seeds(reinforce_practical_loss, 40_000)
million = three_seeds(million_loss, 40_000)

# %% tags=["experiment", "raises-exception"]
best = max(history.returns.max() for history in million)
figure = learning_curve(
    {"reinforce": plain, "wrong: + 1,000,000": million},
    run="reinforce-cartpole",
    colors={"wrong: + 1,000,000": COLORS["wrong"]},
    title=f"With a million on every return, no seed gets beyond {best:.0f}",
)
alt = f"Your loss: {describe_curves(plain)} With 1,000,000 added: {describe_curves(million)}"
show(figure, alt=alt)

# %% [markdown]
# What have they become? The *entropy* of a policy over two actions is 0.693 for a coin toss and 0 for certainty:

# %% tags=["experiment", "raises-exception"]
for history in million:
    entropy = history.policy.entropy(episodes.obs[episodes.mask]).mean().item()
    print(f"{history.label}: last mean return {history.returns[-1]:.0f}, entropy {entropy:.3f}")

# %% [markdown]
# A return of 9 is what you get for pushing the same way all the time, and a policy that has become certain never tries anything else again. One that has not drifts: now and then upwards, by luck, and on from there.
#
# ### Exercise 8 · a silent bug
#
# 2 points · 10 minutes · difficulty ●●○ medium
#
# A friend has the remedy: "pay what is *better than average*". She subtracts the mean $\bar G$ of all T·N rewards-to-go:
# $L=-\frac1N\sum_i\sum_t(G_{i,t}-\bar G)\log\pi_\theta(a_{i,t}\mid s_{i,t})$. It is a good idea. Her code raises nothing, warns of nothing, and does not learn:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def centred_loss(log_prob, reward, gamma):
    """Meant: −mean over N of Σ_t (G_t − Ḡ) log π. It runs."""
    steps, num_episodes = reward.shape
    to_go, later = [], torch.zeros(num_episodes, dtype=reward.dtype)
    for t in reversed(range(steps)):
        later = reward[t] + gamma * later
        to_go.insert(0, later)
    to_go = torch.stack(to_go).reshape(-1, 1)  # one row for each step of each episode
    weight = to_go - to_go.mean()
    return -(weight * log_prob.reshape(-1)).sum() / num_episodes


gradient = torch.autograd.grad(centred_loss(log_policy(logits), reward, gamma), logits)[0]
print("largest element of its gradient on the 64 trajectories:", gradient.abs().max().item())

# %% [markdown]
# Not a small gradient: none, up to rounding. Find out why, and repair it. (Padding after an early end may count in $\bar G$.)
#
# <details><summary>Hint 1: what to think of</summary>
#
# Print the shape of each factor of the last product, and of the product.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\sum_{i}\sum_{j}w_i\,x_j=\big(\sum_iw_i\big)\big(\sum_jx_j\big)$. What is the sum of weights that have had their mean taken off?
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# A row against a column makes a table. Reshape both to (−1,), or neither.
# </details>
# <details><summary>Help by symptom</summary>
#
# *Still zero:* you may have centred the product, not the weights. *Not zero, but wrong:* one of the two was transposed before it was flattened.
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-centred-loss", "locked": false, "schema_version": 3, "solution": true}
def repaired_centred_loss(log_prob, reward, gamma):
    """−mean over N of Σ_t (G_t − Ḡ) log π. log_prob, reward (T, N) -> ()."""
    ### BEGIN SOLUTION
    to_go, later = [], torch.zeros_like(reward[0])
    for t in reversed(range(len(reward))):
        later = reward[t] + gamma * later
        to_go.insert(0, later)
    to_go = torch.stack(to_go)
    return -((to_go - to_go.mean()) * log_prob).sum(0).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-centred-loss", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_centred_loss)
### BEGIN HIDDEN TESTS
check(repaired_centred_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# On CartPole numbers are float32, and rounding leaves a little of what should be nothing. The length of both gradients, on 16 of the untrained policy's episodes:

# %% tags=["raises-exception"]
log_prob = episodes.log_prob(untrained)[:, :16]
for loss in (centred_loss, repaired_centred_loss):
    value = loss(log_prob, episodes.reward[:, :16], 0.99)
    parts = torch.autograd.grad(value, list(untrained.parameters()), retain_graph=True)
    length = torch.cat([part.flatten() for part in parts]).norm().item()
    print(f"{loss.__name__:22} {length:.6f}")

# %% [markdown]
# The optimiser, Adam, divides a gradient by its own typical size, so even this remainder becomes full steps, in no useful direction: the bugged policy wanders, and looks busy.

# %% tags=["experiment", "raises-exception"]
bugged = three_seeds(centred_loss, 15_000)
repaired = three_seeds(repaired_centred_loss, 40_000)

# %% tags=["experiment", "raises-exception"]
best = max(history.returns.max() for history in bugged)
figure = learning_curve(
    {"reinforce, repaired": repaired, "wrong: (T·N, 1) × (T·N,)": bugged},
    run="reinforce-cartpole",
    colors={"wrong: (T·N, 1) × (T·N,)": COLORS["wrong"]},
    title=f"The repaired loss learns; the bugged one never gets beyond {best:.0f}",
)
show(figure, alt=f"Repaired: {describe_curves(repaired)} Bugged: {describe_curves(bugged)}")

# %% [markdown]
# What would have found it sooner? A check of shapes before every product, a gradient compared with a formula on a small world, and a look at the returns instead of the loss.
#
# ### Half of the state
#
# The derivation used $\pi(a\mid s)$ as a function that you can differentiate. That *s* is the whole state was never used: with an observation *o*, every line holds for $\pi(a\mid o)$ [003].
# Take the two velocities away from CartPole.
#
# **Predict:** does it still improve? Does it still get to 500?

# %% tags=["experiment", "raises-exception"]
hidden_run = RUNS["reinforce-hidden-velocity"].start(seed=0, loss=reinforce_practical_loss)
hidden_history = train(
    hidden_run, run="reinforce-hidden-velocity", max_steps=40_000, label="reinforce, no velocities"
)

# %% tags=["experiment", "raises-exception"]
print("mean of the last ten evaluations:", hidden_history.returns[-10:].mean().round(1))

# %% [markdown]
# It gets to about twice the 22 it starts from, and stays far from 500. The gradient is still right, but it climbs the best hill *within reach*: policies that see two positions and remember nothing. Whether the pole is coming or going they cannot know.
#
# ## 9 · What we left out
#
# - **Baselines.** Why centring helps, and what the best constant is: lesson 03.
# - **The theorem** behind $\gamma^t$, and what dropping it really optimises: lesson 04.
# - **Critics** that replace the noisy $G_t$: lesson 05. **Old data**: lesson 06. **Step sizes** that do not depend on luck: lessons 08 and 09.
#
# ## Summary
#
# | loss | formula | mean of its gradient | noise |
# | --- | --- | --- | --- |
# | maximum likelihood, own data | $-\frac1M\sum\log\pi$ | 0 | |
# | total return | $-\frac1N\sum_iR_\gamma\sum_t\log\pi_t$ | $-\nabla J$ | most |
# | reward-to-go | $-\frac1N\sum_i\sum_t\gamma^tG_t\log\pi_t$ | $-\nabla J$ | less |
# | practical | $-\frac1N\sum_i\sum_tG_t\log\pi_t$ | biased for γ < 1 | less; late steps count |
# | cross entropy | $\frac1B\sum_bw_b\,\mathrm{CE}_b$ | the same as its weights' | |
#
# - $\nabla p=p\,\nabla\log p$: a sum of gradients becomes an expectation, which can be sampled.
# - $\nabla\log p(\tau)=\sum_t\nabla\log\pi_t$: the environment drops out.
# - $\mathbb E_\pi[\nabla\log\pi]=0$: no learning from imitating oneself, none from a product of expectations, no bias from dropping the past, none from a constant.

# %% [markdown]
# ### In your own words · 3 points, graded by hand · 15 minutes
#
# A game ends with reward 1 for a win and 0 for a loss; γ = 1. A fresh policy wins one game in a hundred. In at most ten sentences:
#
# 1. What do the 99 lost games contribute to the gradient of `reinforce_loss`, and why?
# 2. Your friend pays +1 for a win and −1 for a loss instead. What happens to the expected gradient, and what to its variance? Estimate both factors.
# 3. To save time she also keeps the games of earlier policies and averages over all. Which line of the derivation no longer holds?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-game", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. Nothing: their return is 0, so each score is multiplied by 0. (Half a point for "little" without the reason.) Nothing is learned from a loss as such; a win makes its actions more likely.
# 2. The new return is 2R − 1. The constant −1 has no effect on the expectation (E[score] = 0), so the expected gradient doubles. The second moment goes from about 0.01 E|S|² to E|S|² with S the sum of scores, so the variance grows about a hundredfold
#    and the signal-to-noise ratio falls by about five. Full marks for "doubles" with the reason and "grows much, because now every game contributes a full score"; half a point for one of the two.
# 3. Line 3 (or 5): the expectation is under p(τ|θ) of the policy whose gradient is taken; the old games were drawn from other distributions, so their mean estimates something else. Mentioning importance sampling is welcome, not needed.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Williams (1992), *Simple statistical gradient-following algorithms for connectionist reinforcement learning*: where the name comes from.
# - Sutton and Barto (2018), *Reinforcement Learning*, chapter 13.
# - Schulman, Heess, Weber, Abbeel (2015), *Gradient estimation using stochastic computation graphs*: which surrogate losses are right, in general.
# - Nota and Thomas (2020), *Is the policy gradient a gradient?*: what dropping $\gamma^t$ does.
# - Chou, Maturana, Scherer (2017), *Improving stochastic policy gradients in continuous control … using the Beta distribution*.
# - [002], [003], [004]: REINFORCE; [000]: the likelihood ratio.
