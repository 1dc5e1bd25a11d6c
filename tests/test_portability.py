"""Windows and macOS, as far as they can be had here: no POSIX modules, CRLF, odd names, cp1252."""

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograde.building.build import Result, build, check
from autograde.building.worked import notebook_text, read_worked
from autograde.cli import main
from autograde.errors import CourseError
from autograde.grading.platforms import MAX_NAME_BYTES, cleaned, is_student, pieces
from autograde.grading.whole_class import grade_class
from autograde.lesson import Lesson
from autograde.wall import workers
from tests.sample_course import REPOSITORY, SMALL, make_course
from tests.small_class import SmallClass, ThreadJudges

SOURCES = [
    *(REPOSITORY / "autograde").rglob("*.py"),
    *(REPOSITORY / "course_lib").rglob("*.py"),
    REPOSITORY / "start.py",
    REPOSITORY / "nbgrader_config.py",
]
SOURCES = [path for path in SOURCES if ".editions" not in path.parts]
# They write and read plain numbers, in folders that only Linux has.
ONLY_LINUX = {"control_group.py", "identity.py", "sandbox.py"}
WITHOUT_POSIX = '''
"""Import everything as Windows would see it: other people's packages first, which know about it."""
import importlib, os, pkgutil, signal, socket, sys, types
import torch, matplotlib.pyplot, gymnasium, nbconvert, jupytext, nbclient, distributed, ipywidgets
import cma, IPython.core.interactiveshell, nbgrader.api, nbgrader.apps, nbgrader.converters
import nbgrader.preprocessors, PIL.Image, rich.console, rich.progress, sqlalchemy, tqdm, typer
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
sys.modules["msvcrt"] = types.ModuleType("msvcrt")
names = {
    os: "chown fork getegid geteuid getgid getuid killpg mkfifo sched_getaffinity "
    "setsid uname wait4",
    signal: "ITIMER_REAL SIGALRM SIGHUP SIGKILL SIGUSR1 pthread_sigmask setitimer",
    socket: "AF_UNIX recv_fds send_fds",
}
for module, gone in names.items():
    for name in gone.split():
        if hasattr(module, name):
            delattr(module, name)
import autograde, course_lib
done = 0
for package in (course_lib, autograde):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
            done += 1
print(done)
'''


@pytest.mark.slow
def test_every_module_can_be_imported_where_there_is_no_posix():
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 250


def without_encoding(path):
    """The lines in which a file is opened as text and the encoding is left to the system."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or any(one.arg == "encoding" for one in node.keywords):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in ("read_text", "write_text") or (is_open(node) and not is_binary(node)):
            yield f"{path.name}:{node.lineno}"


def is_open(call):
    """Whether a call is to the built-in `open`, of a file that may lie anywhere."""
    named = isinstance(call.func, ast.Name) and call.func.id == "open" and call.args
    return bool(named) and not ast.unparse(call.args[0]).startswith(("'/proc", "os.devnull"))


def is_binary(call):
    """Whether bytes are read or written."""
    modes = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and "b" in mode.value for mode in modes)


def test_no_file_is_read_or_written_in_the_encoding_of_the_system():
    found = [
        line for path in SOURCES if path.name not in ONLY_LINUX for line in without_encoding(path)
    ]
    assert found == []


def test_a_file_that_is_opened_without_an_encoding_is_found(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "open('a')\nopen('b', 'wb')\nx.read_text()\nopen('c', encoding='utf-8')\nopen('d', 'w')\n",
        encoding="utf-8",
    )
    assert list(without_encoding(path)) == ["module.py:1", "module.py:3", "module.py:5"]


def test_no_two_files_differ_in_capitals_alone_and_none_has_a_name_of_windows_own():
    shown = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8"
    )
    if shown.returncode:
        pytest.skip("this is no clone")
    names = shown.stdout.splitlines()
    assert len({name.casefold() for name in names}) == len(names) > 500
    for name in names:
        assert len(name) < 120  # Windows takes paths of 260, the folder of the course included.
        for part in Path(name).parts:
            assert cleaned(part.replace("+", "")) == part.replace("+", "").strip(" .-"), name
            assert not part.endswith((".", " "))


def test_a_source_with_windows_line_ends_makes_the_same_notebooks(tmp_path):
    made = []
    for name, ends in (("unix", "\n"), ("windows", "\r\n")):
        (tmp_path / name).mkdir()
        lesson = make_course(tmp_path / name)
        lesson.source.write_bytes(SMALL.replace("\n", ends).encode())
        assert build(lesson, run=False).errors == []
        (stale,) = check(lesson).stale
        assert "was not executed" in stale
        made.append((notebook_text(read_worked(lesson)), lesson.student.read_bytes()))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("con", "_con"),
        ("AUX.Smith", "_AUX.Smith"),
        ("Connie", "Connie"),
        ("Ada. ", "Ada"),
        ("Zoë Ångström", "Zoë Ångström"),
        ("łukasz: a/b?", "łukasz ab"),
    ],
)
def test_a_students_name_can_be_a_folder_on_every_system(name, kept):
    assert cleaned(name) == kept
    assert is_student(kept)


def test_a_name_without_end_is_cut_and_stays_text():
    kept = cleaned("ж" * 300)
    assert kept == "ж" * (MAX_NAME_BYTES // 2)


def test_two_students_whose_names_differ_in_capitals_alone_stay_two():
    names = [f"{who}_{n}_assignsubmission_file_/a.ipynb" for n, who in ((1, "Ada"), (2, "ada"))]
    lesson = Lesson(Path("course"), "02_reinforce")
    assert {one.student for one in pieces(names, "class", [lesson])} == {"Ada 1", "ada 2"}


def test_nobody_gets_anothers_work_by_a_name_that_ends_in_the_others_number():
    whose = ((111, "Bo"), (222, "Bo"), (333, "Bo 111"))
    names = [f"{who}_{number}_assignsubmission_file_/a.ipynb" for number, who in whose]
    found = pieces(names, "class", [Lesson(Path("course"), "02_reinforce")])
    assert len({one.student for one in found}) == 3
    assert {one.student for one in found if one.number == "222"} == {"Bo 222"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A class in a folder with spaces, signs and letters of another alphabet."""
    folder = tmp_path_factory.mktemp("courses") / "Kurs Übung (1)+ & 策略"
    folder.mkdir()
    made = SmallClass(folder)
    made.room.submitted.mkdir()
    with zipfile.ZipFile(made.room.submitted / "Klasse é.zip", "w") as archive:
        for number, who in ((1, "nul"), (2, "Ада"), (3, "x" * 400)):
            folder = f"{who}_{number}_assignsubmission_file_"
            archive.writestr(f"{folder}/small.ipynb", json.dumps(made.notebook()))
    return made


