"""What Duan et al. (2016) measured, for the tasks of this course's benchmark that have a row there.

Source: Duan et al. (2016), "Benchmarking Deep Reinforcement Learning for Continuous Control",
arXiv:1604.06778, table 1; lecture [001], the table of that title. Average return over all
iterations of a training, mean ± standard deviation over five seeds.
"""

ALGORITHMS = ("Random", "REINFORCE", "TNPG", "RWR", "REPS", "TRPO", "CEM", "CMA-ES", "DDPG")
# Our name of the task, the paper's name, and its line of the table. The simulators, rewards and
# horizons are others: what can be compared is who is better than whom.
ROWS: dict[str, tuple[str, str]] = {
    "ContinuousCartPole-v0": (
        "Cart-Pole Balancing",
        "77.1±0.0 4693.7±14.0 *3986.4±748.9 *4861.5±12.3 565.6±137.6 *4869.8±37.6 4815.4±4.8 "
        "2440.4±568.3 4634.4±87.8",
    ),
    "Pendulum-v1": (
        "Inverted Pendulum",
        "-153.4±0.2 13.4±18.0 *209.7±55.5 84.7±13.8 -113.3±4.6 *247.2±76.1 38.2±25.7 -40.1±5.7 "
        "40.0±244.6",
    ),
    "MountainCarContinuous-v0": (
        "Mountain Car",
        "-415.4±0.0 -67.1±1.0 *-66.5±4.5 -79.4±1.1 -275.6±166.3 *-61.7±0.9 -66.0±2.4 -85.0±7.7 "
        "-288.4±170.3",
    ),
    "ContinuousAcrobot-v0": (
        "Acrobot",
        "-1904.5±1.0 -508.1±91.0 -395.8±121.2 -352.7±35.9 -1001.5±10.8 -326.0±24.4 -436.8±14.7 "
        "-785.6±13.1 *-223.6±5.8",
    ),
    "DoublePendulum-v0": (
        "Double Inverted Pendulum",
        "149.7±0.1 4116.5±65.2 *4455.4±37.6 3614.8±368.1 446.7±114.8 *4412.4±50.4 2566.2±178.9 "
        "1576.1±51.3 2863.4±154.0",
    ),
    "Swimmer-v5": (
        "Swimmer",
        "-1.7±0.1 92.3±0.1 *96.0±0.2 60.7±5.5 3.8±3.3 *96.0±0.2 68.8±2.4 64.9±1.4 85.8±1.8",
    ),
    "Hopper-v5": (
        "Hopper",
        "8.4±0.0 714.0±29.3 *1155.1±57.9 553.2±71.0 86.7±17.6 *1183.3±150.0 63.1±7.8 20.3±14.3 "
        "267.1±43.5",
    ),
    "HalfCheetah-v5": (
        "Half-Cheetah",
        "-90.8±0.3 1183.1±69.2 *1729.5±184.6 376.1±28.2 34.5±38.0 *1914.0±120.1 330.4±274.8 "
        "441.3±107.6 *2148.6±702.7",
    ),
}


def numbers(cell: str) -> tuple[float, float]:
    """Mean and standard deviation of a cell of the table."""
    mean, std = cell.removeprefix("*").split("±")
    return float(mean), float(std)


CELLS = {task: dict(zip(ALGORITHMS, line.split(), strict=True)) for task, (_, line) in ROWS.items()}
PUBLISHED_NAMES: dict[str, str] = {task: name for task, (name, _) in ROWS.items()}
PUBLISHED_BENCHMARK: dict[str, dict[str, tuple[float, float]]] = {
    task: {algorithm: numbers(cell) for algorithm, cell in cells.items()}
    for task, cells in CELLS.items()
}
# Printed bold there: the best, and those whose mean is not significantly worse.
PUBLISHED_BOLD: dict[str, frozenset[str]] = {
    task: frozenset(algorithm for algorithm, cell in cells.items() if cell.startswith("*"))
    for task, cells in CELLS.items()
}
