"""Checks of whole agents: what earns how much, and what a student reads about trouble."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.checks import CheckFailed, check
from course_lib.checks.agent_checking import PUBLIC_SEED, find_out, fresh_seed
from course_lib.checks.agent_tasks import AGENT_TASKS, CAPSTONE, AgentTask, Trial, graded_with
from course_lib.checks.checking import check_agent
from course_lib.checks.trials import AgentTrouble, play
from course_lib.environments import make_vector
from course_lib.evaluation import evaluate_agent

# A hanging pendulum that nobody moves has θ = π: about −π² a step, 200 steps.
TASK = AgentTask(
    "swing", "Pendulum-v1", ((-1400.0, 2.0), (-1000.0, 6.0), (-500.0, 10.0)), 16, 32, 2.0
)


def nothing(obs):
    return np.zeros((len(obs), 1))


def swing_up(obs):
    """Turn on in the direction of the motion until there is energy enough, then hold."""
    cosine, sine, speed = obs.T
    energy = 0.5 * speed**2 / 3 * 1.0 + 5 * (cosine - 1)
    hold = np.clip(-(20 * np.arctan2(sine, cosine) + 4 * speed), -2, 2)
    torque = np.where(cosine > 0.8, hold, 2 * np.sign(speed) * np.sign(-energy))
    return torque[:, None].astype(np.float32)


def trouble(agent, episodes=16, task=TASK):
    """What an agent is told."""
    with pytest.raises(AgentTrouble) as found:
        play(agent, task, episodes, 1)
    return found.value


def failed(agent, *, hidden=False, task=TASK):
    """The failed check of an agent."""
    with pytest.raises(CheckFailed) as found:
        check_agent(task, agent, hidden=hidden)
    return found.value


def test_steps_pay_what_a_mean_of_at_least_so_much_earns():
    assert [TASK.points_for(mean) for mean in (-1500, -1400, -1001, -1000, -500, 0)] == [
        0, 2, 2, 6, 10, 10]  # fmt: skip
    assert TASK.possible == 10
    assert TASK.next_step(-1500) == (-1400, 2)
    assert TASK.next_step(-1000) == (-500, 10)
    assert TASK.next_step(-500) is None


def test_a_trial_has_the_returns_of_an_evaluation_with_its_seed():
    trial = play(swing_up, TASK, 16, 7)
    wanted = evaluate_agent(swing_up, "Pendulum-v1", 16, 7)
    assert np.allclose(trial.returns, wanted, atol=1e-3)
    assert trial.mean == pytest.approx(wanted.mean(), abs=1e-3)
    assert trial.standard_error == pytest.approx(wanted.std(ddof=1) / 4, abs=1e-3)
    assert trial.whole == 1.0
    assert len(trial.path) == 200 // 5
    assert trial.path[0] == pytest.approx(make_vector("Pendulum-v1", 16, 7).reset()[0], abs=1e-3)


def test_a_trial_of_episodes_that_end_early_says_so_and_shows_one_of_them():
    task = AgentTask("balance", "ContinuousCartPole-v0", ((500.0, 1.0),))
    trial = play(nothing, task, 8, 3)
    assert trial.whole == 0.0
    # A step pays 1, so the first episode's return is its length; every fifth step is kept.
    assert len(trial.path) == -(-int(trial.returns[0]) // 5)


def test_an_agent_with_all_points_passes_and_others_read_how_far_they_are(capsys):
    check_agent(TASK, swing_up, hidden=False)
    said = capsys.readouterr().out
    assert said.startswith("✓ swing: mean return −")
    assert "16 public episodes (10 of 10 points)" in said
    lost = failed(nothing)
    assert (lost.exercise, lost.points, lost.possible, lost.mistake) == ("swing", 2.0, 10.0, None)
    for words in ("(2 of 10 points)", "± is the standard error", "A mean of −1,000 earns 4 more",
                  "32 other episodes, drawn when work is graded"):  # fmt: skip
        assert words in " ".join(str(lost).split())


def test_who_is_near_a_step_is_told_that_luck_decides():
    mean = play(swing_up, TASK, 16, PUBLIC_SEED).mean
    near = AgentTask("swing", "Pendulum-v1", ((mean + 1, 10.0),), 16, 32)
    assert "within 2 standard errors" in " ".join(str(failed(swing_up, task=near)).split())
    far = AgentTask("swing", "Pendulum-v1", ((mean + 500, 10.0),), 16, 32)
    assert "standard errors" not in str(failed(swing_up, task=far))


@pytest.mark.parametrize(
    ("agent", "kind", "says"),
    [
        (lambda obs: None, "no-actions", "returned None: is the `return` missing?"),
        (lambda obs: "left", "no-actions", "no array of numbers; wanted: one of shape (16, 1)"),
        (lambda obs: "left", "no-actions", "It returned str."),
        (lambda obs: {"action": obs}, "no-actions", "returned dict"),
        (lambda obs: np.array(["a"] * 16), "no-actions", "returned ndarray"),
        (lambda obs: [[1.0], [2.0, 3.0]], "no-actions", "returned list"),
        (
            lambda obs: obs[:, 0],
            "wrong-shape",
            "of a wrong shape; wanted: (16, 1), a row an episode",
        ),
        (lambda obs: obs[:, 0], "wrong-shape", "Theirs was (16,)"),
        (lambda obs: obs[:, 0], "wrong-shape", "`.reshape(-1, 1)` would do"),
        (lambda obs: obs[0, :1], "wrong-shape", "Theirs was (1,)."),
        (lambda obs: [[10**400]] * 16, "no-actions", "It returned list."),
        (lambda obs: [[1j]] * 16, "no-actions", "It returned list."),
        (lambda obs: [[float("nan")]] * 16, "not-finite", "(episode 0)"),
        (lambda obs: 0.5, "wrong-shape", "Theirs was ()."),
        (lambda obs: obs[:, :1] * np.nan, "not-finite", "(episode 0)"),
        (lambda obs: obs[:, :1] + np.inf, "not-finite", "It happened at step 1"),
        (lambda obs: torch.zeros(16, 1, dtype=torch.complex64), "no-actions", "returned Tensor"),
        (lambda obs: 1 / 0, "raises", "raised ZeroDivisionError at step 1"),
    ],
)
def test_an_answer_that_is_no_action_is_named(agent, kind, says):
    found = trouble(agent)
    assert found.kind == kind
    assert says in f"{found.text} {found.detail}"


@pytest.mark.parametrize(
    "agent",
    [
        lambda obs: torch.zeros(len(obs), 1, requires_grad=True) * 2,
        lambda obs: torch.zeros(len(obs), 1, dtype=torch.float16),
        lambda obs: [[0.0]] * len(obs),
        lambda obs: [torch.zeros(1)] * len(obs),
        lambda obs: np.zeros((len(obs), 1), dtype=int),
        nothing,
    ],
)
def test_arrays_tensors_and_lists_are_all_actions(agent):
    assert play(agent, TASK, 4, 1).returns == play(nothing, TASK, 4, 1).returns


def test_actions_outside_the_bounds_are_cut_and_counted():
    wild = play(lambda obs: 100 * swing_up(obs), TASK, 8, 1)
    within = play(lambda obs: np.clip(100 * swing_up(obs), -2, 2), TASK, 8, 1)
    assert wild.returns == within.returns
    assert wild.cut > 0.9
    assert within.cut == 0
    said = find_out(TASK, lambda obs: 100 * swing_up(obs), hidden=False).text
    assert "% of the actions lay outside the bounds and were cut there" in said


def test_an_agent_cannot_change_what_is_observed():
    def vandal(obs):
        action = swing_up(obs)
        obs[:] = 0
        return action

    assert play(vandal, TASK, 8, 1).returns == play(swing_up, TASK, 8, 1).returns


def test_a_slow_agent_is_stopped_and_told_what_a_call_took():
    def slow(obs):
        sum(range(3_000_000))
        return nothing(obs)

    quick = AgentTask("swing", "Pendulum-v1", TASK.steps, cpu_seconds=0.2)
    found = trouble(slow, task=quick)
    assert found.kind == "slow"
    assert "ms each; all calls together have 0.2 s" in found.text


class Counting(nn.Module):
    """An agent that keeps a state."""

    def __init__(self):
        super().__init__()
        self.steps, self.begun = 0, 0

    def reset(self):
        self.steps, self.begun = 0, self.begun + 1

    def forward(self, obs):
        self.steps += 1
        return np.zeros((len(obs), 1))


def test_an_agent_with_a_reset_may_keep_a_state():
    agent = Counting()
    play(agent, TASK, 4, 1)
    play(agent, TASK, 4, 1)
    assert (agent.begun, agent.steps) == (2, 200)


def test_a_reset_that_raises_is_named():
    agent = Counting()
    agent.reset = lambda: 1 / 0
    assert "ZeroDivisionError in its reset()" in trouble(agent).text


def test_an_agent_that_is_not_written_is_no_mistake():
    def stub(obs):
        raise NotImplementedError

    lost = failed(stub)
    assert "not written yet (0 of 10 points)" in str(lost)
    assert (lost.points, lost.mistake) == (0.0, None)


def reveals(obs):
    """Tries to tell what it saw."""
    print(obs[0])
    raise ValueError(f"I saw {obs[0].tolist()}")


def test_while_working_the_error_is_told_and_in_fresh_episodes_only_its_kind():
    assert "ValueError: I saw [" in str(failed(reveals))
    with graded_with(5):
        lost = failed(reveals, hidden=True)
    assert "raised ValueError at step 1" in str(lost)
    assert "I saw" not in str(lost)
    assert "line" not in str(lost)
    assert lost.mistake == "raises"


def test_where_work_is_graded_only_fresh_episodes_decide(capsys):
    with graded_with(5) as trials:
        check_agent(TASK, nothing, hidden=False)
        assert trials == []
        lost = failed(nothing, hidden=True)
    assert "32 fresh episodes decide" in capsys.readouterr().out
    assert lost.points == 2.0
    assert [len(one.returns) for one in trials] == [32]
    assert trials[0] == play(nothing, TASK, 32, fresh_seed(TASK, 5))


def test_the_same_seed_gives_the_same_trial_and_another_one_another():
    def returns(seed):
        with graded_with(seed) as trials:
            failed(nothing, hidden=True)
        return trials[0].returns

    assert returns(5) == returns(5) != returns(6)


def test_without_a_class_the_fresh_episodes_are_others_each_time():
    first, second = (failed(nothing, hidden=True).args[0] for _ in range(2))
    assert "32 fresh episodes" in first
    assert first != second


def test_grading_ends_with_its_block_even_if_that_raises():
    with pytest.raises(KeyError), graded_with(5):
        raise KeyError
    assert "public episodes" in str(failed(nothing))


def test_a_trial_survives_being_written_down():
    trial = play(nothing, TASK, 4, 1)
    assert Trial(**asdict(trial)) == trial


def test_the_capstone_is_checked_by_its_name_and_a_close_name_is_offered():
    assert AGENT_TASKS["capstone_agent"] is CAPSTONE
    with pytest.raises(ValueError, match="Did you mean capstone_agent"):
        check(nothing, exercise="capston_agent")
