"""Cases that cross together give what single calls give, and nothing else can come back."""

import contextlib
import time

import pytest
import torch

from autograde.wall import casework
from autograde.wall.casework import as_sent, crossing, is_data, outcomes_from
from autograde.wall.endings import BROKE, Interrupted, Lost
from autograde.wall.proxies import Remote, StudentError
from course_lib.checks import load_exercise
from course_lib.checks.comparing import same_outcome
from course_lib.checks.judging import HIDDEN_SEEDS, VISIBLE_SEEDS, judge
from course_lib.checks.message import nested
from course_lib.checks.outcome import run_case
from course_lib.checks.problem import Case, Seed
from tests.walled import running

HEAD = "import torch\n\ndef reinforce_loss(log_prob, reward, gamma):\n    "
RIGHT = (
    "discount = gamma ** torch.arange(len(reward), dtype=reward.dtype)\n"
    "    episode_return = (discount.unsqueeze(1) * reward).sum(0)\n"
    "    return -(episode_return * log_prob.sum(0)).mean()"
)
ANSWERS = {
    "right": RIGHT,
    "wrong": RIGHT.replace("return -", "return "),
    "cut off": RIGHT.replace("log_prob.sum", "log_prob.detach().sum"),
    "changes its input": f"reward.mul_(1)\n    reward += 1\n    {RIGHT}",
    "raises": "return log_prob[10**6]",
    "raises what no check catches": "raise SystemExit(3)",
    "not written": "raise NotImplementedError",
    "a number": "return 3.5",
    "something else": "return object()",
    "a pair": "return [log_prob.sum(), {'x': reward}]",
    "draws": f"torch.rand(1)\n    {RIGHT}",
    "prints": f"print('hello')\n    {RIGHT}",
}


def exercise():
    """An exercise whose cases are all data."""
    return load_exercise("reinforce_loss")


def cases(seeds=VISIBLE_SEEDS):
    """Its cases."""
    return [one.case for seed in seeds for one in exercise().worked(seed)]


@contextlib.contextmanager
def answer(body):
    """The proxy of an answer with this body."""
    with running(HEAD + body) as session:
        yield session.values(["reinforce_loss"])["reinforce_loss"]


@pytest.mark.parametrize("name", [name for name in ANSWERS if name != "something else"])
def test_together_they_give_what_they_give_one_by_one(name):
    with answer(ANSWERS[name]) as function:
        printed = []
        function._session.print = printed.append
        together = function.run_cases(exercise(), cases())
        first = list(printed)
        single = [run_case(exercise(), function, case) for case in cases()]
    if "what no check catches" in name:
        assert together == [None] * len(single)
        return
    if name == "not written":
        assert isinstance(together[0].error, NotImplementedError)
        assert together[1:] == [None] * (len(single) - 1)
        return
    for one, other in zip(together, single, strict=True):
        assert same_outcome(exercise(), one, other) and one.changed == other.changed
        assert one.gradients.keys() == other.gradients.keys()
        assert one.error_line == other.error_line and str(one.error) == str(other.error)
    assert "".join(first) == ("hello\n" * len(single) if name == "prints" else "")
    assert (together[0].changed == ("reward",)) == (name == "changes its input")


@pytest.mark.parametrize("name", ["right", "cut off", "raises", "something else", "not written"])
def test_a_verdict_is_the_same_either_way(name, monkeypatch):
    with answer(ANSWERS[name]) as function:
        together = judge(exercise(), function, HIDDEN_SEEDS)
        monkeypatch.setattr(casework, "MAX_BYTES", -1)
        single = judge(exercise(), function, HIDDEN_SEEDS)
    assert (together.points, together.num_cases) == (single.points, single.num_cases)
    assert [one.text for one in together.failures] == [one.text for one in single.failures]
    assert together.diagnosis == single.diagnosis


def test_a_whole_check_is_one_message_there_and_one_back(monkeypatch):
    with answer(RIGHT) as function:
        session, sent = function._session, []
        whole = session.exchange
        monkeypatch.setattr(
            session, "exchange", lambda *one, **more: (sent.append(one), whole(*one, **more))[1]
        )
        assert judge(exercise(), function, HIDDEN_SEEDS).passed
        assert len(sent) == 1
        assert len(session.transcript.taken()) == len(cases(HIDDEN_SEEDS))


