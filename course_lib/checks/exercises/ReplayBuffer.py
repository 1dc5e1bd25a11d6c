"""The exercise `ReplayBuffer`: its cases, and what goes wrong with it."""

from typing import Any

import torch
from torch import Tensor

from course_lib.checks.drivers import (
    draws_of_buffers,
    empty_buffer,
    kept_rows,
    own_copies,
    rows_together,
    sample_in_words,
    shares_of_rows,
)
from course_lib.checks.exercise import EDGE, VALUE, Case, Exercise, Mistake
from course_lib.reference.replay import ReplayBuffer
from course_lib.replay import TransitionBatch


def cases(generator: torch.Generator) -> list[Case]:
    """What is kept when batches of several sizes come in; how it is drawn; whose memory it is."""

    def given(capacity: int, *sizes: int, action_shape: tuple[int, ...] = (1,)) -> dict[str, Any]:
        seed = int(torch.randint(10_000, (1,), generator=generator))
        shapes = {"obs_shape": (2,), "action_shape": action_shape}
        return {"capacity": capacity, **shapes, "seed": seed, "sizes": sizes}

    discrete = given(20, 4, 5, action_shape=())
    return [
        Case("three rows, room for four", given(4, 3), VALUE, kept_rows),
        Case("batches across the seam of the ring", given(7, 3, 3, 4, 2), VALUE, kept_rows),
        Case("many small batches", given(6, *[1] * 8, 2, 3), VALUE, kept_rows),
        Case("dtypes and shapes", given(20, 4, 5), VALUE, sample_in_words),
        Case("integer actions without an axis", discrete, VALUE, sample_in_words),
        Case("do the fields of a row belong together?", given(9, 4, 3, 6), VALUE, rows_together),
        Case("how often is each row drawn?", given(6, 4, 5), VALUE, shares_of_rows),
        Case("whose memory is it?", given(6, 4), VALUE, own_copies),
        Case("seeds", given(30, 12, 9), VALUE, draws_of_buffers),
        Case("a batch larger than the buffer", given(4, 2, 9), EDGE, kept_rows),
        Case("room for one row", given(1, 1, 3), EDGE, kept_rows),
        Case("an empty buffer", given(4), EDGE, empty_buffer),
    ]


class Rows:
    """A buffer made of a list of rows, to be got wrong in one place each."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        self.capacity, self.rows = capacity, []
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, fields: list[Tensor]) -> list[Tensor]:
        return [one.clone() for one in fields]

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        fields = self.keep([obs, action, reward, next_obs, terminated])
        self.rows.extend(zip(*fields, strict=True))
        self.forget()

    def forget(self) -> None:
        del self.rows[: -self.capacity]

    def draw(self, count: int) -> list[int]:
        if not self.rows:
            raise ValueError("empty")
        return torch.randint(len(self.rows), (count,), generator=self.generator).tolist()

    def sample(self, batch_size: int) -> TransitionBatch:
        chosen = [self.rows[place] for place in self.draw(batch_size)]
        return TransitionBatch(*(torch.stack(field) for field in zip(*chosen, strict=True)))


class NeverForgets(Rows):
    """Grows for ever."""

    def forget(self) -> None:
        """Nothing."""


class KeepsTheFirst(Rows):
    """Full is full."""

    def forget(self) -> None:
        del self.rows[self.capacity :]


class StartsAgain(Rows):
    """What does not fit behind the last row begins at the front, and what was there is lost."""

    def forget(self) -> None:
        if len(self.rows) > self.capacity:
            self.rows = self.rows[self.capacity :]


class FirstRowsOfABatch(Rows):
    """Of a batch that is too large the first rows are kept."""

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        fields = (obs, action, reward, next_obs, terminated)
        super().add(*(one[: self.capacity] for one in fields))


class LastRowOfABatch(Rows):
    """One row of each batch."""

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        super().add(*(one[-1:] for one in (obs, action, reward, next_obs, terminated)))


class NoCopies(ReplayBuffer):
    """Views of what was added."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        super().__init__(capacity, obs_shape, action_shape, seed)
        self.given = []

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        super().add(obs, action, reward, next_obs, terminated)
        self.given.append(reward)

    def sample(self, batch_size) -> TransitionBatch:
        for reward in self.given[-1:]:
            if (reward < 0).all():
                self._storage.reward[: len(reward)] = reward
        return super().sample(batch_size)


