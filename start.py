"""Set the course up in `.venv` beside this file, then run it: `python3 start.py [lab | test]`.

One file, standard library only, in the syntax of Python 3.8: it runs before anything is installed,
and an old Python has to get far enough to be told that it is old.
"""

import argparse
import ast
import contextlib
import errno
import hashlib
import importlib.util
import inspect
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

PYTHONS = [(3, 11), (3, 12), (3, 13), (3, 14)]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
CUDA_INDEX = "https://download.pytorch.org/whl/cu130"
NEEDED_GB = {"cpu": 3, "cuda": 12, "update": 1}
IMPORTS = "import torch, numpy, gymnasium, matplotlib, jupyterlab"
WINDOWS = os.name == "nt"
COMMAND = "python start.py" if WINDOWS else "python3 start.py"
STUDENTS_COMMANDS = ["lab", "progress", "upgrade", "submit"]
STARTED = time.monotonic()

EXAMPLES = f"""examples:
  {COMMAND}                      set up, build the lessons, grade a sample class
  {COMMAND} lab                  set up, open the course in JupyterLab
  {COMMAND} progress             say what is done in each lesson (also: upgrade, submit)
  {COMMAND} test                 set up, run every test
  {COMMAND} test -m "not slow"   only the quick tests (what follows goes to pytest)
  {COMMAND} --cuda               take the build of torch for NVIDIA cards
"""

STUDENTS_EXAMPLES = f"""examples:
  {COMMAND}              set up, open the notebooks in JupyterLab
  {COMMAND} progress     say what is done in each lesson
  {COMMAND} upgrade 02   take a new version of a lesson over, with your answers
  {COMMAND} submit 02    write the file to hand in, and say what is missing
  {COMMAND} --cuda       take the build of torch for NVIDIA cards
"""

NO_NETWORK = re.compile(
    r"failed to establish a new connection|failed to connect|cannot connect|max retries exceeded"
    r"|name resolution|name or service not known|getaddrinfo failed|nodename nor servname"
    r"|network is unreachable|no route to host|connection (refused|reset|aborted)|timed out"
    r"|proxyerror|sslerror|certificate_verify_failed",
    re.IGNORECASE,
)
NO_SPACE = re.compile(
    r"no space left on device|disk quota exceeded|not enough space on the disk", re.IGNORECASE
)

# What is wrong, and what to do about it.
FULL_DISK = (
    "the disk, or your share of it, is full.",
    "Free some space (`pip cache purge` drops pip's store of downloads), then run this again: it "
    "goes on where it stopped.",
)
NO_INDEX = (
    "the package index cannot be reached.",
    "Check the network, and HTTPS_PROXY if you are behind a proxy, then run this again: it goes "
    "on where it stopped.\nWithout a network, put the wheels into a folder, set PIP_FIND_LINKS to "
    "that folder and PIP_NO_INDEX to 1.",
)


class SetupError(Exception):
    """Something that the reader can repair: what is wrong, and what to do about it."""


class DamagedError(SetupError):
    """Something that a new environment may cure."""


def say(text):
    """Print a line with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


# What this machine offers.


def check_python():
    """Raise a SetupError unless this Python can make the environment."""
    version = sys.version_info[:2]
    if version not in PYTHONS:
        raise SetupError(
            f"this is Python {version[0]}.{version[1]}, and the course needs Python "
            f"3.{PYTHONS[0][1]} to 3.{PYTHONS[-1][1]}.",
            advice_on_python(),
        )
    if sys.maxsize < 2**32:
        raise SetupError("this Python has 32 bits.", "Install one of 64 bits: torch needs it.")
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise SetupError(
            "PyTorch has no builds for Intel Macs any more.",
            "On a Mac with an Apple chip, use a Python for arm64; on an Intel Mac, work in a Linux "
            "container or on another machine.",
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SetupError(
            "this Python cannot make virtual environments.",
            f"On Debian or Ubuntu, run `sudo apt install python{version[0]}.{version[1]}-venv`, "
            "then this again.",
        )


def advice_on_python():
    """Name a Python on this machine that would do, or say where to get one."""
    for version in reversed(PYTHONS):
        name = f"python{version[0]}.{version[1]}"
        if shutil.which(name) and answer([name, "-c", "import ensurepip"]) is not None:
            return f"There is one here: run `{name} start.py`."
    return "Install one from https://www.python.org/downloads/, then run this again with it."


def answer(command, seconds=60):
    """Return what a command prints, or None if it cannot be started or fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=seconds, env=child_environment(),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def child_environment(folder=None):
    """Return the variables for a child process; `folder`'s programs come first in PATH."""
    variables = dict(os.environ, PYTHONUTF8="1", PIP_USER="0", PIP_NO_INPUT="1")
    for name in ("PYTHONHOME", "PYTHONPATH"):
        variables.pop(name, None)
    if folder is not None:
        variables["VIRTUAL_ENV"] = str(folder.parent)
        variables["PATH"] = str(folder) + os.pathsep + variables.get("PATH", "")
    return variables


