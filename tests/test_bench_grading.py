"""The benchmark of grading: its turns, its table, and that the README is its file."""

import subprocess
import sys
from collections import Counter

from tests.benchmarks import bench_grading
from tests.benchmarks.bench_grading import OURS, THEIRS, Job, plan, stored, table
from tests.benchmarks.grading_class import make_class
from tests.benchmarks.process_tree import ROOT


def outcome(who, students, workers, cpu, wall=1.0, memory=100.0, **more):
    """A stored outcome."""
    job = {"options": "", "round": 0, **more}
    counted = {"wall": wall, "cpu": cpu, "memory": memory}
    return {"who": who, "students": students, "workers": workers, **job, **counted}


def test_the_graders_take_turns_in_opposite_orders():
    first, second = ([j.key[:4] for j in plan(30, 1000) if j.round == r][:5] for r in (0, 1))
    assert first == second[::-1]
    counts = Counter(job.key[:4] for job in plan(30, 1000))
    assert counts[OURS, 30, 2, ""] == counts[THEIRS, 30, 1, ""] == 2
    assert counts[OURS, 1000, 2, ""] == 1


def test_the_table_says_what_a_submission_and_what_a_start_costs():
    found = [
        outcome(OURS, 1, 1, 10.5), outcome(THEIRS, 1, 1, 5.0),
        outcome(OURS, 21, 1, 19.0, wall=20.0, memory=500.0),
        outcome(OURS, 21, 1, 21.0, wall=22.0, memory=900.0, round=1),
        outcome(OURS, 21, 1, 42.0, options="--everything"),
        outcome(THEIRS, 21, 1, 65.0, wall=70.0),
        outcome(OURS, 1000, 2, 420.0, wall=250.0),
    ]  # fmt: skip
    lines = table(found).splitlines()
    # Medians: (19 + 21) / 2 = 20 CPU seconds and 21 seconds for 21 submissions.
    assert "| `course grade` | 1 | 21 | 0.95 | 1.00 | 900 |" in lines
    assert "| `course grade --everything` | 1 | 21 | 2.00 | 21.00 | 100 |" in lines
    assert "| `nbgrader autograde` | | 21 | 3.10 | 0.30 | 100 |" in lines
    assert "| `course grade` | 2 | 1,000 | 0.42 | 4.00 | 100 |" in lines
    # One more: (20 − 10.5) / 20 = 0.475 and (65 − 5) / 20 = 3; to start: 10.5 − 0.475, 5 − 3.
    assert "0.47 CPU seconds and `nbgrader autograde` 3.00, 6.3 times as much" in lines[-1]
    assert lines[-1].endswith("to start costs 10.0 and 2.0.")


def test_what_is_measured_is_not_measured_again(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(bench_grading, "warm_up", lambda: None)
    monkeypatch.setattr(bench_grading, "make_class", lambda folder, lesson, students: students)
    monkeypatch.setattr(
        bench_grading, "measure",
        lambda job, lesson: asked.append((job, lesson)) or bench_grading.Cost(1.0, 2.0, 3.0),
    )  # fmt: skip
    jobs = [Job(OURS, 3), Job(OURS, 3, 2)]
    (record,) = bench_grading.measure_all(jobs, [outcome(OURS, 3, 1, 1.0)])
    assert asked == [(Job(OURS, 3, 2), 3)]
    assert record == outcome(OURS, 3, 2, 2.0, memory=3.0)


def test_the_classes_work_is_of_three_kinds_and_no_two_are_alike(tmp_path):
    lesson = make_class(tmp_path, "02", 4)
    texts = [path.read_text() for path in sorted(tmp_path.glob("autograde/submitted/*/*/*.ipynb"))]
    assert len(set(texts)) == 4
    stubs = [text.count("NotImplementedError") for text in texts]
    assert stubs[0] == stubs[1] == stubs[3] < stubs[2]
    assert lesson.name == "02_reinforce"


def test_commands_start_without_grammars_for_web_addresses():
    code = "import autograde, nbformat, sys\nassert not sys.modules['rfc3987_syntax']"
    code += "\nassert 'lark' not in sys.modules\nnbformat.validate(nbformat.v4.new_notebook())"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_readme_shows_what_is_stored():
    shown = bench_grading.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert (shown[1] if shown else "") == (table(stored()) if stored() else "")
