"""An agent at work, as an animated PNG: it moves in notebooks, HTML pages and on GitHub alike."""

import io
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import gymnasium
import numpy as np
from PIL import Image

from course_lib.evaluation import record_episode
from course_lib.figures.page import show_png
from course_lib.policies import Policy

COLORS_IN_VIDEO = 32
LAST_FRAME = 1500  # milliseconds that the end stays before the episode begins again
FEW_FRAMES = 25


class Video(NamedTuple):
    """An episode as a picture.

    Attributes:
        png: the bytes of an animated PNG.
        alt: the episode in words.
        width: of the picture in pixels.
    """

    png: bytes
    alt: str
    width: int


def show_agent(
    policy: Policy,
    environment_id: str,
    seed: int = 0,
    *,
    every: int | None = None,
    max_frames: int = 100,
    scale: float = 0.5,
    alt: str | None = None,
) -> None:
    """Play one episode and put it on the page as an animation at the speed of the real thing.

    Args:
        policy: the policy, with sampled actions.
        environment_id: a name known to gymnasium.
        seed: of the first state and the actions.
        every: show one step in this many; chosen to keep to `max_frames` if nothing is said.
        max_frames: pictures in the longest possible episode.
        scale: size against the environment's own pictures.
        alt: the animation in words, if the default does not say enough.
    """
    video = record(policy, environment_id, seed, every, max_frames, scale)
    show_png(video.png, alt or video.alt, video.width)


def save_agent(
    path: str | Path,
    policy: Policy,
    environment_id: str,
    seed: int = 0,
    *,
    every: int | None = None,
    max_frames: int = 100,
    scale: float = 0.5,
) -> Path:
    """Write the animation that `show_agent` would show to `path`, which should end in ".png"."""
    path = Path(path)
    path.write_bytes(record(policy, environment_id, seed, every, max_frames, scale).png)
    return path


def record(
    policy: Policy, environment_id: str, seed: int, every: int | None, max_frames: int, scale: float
) -> Video:
    """Play one episode and draw it."""
    # pygame greets every process that imports it.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    counting = Counting(policy)
    longest = gymnasium.spec(environment_id).max_episode_steps or 1000
    pace = every or math.ceil(longest / max_frames)
    frames = record_episode(counting, environment_id, seed, pace)
    if every is None and len(frames) < FEW_FRAMES and pace > 1:
        # A short episode is worth seeing step by step; the same seed plays it again.
        counting.steps, pace = 0, 1
        frames = record_episode(counting, environment_id, seed, pace)
    fps = gymnasium.make(environment_id).metadata.get("render_fps", 30)
    png = animated_png(frames, round(1000 * pace / fps), scale)
    alt = f"Animation: one episode of {environment_id}, {counting.steps} steps long."
    return Video(png, alt, round(frames[0].shape[1] * scale))


class Counting:
    """A policy that counts the actions it is asked for."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.steps = policy, 0

    def sample(self, obs, generator):
        """One more action."""
        self.steps += 1
        return self.policy.sample(obs, generator)


def animated_png(frames: Sequence[np.ndarray], milliseconds: int, scale: float = 1.0) -> bytes:
    """The bytes of an animated PNG that repeats for ever; the same bytes for the same frames.

    Args:
        frames: RGB pictures of one size, each (height, width, 3) uint8.
        milliseconds: how long each is seen; the last one stays longer.
        scale: size against the frames' own.

    Raises:
        ValueError: there are no frames.
    """
    if not len(frames):
        raise ValueError("an animation needs at least one frame")
    size = round(frames[0].shape[1] * scale), round(frames[0].shape[0] * scale)
    pictures = [Image.fromarray(frame).resize(size, Image.Resampling.BOX) for frame in frames]
    palette = pictures[0].quantize(COLORS_IN_VIDEO, dither=Image.Dither.NONE)
    pictures = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in pictures]
    durations = [milliseconds] * (len(pictures) - 1) + [max(milliseconds, LAST_FRAME)]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, format="PNG", save_all=True, append_images=pictures[1:], duration=durations,
        loop=0, optimize=True,
    )  # fmt: skip
    return buffer.getvalue()
