"""What grading costs, beside plain `nbgrader autograde` on the same notebooks.

    python -m tests.benchmarks.bench_grading --write-readme    measure what is missing, fill it in
    python -m tests.benchmarks.bench_grading --fresh           measure everything anew
    python -m tests.benchmarks.bench_grading --show            print the table, measure nothing
    python -m tests.benchmarks.bench_grading --trial           a few students; nothing is stored

Interrupt it whenever you like: what is measured is stored in grading.jsonl. Counted is the CPU time
(user and system) of the whole tree of processes, start and end included. The graders take turns, in
the opposite order in the second round. Needs Linux, which lets orphaned processes be waited for."""

import argparse
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autograde.lesson import Lesson
from tests.benchmarks import results
from tests.benchmarks.grading_class import make_class
from tests.benchmarks.process_tree import ROOT, Cost, adopt_orphans, run

LESSON = "02"
STORED = Path(__file__).parent / "grading.jsonl"
BLOCK = re.compile(r"<!-- grading: begin -->\n(.*?)\n?<!-- grading: end -->", re.DOTALL)
OURS, THEIRS = "course grade", "nbgrader autograde"
Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A grader on a class of so many; `options` are ours, `round` the turn."""

    who: str
    students: int
    workers: int = 1
    options: str = ""
    round: int = 0

    @property
    def key(self) -> tuple:
        """What its outcome is stored under."""
        return tuple(asdict(self).values())


def plan(students: int, large: int) -> list[Job]:
    """Two rounds of both graders on one student and on a class; then a large class, once."""
    first = [
        Job(OURS, 1), Job(THEIRS, 1), Job(OURS, students), Job(THEIRS, students),
        Job(OURS, students, 2),
    ]  # fmt: skip
    second = [replace(one, round=1) for one in reversed(first)]
    last = [Job(OURS, students, 2, "--everything"), Job(OURS, large, 2)]
    return [*first, *second, *last]


def measure(job: Job, lesson: Lesson) -> Cost:
    """Grade everything with one grader."""
    plain = lesson.root / "plain"
    if job.who == THEIRS:
        nbgrader = [sys.executable, "-m", "nbgrader"]
        if not (plain / "gradebook.db").exists():
            run([*nbgrader, "generate_assignment", lesson.name, "--force"], plain)
        return run([*nbgrader, "autograde", lesson.name, "--force"], plain)
    command = [sys.executable, "-m", "autograde.cli", "grade", lesson.name, "--force", "--json"]
    command += ["--course", str(lesson.root), "--workers", str(job.workers)]
    return run([*command, *job.options.split()], lesson.root)


def measure_all(jobs: Sequence[Job], known: list[Record]) -> Iterator[Record]:
    """The outcomes of the jobs that are not known."""
    done = {job_of(one).key for one in known}
    todo = [job for job in jobs if job.key not in done]
    if any(job.who == OURS for job in todo):
        warm_up()
    with tempfile.TemporaryDirectory(prefix="bench-grading-") as folder:
        classes: dict[int, Lesson] = {}
        for job in todo:
            if job.students not in classes:
                place = Path(folder) / str(job.students)
                classes[job.students] = make_class(place, LESSON, job.students)
            record = {**asdict(job), **asdict(measure(job, classes[job.students]))}
            print(json.dumps(record), file=sys.stderr, flush=True)
            yield record


def warm_up() -> None:
    """The students' edition of the library, which is written once for each state of the course."""
    from autograde.grading.executing import edition

    edition()


