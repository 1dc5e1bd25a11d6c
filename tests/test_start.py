"""start.py on machines with something missing, broken or interrupted; a script plays its Python."""

import ast
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

import start

ROOT = Path(__file__).parent.parent
ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="the fake Python is a shell script")
DiskUsage = namedtuple("DiskUsage", "total used free")

# Stands for the environment's Python. It notes what it is asked for in `calls` beside the course
# and answers as the files `version`, `find-links`, `pip-says` and `broken-import` tell it to.
FAKE_PYTHON = """#!/bin/sh
cd "{root}"
echo "$@" >> calls
case "$*" in
    *python_version*) cat version ;;
    *"pip --version"*) [ ! -e broken-pip ] ;;
    *"pip config list"*) cat find-links ;;
    *"pip install"*) cat pip-says; [ ! -s pip-says ] ;;
    *"import torch"*) ! rm broken-import 2>&- || {{ echo "ImportError: libtorch"; exit 1; }} ;;
    "course demo") exit $(cat demo-code) ;;
    *"ruff check"*) exit $(cat ruff-code) ;;
esac
"""


class Course:
    """A copy of the course's packaging in a scratch folder, with a Python that installs nothing."""

    def __init__(self, root):
        self.root = root
        self.environment = start.Environment(root)
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, root)
        for name in ("find-links", "pip-says"):
            (root / name).touch()
        for name in ("demo-code", "ruff-code"):
            (root / name).write_text("0")
        (root / "version").write_text("3.11.7\n")

    def make(self, environment):
        """Do what Environment.make does, with the fake Python."""
        environment.bin.mkdir(parents=True)
        (environment.venv / "pyvenv.cfg").touch()
        environment.python.write_text(FAKE_PYTHON.format(root=self.root))
        script = environment.bin / "course"
        script.write_text(f'#!/bin/sh\nexec "{environment.python}" course "$@"\n')
        environment.python.chmod(0o755)
        script.chmod(0o755)
        self.note("made")

    def note(self, text):
        with (self.root / "calls").open("a") as calls:
            calls.write(text + "\n")

    def calls(self, *words):
        """Return what was called since the last time, only what holds one of the words."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if not words or any(word in line for word in words)]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course without an environment, on Linux without a card, with space on the disk."""
    course = Course(tmp_path)
    monkeypatch.setattr(start, "__file__", str(tmp_path / "start.py"))
    monkeypatch.setattr(start.Environment, "make", lambda environment: course.make(environment))
    monkeypatch.setattr(start, "has_cuda_card", lambda: False)
    monkeypatch.setattr(start.shutil, "disk_usage", lambda folder: DiskUsage(100e9, 0, 100e9))
    monkeypatch.setattr(start.sys, "platform", "linux")
    return course


def raising(error):
    """Return a function that raises an error, whatever it is called with."""

    def function(*arguments, **keywords):
        raise error

    return function


# What is refused, and how it is said.


def test_start_is_in_the_syntax_of_python_3_8_and_imports_the_standard_library_only():
    tree = ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    assert imported <= set(sys.stdlib_module_names)


def test_what_start_prints_itself_is_ascii_so_that_every_console_can_show_it():
    (ROOT / "start.py").read_text(encoding="utf-8").encode("ascii")


@ON_POSIX
def test_an_old_python_is_told_so_and_nothing_is_made(course, monkeypatch, capsys):
    monkeypatch.setattr(start, "PYTHONS", [(3, 98), (3, 99)])
    monkeypatch.setattr(start.shutil, "which", lambda name: None)
    assert start.main([]) == 1
    message = capsys.readouterr().err
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"this is Python {here}, and the course needs Python 3.98 to 3.99." in message
    assert "python.org" in message
    assert not course.environment.venv.exists()


def test_a_newer_python_on_the_machine_is_named(monkeypatch):
    monkeypatch.setattr(start.shutil, "which", lambda name: name == "python3.12")
    monkeypatch.setattr(start, "answer", lambda command: "" if command[0] == "python3.12" else None)
    assert start.advice_on_python() == "There is one here: run `python3.12 start.py`."


