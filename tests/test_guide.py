"""The instructor's guide: each of its commands is run, in its order, and all that it adds added."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader import utils
from nbgrader.api import Gradebook
from typer.main import get_command

from autograde.cli import app
from autograde.grading.commands import INTERRUPTED, NEEDS_A_LOOK
from autograde.grading.graded_source import grade_id
from autograde.invented.sample_class import without_markers
from autograde.lesson import Lesson
from tests.sample_course import REPOSITORY

GUIDE = (REPOSITORY / "autograde" / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.strip().split("\n")
]
# What is run by other tests: the test's file, and a name in it.
ELSEWHERE = {
    "python3 start.py": ("test_start.py", "def test_"),
    "source .venv/bin/activate": ("test_start.py", "def test_"),
    "course demo": ("test_grade_commands.py", "test_the_demonstration_grades_its_class"),
    "dask scheduler --port 8786": ("test_grading_cluster.py", "dask_scheduler"),
    "dask worker tcp://127.0.0.1:8786 --nthreads 1": ("test_grading_cluster.py", "dask_worker"),
    "course grade 13 --fresh-episodes": ("test_grading_agents.py", "fresh_episodes=True"),
    "course leaderboard": ("test_leaderboard.py", "write_leaderboard("),
    "COURSE_DB=": ("test_grading_machine.py", "test_postgresql_holds_the_same_grades"),
}
ARCHIVE = "Course-REINFORCE-4321.zip"


def elsewhere(command):
    """Where a command is tested, if not here."""
    if "--scheduler" in command:
        return "test_grading_cluster.py", '"--scheduler", address'
    return next((where for start, where in ELSEWHERE.items() if command.startswith(start)), None)


HERE = [one for one in COMMANDS if not elsewhere(one) and not one.startswith("pip ")]
ADDING = [one for one in HERE if one in GUIDE.split("## Add an exercise")[1]]
TERM = [one for one in HERE if one not in ADDING]
REGRADE = "course build 02"


def test_what_is_not_run_here_is_run_elsewhere():
    for command in COMMANDS:
        if found := elsewhere(command):
            name, text = found
            assert text in (REPOSITORY / "tests" / name).read_text(encoding="utf-8"), command
    assert len(TERM) >= 15
    assert len(ADDING) == 4


def test_every_option_that_it_gives_a_command_is_one_there_is():
    commands = get_command(app).commands
    lines = [line.partition("course ")[2].split() for line in COMMANDS if "course " in line]
    assert len(lines) > 12
    for name, *words in lines:
        known = {one for parameter in commands[name].params for one in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, name


def test_the_extras_that_it_installs_are_there():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for line in COMMANDS for one in re.findall(r'-e "\.\[(\w+)\]"', line)]
    assert extras
    assert set(extras) <= set(project["optional-dependencies"])


def test_exit_codes_are_the_ones_it_lists():
    assert f"| {NEEDS_A_LOOK} | all graded, but" in GUIDE
    assert f"| {INTERRUPTED} | interrupted" in GUIDE


def test_every_kind_of_note_is_explained():
    folder = REPOSITORY / "autograde" / "grading"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    codes = set(re.findall(r'Note\(\s*"([a-z-]+)"', text))
    explained = set(re.findall(r"[a-z]+(?:-[a-z]+)*", GUIDE.split("## When something is odd")[1]))
    assert {"late", "file-name", "unreadable"} <= codes
    assert codes - explained <= {"odd-cells", "many-cells", "more-notes", "encoding", "timestamp"}


def test_links_lead_to_files():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", GUIDE):
        assert (REPOSITORY / "autograde" / target).exists(), target


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with lesson 02, and a class's archive in a home of its own."""
    root = tmp_path_factory.mktemp("course")
    for kind in ("solutions", "notebooks"):
        shutil.copytree(REPOSITORY / kind / "02_reinforce", root / kind / "02_reinforce")
    for name in ("nbgrader_config.py", "pyproject.toml", "constraints.txt", "start.py"):
        shutil.copyfile(REPOSITORY / name, root / name)
    (root / "autograde").mkdir()  # the gradebook lives there
    lesson = Lesson(root, "02_reinforce")
    downloads = root / "home" / "Downloads"
    downloads.mkdir(parents=True)
    with zipfile.ZipFile(downloads / ARCHIVE, "w") as archive:
        for number, (name, data) in enumerate(class_of_two(lesson)):
            folder = f"{name}_{4000 + number}_assignsubmission_file_"
            archive.writestr(f"{folder}/reinforce ({number}).ipynb", data)
    return lesson


