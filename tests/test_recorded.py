"""Recorded exercises judge as the exercises themselves do: names, messages and points."""

import json

import pytest
import torch
from torch import Tensor

from autograde.release.record import record_exercise
from course_lib.checks import CheckFailed, bank, check, recorded
from course_lib.checks.callables import (
    Bowl,
    CentredPolicy,
    Matrix,
    QuadraticCritic,
    TanhPolicy,
)
from course_lib.checks.exercise import VALUE, Case, Exercise, Mistake, Seed
from course_lib.checks.judging import judge
from course_lib.checks.packing import ForeignError, Numbers, Stranger, pack, unpack
from course_lib.checks.recorded import read_recording
from course_lib.reference import dpg_loss, pathwise_estimate
from tests.helpers import double

NAMES = bank.exercise_names()


@pytest.fixture
def as_student(tmp_path, monkeypatch):
    """Makes `check` know an exercise by its recording only."""

    def use(exercise: Exercise) -> None:
        record_exercise(exercise, tmp_path)
        monkeypatch.setattr(recorded, "FOLDER", tmp_path)
        monkeypatch.setattr(bank, "live_names", set)
        bank.load_exercise.cache_clear()

    yield use
    bank.load_exercise.cache_clear()


def said(function, name: str) -> tuple:
    """What a check says: the message, the mistake and the points, or None."""
    try:
        check(function, exercise=name)
    except CheckFailed as error:
        return str(error), error.mistake, error.points, error.possible
    return ()


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_and_variant_gets_the_same_verdict_from_the_recording(
    name, as_student, capsys
):
    live = bank.load_exercise(name)
    functions = [*(one.function for one in live.mistakes), *live.variants, live.reference]
    by_code = [said(one, name) for one in functions]
    printed = capsys.readouterr().out
    as_student(live)
    assert isinstance(bank.load_exercise(name), recorded.RecordedExercise)
    assert [said(one, name) for one in functions] == by_code
    assert capsys.readouterr().out == printed
    right = 1 + len(live.variants)
    assert by_code[-right:] == [()] * right
    assert [one[1] for one in by_code[:-right]] == [one.name for one in live.mistakes]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_plain_data(name, tmp_path):
    record_exercise(bank.load_exercise(name), tmp_path)
    stored = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert set(stored) == {"rules", "mistakes", "recorded"}
    assert set(stored["recorded"]) == {"0"}
    with Numbers.opened(tmp_path / f"{name}.npz") as numbers:
        assert all(array.dtype != object for array in numbers.arrays.values())


def test_a_recording_has_no_hidden_cases(tmp_path):
    record_exercise(bank.load_exercise("td_error"), tmp_path)
    with pytest.raises(ValueError, match="visible cases only"):
        read_recording("td_error", tmp_path).worked(1)