def test_a_newer_python_that_does_not_start_is_not_named(monkeypatch):
    monkeypatch.setattr(start.shutil, "which", lambda name: name)
    monkeypatch.setattr(start, "answer", lambda command: None)
    assert "python.org" in start.advice_on_python()


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_what_to_install(course, monkeypatch, capsys, missing):
    monkeypatch.setattr(start.importlib.util, "find_spec", lambda name: name != missing or None)
    assert start.main([]) == 1
    assert "sudo apt install python3." in capsys.readouterr().err
    assert not course.environment.venv.exists()


@pytest.mark.parametrize(("build", "needed"), [("--cpu", 3), ("--cuda", 12)])
def test_too_little_space_is_said_before_anything_is_made(
    course, monkeypatch, capsys, build, needed
):
    free = (needed - 0.5) * 1e9
    monkeypatch.setattr(start.shutil, "disk_usage", lambda folder: DiskUsage(9e12, 0, free))
    assert start.main([build]) == 1
    assert f"has {needed - 0.5} GB left, and setting up may take {needed} GB" in (
        capsys.readouterr().err
    )
    assert not course.environment.venv.exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk, or your share of it, is full"),
        (errno.EROFS, "copy the course into a folder of your own"),
        (errno.EACCES, "copy the course into a folder of your own"),
    ],
)
def test_a_folder_that_cannot_be_written_gets_one_clear_message(
    course, monkeypatch, capsys, number, words
):
    error = OSError(number, os.strerror(number), "/course/.venv")
    monkeypatch.setattr(start.Environment, "make", raising(error))
    assert start.main([]) == 1
    message = " ".join(capsys.readouterr().err.split())
    assert words in message
    assert "Traceback" not in message


NEW_CONNECTION = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by "
    "'NewConnectionError('<HTTPSConnection>: Failed to establish a new connection: [Errno -2] "
    "Name or service not known')': /simple/torch/"
)
NOT_FOUND = "ERROR: No matching distribution found for torch===2.13.0+cpu"


@pytest.mark.parametrize(
    ("pip_says", "advice"),
    [
        (f"{NEW_CONNECTION}\n{NOT_FOUND}", "PIP_FIND_LINKS"),
        ("WARNING: Retrying after 'ProxyError('Cannot connect to proxy.')'", "HTTPS_PROXY"),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "PIP_FIND_LINKS"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "pip cache purge"),
        ("ERROR: Could not install: [Errno 122] Disk quota exceeded", "pip cache purge"),
        (NOT_FOUND, "failed: ERROR: No matching distribution found"),
    ],
)
@ON_POSIX
def test_a_failure_of_pip_is_shown_explained_and_logged(course, capsys, pip_says, advice):
    (course.root / "pip-says").write_text(pip_says)
    assert start.main([]) == 1
    message = capsys.readouterr().err
    assert "Installing torch failed" in message
    assert pip_says.splitlines()[-1] in message
    assert advice in message
    assert str(course.environment.log) in message
    assert pip_says in course.environment.log.read_text()
    assert not course.environment.stamp.exists()


def test_there_is_no_cuda_on_a_mac(course, monkeypatch, capsys):
    monkeypatch.setattr(start.sys, "platform", "darwin")
    assert start.main(["--cuda"]) == 1
    assert "Leave --cuda off" in capsys.readouterr().err


# Setting up, once and again.


@ON_POSIX
def test_the_first_run_installs_torch_alone_then_the_rest_as_pinned_and_starts_the_course(course):
    assert start.main([]) == 0
    made, torch, rest, demo = course.calls("made", "pip install", "course ")
    assert made == "made"
    assert torch.endswith(f"--no-deps torch===2.13.0+cpu --index-url {start.CPU_INDEX}")
    assert rest.endswith("-c constraints.txt -e .")
    assert demo == "course demo"