def class_of_two(lesson):
    """One student who has everything right, one who has written nothing."""
    worked = nbformat.read(lesson.worked, as_version=4)
    solutions = {grade_id(cell): cell.source for cell in worked.cells if utils.is_solution(cell)}
    yield "Ben Nobody", lesson.student.read_text(encoding="utf-8")
    notebook = nbformat.read(lesson.student, as_version=4)
    for cell in notebook.cells:
        if utils.is_solution(cell):
            cell.source = without_markers(solutions[grade_id(cell)]) + "\n"
    yield "Ada Lovelace", nbformat.writes(notebook)


def hand_in_a_folder(root):
    """A student whose work does not come in an archive."""
    folder = root / "autograde" / "submitted" / "cyn" / "02_reinforce"
    folder.mkdir(parents=True)
    shutil.copyfile(root / "notebooks/02_reinforce/reinforce.ipynb", folder / "reinforce.ipynb")


def grade_by_hand(lesson):
    """Give a point for each written answer that waits for one, as formgrader does."""
    with Gradebook(f"sqlite:///{lesson.root}/autograde/gradebook.db", "policy-gradients") as book:
        for submission in book.assignment_submissions(lesson.name):
            for grade in submission.notebooks[0].grades:
                if grade.needs_manual_grade:
                    grade.manual_score, grade.needs_manual_grade = 1.0, False
        book.db.commit()


def as_if_the_exercise_had_been_wrong(root):
    """Let the record of what was graded say that Ada got nothing for her first function."""
    path = root / "autograde" / ".state" / "02_reinforce" / "Ada Lovelace.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    first = next(one for one in record["scores"] if one["points"])
    first["points"], record["key"] = 0.0, "before-" + record["key"].split("-")[1]
    path.write_text(json.dumps(record), encoding="utf-8")
    return first["exercise"]


class Shell:
    """Runs lines that begin with `course` in forks of a process that has imported it already."""

    PROGRAM = """
import json, os, sys, traceback
import autograde.building.build, autograde.grading.as_json, autograde.grading.judges
import autograde.grading.returning, autograde.grading.whole_class, autograde.wall.doctor
from autograde.cli import main
for line in sys.stdin:
    words, shown = json.loads(line)
    if os.fork() == 0:
        for number, name in ((1, shown[0]), (2, shown[1])):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        code = 0
        try:
            main(words)
        except SystemExit as left:
            code = left.code or 0
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""

    def __init__(self, root):
        self.root, self.home = root, root / "home"
        self.process = subprocess.Popen(
            [sys.executable, "-c", self.PROGRAM],
            cwd=root,
            env=environment(root, REPOSITORY),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command):
        """What a line prints; where it goes into a file, what it complains about."""
        line, _, target = command.partition(" > ")
        words = [one.replace("~/", f"{self.home}/", 1) for one in shlex.split(line)[1:]]
        said = self.root / "said.txt"
        shown = [str(self.root / target), str(said)] if target else [str(said), str(said)]
        self.process.stdin.write(json.dumps([words, shown]) + "\n")
        self.process.stdin.flush()
        code = self.process.stdout.readline()
        text = said.read_text(encoding="utf-8")
        assert code == "0\n", text
        return text

    def close(self):
        """End the process."""
        self.process.communicate()


@pytest.fixture(scope="module")
def shell(course):
    """One for all lines."""
    made = Shell(course.root)
    yield made
    made.close()


def environment(root, code):
    """A home of its own, this Python's programs, and the course's code."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": programs, "HOME": str(root / "home"), "PYTHONPATH": str(code)}
    return {**os.environ, **own}


