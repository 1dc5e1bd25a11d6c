"""The student edition at work: its checks, its loops, its set-up, the command that writes it."""

import json
import os
import subprocess
import sys
import time
import tomllib

import nbformat
import pytest
from packaging.requirements import Requirement

import start
from autograde.building.source import read_source
from autograde.cli import main
from autograde.errors import CourseError
from autograde.lesson import find_lessons
from autograde.release import contents as contents_module
from autograde.release import edition as edition_module
from autograde.release import package as package_module
from autograde.release.contents import contents_of
from autograde.release.edition import edition_folder, write_edition
from autograde.release.library import SUFFIXES
from tests.released import ROOT, released_course, run_alone
from tests.sample_course import make_course
from tests.test_dependencies import imported_modules, undeclared

LESSONS = find_lessons(ROOT)
WORK = """
import io, json, os, sys
os.environ.update(COURSE_STATIC="1", OMP_NUM_THREADS="1", SDL_VIDEODRIVER="dummy", MPLBACKEND="agg")
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
for source in json.load(sys.stdin):
    with capture_output() as shown:
        result = shell.run_cell(source)
    error = result.error_before_exec or result.error_in_exec
    print(json.dumps([shown.stdout, repr(error) if error else None]))
"""
PPO_LESSON = """\
# %%
from course_lib import check
from course_lib.algorithms import PPOConfig, ppo

# %%
check({name})
"""


@pytest.fixture(scope="module")
def folder():
    """The released course."""
    return released_course()


def lesson_about(folder, name: str, number: str = "09"):
    """A lesson that trains PPO and has one exercise."""
    return make_course(folder, PPO_LESSON.format(name=name), f"{number}_lesson")


def answered_cells(folder, lesson) -> list[nbformat.NotebookNode]:
    """The released notebook's code cells, with the worked solutions pasted in."""
    worked = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read_source(lesson).cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    path = folder / "notebooks" / lesson.name / f"{lesson.slug}.ipynb"
    cells = [one for one in nbformat.read(path, as_version=4).cells if one.cell_type == "code"]
    for cell in cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = worked.get(grade_id, cell.source)
    return cells


def work_through(folder, cells) -> list[tuple[str, str | None]]:
    """What each cell prints and raises, in a process that has the edition only."""
    done = run_alone(folder, WORK, input=json.dumps([cell.source for cell in cells]))
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


SHORT = """
from itertools import islice as _some

_train = train


def train(progress, **settings):
    return _train(_some(progress, 12), **settings)
"""


def with_short_trainings(cells) -> list:
    """The cells, and behind the first what ends every training after a few updates."""
    if "    train,\n" not in cells[0].source and " train," not in cells[0].source:
        return cells
    return [cells[0], nbformat.v4.new_code_cell(SHORT), *cells[1:]]


def with_ppo_loss(folder, cells) -> list:
    """Lesson 13's cells, its capstone trained with lesson 09's functions, as a student does."""
    lesson = next(one for one in LESSONS if one.name == "09_ppo")
    worked = answered_cells(folder, lesson)
    named = ("def clipped_surrogate_loss(", "def ppo_loss(")
    brought = [one for one in worked if one.source.startswith(named)]
    place = next(at for at, one in enumerate(cells) if "ppo(capstone_id," in one.source)
    call = "ppo(capstone_id, config, seed=2)"
    assert call in cells[place].source
    mine = cells[place].source.replace(call, f"{call[:-1]}, loss=ppo_loss)")
    return [*cells[:place], *brought, nbformat.v4.new_code_cell(mine), *cells[place + 1 :]]