def has_cuda_card():
    """Say whether an NVIDIA card answers."""
    return "GPU" in (answer(["nvidia-smi", "-L"], seconds=20) or "")


def check_space(folder, need):
    """Raise a SetupError if the disk of `folder` has less than `NEEDED_GB[need]` left."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < NEEDED_GB[need]:
        raise SetupError(
            f"the disk of {folder} has {free:.1f} GB left, and setting up may take "
            f"{NEEDED_GB[need]} GB.",
            "Free some space, or move the course to another disk.",
        )


# The environment.


class Environment:
    """`.venv` in the folder of the course, and what start.py remembers about it."""

    def __init__(self, root):
        self.root = root
        self.venv = root / ".venv"
        self.bin = self.venv / ("Scripts" if WINDOWS else "bin")
        self.python = self.bin / ("python.exe" if WINDOWS else "python")
        self.stamp = self.venv / "start.json"
        self.log = self.venv / "start.log"
        self.downloads = self.venv / "tmp"
        # `course release` writes this file into what students get: notebooks without the grader.
        self.is_student_edition = (root / "edition.json").exists()

    def fingerprint(self):
        """Return a hash of everything that decides what is installed, and how."""
        parts = [installed_part(self.root / "pyproject.toml")]
        parts.append((self.root / "constraints.txt").read_text(encoding="utf-8"))
        parts += [inspect.getsource(function) for function in (install, torch_arguments)]
        return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()

    def remembered(self):
        """Return what the last finished set-up left, or {}."""
        try:
            return json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def version(self):
        """Return the version of the environment's Python, or None if it does not start."""
        code = "import platform; print(platform.python_version())"
        return (answer([str(self.python), "-c", code]) or "").strip() or None

    def imports(self):
        """Return code that imports the largest packages."""
        return IMPORTS if self.is_student_edition else IMPORTS + ", nbgrader"

    def can_import(self):
        """Say whether the packages can be imported; the first time, a slow disk takes minutes."""
        return answer([str(self.python), "-c", self.imports()], seconds=600) is not None

    def current_state(self, build, extras):
        """Return what the stamp says when nothing is left to do."""
        return {
            "folder": str(self.venv),
            "python": self.version(),
            "fingerprint": self.fingerprint(),
            "build": build,
            "extras": sorted(extras),
        }

    def damage(self):
        """Say what is wrong with an environment that exists, or return None."""
        version = self.version()
        if version is None:
            return "its Python does not start"
        if tuple(map(int, version.split(".")[:2])) not in PYTHONS:
            return f"its Python is {version}"
        remembered = self.remembered()
        if remembered and remembered.get("folder") != str(self.venv):
            return f"it was made for the folder {remembered.get('folder')}"
        if answer([str(self.python), "-m", "pip", "--version"]) is None:
            return "its pip does not work"
        return None

    def make(self):
        """Create the environment."""
        say(f"Making a virtual environment in {self.venv} with Python {platform.python_version()}")
        self.venv.mkdir(exist_ok=True)
        self.log.write_text("", encoding="utf-8")  # marks the folder as made here, see remove()
        self.run([sys.executable, "-m", "venv", str(self.venv)], "Making .venv")

    def remove(self, damage):
        """Delete the environment and say why, unless the folder is something else."""
        is_ours = (self.venv / "pyvenv.cfg").exists() or self.log.exists()
        if not is_ours and any(self.venv.iterdir()):
            raise SetupError(
                f"{self.venv} is in the way: it is not a virtual environment.", "Move it elsewhere."
            )
        say(f"Deleting {self.venv}, unfinished or broken: {damage}")
        shutil.rmtree(self.venv)

    def run(self, command, title):
        """Run one step of the set-up: its output goes to the log, its progress to the screen."""
        self.downloads.mkdir(parents=True, exist_ok=True)
        variables = child_environment(self.bin)
        # pip unpacks gigabytes: beside the environment, since /tmp is small on many machines.
        variables.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.downloads)))
        variables["PYTHONUNBUFFERED"] = "1"
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(command)}\n".encode("utf-8", "replace"))
            log.flush()
            begin = log.tell()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables,
                cwd=str(self.root),
            )  # fmt: skip
            try:
                watch(process, self.log, title)
            finally:
                stop(process)
        if process.returncode:
            raise explanation(self.log, begin, title)

    def site_packages(self, pattern):
        """Return what matches in the folders that packages are installed in."""
        folder = "Lib/site-packages" if WINDOWS else "lib/python*/site-packages"
        return list(self.venv.glob(f"{folder}/{pattern}"))

    def clear_leftovers(self):
        """Take away what an interrupted installation left, so that pip does it again."""
        self.stamp.unlink(missing_ok=True)
        shutil.rmtree(self.downloads, ignore_errors=True)
        for info in self.site_packages("*.dist-info"):
            if not (info / "INSTALLER").exists():  # pip writes it when all files are in place
                shutil.rmtree(info)
        for path in self.site_packages("~*"):  # what pip renamed before replacing it
            shutil.rmtree(path)

    def finish(self, build, extras):
        """Write down that everything is installed."""
        shutil.rmtree(self.downloads, ignore_errors=True)
        new = self.stamp.with_suffix(".new")
        new.write_text(json.dumps(self.current_state(build, extras), indent=1), encoding="utf-8")
        os.replace(new, self.stamp)


