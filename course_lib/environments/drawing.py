"""Single environments of the course that draw themselves; what moves in them lives elsewhere."""

from itertools import pairwise
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from PIL import Image, ImageDraw

from course_lib.environments.double_pendulum import SECONDS_PER_STEP, DoublePendulum, joints

WIDTH, HEIGHT = 600, 400
PIXELS_PER_METRE = 125  # 2.4 m to both sides fill the width, as in CartPole
TRACK = 320  # pixels from the top
OVERSAMPLING = 2  # drawn larger and then reduced, so that slanted edges are smooth
BLACK, GREY, WOOD, AXLE = "#000000", "#888888", "#CA9865", "#8184CB"  # CartPole's own
POLE_WIDTH, CART = 10, (50, 30)


class DoublePendulumEnv(gymnasium.Env):
    """`DoublePendulum` as one gymnasium environment that can be drawn, as CartPole is.

    gymnasium's `TimeLimit` wrapper adds the limit of 500 steps. `state` is (6,).

    Args:
        render_mode: `None` or "rgb_array".
        batched: the class that says what happens, for variants with other first states.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["rgb_array"],
        "render_fps": round(1 / SECONDS_PER_STEP),
    }

    def __init__(
        self, render_mode: str | None = None, batched: type[DoublePendulum] = DoublePendulum
    ) -> None:
        self.batch = batched(1)
        self.render_mode = render_mode
        self.state: np.ndarray | None = None
        size = self.batch.observation_size
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.batch.random = self.np_random
        self.state = self.batch.first_state(1)[0]
        return self.batch.observe(self.state[None])[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        action = np.asarray(action)
        if action.shape != (1,) or np.isnan(action).any():
            raise ValueError(f"the action must be one number in an array of shape (1,): {action}")
        if self.state is None:
            raise ValueError("call reset() before the first step()")
        state, reward, fallen = self.batch.dynamics(self.state[None], action[None])
        self.state = state[0]
        return self.batch.observe(state)[0], float(reward[0]), bool(fallen[0]), False, {}

    def render(self) -> np.ndarray | None:
        """The picture of now, (400, 600, 3) uint8; `None` without render mode or first reset."""
        if self.render_mode is None or self.state is None:
            return None
        return draw_double_pendulum(self.state)


def draw_double_pendulum(state: np.ndarray) -> np.ndarray:
    """Cart, poles and track: (6,) → (400, 600, 3) uint8."""
    size = WIDTH * OVERSAMPLING, HEIGHT * OVERSAMPLING
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    points = [on_the_picture(*point) for point in joints(state[None])[0]]
    pen.line((0, TRACK * OVERSAMPLING, size[0], TRACK * OVERSAMPLING), BLACK, OVERSAMPLING)
    half = np.array(CART) / 2 * OVERSAMPLING
    pen.rectangle((*(points[0] - half), *(points[0] + half)), BLACK)
    for start, end in pairwise(points):
        pen.line((*start, *end), WOOD, POLE_WIDTH * OVERSAMPLING)
    for point in points[:2]:
        pen.circle(tuple(point), POLE_WIDTH / 2 * OVERSAMPLING, AXLE)
    return np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def on_the_picture(x: float, y: float) -> np.ndarray:
    """Metres from the middle of the track as pixels of the large picture."""
    place = WIDTH / 2 + x * PIXELS_PER_METRE, TRACK - y * PIXELS_PER_METRE
    return np.array(place) * OVERSAMPLING
