"""What grading costs, beside plain `nbgrader autograde` on the same class: Markdown tables.

    python -m tests.benchmarks.bench_grading                      both graders, 40 submissions
    python -m tests.benchmarks.bench_grading --students 1000 --ours    ours alone, peak memory
    python -m tests.benchmarks.bench_grading --workers 1 2 4 --ours    how it grows with workers

Counted is the CPU time (user and system) of the whole tree of processes, start and end included.
The graders take turns (A B B A). Needs Linux, which lets orphaned processes be waited for.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import nbformat
from nbgrader import utils

from autograde.grading.graded_source import grade_id
from autograde.invented import sample_answers as answers
from autograde.invented.sample_class import without_markers
from autograde.lesson import Lesson, find_lessons

ROOT = Path(__file__).resolve().parents[2]
SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER
# nbgrader as it is without this course: its own steps, its own folders.
PLAIN = """
from nbgrader.converters import Autograde, GenerateFeedback
c = get_config()
load_subconfig("nbgrader_config.py", path={root!r})
c.Autograde.sanitize_preprocessors = Autograde.class_traits()["sanitize_preprocessors"].default()
c.Autograde.autograde_preprocessors = Autograde.class_traits()["autograde_preprocessors"].default()
c.CourseDirectory.submitted_directory = "autograde/submitted"
c.CourseDirectory.autograded_directory = "plain/autograded"
c.CourseDirectory.db_url = "sqlite:///{root}/plain/gradebook.db"
"""


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds, CPU seconds, and the most memory its processes held at once."""

    wall: float
    cpu: float
    memory: float


def make_class(folder: Path, lesson: str, students: int) -> Lesson:
    """A course with one lesson and a class: right, wrong, half done, nothing that hangs."""
    (source,) = find_lessons(ROOT, [lesson])
    for kind in (source.worked.parent, source.student.parent):
        shutil.copytree(kind, folder / kind.relative_to(ROOT))
    shutil.copyfile(ROOT / "nbgrader_config.py", folder / "nbgrader_config.py")
    (folder / "plain").mkdir()
    (folder / "plain" / "nbgrader_config.py").write_text(PLAIN.format(root=str(folder)))
    copy = Lesson(folder, source.name)
    worked = nbformat.read(copy.worked, as_version=4)
    solutions = {grade_id(cell): cell.source for cell in worked.cells if utils.is_solution(cell)}
    kinds = cycle([{}, {"reinforce-loss": answers.SIGN_FLIPPED}, {"half": "yes"}, {}])
    for number, instead in zip(range(students), kinds, strict=False):
        hand_in(copy, f"student{number:04}", solutions, instead)
    return copy


def hand_in(lesson: Lesson, student: str, solutions: dict[str, str], instead: dict) -> None:
    """One student's notebook, unlike all others by a comment."""
    notebook = nbformat.read(lesson.student, as_version=4)
    cells = [cell for cell in notebook.cells if utils.is_solution(cell)]
    for cell in cells[: len(cells) // 2 if "half" in instead else None]:
        text = without_markers(instead.get(grade_id(cell), solutions[grade_id(cell)]))
        cell.source = f"{text}\n# {student}\n" if cell.cell_type == "code" else text
    path = lesson.root / "autograde" / "submitted" / student / lesson.name / lesson.student.name
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a program and count all that it and its processes took."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    peak, done = [0.0], threading.Event()
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    watcher = threading.Thread(target=watch, args=(peak, done))
    watcher.start()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    shown, errors = process.communicate()
    wall = time.perf_counter() - started
    done.set()
    watcher.join()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{(shown + errors).decode()[-3000:]}")
    wait_for_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peak[0])


def wait_for_orphans() -> None:
    """Wait for processes whose parents have ended: only then does their time count."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def watch(peak: list[float], done: threading.Event) -> None:
    """Note the most memory, in MB, that all processes below this one hold at one moment."""
    while not done.wait(0.5):
        peak[0] = max(peak[0], sum(map(memory, descendants(os.getpid()))) / 1e6)


def descendants(pid: int) -> list[int]:
    """All processes below a process."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        below = parents.get(left.pop(), [])
        found += below
        left += below
    return found


def memory(pid: int) -> int:
    """The bytes that a process holds, pages that it shares counted in part."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    return 0


def ours(lesson: Lesson, workers: int) -> Cost:
    """`course grade` of everything, gradebook, notebooks, feedback and report."""
    command = [sys.executable, "-m", "autograde.cli", "grade", lesson.name, "--force", "--json"]
    command += ["--course", str(lesson.root), "--workers", str(workers), *EXTRA]
    return run(command, lesson.root)


def plain(lesson: Lesson) -> Cost:
    """`nbgrader autograde` of everything, without feedback."""
    command = [sys.executable, "-m", "nbgrader", "autograde", lesson.name, "--force"]
    return run(command, lesson.root / "plain")


def prepare_plain(lesson: Lesson) -> None:
    """The lesson into nbgrader's gradebook."""
    run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", lesson.name, "--force"],
        lesson.root / "plain",
    )


def row(name: str, students: int, costs: list[Cost]) -> str:
    """A line of the table: medians."""
    wall = statistics.median(cost.wall for cost in costs)
    cpu = statistics.median(cost.cpu for cost in costs) / students
    peak = max(cost.memory for cost in costs)
    return f"| {name} | {students / wall:.2f} | {cpu:.3f} | {wall:.1f} | {peak:.0f} |"


def measure(lesson: Lesson, options: argparse.Namespace) -> None:
    """Measure and print, the graders in turns."""
    most = max(options.workers)
    costs: dict[str, list[Cost]] = {f"course grade, {n} workers": [] for n in options.workers}
    theirs: list[Cost] = []
    if not options.ours:
        prepare_plain(lesson)
    for turn in range(options.rounds):
        order = [("ours", n) for n in options.workers] + ([] if options.ours else [("plain", 0)])
        for who, workers in order if turn % 2 == 0 else order[::-1]:
            cost = ours(lesson, workers) if who == "ours" else plain(lesson)
            (costs[f"course grade, {workers} workers"] if workers else theirs).append(cost)
            told = {"who": who, "workers": workers, **cost.__dict__}
            print(json.dumps(told), file=sys.stderr, flush=True)
    print("| grader | submissions a second | CPU s a submission | seconds | peak memory, MB |")
    print("| --- | --- | --- | --- | --- |")
    for name, found in costs.items():
        print(row(name, options.students, found))
    if theirs:
        print(row("nbgrader autograde", options.students, theirs))
        ours_cpu = statistics.median(c.cpu for c in costs[f"course grade, {most} workers"])
        ratio = statistics.median(c.cpu for c in theirs) / ours_cpu
        print(f"\nnbgrader needs {ratio:.1f} times the CPU time of `course grade`.")


EXTRA: list[str] = []


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lesson", default="02")
    parser.add_argument("--students", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[len(os.sched_getaffinity(0))])
    parser.add_argument("--ours", action="store_true", help="leave nbgrader out")
    parser.add_argument("options", nargs="*", help="more options for `course grade`, after --")
    options = parser.parse_args()
    EXTRA.extend(options.options)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as folder:
        measure(make_class(Path(folder), options.lesson, options.students), options)


if __name__ == "__main__":
    main()