@ON_POSIX
def test_the_second_run_installs_nothing_and_is_quick(course):
    start.main([])
    course.calls()
    begin = time.perf_counter()
    assert start.main([]) == 0
    assert time.perf_counter() - begin < 1
    version, demo = course.calls()
    assert "python_version" in version
    assert demo == "course demo"


@ON_POSIX
def test_tests_are_installed_when_asked_for_and_stay(course):
    start.main([])
    assert len(course.calls("pip install")) == 2
    start.main(["test"])
    assert course.calls("pip install")[1].endswith("-e .[tests]")
    start.main([])
    assert course.calls("pip install", "made") == []


@ON_POSIX
def test_the_chosen_build_stays_until_another_is_asked_for(course):
    start.main(["--cuda"])
    assert course.calls("pip install")[0].endswith("--no-deps torch===2.13.0")
    start.main([])
    assert course.calls("pip install") == []
    start.main(["--cpu"])
    assert "torch===2.13.0+cpu" in course.calls("pip install")[0]


@ON_POSIX
@pytest.mark.parametrize(
    ("name", "text", "again"),
    [
        ("constraints.txt", "\nextra==1.0\n", True),
        ("pyproject.toml", '\n[project.urls]\nHomepage = "https://example.org"\n', True),
        ("pyproject.toml", "\n[tool.ruff.format]\nindent-width = 2\n", False),
    ],
)
def test_only_a_change_of_what_is_installed_installs_again(course, name, text, again):
    start.main([])
    course.calls()
    with (course.root / name).open("a") as file:
        file.write(text)
    assert start.main([]) == 0
    calls = course.calls("pip install", "made")
    assert len(calls) == (2 if again else 0)
    assert "made" not in calls


@ON_POSIX
def test_an_interruption_ends_in_one_line_and_the_next_run_goes_on(course, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(start, "watch", raising(KeyboardInterrupt))
        assert start.main([]) == 130
    assert capsys.readouterr().err.split("\n") == [
        "", "Interrupted. Run the same command again to go on.", ""
    ]  # fmt: skip
    assert not course.environment.stamp.exists()
    course.calls()
    assert start.main([]) == 0
    assert len(course.calls("pip install")) == 2
    assert course.environment.stamp.exists()


@ON_POSIX
def test_an_interrupted_step_leaves_no_process_behind(course, monkeypatch):
    course.make(course.environment)
    monkeypatch.setattr(start, "watch", raising(KeyboardInterrupt))
    processes = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        start.subprocess, "Popen", lambda *a, **k: processes.append(popen(*a, **k)) or processes[-1]
    )
    with pytest.raises(KeyboardInterrupt):
        course.environment.run(["sleep", "60"], "Sleeping")
    assert processes[0].returncode == -signal.SIGTERM


@ON_POSIX
def test_what_an_interrupted_pip_left_is_cleared_away(course):
    start.main([])
    packages = course.environment.venv / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.dist-info", "half-1.dist-info", "~alf-0.dist-info"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.dist-info" / "INSTALLER").touch()
    course.environment.clear_leftovers()
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


# Environments that are broken.


def break_python(course):
    course.environment.python.unlink()
    return "its Python does not start"


def break_pip(course):
    course.environment.stamp.unlink()
    (course.root / "broken-pip").touch()
    return "its pip does not work"


def move_folder(course):
    text = course.environment.stamp.read_text().replace(str(course.root), "/elsewhere")
    course.environment.stamp.write_text(text)
    return "it was made for the folder /elsewhere/.venv"


def upgrade_python(course):
    (course.root / "version").write_text("3.99.0\n")
    return "its Python is 3.99.0"


@ON_POSIX
@pytest.mark.parametrize("breaking", [break_python, break_pip, move_folder, upgrade_python])
def test_a_broken_environment_is_made_again_and_that_is_said(course, capsys, breaking):
    start.main([])
    course.calls()
    reason = breaking(course)
    assert start.main([]) == 0
    assert f"unfinished or broken: {reason}" in capsys.readouterr().out
    assert course.calls("made", "pip install")[0] == "made"
    assert course.environment.stamp.exists()


