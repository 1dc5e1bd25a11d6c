"""The command line: help, messages, exit codes, and that it answers quickly."""

import json
import subprocess
import sys
import time

import pytest

from autograde.building.build import build
from autograde.cli import main
from tests.sample_course import SMALL, make_course

HEAVY = ("torch", "nbconvert", "nbgrader", "jupytext", "nbformat", "matplotlib", "gymnasium")


@pytest.fixture
def course(capsys):
    """Runs a command; its exit code, what it printed and what it complained about."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def lesson(tmp_path):
    return make_course(tmp_path)


@pytest.mark.parametrize("command", ["build", "lab", "progress", "upgrade", "submit", "release"])
def test_every_command_has_help_with_an_example(course, command):
    code, out, _ = course(command, "--help")
    assert code == 0
    assert f"Example: course {command}" in " ".join(out.split())


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom autograde.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "build" in done.stdout


def test_help_costs_less_than_half_a_second_of_cpu():
    code = "import time; from autograde.cli import app; print(time.process_time())"
    costs = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    assert min(costs) < 0.5


def test_building_prints_what_was_written(course, lesson):
    code, out, err = course("build", "--no-execute", "--course", lesson.root)
    assert code == 0
    assert "solutions/00_squares/squares.ipynb, notebooks/00_squares/squares.ipynb" in out
    assert err == ""


def test_a_stale_lesson_exits_with_1(course, lesson):
    code, out, _ = course("build", "--check", "--course", lesson.root)
    assert code == 1
    assert "00_squares: stale" in out
    assert "solutions/00_squares/squares.ipynb is missing" in out


def test_an_unknown_lesson_exits_with_2_and_one_message(course, lesson):
    code, out, err = course("build", "ppo", "--course", lesson.root)
    assert (code, out) == (2, "")
    assert err == "course: There is no lesson called 'ppo'. The lessons are: 00_squares.\n"


def test_a_folder_that_is_no_course_exits_with_2(course, tmp_path):
    code, _, err = course("build", "--course", tmp_path)
    assert code == 2
    assert err.startswith("course: There is no folder ")
    assert "Traceback" not in err


def test_check_with_force_is_a_contradiction(course, lesson):
    code, _, err = course("build", "--check", "--force", "--course", lesson.root)
    assert code == 2
    assert "--check writes nothing" in " ".join(err.split())


def test_a_failing_lesson_does_not_stop_the_next_one(course, lesson):
    other = lesson.root / "solutions" / "01_cubes"
    other.mkdir()
    (other / "cubes.py").write_text(SMALL, encoding="utf-8")
    lesson.source.write_text("# %%\nx = = 1\n")
    code, out, _ = course("build", "--no-execute", "--course", lesson.root)
    assert code == 1
    assert "00_squares: failed" in out
    assert "error: solutions/00_squares/squares.py, line 2: invalid syntax" in out
    assert "01_cubes: solutions/01_cubes/cubes.ipynb" in out


def test_json_is_for_scripts(course, lesson):
    code, out, _ = course("build", "--check", "--json", "--course", lesson.root)
    assert code == 1
    (one,) = json.loads(out)
    assert one["lesson"] == "00_squares"
    assert not one["ok"]
    assert len(one["stale"]) == 2


def test_an_edit_comes_back_and_both_notebooks_are_built(course, lesson):
    build(lesson, run=False)
    text = lesson.worked.read_text(encoding="utf-8")
    lesson.worked.write_text(text.replace("What is a square?", "What is a cube?"))
    arguments = ("--no-execute", "--course", lesson.root)
    code, out, _ = course("build", *arguments)
    assert code == 1
    assert "course build --from-notebook 00_squares" in out
    code, out, _ = course("build", "--from-notebook", "squares", *arguments)
    assert code == 0
    assert "squares.py now has the notebook's edits" in out
    assert "What is a cube?" in lesson.source.read_text(encoding="utf-8")
    assert "What is a cube?" in lesson.student.read_text(encoding="utf-8")


def test_building_many_lessons_without_execution_is_quick(course, lesson):
    for number in range(1, 14):
        folder = lesson.root / "solutions" / f"{number:02}_copy"
        folder.mkdir()
        (folder / "copy.py").write_text(SMALL, encoding="utf-8")
    start = time.process_time()
    code, out, _ = course("build", "--no-execute", "--course", lesson.root)
    assert code == 0
    assert out.count("warning: the worked notebook has no outputs") == 14
    assert time.process_time() - start < 10


def test_lab_copies_the_notebooks_and_passes_the_exit_code_on(
    course, lesson, tmp_path_factory, monkeypatch
):
    started: list[dict] = []

    def start(folder, **options) -> int:
        started.append({"folder": folder, **options})
        return 3

    monkeypatch.setattr("course_lib.desk.commands.start_lab", start)
    build(lesson, run=False)
    mine = tmp_path_factory.mktemp("mine")
    code, out, _ = course("lab", "--workspace", mine, "--no-browser", "--course", lesson.root)
    assert code == 3
    page = mine / "Welcome.md"
    options = {"page": page, "worked": False, "browser": False, "port": None}
    assert started == [{"folder": mine, **options}]
    assert "00_squares/squares.ipynb" in page.read_text(encoding="utf-8")
    assert (mine / "00_squares" / "squares.ipynb").exists()
    assert f"Your notebooks are in {mine}" in out