def stored(path: Path = STORED) -> list[Record]:
    """What was measured so far."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def job_of(record: Record) -> Job:
    """The job whose outcome it is."""
    return Job(**{name: record[name] for name in Job.__dataclass_fields__})


def table(records: list[Record]) -> str:
    """One row a grader, class and number of workers; then what that is one by one."""
    machine = [one for one in records if one["who"] == "machine"]
    groups: dict[tuple, list[Record]] = {}
    for one in records:
        if one["who"] != "machine":
            groups.setdefault(job_of(one).key[:4], []).append(one)
    head = "| grader | workers | submissions | CPU s a submission | a second | peak memory, MB |"
    lines = [one["options"] for one in machine] + [""] * len(machine)
    lines += [head, "| --- | --- | --- | --- | --- | --- |"]
    lines += [row(group) for group in groups.values() if group[0]["students"] > 1]
    return "\n".join([*lines, *comparison(groups)])


def row(group: list[Record]) -> str:
    """A line of the table: medians, and the most memory."""
    first, students = group[0], group[0]["students"]
    name = f"`{first['who']} {first['options']}`".replace(" `", "`")
    workers = first["workers"] if first["who"] == OURS else ""
    cpu, wall = middle(group, "cpu") / students, middle(group, "wall")
    memory = max(one["memory"] for one in group)
    cells = [name, f"{workers}", f"{students:,}", f"{cpu:.2f}", f"{students / wall:.2f}"]
    return f"| {' | '.join([*cells, f'{memory:,.0f}'])} |".replace("|  |", "| |")


def middle(group: list[Record], name: str) -> float:
    """The median of a column."""
    return statistics.median(one[name] for one in group)


def comparison(groups: dict[tuple, list[Record]]) -> list[str]:
    """What a start costs, what one more submission does, and the ratio of the two graders'."""
    found = {}
    for who in (OURS, THEIRS):
        sides = [group for key, group in groups.items() if key[0] == who and key[2:] == (1, "")]
        if len(sides) < 2:
            return []
        one, more = sorted(sides, key=lambda group: group[0]["students"])[:2]
        each = (middle(more, "cpu") - middle(one, "cpu")) / (more[0]["students"] - 1)
        found[who] = (each, middle(one, "cpu") - each)
    (ours, start), (theirs, their_start) = found[OURS], found[THEIRS]
    return [
        "",
        f"One more submission costs `{OURS}` {ours:.2f} CPU seconds and `{THEIRS}` {theirs:.2f}, "
        f"{theirs / ours:.1f} times as much; to start costs {start:.1f} and {their_start:.1f}.",
    ]


def write_readme(text: str, path: Path = ROOT / "README.md") -> None:
    """Put the table between its marks."""
    page = path.read_text(encoding="utf-8")
    if not BLOCK.search(page):
        raise SystemExit(f"{path} has no <!-- grading: begin --> and <!-- grading: end -->.")
    made = f"<!-- grading: begin -->\n{text}\n<!-- grading: end -->"
    path.write_text(BLOCK.sub(lambda _: made, page), encoding="utf-8")


def about_machine() -> Record:
    """A sentence on processor and versions, in the form of a record."""
    known = results.machine()
    versions = f"Python {known['versions']['Python']}, torch {known['versions']['torch']}"
    sentence = f"Measured on two cores of: {known['processor']}; with {versions}."
    return {**asdict(Job("machine", 0, options=sentence)), "wall": 0, "cpu": 0, "memory": 0}


def main() -> None:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fresh", action="store_true", help="forget all that is stored, first")
    parser.add_argument("--show", action="store_true", help="measure nothing")
    parser.add_argument("--trial", action="store_true", help="4 and 8 students, store nothing")
    parser.add_argument("--write-readme", action="store_true", help="fill in the README's table")
    options = parser.parse_args()
    if options.fresh:
        STORED.unlink(missing_ok=True)
    known = [] if options.trial else stored() or [about_machine()]
    if not options.show:
        adopt_orphans()
        for record in measure_all(plan(*((4, 8) if options.trial else (30, 1000))), known):
            known.append(record)
            if not options.trial:
                STORED.write_text("".join(map(results.line_of, known)), encoding="utf-8")
    print(table(known))
    if options.write_readme and not options.trial:
        write_readme(table(known))


if __name__ == "__main__":
    main()