def watch(process, log, title):
    """Show what a step is doing until it ends: on a terminal in one line, else twice a minute."""
    on_terminal = sys.stdout.isatty()
    pause = 0.5 if on_terminal else 30
    begin = shown = time.monotonic()
    while process.poll() is None:
        time.sleep(0.1)
        now = time.monotonic()
        if now - shown > pause:
            shown = now
            show(f"    {now - begin:4.0f} s  {progress(log) or title}", on_terminal)
    if on_terminal:
        show("", on_terminal)


def show(text, on_terminal):
    """Print a line that, on a terminal, the next one takes the place of."""
    if on_terminal:
        width = shutil.get_terminal_size().columns - 1
        print("\r" + text[:width].ljust(width), end="\r", flush=True)
    else:
        print(text, flush=True)


def progress(log):
    """Return what pip does now, from the end of its log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8000))
        lines = file.read().decode("utf-8", "replace").splitlines()
    for line in reversed(lines):
        if line.startswith("Installing collected packages:"):
            return f"Installing {line.count(',') + 1} packages"
        if re.match(r"\s*(Collecting|Downloading|Building|Preparing|Using cached) ", line):
            return line.strip()
    return ""


def stop(process):
    """End a process that still runs: politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def explanation(log, begin, title):
    """Return the error that says why the step whose output starts at `begin` failed."""
    text = log.read_bytes()[begin:].decode("utf-8", "replace")
    lines = [line.strip()[:200] for line in text.splitlines() if line.strip()] or ["(no output)"]
    errors = [line for line in lines if re.match(r"error\b|[\w.]*(Error|Exception):", line, re.I)]
    shown = "\n".join(["Its last lines:", *("    " + line for line in (errors or lines)[-4:])])
    shown += f"\nAll of them are in {log}."
    if NO_SPACE.search(text):
        return SetupError(f"{title} failed: {FULL_DISK[0]}", FULL_DISK[1], shown)
    if NO_NETWORK.search(text):
        return SetupError(f"{title} failed: {NO_INDEX[0]}", NO_INDEX[1], shown)
    return DamagedError(f"{title} failed: {(errors or lines)[-1]}", shown)


def installed_part(pyproject):
    """Return the lines of pyproject.toml that decide what is installed."""
    kept, keep = [], False
    for line in pyproject.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            keep = re.match(r"\[(build-system|project|tool\.setuptools)\b", line) is not None
        if keep:
            kept.append(line)
    return "\n".join(kept)


