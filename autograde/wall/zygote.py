"""The process that workers are forked from. It holds libraries and nothing that is worth stealing.

Started by `workers.py` as a program of its own, with an empty environment, no site packages but
those it is told of, and of this repository nothing but this folder, `grading/recording.py` and the
student edition of the course's library. It never runs a line of a student's code.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import shutil
import signal
import socket
import sys
import traceback
import types
from typing import Any

LIBRARIES = ("numpy", "torch", "gymnasium", "matplotlib.pyplot", "matplotlib_inline.backend_inline")
COURSE = ("course_lib.checks", "course_lib.environments", "course_lib.figures", "course_lib.runs")
OURS = ("autograde.wall.serving",)


def main() -> None:
    """Import everything once, then fork whenever a worker is wanted, until nobody listens."""
    told = json.loads(sys.argv[1])
    control = socket.socket(fileno=told["control"])
    if not control.recv(1):  # By now the trusted side has put this process where it belongs.
        return
    sys.path[:] = [
        told["library"],
        *(one for one in sys.path if one in told["path"]),
        *told["path"],
    ]
    sys.path[:] = list(dict.fromkeys(sys.path))
    only_these("autograde")
    only_these("autograde.wall", os.path.dirname(__file__))
    only_these("autograde.grading", told["grading"])
    from autograde.wall import identity, sandbox

    root = identity.outer_user() == 0
    sandbox.attempt("", sandbox.adopt_orphans, [])
    up = sandbox.prepare(told["needed"]) if told["walls"] else []
    from autograde.wall.cells import make_shell

    make_shell(told["folder"])  # before matplotlib, which asks whether there is one
    for name in (*LIBRARIES, *COURSE, *OURS):
        with contextlib.suppress(ImportError):  # A worker that needs it will say what is missing.
            importlib.import_module(name)
    counted = not root or "identity" in up or told["counted"]
    gc.collect()
    gc.freeze()  # The collector would write into pages that forks share.
    reply(control, {"up": up, "loaded": course_modules()})
    serve(control, told, up, counted=counted)


def only_these(name: str, *folders: str) -> None:
    """A package that looks into these folders, and runs no `__init__.py`."""
    module = types.ModuleType(name)
    module.__path__ = list(folders)
    sys.modules[name] = module


def course_modules() -> dict[str, str]:
    """The course's modules that are loaded, with their files: the trusted side looks at them."""
    found = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {n: f for n, f in found.items() if f and n.split(".")[0] in ("course_lib", "autograde")}


def serve(control: socket.socket, told: dict[str, Any], up: list[str], *, counted: bool) -> None:
    """Answer: fork a worker, end one."""
    workers: set[int] = set()
    made: dict[str, Any] = {"apart": True}
    while True:
        text, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not text:
            shutil.rmtree(told["folder"], ignore_errors=True)
            os._exit(0)
        wish = json.loads(text)
        if wish["do"] == "fork":
            made = fork_worker(control, descriptors[0], told, wish, up, counted=counted)
            workers.add(made["pid"])
            reply(control, made)
        else:
            workers.discard(wish["pid"])
            reply(control, end_worker(wish["pid"]))
            if not made["apart"]:
                end_strays(workers)


def reply(control: socket.socket, message: dict[str, Any]) -> None:
    """One line."""
    control.sendall(json.dumps(message).encode() + b"\n")


def fork_worker(
    control: socket.socket,
    descriptor: int,
    told: dict[str, Any],
    wish: dict[str, Any],
    up: list[str],
    *,
    counted: bool,
) -> dict[str, Any]:
    """Fork; the child becomes a worker and never comes back."""
    from autograde.wall import sandbox

    child, apart = sandbox.fork_apart() if told["walls"] else (os.fork(), False)
    if child:
        os.close(descriptor)
        return {"pid": child, "apart": apart}
    try:
        control.close()
        become_a_worker(descriptor, told, wish, up, apart=apart, counted=counted)
    except BaseException:
        traceback.print_exc()  # The zygote's, for the trusted side to read.
    finally:
        os._exit(1)


def become_a_worker(
    descriptor: int,
    told: dict[str, Any],
    wish: dict[str, Any],
    up: list[str],
    *,
    apart: bool,
    counted: bool,
) -> None:
    """Behind the walls: fixed seeds, an environment of its own, and the server of cells."""
    import numpy as np
    import torch

    from autograde.wall import cells, sandbox, serving

    os.environ.clear()
    os.environ.update(told["environment"], HOME=wish["scratch"], TMPDIR=wish["scratch"])
    connection = socket.socket(fileno=descriptor)
    allowance = sandbox.Allowance(counted=counted, **wish["allowance"])
    if told["walls"]:
        up = [*up, *sandbox.enter(allowance, apart=apart)]
    else:
        os.setsid()
        os.chdir(wish["scratch"])
        sandbox.attempt("limits", lambda: sandbox.limit(allowance, own_users=False), up)
    torch.set_num_threads(1)
    torch.manual_seed(wish["seed"])
    np.random.seed(wish["seed"])  # noqa: NPY002 — a student's np.random must be the same each time.
    random.seed(wish["seed"])
    shell = cells.RecordingShell.instance()  # made by `main`
    server = serving.Server(connection, shell, alone=apart)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    server.run(up)


def end_worker(pid: int) -> dict[str, Any]:
    """Kill a worker and with it everything that it started; its CPU seconds."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    try:
        _, status, used = os.wait4(pid, 0)
    except ChildProcessError:
        return {"seconds": 0.0, "status": None}
    return {"seconds": used.ru_utime + used.ru_stime, "status": status}


def end_strays(workers: set[int]) -> None:
    """End what a worker has started and left: who loses its parent becomes a child of this process.

    Where workers have a process namespace of their own, everything in it has ended with them.
    """
    from autograde.wall.identity import children

    for _ in range(100):
        strays = set(children(os.getpid())) - workers
        for pid in strays:
            with contextlib.suppress(ProcessLookupError, ChildProcessError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        if not strays:
            return


if __name__ == "__main__":
    main()
