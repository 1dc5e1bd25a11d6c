"""The lessons as pages: what every one of them must have, and that it agrees with the bank."""

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_lib import reference
from course_lib.checks import AGENT_TASKS, all_questions, exercise_names, load_exercise

ROOT = Path(__file__).parents[1]
LESSONS = sorted(path for path in (ROOT / "solutions").glob("*/*.py"))
FUNCTIONS = {
    "agents_and_returns": [
        "trajectory_log_prob",
        "discounted_return",
        "reward_to_go",
        "episode_reward_to_go",
        "monte_carlo_estimate",
        "state_visitation",
        "expected_return",
    ],
    "log_derivative_trick": [
        "categorical_log_prob",
        "gaussian_log_prob",
        "beta_log_prob",
        "gaussian_score",
        "score_function_surrogate",
        "leave_one_out_surrogate",
        "pathwise_estimate",
        "gumbel_softmax",
    ],
    "reinforce": [
        "sample_categorical",
        "sample_gaussian",
        "max_likelihood_loss",
        "reinforce_loss",
        "reinforce_to_go_loss",
        "reinforce_practical_loss",
        "cross_entropy_policy_gradient",
    ],
    "baselines": [
        "gradient_variance",
        "mean_baseline",
        "optimal_baseline",
        "baseline_loss",
        "value_loss_monte_carlo",
        "value_loss_td",
        "gradient_weight",
        "action_baseline_bias",
    ],
    "policy_gradient_theorem": [
        "policy_evaluation",
        "action_value",
        "value_gradient_recursion",
        "unrolled_gradient",
        "policy_gradient_theorem",
        "likelihood_ratio_gradient",
        "undiscounted_gradient",
    ],
    "actor_critic": [
        "td_error",
        "n_step_return",
        "generalized_advantage",
        "categorical_entropy",
        "gaussian_entropy",
        "actor_critic_losses",
        "a2c_loss",
        "normalize_advantage",
    ],
    "world_models": [
        "gaussian_nll",
        "latent_kl",
        "imagine",
        "lambda_return",
        "dream_policy_loss",
        "straight_through_categorical",
    ],
    "language_models": [
        "token_log_prob",
        "sequence_log_prob",
        "group_advantage",
        "kl_to_reference",
        "grpo_loss",
        "dpo_loss",
    ],
    "maximum_entropy": [
        "boltzmann_policy",
        "soft_value",
        "soft_policy_evaluation",
        "soft_policy_iteration",
        "kl_policy_loss",
        "squashed_gaussian_log_prob",
        "sac_value_loss",
        "sac_target",
        "sac_policy_loss",
        "temperature_loss",
    ],
    "off_policy": [
        "importance_ratio",
        "importance_sampling_return",
        "effective_sample_size",
        "off_policy_reinforce_loss",
        "first_order_loss",
        "expected_sarsa_target",
        "n_step_importance_target",
        "vtrace_target",
        "off_policy_gradient",
        "off_policy_gradient_oracle",
    ],
    "trust_regions": [
        "performance_difference",
        "surrogate_objective",
        "total_variation",
        "categorical_kl",
        "gaussian_kl",
        "fisher_matrix",
        "natural_step",
        "fisher_vector_product",
        "conjugate_gradient",
        "line_search",
        "trpo_multiplier",
    ],
    "deterministic_gradients": [
        "dqn_target",
        "double_dqn_target",
        "critic_loss",
        "ddpg_target",
        "dpg_loss",
        "update_target",
        "gaussian_exploration",
        "OrnsteinUhlenbeck",
        "ReplayBuffer",
        "td3_target",
        "qprop_baseline",
        "qprop_loss",
        "lqr_gradient",
    ],
    "benchmark": [
        "cem_update",
        "rwr_weight",
        "reps_dual",
        "reps_weight",
    ],
    "ppo": [
        "kl_penalty_loss",
        "adapt_kl_coef",
        "clipped_surrogate_loss",
        "clipped_value_loss",
        "clip_fraction",
        "approximate_kl",
        "ppo_loss",
        "minibatch_indices",
        "RunningNormalizer",
    ],
}
NOTHING_IS_TRAINED = {"agents_and_returns", "log_derivative_trick", "policy_gradient_theorem"}

lesson_test = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@cache
def cells_of(path: Path):
    """The cells of a lesson's source."""
    return jupytext.read(path).cells


def nbgrader(cell) -> dict:
    """A cell's nbgrader metadata."""
    return cell.metadata.get("nbgrader", {})


def check_cells(path: Path):
    """(cell before, check cell, exercise or question name, is it a question) of all checks."""
    cells = cells_of(path)
    for before, cell in pairwise(cells):
        call = re.match(r'check(_answer)?\((\w+)(?:, exercise="(\w+)")?\)', cell.source)
        if cell.cell_type == "code" and call:
            name = call[3] or call[2].removeprefix("answer_" if call[1] else "")
            yield before, cell, name, bool(call[1])


def markdown(path: Path) -> str:
    """All text of a lesson."""
    return "\n\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "markdown")