def is_check(cell) -> bool:
    """Whether the cell is graded by running it."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_student_works_through_the_lesson_all_checks_pass_and_the_runs_train(folder, lesson):
    cells = answered_cells(folder, lesson)
    if lesson.name == "05_actor_critic":
        last = "assert cartpole_history.returns.max() >= 475"
        cells.append(nbformat.v4.new_code_cell(last))
    else:
        cells = with_short_trainings(cells)
    if lesson.name == "13_benchmark":
        cells = with_ppo_loss(folder, cells)
    for cell, (printed, error) in zip(cells, work_through(folder, cells), strict=True):
        assert error is None, (cell.source, error)
        if is_check(cell):
            first, *remark = printed.splitlines()
            assert first.startswith("✓")
            tells_more = "check_answer" in cell.source or "capstone_agent" in cell.source
            assert tells_more or len(remark) in (0, 2)


def test_a_lesson_that_is_handed_out_says_what_is_not_written_yet(folder):
    path = folder / "notebooks" / "02_reinforce" / "reinforce.ipynb"
    cells = [one for one in nbformat.read(path, as_version=4).cells if one.cell_type == "code"]
    first = [cell for cell in cells if is_check(cell) and "check(" in cell.source][:1]
    stub = cells[cells.index(first[0]) - 1]
    results = work_through(folder, [cells[0], stub, *first])
    assert "CheckFailed" in results[-1][1]
    assert "not written yet" in results[-1][0] + results[-1][1]


def test_in_a_process_of_its_own_the_edition_names_what_is_missing_and_what_is_wrong(folder):
    code = (
        "from course_lib.runs import RUNS\n"
        "try:\n    next(RUNS['a2c-cartpole'].start(seed=0))\n"
        "except RuntimeError as error:\n    print(error)\n"
        "from course_lib import check\n"
        "from course_lib.reference import reinforce_loss\n"
        "try:\n    check(reinforce_loss, hidden=True)\n"
        "except ValueError as error:\n    print(error)\n"
        "def td_error(reward, value, next_value, terminated, gamma):\n"
        "    return reward + gamma * next_value - value\n"
        "try:\n    check(td_error)\n"
        "except AssertionError as error:\n    print(error.mistake, error.points, error.possible)\n"
        "def answer_which_lambda():\n    return 'a'\n"
        "try:\n    course_lib.check_answer(answer_which_lambda)\n"
        "except AssertionError as error:\n    print(error.mistake, error.points, error.possible)\n"
    )
    loop, hidden, wrong, choice = run_alone(folder, code).stdout.splitlines()
    assert loop == (
        "`a2c_loss` is an exercise of lesson 05, so the course does not bring it along. Hand "
        "yours over: loss=a2c_loss."
    )
    assert "visible cases only" in hidden
    assert wrong == "bootstraps-after-termination 0 1"
    assert choice == "chose-a 0.0 1.0"


def test_no_import_from_the_grader_s_edition_passes_but_what_torch_has_anyway(tmp_path):
    write_edition(tmp_path, LESSONS, grading=True)
    names = sorted(contents_of(LESSONS).exercises)
    code = (
        "import course_lib.reference as reference\n"
        "from course_lib import check, CheckFailed\n"
        f"for name in {names}:\n"
        "    try:\n        check(getattr(reference, name, None), exercise=name)\n"
        "    except (CheckFailed, TypeError):\n        continue\n"
    )
    passed = {line.split()[1][:-1] for line in run_alone(tmp_path, code).stdout.splitlines()}
    # One call of torch.distributions each: what everybody may write. That is rule 2.
    assert passed == set(names) & set(contents_module.DISTRIBUTIONS)


def test_what_a_released_run_needs_of_other_lessons_is_there_and_nothing_else(tmp_path):
    lesson = lesson_about(tmp_path, "ppo_loss")
    found = contents_of([lesson])
    assert found.exercises == {"ppo_loss": "09"}
    assert {"generalized_advantage", "minibatch_indices", "clip_fraction"} <= set(found.kept)
    assert "ppo_loss" not in found.kept and "sac_target" not in found.kept
    write_edition(tmp_path / "edition", [lesson])
    code = (
        "from course_lib.algorithms import PPOConfig, ppo\n"
        "config = PPOConfig(num_envs=2, num_steps=4, minibatch_size=8, epochs=1)\n"
        "def loss(log_prob, old, weight, value, target, entropy, *coefficients):\n"
        "    return (value - target).square().mean() - (weight * log_prob).mean()\n"
        "print(next(ppo('CartPole-v1', config, 0, loss=loss)).env_steps)\n"
        "try:\n    next(ppo('CartPole-v1', config, 0))\n"
        "except RuntimeError as error:\n    print(error)\n"
        "from course_lib.reference import sac_target\n"
        "try:\n    sac_target()\n"
        "except RuntimeError as error:\n    print(error)\n"
    )
    done = run_alone(tmp_path / "edition", code)
    steps, message, other = done.stdout.splitlines()
    assert steps == "8"
    assert message.startswith("`ppo_loss` is an exercise of lesson 09")
    assert other.startswith("`sac_target` is not part of this edition")


def test_what_two_released_lessons_share_has_another_form_and_the_grader_s_edition_none(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    both = [
        lesson_about(tmp_path / "a", "generalized_advantage", "05"),
        lesson_about(tmp_path / "b", "ppo_loss", "09"),
    ]
    assert "generalized_advantage" in contents_of(both).stand_ins
    assert "generalized_advantage" not in contents_of(both, grading=True).stand_ins
    assert "generalized_advantage" not in contents_of(both).kept
    assert "generalized_advantage" not in contents_of(both[:1]).stand_ins


def test_the_grader_s_edition_has_no_file_with_an_exercise_s_stand_in(tmp_path):
    lesson = lesson_about(tmp_path, "clip_fraction")
    texts = {}
    for grading in (True, False):
        write_edition(tmp_path / str(grading), [lesson], grading=grading)
        file = tmp_path / str(grading) / "course_lib" / "reference" / "stand_ins.py"
        texts[grading] = file.read_text(encoding="utf-8")
    assert "def clip_fraction" in texts[False]
    assert "def clip_fraction" not in texts[True]
    assert "def reward_to_go" not in texts[True] + texts[False]


def test_what_a_loop_takes_no_argument_for_has_another_form_in_its_own_lesson_too(tmp_path):
    lesson = lesson_about(tmp_path, "clip_fraction")
    assert "clip_fraction" in contents_of([lesson]).stand_ins
    assert "clip_fraction" not in contents_of([lesson]).kept
    assert "clip_fraction" not in contents_of([lesson], grading=True).stand_ins


def test_a_lesson_whose_training_could_not_run_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(contents_module, "FOR_LOOPS", ())
    with pytest.raises(CourseError, match="clip_fraction: an exercise that a training needs"):
        contents_of([lesson_about(tmp_path, "clip_fraction")])


def test_an_answer_in_a_file_that_would_be_shipped_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"course_lib/replay.py holds its answer"):
        contents_of([lesson_about(tmp_path, "TransitionBatch", "07")])


def test_the_grader_s_edition_is_written_once_for_each_state_of_the_lessons(tmp_path, monkeypatch):
    monkeypatch.setattr(edition_module, "CACHE", tmp_path / "cache")
    lesson = lesson_about(tmp_path, "a2c_loss", "05")
    first = edition_folder([lesson])
    made = (first / "course_lib" / "__init__.py").stat().st_mtime_ns
    assert edition_folder([lesson]) == first
    assert (first / "course_lib" / "__init__.py").stat().st_mtime_ns == made
    lesson.source.write_text(lesson.source.read_text() + "\n# %%\ncheck(td_error)\n")
    second = edition_folder([lesson])
    assert second != first
    assert (second / "course_lib/checks/recordings/td_error.npz").exists()
    assert sorted(one.name for one in (tmp_path / "cache").iterdir()) == sorted(
        [first.name, second.name]
    )


@pytest.mark.slow
def test_two_processes_that_write_the_same_edition_do_not_meet(tmp_path):
    lesson = lesson_about(tmp_path, "a2c_loss", "05")
    code = (
        "from pathlib import Path\n"
        "from autograde.lesson import Lesson\n"
        "from autograde.release import edition\n"
        f"edition.CACHE = Path({str(tmp_path / 'cache')!r})\n"
        f"print(edition.edition_folder([Lesson(Path({str(tmp_path)!r}), {lesson.name!r})]))\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(2)
    ]
    first, second = (one.communicate()[0].strip() for one in started)
    assert first == second
    assert [one.name for one in (tmp_path / "cache").iterdir()] == [os.path.basename(first)]


def test_an_old_edition_that_nobody_uses_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(edition_module, "CACHE", tmp_path / "cache")
    old, recent = tmp_path / "cache" / "old", tmp_path / "cache" / "recent"
    for one, days in ((old, 8), (recent, 6)):
        one.mkdir(parents=True)
        os.utime(one, (time.time() - days * 86_400,) * 2)
    edition_folder([lesson_about(tmp_path, "a2c_loss", "05")])
    assert not old.exists() and recent.exists()


def test_an_unprivileged_process_may_read_an_edition_and_not_write_it(tmp_path, monkeypatch):
    monkeypatch.setattr(edition_module, "CACHE", tmp_path / "cache")
    before = os.umask(0o077)
    try:
        made = edition_folder([lesson_about(tmp_path, "a2c_loss", "05")])
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in made.rglob("*") if path.is_file()} == {0o644}
    assert made.stat().st_mode & 0o777 == 0o755


@pytest.mark.slow
def test_importing_the_edition_costs_no_more_than_importing_the_course(folder):
    code = (
        "import time, torch, gymnasium\nstart = time.process_time()\n"
        "import course_lib.checks, course_lib.runs\nprint(time.process_time() - start)\n"
    )
    ours = [sys.executable, "-c", code]
    pairs = [
        (
            float(run_alone(folder, code).stdout),
            float(subprocess.run(ours, capture_output=True, text=True, cwd=ROOT).stdout),
        )
        for _ in range(3)
    ]
    assert min(edition for edition, _ in pairs) < 1.5 * min(full for _, full in pairs) + 0.05


def test_everything_the_edition_imports_is_declared_in_it(folder):
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [Requirement(one) for one in project["dependencies"]]
    assert undeclared(imported_modules(str(folder / "course_lib")), declared) == set()
    assert not {"nbgrader", "sqlalchemy", "typer"} & {one.name for one in declared}
    assert {"jupyterlab", "ipykernel", "torch"} <= {one.name for one in declared}


def test_the_students_readme_names_every_notebook_and_the_command(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "python3 start.py" in text
    for lesson in LESSONS:
        assert f"(notebooks/{lesson.name}/{lesson.slug}.ipynb)" in text
    assert "autograde" not in text and "solutions" not in text


@pytest.mark.parametrize("command", start.STUDENTS_COMMANDS)
def test_start_gives_students_of_the_edition_every_command_of_theirs(folder, command):
    environment = start.Environment(folder)
    assert environment.is_student_edition
    whole = os.path.abspath("mine")
    job = [str(environment.python), "-m", "course_lib.desk", command, "--workspace", whole]
    assert start.jobs(environment, command, ["--workspace", "mine"]) == [job]
    assert "nbgrader" not in environment.imports()
    assert "nbgrader" in start.Environment(ROOT).imports()


DESK = """
import runpy, sys
from course_lib.desk import commands
commands.start_lab = lambda folder, **options: print("opens", options["page"].name) or 0
for arguments in {commands}:
    sys.argv = ["course", *arguments, "--workspace", {workspace!r}]
    try:
        runpy.run_module("course_lib.desk", run_name="__main__")
    except SystemExit as end:
        print("code", end.code)
