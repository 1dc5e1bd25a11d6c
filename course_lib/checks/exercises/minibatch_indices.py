"""The exercise `minibatch_indices`: its cases, and what goes wrong with it."""

import torch
from torch import Tensor

from course_lib.checks.drivers import (
    indices_in_order,
    kind_of_minibatches,
    minibatch_sizes,
    order_of_minibatches,
    repeated_epoch,
    two_epochs,
)
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake, Seed
from course_lib.reference.ppo_updates import minibatch_indices


def cases(generator: torch.Generator) -> list[Case]:
    """What comes out, how it is cut, whether all are in it, and where the chance comes from."""

    def sizes(size: int, minibatch_size: int) -> dict:
        seed = int(torch.randint(1 << 20, (), generator=generator))
        return {"size": size, "minibatch_size": minibatch_size, "generator": Seed(seed)}

    return [
        Case("ten into fours", sizes(10, 4), call=minibatch_sizes),
        Case("every index once", sizes(23, 5), call=indices_in_order),
        Case("twelve into fours", sizes(12, 4), call=minibatch_sizes),
        Case("what the pieces are", sizes(9, 4), call=kind_of_minibatches),
        Case("in which order", sizes(60, 10), call=order_of_minibatches),
        Case("the same generator, made twice", sizes(40, 8), call=repeated_epoch),
        Case("the next epoch", sizes(40, 8), call=two_epochs),
        Case("a piece larger than the data", sizes(3, 8), EDGE, minibatch_sizes),
        Case("pieces of one", sizes(4, 1), EDGE, minibatch_sizes),
        Case("a single element", sizes(1, 1), EDGE, indices_in_order),
    ]


def not_shuffled(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return list(torch.arange(size).split(minibatch_size))


def pieces_shuffled(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    pieces = torch.arange(size).split(minibatch_size)
    order = torch.randperm(len(pieces), generator=generator).tolist()
    # A short piece last: only the order of the pieces is by chance.
    return sorted((pieces[place] for place in order), key=len, reverse=True)


def within_pieces(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    pieces = torch.arange(size).split(minibatch_size)
    return [one[torch.randperm(len(one), generator=generator)] for one in pieces]


def drops_the_rest(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    pieces = minibatch_indices(size, minibatch_size, generator)
    return [one for one in pieces if len(one) == minibatch_size]


def with_replacement(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return list(torch.randint(size, (size,), generator=generator).split(minibatch_size))


def as_many_pieces(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(size, generator=generator)
    return list(order.tensor_split(minibatch_size))


def even_pieces(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    order = torch.randperm(size, generator=generator)
    return list(order.tensor_split(-(-size // minibatch_size)))


def one_piece(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [torch.randperm(size, generator=generator)[:minibatch_size]]


def global_randomness(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return list(torch.randperm(size).split(minibatch_size))


def seeded_inside(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return minibatch_indices(size, minibatch_size, torch.Generator().manual_seed(0))


def reseeded(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    again = torch.Generator().manual_seed(generator.initial_seed())
    return minibatch_indices(size, minibatch_size, again)


def from_one_on(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [one + 1 for one in minibatch_indices(size, minibatch_size, generator)]


def as_floats(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    return [one.float() for one in minibatch_indices(size, minibatch_size, generator)]


def slice_by_slice(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Right: slices of a permutation, cut in a loop."""
    order = torch.randperm(size, generator=generator)
    return [order[start : start + minibatch_size] for start in range(0, size, minibatch_size)]


def by_sorting_noise(size: int, minibatch_size: int, generator: torch.Generator) -> list[Tensor]:
    """Right: the order that sorts uniform random numbers; a tuple of pieces."""
    order = torch.rand(size, generator=generator, dtype=torch.float64).argsort()
    return order.split(minibatch_size)


EXERCISE = Exercise(
    name="minibatch_indices",
    reference=minibatch_indices,
    cases=cases,
    statement="an epoch sees every step once, in an order that only your generator decides",
    points={VALUE: 1},
    mistakes=(
        Mistake(
            "not-shuffled",
            "The indices stand in order. Neighbours in time resemble each other, so each minibatch "
            "would show a single moment: shuffle all indices first.",
            not_shuffled,
        ),
        Mistake(
            "pieces-shuffled",
            "Only the order of the pieces is by chance; inside, the indices are still neighbours. "
            "Shuffle all indices first, then cut.",
            pieces_shuffled,
        ),
        Mistake(
            "shuffled-inside-only",
            "Each piece is shuffled for itself, so the first one still holds the first steps. "
            "Shuffle all indices first, then cut.",
            within_pieces,
        ),
        Mistake(
            "rest-dropped",
            "The last, smaller piece is thrown away: those steps are not learned from in this "
            "epoch, and if the data are fewer than a piece, nothing is.",
            drops_the_rest,
        ),
        Mistake(
            "with-replacement",
            "Some indices come twice and others never. An epoch goes over all steps once: "
            "torch.randperm, not torch.randint.",
            with_replacement,
        ),
        Mistake(
            "count-for-size",
            "`minibatch_size` is taken for the number of pieces. It says how many indices one "
            "piece holds.",
            as_many_pieces,
        ),
        Mistake(
            "even-pieces",
            "The pieces are made equally large. Each has `minibatch_size` indices; only the last "
            "may have fewer.",
            even_pieces,
        ),
        Mistake(
            "one-piece-only",
            "Only the first piece comes out. An epoch goes over all of them.",
            one_piece,
        ),
        Mistake(
            "global-randomness",
            "The order comes from torch's global random numbers, so a run cannot be repeated from "
            "its seed: torch.randperm(…, generator=generator).",
            global_randomness,
        ),
        Mistake(
            "seeded-inside",
            "A generator is made and seeded inside, so every epoch of every run has the same "
            "order. Use the one you are given.",
            seeded_inside,
        ),
        Mistake(
            "same-order-each-epoch",
            "The generator is set back to its seed, so every epoch has the same minibatches. Use "
            "it as it comes; it moves on by itself.",
            reseeded,
        ),
        Mistake(
            "from-one-on",
            "The indices run from 1 to `size`: row 0 is never used, and the last one is out of "
            "range.",
            from_one_on,
        ),
        Mistake(
            "floating-point",
            "The indices are floating-point numbers, which cannot index a tensor: keep int64.",
            as_floats,
        ),
    ),
    variants=(slice_by_slice, by_sorting_noise),
)