def test_the_lessons_are_there():
    assert {path.stem for path in LESSONS} == set(FUNCTIONS)
    assert all(path.parent.name.split("_", 1)[1] == path.stem for path in LESSONS)


@lesson_test
def test_every_function_of_the_curriculum_is_an_exercise_with_a_check(path):
    checked = {name for _, _, name, is_question in check_cells(path) if not is_question}
    assert set(FUNCTIONS[path.stem]) <= checked
    assert checked <= {*exercise_names(), *AGENT_TASKS}
    assert all(hasattr(reference, name) for name in FUNCTIONS[path.stem])


@lesson_test
def test_points_of_the_cells_are_points_of_the_exercises(path):
    for _, cell, name, is_question in check_cells(path):
        checked = all_questions()[name] if is_question else AGENT_TASKS.get(name)
        possible = checked.points if is_question else (checked or load_exercise(name)).possible
        assert nbgrader(cell)["points"] == possible, name


@lesson_test
def test_the_page_says_how_many_points_it_has(path):
    total = sum(nbgrader(cell).get("points", 0) for cell in cells_of(path))
    assert re.search(r"· (\d+) points", cells_of(path)[0].source)[1] == f"{total:g}"


@lesson_test
def test_every_check_is_hidden_too_and_lets_the_page_below_run(path):
    for _, cell, name, is_question in check_cells(path):
        assert "raises-exception" in cell.metadata.get("tags", []), name
        if not is_question:
            assert "### BEGIN HIDDEN TESTS" in cell.source, name
            assert "hidden=True" in cell.source, name


@lesson_test
def test_every_question_stands_in_the_page_with_all_its_letters(path):
    questions = [name for _, _, name, is_question in check_cells(path) if is_question]
    assert len(questions) >= 5
    text = markdown(path)
    cells = cells_of(path)
    for name in questions:
        answer = next(
            index for index, cell in enumerate(cells) if f"def answer_{name}(" in cell.source
        )
        asked = cells[answer - 1].source
        for letter in all_questions()[name].explanations:
            assert f"**{letter}.**" in asked, (name, letter)
    assert "<details" in text


@lesson_test
def test_every_exercise_has_three_hints_and_says_points_minutes_and_difficulty(path):
    cells = cells_of(path)
    for name in FUNCTIONS[path.stem]:
        defined = re.compile(rf"^(def|class) {name}\b", re.MULTILINE)
        place = next(i for i, cell in enumerate(cells) if defined.search(cell.source))
        around = "\n".join(
            cell.source for cell in cells[place - 2 : place + 4] if cell.cell_type == "markdown"
        )
        assert around.count("<summary>Hint") >= 3, name
        for word in ("point", "minute", "ifficulty"):
            assert word in around, (name, word)


@lesson_test
def test_a_written_question_with_a_mark_scheme_is_graded_by_hand(path):
    written = [
        cell
        for cell in cells_of(path)
        if cell.cell_type == "markdown"
        and nbgrader(cell).get("grade")
        and nbgrader(cell).get("solution")
    ]
    assert len(written) == 1
    assert written[0].source.startswith("### BEGIN MARK SCHEME")
    assert nbgrader(written[0])["points"] > 0


@lesson_test
def test_students_see_the_written_question_and_not_how_it_is_marked(path):
    """nbgrader replaces all of an answer's cell, so the question needs one of its own."""
    cells = nbformat.read(ROOT / "notebooks" / path.parent.name / f"{path.stem}.ipynb", 4).cells
    place = next(
        i for i, cell in enumerate(cells) if cell.cell_type == "markdown" and nbgrader(cell)
    )
    assert "graded by hand" in cells[place - 1].source
    assert cells[place - 1].source.count("?") >= 2
    assert cells[place].source == "*Write your answer here.*"


@lesson_test
def test_a_page_predicts_spots_a_slip_and_repairs_a_silent_bug(path):
    text = markdown(path)
    assert text.count("**Predict") >= 3
    assert "pot the slip" in text
    assert "ilent bug" in text or path.stem in NOTHING_IS_TRAINED
    assert re.search(r"(?i)## .*summary", text)


@lesson_test
def test_cells_are_short_and_never_more_than_two_code_cells_stand_in_a_row(path):
    row = 0
    for cell in cells_of(path):
        row = row + 1 if cell.cell_type == "code" else 0
        assert row <= 2, cell.source[:80]
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 30, cell.source[:80]


@lesson_test
def test_a_page_is_long_enough_to_teach_and_short_enough_to_read(path):
    prose = re.sub(r"\$[^$]*\$|<[^>]+>", " ", markdown(path))
    assert 1_500 <= len(prose.split()) <= 4_500


@lesson_test
def test_long_experiments_do_not_run_when_grading(path):
    trains = [
        cell
        for cell in cells_of(path)
        if cell.cell_type == "code" and re.search(r"\btrain\(", cell.source)
    ]
    assert trains or path.stem in NOTHING_IS_TRAINED
    assert all("experiment" in cell.metadata.get("tags", []) for cell in trains)