def run(command, root, code=REPOSITORY):
    """Run a line of the guide as it stands there; what it prints."""
    if command.startswith("nbgrader autograde"):
        hand_in_a_folder(root)
    if command.startswith("course "):
        line = f"{shlex.quote(sys.executable)} -m autograde.cli {command.removeprefix('course ')}"
    else:
        line = command
    process = subprocess.Popen(
        ["sh", "-c", line],
        cwd=root,
        env=environment(root, code),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if command == "course formgrader":
        return stopped_when_it_answers(process)
    shown, _ = process.communicate(timeout=400)
    assert process.returncode == 0, shown
    return shown


def stopped_when_it_answers(process):
    """It runs until it is stopped; its pages are looked at by test_formgrader.py."""
    shown = ""
    try:
        while "http://127.0.0.1:" not in shown:
            line = process.stdout.readline()
            assert line, f"it ended by itself: {shown}"
            shown += line
        assert "/formgrader?token=" in shown
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return shown


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the guide's lines are for a Unix shell")
def test_the_guides_commands_teach_a_class_from_moodle(course, shell):
    root, shown, before = course.root, {}, {}
    for number, command in enumerate(TERM):
        if command == REGRADE:
            before["exercise"] = as_if_the_exercise_had_been_wrong(root)
        if command.startswith("nbgrader db student remove"):
            before["grades"] = (root / "autograde/report/grades.csv").read_text(encoding="utf-8")
        started = time.monotonic()
        in_a_fork = command.startswith("course ") and command != "course formgrader"
        shown[number, command] = shell.run(command) if in_a_fork else run(command, root)
        if command == "course formgrader":
            grade_by_hand(course)
        print(f"{time.monotonic() - started:5.1f} s  {command}")  # Shown where it fails.
    first, as_json, again = (text for (_, line), text in shown.items() if ARCHIVE in line)
    assert (root / "home" / "for-students" / "notebooks").is_dir()
    assert "Graded 2, unchanged 0" in first
    assert as_json == ""
    assert f"Points that changed: 1. All of them: {root}" in again
    assert f"Ada Lovelace, 02_reinforce, {before['exercise']}: 0 → " in again
    grades = json.loads((root / "grades.json").read_text(encoding="utf-8"))
    assert (grades["graded"], grades["unchanged"]) == (0, 2)
    found = {one["student"]: one["points"] for one in grades["submissions"]}
    assert found["Ben Nobody"] == 0
    assert found["Ada Lovelace"] > 15
    page = root / "autograde" / "feedback" / "Ada Lovelace" / "02_reinforce" / "reinforce.html"
    assert "<math" in page.read_text(encoding="utf-8")
    assert "Ada Lovelace" in before["grades"] and "Ben Nobody" in before["grades"]
    extended = next(text for (_, line), text in shown.items() if line.startswith("course extend"))
    assert "until 2027-03-04 23:59 UTC" in extended
    exported = root / "autograde" / "export" / "02_reinforce"
    worksheet = (exported / "moodle-worksheet.csv").read_text(encoding="utf-8")
    assert "Participant 4000,Ben Nobody,0," in worksheet
    assert "Participant 4001,Ada Lovelace," in worksheet
    assert "REINFORCE (9876)" in (exported / "canvas-gradebook.csv").read_text(encoding="utf-8")
    with zipfile.ZipFile(root / "term.zip") as archive:
        assert {"gradebook.db", "report/index.html", "report/changes.csv"} <= set(
            archive.namelist()
        )
    left = (root / "autograde" / "report" / "grades.csv").read_text(encoding="utf-8")
    assert "Ada Lovelace" in left and "Ben Nobody" not in left


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The course without its lessons, with the files that the guide says to add."""
    root = tmp_path_factory.mktemp("copy")
    skipped = shutil.ignore_patterns("__pycache__", ".editions", "demo", "red_team", "benchmarks")
    for name in ("course_lib", "autograde", "tests"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=skipped)
    for name in ("nbgrader_config.py", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(REPOSITORY / name, root / name)
    for name, code in re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", GUIDE, re.DOTALL):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        known = path.read_text(encoding="utf-8") + "\n\n" if path.exists() else ""
        path.write_text(known + code, encoding="utf-8")
    names = root / "course_lib" / "reference" / "__init__.py"
    text = names.read_text(encoding="utf-8")
    for old, new in (
        ("    mean_", "    standard_error,\n"),
        ('    "mean_', '    "standard_error",\n'),
    ):
        text = text.replace(old, new + old, 1)
    names.write_text(text, encoding="utf-8")
    return root


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the guide's lines are for a Unix shell")
def test_an_exercise_and_a_lesson_are_added_as_the_guide_says(copy):
    shown = [run(command, copy, code=copy) for command in ADDING]
    assert re.search(r" \d\d passed", shown[1]) and "failed" not in shown[1], shown[1]
    notebook = "14_standard_errors/standard_errors.ipynb"
    assert f"solutions/{notebook}, notebooks/{notebook} (executed)" in shown[2]
    assert "up to date" in shown[3]
    students = (copy / "notebooks" / notebook).read_text(encoding="utf-8")
    assert "NotImplementedError" in students and "len(sample) ** 0.5" not in students
    worked = (copy / "solutions" / notebook).read_text(encoding="utf-8")
    assert "✓ standard_error" in worked


def test_the_code_that_it_shows_is_formatted_as_ours_is(tmp_path):
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)):
        (tmp_path / f"block_{number}.py").write_text(code, encoding="utf-8")
    settings = ["--config", str(REPOSITORY / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--check", *settings, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
