"""The exercise `double_dqn_target`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal, transitions
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.q_learning import double_dqn_target, dqn_target


def cases(generator: torch.Generator) -> list[Case]:
    """Rows in which the two networks disagree about the best action; then the limits."""

    def batch(rows: int, actions: int, gamma: float, *ends: int) -> dict[str, Tensor | float]:
        drawn = transitions(generator, rows, 1, *ends)
        best = torch.arange(rows) % actions
        other = (best + 1) % actions
        chooses, judges = (2 * normal(generator, rows, actions) for _ in range(2))
        chooses[torch.arange(rows), best] = chooses.amax(-1) + 0.5
        judges[torch.arange(rows), other] = judges.amax(-1) + 0.7
        return {
            "reward": drawn["reward"],
            "next_q_value": chooses,
            "next_target_q_value": judges,
            "terminated": drawn["terminated"],
            "gamma": gamma,
        }

    agreeing = batch(4, 3, 0.9, 0)
    agreeing["next_target_q_value"] = agreeing["next_q_value"].clone()
    return [
        Case("four steps, one termination", batch(4, 3, 0.9, 2)),
        Case("seven steps of two actions", batch(7, 2, 0.97, 0, 4)),
        Case("as many steps as actions", batch(4, 4, 0.8, 3)),
        Case("both networks agree", agreeing, EDGE),
        Case("no end at all", batch(5, 3, 0.95), EDGE),
        Case("every step ends an episode", batch(3, 2, 0.95, 0, 1, 2), EDGE),
        Case("a minibatch of one", batch(1, 3, 0.9), EDGE),
        Case("a single action", batch(4, 1, 0.9, 0), EDGE),
    ]


def at(values: Tensor, choice: Tensor) -> Tensor:
    """(B,) each row's value of the chosen action."""
    return values.gather(-1, choice.unsqueeze(-1)).squeeze(-1)


@torch.no_grad()
def target_of(reward, future, terminated, gamma) -> Tensor:
    return reward + gamma * future.masked_fill(terminated, 0)


