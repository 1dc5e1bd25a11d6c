"""Names of environments: batched ones by `make_vector`, single ones by gymnasium."""

import difflib

import gymnasium

from course_lib.environments.acrobot import Acrobot, ContinuousAcrobot
from course_lib.environments.cartpole import CartPole, ContinuousCartPole, HiddenVelocityCartPole
from course_lib.environments.double_pendulum import DoublePendulum, WideDoublePendulum
from course_lib.environments.grid_worlds import GridWorld, TwoWayMaze
from course_lib.environments.gymnasium_vector import GymnasiumVector
from course_lib.environments.lqr import ScalarLQR
from course_lib.environments.mountain_car import MountainCar, MountainCarContinuous
from course_lib.environments.pendulum import Pendulum
from course_lib.environments.probes import PROBES
from course_lib.environments.sort_digits import SortDigits
from course_lib.environments.vector import BatchedEnvironment

BATCHED: dict[str, type[BatchedEnvironment]] = {
    "CartPole-v1": CartPole,
    "ContinuousCartPole-v0": ContinuousCartPole,
    "HiddenVelocityCartPole-v0": HiddenVelocityCartPole,
    "Pendulum-v1": Pendulum,
    "Acrobot-v1": Acrobot,
    "ContinuousAcrobot-v0": ContinuousAcrobot,
    "DoublePendulum-v0": DoublePendulum,
    "WideDoublePendulum-v0": WideDoublePendulum,
    "MountainCar-v0": MountainCar,
    "MountainCarContinuous-v0": MountainCarContinuous,
    "GridWorld-v0": GridWorld,
    "TwoWayMaze-v0": TwoWayMaze,
    "ScalarLQR-v0": ScalarLQR,
    "SortDigits-v0": SortDigits,
    **PROBES,
}
WITH_PICTURES = {
    "ContinuousCartPole-v0": "cartpole:ContinuousCartPoleEnv",
    "HiddenVelocityCartPole-v0": "cartpole:HiddenVelocityCartPoleEnv",
    "ContinuousAcrobot-v0": "acrobot:ContinuousAcrobotEnv",
    "DoublePendulum-v0": "drawing:DoublePendulumEnv",
    "WideDoublePendulum-v0": "drawing:WideDoublePendulumEnv",
}
WITHOUT_PICTURES = ("GridWorld-v0", "TwoWayMaze-v0", "ScalarLQR-v0", *PROBES)


def make_vector(environment_id: str, num_envs: int, seed: int | None = None) -> BatchedEnvironment:
    """Make `num_envs` environments that are stepped together.

    Args:
        environment_id: the name, the same as for `gymnasium.make`. The course's own are batched,
            those in `BATCHED`; any other of gymnasium's with box observations and discrete or box
            actions is stepped one by one.
        num_envs: N, how many.
        seed: of the first states; `None` draws a fresh one.

    Raises:
        ValueError: there is no environment of that name, or it does not fit or is not installed.
    """
    if environment_id in BATCHED:
        return BATCHED[environment_id](num_envs, seed)
    if environment_id in gymnasium.registry:
        return GymnasiumVector(environment_id, num_envs, seed)
    close = close_names(environment_id)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise ValueError(
        f"no environment is called {environment_id!r}; {hint}"
        f"The course's own are {', '.join(BATCHED)}; gymnasium's work too"
    )


def close_names(environment_id: str) -> list[str]:
    """Up to three names that look like this one, the likeliest first."""
    known = {name.lower(): name for name in (*gymnasium.registry, *BATCHED)}
    return [known[name] for name in difflib.get_close_matches(environment_id.lower(), known)]


def register_environments() -> None:
    """Make the course's single environments known to `gymnasium.make`; repeating it is harmless."""
    package = "course_lib.environments"
    for name, place in WITH_PICTURES.items():
        if name not in gymnasium.registry:
            limit = BATCHED[name].max_steps
            gymnasium.register(name, f"{package}.{place}", max_episode_steps=limit)
    for name in WITHOUT_PICTURES:
        if name not in gymnasium.registry:
            gymnasium.register(
                name, f"{package}.single:SingleEnvironment", kwargs={"environment_id": name}
            )
