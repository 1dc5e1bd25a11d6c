# %% [markdown]
# # How do you pay for a sentence?
#
# **Lesson 12 · Policy gradients for language models: GRPO and DPO** · about two and a half hours · 25 points

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
from dataclasses import replace
from itertools import islice

import torch

from course_lib import check, check_answer
from course_lib.algorithms import GRPOConfig, grpo
from course_lib.figures import COLORS, new_figure, show, slider, train, use_style
from course_lib.imitation import supervised_start
from course_lib.language_models import Answers, LanguagePolicy, success_rate
from course_lib.language_tasks import find_task, written
from course_lib.runs import RUNS

torch.set_num_threads(1)
torch.set_printoptions(precision=4, sci_mode=False)
use_style()

# %% [markdown]
# A transformer with 27,000 parameters has been shown some right answers: "3141=" is followed by "1134.", the digits in order and a full stop. It has been shown too few. Here is what it says, one character drawn after the other:

# %% nbgrader={"grade": false, "grade_id": "weak-start", "locked": true, "schema_version": 3, "solution": false}
TASK = find_task("SortDigits-v0")
generator = torch.Generator().manual_seed(0)
START = supervised_start(TASK, GRPOConfig(), generator)


def show_answers(policy, prompts, seed=0):
    """What a policy writes behind each prompt, and whether it is right."""
    answers = policy.write(prompts, torch.Generator().manual_seed(seed))
    marks = TASK.rewards["right"](answers.prompt, answers.answer)
    for prompt, answer, mark in zip(prompts, answers.answer, marks.tolist(), strict=True):
        text = "".join(TASK.vocabulary[token] for token in prompt.tolist())
        print(f"{text} {TASK.text(answer):10} {'✓' if mark else '✗'}")


PROMPTS = TASK.prompts(3, torch.Generator().manual_seed(1)).repeat_interleave(3, 0)
show_answers(START, PROMPTS)
print(f"right: {success_rate(START, TASK, 2_000, seed=0):.1%}")

# %% [markdown]
# A program marks the answers, so there is no slope from the mark back to the parameters: drawing a character is a lottery, and "right" is yes or no. That is the situation of lesson 02, down to the details. A *prompt* and what has been written so far is the state, the next *token* (here: a character) is the action, the answer is an episode, and the only reward comes at its end.
#
# [002] notes that fine-tuning language models "almost always uses policy gradient methods". This lesson does it, at a size that a laptop can train in seconds: same losses, same mistakes, same surprises.
#
# - **You will** write the log-probability of an answer, an advantage without a critic, the penalty that keeps a model near its start, GRPO's loss and DPO's; train with them; watch a model cheat a reward; and find a bug that makes the loss better and the model useless.
# - **You need** REINFORCE and maximum likelihood (lesson 02), baselines (03), PPO's clip (09), and the Boltzmann policy (10).
#
# <details><summary>The dictionary</summary>
#
# | so far | here |
# | --- | --- |
# | state $s_t$ | the prompt x and the tokens $y_{\lt t}$ written so far |
# | action $a_t$ | token $y_t$, one of V = 12: ten digits, "=", "." |
# | transition | append the token: no chance in it |
# | episode | an answer y, up to its full stop or 8 tokens |
# | reward | one number for the whole answer, γ = 1 |
# | behaviour policy | the model as it was when it wrote |
# | new: reference | the supervised start, kept |
# </details>
#
# ## 1 · The probability of an answer
#
# A transformer reads tokens and says for each place how likely each next token is: *logits* (B, L, V), here arranged such that `logits[:, t]` predicts `tokens[:, t]`.
#
# ### Exercise 1 · `token_log_prob`
#
# 1 point · 4 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Lesson 01's `categorical_log_prob` with one axis more. Over which axis do probabilities sum to 1?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log\pi(y_t)=\text{logits}_{t,y_t}-\log\sum_v\exp\text{logits}_{t,v}$: `log_softmax`, then pick.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `table.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "token-log-prob", "locked": false, "schema_version": 3, "solution": true}
def token_log_prob(logits, tokens):
    """log π of each token. (B, L, V), (B, L) -> (B, L); logits[:, t] predicts tokens[:, t]."""
    ### BEGIN SOLUTION
    table = logits.log_softmax(-1)
    return table.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-token-log-prob", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(token_log_prob)
