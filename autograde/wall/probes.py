"""Attempts to get through each wall, as code that can run on either side of it.

Each ends with a name `through`: whether the attempt succeeded. Outside, every one of them does, or
is skipped for a reason; that is how the tests know that an attempt is one.
"""

from dataclasses import dataclass

ATTEMPT = """
def attempt(step):
    try:
        return bool(step())
    except (OSError, MemoryError, ImportError, AttributeError):
        return False
"""


@dataclass(frozen=True)
class Probe:
    """One attempt.

    Args:
        name: what is tried, as a verb.
        wall: the wall of `sandbox.py` that has to hold.
        means: what it would mean for a class if it succeeded.
        code: Python; the names in `Bait` are defined.
        needed: whether strangers' code must not be run where it succeeds.
    """

    name: str
    wall: str
    means: str
    code: str
    needed: bool = True


PROBES = (
    Probe(
        "read the reference implementations",
        "files",
        "a submission could hand in the course's own answers",
        "through = attempt(lambda: open(reference).read())",
    ),
    Probe(
        "read another student's submission",
        "files",
        "a submission could copy a neighbour's work, or look into the gradebook",
        "through = attempt(lambda: open(secret).read())",
    ),
    Probe(
        "list a folder outside",
        "files",
        "a submission could find out who else has handed in",
        "import os\nthrough = attempt(lambda: os.listdir(folder))",
    ),
    Probe(
        "write outside the scratch folder",
        "files",
        "a submission could change grades, or a neighbour's work",
        "import os\npath = os.path.join(folder, 'written')\n"
        "through = attempt(lambda: open(path, 'w').write('x') and os.path.exists(path))",
    ),
    Probe(
        "cut off another student's file",
        "files",
        "a submission could destroy a neighbour's work",
        "import os\nattempt(lambda: os.truncate(secret_copy, 0))\n"
        "through = attempt(lambda: os.stat(secret_copy).st_size == 0)",
    ),
    Probe(
        "change the mode of another file",
        "system",
        "a submission could lock the grader out of its own files",
        "import os\nattempt(lambda: os.chmod(secret_copy, 0o600))\n"
        "through = attempt(lambda: os.stat(secret_copy).st_mode & 0o777 == 0o600)",
    ),
    Probe(
        "connect to a server",
        "network",
        "a submission could send the checks away, or fetch answers",
        "import socket\nthrough = attempt(lambda: socket.create_connection(server, 1))",
    ),
    Probe(
        "connect to a local socket",
        "network",
        "a submission could talk to the desktop or to containers, which do what they are told",
        "import socket\nthrough = attempt(lambda: socket.socket(socket.AF_UNIX).connect(local)"
        " is None)",
    ),
    Probe(
        "see the process that grades",
        "processes",
        "a submission could read how the grader was started",
        "through = attempt(lambda: open(f'/proc/{judge}/cmdline').read())",
    ),
    Probe(
        "signal the process that grades",
        "processes",
        "a submission could end the grading of the whole class",
        "import os\nthrough = attempt(lambda: os.kill(judge, 0) is None)",
    ),
    Probe(
        "trace another process",
        "processes",
        "a submission could write its points into the grader's memory",
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "child = os.fork()\n"
        "if child == 0:\n    os._exit(0 if libc.ptrace(0, 0, None, None) == 0 else 1)\n"
        "through = os.waitpid(child, 0)[1] == 0",
    ),
    Probe(
        "start another program",
        "programs",
        "a submission could use whatever is installed on this machine",
        "import os\nchild = os.fork()\nif child == 0:\n    try:\n"
        "        os.execv('/bin/sh', ['sh', '-c', 'exit 7'])\n"
        "    except OSError:\n        os._exit(1)\n"
        "through = os.waitpid(child, 0)[1] == 7 << 8",
    ),
    Probe(
        "make a namespace of its own",
        "system",
        "a submission could reach parts of the kernel that only administrators should",
        "import ctypes\nthrough = ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0",
    ),
    Probe(
        "start processes without end",
        "limits",
        "a submission could bring this machine to a halt",
        "import os, signal\nchildren = []\ndef bomb():\n    for _ in range(300):\n"
        "        child = os.fork()\n        if child == 0:\n            signal.pause()\n"
        "        children.append(child)\n    return True\nthrough = attempt(bomb)\n"
        "for child in children:\n    os.kill(child, 9)\n    os.waitpid(child, 0)",
    ),
    Probe(
        "take 64 GB of memory",
        "limits",
        "a submission could bring this machine to a halt",
        "import mmap\nthrough = attempt(lambda: len(mmap.mmap(-1, 64 * 2**30, mmap.MAP_PRIVATE"
        " | mmap.MAP_ANONYMOUS | getattr(mmap, 'MAP_NORESERVE', 0))))",
    ),
    Probe(
        "write a file of 300 MB",
        "limits",
        "a submission could fill the disk",
        "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "def big():\n    with open(os.path.join(scratch, 'big'), 'wb') as file:\n"
        "        for _ in range(300):\n            file.write(bytes(2**20))\n    return True\n"
        "through = attempt(big)\nattempt(lambda: os.remove(os.path.join(scratch, 'big')))",
    ),
    Probe(
        "write a gigabyte in small files",
        "private-scratch",
        "a submission could fill the disk",
        "import os\ndef fill():\n    for place in range(16):\n"
        "        with open(os.path.join(scratch, f'part{place}'), 'wb') as file:\n"
        "            file.write(bytes(2**26))\n    return True\nthrough = attempt(fill)\n"
        "for place in range(16):\n"
        "    attempt(lambda: os.remove(os.path.join(scratch, f'part{place}')) is None)",
        needed=False,
    ),
    Probe(
        "read the grader's environment",
        "files",
        "a submission could read passwords that are kept in variables",
        "import os\nthrough = 'COURSE_DOCTOR' in os.environ or attempt("
        "lambda: b'COURSE_DOCTOR' in open('/proc/self/environ', 'rb').read())",
    ),
    Probe(
        "use a file that the grader has open",
        "files",
        "a submission could write into the gradebook through it",
        "import os\nthrough = attempt(lambda: os.fstat(descriptor).st_ino == inode)",
    ),
    Probe(
        "find an answer in memory",
        "files",
        "a submission could search its own process for the course's answers",
        "import sys\nthrough = any(getattr(one, '__file__', None) and"
        " one.__file__.startswith(course) for one in list(sys.modules.values()))",
    ),
    Probe(
        "leave a core dump",
        "limits",
        "a submission could fill the disk",
        "import resource\nthrough = resource.getrlimit(resource.RLIMIT_CORE)[1] != 0",
        needed=False,
    ),
)
