"""The natural gradient: explicit matrices, dense solves, and the peers' solver and product."""

import itertools
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_lib.reference import (
    categorical_kl,
    conjugate_gradient,
    fisher_matrix,
    fisher_vector_product,
    natural_step,
)
from tests.helpers import double, leaf
from tests.properties import given, settings, st


def draws(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def positive_definite(seed, size):
    root = draws(seed, size, size)
    return root @ root.mT + 0.5 * torch.eye(size, dtype=torch.float64)


def test_a_fisher_matrix_by_hand():
    got = fisher_matrix(double([[1.0, 2.0], [3.0, -1.0]]))
    torch.testing.assert_close(got, double([[1 + 9, 2 - 3], [2 - 3, 4 + 1]]) / 2)


class Problem:
    """A small categorical policy in float64, its KL divergence from itself and its scores."""

    def __init__(self):
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        self.parameters = tuple(self.net.parameters())
        self.obs = draws(1, 20, 3)
        logits = self.net(self.obs)
        self.kl = categorical_kl(logits.detach(), logits).mean()

    def exact_fisher(self):
        """E over states and actions of g gᵀ, by enumeration of the actions."""
        total = 0.0
        for row in self.net(self.obs).log_softmax(-1):
            for log_prob in row:
                gradient = torch.autograd.grad(log_prob, self.parameters, retain_graph=True)
                score = torch.cat([part.flatten() for part in gradient])
                total = total + log_prob.detach().exp() * torch.outer(score, score)
        return total / len(self.obs)


def test_the_product_is_that_with_the_exact_fisher_matrix_and_damping():
    problem = Problem()
    fisher = problem.exact_fisher()
    vector = draws(2, len(fisher))
    got = fisher_vector_product(problem.kl, problem.parameters, vector, 0.1)
    torch.testing.assert_close(got, fisher @ vector + 0.1 * vector)


def test_the_graph_survives_and_no_gradient_comes_out():
    problem = Problem()
    vector = draws(2, sum(parameter.numel() for parameter in problem.parameters))
    vector.requires_grad_()
    first = fisher_vector_product(problem.kl, problem.parameters, vector, 0.1)
    with torch.no_grad():
        second = fisher_vector_product(problem.kl, problem.parameters, vector, 0.1)
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert all(parameter.grad is None for parameter in problem.parameters)


def test_both_sides_of_the_kl_from_the_same_graph_have_no_curvature():
    problem = Problem()
    logits = problem.net(problem.obs)
    wrong = categorical_kl(logits, logits).mean()
    vector = draws(2, sum(parameter.numel() for parameter in problem.parameters))
    got = fisher_vector_product(wrong, problem.parameters, vector, 0.1)
    torch.testing.assert_close(got, 0.1 * vector, rtol=0, atol=1e-12)


def test_parameters_that_the_kl_does_not_know_have_no_curvature():
    problem = Problem()
    stranger = leaf([1.0, 2.0])
    size = sum(parameter.numel() for parameter in problem.parameters)
    vector = draws(2, size + 2)
    got = fisher_vector_product(problem.kl, [*problem.parameters, stranger], vector, 0.5)
    torch.testing.assert_close(got[size:], 0.5 * vector[size:])


def test_the_product_agrees_with_sb3_contrib():
    trpo = pytest.importorskip("sb3_contrib.trpo.trpo")
    problem = Problem()
    gradient = torch.autograd.grad(problem.kl, problem.parameters, create_graph=True)
    flat = torch.cat([part.flatten() for part in gradient])
    vector = draws(2, len(flat))
    theirs = trpo.TRPO.hessian_vector_product(
        SimpleNamespace(cg_damping=0.1), problem.parameters, flat, vector
    )
    ours = fisher_vector_product(problem.kl, problem.parameters, vector, 0.1)
    torch.testing.assert_close(ours, theirs)
    # A planted bug: the damping is forgotten.
    wrong = fisher_vector_product(problem.kl, problem.parameters, vector, 0.0)
    assert float((wrong - theirs).abs().max()) > 0.01


@given(st.integers(0, 2**20), st.integers(1, 8))
@settings(max_examples=30)
def test_as_many_steps_as_dimensions_solve_exactly(seed, size):
    matrix, b = positive_definite(seed, size), draws(seed + 1, size)
    got = conjugate_gradient(lambda v: matrix @ v, b, 3 * size, 1e-20)
    torch.testing.assert_close(got, torch.linalg.solve(matrix, b), rtol=1e-6, atol=1e-8)


def test_two_steps_by_hand():
    # A = diag(1, 3), b = (1, 1): α₀ = 2/4, r = (½, −½), β = ½/2, p = (¾, −¼), α₁ = ½/(¾).
    def matvec(v):
        return double([1.0, 3.0]) * v

    b = double([1.0, 1.0])
    torch.testing.assert_close(conjugate_gradient(matvec, b, 1, 0.0), double([0.5, 0.5]))
    exact = double([0.5 + 2 / 3 * 0.75, 0.5 - 2 / 3 * 0.25])
    torch.testing.assert_close(conjugate_gradient(matvec, b, 2, 0.0), exact)
    torch.testing.assert_close(exact, double([1.0, 1 / 3]))


@given(st.integers(0, 2**20))
@settings(max_examples=20)
def test_every_step_comes_nearer_in_the_norm_of_the_matrix(seed):
    matrix, b = positive_definite(seed, 6), draws(seed + 1, 6)
    solution = torch.linalg.solve(matrix, b)
    distance = []
    for iterations in range(6):
        error = conjugate_gradient(lambda v: matrix @ v, b, iterations, 0.0) - solution
        distance.append(float(error @ matrix @ error))
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(distance))


