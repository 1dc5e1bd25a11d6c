"""Files that are no notebooks, notebooks unlike the lesson's, cells that end their process."""

import copy
import io
import json
import os
import zipfile
from pathlib import Path

from tests.red_team.frames import FRAME
from tests.red_team.submission import LOSS, TD_ERROR, Submission

ALL = {"reinforce_loss": LOSS, "td_error": TD_ERROR}
ENDED = "ended its process"
HEAD = "def reinforce_loss(log_prob, reward, gamma):\n"
HOSTILE_ERROR = (
    "class Hostile(Exception):\n"
    "    def __str__(self): raise self\n"
    "    __repr__ = __format__ = __str__\n"
    "    @property\n    def args(self): import os; os._exit(3)\n"
    f"{HEAD}    raise Hostile\n"
)
HOSTILE_KIND = (
    "class Kind(type):\n"
    "    def __getattribute__(cls, name): raise SystemExit(name)\n"
    "class Odd(BaseException, metaclass=Kind): pass\n"
    f"{HEAD}    raise Odd\n"
)
BUILTINS = (
    "import builtins, sys\n"
    "for name in ('print', 'len', 'isinstance', 'type', 'getattr', 'super'):\n"
    "    delattr(builtins, name)\n"
)
DEAF_TO_ALARMS = (
    "import signal\nsignal.setitimer = lambda *more: None\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
)
STREAMS = (
    "import os, sys\nsys.stdout = sys.stderr = sys.__stdout__ = None\n"
    "sys.exit = sys.excepthook = sys.displayhook = None\nos.closerange(0, 3)\n"
)
GARBAGE = f"{FRAME}server.connection.sendall(b'HTTP/1.1 200 OK')\n"


def text_of(notebook: dict) -> str:
    """The notebook as JSON."""
    return json.dumps(notebook)


def cut(notebook: dict) -> str:
    """The first two thirds of the file."""
    text = text_of(notebook)
    return text[: len(text) * 2 // 3]


def without(notebook: dict, *names: str) -> dict:
    """The notebook without the cells of these grade_ids."""
    kept = [c for c in notebook["cells"] if named(c) not in names]
    return {**notebook, "cells": kept}


def named(cell: dict) -> str:
    """A cell's grade_id."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def doubled(notebook: dict) -> dict:
    """Every graded cell twice, a stub after what was written."""
    cells = []
    for cell in notebook["cells"]:
        again = copy.deepcopy(cell)
        again["id"] = cell.get("id", "x") + "2"
        cells += [cell, again] if named(cell) else [cell]
    return {**notebook, "cells": cells}


def backwards(notebook: dict) -> dict:
    """The cells in the reverse order."""
    return {**notebook, "cells": notebook["cells"][::-1]}


def foreign(notebook: dict) -> dict:
    """Other names for answers, other kinds of cells, and no lists where lists should be."""
    odd = [None, 7, {"cell_type": "code", "source": 5}, {"cell_type": "lie", "metadata": []}]
    odd += [{"cell_type": "code", "metadata": {"nbgrader": 3, "tags": 3}, "source": "1 / 0"}]
    return {**notebook, "cells": [*notebook["cells"], *odd], "metadata": "none", "nbformat": "x"}


def surrogates(notebook: dict) -> str:
    """Half characters and a null byte in an answer."""
    return text_of(notebook).replace("return -(", "# \\ud800 \\u0000\\n    return -(", 1)


def zipped(notebook: dict) -> bytes:
    """The notebook in an archive, among entries that lead out of it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../../../evil.ipynb", "{}")
        archive.writestr("/etc/evil.ipynb", "{}")
        link = zipfile.ZipInfo("link.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("02_loss/loss.ipynb", text_of(notebook))
    return out.getvalue()


def huge(notebook: dict) -> bytes:
    """More than the reader takes, after a right notebook."""
    return text_of(notebook).encode() + b" " * (51 * 2**20)


def link(notebook: dict) -> Path:
    """A link to a file that whoever grades can read."""
    return Path(os.__file__)


def ends(name: str, tries: str, body: str, says: str = ENDED) -> Submission:
    """An answer that does something to its own process."""
    return Submission(f"breaking-{name}", tries, loss=f"{HEAD}    {body}\n", says=says)


def odd_file(name: str, tries: str, damage, says: str, **more) -> Submission:
    """Right work in a file that is not as it should be."""
    options = {"points": ALL, **more}
    return Submission(f"breaking-{name}", tries, loss="right", damage=damage, says=says, **options)


SUBMISSIONS = (
    odd_file("truncated", "hand in two thirds of a file", cut, "broken JSON", points={}),
    odd_file("bom", "save with a byte order mark", lambda n: b"\xef\xbb\xbf" + text_of(n).encode(),
        "byte order mark"),
    odd_file("utf16", "save as UTF-16", lambda n: text_of(n).encode("utf-16"), "UTF-16"),
    odd_file("name", "give the file another name", lambda n: n, "is called",
        file_name="homework final (3).IPYNB"),
    odd_file("huge", "hand in 51 MB", huge, "MiB", points={}),
    odd_file("link", "hand in a link", link, "symbolic link", points={}),
    odd_file("archive", "hand in an archive with odd paths", zipped, "left alone",
        file_name="work.zip"),
    odd_file("missing", "delete checks and the set-up",
        lambda n: without(n, "setup", "check-td-error"), "is missing"),
    odd_file("doubled", "have every cell twice", doubled, "2 times"),
    odd_file("backwards", "turn the page upside down", backwards, ""),
    odd_file("foreign", "add what is no cell", foreign, "damaged"),
    odd_file("surrogates", "write half characters", surrogates, ""),
    odd_file("empty", "hand in nothing", lambda n: b"  \n", "is empty", points={}),
    odd_file("list", "hand in JSON that is no notebook", lambda n: "[1, 2, 3]", "not a notebook",
        points={}),
    ends("exit", "end the process", "import os; os._exit(0)"),
    ends("segfault", "crash", "import ctypes; ctypes.string_at(0)"),
    ends("abort", "abort", "import os; os.abort()"),
    ends("stop", "stop itself", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
        "; signal.pause()", "was stopped after"),
    ends("hang-up", "close the line", "import os; os.closerange(3, 256)"),
    Submission("breaking-garbage", "send what is no message", GARBAGE, says="no answer"),
    ends("system-exit", "raise SystemExit", "raise SystemExit(0)", ""),
    ends("generator-exit", "raise GeneratorExit", "raise GeneratorExit", ""),
    ends("keyboard", "raise KeyboardInterrupt", "raise KeyboardInterrupt", ""),
    Submission("breaking-error", "raise what cannot be shown", loss=HOSTILE_ERROR),
    Submission("breaking-kind", "raise what has no kind", loss=HOSTILE_KIND),
    Submission("breaking-builtins", "delete what Python is made of", last=BUILTINS, points=ALL,
        loss="right"),
    Submission("breaking-alarms", "be deaf to alarms", DEAF_TO_ALARMS, "right", points=ALL),
    Submission("breaking-streams", "close the standard streams", STREAMS, "right", points=ALL),
)  # fmt: skip