def test_random_numbers_go_on_where_the_cases_left_them():
    with answer(ANSWERS["draws"]) as function:
        torch.manual_seed(5)
        function.run_cases(exercise(), cases())
        after = torch.rand(1)
    torch.manual_seed(5)
    torch.rand(len(cases()))
    assert torch.equal(after, torch.rand(1))


def test_each_case_is_written_down_with_value_and_gradient():
    with answer(RIGHT) as function:
        (outcome,) = function.run_cases(exercise(), cases()[:1])
        (call,) = function._session.transcript.taken()
    assert call["called"] == "reinforce_loss" and set(call["and"]) == set(cases()[0].inputs)
    assert call["answered"]["values"] == [outcome.value.item()]
    assert call["gradients"]["log_prob"]["shape"] == list(cases()[0].inputs["log_prob"].shape)


def test_cases_that_take_too_long_are_interrupted():
    with answer("while True: pass") as function:
        function._session.until = function._session.now() + 0.5
        with pytest.raises(Interrupted):
            function.run_cases(exercise(), cases())


def test_a_seed_crosses_by_its_number_and_draws_the_same():
    case = Case("draw", {"rows": 3, "generator": Seed(4), "x": torch.ones(2)})
    code = "import torch\ndef f(rows, generator, x): return torch.rand(rows, generator=generator)"
    with running(code) as session:
        (outcome,) = session.values(["f"])["f"].run_cases(exercise(), [case])
    assert torch.equal(outcome.value, torch.rand(3, generator=torch.Generator().manual_seed(4)))


def test_what_is_lent_or_driven_or_large_is_left_to_single_calls(monkeypatch):
    small, large = torch.zeros(4), torch.zeros(100)
    monkeypatch.setattr(casework, "MAX_BYTES", 64)
    found = [
        Case("data", {"x": small, "options": {"names": ["a"], "none": None}}),
        Case("lends", {"x": small, "policy": torch.nn.Linear(2, 2)}),
        Case("driven", {"x": small}, call=lambda function, inputs: None),
        Case("with a graph", {"parts": [torch.ones(2, requires_grad=True)]}),
        Case("large", {"x": large}),
    ]
    assert crossing(exercise(), found) == [0]
    assert not is_data(torch.zeros(2).to_sparse()) and not is_data(print)


RIGHT_FORM = [torch.tensor(1.0), {"log_prob": None}, [], None]


@pytest.mark.parametrize(
    "told",
    [
        None,
        [RIGHT_FORM, RIGHT_FORM],
        [RIGHT_FORM[:3]],
        [[1.0, [], [], None]],
        [[1.0, {"log_prob": torch.zeros(1)}, [], None]],
        [[1.0, {"log_prob": torch.zeros(3, dtype=torch.float64)}, [], None]],
        [[1.0, {"log_prob": "x"}, [], None]],
        ["x" * 4],
    ],
)
def test_what_is_no_list_of_outcomes_is_refused(told):
    case = Case("one", {"log_prob": torch.zeros(3)})
    with pytest.raises(Lost) as lost:
        outcomes_from(told, exercise(), [case])
    assert lost.value.ending == BROKE


def test_only_what_was_asked_for_is_taken_from_an_outcome():
    case = Case("one", {"log_prob": torch.zeros(3), "gamma": 0.5})
    told = [
        torch.tensor(1.0),
        {"log_prob": torch.ones(3), "other": 1},
        ["gamma", "log_prob", 3, "other"],
        None,
    ]
    (outcome,) = outcomes_from([told], exercise(), [case])
    assert list(outcome.gradients) == ["log_prob"] and outcome.changed == ("log_prob",)
    told[3] = ["CheckFailed", "forged", "line 1"]
    (outcome,) = outcomes_from([told], exercise(), [case])
    assert isinstance(outcome.error, StudentError) and outcome.value is None


def test_a_case_is_sent_without_its_name_or_its_part():
    inputs, seeds = as_sent(Case("extreme", {"x": 1.0, "generator": Seed(7)}))
    assert inputs == {"x": 1.0, "generator": None} and seeds == {"generator": 7}


def test_an_answer_that_is_an_object_stays_a_proxy():
    with answer("return object()") as function:
        (outcome,) = function.run_cases(exercise(), cases()[:1])
        assert isinstance(outcome.value, Remote)


def test_an_answer_of_many_axes_is_shown_in_a_moment():
    started = time.process_time()
    assert "…" in nested(torch.zeros([6] * 9, dtype=torch.uint8))
    assert time.process_time() - started < 1
    assert nested(torch.zeros(1, 2, 1)) == "[[[0], [0]]]"
