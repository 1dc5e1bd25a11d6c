"""Agents that want points for something other than acting well, or harm to whoever steps them."""

from tests.capstone_class import RULE
from tests.red_team.exhausting import NO_ANSWER, STOPPED
from tests.red_team.frames import FRAME
from tests.red_team.submission import Submission

NOTHING = "    return np.zeros((len(obs), 1))\n"
REPLACED = (
    "import gc\n"
    "from course_lib.environments import vector, registry, double_pendulum\n"
    "def generous(self, action):\n"
    "    found = original(self, action)\n"
    "    return found._replace(reward=found.reward + 1e4)\n"
    "original, vector.BatchedEnvironment.step = vector.BatchedEnvironment.step, generous\n"
    "double_pendulum.WideDoublePendulum.first_state = lambda self, n: np.zeros((n, 6))\n"
    "def capstone_agent(obs):\n"
    "    for one in gc.get_objects():\n"
    "        if isinstance(one, vector.BatchedEnvironment):\n"
    "            one.reset(0), one.step(np.zeros((one.num_envs, 1)))\n"
    f"{NOTHING}"
)
OWN_JUDGE = (
    "from course_lib.checks import agent_checking, agent_tasks, checking, trials\n"
    "best = agent_checking.Finding('all right', 10.0)\n"
    "agent_checking.find_out = lambda *args, **kwargs: best\n"
    "checking.check_agent = lambda *args, **kwargs: None\n"
    "trials.play = lambda *args: agent_tasks.Trial('capstone_agent', (5000.0,) * 2000, 1.0)\n"
    "agent_tasks.AgentTask.points_for = lambda self, mean: 10.0\n"
    "object.__setattr__(agent_tasks.CAPSTONE, 'steps', ((0.0, 10.0),))\n"
    f"def capstone_agent(obs):\n{NOTHING}"
)
GUESSED_SEED = (
    "from course_lib.checks.agent_checking import PUBLIC_SEED, fresh_seed\n"
    "from course_lib.checks.agent_tasks import CAPSTONE\n"
    "from course_lib.environments import make_vector\n"
    f"{RULE.replace('capstone_agent', 'rule')}\n"
    "known = {}\n"
    "def first_of(seed):\n"
    "    return make_vector('WideDoublePendulum-v0', 1, seed).reset()[0].tobytes()\n"
    "for number in range(300):\n"
    "    for seed in (number, fresh_seed(CAPSTONE, number), [PUBLIC_SEED, number]):\n"
    "        known[first_of(seed)] = seed\n"
    "def capstone_agent(obs):\n"
    "    return rule(obs) if obs[0].tobytes() in known else np.zeros((len(obs), 1))\n"
)
TWO_FACED = (
    f"{RULE.replace('capstone_agent', 'rule')}\n"
    "def capstone_agent(obs):\n"
    "    return rule(obs) if len(obs) == 1000 else np.zeros((len(obs), 1))\n"
)
LYING_SHAPE = (
    "class Actions:\n"
    "    shape, ndim, dtype = (2000, 1), 2, np.dtype('float64')\n"
    "    def __len__(self):\n        return 2**30\n"
    "    def __getitem__(self, place):\n        return self\n"
    "    def __array__(self, *args, **kwargs):\n        return np.zeros((2000, 1))\n"
    "    def __float__(self):\n        return 1e9\n"
    "def capstone_agent(obs):\n    return Actions()\n"
)
LYING_FRAME = (
    f"{FRAME}def capstone_agent(obs):\n"
    "    tell({'value': ['array', 'f8', [2000, 10**9], 0]}, bytes(16_000))\n"
    f"{NOTHING}"
)
TIME_BOMB = (
    "import time\n"
    f"{RULE.replace('capstone_agent', 'rule')}\n"
    "calls = []\n"
    "def capstone_agent(obs):\n"
    "    calls.append(1)\n"
    "    while len(calls) >= 400:\n"
    "        try:\n            time.sleep(60)\n"
    "        except BaseException:\n            pass\n"
    "    return rule(obs)\n"
)
LYING_CLOCK = (
    "import time\ntime.process_time = time.thread_time = lambda: 0.0\n"
    f"{RULE.replace('capstone_agent', 'rule')}\n"
    "def capstone_agent(obs):\n"
    "    until = time.perf_counter() + 0.05\n"
    "    while time.perf_counter() < until:\n        pass\n"
    "    return rule(obs)\n"
)
LARGE = "def capstone_agent(obs):\n    return np.zeros((len(obs), 50_000))\n"
PROCESS_ENDS = (
    f"import os\n{RULE.replace('capstone_agent', 'rule')}\ncalls = []\n"
    "def capstone_agent(obs):\n"
    "    calls.append(1)\n"
    "    if len(calls) == 100:\n        os._exit(0)\n"
    "    return rule(obs)\n"
)


def agent(name: str, tries: str, text: str, **options: object) -> Submission:
    """A submission whose agent attacks; the other exercise is honest."""
    return Submission(name, tries, loss=text, lesson="agent", **options)


SUBMISSIONS = (
    agent("forging-environment", "replace, seed and step the environment", REPLACED),
    agent("forging-judge", "replace what judges agents, and the steps to points", OWN_JUDGE),
    agent("forging-faces", "act well in the episodes of the notebook alone", TWO_FACED),
    agent("reading-seed", "find the seed of the fresh episodes", GUESSED_SEED),
    agent("breaking-shape", "answer with an object that says it has the shape", LYING_SHAPE),
    agent("breaking-array", "send an array that says it is larger", LYING_FRAME, says=NO_ANSWER),
    agent("breaking-exit", "end the process in the middle of an episode", PROCESS_ENDS,
        says="ended its process"),
    agent("exhausting-bomb", "hang at step 400, whatever is raised", TIME_BOMB, says=STOPPED),
    agent("exhausting-clock", "take long, and stop the clock", LYING_CLOCK, says=STOPPED),
    agent("exhausting-actions", "answer with 800 MB", LARGE),
)  # fmt: skip
