"""Names of the course's environments: batched ones by `make_vector`, single ones by gymnasium."""

import gymnasium

from course_lib.environments.cartpole import (
    MAX_STEPS,
    CartPole,
    ContinuousCartPole,
    HiddenVelocityCartPole,
)
from course_lib.environments.pendulum import Pendulum
from course_lib.environments.probes import PROBES
from course_lib.environments.vector import BatchedEnvironment

BATCHED: dict[str, type[BatchedEnvironment]] = {
    "CartPole-v1": CartPole,
    "ContinuousCartPole-v0": ContinuousCartPole,
    "HiddenVelocityCartPole-v0": HiddenVelocityCartPole,
    "Pendulum-v1": Pendulum,
    **PROBES,
}


def make_vector(environment_id: str, num_envs: int, seed: int | None = None) -> BatchedEnvironment:
    """Make `num_envs` environments that are stepped together.

    Args:
        environment_id: the name, the same as for `gymnasium.make`.
        num_envs: N, how many.
        seed: of the first states; `None` draws a fresh one.

    Raises:
        ValueError: the course has no batched environment of that name.
    """
    if environment_id not in BATCHED:
        known = ", ".join(BATCHED)
        raise ValueError(f"no batched environment is called {environment_id!r}; known are {known}")
    return BATCHED[environment_id](num_envs, seed)


def register_environments() -> None:
    """Make the course's single environments known to `gymnasium.make`; repeating it is harmless."""
    module = "course_lib.environments.cartpole"
    for name in ("ContinuousCartPole", "HiddenVelocityCartPole"):
        if f"{name}-v0" not in gymnasium.registry:
            gymnasium.register(
                f"{name}-v0", entry_point=f"{module}:{name}Env", max_episode_steps=MAX_STEPS
            )
    for probe in PROBES:
        if probe not in gymnasium.registry:
            gymnasium.register(
                probe, "course_lib.environments.probes:ProbeEnv", kwargs={"probe": probe}
            )
