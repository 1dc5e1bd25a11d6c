"""The exercise `gradient_weight`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import normal
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.checks.explanations import IN_PLACE
from course_lib.reference.baselines import gradient_weight

KINDS = ("total", "to_go", "to_go_baseline", "q", "advantage", "td")


def cases(generator: torch.Generator) -> list[Case]:
    """Each kind on a short episode that terminated, some on one that did not; one step; γ."""

    def episode(kind: str, steps: int, gamma: float, ended: bool) -> dict[str, object]:
        value = normal(generator, steps + 1) + 1
        terminated = torch.zeros(steps, dtype=torch.bool)
        terminated[-1] = ended
        return {
            "kind": kind,
            "reward": normal(generator, steps) + 0.5,
            "value": value[:-1].clone(),
            "next_value": value[1:].clone(),
            "terminated": terminated,
            "gamma": gamma,
        }

    return [
        *(Case(f"{kind!r}, four steps, terminated", episode(kind, 4, 0.9, True)) for kind in KINDS),
        *(Case(f"{kind!r}, seven steps, cut", episode(kind, 7, 0.97, False)) for kind in KINDS),
        Case("'td', a single step that ends", episode("td", 1, 0.9, True), EDGE),
        Case("'advantage', a single step", episode("advantage", 1, 0.9, False), EDGE),
        Case("'q', γ = 0", episode("q", 4, 0.0, True), EDGE),
        Case("'q', γ = 1", episode("q", 4, 1.0, True), EDGE),
    ]


def to_go(reward: Tensor, gamma: float) -> Tensor:
    """Σ_{t'≥t} γ^{t'−t} r_{t'}."""
    rows, later = [], torch.zeros_like(reward[0])
    for one in reward.flip(0):
        later = one + gamma * later
        rows.insert(0, later)
    return torch.stack(rows)


def instead(kind: str, wrong):
    """The reference, but for one kind."""

    def function(kind_asked, reward, value, next_value, terminated, gamma) -> Tensor:
        arguments = (reward, value, next_value, terminated, gamma)
        if kind_asked == kind:
            return wrong(*arguments)
        return gradient_weight(kind_asked, *arguments)

    def by_keyword(kind, reward, value, next_value, terminated, gamma) -> Tensor:
        return function(kind, reward, value, next_value, terminated, gamma)

    return by_keyword


def discounted_everywhere(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    if kind == "total":
        return (discount @ reward).expand_as(reward).clone()
    if kind in ("to_go", "to_go_baseline"):
        value = value if kind == "to_go_baseline" else torch.zeros_like(value)
        return to_go(reward, gamma) - value
    return gradient_weight(kind, reward, value, next_value, terminated, gamma)


def discounted_nowhere(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    return gradient_weight(kind, reward, value, next_value, terminated, 1.0)


def undiscounted_returns(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    gamma = gamma if kind == "td" else 1.0
    return gradient_weight(kind, reward, value, next_value, terminated, gamma)


def baseline_everywhere(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    weight = gradient_weight(kind, reward, value, next_value, terminated, gamma)
    return weight - value if kind in ("to_go", "q") else weight


def signs_of_baselines(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    weight = gradient_weight(kind, reward, value, next_value, terminated, gamma)
    return weight + 2 * value if kind in ("to_go_baseline", "advantage", "td") else weight


def past_rewards(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    if kind in ("total", "td"):
        return gradient_weight(kind, reward, value, next_value, terminated, gamma)
    past = to_go(reward.flip(0), gamma if kind in ("q", "advantage") else 1.0).flip(0)
    return past - value if kind in ("to_go_baseline", "advantage") else past


def from_the_start(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    weight = gradient_weight(kind, reward, value, next_value, terminated, gamma)
    if kind not in ("q", "advantage"):
        return weight
    discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)
    return discount * to_go(reward, gamma) - (value if kind == "advantage" else 0)


def bootstraps_returns(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    weight = gradient_weight(kind, reward, value, next_value, terminated, gamma)
    if kind not in ("q", "advantage"):
        return weight
    steps = torch.arange(len(reward), 0, -1, dtype=reward.dtype)
    return weight + gamma**steps * next_value[-1] * (~terminated[-1]).to(reward.dtype)


def wrong_total(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward.sum()


def td_without_gamma(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + next_value * (~terminated).to(reward.dtype) - value


def td_ignores_end(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value - value


def td_reward_masked(reward, value, next_value, terminated, gamma) -> Tensor:
    return (reward + gamma * next_value) * (~terminated).to(reward.dtype) - value


def td_without_value(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value * (~terminated).to(reward.dtype)


def td_own_value(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * value * (~terminated).to(reward.dtype) - value


def advantage_is_td(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value * (~terminated).to(reward.dtype) - value


def changes_reward(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    result = gradient_weight(kind, reward.clone(), value, next_value, terminated, gamma)
    reward.copy_(to_go(reward, 1.0))
    return result


def total_discounted(reward, value, next_value, terminated, gamma) -> Tensor:
    return to_go(reward, gamma)[0].expand_as(reward).clone()


def to_go_discounted(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    if kind not in ("to_go", "to_go_baseline"):
        return gradient_weight(kind, reward, value, next_value, terminated, gamma)
    return to_go(reward, gamma) - (value if kind == "to_go_baseline" else 0)


def undiscounted_q(reward, value, next_value, terminated, gamma) -> Tensor:
    return to_go(reward, 1.0)


def undiscounted_advantage(reward, value, next_value, terminated, gamma) -> Tensor:
    return to_go(reward, 1.0) - value


def without_own_reward(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    weight = gradient_weight(kind, reward, value, next_value, terminated, gamma)
    return weight if kind in ("total", "td") else weight - reward


def baseline_of_the_next(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    value = next_value if kind in ("to_go_baseline", "advantage") else value
    return gradient_weight(kind, reward, value, next_value, terminated, gamma)


def own_mean_as_baseline(reward, value, next_value, terminated, gamma) -> Tensor:
    return to_go(reward, 1.0) - to_go(reward, 1.0).mean()


def total_minus_value(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward.sum() - value


def one_step_q(reward, value, next_value, terminated, gamma) -> Tensor:
    return reward + gamma * next_value * (~terminated).to(reward.dtype)


def td_all_masked(reward, value, next_value, terminated, gamma) -> Tensor:
    return (reward + gamma * next_value - value) * (~terminated).to(reward.dtype)


def kinds_that_begin_alike(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    kind = "to_go" if kind.startswith("to_go") else kind
    return gradient_weight(kind, reward, value, next_value, terminated, gamma)


def with_a_chain_of_ifs(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    """Right: one `if` after the other, sums by flipping."""
    ahead = reward.flip(0).cumsum(0).flip(0)
    if kind == "total":
        return reward.sum() * torch.ones_like(reward)
    if kind == "to_go":
        return ahead
    if kind == "to_go_baseline":
        return ahead - value
    if kind == "td":
        return reward + gamma * torch.where(terminated, 0.0, next_value) - value
    return to_go(reward, gamma) - (value if kind == "advantage" else torch.zeros_like(value))


def with_a_table(kind, reward, value, next_value, terminated, gamma) -> Tensor:
    """Right: all six at once, and one is picked; in float64 inside."""
    r, v, n = reward.double(), value.double(), next_value.double()
    step = torch.arange(len(r), dtype=torch.float64)
    exponent = (step.unsqueeze(0) - step.unsqueeze(1)).clamp(min=0)
    q = ((gamma**exponent).triu() @ r).detach()
    ahead = torch.ones(len(r), len(r), dtype=torch.float64).triu() @ r
    table = {
        "total": ahead[0].repeat(len(r)),
        "to_go": ahead,
        "to_go_baseline": ahead - v,
        "q": q,
        "advantage": q - v,
        "td": r + gamma * n * (~terminated).double() - v,
    }
    return table[kind].to(reward.dtype)


EXERCISE = Exercise(
    name="gradient_weight",
    reference=gradient_weight,
    cases=cases,
    statement="six weights for one gradient, from the noisiest to the one that trusts the critic",
    points={VALUE: 2, EDGE: 1},
    mistakes=(
        Mistake(
            "discounted-everywhere",
            "The first three kinds are discounted, too. On the slide they are plain sums: "
            '"total", "to_go" and "to_go_baseline" do not use γ.',
            discounted_everywhere,
        ),
        Mistake(
            "discounted-nowhere",
            'γ is not used at all. "q", "advantage" and "td" are discounted.',
            discounted_nowhere,
        ),
        Mistake(
            "undiscounted-returns",
            '"q" and "advantage" use the undiscounted sum. Both are made of G_t, the discounted '
            "reward-to-go.",
            undiscounted_returns,
        ),
        Mistake(
            "total-as-a-number",
            '"total" came out as one number. Every step has a weight: (T,), all the same.',
            instead("total", wrong_total),
        ),
        Mistake(
            "baseline-everywhere",
            'V is subtracted from "to_go" and "q" as well. These two have no baseline.',
            baseline_everywhere,
        ),
        Mistake(
            "baseline-added",
            "The baseline is added where it has to be subtracted.",
            signs_of_baselines,
        ),
        Mistake(
            "past-rewards",
            "The sums run over the past. Step t is paid for what follows: from t to the end.",
            past_rewards,
        ),
        Mistake(
            "counted-from-the-start",
            "The discount of G_t counts from the start of the episode, so γ^t comes on top. G_t "
            "counts from its own step.",
            from_the_start,
        ),
        Mistake(
            "bootstraps-the-returns",
            '"q" and "advantage" got a bootstrap from the last value. Here they are Monte Carlo: '
            'the rewards that were seen and nothing else. Only "td" trusts V.',
            bootstraps_returns,
        ),
        Mistake(
            "td-without-gamma",
            "γ is missing in the TD residual: that is the slip on [000]'s slide. "
            "r + γ V(s') − V(s).",
            instead("td", td_without_gamma),
        ),
        Mistake(
            "td-ignores-the-end",
            "The TD residual bootstraps after a termination. Nothing comes there.",
            instead("td", td_ignores_end),
        ),
        Mistake(
            "td-reward-masked",
            "In the TD residual the mask multiplies the reward too. Only the bootstrap ends.",
            instead("td", td_reward_masked),
        ),
        Mistake(
            "td-without-value",
            "V(s) is not subtracted in the TD residual: that is its target.",
            instead("td", td_without_value),
        ),
        Mistake(
            "td-own-value",
            "The TD residual bootstraps from V(s_t). The step led to s_{t+1}: use `next_value`.",
            instead("td", td_own_value),
        ),
        Mistake(
            "advantage-is-td",
            '"advantage" gives the TD residual. Here it is G_t − V(s_t), with all rewards that '
            "followed.",
            instead("advantage", advantage_is_td),
        ),
        Mistake(
            "total-discounted",
            '"total" is discounted. On the slide it is the plain sum of all rewards.',
            instead("total", total_discounted),
        ),
        Mistake(
            "to-go-discounted",
            '"to_go" and "to_go_baseline" are discounted: that is "q" and "advantage". On the '
            "slide the first three kinds are plain sums.",
            to_go_discounted,
        ),
        Mistake(
            "undiscounted-returns",
            '"q" uses the undiscounted sum. It is a sample of Q: G_t, the discounted reward-to-go.',
            instead("q", undiscounted_q),
        ),
        Mistake(
            "undiscounted-returns",
            '"advantage" uses the undiscounted sum. It is G_t − V, with the discounted '
            "reward-to-go.",
            instead("advantage", undiscounted_advantage),
        ),
        Mistake(
            "without-own-reward",
            "The reward of the step itself is left out. `reward[t]` follows `action[t]`, so it "
            "belongs to its reward-to-go.",
            without_own_reward,
        ),
        Mistake(
            "baseline-of-the-next-state",
            "V of the *next* state was subtracted. The action has led there, so that baseline "
            "knows it. Subtract `value`, what was expected before.",
            baseline_of_the_next,
        ),
        Mistake(
            "own-mean-as-baseline",
            '"to_go_baseline" subtracts the mean of the returns. Its baseline is V(s_t), `value`.',
            instead("to_go_baseline", own_mean_as_baseline),
        ),
        Mistake(
            "total-minus-value",
            '"to_go_baseline" subtracts V from the total. The past is in it; take the sum from '
            "step t on.",
            instead("to_go_baseline", total_minus_value),
        ),
        Mistake(
            "one-step-q",
            '"q" is one reward and a bootstrap. Here it is Monte Carlo, all discounted rewards '
            'that followed; only "td" trusts V.',
            instead("q", one_step_q),
        ),
        Mistake(
            "td-all-masked",
            "The TD residual is zero where the episode ends. Only the bootstrap is: the reward "
            "came, and V(s) was expected.",
            instead("td", td_all_masked),
        ),
        Mistake(
            "kinds-that-begin-alike",
            '"to_go_baseline" gives "to_go": the first condition that fits both has taken it. '
            "Compare the whole name.",
            kinds_that_begin_alike,
        ),
        Mistake("changes-reward", IN_PLACE, changes_reward),
    ),
    variants=(with_a_chain_of_ifs, with_a_table),
)