# What is installed.


def torch_version(environment):
    """Return the version of torch that constraints.txt asks for."""
    constraints = (environment.root / "constraints.txt").read_text(encoding="utf-8")
    return re.search(r"^torch==([\w.]+)$", constraints, re.MULTILINE).group(1)


def torch_arguments(environment, build):
    """Return pip's arguments for this build of torch, and in words where it comes from.

    On PyPI, torch for Linux is CUDA's and brings gigabytes; for Windows and macOS it is the CPU's.
    `===` compares text, so that no other build, at hand or installed, passes for the wanted one.
    """
    version = torch_version(environment)
    if build == "cuda" and WINDOWS:
        return [f"torch==={version}+cu130", "--index-url", CUDA_INDEX], CUDA_INDEX
    if build == "cuda" or not sys.platform.startswith("linux"):
        return [f"torch==={version}"], "the package index"
    wheel = local_wheel(environment, f"torch-{version}+cpu")
    if wheel is not None:
        return [f"torch==={version}+cpu"], str(wheel.parent)
    return [f"torch==={version}+cpu", "--index-url", CPU_INDEX], CPU_INDEX


def local_wheel(environment, name):
    """Return the wheel for this machine in a folder that pip is set to look in, or None."""
    listing = answer([str(environment.python), "-m", "pip", "config", "list"]) or ""
    values = re.findall(r"^(?:global|install|:env:)\.find-links=(.+)$", listing, re.MULTILINE)
    tag = "cp" + "".join((environment.version() or "").split(".")[:2])
    for place in " ".join(ast.literal_eval(value.strip()) for value in values).split():
        folder = Path(url2pathname(urlparse(place).path) if place.startswith("file:") else place)
        for wheel in folder.glob(f"{name}-{tag}-*{platform.machine()}.whl"):
            return wheel
    return None


def install(environment, build, extras):
    """Install torch, then the rest as pinned; the stamp comes last, when all can be imported."""
    has_torch = any(environment.site_packages("torch"))
    check_space(environment.root, "update" if has_torch else build)
    environment.clear_leftovers()
    pip = [str(environment.python), "-m", "pip", "install", "--progress-bar", "off"]
    arguments, place = torch_arguments(environment, build)
    say(f"Installing torch {torch_version(environment)} ({build} build) from {place}")
    environment.run([*pip, "--no-deps", *arguments], "Installing torch")
    course = f".[{','.join(sorted(extras))}]" if extras else "."
    say(f"Installing what the course needs{', with its tests' if 'tests' in extras else ''}")
    environment.run([*pip, "-c", "constraints.txt", "-e", course], "Installing the course")
    say("Trying what was installed")
    environment.run([str(environment.python), "-c", environment.imports()], "Importing it")
    environment.finish(build, extras)


def set_up(environment, build, extras):
    """Make the environment what it has to be; return whether there was anything to do."""
    remembered = environment.remembered()
    build = build or remembered.get("build") or ("cuda" if has_cuda_card() else "cpu")
    extras = set(extras) | set(remembered.get("extras", []))
    if remembered and remembered == environment.current_state(build, extras):
        return False
    if build == "cuda" and sys.platform == "darwin":
        raise SetupError("there is no CUDA on a Mac.", "Leave --cuda off.")
    is_new = not environment.venv.exists()
    damage = None if is_new else environment.damage()
    if is_new or damage:
        make_again(environment, build, damage)
        is_new = True
    try:
        install(environment, build, extras)
    except DamagedError as error:
        if is_new:
            raise
        make_again(environment, build, error.args[0])
        install(environment, build, extras)
    say("Everything is installed")
    return True


def make_again(environment, build, damage):
    """Make the environment; where there is one, delete it first and say why."""
    check_python()
    if damage:
        environment.remove(damage)
    check_space(environment.root, build)
    environment.make()


# What is done then.


