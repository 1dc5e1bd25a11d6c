"""The exercise `sample_categorical`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drawing import uniform
from course_lib.checks.drivers import CATEGORICAL_DRAWS as DRAWS
from course_lib.checks.drivers import draw_again, frequencies, kind, repeat_draw, rows_differ
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake, Seed
from course_lib.reference.distributions import sample_categorical

NOT_GUMBEL = (
    "Adding noise and taking the largest gives softmax(logits) only for Gumbel noise, −log(−log u) "
    "with both minuses. Gaussian noise, or a sign elsewhere, gives frequencies that are near, but "
    "not right."
)


def cases(generator: torch.Generator) -> list[Case]:
    """Shape and type, frequencies of two to four actions, then what the generator decides."""
    seed = Seed(int(torch.randint(1000, (), generator=generator)))
    small = torch.tensor([[0.0, 1.0], [2.0, 0.5], [0.3, 0.3]], dtype=torch.float64)
    positive = uniform(generator, 0.3, 2.0, 2, 3)
    mixed = uniform(generator, -1.5, 1.5, 3, 4)
    many = torch.zeros(64, 3, dtype=torch.float64)
    return [
        Case("type and shape of three actions", {"logits": small, "generator": seed}, call=kind),
        Case(
            f"how often each action comes, {DRAWS} draws a row",
            {"logits": positive, "generator": seed},
            call=frequencies,
        ),
        Case(
            f"negative logits, {DRAWS} draws a row",
            {"logits": mixed, "generator": seed},
            call=frequencies,
        ),
        Case("64 equal rows", {"logits": many, "generator": seed}, call=rows_differ),
        Case(
            "two generators with the same seed, torch's global seed changed in between",
            {"logits": many, "generator": seed},
            EDGE,
            repeat_draw,
        ),
        Case(
            "one generator, used again and again",
            {"logits": many, "generator": seed},
            EDGE,
            draw_again,
        ),
    ]


def greedy(logits: Tensor, generator: torch.Generator) -> Tensor:
    return logits.argmax(-1)


def softmax_twice(logits: Tensor, generator: torch.Generator) -> Tensor:
    return sample_categorical(logits.softmax(-1), generator)


def logits_as_probabilities(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.multinomial(logits, 1, generator=generator).squeeze(-1)


def logits_as_positional_probabilities(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.distributions.Categorical(logits).sample()


def softmax_over_the_batch(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.multinomial(logits.softmax(0), 1, generator=generator).squeeze(-1)


def uniform_noise(logits: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype)
    return (logits + noise).argmax(-1)


def normal_noise(logits: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(logits.shape, generator=generator, dtype=logits.dtype)
    return (logits + noise).argmax(-1)


def gumbel_with_the_wrong_sign(logits: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.empty_like(logits).exponential_(generator=generator)
    return (logits + noise.log()).argmax(-1)


def uniform_policy(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randint(logits.shape[-1], logits.shape[:1], generator=generator)


def keeps_an_axis(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)


def float_actions(logits: Tensor, generator: torch.Generator) -> Tensor:
    return sample_categorical(logits, generator).to(logits.dtype)


def one_draw_for_all(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.multinomial(logits.softmax(-1)[0], 1, generator=generator).expand(len(logits))


def global_randomness(logits: Tensor, generator: torch.Generator) -> Tensor:
    return torch.distributions.Categorical(logits=logits).sample()


def seeded_inside(logits: Tensor, generator: torch.Generator) -> Tensor:
    return sample_categorical(logits, torch.Generator().manual_seed(0))


def with_multinomial(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Right: torch's own sampler, given probabilities."""
    return torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(-1)


def inverse_of_the_cumulative(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Right: count how many cumulative probabilities a uniform number has passed."""
    cumulative = logits.double().softmax(-1).cumsum(-1)[:, :-1]
    threshold = torch.rand(len(logits), 1, generator=generator, dtype=torch.float64)
    return (threshold > cumulative).sum(-1)


def row_by_row(logits: Tensor, generator: torch.Generator) -> Tensor:
    """Right: Gumbel-max from uniform numbers, a comprehension over rows."""
    unit = torch.rand(logits.shape, generator=generator, dtype=torch.float64)
    perturbed = logits - (-unit.log()).log()
    return torch.stack([row.argmax() for row in perturbed])


EXERCISE = Exercise(
    name="sample_categorical",
    reference=sample_categorical,
    cases=cases,
    statement="each row's actions come as often as softmax(logits) says, from your generator alone",
    points={VALUE: 1, EDGE: 1},
    absolute_tolerance=1e-3,
    sampling_noise=0.05,
    mistakes=(
        Mistake(
            "greedy",
            "You take the most probable action every time. A policy gradient learns from what "
            "happens when the policy tries something else: draw from the distribution.",
            greedy,
        ),
        Mistake(
            "softmax-twice",
            "The softmax was taken twice: you handed probabilities to something that expects "
            "logits, and all actions come out nearly equally often. Read which of the two your "
            "sampler takes.",
            softmax_twice,
        ),
        Mistake(
            "logits-as-probabilities",
            "The logits went in where probabilities belong. They may be negative and do not sum to "
            "1: take the softmax over the actions first.",
            logits_as_probabilities,
        ),
        Mistake(
            "logits-as-probabilities",
            "The logits went in where probabilities belong: the first argument of Categorical is "
            "`probs`. And torch.distributions cannot take a generator: use torch.multinomial on "
            "the softmax.",
            logits_as_positional_probabilities,
        ),
        Mistake(
            "softmax-over-the-batch",
            "The softmax runs over the rows, so states compete with each other. Each row is a "
            "distribution of its own: softmax over the last axis, dim=-1.",
            softmax_over_the_batch,
        ),
        Mistake(
            "uniform-noise",
            "Adding noise and taking the largest gives softmax(logits) only for Gumbel noise, "
            "−log(−log u). With uniform noise, logits that lie 1 apart can never change places.",
            uniform_noise,
        ),
        Mistake(
            "not-gumbel-noise",
            NOT_GUMBEL,
            normal_noise,
        ),
        Mistake(
            "not-gumbel-noise",
            NOT_GUMBEL,
            gumbel_with_the_wrong_sign,
        ),
        Mistake(
            "uniform-policy",
            "All actions come equally often: the logits are not used, so nothing the policy learns "
            "would ever change what it does.",
            uniform_policy,
        ),
        Mistake(
            "extra-axis",
            "The actions are right, but they come as (B, 1): torch.multinomial keeps the axis of "
            "its one draw. Take it off with squeeze(-1), or the next product becomes (B, B).",
            keeps_an_axis,
        ),
        Mistake(
            "float-actions",
            "The actions are right, but they are floating-point numbers. An action is an index "
            "here, and indexing wants int64.",
            float_actions,
        ),
        Mistake(
            "one-draw-for-all",
            "One draw decides for the whole batch. Each row is another state and needs a draw of "
            "its own, from its own logits.",
            one_draw_for_all,
        ),
        Mistake(
            "global-randomness",
            "The frequencies are right, but the draws come from torch's global random numbers, so "
            "a run cannot be repeated from its seed. Hand `generator` to the sampler "
            "(torch.distributions cannot take one; torch.multinomial and torch.rand can).",
            global_randomness,
        ),
        Mistake(
            "seeded-inside",
            "A generator is made and seeded inside, so every call draws the same numbers: at each "
            "step of an episode the policy would roll the same dice. Use the one you are given.",
            seeded_inside,
        ),
    ),
    variants=(with_multinomial, inverse_of_the_cumulative, row_by_row),
)