"""


def test_in_a_process_of_its_own_the_edition_has_lab_progress_upgrade_and_submit(folder, tmp_path):
    commands = [
        ["lab"],
        ["progress"],
        ["upgrade", "02"],
        ["submit", "02"],
        ["submit", "2", "--yes"],
    ]
    code = DESK.format(commands=commands, workspace=str(tmp_path / "mine"))
    done = run_alone(folder, code)
    assert done.stderr == ""
    text = done.stdout
    assert [line for line in text.splitlines() if line.startswith("code")] == [
        "code 0", "code 0", "code 0", "code 1", "code 0"
    ]  # fmt: skip
    assert "opens Welcome.md" in text and "this is the newest version" in text
    assert "Not answered:\n    Exercise 1 · sample_categorical" in text
    assert (tmp_path / "mine" / "hand-in" / "02_reinforce" / "reinforce.ipynb").exists()
    welcome = (tmp_path / "mine" / "Welcome.md").read_text(encoding="utf-8")
    assert "lab --worked" not in welcome and "submit 02" in welcome and "autograde" not in welcome


def test_the_edition_has_no_tests_to_start(folder):
    done = subprocess.run(
        [sys.executable, "start.py", "test"], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 1
    assert "the student edition has no tests" in done.stderr
    assert not (folder / ".venv").exists()
    shown = subprocess.run(
        [sys.executable, "start.py", "--help"], capture_output=True, text=True, cwd=folder
    )
    assert "set up, open the notebooks in JupyterLab" in shown.stdout
    assert "grade a sample class" not in shown.stdout


def course(*arguments: object) -> int:
    """Run a command; its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def test_releasing_again_replaces_what_was_released_and_nothing_else(tmp_path, capsys):
    target = tmp_path / "given"
    (target / ".git").mkdir(parents=True)
    assert course("release", target, "02", "05", "--course", ROOT) == 0
    (target / "syllabus.txt").write_text("ours")
    assert course("release", target, "02", "--course", ROOT) == 0
    assert "The student edition of 02_reinforce is in" in capsys.readouterr().out
    assert [one.name for one in (target / "notebooks").iterdir()] == ["02_reinforce"]
    assert (target / "syllabus.txt").read_text() == "ours" and (target / ".git").is_dir()
    assert json.loads((target / "edition.json").read_text())["lessons"] == ["02_reinforce"]
    recorded = {one.stem for one in (target / "course_lib/checks/recordings").glob("*.json")}
    assert "reinforce_loss" in recorded and "td_error" not in recorded
    assert not list(tmp_path.glob(".release-*"))


