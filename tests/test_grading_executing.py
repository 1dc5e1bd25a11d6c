"""Execution: whatever a cell does, it costs its own result, and every cell has one."""

import os
import signal
import threading
import time

import pytest

from autograde.grading import executing
from autograde.grading.executing import (
    BOTH,
    DIED,
    DONE,
    HUNG,
    JUDGE,
    NOT_REACHED,
    WORKER,
    CellToRun,
    Limits,
    Stopped,
    execute,
)
from autograde.wall import conversation

LIMITS = Limits(cell_seconds=20.0, notebook_seconds=120.0)
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: time.sleep(9)"
)
posix = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs an alarm clock")


def run(*cells, limits=LIMITS):
    """Results of cells of one part each: code for the worker, or (where, code)."""
    pairs = [cell if isinstance(cell, tuple) else (WORKER, cell) for cell in cells]
    todo = [CellToRun(place, (code,), where) for place, (where, code) in enumerate(pairs)]
    results = execute(todo, limits)
    return [results[place] for place in range(len(cells))]


def only_part(result):
    """The one part of a cell that was run to its end."""
    assert result.ending == DONE
    assert len(result.parts) == 1
    return result.parts[0]


def shown(result):
    """The texts that a cell shows."""
    outputs = only_part(result)["outputs"]
    return [output.get("text") or output["data"]["text/plain"] for output in outputs]


def test_cells_share_one_namespace_and_show_what_they_print_and_return():
    results = run("x = 2", "print('hello')\nx + 1", "import sys\nprint('bad', file=sys.stderr)")
    assert only_part(results[0]) == {"status": "ok", "outputs": []}
    assert shown(results[1]) == ["hello\n", "3"]
    assert only_part(results[2])["outputs"][0]["name"] == "stderr"


def test_pictures_are_recorded_and_html_is_not():
    results = run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "from IPython.display import HTML, display\ndisplay(HTML('<script>1</script>'))",
    )
    kinds = [set(output["data"]) for output in only_part(results[0])["outputs"]]
    assert {"image/png", "text/plain"} in kinds
    assert [set(output["data"]) for output in only_part(results[1])["outputs"]] == [{"text/plain"}]


def test_an_error_is_recorded_and_the_next_cell_runs():
    results = run("1 / 0", "'still here'")
    part = only_part(results[0])
    assert (part["status"], part["error"]) == ("error", "ZeroDivisionError")
    assert part["outputs"][-1]["output_type"] == "error"
    assert shown(results[1]) == ["'still here'"]


@pytest.mark.parametrize(
    "code", ["raise SystemExit", "exit()", "quit()", "import sys; sys.exit(3)"]
)
def test_leaving_python_is_an_error_of_its_cell(code):
    results = run(code, "'still here'")
    assert only_part(results[0])["status"] == "error"
    assert shown(results[1]) == ["'still here'"]


def test_input_gets_no_terminal():
    assert only_part(run("input()")[0])["error"] == "EOFError"


def test_an_exception_that_cannot_be_shown_is_survived():
    code = "class Bad(Exception):\n    def __str__(self): raise self\nraise Bad"
    results = run(code, "'still here'")
    assert only_part(results[0])["status"] == "error"
    assert shown(results[1]) == ["'still here'"]


@posix
def test_a_loop_is_interrupted_and_its_variables_stay():
    limits = Limits(cell_seconds=1.0, notebook_seconds=60.0)
    results = run("x = 5", "while True: x += 0", "x", limits=limits)
    assert only_part(results[1])["status"] == "timeout"
    assert 1.0 <= results[1].seconds < 10.0
    assert shown(results[2]) == ["5"]


@posix
def test_a_loop_that_ignores_the_interrupt_is_killed_and_the_rest_runs_without_it(monkeypatch):
    monkeypatch.setattr(conversation, "GRACE_SECONDS", 0.5)
    limits = Limits(cell_seconds=1.0, notebook_seconds=60.0)
    results = run("x = 5", STUBBORN, "x + 1", limits=limits)
    assert [one.ending for one in results] == [DONE, HUNG, DONE]
    assert shown(results[2]) == ["6"]


def test_a_cell_that_ends_its_process_costs_only_itself():
    results = run("x = 5", "import os; os._exit(0)", "x + 1")
    assert [one.ending for one in results] == [DONE, DIED, DONE]
    assert shown(results[2]) == ["6"]


def test_cells_are_run_again_for_their_variables_after_a_crash():
    results = run("x = [1]", "x.append(2); print(x)", "import os; os._exit(1)", "x")
    assert shown(results[1]) == ["[1, 2]\n"]
    assert shown(results[3]) == ["[1, 2]"]


def test_a_notebook_that_only_crashes_comes_to_an_end(monkeypatch):
    monkeypatch.setattr(executing, "MAX_WORKERS", 3)
    results = run(*["import os; os._exit(1)"] * 9)
    endings = [one.ending for one in results]
    assert endings == [DIED] * 3 + [NOT_REACHED] * 6


@posix
def test_the_notebooks_time_is_limited_too():
    limits = Limits(cell_seconds=1.0, notebook_seconds=4.0)
    started = time.monotonic()
    results = run(*["while True: pass"] * 30, limits=limits)
    assert time.monotonic() - started < 20.0
    assert only_part(results[0])["status"] == "timeout"
    assert results[-1].ending == NOT_REACHED


def test_endless_output_is_cut():
    part = only_part(run("print('x' * 10_000_000)\nfor i in range(100_000): print(i)")[0])
    assert part["status"] == "ok"
    text = "".join(output["text"] for output in part["outputs"])
    assert len(text) < 110_000
    assert "the rest of the output was left out" in text


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs a limit on memory")
def test_memory_is_limited_and_a_hog_is_an_error():
    results = run("block = bytearray(64 * 2**30)", "'still here'")
    assert only_part(results[0])["error"] == "MemoryError"
    assert shown(results[1]) == ["'still here'"]


def test_every_run_draws_the_same_random_numbers():
    code = (
        "import random, numpy, torch\n[random.random(), numpy.random.rand(), torch.rand(1).item()]"
    )
    assert shown(run(code)[0]) == shown(run(code)[0])


def test_two_parts_share_a_cell_and_an_error_ends_it():
    results = execute(
        [
            CellToRun(0, ("y = 1", "y + 1")),
            CellToRun(1, ("1 / 0", "print('never')")),
        ],
        LIMITS,
    )
    assert [part["status"] for part in results[0].parts] == ["ok", "ok"]
    assert [part["status"] for part in results[1].parts] == ["error"]


def test_a_failed_check_tells_exercise_mistake_and_points():
    results = run(
        (BOTH, "from course_lib import check"),
        "def reinforce_loss(log_prob, reward, gamma): raise NotImplementedError",
        (JUDGE, "check(reinforce_loss)"),
    )
    part = only_part(results[2])
    assert part["status"] == "check failed"
    wanted = {"exercise": "reinforce_loss", "mistake": None, "points": 0, "possible": 3}
    assert wanted.items() <= part["check"].items()


def test_a_worker_knows_nothing_of_the_program_that_grades():
    code = (
        "import sys\n[name for name in ('pytest', 'nbgrader', 'sqlalchemy') if name in sys.modules]"
    )
    assert shown(run(code)[0]) == ["[]"]


def test_a_stop_ends_the_running_process_at_once():
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        execute([CellToRun(0, ("import time; time.sleep(60)",))], Limits(90.0, 90.0), stop)
    assert time.monotonic() - started < 30.0