def test_it_stops_when_the_squared_residual_is_below_the_tolerance():
    calls = []

    def matvec(v):
        calls.append(1)
        return double([1.0, 3.0]) * v

    b = double([1.0, 1.0])
    zero = double([0.0, 0.0])
    assert torch.equal(conjugate_gradient(matvec, b, 9, 2.1), zero)
    assert calls == []
    # After one step rᵀr = ½: not below 0.5, below 0.51.
    torch.testing.assert_close(conjugate_gradient(matvec, b, 9, 0.51), double([0.5, 0.5]))
    assert len(calls) == 1
    conjugate_gradient(matvec, b, 9, 0.5)
    assert len(calls) == 3


def test_nothing_to_solve_and_an_exact_solution_stay_finite():
    def identity(v):
        return v

    zero = double([0.0, 0.0])
    assert torch.equal(conjugate_gradient(identity, zero, 5, 0.0), zero)
    b = double([3.0, 4.0])
    torch.testing.assert_close(conjugate_gradient(identity, b, 5, 0.0), b)


def test_the_solver_agrees_with_sb3_contrib():
    utils = pytest.importorskip("sb3_contrib.common.utils")
    matrix, b = positive_definite(3, 30), draws(4, 30)
    torch.manual_seed(0)
    theirs = utils.conjugate_gradient_solver(lambda v: matrix @ v, b.clone(), 100, 1e-24)
    ours = conjugate_gradient(lambda v: matrix @ v, b, 100, 1e-24)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    # Theirs starts near 0 at random, so before convergence the two differ by that much.
    torch.manual_seed(0)
    early = utils.conjugate_gradient_solver(lambda v: matrix @ v, b.clone(), 5)
    truncated = conjugate_gradient(lambda v: matrix @ v, b, 5, 1e-24)
    assert 1e-8 < float((truncated - early).abs().max()) < 1e-2
    # A planted bug: steepest descent (β = 0) is nowhere near after as many steps.
    x, residual = torch.zeros_like(b), b
    for _ in range(100):
        image = matrix @ residual
        x = x + residual @ residual / (residual @ image) * residual
        residual = b - matrix @ x
    assert float((x - theirs).abs().max()) > 1e-3


def test_the_right_hand_side_is_left_alone():
    b = leaf([1.0, 2.0])
    got = conjugate_gradient(lambda v: 2 * v, b, 3, 0.0)
    assert not got.requires_grad
    assert torch.equal(b.detach(), double([1.0, 2.0]))


@given(st.integers(0, 2**20), st.floats(1e-4, 1.0))
@settings(max_examples=20)
def test_the_step_has_exactly_the_quadratic_kl_that_is_allowed(seed, max_kl):
    fisher, gradient = positive_definite(seed, 5), draws(seed + 1, 5)
    step = natural_step(gradient, torch.linalg.solve(fisher, gradient), max_kl)
    torch.testing.assert_close(0.5 * step @ fisher @ step, double(max_kl))
    assert float(gradient @ step) > 0
    # The lecture's printed step size has F where F⁻¹ belongs.
    direction = torch.linalg.solve(fisher, gradient)
    printed = direction * (2 * max_kl / (gradient @ fisher @ gradient)).sqrt()
    assert not torch.allclose(printed, step)


def test_a_step_by_hand():
    got = natural_step(double([1.0, 2.0]), double([3.0, 1.0]), 0.1)
    torch.testing.assert_close(got, double([3.0, 1.0]) * (0.2 / 5) ** 0.5)


@pytest.mark.parametrize("direction", [[-3.0, 1.0], [2.0, -1.0], [0.0, 0.0]])
def test_no_step_is_taken_where_nothing_is_gained(direction):
    got = natural_step(double([1.0, 2.0]), double(direction), 0.1)
    assert torch.equal(got, double([0.0, 0.0]))


def test_bad_input_is_named():
    problem = Problem()
    with pytest.raises(ValueError, match=r"vector: expected shape \(38,\), got \(3,\)"):
        fisher_vector_product(problem.kl, problem.parameters, torch.zeros(3), 0.1)
    with pytest.raises(ValueError, match=r"kl: expected shape \(\), got \(2,\)"):
        fisher_vector_product(torch.zeros(2), problem.parameters, torch.zeros(38), 0.1)
    with pytest.raises(ValueError, match="damping: expected a number of at least 0"):
        fisher_vector_product(problem.kl, problem.parameters, torch.zeros(38).double(), -0.1)
    with pytest.raises(ValueError, match=r"matvec\(direction\): expected shape \(2,\)"):
        conjugate_gradient(lambda v: v[:1], torch.ones(2), 3, 0.0)
    with pytest.raises(ValueError, match="iterations: expected at least 0"):
        conjugate_gradient(lambda v: v, torch.ones(2), -1, 0.0)
    with pytest.raises(ValueError, match=r"direction: expected shape \(2,\) like gradient"):
        natural_step(torch.ones(2), torch.ones(3), 0.1)
    with pytest.raises(ValueError, match="the number of scores: expected at least 1"):
        fisher_matrix(torch.zeros(0, 3))


def test_a_nearly_certain_policy_in_single_precision_still_gets_a_finite_step():
    gradient = torch.tensor([1e-20, 0.0])
    step = natural_step(gradient, gradient, max_kl=0.01)
    expected = 0.02**0.5  # the step is as long as KL allows, however small the gradient
    torch.testing.assert_close(step, torch.tensor([expected, 0.0]), rtol=1e-3, atol=0)
