"""A worker that is lost costs the cell that lost it; what came before is there again."""

import json
import sys
import time

import pytest

from autograde.grading import executing
from autograde.grading.executing import (
    BOTH,
    BROKE,
    DIED,
    DONE,
    HUNG,
    JUDGE,
    WORKER,
    CellToRun,
    Limits,
    execute,
)
from autograde.wall import conversation, transcript

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs processes that fork")
LIMITS = Limits(cell_seconds=20.0, notebook_seconds=120.0, trusted=True)
STAMP = "import os, time\nstamp = [time.time_ns(), os.urandom(8)]\nstamp"
CRASH = "import os; os._exit(1)"
STUBBORN = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"


def run(*cells, limits=LIMITS):
    """Results of cells of one part each: code for the worker, or (where, code)."""
    pairs = [cell if isinstance(cell, tuple) else (WORKER, cell) for cell in cells]
    todo = [CellToRun(place, (code,), where) for place, (where, code) in enumerate(pairs)]
    results = execute(todo, limits)
    return [results[place] for place in range(len(cells))]


def value(result):
    """What a cell showed last."""
    assert result.ending == DONE, result
    return result.parts[-1]["outputs"][-1]["data"]["text/plain"]


def test_without_a_checkpoint_the_cells_run_again():
    first, crash, second = run(STAMP, CRASH, "stamp")
    assert crash.ending == DIED and value(first) != value(second)


