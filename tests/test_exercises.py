"""The grader's own power: known mistakes are refused and named, right variants accepted."""

import time

import pytest

from course_lib.checks import exercise_names, judge, load_exercise
from course_lib.checks.judging import HIDDEN_SEEDS, VISIBLE_SEEDS

EXERCISES = [load_exercise(name) for name in exercise_names()]
MISTAKES = [
    pytest.param(
        exercise,
        mistake,
        id=f"{exercise.name}-{mistake.name}-{mistake.function.__name__}",
    )
    for exercise in EXERCISES
    for mistake in exercise.mistakes
]
VARIANTS = [
    pytest.param(exercise, variant, id=f"{exercise.name}-{variant.__name__}")
    for exercise in EXERCISES
    for variant in exercise.variants
]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_reference_passes_and_earns_all_points(exercise):
    verdict = judge(exercise, exercise.reference, HIDDEN_SEEDS)
    assert verdict.failures == ()
    assert verdict.points == exercise.possible


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_a_known_mistake_is_refused_and_named(exercise, mistake):
    verdict = judge(exercise, mistake.function, VISIBLE_SEEDS)
    assert not verdict.passed
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.name == mistake.name
    assert verdict.points < exercise.possible


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES)
def test_a_known_mistake_is_named_with_other_seeds_too(exercise, mistake):
    verdict = judge(exercise, mistake.function, HIDDEN_SEEDS)
    assert not verdict.passed
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.name == mistake.name


@pytest.mark.parametrize(("exercise", "variant"), VARIANTS)
def test_a_right_variant_is_accepted(exercise, variant):
    verdict = judge(exercise, variant, HIDDEN_SEEDS)
    assert verdict.failures == ()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_an_exercise_brings_enough_mistakes_and_variants(exercise):
    assert len(exercise.mistakes) >= 6
    assert len(exercise.variants) >= 2
    assert all(len(mistake.explanation) > 40 for mistake in exercise.mistakes)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_failing_check_takes_less_than_three_tenths_of_a_second(exercise):
    judge(exercise, exercise.reference)
    worst = 0.0
    for mistake in exercise.mistakes[-2:]:
        start = time.process_time()
        judge(exercise, mistake.function)
        worst = max(worst, time.process_time() - start)
    assert worst < 0.3
