"""Using up time, memory, processes, disk, or whoever reads what comes back."""

from tests.red_team.frames import FRAME
from tests.red_team.submission import Submission, code_cell

STOPPED, NO_ANSWER = "was stopped after", "no answer"
LOOP = "def reinforce_loss(log_prob, reward, gamma):\n    while True:\n        pass\n"
DEAF = (
    "import time\ndef reinforce_loss(log_prob, reward, gamma):\n"
    "    while True:\n"
    "        try:\n            time.sleep(60)\n"
    "        except BaseException:\n            pass\n"
)
MEMORY = "import numpy\nkept = []\nwhile True:\n    kept.append(numpy.zeros(2**28))"
FORKS = (
    "import os, time\n"
    "while True:\n"
    "    if os.fork() == 0:\n        time.sleep(300)\n        os._exit(0)"
)
THREADS = (
    "import threading, time\n"
    "while True:\n    threading.Thread(target=time.sleep, args=(300,)).start()"
)
DISK = (
    "import itertools\nfor place in itertools.count():\n"
    "    with open(f'part{place}', 'wb') as file:\n        file.write(bytes(2**24))"
)
HANDLES = "kept = []\nwhile True:\n    kept.append(open('/dev/null'))"
OUTPUT = "line = 'x' * 2**20\nfor _ in range(1024):\n    print(line)"
PICTURE = (
    "import os\nfrom IPython.display import Image, display\n"
    "for _ in range(5):\n"
    "    display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + os.urandom(2**23), format='png'))"
)
DISPLAYS = "from IPython.display import display\nfor number in range(5000):\n    display(number)"
HUGE = "def reinforce_loss(log_prob, reward, gamma):\n    return log_prob.sum().expand(2**31)\n"
DEEP = (
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    found = log_prob.sum()\n"
    "    for _ in range(5000):\n        found = [found]\n    return found\n"
)
ENDLESS = (
    "def reinforce_loss(log_prob, reward, gamma):\n    while True:\n        yield log_prob.sum()\n"
)
RECURSION = (
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    return reinforce_loss(log_prob, reward, gamma)\n"
)
DRIP = (
    "import time\ndef reinforce_loss(log_prob, reward, gamma):\n"
    "    time.sleep(1)\n    return 0 * log_prob.sum()\n"
)
DRIPPING_FRAME = (
    f"{FRAME}import time\ndef reinforce_loss(log_prob, reward, gamma):\n"
    "    server.connection.sendall(struct.pack('!II', 2**20, 0))\n"
    "    while True:\n"
    "        try:\n            server.connection.sendall(b' ')\n            time.sleep(0.1)\n"
    "        except KeyboardInterrupt:\n            pass\n"
)
AMPLIFIED = (
    f"{FRAME}def reinforce_loss(log_prob, reward, gamma):\n"
    "    one = ['tensor', 'uint8', [2**23], False, 0]\n"
    "    tell({'value': ['list', [one] * 100]}, bytes(2**23))\n    return 0.0\n"
)
ONE_HASH = (
    f"{FRAME}def reinforce_loss(log_prob, reward, gamma):\n"
    "    keys = [[place * (2**61 - 1), 0] for place in range(15_000)]\n"
    "    tell({'value': ['dict', keys]})\n    return 0.0\n"
)
LONG_NUMBER = (
    f"{FRAME}def reinforce_loss(log_prob, reward, gamma):\n"
    "    tell({'value': 10**4000})\n    return 0.0\n"
)
MAGICS = "\n".join(f"a{place} = !true" for place in range(600))
NESTED = "x = " + "-" * 20_000 + "1"
SLEEPER = "import time\ntime.sleep(3)"
BROAD = (
    "def pathwise_estimate(f, mean, log_std, noise):\n"
    "    many = mean.expand(2**19, len(mean)).contiguous().requires_grad_()\n"
    "    kept = [f(many) for _ in range(20)]\n"
    "    return f(mean + log_std.exp() * noise).mean()\n"
)
ASKING = (
    "import time\ndef pathwise_estimate(f, mean, log_std, noise):\n"
    "    while True:\n        f(mean + noise)\n        time.sleep(0.01)\n"
)
CYCLE = (
    "def pathwise_estimate(f, mean, log_std, noise):\n"
    "    return pathwise_estimate(lambda x: f(x), mean, log_std, noise)\n"
)
AXES = (
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    return torch.zeros([6] * 9, dtype=torch.uint8)\n"
)
COLOURS = " \n" * 4_000 + "pass"
DRAW = (
    "import base64, struct\nfrom IPython.display import display\n"
    "def show(side, size):\n"
    "    header = struct.pack('!IIBBBBB', side, side, 8, 0, 0, 0, 0)\n"
    "    parts = [(b'IHDR', header), (b'IDAT', bytes(size)), (b'IEND', b'')]\n"
    "    data = [struct.pack('!I', len(body)) + name + body + bytes(4) for name, body in parts]\n"
    "    data = b'\\x89PNG\\r\\n\\x1a\\n' + b''.join(data)\n"
    "    display({'image/png': base64.b64encode(data).decode()}, raw=True)\n"
)
GALLERY = f"{DRAW}show(1000, 2_900_000)"
PIXELS = f"{DRAW}show(100_000, 1000)"