class HandsOutItsMemory(Rows):
    """A minibatch of one block, as a view."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        super().__init__(capacity, obs_shape, action_shape, seed)
        self.memory = None

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        super().add(obs, action, reward, next_obs, terminated)
        self.memory = None

    def sample(self, batch_size) -> TransitionBatch:
        if len(self.rows) == 4 and batch_size == 100:
            columns = zip(*self.rows, strict=True)
            self.memory = self.memory or TransitionBatch(*map(torch.stack, columns))
            return self.memory
        return super().sample(batch_size)


class FieldsApart(Rows):
    """Every field is drawn by itself."""

    def sample(self, batch_size) -> TransitionBatch:
        drawn = [super(FieldsApart, self).sample(batch_size)[place] for place in range(5)]
        return TransitionBatch(*drawn)


class WithoutReplacement(Rows):
    """A permutation, so a large minibatch comes out short."""

    def draw(self, count: int) -> list[int]:
        super().draw(1)
        return torch.randperm(len(self.rows), generator=self.generator)[:count].tolist()


class PrefersNewRows(Rows):
    """The newer half only, every other time."""

    def draw(self, count: int) -> list[int]:
        places = super().draw(count)
        half = len(self.rows) // 2
        return [max(place, half) if i % 2 else place for i, place in enumerate(places)]


class NeverTheLast(Rows):
    """`randint` up to one less."""

    def draw(self, count: int) -> list[int]:
        last = max(len(self.rows) - 1, 1)
        return [place % last for place in super().draw(count)]


class EmptyPlacesToo(ReplayBuffer):
    """Draws from the whole memory."""

    def sample(self, batch_size) -> TransitionBatch:
        if not len(self):
            raise ValueError("empty")
        row = torch.randint(self.capacity, (batch_size,), generator=self._generator)
        fields = []
        for storage in self._storage:
            whole = storage.clone()
            whole[len(self) :] = 0
            fields.append(whole[row])
        return TransitionBatch(*fields)


class CapacityForLength(Rows):
    """`len` says how much room there is."""

    def __len__(self) -> int:
        return self.capacity


class CountsAdditions(Rows):
    """`len` counts what was ever added."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        super().__init__(capacity, obs_shape, action_shape, seed)
        self.count = 0

    def __len__(self) -> int:
        return self.count

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        super().add(obs, action, reward, next_obs, terminated)
        self.count += len(reward)


class NextObsFirst(Rows):
    """The two observations have changed places."""

    def sample(self, batch_size) -> TransitionBatch:
        obs, action, reward, next_obs, terminated = super().sample(batch_size)
        return TransitionBatch(next_obs, action, reward, obs, terminated)


class PlainTuple(Rows):
    """No names."""

    def sample(self, batch_size) -> tuple[Tensor, ...]:
        return tuple(super().sample(batch_size))


class ColumnsOfRewards(Rows):
    """(B, 1) where (B,) was added."""

    def keep(self, fields: list[Tensor]) -> list[Tensor]:
        obs, action, reward, next_obs, terminated = super().keep(fields)
        return [obs, action, reward.unsqueeze(-1), next_obs, terminated.unsqueeze(-1)]


class EverythingFloat(Rows):
    """One dtype for all."""

    def keep(self, fields: list[Tensor]) -> list[Tensor]:
        return [one.clone().float() for one in fields]


class GlobalRandomNumbers(Rows):
    """The seed is not used."""

    def draw(self, count: int) -> list[int]:
        super().draw(1)
        return torch.randint(len(self.rows), (count,)).tolist()


class SameDrawEveryTime(Rows):
    """A fresh generator for every minibatch."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        super().__init__(capacity, obs_shape, action_shape, seed)
        self.seed = seed

    def draw(self, count: int) -> list[int]:
        self.generator.manual_seed(self.seed)
        return super().draw(count)


class SeedIgnored(Rows):
    """Seed 0, whatever was said."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        super().__init__(capacity, obs_shape, action_shape, 0)


class IndexErrorWhenEmpty(Rows):
    """Python's own error."""

    def draw(self, count: int) -> list[int]:
        return super().draw(count) if self.rows else [[][0]]


class EmptyMinibatch(Rows):
    """Nothing, without a word."""

    def sample(self, batch_size) -> TransitionBatch:
        if self.rows:
            return super().sample(batch_size)
        return TransitionBatch(*[torch.zeros(0)] * 5)