@ON_POSIX
def test_an_environment_whose_packages_cannot_be_imported_is_made_again_once(course, capsys):
    start.main([])
    course.environment.stamp.unlink()
    course.calls()
    (course.root / "broken-import").touch()
    assert start.main([]) == 0
    assert "ImportError: libtorch" in capsys.readouterr().out
    assert course.calls("made", "pip install")[2] == "made"


@ON_POSIX
def test_a_job_that_fails_in_a_broken_environment_gets_a_second_chance(course):
    start.main([])
    course.calls()
    (course.root / "demo-code").write_text("1")
    (course.root / "broken-import").touch()
    assert start.main([]) == 1
    assert len(course.calls("course demo")) == 2


@ON_POSIX
def test_a_job_that_fails_in_a_sound_environment_is_not_repeated(course):
    start.main([])
    course.calls()
    (course.root / "demo-code").write_text("3")
    assert start.main([]) == 3
    assert course.calls("course ", "made") == ["course demo"]


def test_a_folder_that_is_no_environment_is_not_deleted(course, capsys):
    notes = course.environment.venv / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    assert start.main([]) == 1
    printed = capsys.readouterr()
    assert "is in the way" in printed.err
    assert "Deleting" not in printed.out
    assert notes.read_text() == "mine"


# Which torch.


@pytest.mark.parametrize(
    ("platform", "windows", "build", "arguments"),
    [
        ("linux", False, "cpu", ["torch===2.13.0+cpu", "--index-url", start.CPU_INDEX]),
        ("linux", False, "cuda", ["torch===2.13.0"]),
        ("darwin", False, "cpu", ["torch===2.13.0"]),
        ("win32", True, "cpu", ["torch===2.13.0"]),
        ("win32", True, "cuda", ["torch===2.13.0+cu130", "--index-url", start.CUDA_INDEX]),
    ],
)
def test_each_platform_gets_its_build_of_torch(
    course, monkeypatch, platform, windows, build, arguments
):
    monkeypatch.setattr(start.sys, "platform", platform)
    monkeypatch.setattr(start, "WINDOWS", windows)
    monkeypatch.setattr(start, "local_wheel", lambda environment, name: None)
    assert start.torch_arguments(course.environment, build)[0] == arguments


@ON_POSIX
@pytest.mark.parametrize(
    ("key", "python", "is_found"),
    [
        (":env:.find-links", "cp311", True),
        ("global.find-links", "cp311", True),
        ("download.find-links", "cp311", False),
        ("global.find-links", "cp312", False),
    ],
)
def test_a_cpu_wheel_in_a_folder_that_pip_looks_in_is_taken(course, key, python, is_found):
    course.make(course.environment)
    folder = course.root / "wheels"
    folder.mkdir()
    machine = start.platform.machine()
    (folder / f"torch-2.13.0+cpu-{python}-{python}-manylinux_2_28_{machine}.whl").touch()
    (course.root / "find-links").write_text(f"global.timeout='9'\n{key}='/nowhere\\n{folder}'\n")
    arguments, place = start.torch_arguments(course.environment, "cpu")
    if is_found:
        assert (arguments, place) == (["torch===2.13.0+cpu"], str(folder))
    else:
        assert place == start.CPU_INDEX


def test_a_card_counts_only_when_it_answers(monkeypatch):
    for text, expected in ((None, False), ("", False), ("GPU 0: NVIDIA A100 (UUID: …)", True)):
        monkeypatch.setattr(start, "answer", lambda command, seconds, text=text: text)
        assert start.has_cuda_card() is expected


# What is run then.


