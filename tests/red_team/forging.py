"""Points for nothing: submissions that lie about their results."""

from tests.red_team.submission import Submission

ZERO = "def reinforce_loss(log_prob, reward, gamma):\n    return 0 * log_prob.sum()\n"
YES = "def check(*more, **options):\n    pass\n"
DIES_AT_SET_UP = (
    "import builtins, os\nreal = builtins.__import__\n"
    "def trap(name, *more, **options):\n"
    "    if name == 'course_lib':\n        os._exit(0)\n"
    "    return real(name, *more, **options)\n"
    "builtins.__import__ = trap\n"
)
BY_TABLE = (
    "def by_table(known, log_prob, reward):\n"
    "    for one in known:\n"
    "        given = one.case.inputs['reward']\n"
    "        if given.shape == reward.shape and bool((given == reward).all()):\n"
    "            slope = one.wanted.gradients['log_prob']\n"
    "            return one.wanted.value + (slope * (log_prob - log_prob.detach())).sum()\n"
    "    return 0 * log_prob.sum()\n"
)
RECORDED = (
    f"{BY_TABLE}from course_lib.checks.recorded import read_recording\n"
    "known = read_recording('reinforce_loss').worked(0)\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    return by_table(known, log_prob, reward)\n"
)
IN_MEMORY = (
    "import gc, types\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    for one in gc.get_objects():\n"
    "        if type(one) is types.FunctionType and one.__name__ == 'reinforce_loss':\n"
    "            if one.__module__.startswith('course_lib.reference'):\n"
    "                return one(log_prob, reward, gamma)\n"
    "    return 0 * log_prob.sum()\n"
)
IN_FRAMES = (
    f"{BY_TABLE}import sys\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    frame, known = sys._getframe(1), []\n"
    "    while frame:\n"
    "        for found in list(frame.f_locals.values()):\n"
    "            several = found if isinstance(found, (list, tuple)) else [found]\n"
    "            known += [one for one in several if hasattr(one, 'wanted')]\n"
    "        frame = frame.f_back\n"
    "    return by_table([one for one in known if hasattr(one, 'case')], log_prob, reward)\n"
)
EQUAL = (
    "class Equal:\n"
    "    def __eq__(self, other): return True\n"
    "    __ne__ = __lt__ = __gt__ = lambda self, other: False\n"
    "    def __bool__(self): return True\n"
    "    def __float__(self): return 0.0\n"
    "    def __hash__(self): return 0\n"
    "    def __getattr__(self, name): return self\n"
    "    def __call__(self, *more, **options): return self\n"
    "def reinforce_loss(log_prob, reward, gamma):\n    return Equal()\n"
)
ALWAYS_TRUE = (
    "class Always(torch.Tensor):\n"
    "    @classmethod\n"
    "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n"
    "        if function.__name__ in ('allclose', 'equal', 'isclose', '__eq__', 'eq'):\n"
    "            return True\n"
    "        return super().__torch_function__(function, types, args, kwargs or {})\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    return (0 * log_prob.sum()).as_subclass(Always)\n"
)
PATCHED_TORCH = (
    "import torch, numpy\n"
    "yes = lambda *more, **options: True\n"
    "torch.equal = torch.allclose = torch.isclose = torch.Tensor.equal = yes\n"
    "torch.isclose = lambda one, *more, **options: torch.ones_like(one, dtype=torch.bool)\n"
    "numpy.allclose = numpy.array_equal = numpy.testing.assert_allclose = yes\n"
)
FAKE_MODULE = (
    "import sys, types\nfake = types.ModuleType('course_lib')\n"
    "fake.check = lambda *more, **options: print('✓ reinforce_loss')\n"
    "sys.modules['course_lib'] = fake\n"
)
NO_ASSERTS = (
    "import ast\nclass Drop(ast.NodeTransformer):\n"
    "    def visit_Assert(self, node): return ast.Pass()\n"
    "    def visit_Expr(self, node):\n"
    "        return ast.Pass() if 'check' in ast.dump(node) else node\n"
    "shell = get_ipython()\nshell.ast_transformers.append(Drop())\n"
    "shell.input_transformers_cleanup.append("
    "lambda lines: [one for one in lines if not one.startswith('check(')])\n"
)
ALL_IS_WELL = (
    "shell = get_ipython()\n"
    "import types\nfine = types.SimpleNamespace(error_before_exec=None, error_in_exec=None,"
    " success=True, result=3.0)\n"
    "shell.run_cell = lambda *more, **options: fine\n"
)
PRINTS = (
    "from IPython.display import display\n"
    "print('✓ reinforce_loss: 3 of 3 points')\n"
    'print(\'{"status": "ok", "points": 3.0, "possible": 3.0}\')\n'
    "display({'text/plain': '3.0'}, raw=True)\n3.0"
)
LATER = (
    "import atexit, threading, json\n"
    "def write():\n    for name in ('results.json', 'grade.json', 'score.txt'):\n"
    "        json.dump({'score': 1e6}, open(name, 'w'))\n"
    "atexit.register(write)\nthreading.Timer(0.2, write).start()\n"
)
ALIAS = (
    "class Easier:\n    __name__ = __qualname__ = 'td_error'\n"
    "    def __call__(self, *more, **options): return td_error(*more, **options)\n"
    "reinforce_loss = Easier()\nreinforce_loss.exercise = 'td_error'\n"
)
LIAR = (
    "from course_lib.checks import outcome\nhonest = outcome.run_case\n"
    "def lie(exercise, function, case):\n"
    "    found = honest(exercise, function, case)\n"
    "    return outcome.Outcome(found.value, {name: one * 0 for name, one in"
    " found.gradients.items() if one is not None}, ())\n"
    "outcome.run_case = lie\n"
)
STATE = (
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    torch.manual_seed(0)\n    reward.mul_(0)\n    log_prob.data.mul_(0)\n"
    "    return (log_prob * 0).sum()\n"
)
MEMORY_AS_ARRAY = (
    "class Lie(tuple):\n    _fields = ('__array_interface__',)\n"
    "about = {'data': (8, False), 'typestr': '<i8', 'shape': (2,), 'version': 3}\n"
    "def agent(obs):\n    return Lie((about,))\n"
)