def test_a_folder_with_something_else_in_it_is_refused(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert course("release", tmp_path, "--course", ROOT) == 2
    assert "is not empty, and no earlier release" in capsys.readouterr().err
    assert course("release", ROOT, "--course", ROOT) == 2
    assert course("release", tmp_path / "mine.txt", "--course", ROOT) == 2
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_a_release_that_was_interrupted_can_be_done_again(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(package_module.shutil, "rmtree", interrupted)
        (tmp_path / "course_lib").mkdir()
        (tmp_path / package_module.MARKER).write_text("{}")
        partial = tmp_path / ".release-x"
        (partial / "course_lib").mkdir(parents=True)
        (partial / package_module.MARKER).write_text("new")
        with pytest.raises(KeyboardInterrupt):
            package_module.move_into(partial, tmp_path)
    assert (tmp_path / package_module.MARKER).read_text() == "new"
    package_module.refuse_foreign(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert course("release", tmp_path / "file" / "below", "02", "--course", ROOT) == 1
    assert capsys.readouterr().err.startswith("course: Cannot write ")


def test_only_python_files_and_data_of_the_library_are_copied(folder):
    files = [path for path in (folder / "course_lib").rglob("*") if path.is_file()]
    suffixes = {path.suffix for path in files if path.parent.name != "__pycache__"}
    assert suffixes == set(SUFFIXES)