@ON_POSIX
def test_the_tests_are_ruff_twice_and_all_of_pytest_and_one_failure_stops_none(course):
    (course.root / "ruff-code").write_text("1")
    assert start.main(["test"]) == 1
    check, layout, tests = course.calls("-m ruff", "-m pytest")
    assert (check, layout) == ("-m ruff check .", "-m ruff format --check .")
    workers = f"-n {min(os.cpu_count(), 8)} --dist loadfile --no-loadscope-reorder"
    assert tests == f"-m pytest {workers}"


@ON_POSIX
def test_arguments_after_the_command_are_handed_on_and_our_options_are_not(course):
    assert start.main(["test", "--cpu", "-k", "lab or test", "--co"]) == 0
    assert course.calls("-m pytest") == ["-m pytest -k lab or test --co"]
    assert start.main(["lab", "--no-browser"]) == 0
    assert course.calls("course ") == ["course lab --no-browser"]
    for named in (["--workspace", "../mine"], ["--workspace=../mine"], ["--workspace", "~/mine"]):
        start.main(["submit", "02", *named])
    where = os.path.abspath("../mine")
    assert course.calls("course submit") == [
        f"course submit 02 --workspace {where}",
        f"course submit 02 --workspace={where}",
        "course submit 02 --workspace ~/mine",
    ]


@pytest.mark.parametrize("arguments", [["--fast"], ["grade"], ["--cpu", "--cuda"]])
def test_what_start_does_not_know_is_refused(arguments):
    with pytest.raises(SystemExit, match="2"):
        start.main(arguments)


def test_help_shows_each_command_with_an_example(capsys):
    with pytest.raises(SystemExit, match="0"):
        start.main(["--help"])
    text = capsys.readouterr().out
    for example in ("start.py lab", 'start.py test -m "not slow"', "start.py --cuda"):
        assert example in text


def test_children_find_the_environment_first_and_nothing_of_another_python(course, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/other")
    monkeypatch.setenv("PYTHONHOME", "/opt/other")
    variables = start.child_environment(course.environment.bin)
    assert variables["PATH"].split(os.pathsep)[0] == str(course.environment.bin)
    assert variables["PYTHONUTF8"] == "1"
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(variables)


class InterruptedTwice:
    """A process that ends well after two interruptions, as JupyterLab does when it asks first."""

    returncode = None
    left = 2

    def wait(self, timeout=None):
        self.left -= 1
        if self.left >= 0:
            raise KeyboardInterrupt
        return 0

    def poll(self):
        return 0


def test_jupyterlab_may_ask_before_it_stops_and_nothing_else_may(course, monkeypatch):
    monkeypatch.setattr(start.subprocess, "Popen", lambda *a, **k: InterruptedTwice())
    assert start.run_job(course.environment, ["lab"], patient=True) == 0
    with pytest.raises(KeyboardInterrupt):
        start.run_job(course.environment, ["demo"], patient=False)


def test_progress_is_the_last_thing_that_pip_says_it_does(tmp_path):
    log = tmp_path / "log"
    log.write_text("Collecting torch\n  Downloading torch-2.13.0.whl (191.8 MB)\nLooking around\n")
    assert start.progress(log) == "Downloading torch-2.13.0.whl (191.8 MB)"
    log.write_text(log.read_text() + "Installing collected packages: a, b, c\n")
    assert start.progress(log) == "Installing 3 packages"


@ON_POSIX
@pytest.mark.slow
def test_a_real_environment_is_made_its_python_starts_and_its_pip_works(tmp_path):
    environment = start.Environment(tmp_path)
    environment.make()
    assert environment.version() == start.platform.python_version()
    assert environment.damage() is None
    environment.python.unlink()
    assert environment.damage() == "its Python does not start"
    environment.remove("a test")
    assert not environment.venv.exists()


def test_a_disk_that_fills_up_under_our_own_writing_is_told_in_sentences(monkeypatch, capsys):
    def fill_up(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(start, "start", fill_up)
    assert start.main([]) == 1
    said = capsys.readouterr().err
    assert all(sentence in said for sentence in start.FULL_DISK)