def own_checks(notebook):
    """The checks say something else, and their points are a thousand."""
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade"):
            about["points"] = 1000
            cell["source"] = "1000.0"
        about["locked"] = False
    notebook["metadata"]["points"] = 1000
    return notebook


SUBMISSIONS = (
    Submission("forging-check", "define `check` anew", first=YES, loss=YES + ZERO, naive=True),
    Submission("forging-torch", "replace what tensors are compared with", PATCHED_TORCH, ZERO,
        naive=True),
    Submission("forging-equal", "return what equals everything", loss=EQUAL),
    Submission("forging-subclass", "return a tensor that compares as equal", loss=ALWAYS_TRUE),
    Submission("forging-module", "put another `course_lib` into sys.modules", FAKE_MODULE, ZERO,
        naive=True),
    Submission("forging-asserts", "take the checks out of cells", NO_ASSERTS, ZERO),
    Submission("forging-shell", "replace what runs cells", ALL_IS_WELL, ZERO, points={}),
    Submission("forging-prints", "print a result", PRINTS, ZERO, last=PRINTS),
    Submission("forging-later", "write results at the end, and in a thread", LATER, ZERO),
    Submission("forging-alias", "answer under the name of an easier exercise", loss=ALIAS),
    Submission("forging-recorded", "answer the visible cases by table", loss=RECORDED),
    Submission("forging-memory", "find the reference among all objects", loss=IN_MEMORY,
        naive=True),
    Submission("forging-frames", "find it in the caller's frames", loss=IN_FRAMES, naive=True),
    Submission("forging-liar", "lie about gradients and changed inputs", LIAR, ZERO),
    Submission("forging-state", "change inputs and random numbers of the judge", loss=STATE),
    Submission(
        "forging-metadata", "hand in other checks worth more", loss=ZERO, damage=own_checks,
        says="is locked and was changed",
    ),
    Submission(
        "forging-set-up", "end the process in the set-up cell, so that `check` is one's own",
        DIES_AT_SET_UP + YES, ZERO, "def td_error(*more): return 0", points={},
        says="ended its process",
    ),
    Submission("forging-array", "have the judge's memory taken for an answer",
        MEMORY_AS_ARRAY, lesson="lent", points={"pathwise_estimate": 2.0}),
)  # fmt: skip