@pytest.mark.parametrize("trouble", [CRASH, STUBBORN], ids=["crash", "hang"])
def test_after_a_checkpoint_they_do_not(monkeypatch, trouble):
    monkeypatch.setattr(executing, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(conversation, "GRACE_SECONDS", 0.3)
    limits = Limits(cell_seconds=1.0, notebook_seconds=60.0, trusted=True)
    first, lost, second, third = run(STAMP, trouble, "stamp", "stamp", limits=limits)
    assert lost.ending == (DIED if trouble == CRASH else HUNG)
    assert value(first) == value(second) == value(third)


def test_one_crash_after_another_each_goes_back_to_its_checkpoint(monkeypatch):
    monkeypatch.setattr(executing, "CHECKPOINT_SECONDS", -1.0)
    cells = [STAMP, "x = [1]", CRASH, "x.append(2)", CRASH, CRASH, "x.append(3)", "x", "stamp"]
    results = run(*cells)
    assert value(results[7]) == "[1, 2, 3]" and value(results[0]) == value(results[8])


def test_checkpoints_are_taken_when_they_save_work(monkeypatch):
    monkeypatch.setattr(executing, "CHECKPOINT_SECONDS", 0.5)
    slow = "import time; time.sleep(0.7)"
    first, _, _, _, last = run(STAMP, slow, "y = 1", CRASH, "stamp")
    assert value(first) == value(last)


def test_who_cannot_fork_goes_on_without_a_checkpoint(monkeypatch):
    monkeypatch.setattr(executing, "CHECKPOINT_SECONDS", -1.0)
    code = "import os\ndef none(): raise BlockingIOError(11, 'no')\nos.fork = none\nx = [1]"
    results = run(code, "x.append(2)", CRASH, "x")
    assert results[2].ending == DIED and value(results[3]) == "[1, 2]"


def test_a_check_that_loses_the_worker_costs_only_itself():
    results = run(
        (BOTH, "import os"),
        "def f(): os._exit(0)\ndef g(): return 1",
        (JUDGE, "f()"),
        (JUDGE, "g()"),
    )
    assert [one.ending for one in results] == [DONE, DONE, DIED, DONE]
    assert value(results[3]) == "1"


def test_a_cell_that_kills_only_the_second_time_is_left_out_then(monkeypatch):
    monkeypatch.setattr(executing, "CHECKPOINT_SECONDS", 1e9)
    until = time.time() + 3.0
    results = run(
        "x = 1",
        f"import os, time\nif time.time() > {until}: os._exit(1)\ny = 2",
        f"while time.time() < {until + 0.1}: pass",
        CRASH,
        "[x, 'y' in globals()]",
    )
    assert value(results[4]) == "[1, False]"


def test_a_worker_that_breaks_the_rules_is_ended_and_named():
    code = (
        "import gc, os\n"
        "line = next(o for o in gc.get_objects() if type(o).__name__ == 'Server').connection\n"
        "line.sendall(os.urandom(1000))"
    )
    results = run("x = 1", code, "x")
    assert results[1].ending == BROKE and value(results[2]) == "1"


def test_student_names_never_replace_the_lessons_own():
    results = run(
        (BOTH, "import torch\nfrom course_lib import check"),
        "def check(*args, **kwargs): pass\ntorch = None\nassert_ = 1\ndef f(): return 2",
        (JUDGE, "assert torch.tensor(f()).item() == 3"),
        (JUDGE, "check"),
    )
    assert results[2].parts[0]["status"] == "error"
    assert value(results[3]).startswith("<function check at")


TRAP = """
import builtins, os
real = builtins.__import__
def trap(name, *more, **options):
    if name == "course_lib": END
    return real(name, *more, **options)
builtins.__import__ = trap
def check(*args, **options): pass
"""
ANSWER = (
    "import gc, struct\n"
    "        server = next(o for o in gc.get_objects() if type(o).__name__ == 'Server')\n"
    "        server.reply({'error': ['ValueError', '', '']})"
)


@pytest.mark.parametrize("end", ["os._exit(0)", ANSWER], ids=["dies", "answers an error"])
def test_who_ends_the_set_up_has_no_check_of_his_own(end):
    results = run(
        TRAP.replace("END", f"\n        {end}"),
        (BOTH, "from course_lib import check"),
        "def reinforce_loss(log_prob, reward, gamma): return 0",
        (JUDGE, "check"),
        (JUDGE, "check(reinforce_loss)"),
    )
    assert value(results[3]).startswith("<function check at")
    assert results[4].ending != DONE or results[4].parts[0]["status"] != "ok"


def test_what_all_cells_show_together_is_bounded(monkeypatch):
    monkeypatch.setattr(executing, "MAX_OUTPUTS", 100)
    results = run("print('x' * 90)", "print('x' * 90)", "print('y')")
    texts = [one.parts[0]["outputs"][0]["text"] for one in results]
    assert texts == ["x" * 90 + "\n", executing.TOO_MUCH["text"], executing.TOO_MUCH["text"]]


def test_a_name_that_the_lesson_asks_for_is_the_students():
    todo = [
        CellToRun(0, ("def f(): return 'the answer'",), BOTH),
        CellToRun(1, ("def f(): return 'mine'",), WORKER, frozenset({"f"})),
        CellToRun(2, ("f()",), JUDGE),
    ]
    assert value(execute(todo, LIMITS)[2]) == "'mine'"


def test_the_calls_of_a_check_are_recorded_with_their_answers():
    results = run(
        (BOTH, "import torch"),
        "def f(x, scale=1):\n    if scale == 0: raise ValueError('no scale')\n    return scale * x",
        (
            JUDGE,
            "f(torch.tensor([1.0, 2.0]), scale=3)\ntry: f(1, scale=0)\nexcept ValueError: pass",
        ),
    )
    first, second = results[2].calls
    assert first["called"] == "f" and first["with"][0]["values"] == [1.0, 2.0]
    assert first["and"] == {"scale": 3} and first["answered"]["values"] == [3.0, 6.0]
    assert second["raised"] == "ValueError: no scale"


def test_many_calls_and_large_values_are_recorded_within_bounds():
    results = run(
        (BOTH, "import torch"),
        "def f(x): return x",
        (JUDGE, "for _ in range(2100): f(1)\nx = f(torch.zeros(1000))"),
        (JUDGE, "f(torch.zeros(1000))"),
    )
    assert len(results[2].calls) == 2001 and results[2].calls[-1] == {"left out": 101}
    assert "sha256" in results[3].calls[0]["answered"]


def test_deep_and_wide_answers_are_written_down_in_part():
    code = "def f(): return ['x' * 300] * 80"
    results = run(code, (JUDGE, "for _ in range(230): f()\nx = 1"))
    calls = results[1].calls
    assert len(json.dumps(calls)) < 1.5 * transcript.MAX_SIZE and "left out" in calls[-1]


def test_a_submission_does_not_see_what_the_one_before_left():
    run(
        "import builtins, torch, os\nbuiltins.secret = 1\ntorch.mine = 2\nopen('left', 'w').close()"
    )
    look = "import builtins, torch, os\n[hasattr(builtins, 'secret'), hasattr(torch, 'mine')]"
    results = run(look, "os.listdir('.')")
    assert value(results[0]) == "[False, False]" and value(results[1]) == "[]"


def test_a_check_may_look_at_all_names_but_what_the_lesson_gives_is_its_own():
    results = run(
        (BOTH, "import math"),
        "x = 3\nmath = None\n_hidden = 1",
        (
            JUDGE,
            "[globals()['x'], 'missing' in globals(), '_hidden' in globals(), math.floor(2.5)]",
        ),
    )
    assert value(results[2]) == "[3, False, False, 2]"