### BEGIN HIDDEN TESTS
check(token_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# The answer's probability is a product over its tokens, $\pi(y\mid x)=\prod_t\pi(y_t\mid x,y_{\lt t})$: the trajectory's probability of lesson 00, with an environment that contributes 1. Answers have different lengths, so a batch is padded, and a *mask* says which tokens are the answer's own. The full stop is one of them: to stop is an action too.
#
# ### Exercise 2 · `sequence_log_prob`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# What does a padded place have to contribute to a sum of logarithms?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log\pi(y\mid x)=\sum_t\text{mask}_t\log\pi(y_t\mid x,y_{\lt t})$. A sum, not a mean.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `.masked_fill(~mask, 0).sum(-1)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "sequence-log-prob", "locked": false, "schema_version": 3, "solution": true}
def sequence_log_prob(logits, tokens, mask):
    """log π of whole answers. (B, L, V), (B, L), (B, L) bool -> (B,)."""
    ### BEGIN SOLUTION
    return token_log_prob(logits, tokens).masked_fill(~mask, 0).sum(-1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-sequence-log-prob", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(sequence_log_prob)
### BEGIN HIDDEN TESTS
check(sequence_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Probabilities of everything that could be said sum to 1. With at most three tokens that is 1 + 11 + 11² · 12 = 1,464 answers to "3141="; ask the model for all of them:

# %% tags=["raises-exception"]
all_rows = torch.cartesian_prod(*[torch.arange(12)] * 3)
mask = written(all_rows)
kept = torch.unique(all_rows.masked_fill(~mask, 11), dim=0)  # behind a full stop: full stops
prompt = torch.tensor([[3, 1, 4, 1, 10]]).expand(len(kept), -1)
answers = Answers(prompt, kept, written(kept))
with torch.no_grad():
    log_prob = sequence_log_prob(START.answer_logits(answers), kept, answers.mask)
print(len(kept), "answers, total probability", log_prob.double().exp().sum().item())

# %% [markdown]
# ## 2 · A start by imitation, and how it goes wrong quietly
#
# Without any start nearly every answer is wrong, every reward is 0, and there is nothing to learn from. So one imitates first: maximum likelihood of right answers, lesson 02 with weight 1. The model above did that for 45 batches.
#
# ### Silent bug · Exercise 3
#
# 2 points · 12 minutes · difficulty ●●○ medium
#
# To imitate, prompt and answer go through the transformer in one go. Now `logits[:, t]` is what the model says *after reading token t*. A friend scores the answer's tokens:


# %% nbgrader={"grade": false, "grade_id": "bugged", "locked": true, "schema_version": 3, "solution": false}
def bugged_answer_log_prob(logits, tokens, prompt_length):
    """Meant: log π of the answer's tokens, (B, P + L, V), (B, P + L) -> (B, L). It runs."""
    log_prob = logits[:, prompt_length:].log_softmax(-1)
    answer = tokens[:, prompt_length:]
    return log_prob.gather(-1, answer.unsqueeze(-1)).squeeze(-1)


# %% [markdown]
# **Predict:** trained with this, will the loss be higher or lower than with the right one? And the share of right answers?
#
# <details><summary>Hint 1: what to think of</summary>
#
# The answer's first token stands at place `prompt_length`. Which place's logits were computed before it was read?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Token t is predicted by `logits[:, t - 1]`. The answer's first token by the prompt's last place.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `logits[:, prompt_length - 1 : -1]`
# </details>


# %% nbgrader={"grade": false, "grade_id": "repaired-answer-log-prob", "locked": false, "schema_version": 3, "solution": true}
def repaired_answer_log_prob(logits, tokens, prompt_length):
    """log π of the answer's tokens; logits[:, t] predict tokens[:, t + 1]. -> (B, L)."""
    ### BEGIN SOLUTION
    predictions = logits[:, prompt_length - 1 : -1]
    return token_log_prob(predictions, tokens[:, prompt_length:])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-repaired-answer-log-prob", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(repaired_answer_log_prob)
### BEGIN HIDDEN TESTS
check(repaired_answer_log_prob, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Both, for 150 batches of 64 right answers:


# %% nbgrader={"grade": false, "grade_id": "imitate", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
def imitate(answer_log_prob, updates=150):
    """Train a new policy by maximum likelihood: losses, and the share of right answers."""
    generator = torch.Generator().manual_seed(0)
    policy = LanguagePolicy(TASK, generator=generator)
    optimizer = torch.optim.Adam(policy.parameters(), 3e-3)
    losses, right = [], {0: success_rate(policy, TASK, 500, seed=0)}
    for update in range(1, updates + 1):
        prompt = TASK.prompts(64, generator)
        answer = TASK.solution(prompt)
        logits = policy.transformer(torch.cat((prompt, answer), 1))
        log_prob = answer_log_prob(logits, torch.cat((prompt, answer), 1), prompt.shape[1])
        loss = -log_prob[written(answer)].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if update % 15 == 0:
            right[update] = success_rate(policy, TASK, 500, seed=0)
    return losses, right


# %% tags=["experiment", "raises-exception"]
histories = {
    "repaired": imitate(repaired_answer_log_prob),
    "wrong": imitate(bugged_answer_log_prob),
}

# %% [markdown]
# Here is what a dashboard would show, and what it would not:

# %% nbgrader={"grade": false, "grade_id": "imitate-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(1, 2, size=(7, 2.9))
for name, color in (("repaired", COLORS["a2c"]), ("wrong", COLORS["wrong"])):
    losses, right = histories[name]
    axes[0].semilogy(losses, color=color, label=name)
    axes[1].plot(list(right), list(right.values()), color=color, label=name)
axes[0].set(xlabel="updates", ylabel="loss a token, nats")
axes[1].set(xlabel="updates", ylabel="share of right answers", ylim=(-0.02, 1.02))
axes[0].legend()
figure.suptitle(
    "The better loss belongs to the model that can do nothing", x=0.01, ha="left", weight="bold"
)
show(
    figure,
    alt=f"Left: the loss, logarithmic. Repaired it ends at {histories['repaired'][0][-1]:.3f}, with the bug at {histories['wrong'][0][-1]:.4f}. "
    f"Right: the share of right answers, {histories['repaired'][1][150]:.2f} repaired, {histories['wrong'][1][150]:.2f} with the bug.",
)

# %% [markdown]
# The bug asks the model to say a token that it has just read. It learns to copy, perfectly, and has never been asked to predict. A loss that falls too fast deserves the same suspicion as one that does not fall.
#
# ## 3 · An advantage without a critic
#
# From here on a program pays: 1 for a right answer, 0 for any other. REINFORCE needs a baseline, and a critic for half-written answers is a second model of the same size. GRPO (Shao et al. 2024) asks the cheapest critic there is: the *other answers to the same prompt*. Let the model answer each of P prompts G times, and compare:
#
# $$A_{p,g}=\frac{r_{p,g}-\text{mean}_g\,r_p}{\text{std}_g\,r_p+\varepsilon}$$
#
# ### Exercise 4 · `group_advantage`
#
# 2 points · 6 minutes · difficulty ●○○ easy
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which axis is the group? What should come out for a group in which all are right?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# Mean and *population* standard deviation of each row, with `keepdim=True`; ε is added outside the root.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `reward.std(-1, correction=0, keepdim=True)`
# </details>


# %% nbgrader={"grade": false, "grade_id": "group-advantage", "locked": false, "schema_version": 3, "solution": true}
def group_advantage(reward, eps):
    """Normalised within each prompt's group. (P, G) -> (P, G)."""
    ### BEGIN SOLUTION
    centred = reward - reward.mean(-1, keepdim=True)
    return centred / (reward.std(-1, correction=0, keepdim=True) + eps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-group-advantage", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(group_advantage)
### BEGIN HIDDEN TESTS
check(group_advantage, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Two questions about that baseline. First: lesson 03 said that a baseline must not depend on the action, and this mean contains the answer's own reward. Does it bias the gradient? Write $r_i$ for the reward of answer i, n for G. The own share of the mean is $r_i/n$:
#
# $$\mathbb E\Big[\big(r_i-\tfrac1n\textstyle\sum_jr_j\big)\nabla\log\pi_i\Big]=\mathbb E[r_i\nabla\log\pi_i]-\tfrac1n\mathbb E[r_i\nabla\log\pi_i]-\tfrac1n\sum_{j\ne i}\mathbb E[r_j]\,\underbrace{\mathbb E[\nabla\log\pi_i]}_{0}=\Big(1-\frac1n\Big)\nabla J$$
#
# The direction is right, the length a little too short. By enumeration, three actions, n = 3, all 27 groups:

# %% tags=["raises-exception"]
logits = torch.tensor([0.5, 0.0, -1.0], dtype=torch.float64)
pay = torch.tensor([0.2, 1.0, 0.6], dtype=torch.float64)
pi = logits.softmax(0)
score = torch.eye(3, dtype=torch.float64) - pi  # row a: ∇ log π(a)
groups = torch.cartesian_prod(*[torch.arange(3)] * 3)
chance = pi[groups].prod(1)
away = pay[groups] - pay[groups].mean(1, keepdim=True)
estimate = (chance[:, None, None] * away[..., None] * score[groups]).sum(0).mean(0)
exact = (pi * pay) @ score
print("with the group's mean:", estimate)
print("(1 − 1/3) ∇J:         ", (1 - 1 / 3) * exact)

# %% [markdown]
# Second: which prompts teach? If all G answers earn the same, every advantage is 0. With success rate p that does *not* happen with probability $1-p^G-(1-p)^G$.
#
# **Predict:** G = 8. How often does a prompt teach at p = 0.5, 0.05, 0.001?


# %% nbgrader={"grade": false, "grade_id": "which-teach", "locked": true, "schema_version": 3, "solution": false}
def draw_mixed(axes, G):
    """The chance that a group is mixed, against the success rate."""
    p = torch.linspace(0, 1, 201, dtype=torch.float64)
    axes.plot(p, 1 - p**G - (1 - p) ** G, color=COLORS["ppo"])
    axes.set(xlabel="success rate p", ylabel="groups that teach", ylim=(0, 1.02))
    low = 1 - 0.05**G - 0.95**G
    axes.plot([0.05], [low], "o", color=COLORS["exact"])
    axes.text(0.09, low - 0.03, f"{low:.2f} at p = 0.05", va="top", fontsize=9)


slider(
    draw_mixed,
    alt="The probability that a group holds right and wrong answers, against the success rate, for groups of 2, 4, 8 and 32. It is 0 at both ends and largest in the middle; "
    "the larger the group, the flatter the top. At p = 0.05 it is 0.10, 0.19, 0.34 and 0.81.",
    static=[{"G": G} for G in (2, 4, 8, 32)],
    title="What is too hard or too easy teaches nothing",
    G=[2, 4, 8, 16, 32, 64],
)

# %% [markdown]
# That is why the weak start is needed, and why one picks prompts of middling difficulty. At p = 0.001 one group of eight in 125 teaches anything.
#
# ### Think · 1 point
#
# Eight answers to a prompt, one is right. What is its advantage (ε = 0), and that of the only *wrong* one where seven are right?
#
# - **a.** 0.875 and −0.875: the distance to the mean.
# - **b.** +2.65 and −2.65: the rarer an outcome within its group, the larger its advantage.
# - **c.** 1 and −1, as for every group of rewards 0 and 1.
# - **d.** +0.33 and −0.33: a rare outcome is averaged away.


# %% nbgrader={"grade": false, "grade_id": "answer-one-of-eight", "locked": false, "schema_version": 3, "solution": true}
def answer_one_of_eight():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-one-of-eight", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_one_of_eight)

# %% [markdown]
# ## 4 · How far from home?
#
# A model that is paid for one thing forgets the others. So one adds a price for leaving the *reference*, the model before: $-\beta\,D_\text{KL}(\pi_\theta\|\pi_\text{ref})$. The sum over all tokens of the vocabulary, for every state, would be exact here; for a large vocabulary one estimates it from the tokens that were written. With $d=\log\pi_\text{ref}-\log\pi_\theta$ of a token, three estimates (Schulman 2020):
#
# $$k_1=-d,\qquad k_2=\tfrac12d^2,\qquad k_3=e^d-d-1$$
#
# $\mathbb E[k_1]=\mathbb E[\log\pi_\theta-\log\pi_\text{ref}]$ is the divergence by definition. To it $k_3$ adds $e^d-1$, whose mean over tokens of $\pi_\theta$ is $\sum\pi_\theta\frac{\pi_\text{ref}}{\pi_\theta}-1=0$. So $k_3$ has the same mean. And $e^d\ge1+d$: it is never negative.
#
# ### Exercise 5 · `kl_to_reference`
#
# 2 points · 5 minutes · difficulty ●○○ easy
#
# One point for the value, one for the gradients: the reference stands still.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Which way round is d? At $\pi_\theta=\pi_\text{ref}$ the result must be 0, and positive on both sides.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $e^d-d-1$, $d=\bot(\log\pi_\text{ref})-\log\pi_\theta$ (⊥: held, `detach()`). For small d, `torch.expm1(d)` keeps the digits that $e^d-1$ loses.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `torch.expm1(difference) - difference`
# </details>


# %% nbgrader={"grade": false, "grade_id": "kl-to-reference", "locked": false, "schema_version": 3, "solution": true}
def kl_to_reference(log_prob, ref_log_prob):
    """exp(d) − d − 1, d = log π_ref − log π, the reference held. (B, L) twice -> (B, L)."""
    ### BEGIN SOLUTION
    difference = ref_log_prob.detach() - log_prob
    return torch.expm1(difference) - difference
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-kl-to-reference", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(kl_to_reference)
### BEGIN HIDDEN TESTS
check(kl_to_reference, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Mean and spread of the three, exactly, over the twelve tokens of a policy near the reference and of one far away:

# %% tags=["raises-exception"]
ref = torch.randn(12, generator=generator, dtype=torch.float64).log_softmax(0)
for distance in (0.2, 1.5):
    new = (ref + distance * torch.randn(12, generator=generator, dtype=torch.float64)).log_softmax(
        0
    )
    pi, d = new.exp(), ref - new
    print(f"exact divergence {(pi * (new - ref)).sum():.4f}")
    for name, k in {"k1": -d, "k2": d**2 / 2, "k3": kl_to_reference(new, ref)}.items():
        mean = (pi * k).sum()
        spread = (pi * (k - mean) ** 2).sum().sqrt()
        print(
            f"   {name}: mean {mean:.4f}   standard deviation {spread:.4f}   smallest {k.min():.4f}"
        )

# %% [markdown]
# $k_1$ and $k_3$ have the right mean, $k_2$ only nearly, and only when the policies are close. Then $k_3$ has about a sixth of $k_1$'s noise.
#
# A warning for those who look closely. As a *loss*, only $k_3$'s gradient counts, and it is not the gradient of the divergence it estimates: $\mathbb E_{\pi_\theta}[\nabla k_3]=\mathbb E_{\pi_\theta}\big[(1-e^d)\nabla\log\pi_\theta\big]=-\sum\pi_\text{ref}\nabla\log\pi_\theta=\nabla D_\text{KL}(\pi_\text{ref}\|\pi_\theta)$: the *other* divergence. It pulls to the same place, with other strength. As a number:

# %% tags=["raises-exception"]
theta = new.clone().requires_grad_()
log_pi = theta.log_softmax(0)
weight = log_pi.exp().detach()  # tokens are drawn, not differentiated


def slope(value):
    """The gradient by θ."""
    return torch.autograd.grad(value, theta, retain_graph=True)[0]


k3 = slope((weight * kl_to_reference(log_pi, ref)).sum())
print(
    "largest difference to ∇KL(ref‖π):",
    (k3 - slope(-(ref.exp() * log_pi).sum())).abs().max().item(),
)
print(
    "largest difference to ∇KL(π‖ref):",
    (k3 - slope((log_pi.exp() * (log_pi - ref)).sum())).abs().max().item(),
)
print(
    "mean gradient of k1:             ", slope((weight * (log_pi - ref)).sum()).abs().max().item()
)

# %% [markdown]
# ### Think · 1 point
#
# The last line: the mean gradient of $k_1=\log\pi_\theta-\log\pi_\text{ref}$, used as a loss on tokens drawn from $\pi_\theta$, is 0. Why?
#
# - **a.** Because the policy equals the reference here.
# - **b.** Because $k_1$ is negative half of the time, and the halves cancel by chance.
# - **c.** Its gradient is the score ∇log π, and the mean score is 0: such a penalty would hold nothing back.
# - **d.** Because the reference was detached.


# %% nbgrader={"grade": false, "grade_id": "answer-k1-as-a-loss", "locked": false, "schema_version": 3, "solution": true}
def answer_k1_as_a_loss():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "c"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-k1-as-a-loss", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_k1_as_a_loss)

# %% [markdown]
# ## 5 · GRPO
#
# Put it together. Answers are dear, so take a few steps on each batch; then the model is not the one that wrote them, and PPO's clipped ratio (lesson 09) keeps that honest, token by token:
#
# $$L=-\frac1{|\mathcal B|}\sum_{i\in\mathcal B}\frac1{|y_i|}\sum_{t\in y_i}\Big[\min\big(\rho_{it}A_i,\;\text{clip}(\rho_{it},1-\varepsilon,1+\varepsilon)A_i\big)-\beta\,k_3\Big],\qquad\rho_{it}=\frac{\pi_\theta(y_{it})}{\pi_\text{old}(y_{it})}$$
#
# $\mathcal B$ are the answers of the batch that have a token at all, $|y_i|$ is the number of tokens of answer i. One advantage for all tokens of an answer: nobody knows which of them deserved it.
#
# ### Exercise 6 · `grpo_loss`
#
# 5 points · 20 minutes · difficulty ●●● hard
#
# Two points for the value, one for the gradients, two for answers without a token and for padding that holds absurd numbers.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Three log-probabilities come in, and only one learns. Padding must not reach an exponential: $e^{800}\cdot0$ is not a number.
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# `masked_fill(~mask, 0)` on differences *before* `exp`; terms (B, L), masked again; sum over tokens divided by each answer's count; mean over answers with a count above 0.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `weight = advantage.detach().unsqueeze(-1)`, `torch.minimum(ratio * weight, ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon) * weight)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "grpo-loss", "locked": false, "schema_version": 3, "solution": true}
def grpo_loss(log_prob, old_log_prob, ref_log_prob, advantage, mask, clip_epsilon, kl_coef):
    """GRPO, to be minimised. (B, L) three times, (B,), (B, L) bool, floats -> scalar."""
    ### BEGIN SOLUTION
    ratio = (log_prob - old_log_prob.detach()).masked_fill(~mask, 0).exp()
    weight = advantage.detach().unsqueeze(-1)
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    penalty = kl_to_reference(log_prob.masked_fill(~mask, 0), ref_log_prob.masked_fill(~mask, 0))
    term = torch.minimum(ratio * weight, clipped * weight) - kl_coef * penalty
    count = mask.sum(-1)
    by_answer = term.masked_fill(~mask, 0).sum(-1) / count.clamp(min=1)
    return -by_answer[count > 0].mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-grpo-loss", "locked": true, "points": 5, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(grpo_loss)
### BEGIN HIDDEN TESTS
check(grpo_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Your four functions train the model. 32 prompts, 8 answers each; the curve is the share of right answers among fresh ones.

# %% tags=["experiment", "raises-exception"]
yours = {
    "log_probability": token_log_prob,
    "advantage": group_advantage,
    "divergence": kl_to_reference,
    "loss": grpo_loss,
}
history = train(
    RUNS["grpo-sort-digits"].start(seed=0, **yours), run="grpo-sort-digits", label="GRPO"
)

# %% tags=["experiment", "raises-exception"]
show_answers(history.policy, PROMPTS)
before, after = (success_rate(policy, TASK, 2_000, seed=0) for policy in (START, history.policy))
print(f"right: {after:.1%}   before: {before:.1%}")

# %% [markdown]
# No right answer was shown since the start; the model was only told, of its own answers, which were right. And how far did it go for it?

# %% nbgrader={"grade": false, "grade_id": "grpo-metrics", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(1, 3, size=(7, 2.5))
labels = {
    "success": "share of right answers",
    "kl": "KL to the reference",
    "length": "tokens an answer",
}
for axis, (name, label) in zip(axes, labels.items(), strict=True):
    values = history.metrics[name]
    axis.plot(torch.tensor(history.update_steps) / 1_000, values, color=COLORS["ppo"])
    axis.set(xlabel="thousand tokens")
    axis.set_title(label, fontsize=10, fontweight="normal")
axes[0].set_ylim(0, 1)
kl = history.metrics["kl"]
figure.suptitle(f"All it took was {kl[-1]:.2f} nats a token", x=0.01, ha="left", weight="bold")
show(
    figure,
    alt=f"Three curves against tokens written. The share of right answers rises from {history.metrics['success'][0]:.2f} to {history.metrics['success'][-1]:.2f}, "
    f"the divergence from 0 to {kl[-1]:.3f} nats a token, the length stays near 5 tokens.",
)

# %% [markdown]
# ### Think · 1 point
#
# Two wrong answers with the same advantage −1, one of 5 tokens, one of 50. GRPO averages within each answer first. What follows?
#
# - **a.** Each token of the long one is punished a tenth as hard: if you must be wrong, be wrong at length.
# - **b.** The long one is punished ten times as hard, as it has ten times the tokens.
# - **c.** Both push every one of their tokens equally hard.
# - **d.** Length does not matter, because the ratio is clipped.


# %% nbgrader={"grade": false, "grade_id": "answer-wrong-at-length", "locked": false, "schema_version": 3, "solution": true}
def answer_wrong_at_length():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-wrong-at-length", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_wrong_at_length)

# %% [markdown]
# ### Think · 1 point
#
# To get better answers you let the model *write* at temperature 0.5 (logits doubled before drawing) and train with $\log\pi$ of the logits as they are. What happens?
#
# - **a.** Nothing: the temperature concerns drawing, the loss concerns learning.
# - **b.** The answers come from another distribution than the π whose gradient is taken. The ratio cannot notice, as it compares π with π; the estimate is off-policy and biased.
# - **c.** The first ratio is 2 and everything is clipped.
# - **d.** Only the variance changes: it falls.


# %% nbgrader={"grade": false, "grade_id": "answer-cold-writing", "locked": false, "schema_version": 3, "solution": true}
def answer_cold_writing():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-cold-writing", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_cold_writing)

# %% [markdown]
# ## 6 · You get what you pay for
#
# "Right or wrong" is a coarse reward; surely it helps to pay for each step in the right direction? A colleague proposes a point for every digit that is followed by a larger or equal one. The right answer earns 3.
#
# **Predict:** what will the model write? (It may use up to 8 tokens.)

# %% tags=["experiment", "raises-exception"]
hacked, tempted = [], grpo("SortDigits-v0", replace(GRPOConfig(), reward="ascending"), 0, **yours)
for progress in islice(tempted, 41):
    hacked.append((progress.metrics["reward"], progress.metrics["success"]))
show_answers(progress.policy, PROMPTS[::3])

# %% nbgrader={"grade": false, "grade_id": "hacking-figure", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 2.9))
reward, success = torch.tensor(hacked).T
axes.plot(
    reward / 7, color=COLORS["reinforce"], label="reward that is paid, as a share of the most, 7"
)
axes.plot(success, color=COLORS["wrong"], label="share of right answers")
axes.set(xlabel="updates", ylim=(0, 1.02))
axes.set_title(f"The reward says {reward[-1] / 7:.0%}, the task says {success[-1]:.0%}")
axes.legend(loc="center right")
show(
    figure,
    alt=f"Two curves over 40 updates. The paid reward rises from {reward[0] / 7:.2f} to {reward[-1] / 7:.2f} of its maximum; the share of right answers falls from {success[0]:.2f} to {success[-1]:.2f} within about ten updates.",
)

# %% [markdown]
# Long rows of one digit: the model has found an answer that is paid nearly the most, and it has next to nothing to do with the prompt. It did not misunderstand; the reward did. Nothing in the *training* curve shows it. Remedies, none complete: mark what you want and not what resembles it; watch a measure that is not paid; make leaving the reference dearer. The last one, for four values of β:

# %% tags=["experiment", "raises-exception"]
tradeoff = {}
for beta in (0.03, 0.3, 1.0, 3.0):
    config = replace(GRPOConfig(), reward="ascending", kl_coef=beta)
    *_, last = islice(grpo("SortDigits-v0", config, 0, **yours), 41)
    tradeoff[beta] = {name: round(last.metrics[name], 2) for name in ("reward", "success", "kl")}
    print(f"β = {beta}: {tradeoff[beta]}")

# %% [markdown]
# A higher price keeps the model closer to its start, and so to the share of right answers that the start had; it does not make the reward right.
#
# ## 7 · Learning from preferences: DPO
#
# For most questions no program can mark the answer. People can say which of two they prefer. The usual road fits a reward model to such pairs and then runs RL on it. DPO (Rafailov et al. 2023) takes a shorter one. What does RL with a price on leaving the reference converge to?
#
# $$\max_\pi\;\mathbb E_{y\sim\pi}[r(y)]-\beta\,D_\text{KL}(\pi\|\pi_\text{ref})$$
#
# Section 1 of lesson 10, with $\pi_\text{ref}$ in place of the uniform policy: $\pi^*(y)=\pi_\text{ref}(y)\,e^{r(y)/\beta}/Z$. Now read it backwards. Solve for r:
#
# $$r(y)=\beta\log\frac{\pi^*(y)}{\pi_\text{ref}(y)}+\beta\log Z$$
#
# Every policy *is* the optimum of some reward, and that reward can be read off its log-probabilities. If people prefer $y_w$ to $y_l$ with probability $\sigma(r(y_w)-r(y_l))$, where $\sigma(x)=1/(1+e^{-x})$ (Bradley and Terry 1952), then Z cancels, and the likelihood of their choices is a function of the policy alone:
#
# $$L=-\text{mean}\,\log\sigma\big(\beta(h_w-h_l)\big),\qquad h=\log\pi_\theta(y\mid x)-\log\pi_\text{ref}(y\mid x)$$
#
# ### Exercise 7 · `dpo_loss`
#
# 3 points · 8 minutes · difficulty ●●○ medium
#
# One point each for value, gradients, and margins in the thousands.
#
# <details><summary>Hint 1: what to think of</summary>
#
# Four log-probabilities: two learn, two are held. What is the loss before the first step, when all h are 0?
# </details>
# <details><summary>Hint 2: which formula</summary>
#
# $\log\sigma$ has a function of its own in torch, which does not overflow.
# </details>
# <details><summary>Hint 3: nearly the code</summary>
#
# `-torch.nn.functional.logsigmoid(beta * (h_chosen - h_rejected)).mean()`
# </details>


# %% nbgrader={"grade": false, "grade_id": "dpo-loss", "locked": false, "schema_version": 3, "solution": true}
def dpo_loss(chosen_log_prob, rejected_log_prob, ref_chosen_log_prob, ref_rejected_log_prob, beta):
    """−mean log σ(β (h_w − h_l)), the reference held. (B,) four times -> scalar."""
    ### BEGIN SOLUTION
    chosen = chosen_log_prob - ref_chosen_log_prob.detach()
    rejected = rejected_log_prob - ref_rejected_log_prob.detach()
    return -torch.nn.functional.logsigmoid(beta * (chosen - rejected)).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-dpo-loss", "locked": true, "points": 3, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(dpo_loss)
### BEGIN HIDDEN TESTS
check(dpo_loss, hidden=True)
### END HIDDEN TESTS

# %% [markdown]
# Does it find $\pi_\text{ref}\,e^{r/\beta}/Z$? Five possible answers with known rewards, all pairs, each preferred as often as Bradley and Terry say, and your loss. No reward is shown to the policy, no answer is drawn from it:

# %% tags=["raises-exception"]
reward = torch.tensor([1.0, 0.5, 0.0, -0.5, -2.0], dtype=torch.float64)
ref_log = torch.tensor([0.05, 0.15, 0.3, 0.3, 0.2], dtype=torch.float64).log()
beta = 0.5
theta = ref_log.clone().requires_grad_()
optimizer = torch.optim.Adam([theta], lr=0.05)
for _ in range(600):
    log_pi = theta.log_softmax(0)
    loss = torch.zeros((), dtype=torch.float64)
    for w in range(5):
        for k in range(5):
            pair = [log_pi[w : w + 1], log_pi[k : k + 1], ref_log[w : w + 1], ref_log[k : k + 1]]
            loss = loss + torch.sigmoid(reward[w] - reward[k]) * dpo_loss(*pair, beta)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print("by DPO:         ", theta.softmax(0).detach())
print("π_ref exp(r/β)/Z:", (ref_log + reward / beta).softmax(0))

# %% [markdown]
# ### Spot the slip · 1 point
#
# [002] lists both DPO and GRPO under "LLM fine-tuning almost always uses policy gradient methods". What is inaccurate?
#
# - **a.** GRPO is not a policy gradient method, because it has no critic.
# - **b.** DPO is no policy gradient method in this course's sense: it maximises the likelihood of given preferences; no answer is drawn from the policy being trained, and no reward is estimated.
# - **c.** Neither is one: both use a clip.
# - **d.** Nothing: every loss that changes a policy by its gradient is a policy gradient method.


# %% nbgrader={"grade": false, "grade_id": "answer-is-dpo-one", "locked": false, "schema_version": 3, "solution": true}
def answer_is_dpo_one():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "b"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-is-dpo-one", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_is_dpo_one)

# %% [markdown]
# Now the sorting task. The start answers each prompt eight times, a right and a wrong answer make a pair, and your two functions learn from 64 prompts a step. All pairs are the *start's*: what the policy would write by now is never looked at.

# %% tags=["experiment", "raises-exception"]
dpo_yours = {"log_probability": sequence_log_prob, "divergence": kl_to_reference, "loss": dpo_loss}
dpo_history = train(
    RUNS["dpo-sort-digits"].start(seed=0, **dpo_yours), run="dpo-sort-digits", label="DPO", max_steps=200_000
)  # fmt: skip

# %% nbgrader={"grade": false, "grade_id": "grpo-dpo", "locked": true, "schema_version": 3, "solution": false} tags=["experiment", "raises-exception"]
figure, axes = new_figure(size=(7, 3))
both = {"GRPO, its own answers": (history, "ppo"), "DPO, the start's answers": (dpo_history, "td3")}
ends = []
for label, (one, color) in both.items():
    steps, success = torch.tensor(one.update_steps), torch.tensor(one.metrics["success"])
    smooth = success.unfold(0, 8, 1).mean(-1)  # of eight updates
    axes.plot(steps, success, ".", color=COLORS[color], alpha=0.3)
    axes.plot(steps[7:], smooth, color=COLORS[color], label=label)
    ends.append((smooth[-1].item(), steps[-1].item(), one.metrics["kl"][-8:]))
axes.set(xlabel="tokens that were written", ylabel="share of right answers", ylim=(0, 1))
axes.set_title(
    f"Its own answers: {ends[0][0]:.0%} right; the start's: {ends[1][0]:.0%}, with more of them"
)
axes.legend(loc="lower right")
kl = [sum(end[2]) / 8 for end in ends]
show(
    figure,
    alt="Share of right answers against tokens written, mean of eight updates. "
    f"GRPO ends at {ends[0][0]:.2f} after {ends[0][1]:,} tokens, DPO at {ends[1][0]:.2f} after {ends[1][1]:,}.",
)
print(f"divergence from the start, nats a token: GRPO {kl[0]:.2f}, DPO {kl[1]:.2f}")

# %% [markdown]
# DPO learns without a single mark of its own answers. But it can only weigh what the start has said: once the policy has moved, the pairs are about mistakes that it no longer makes, and the new ones stay unseen. That is the price of never drawing a sample (lesson 06 calls it off-policy).
#
# ### Think · 1 point
#
# In DPO's gradient each pair has the weight $\beta\,\sigma\big(\beta(h_l-h_w)\big)$. Which pairs push hardest?
#
# - **a.** Those that the policy ranks wrongly, compared with the reference; a pair that is right by far hardly counts.
# - **b.** Those with the longest answers.
# - **c.** All the same: the loss is a mean.
# - **d.** Those whose chosen answer is likeliest under the policy.


# %% nbgrader={"grade": false, "grade_id": "answer-which-pairs", "locked": false, "schema_version": 3, "solution": true}
def answer_which_pairs():
    """Return the letter of your choice: "a", "b", "c" or "d"."""
    ### BEGIN SOLUTION
    return "a"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-answer-which-pairs", "locked": true, "points": 1, "schema_version": 3, "solution": false} tags=["raises-exception"]
check_answer(answer_which_pairs)

# %% [markdown]
# ## 8 · What carries over, and what does not
#
# | from this course | for language models |
# | --- | --- |
# | score times weight (01, 02) | unchanged: every loss here is built from log π |
# | baseline (03) | the group's mean in place of a critic |
# | discount, bootstrap, GAE (05) | γ = 1, one reward at the end, nothing to bootstrap |
# | reuse and clip (06, 09) | unchanged, a ratio for every token |
# | entropy (10) | replaced by the distance to a reference that knows language |
# | exploration | the start must already be right sometimes |
# | environment | deterministic and known; the *reward* is the hard part |
#
# **What we left out.** Reward models and their own cheating; answers with reasoning before them; models that do not fit on a laptop, where writing the answers takes most of the time; sampling at other temperatures (then π of the loss is not what wrote); variants of the averages (RLOO, Dr. GRPO, GSPO).
#
# ## Summary
#
# - An answer is an episode: $\log\pi(y\mid x)=\sum_t\log\pi(y_t\mid x,y_{\lt t})$, over its own tokens, the full stop included.
# - `logits[:, t]`, computed after reading token t, predict token t + 1. The wrong shift has the better loss.
# - Group advantage: direction right, length (1 − 1/G); groups that agree teach nothing.
# - $k_3=e^d-d-1$: mean right, never negative; its gradient is that of the other divergence.
# - GRPO: PPO's clip on every token, one advantage an answer, a price for leaving the reference.
# - DPO: the policy is its own reward model, $r=\beta\log(\pi/\pi_\text{ref})$ up to a constant; a classification of pairs.
# - A reward is a wish. Watch something that is not paid.

# %% [markdown]
# ### In your own words · 2 points, graded by hand · 12 minutes
#
# A company trains an assistant with GRPO. The reward is 1 if the user clicks "helpful". After a week the rate has risen from 60 % to 85 %, the answers are three times as long, and the KL to the reference has grown from 0.1 to 2 nats a token. In at most ten sentences:
#
# 1. Name two mechanisms of this lesson by which answers could have become longer without becoming better, and one measurement for each that would tell.
# 2. The team proposes β ten times larger. What will that do, and what will it not do? What would you do first?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-helpful", "locked": false, "points": 2, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
#
# 1. Two of: the reward pays for what looks helpful (length impresses; reward hacking): let somebody who is not fooled, or a program, mark a sample with lengths equalised, or compare answers of equal length; the average within each answer makes long wrong answers cheap a token (GRPO's 1/|y|): compare lengths of right and wrong answers, or train with a mean over all tokens; groups normalised by their deviation overweigh nearly hopeless or nearly solved prompts: look at lengths by difficulty. The measurement has to be able to separate. Half a point for each.
# 2. It pulls the model back towards the reference: shorter, less clicked, less far away; it treats the symptom and does not change what is paid for, so the optimum under the new price cheats less, not not at all. First: find out what the clicks reward (a measure that is not paid), then repair the reward or the data. Any sensible order with that insight counts.
# ### END MARK SCHEME

# %% [markdown]
# ## Further reading
#
# - Ouyang et al. (2022), *Training language models to follow instructions with human feedback*.
# - Shao et al. (2024), *DeepSeekMath*: GRPO.
# - Rafailov et al. (2023), *Direct preference optimization: your language model is secretly a reward model*.
# - Schulman (2020), *Approximating KL divergence*: k1, k2, k3.
# - Ahmadian et al. (2024), *Back to basics: revisiting REINFORCE-style optimization for learning from human feedback*.
# - Liu et al. (2025), *Understanding R1-Zero-like training*: what the averages of GRPO favour.
# - Gao, Schulman, Hilton (2023), *Scaling laws for reward model overoptimization*.
# - [002]: motivation.
