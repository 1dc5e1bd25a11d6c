"""Agents as animated PNGs."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from course_lib.figures import save_agent, show_agent, video
from course_lib.figures.video import LAST_FRAME, animated_png, record
from tests.figures import any_policy


def moving_square(count: int) -> list[np.ndarray]:
    """A black square that walks over white ground, two pixels a frame."""
    frames = np.full((count, 20, 4 * count, 3), 255, dtype=np.uint8)
    for i, frame in enumerate(frames):
        frame[8:12, 2 * i : 2 * i + 4] = 0
    return list(frames)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def total_time(picture: Image.Image) -> float:
    """Milliseconds from the beginning to the end of an animation."""
    total = 0
    for i in range(picture.n_frames):
        picture.seek(i)
        total += picture.info["duration"]
    return total


def test_every_frame_is_there_and_shows_what_was_drawn():
    frames = moving_square(6)
    picture = opened(animated_png(frames, 40))
    assert picture.n_frames == 6 and picture.is_animated
    for i, frame in enumerate(frames):
        picture.seek(i)
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), frame)


def test_the_last_frame_stays_and_the_animation_begins_again():
    picture = opened(animated_png(moving_square(3), 40))
    durations = []
    for i in range(3):
        picture.seek(i)
        durations.append(picture.info["duration"])
    assert durations == [40, 40, LAST_FRAME] and picture.info["loop"] == 0


def test_frames_that_repeat_take_their_time():
    frames = moving_square(2)
    picture = opened(animated_png([frames[0]] * 5 + [frames[1]], 40))
    assert total_time(picture) == 5 * 40 + LAST_FRAME


def test_the_same_frames_give_the_same_bytes():
    assert animated_png(moving_square(4), 40) == animated_png(moving_square(4), 40)
    assert animated_png(moving_square(4), 40) != animated_png(moving_square(4), 50)


def test_an_animation_without_frames_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        animated_png([], 40)


def test_a_short_episode_is_shown_step_by_step():
    episode = record(any_policy(), "CartPole-v1", 0, every=None, max_frames=100, scale=0.5)
    steps = int(episode.alt.split(", ")[1].split()[0])
    assert 8 <= steps < 120  # an untrained policy drops the pole soon
    picture = opened(episode.png)
    # Pictures that look the same at half the size are one frame that is seen longer.
    assert steps / 2 < picture.n_frames <= steps + 1
    assert total_time(picture) == steps * 20 + LAST_FRAME  # CartPole has 50 steps a second
    assert picture.size == (300, 200) and episode.width == 300


def test_every_nth_step_is_kept_when_asked_for():
    whole = record(any_policy(), "CartPole-v1", 0, every=1, max_frames=100, scale=0.25)
    some = record(any_policy(), "CartPole-v1", 0, every=4, max_frames=100, scale=0.25)
    assert whole.alt == some.alt
    assert opened(some.png).n_frames < opened(whole.png).n_frames / 2


def test_a_long_episode_stays_small(monkeypatch):
    # 100 pictures, most of them different, as of 500 steps of a policy that balances the pole.
    frames = moving_square(100)
    monkeypatch.setattr(video, "record_episode", lambda *_: frames)
    episode = record(any_policy(), "CartPole-v1", 0, every=None, max_frames=100, scale=1.0)
    assert opened(episode.png).n_frames == 100 and len(episode.png) < 100_000


def test_the_page_gets_the_animation_with_its_words(monkeypatch):
    shown = []
    monkeypatch.setattr(video, "show_png", lambda *arguments: shown.append(arguments))
    show_agent(any_policy(), "CartPole-v1", seed=3)
    show_agent(any_policy(), "CartPole-v1", seed=3, alt="My words.")
    (png, alt, width), (same, mine, _) = shown
    assert png == same and width == 300 and mine == "My words."
    assert alt.startswith("Animation: one episode of CartPole-v1, ") and "steps" in alt


def test_a_file_holds_what_the_page_would_show(tmp_path):
    path = save_agent(tmp_path / "agent.png", any_policy(), "CartPole-v1", seed=3)
    expected = record(any_policy(), "CartPole-v1", 3, None, 100, 0.5).png
    assert path.read_bytes() == expected


@pytest.mark.slow  # a process of its own, with imports
def test_drawing_needs_no_screen_and_prints_nothing(tmp_path):
    code = (
        "from course_lib.figures import save_agent\n"
        "from tests.figures import any_policy\n"
        f"save_agent({str(tmp_path / 'agent.png')!r}, any_policy(), 'CartPole-v1')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