def plain_dqn(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    return dqn_target(reward, next_target_q_value, terminated, gamma)


def online_alone(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    return dqn_target(reward, next_q_value, terminated, gamma)


def roles_exchanged(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    return double_dqn_target(reward, next_target_q_value, next_q_value, terminated, gamma)


def smaller_maximum(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    best = torch.minimum(next_q_value.amax(-1), next_target_q_value.amax(-1))
    return target_of(reward, best, terminated, gamma)


def mean_of_both(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    best = ((next_q_value + next_target_q_value) / 2).amax(-1)
    return target_of(reward, best, terminated, gamma)


def smaller_of_the_chosen(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    choice = next_q_value.argmax(-1)
    both = torch.minimum(at(next_q_value, choice), at(next_target_q_value, choice))
    return target_of(reward, both, terminated, gamma)


def index_for_value(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    return target_of(reward, next_q_value.argmax(-1).to(reward.dtype), terminated, gamma)


def choice_of_the_first_row(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    choice = next_q_value.argmax(-1)[:1].expand(len(reward))
    return target_of(reward, at(next_target_q_value, choice), terminated, gamma)


@torch.no_grad()
def all_choices(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    table = next_target_q_value[:, next_q_value.argmax(-1)]
    going_on = (~terminated).to(reward.dtype).unsqueeze(-1)
    return reward.unsqueeze(-1) + gamma * table * going_on


@torch.no_grad()
def column_of_targets(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    chosen = next_target_q_value.gather(-1, next_q_value.argmax(-1, keepdim=True))
    return reward + gamma * chosen * (~terminated).to(reward.dtype).unsqueeze(-1)


@torch.no_grad()
def bootstraps_after_termination(
    reward, next_q_value, next_target_q_value, terminated, gamma
) -> Tensor:
    return reward + gamma * at(next_target_q_value, next_q_value.argmax(-1))


@torch.no_grad()
def reward_masked(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    chosen = at(next_target_q_value, next_q_value.argmax(-1))
    return (reward + gamma * chosen).masked_fill(terminated, 0)


def forgets_gamma(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    return double_dqn_target(reward, next_q_value, next_target_q_value, terminated, 1.0)


def not_detached(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    chosen = at(next_target_q_value, next_q_value.argmax(-1))
    return reward + gamma * chosen.masked_fill(terminated, 0)


@torch.no_grad()
def changes_values(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    next_target_q_value.data[terminated] = 0
    return reward + gamma * at(next_target_q_value, next_q_value.argmax(-1))


def with_one_hot(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    """Right: a product with the choice as a one-hot row."""
    choice = torch.nn.functional.one_hot(next_q_value.argmax(1), next_q_value.shape[1])
    judged = (choice.to(reward.dtype) * next_target_q_value.detach()).sum(1)
    return torch.where(terminated, reward, reward + gamma * judged)


def with_indices(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    """Right: rows and columns as indices."""
    rows = torch.arange(len(reward))
    judged = next_target_q_value[rows, next_q_value.max(1).indices].detach()
    return reward + gamma * judged * (1 - terminated.float())


def row_by_row(reward, next_q_value, next_target_q_value, terminated, gamma) -> Tensor:
    """Right: a loop over Python numbers."""
    targets = []
    for i in range(len(reward)):
        values = next_q_value[i].tolist()
        judged = next_target_q_value[i, values.index(max(values))].item()
        targets.append(reward[i].item() + (0 if terminated[i] else gamma * judged))
    return torch.tensor(targets, dtype=reward.dtype)


EXERCISE = Exercise(
    name="double_dqn_target",
    reference=double_dqn_target,
    cases=cases,
    statement="one network chooses the action, the other one says what it is worth",
    points={VALUE: 1},
    no_gradient=("next_q_value", "next_target_q_value"),
    mistakes=(
        Mistake(
            "plain-dqn",
            "The slow copy both chooses and judges: that is DQN's target. The online network's "
            "values say *which* action; only then does the slow copy say what it is worth.",
            plain_dqn,
        ),
        Mistake(
            "online-alone",
            "The online network both chooses and judges, so its own luck is paid twice, and "
            "nothing holds the target still.",
            online_alone,
        ),
        Mistake(
            "roles-exchanged",
            "The two networks have changed places: the online one, `next_q_value`, chooses, and "
            "the slow copy, `next_target_q_value`, judges.",
            roles_exchanged,
        ),
        Mistake(
            "smaller-maximum",
            "Each network chooses its own best action, and you take the smaller of the two values. "
            "There is one choice, and it is the online network's.",
            smaller_maximum,
        ),
        Mistake(
            "mean-of-both",
            "The two are averaged before the maximum. Then the same numbers choose and judge "
            "again, and the maximum picks up their noise.",
            mean_of_both,
        ),
        Mistake(
            "smaller-of-the-chosen",
            "You take the smaller of both opinions of the chosen action. That is close to TD3; "
            "here the judge alone decides.",
            smaller_of_the_chosen,
        ),
        Mistake(
            "index-for-value",
            "The target adds the *number* of the best action. Use it as an index into the values "
            "of the slow copy.",
            index_for_value,
        ),
        Mistake(
            "choice-of-the-first-row",
            "Every row uses the best action of row 0. Each state has a best action of its own.",
            choice_of_the_first_row,
        ),
        Mistake(
            "all-choices",
            "`values[:, choice]` takes all rows for every choice: a table (B, B). `gather` along "
            "the last axis, or `values[torch.arange(B), choice]`, takes one a row.",
            all_choices,
        ),
        Mistake(
            "column-of-targets",
            "`gather` returned a column (B, 1), which met the rewards (B,): a table (B, B). "
            "`squeeze(-1)` it first.",
            column_of_targets,
        ),
        Mistake(
            "bootstraps-after-termination",
            "The bootstrap is added after terminations too: multiply it by (1 − terminated).",
            bootstraps_after_termination,
        ),
        Mistake(
            "reward-masked",
            "The mask wipes out the reward of the last step too. Only the bootstrap ends.",
            reward_masked,
        ),
        Mistake(
            "forgets-gamma",
            "γ is missing in front of the bootstrap, which lies one step ahead.",
            forgets_gamma,
        ),
        Mistake(
            "not-detached",
            "The value is right, but a gradient flows into the slow copy. A target is a constant.",
            not_detached,
        ),
        Mistake("changes-values", IN_PLACE, changes_values),
    ),
    variants=(with_one_hot, with_indices, row_by_row),
)
