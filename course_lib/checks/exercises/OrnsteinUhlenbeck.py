"""The exercise `OrnsteinUhlenbeck`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drivers import (
    kept_sample,
    pull_of_walk,
    repeat_walk,
    sample_shapes,
    spread_of_walk,
    walk_after_reset,
)
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake, Seed
from course_lib.reference.exploration import OrnsteinUhlenbeck


def cases(generator: torch.Generator) -> list[Case]:
    """What many walks side by side have in common; shapes, repetition, what a reset does."""

    def given(shape: tuple[int, ...], theta: float, sigma: float, dt: float) -> dict[str, Any]:
        seed = int(torch.randint(10_000, (1,), generator=generator))
        settings = {"theta": theta, "sigma": sigma, "dt": dt}
        return {"shape": shape, **settings, "generator": Seed(seed)}

    many, strong = (3000,), (1500, 2)
    return [
        Case("shapes of samples", given((3, 2), 0.5, 0.3, 0.1), VALUE, sample_shapes),
        Case("spread after 1, 2 and 15 steps", given(many, 0.8, 0.3, 0.25), VALUE, spread_of_walk),
        Case("what is left after a step", given(many, 0.8, 0.3, 0.25), VALUE, pull_of_walk),
        Case("a long step and a strong pull", given(strong, 1.5, 2.0, 0.5), VALUE, spread_of_walk),
        Case("what the long step leaves", given(strong, 1.5, 2.0, 0.5), VALUE, pull_of_walk),
        Case("after a reset", given(many, 0.3, 0.5, 0.2), VALUE, walk_after_reset),
        Case("two generators with one seed", given((4,), 0.5, 0.3, 0.1), VALUE, repeat_walk),
        Case("no pull: a random walk", given(many, 0.0, 0.5, 0.2), EDGE, spread_of_walk),
        Case("a sample that is kept", given((4,), 0.5, 0.3, 0.1), EDGE, kept_sample),
    ]


class PlainNoise(OrnsteinUhlenbeck):
    """No memory: the pull brings everything back at once."""

    def sample(self) -> Tensor:
        self.reset()
        return super().sample()


class NoRoot(OrnsteinUhlenbeck):
    """σ dt ε."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, theta, sigma * dt**0.5, dt, generator)


class NoDtInTheNoise(OrnsteinUhlenbeck):
    """σ ε."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, theta, sigma / dt**0.5, dt, generator)


class VarianceForStd(OrnsteinUhlenbeck):
    """σ² √dt ε."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, theta, sigma**2, dt, generator)


class NoDtInThePull(OrnsteinUhlenbeck):
    """θ x."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, theta / dt, sigma * dt**0.5, 1.0, generator)
        self.theta = theta


class PushesAway(OrnsteinUhlenbeck):
    """+ θ x dt."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, theta, sigma, dt, generator)
        self.theta = -theta


class NoPull(OrnsteinUhlenbeck):
    """A random walk."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        super().__init__(shape, 0.0, sigma, dt, generator)


class FromOne(OrnsteinUhlenbeck):
    """Starts at 1."""

    def reset(self) -> None:
        self.state = torch.ones(self.shape)


class ShakenStart(OrnsteinUhlenbeck):
    """Starts somewhere else every time."""

    def reset(self) -> None:
        self.state = self.sigma * torch.randn(self.shape, generator=self.generator)


class StateBeforeTheStep(OrnsteinUhlenbeck):
    """The first sample is 0."""

    def sample(self) -> Tensor:
        before = self.state.clone()
        super().sample()
        return before


class IncrementForState(OrnsteinUhlenbeck):
    """What was added."""

    def sample(self) -> Tensor:
        before = self.state.clone()
        return super().sample() - before


class ResetForgotten(OrnsteinUhlenbeck):
    """A reset does nothing, but at the start."""

    def reset(self) -> None:
        if not hasattr(self, "state"):
            super().reset()


class OneNoiseForAll(OrnsteinUhlenbeck):
    """One number for all elements."""

    def sample(self) -> Tensor:
        noise = torch.randn((), generator=self.generator)
        kick = self.sigma * self.dt**0.5 * noise
        self.state = self.state - self.theta * self.dt * self.state + kick
        return self.state.clone()


class GlobalRandomNumbers(OrnsteinUhlenbeck):
    """The generator is not used."""

    def sample(self) -> Tensor:
        kick = self.sigma * self.dt**0.5 * torch.randn(self.shape)
        self.state = self.state - self.theta * self.dt * self.state + kick
        return self.state.clone()


class HandsOutItsState(OrnsteinUhlenbeck):
    """The same tensor every time, changed in place."""

    def sample(self) -> Tensor:
        kick = self.sigma * self.dt**0.5 * torch.randn(self.shape, generator=self.generator)
        self.state.mul_(1 - self.theta * self.dt).add_(kick)
        return self.state


class Blended:
    """Right: one factor for what is left, one for what is new; `normal_` draws."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        self.left, self.new = 1 - theta * dt, sigma * dt**0.5
        self.generator, self.x = generator, torch.zeros(shape)

    def reset(self) -> None:
        self.x = torch.zeros_like(self.x)

    def sample(self) -> Tensor:
        noise = torch.empty_like(self.x).normal_(generator=self.generator)
        self.x = self.left * self.x + self.new * noise
        return self.x


