"""Calls in a row and calls on stretched inputs: what single calls give, in one message."""

import pytest
import torch

from autograde.wall.endings import BROKE, Lost
from course_lib.checks.outcome import again, stretched
from course_lib.checks.sampling_drivers import AGAIN, draw_again, gaussian_draws
from tests.walled import running

CODE = """
import torch
kept, count = torch.zeros(2), 0
def draw(rows, generator): return torch.rand(rows, generator=generator) + torch.rand(1)
def same(): return kept.add_(1)
def third():
    global count
    count += 1
    if count == 3: raise KeyError("the third")
    return count
def shapes(mean, log_std, generator, scale=None):
    return [tuple(one.shape) for one in (mean, log_std, scale)]
def sample(mean, log_std, generator):
    return mean + log_std.exp() * torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
"""


@pytest.fixture(scope="module")
def session():
    """A worker with these functions."""
    with running(CODE) as made:
        yield made


@pytest.fixture
def asked(session, monkeypatch):
    """The questions that the worker is asked meanwhile."""
    found, ask = [], session.ask
    monkeypatch.setattr(session, "ask", lambda do, **more: found.append(do) or ask(do, **more))
    return found


def values(session, *names):
    """The proxies of these names."""
    found = session.values(list(names))
    return [found[name] for name in names]


def test_calls_in_a_row_give_what_single_calls_give_and_dice_move_on(session, asked):
    (draw,) = values(session, "draw")
    found = []
    for calls in (lambda g: again(draw, 3, 2, generator=g), lambda g: [draw(2, g) for _ in "abc"]):
        generator = torch.Generator().manual_seed(4)
        torch.manual_seed(5)
        found.append([*calls(generator), torch.rand(1), torch.rand(1, generator=generator)])
    assert all(map(torch.equal, *found))
    assert not torch.equal(found[0][0], found[0][1])
    assert asked == ["names", *["call"] * 4]


def test_each_result_is_the_one_of_its_time_here_and_there(session):
    (same,) = values(session, "same")
    kept = torch.zeros(2)
    for rows in (again(same, 3), again(lambda: kept.add_(1), 3)):
        assert [row.tolist() for row in rows] == [[1, 1], [2, 2], [3, 3]]


def test_an_error_in_the_middle_is_the_error_of_all(session):
    with pytest.raises(KeyError, match="the third"):
        again(values(session, "third")[0], 5)


def test_only_matrices_are_stretched_and_only_their_rows_cross(session, asked):
    shapes, sample = values(session, "shapes", "sample")
    given = torch.ones(2, 3), torch.zeros(3), torch.Generator()
    found = stretched(shapes, 10, *given, scale=torch.ones(1, 1))
    assert [tuple(one) for one in found] == [(20, 3), (3,), (10, 1)]
    mean, generator = torch.tensor([[0.0], [9.0]]), torch.Generator().manual_seed(0)
    drawn = stretched(sample, 4, mean, torch.zeros(1), generator)
    noise = torch.randn(8, 1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn, torch.tensor([[0.0]] * 4 + [[9.0]] * 4) + noise)
    assert session.transcript.taken()[-1]["with"][0]["shape"] == [2, 1]


def test_the_drivers_of_samplers_ask_once(session, asked):
    (sample,) = values(session, "sample")
    inputs = {"mean": torch.zeros(2, 2), "log_std": torch.zeros(2, 2)}
    assert draw_again(sample, {**inputs, "generator": torch.Generator()}) == "different draws"
    action, _, _ = gaussian_draws(sample, {**inputs, "generator": torch.Generator()})
    assert action.shape == (2, 10_000, 2) and AGAIN > 2
    assert asked == ["names", "call", "call"]


def test_a_worker_that_gives_another_number_of_results_has_broken_the_rules():
    lie = "import course_lib.checks.outcome as one\none.again = lambda *more: [1]\ndef f(): pass"
    with running(lie) as session, pytest.raises(Lost) as lost:
        again(values(session, "f")[0], 2)
    assert lost.value.ending == BROKE