def modules(generator: torch.Generator) -> dict:
    """A policy, a critic and states for them."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    policy = TanhPolicy(draw(2, 3), draw(2))
    return {"obs": draw(5, 3), "policy": policy, "q_function": QuadraticCritic(draw(3), draw(3, 2))}


def climbs_down(obs, policy, q_function):
    """The loss with its sign flipped."""
    return q_function(obs, policy(obs)).mean()


DPG = Exercise(
    name="dpg_loss",
    reference=dpg_loss,
    cases=lambda generator: [Case("five states", modules(generator))],
    statement="it climbs the critic",
    points={VALUE: 1},
    mistakes=(Mistake("climbs-down", "The sign is flipped.", climbs_down),),
)


def test_cases_with_modules_are_recorded_with_their_weights(tmp_path):
    record_exercise(DPG, tmp_path)
    read = read_recording("dpg_loss", tmp_path)
    assert judge(read, dpg_loss).passed
    assert judge(read, climbs_down).diagnosis.name == "climbs-down"
    double_case, float_case = (one.case for one in read.worked(0))
    assert double_case.inputs["policy"].weight.dtype == torch.float64
    assert float_case.inputs["policy"].weight.dtype == torch.float32


def test_a_function_that_changes_a_module_does_not_spoil_the_next_case(tmp_path):
    def changes(obs, policy, q_function):
        with torch.no_grad():
            policy.weight.zero_()
        return dpg_loss(obs, policy, q_function)

    record_exercise(DPG, tmp_path)
    read = read_recording("dpg_loss", tmp_path)
    assert not judge(read, changes).passed
    assert judge(read, dpg_loss).passed


def test_a_callable_that_the_edition_does_not_have_cannot_be_recorded(tmp_path):
    inputs = {"f": lambda x: x.sum(-1), "mean": double([0.0])}
    exercise = Exercise(
        name="pathwise_estimate",
        reference=pathwise_estimate,
        cases=lambda generator: [Case("a sum", inputs)],
        statement="",
        points={VALUE: 1},
    )
    with pytest.raises(TypeError, match=r"not in course_lib/checks/callables\.py"):
        record_exercise(exercise, tmp_path)


def test_a_driver_that_the_edition_does_not_have_cannot_be_recorded(tmp_path):
    case = Case("twice", {"x": double(1.0)}, call=lambda function, inputs: function(**inputs))
    exercise = Exercise(
        name="twice",
        reference=lambda x: 2 * x,
        cases=lambda generator: [case],
        statement="",
        points={VALUE: 1},
    )
    with pytest.raises(TypeError, match=r"not in course_lib/checks/drivers\.py"):
        record_exercise(exercise, tmp_path)


def there_and_back(value, tmp_path):
    """A value after it was written down."""
    numbers = Numbers()
    stored = json.loads(json.dumps(pack(value, numbers)))
    numbers.write(tmp_path / "numbers.npz")
    with Numbers.opened(tmp_path / "numbers.npz") as read:
        return unpack(stored, read)


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -0.1, 1e-300, "a word", Seed(7), (1, (2.0, "b")), {"a": None, "b": (1,)}],
)
def test_plain_values_come_back_as_they_were(value, tmp_path):
    back = there_and_back(value, tmp_path)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0)])
def test_tensors_come_back_bit_by_bit(dtype, shape, tmp_path):
    tensor = (torch.arange(6.0).reshape(2, 3) / 7).to(getattr(torch, dtype))
    tensor = tensor.flatten()[: max(1, int(torch.tensor(shape).prod()))]
    tensor = tensor[:0].reshape(shape) if 0 in shape else tensor.reshape(shape)
    first, back = there_and_back((torch.ones(4), tensor), tmp_path)
    assert torch.equal(first, torch.ones(4))
    assert back.dtype == tensor.dtype and back.shape == tensor.shape and torch.equal(back, tensor)


def test_numbers_that_are_none_come_back(tmp_path):
    tensor = double([float("nan"), float("inf"), -float("inf")])
    assert torch.equal(there_and_back(tensor, tmp_path).isnan(), tensor.isnan())
    assert there_and_back(float("inf"), tmp_path) == float("inf")


class OwnError(Exception):
    """An error that only this file knows."""


@pytest.mark.parametrize("error", [ValueError("x"), IndexError(), torch.linalg.LinAlgError("y")])
def test_errors_of_python_and_torch_come_back_as_their_class(error, tmp_path):
    assert type(there_and_back(error, tmp_path)) is type(error)


def test_what_is_no_data_comes_back_as_nothing_that_it_could_be_taken_for(tmp_path):
    assert isinstance(there_and_back(OwnError(), tmp_path), ForeignError)
    assert isinstance(there_and_back(complex(1, 2), tmp_path), Stranger)


def test_every_shipped_module_is_what_its_docstring_says():
    x, action = double([[1.0, 2.0]]), double([[0.5]])
    weight, bias = double([[0.1, 0.2]]), double([0.3])
    assert torch.allclose(TanhPolicy(weight, bias)(x), double([[0.8]]).tanh())  # 0.1 + 0.4 + 0.3
    critic = QuadraticCritic(double([3.0, -1.0]), double([[2.0], [0.5]]))
    # 3·1 − 1·2 + (2·1 + 0.5·2)·0.5 − ½·0.25
    assert critic(x, action).item() == pytest.approx(1 + 1.5 - 0.125)
    assert Bowl(double([0.0, 1.0]), double([1.0, 4.0]))(x).item() == pytest.approx(-0.5 - 2.0)
    assert torch.equal(Matrix(double([[1.0, 1.0], [0.0, 2.0]]))(x), double([[3.0, 4.0]]))
    centred = CentredPolicy(weight, bias, double([1.0, 1.0]), torch.tensor(3))
    assert torch.allclose(centred(x), double([[0.5]]).tanh())  # 0.1 · 0 + 0.2 · 1 + 0.3
