"""The checks of samplers: what a function is must not hang on the random numbers that it drew."""

import pytest
import torch

from autograde.release.record import record_exercise
from course_lib.checks import judge, load_exercise
from course_lib.checks.recorded import read_recording

SAMPLERS = [load_exercise(name) for name in ("sample_categorical", "sample_gaussian")]
MISTAKES = [
    pytest.param(exercise.name, mistake, id=f"{exercise.name}-{mistake.function.__name__}")
    for exercise in SAMPLERS
    for mistake in exercise.mistakes
]
RIGHT = [
    pytest.param(exercise, function, id=f"{exercise.name}-{function.__name__}")
    for exercise in SAMPLERS
    for function in (exercise.reference, *exercise.variants)
]


def with_other_dice(function, burnt: int):
    """The same function where all random numbers come out differently."""

    def elsewhere(*args, **inputs):
        torch.rand(burnt, generator=inputs["generator"] if inputs else args[-1])
        torch.rand(burnt)
        return function(*args, **inputs)

    return elsewhere


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Both exercises as the student edition has them, by name."""
    folder = tmp_path_factory.mktemp("recordings")
    for exercise in SAMPLERS:
        record_exercise(exercise, folder)
    return {exercise.name: read_recording(exercise.name, folder) for exercise in SAMPLERS}


@pytest.mark.parametrize(("name", "mistake"), MISTAKES)
@pytest.mark.parametrize("burnt", [1, 1_001])
def test_a_mistake_keeps_its_name_with_other_dice_than_were_recorded(
    name, mistake, burnt, recorded
):
    verdict = judge(recorded[name], with_other_dice(mistake.function, burnt))
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.name == mistake.name


@pytest.mark.parametrize(("exercise", "function"), RIGHT)
def test_a_right_sampler_passes_with_other_dice(exercise, function):
    assert judge(exercise, with_other_dice(function, 17)).failures == ()


def test_a_check_says_the_same_twice_of_who_draws_from_the_global_dice():
    def first_draw(logits, generator):
        return torch.distributions.Categorical(logits=logits.roll(1, -1)).sample()

    exercise = load_exercise("sample_categorical")
    first, again = (judge(exercise, first_draw) for _ in range(2))
    assert [str(one.got) for one in first.failures] == [str(one.got) for one in again.failures]
