"""The exercise `expected_sarsa_target`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks.drawing import flags, normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.off_policy_targets import expected_sarsa_target


def cases(generator: torch.Generator) -> list[Case]:
    """A few steps with one end, more, as many as actions; all ends, none, a sure policy, γ."""

    def steps(batch: int, num_actions: int, *ends: int) -> dict[str, Tensor]:
        return {
            "reward": normal(generator, batch),
            "next_q_value": normal(generator, batch, num_actions) + 1.0,
            "next_pi": normal(generator, batch, num_actions).softmax(-1),
            "terminated": flags((batch,), *((end,) for end in ends)),
        }

    sure = steps(5, 3, 2)
    sure["next_pi"] = one_hot(sure["next_q_value"].argmin(-1), 3).double()
    return [
        Case("three steps, one end", {**steps(3, 2, 1), "gamma": 0.9}),
        Case("eight steps, three actions", {**steps(8, 3, 0, 5), "gamma": 0.97}),
        Case("as many steps as actions", {**steps(4, 4, 2), "gamma": 0.8}),
        Case("no end at all", {**steps(5, 2), "gamma": 0.95}, EDGE),
        Case("every step is an end", {**steps(3, 2, 0, 1, 2), "gamma": 0.95}, EDGE),
        Case("a policy that is sure of the worst action", {**sure, "gamma": 0.9}, EDGE),
        Case("one step", {**steps(1, 3), "gamma": 0.9}, EDGE),
        Case("γ = 1", {**steps(4, 2, 3), "gamma": 1.0}, EDGE),
        Case("γ = 0", {**steps(4, 2, 1), "gamma": 0.0}, EDGE),
    ]


def with_future(reward, future, terminated, gamma) -> Tensor:
    """r + γ (1 − terminated) · what stands for the future."""
    return reward + gamma * future.masked_fill(terminated, 0)


def best_action(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, next_q_value.amax(-1), terminated, gamma)


def every_action_alike(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, next_q_value.mean(-1), terminated, gamma)


def summed_without_pi(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, next_q_value.sum(-1), terminated, gamma)


def averaged_once_more(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, (next_pi * next_q_value).mean(-1), terminated, gamma)


def likeliest_action(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    likeliest = next_pi.argmax(-1, keepdim=True)
    return with_future(reward, next_q_value.gather(-1, likeliest).squeeze(-1), terminated, gamma)


def first_action(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, next_q_value[:, 0], terminated, gamma)


def bootstraps_after_termination(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return reward + gamma * (next_pi * next_q_value).sum(-1)


def bootstraps_only_at_ends(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return with_future(reward, (next_pi * next_q_value).sum(-1), ~terminated, gamma)


def reward_masked(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    target = reward + gamma * (next_pi * next_q_value).sum(-1)
    return target.masked_fill(terminated, 0)


def forgets_gamma(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return expected_sarsa_target(reward, next_q_value, next_pi, terminated, 1.0)


def discounts_the_reward(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    return gamma * expected_sarsa_target(reward, next_q_value, next_pi, terminated, 1.0)


def table_of_targets(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    future = (next_pi * next_q_value).sum(-1, keepdim=True)
    return reward + gamma * (~terminated).to(reward.dtype) * future


def over_the_batch(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    future = (next_pi * next_q_value).sum(-1).mean().expand_as(reward)
    return with_future(reward, future, terminated, gamma)


def changes_reward(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    reward += gamma * (next_pi * next_q_value).sum(-1).masked_fill(terminated, 0)
    return reward


def by_einsum(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    """Right: the expectation as an einsum, the flags as float32 numbers."""
    future = torch.einsum("bk,bk->b", next_pi, next_q_value)
    return reward + gamma * (1 - terminated.float()) * future


def by_loop(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    """Right: step by step and action by action, in float64."""
    rows = []
    for b in range(len(reward)):
        future = sum(p.item() * q.item() for p, q in zip(next_pi[b], next_q_value[b], strict=True))
        rows.append(reward[b].item() + (0.0 if terminated[b] else gamma * future))
    return torch.tensor(rows, dtype=reward.dtype)


def by_product_of_matrices(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    """Right: a batch of dot products; `where` instead of a mask."""
    future = (next_pi.unsqueeze(1) @ next_q_value.unsqueeze(2)).reshape(len(reward))
    return torch.where(terminated, reward, reward + gamma * future)


def reward_missing(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    future = (next_pi * next_q_value).sum(-1)
    return gamma * future.masked_fill(terminated, 0)


def softmax_of_probabilities(reward, next_q_value, next_pi, terminated, gamma) -> Tensor:
    future = (next_pi.softmax(-1) * next_q_value).sum(-1)
    return reward + gamma * future.masked_fill(terminated, 0)


EXERCISE = Exercise(
    name="expected_sarsa_target",
    reference=expected_sarsa_target,
    cases=cases,
    statement="the next action is π's, whoever took this one",
    points={VALUE: 1},
    noted_gradient=("next_q_value", "next_pi"),
    mistakes=(
        Mistake(
            "best-action",
            "You take the largest Q, as if π were greedy: that is Q-learning, which learns the "
            "value of the best policy. Here Q^π is wanted: average with π's probabilities.",
            best_action,
        ),
        Mistake(
            "every-action-alike",
            "All next actions count the same. π does not take them equally often: Σ_a' π Q.",
            every_action_alike,
        ),
        Mistake(
            "summed-without-pi",
            "The values are added up without π's probabilities, as if all actions were taken.",
            summed_without_pi,
        ),
        Mistake(
            "averaged-once-more",
            "π Q is averaged over the actions, so everything is divided by K. The probabilities "
            "add up to 1 already: sum.",
            averaged_once_more,
        ),
        Mistake(
            "likeliest-action",
            "You take Q of π's likeliest action. π takes the others as well, sometimes.",
            likeliest_action,
        ),
        Mistake(
            "first-action",
            "You take Q of action 0, whatever π does. Every action counts, as often as π takes it.",
            first_action,
        ),
        Mistake(
            "bootstraps-after-termination",
            "Σ π Q is added after a termination, too. Nothing comes there: multiply the bootstrap "
            "by (1 − terminated).",
            bootstraps_after_termination,
        ),
        Mistake(
            "bootstraps-only-at-ends",
            "The mask is upside down: `terminated` is true at the end, where nothing follows.",
            bootstraps_only_at_ends,
        ),
        Mistake(
            "reward-masked",
            "The mask multiplies the reward as well, so the last reward of an episode is lost. "
            "Only the bootstrap ends.",
            reward_masked,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of the future: what comes one step later counts γ times.",
            forgets_gamma,
        ),
        Mistake(
            "discounts-the-reward",
            "γ multiplies the reward of this step, too. It comes now: weight 1.",
            discounts_the_reward,
        ),
        Mistake(
            "table-of-targets",
            "The future is a column (B, 1), the reward a row (B,), and torch made a (B, B) table "
            "of all pairs. Sum without `keepdim`.",
            table_of_targets,
        ),
        Mistake(
            "over-the-batch",
            "The future was averaged over the batch: every step gets the same. Each row has its "
            "own next state.",
            over_the_batch,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
        Mistake(
            "reward-missing",
            "The reward is missing: r + γ (1 − terminated) Σ π Q.",
            reward_missing,
        ),
        Mistake(
            "softmax-of-probabilities",
            "`next_pi` went through a softmax. It holds probabilities already, not logits.",
            softmax_of_probabilities,
        ),
    ),
    variants=(by_einsum, by_loop, by_product_of_matrices),
)