def jobs(environment, command, rest):
    """Return the commands that one of start.py's words stands for."""
    python = str(environment.python)
    if command in STUDENTS_COMMANDS:
        rest = with_whole_paths(rest)
    if environment.is_student_edition:
        return [[python, "-m", "course_lib.desk", command, *rest]]
    course = str(environment.bin / ("course.exe" if WINDOWS else "course"))
    if command in STUDENTS_COMMANDS:
        return [[course, command, *rest]]
    if command == "test":
        # A worker takes whole files, in the order that tests/conftest.py gives them.
        workers = ["-n", str(min(os.cpu_count() or 1, 8)), "--dist", "loadfile"]
        pytest = [python, "-m", "pytest", *(rest or [*workers, "--no-loadscope-reorder"])]
        ruff = [python, "-m", "ruff"]
        return [[*ruff, "check", "."], [*ruff, "format", "--check", "."], pytest]
    return [[course, "demo"]]  # which builds what is not up to date


def with_whole_paths(rest):
    """Return the options with a workspace as one sees it from here; jobs run in the course."""
    made = []
    for place, word in enumerate(rest):
        option = "--workspace=" if word.startswith("--workspace=") else ""
        path = word[len(option) :]
        is_path = option or rest[max(place - 1, 0)] == "--workspace" != word
        if is_path and not path.startswith(("~", "-")):
            path = os.path.abspath(path)
        made.append(option + path)
    return made


def run_jobs(environment, command, rest):
    """Run a command's jobs; tests all run, elsewhere the first failure ends it."""
    codes = []
    for job in jobs(environment, command, rest):
        say("Running " + " ".join([Path(job[0]).stem, *job[1:]]))
        codes.append(run_job(environment, job, patient=command == "lab"))
        if codes[-1] and command != "test":
            break
    return next((code for code in codes if code), 0)


def run_job(environment, job, patient):
    """Run one job to its end. It gets Ctrl-C as we do: JupyterLab then asks, so we are patient."""
    process = subprocess.Popen(
        job, env=child_environment(environment.bin), cwd=str(environment.root)
    )
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                if not patient:
                    raise
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        raise
    finally:
        stop(process)


def start(options, rest):
    """Set up and do what was asked for; a failure in a broken environment gets a second chance."""
    environment = Environment(Path(__file__).resolve().parent)
    if environment.is_student_edition:
        if options.command == "test":
            raise SetupError("the student edition has no tests.", f"Open it with: {COMMAND}")
        options.command = options.command or "lab"
    extras = ["tests"] if options.command == "test" else []
    is_changed = set_up(environment, options.build, extras)
    code = run_jobs(environment, options.command, rest)
    if code and not is_changed and not environment.can_import():
        say("That failed because the environment is broken: setting it up again")
        build = environment.remembered().get("build")
        environment.stamp.unlink(missing_ok=True)
        set_up(environment, build, extras)
        code = run_jobs(environment, options.command, rest)
    if options.command is None and code == 0:
        say(f"Done. Open the course with: {COMMAND} lab")
    return code


def parse(arguments):
    """Return start.py's own options, and the rest for the command."""
    environment = Environment(Path(__file__).resolve().parent)
    examples = STUDENTS_EXAMPLES if environment.is_student_edition else EXAMPLES
    parser = argparse.ArgumentParser(
        prog=COMMAND, description="Set up the course in .venv, then run it.", epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
    )  # fmt: skip
    choices = [*STUDENTS_COMMANDS, "test"]
    parser.add_argument("command", nargs="?", choices=choices, help="default: try it out")
    builds = parser.add_mutually_exclusive_group()
    for build, text in (("cuda", "for NVIDIA cards"), ("cpu", "without CUDA, even with a card")):
        builds.add_argument(
            f"--{build}", dest="build", action="store_const", const=build,
            help=f"install the build of torch {text}",
        )  # fmt: skip
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command is None:
        parser.error(f"unknown: {' '.join(rest)}")
    return options, rest


def main(arguments=None):
    """Return the exit code: 0 if all went well, 130 after Ctrl-C."""
    try:
        return start(*parse(arguments))
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    except SetupError as error:
        message = "\n".join(error.args)
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            message = "\n".join(FULL_DISK)
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = (
                f"cannot write {error.filename}.\nClose programs that use it, or copy the course "
                "into a folder of your own and run it there."
            )
        else:
            message = str(error)
    print(f"\nstart.py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # whatever pip wrote, an old console can show it
    sys.exit(main())