class InDouble:
    """Right: `torch.normal` around where the spring pulls to, in float64."""

    def __init__(self, shape, theta, sigma, dt, generator) -> None:
        self.theta, self.dt, self.generator = theta, dt, generator
        self.std = torch.full(shape, sigma * dt**0.5, dtype=torch.float64)
        self.reset()

    def reset(self) -> None:
        self.x = torch.zeros_like(self.std)

    def sample(self) -> Tensor:
        drift = self.x - self.theta * self.x * self.dt
        self.x = torch.normal(drift, self.std, generator=self.generator)
        return self.x


EXERCISE = Exercise(
    name="OrnsteinUhlenbeck",
    reference=OrnsteinUhlenbeck,
    cases=cases,
    statement="a walk on a spring: it remembers, it is pulled back, and a reset forgets",
    points={VALUE: 1},
    float32=False,
    mistakes=(
        Mistake(
            "plain-noise",
            "Every sample is fresh: nothing of the last one is left. The state has to stay in "
            "`self` from one call to the next.",
            PlainNoise,
        ),
        Mistake(
            "no-root",
            "The noise is multiplied by dt, not by √dt. Variances add up over time, so in a step "
            "of length dt the *variance* is σ² dt.",
            NoRoot,
        ),
        Mistake(
            "no-dt-in-the-noise",
            "The noise lacks its √dt: a step half as long would shake as much as a whole one.",
            NoDtInTheNoise,
        ),
        Mistake(
            "variance-for-std",
            "σ² stands in front of the noise. It is σ: the standard deviation of a step of length "
            "1.",
            VarianceForStd,
        ),
        Mistake(
            "no-dt-in-the-pull",
            "The pull lacks its dt: θ x is the speed, θ x dt the way in a step.",
            NoDtInThePull,
        ),
        Mistake(
            "pushes-away",
            "The sign of the pull is flipped: the spring pushes away from 0, further every step.",
            PushesAway,
        ),
        Mistake(
            "no-pull",
            "There is no pull, so the walk drifts away and the actions end at their bounds.",
            NoPull,
        ),
        Mistake("from-one", "The walk starts from 1. It starts from 0, as the mean is.", FromOne),
        Mistake(
            "shaken-start",
            "A reset goes to a random place. It goes back to 0, and the first step leaves from "
            "there.",
            ShakenStart,
        ),
        Mistake(
            "state-before-the-step",
            "The sample is the state *before* the step, so the first one is always 0. Step first, "
            "then return.",
            StateBeforeTheStep,
        ),
        Mistake(
            "increment-for-state",
            "You return what the step has added. The noise is the state itself, which remembers.",
            IncrementForState,
        ),
        Mistake(
            "reset-forgotten",
            "After `reset` the old state is still there: a new episode would begin with the push "
            "of the last one.",
            ResetForgotten,
        ),
        Mistake(
            "one-noise-for-all",
            "All elements move together. Draw the noise in the shape of the state.",
            OneNoiseForAll,
        ),
        Mistake(
            "global-random-numbers",
            "The noise comes from torch's global generator, so that nobody can repeat your run. "
            "Pass `generator=self.generator` on.",
            GlobalRandomNumbers,
        ),
        Mistake(
            "hands-out-its-state",
            "You return your own state and then change it in place, so a sample that was kept "
            "changes with the next one. Make a new tensor, or return a copy.",
            HandsOutItsState,
        ),
    ),
    variants=(Blended, InDouble),
)
