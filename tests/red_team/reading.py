"""Looking for what a submission must not know. An `attempt` ends with a name `through`.

The names of the bait (`bait.py`) are defined in every attempt; what it gets hold of is printed.
"""

from tests.red_team.submission import Submission

OTHER_PROCESSES = (
    "import os\nfound = []\n"
    "for one in os.listdir('/proc'):\n"
    "    if one.isdigit() and int(one) == judge:\n        found.append(one)\n"
    "through = attempt(lambda: open(f'/proc/{judge}/environ', 'rb').read()) or bool(found)"
)
MEMORY = (
    "import os\n"
    "def step():\n"
    "    for pid in (judge, os.getppid()):\n"
    "        if pid and pid != os.getpid():\n"
    "            open(f'/proc/{pid}/mem', 'rb').close()\n"
    "            return True\n"
    "through = attempt(step)"
)
VARIABLES = (
    "import hashlib, os\n"
    "told = open('/proc/self/environ', errors='replace').read().split(chr(0))\n"
    "told = [one.split('=', 1)[-1] for one in told] + list(os.environ.values())\n"
    "found = [one for one in told if hashlib.sha256(one.encode()).hexdigest() == secret_hash]\n"
    "print(found)\nthrough = bool(found)"
)
DESCRIPTORS = (
    "import os, stat\n"
    "def readable(number):\n"
    "    about = os.fstat(number)\n"
    "    return stat.S_ISREG(about.st_mode) and about.st_ino == inode\n"
    "through = any(attempt(lambda: readable(number)) for number in range(256))"
)
WATCHING = (
    "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "line = libc.inotify_init1(0)\n"
    "through = line >= 0 and libc.inotify_add_watch(line, os.fsencode(folder), 0xfff) > 0"
)
BY_HANDLE = (
    "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "handle = (ctypes.c_uint * 34)(128)\nmount = ctypes.c_int()\n"
    "path = os.fsencode(secret)\n"
    "through = libc.name_to_handle_at(-100, path, handle, ctypes.byref(mount), 0) == 0"
)
THE_REFERENCE = (
    "import sys\nsys.path[:0] = [course, course.rsplit('/', 1)[0]]\n"
    "def answer():\n"
    "    import torch\n    from course_lib.reference.reinforce import reinforce_loss\n"
    "    return reinforce_loss(torch.ones(2, 1), torch.ones(2, 1), 0.5) == -3\n"
    "through = attempt(lambda: open(reference).read()) or attempt(answer)"
)
NAMES_IN_PROC = (
    "import json, os\n"
    "told = open('/proc/self/cmdline').read().replace(chr(34), chr(0)).split(chr(0))\n"
    "paths = [one for one in told if one.startswith('/')]\n"
    "above = [os.path.dirname(one) for one in paths]\n"
    "wanted = [os.path.join(one, 'README.md') for one in above] + [secret]\n"
    "through = any(attempt(lambda: open(one).read()) for one in wanted)"
)
LINKS = (
    "import os\n"
    "def step():\n"
    "    os.symlink(secret, 'link')\n    return open('link').read()\n"
    "def hard():\n"
    "    os.link(secret, 'hard')\n    return open('hard').read()\n"
    "through = attempt(step) or attempt(hard)\n"
    "for one in ('link', 'hard'):\n    attempt(lambda: os.remove(one))"
)
CLIMBING = (
    "import os\n"
    "def climb():\n"
    "    os.chdir('/')\n    os.chdir(folder)\n    return open('secret').read()\n"
    "def by_root():\n    return open('/proc/self/root' + secret).read()\n"
    "def by_cwd():\n    return open('/proc/self/cwd' + '/..' * 20 + secret).read()\n"
    "through = attempt(climb) or attempt(by_root) or attempt(by_cwd)"
)
MAPPED = (
    "import mmap, os\n"
    "def step():\n"
    "    line = os.open(secret, os.O_RDONLY | os.O_NONBLOCK)\n"
    "    return mmap.mmap(line, 2, prot=mmap.PROT_READ)[:2]\n"
    "through = attempt(step)"
)
HOME = (
    "import os\n"
    "places = [home, os.path.join(home, '.ssh'), '/root', '/home', '/etc/passwd', '/var/lib',"
    " '/tmp']\n"
    "def look(place):\n"
    "    return os.listdir(place) if os.path.isdir(place) else open(place).read()\n"
    "through = any(attempt(lambda: look(place)) for place in places)"
)
BY_IMPORT = (
    "import contextlib, importlib, io, pkgutil, course_lib.reference\n"
    "from course_lib.checks import judge, load_exercise\n"
    "names = ('reinforce_loss', 'td_error', 'reward_to_go', 'generalized_advantage',"
    " 'value_loss_monte_carlo', 'max_likelihood_loss', 'discounted_return', 'a2c_loss')\n"
    "def solves(module, name):\n"
    "    with contextlib.redirect_stdout(io.StringIO()):\n"
    "        return judge(load_exercise(name), getattr(module, name)).passed\n"
    "places = [one.name for one in pkgutil.iter_modules(course_lib.reference.__path__)]\n"
    "places = [importlib.import_module(f'course_lib.reference.{one}') for one in places]\n"
    "through = any(attempt(lambda: solves(place, name)) for place in places for name in names)"
)
HIDDEN_INPUTS = (
    "seen = []\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    seen.append(float(reward.sum()))\n"
    "    return 0 * log_prob.sum()\n"
)


def attempt(name: str, tries: str, code: str, **options: object) -> Submission:
    """A submission that is honest but for one attempt, in a cell of its own."""
    return Submission(f"reading-{name}", tries, attempt=code, **options)


SUBMISSIONS = (
    attempt("processes", "see the grader among the processes", OTHER_PROCESSES),
    attempt("memory", "open the memory of another process", MEMORY, outside=False),
    attempt("variables", "find a password in the environment", VARIABLES),
    attempt("descriptors", "use a file that the grader has open", DESCRIPTORS),
    attempt("watching", "be told of files that neighbours hand in", WATCHING),
    attempt("handle", "open a file by its handle", BY_HANDLE, outside=False),
    attempt("reference", "import the course's own answers", THE_REFERENCE),
    attempt("imports", "import an answer under any of the library's names", BY_IMPORT),
    attempt("paths", "follow the paths that the process was started with", NAMES_IN_PROC),
    attempt("links", "read through a link in the scratch folder", LINKS),
    attempt("climbing", "climb out of the scratch folder", CLIMBING),
    attempt("mapped", "map a neighbour's file into memory", MAPPED),
    attempt("home", "look into home folders and /tmp", HOME),
    Submission(
        "reading-hidden", "learn from hidden cases what the answers are", loss=HIDDEN_INPUTS,
        last="print([getattr(one, 'wanted', None) for one in seen])",
    ),
)  # fmt: skip