def test_a_course_in_a_folder_with_an_odd_name_is_graded(odd):
    found = grade_class(odd.room, [odd.lesson], judges=ThreadJudges())
    assert [one.student for one in found.records] == ["_nul", "x" * MAX_NAME_BYTES, "Ада"]
    assert all((odd.room.feedback / one.student).is_dir() for one in found.records)


def test_a_console_that_knows_few_letters_gets_question_marks_and_no_traceback(odd):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment |= {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    grade_class(odd.room, [odd.lesson], judges=ThreadJudges())
    command = [sys.executable, "-m", "autograde.cli", "report"]
    done = subprocess.run(command, cwd=odd.room.root, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"_nul" in done.stdout and b"???" in done.stdout
    assert (odd.room.report / "grades.csv").read_text(encoding="utf-8").count("Ада") == 3


def test_where_nothing_can_fork_grading_says_what_to_do_and_writes_no_grades(tmp_path, monkeypatch):
    made = SmallClass(tmp_path)
    made.hand_in("ada", made.notebook())
    monkeypatch.setattr(workers, "ZYGOTES", {})
    monkeypatch.delattr(os, "fork")
    with pytest.raises(CourseError, match="WSL 2") as caught:
        grade_class(made.room, [made.lesson], judges=ThreadJudges())
    assert caught.value.exit_code == 2
    assert not (made.room.feedback / "ada").exists()


def test_the_demonstration_goes_as_far_as_it_can_where_nothing_can_fork(
    tmp_path, monkeypatch, capsys
):
    made = SmallClass(tmp_path)
    monkeypatch.setattr("autograde.building.build.build", lambda lesson: Result(lesson.name))
    monkeypatch.delattr(os, "fork")
    with pytest.raises(SystemExit) as caught:
        main(["demo", "--course", str(made.room.root)])
    assert caught.value.code == 0  # start.py goes on, and the lessons can be opened.
    shown = capsys.readouterr().out
    assert "Grading needs Linux, macOS or WSL 2" in shown and "start.py lab" in shown
    assert not (made.room.root / "autograde" / "demo").exists()


def test_without_linux_walls_only_trusted_work_is_graded(tmp_path, monkeypatch):
    """What macOS has: processes that fork, and no walls."""
    from autograde.grading.executing import Limits

    made = SmallClass(tmp_path)
    made.hand_in("ada", made.notebook(**made.right_answers()))
    monkeypatch.setattr(workers, "LINUX", False)
    monkeypatch.setattr(workers, "ZYGOTES", {})
    with pytest.raises(CourseError, match="--trust-submissions"):
        grade_class(made.room, [made.lesson], judges=ThreadJudges())
    trusted = Limits(trusted=True)
    found = grade_class(made.room, [made.lesson], judges=ThreadJudges(), limits=trusted)
    assert [one.points for one in found.records] == [7]
    for one in workers.ZYGOTES.values():
        one.close()
