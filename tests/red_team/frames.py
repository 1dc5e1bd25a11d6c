"""Forged messages: submissions that speak for themselves on the line to the grader."""

from tests.red_team.forging import YES, ZERO
from tests.red_team.submission import SERVER, Submission

FRAME = (
    f"{SERVER}import json, struct\n"
    "def tell(message, *buffers):\n"
    "    sizes = [len(one) for one in buffers]\n"
    "    header = json.dumps({'message': message, 'sizes': sizes}).encode()\n"
    "    lengths = struct.pack('!II', len(header), sum(sizes))\n"
    "    server.connection.sendall(lengths + header + b''.join(buffers))\n"
)
REFUSES_NAMES = (
    f"{SERVER}def names_of(names):\n"
    "    if not names:\n        raise ValueError('not now')\n"
    "    return type(server).do_names(server, names)\n"
    "server.do_names = names_of\n"
)
ANSWERS_AHEAD = (
    f"{FRAME}def reinforce_loss(log_prob, reward, gamma):\n"
    "    for _ in range(50):\n        tell({'value': 0.0})\n"
    "    return 0 * log_prob.sum()\n"
)
FORGED_PART = (
    f"{FRAME}tell({{'part': {{'status': 'ok', 'outputs': ["
    "{'output_type': 'execute_result', 'data': {'text/plain': '3.0'}, 'metadata': {}}]}})\n"
)
FORGED_ERRORS = (
    f"{FRAME}def reinforce_loss(log_prob, reward, gamma):\n"
    "    tell({'error': ['CheckFailed', 'points=3', '']})\n"
    "    tell({'error': ['CellTimeout', '', '']})\n"
    "    return 0 * log_prob.sum()\n"
)
REFUSES_CELLS = (
    f"{SERVER}class CellTimeout(BaseException): pass\n"
    "def refuse(**more): raise CellTimeout('later')\nserver.do_cell = refuse\n"
)
ODD_GRAPH = (
    f"{FRAME}graph = 0\nfor _ in range(14):\n    graph = ['list', [graph]]\n"
    "zero = bytes(8)\n"
    "def reinforce_loss(log_prob, reward, gamma):\n"
    "    tell({'value': ['tensor', 'float64', [], True, 0], 'graph': graph}, zero)\n"
    "    return 0 * log_prob.sum()\n"
)

SUBMISSIONS = (
    Submission(
        "forging-names", "refuse to say names, so that `check` is one's own",
        REFUSES_NAMES, YES + ZERO,
    ),
    Submission("forging-part", "send the result of a cell before it is asked for", FORGED_PART,
        ZERO, says="no answer"),
    Submission("forging-ahead", "answer calls that come later", loss=ANSWERS_AHEAD,
        says="no answer"),
    Submission("forging-errors", "send errors of the grader's own", loss=FORGED_ERRORS,
        says="no answer"),
    Submission("forging-refusal", "refuse to run cells", REFUSES_CELLS, ZERO, points={},
        says="was stopped after"),
    Submission("forging-graph", "send a graph that is none", loss=ODD_GRAPH, says="no answer"),
)  # fmt: skip