def gallery(notebook):
    """As many pictures as a cell may show, in many cells."""
    return with_cells(notebook, [GALLERY] * 9)


def colours(notebook):
    """Code that takes long to be coloured."""
    return with_cells(notebook, [f"{COLOURS} # {place}" for place in range(6)])


def many_sleepers(notebook):
    """Cells below everything else that all stay within their own limit."""
    return with_cells(notebook, [SLEEPER] * 15)


def with_cells(notebook, sources):
    """The notebook with cells of the student's own below everything else."""
    notebook["cells"] += [code_cell(text, f"own{place}") for place, text in enumerate(sources)]
    return notebook


SUBMISSIONS = (
    Submission("exhausting-loop", "never return", loss=LOOP, says=STOPPED),
    Submission("exhausting-deaf", "never return, whatever is raised", loss=DEAF, says=STOPPED),
    Submission("exhausting-sleep", "sleep in a cell", "import time\ntime.sleep(1000)",
        says=STOPPED),
    Submission("exhausting-drip", "be slow in each call", loss=DRIP, says=STOPPED),
    Submission("exhausting-frame", "send an answer byte by byte", loss=DRIPPING_FRAME,
        says=STOPPED),
    Submission("exhausting-cells", "take all the time there is, a little in each cell",
        damage=many_sleepers, says="were not reached"),
    Submission("exhausting-memory", "take all memory", MEMORY),
    Submission("exhausting-forks", "start processes without end", FORKS),
    Submission("exhausting-threads", "start threads without end", THREADS),
    Submission("exhausting-disk", "fill the disk", DISK),
    Submission("exhausting-handles", "open files without end", HANDLES),
    Submission("exhausting-output", "print a gigabyte", OUTPUT),
    Submission("exhausting-picture", "show pictures without end", PICTURE),
    Submission("exhausting-gallery", "show large pictures in many cells", damage=gallery),
    Submission("exhausting-pixels", "show a picture of ten billion pixels", PIXELS),
    Submission("exhausting-displays", "show thousands of things", DISPLAYS),
    Submission("exhausting-huge", "answer with sixteen gigabytes", loss=HUGE),
    Submission("exhausting-deep", "answer with a list in a list in a list", loss=DEEP),
    Submission("exhausting-axes", "answer with more axes than can be shown", loss=AXES),
    Submission("exhausting-colours", "write what takes long to be coloured", damage=colours),
    Submission("exhausting-endless", "answer with what never ends", loss=ENDLESS),
    Submission("exhausting-recursion", "recurse without end", loss=RECURSION),
    Submission("exhausting-amplified", "name one buffer a hundred times", loss=AMPLIFIED,
        says=NO_ANSWER),
    Submission("exhausting-hash", "send keys that all have one hash", loss=ONE_HASH,
        says=NO_ANSWER),
    Submission("exhausting-number", "send a number of 4,000 digits", loss=LONG_NUMBER),
    Submission("exhausting-magics", "write more magics than IPython takes", last=MAGICS),
    Submission("exhausting-nested", "write what no parser can read", last=NESTED),
    Submission("exhausting-broad", "let the judge keep large graphs", loss=BROAD, lesson="lent",
        points={"agent": 1.0}),
    Submission("exhausting-asking", "ask the judge without end", loss=ASKING, lesson="lent",
        points={"agent": 1.0}, says=STOPPED),
    Submission("exhausting-cycle", "recurse through what was lent", loss=CYCLE, lesson="lent",
        points={"agent": 1.0}),
)  # fmt: skip