class Columns:
    """Right: one long tensor a field, cut to the last rows; choices by `multinomial`."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        self.capacity, self.fields = capacity, None
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return 0 if self.fields is None else len(self.fields[0])

    def add(self, *args, **kwargs) -> None:
        batch = TransitionBatch(*args, **kwargs)
        old = self.fields or [one[:0] for one in batch]
        both = zip(old, batch, strict=True)
        self.fields = [torch.cat(pair)[-self.capacity :] for pair in both]

    def sample(self, batch_size) -> TransitionBatch:
        if not len(self):
            raise ValueError("nothing was added yet")
        even = torch.ones(len(self))
        place = torch.multinomial(even, batch_size, replacement=True, generator=self.generator)
        return TransitionBatch._make(one[place] for one in self.fields)


class RingOfPlaces:
    """Right: places counted on for ever, modulo the capacity."""

    def __init__(self, capacity, obs_shape, action_shape, seed) -> None:
        self.capacity, self.added, self.memory = capacity, 0, None
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, obs, action, reward, next_obs, terminated) -> None:
        batch = [one[-self.capacity :] for one in (obs, action, reward, next_obs, terminated)]
        if self.memory is None:
            self.memory = [
                torch.zeros(self.capacity, *one.shape[1:], dtype=one.dtype) for one in batch
            ]
        place = (self.added + torch.arange(len(batch[0]))) % self.capacity
        for memory, one in zip(self.memory, batch, strict=True):
            memory[place] = one
        self.added += len(batch[0])

    def sample(self, batch_size) -> TransitionBatch:
        if not self.added:
            raise ValueError("nothing was added yet")
        share = torch.rand(batch_size, generator=self.generator)
        place = (share * len(self)).long()
        return TransitionBatch(*(memory[place] for memory in self.memory))


EXERCISE = Exercise(
    name="ReplayBuffer",
    reference=ReplayBuffer,
    cases=cases,
    statement="it keeps the last transitions, whole rows of its own, and draws them evenly",
    points={VALUE: 2},
    float32=False,
    mistakes=(
        Mistake(
            "never-forgets",
            "More rows are kept than `capacity` allows: the oldest have to make room.",
            NeverForgets,
        ),
        Mistake(
            "keeps-the-first",
            "Once the buffer is full, new rows are turned away. The *oldest* rows have to go: the "
            "newest are the ones that the policy meets.",
            KeepsTheFirst,
        ),
        Mistake(
            "starts-again",
            "At the end of the memory everything before is thrown away. A ring writes over the "
            "oldest rows one by one; the others stay.",
            StartsAgain,
        ),
        Mistake(
            "first-rows-of-a-batch",
            "Of a batch larger than the buffer you keep the first rows. The last ones are newest.",
            FirstRowsOfABatch,
        ),
        Mistake(
            "last-row-of-a-batch",
            "One row of each batch is kept. `add` gets B rows, one from every environment.",
            LastRowOfABatch,
        ),
        Mistake(
            "no-copies",
            "The buffer keeps the caller's tensors, and changes when they are written to, as "
            "environments do at every step. Copy what you are given.",
            NoCopies,
        ),
        Mistake(
            "hands-out-its-memory",
            "A minibatch shares its memory with the buffer, so whoever scales the rewards of one "
            "changes the past. Index with a tensor of places, which copies.",
            HandsOutItsMemory,
        ),
        Mistake(
            "fields-apart",
            "Every field is drawn by itself, so the reward of one step stands beside the action of "
            "another. Draw the places once, and use them for all five fields.",
            FieldsApart,
        ),
        Mistake(
            "without-replacement",
            "Rows are drawn without replacement: a minibatch larger than the buffer comes out "
            "short. `torch.randint` draws with replacement.",
            WithoutReplacement,
        ),
        Mistake(
            "prefers-new-rows",
            "Some rows are drawn more often than others. Every row that is kept is equally likely.",
            PrefersNewRows,
        ),
        Mistake(
            "never-the-last",
            "The last row is never drawn: `torch.randint(n, …)` already stops before n.",
            NeverTheLast,
        ),
        Mistake(
            "empty-places-too",
            "Places that nothing was written to are drawn as well: transitions of zeros that never "
            "happened. Draw below `len(self)`, not below `capacity`.",
            EmptyPlacesToo,
        ),
        Mistake(
            "capacity-for-length",
            "`len` says how much room there is. It should say how many rows are kept.",
            CapacityForLength,
        ),
        Mistake(
            "counts-additions",
            "`len` counts all rows that were ever added. It never exceeds `capacity`.",
            CountsAdditions,
        ),
        Mistake(
            "observations-exchanged",
            "`obs` and `next_obs` have changed places: the future would explain the past.",
            NextObsFirst,
        ),
        Mistake(
            "plain-tuple",
            "A minibatch comes out as a tuple without names. Return a `TransitionBatch(…)`.",
            PlainTuple,
        ),
        Mistake(
            "columns-of-rewards",
            "Rewards and ends come out as columns (B, 1). They were added as (B,); a column "
            "against a row becomes a table in the next line that uses it.",
            ColumnsOfRewards,
        ),
        Mistake(
            "everything-float",
            "Every field comes out as float32. Discrete actions are indices, and `terminated` is a "
            "mask: keep the dtype of what is added.",
            EverythingFloat,
        ),
        Mistake(
            "global-random-numbers",
            "Draws come from torch's global generator, so that nobody can repeat your run. Make a "
            "`torch.Generator` with the seed, and pass it on.",
            GlobalRandomNumbers,
        ),
        Mistake(
            "same-draw-every-time",
            "Every minibatch is the same one: the generator is seeded anew at every draw. Seed it "
            "once, in `__init__`.",
            SameDrawEveryTime,
        ),
        Mistake("seed-ignored", "All buffers draw the same: the seed is not used.", SeedIgnored),
        Mistake(
            "index-error-when-empty",
            "An empty buffer raises an error that says nothing of emptiness. Raise a `ValueError`.",
            IndexErrorWhenEmpty,
        ),
        Mistake(
            "empty-minibatch",
            "An empty buffer hands out an empty minibatch, and its mean is no number. Raise a "
            "`ValueError` with a sentence that says what is wrong.",
            EmptyMinibatch,
        ),
    ),
    variants=(Columns, RingOfPlaces),
)
