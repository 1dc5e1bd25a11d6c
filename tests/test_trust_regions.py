"""Tests of NPG, TNPG and both forms of TRPO: the loop they share, and what each does with it."""

from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.agents import make_policy
from course_lib.algorithms import (
    NPGConfig,
    TNPGConfig,
    TRPOConfig,
    TRPOLagrangianConfig,
    npg,
    tnpg,
    trpo,
    trpo_lagrangian,
)
from course_lib.algorithms.batch import Batch
from course_lib.algorithms.local_problem import LocalProblem
from course_lib.environments import PROBES, make_vector
from course_lib.environments.pendulum import MAX_STEPS
from course_lib.reference import (
    categorical_kl,
    conjugate_gradient,
    fisher_matrix,
    fisher_vector_product,
    generalized_advantage,
    line_search,
    natural_step,
    normalize_advantage,
    sample_categorical,
    surrogate_objective,
    trpo_multiplier,
)
from course_lib.runs import RUNS

GAMMA = 0.7
SIZES = {"num_envs": 4, "num_steps": 8, "critic_epochs": 2, "minibatch_size": 16, "hidden": (8,)}
PROBE = {
    "num_envs": 16,
    "num_steps": 8,
    "hidden": (16,),
    "minibatch_size": 64,
    "critic_learning_rate": 0.01,
    "max_kl": 0.05,
    "gamma": GAMMA,
    "reward_scale": 1.0,
    "normalize": False,
    "damping": 10.0,  # a certain policy has a Fisher matrix of zero: this keeps its steps short
}
LOOPS = {
    "npg": (npg, NPGConfig),
    "tnpg": (tnpg, TNPGConfig),
    "trpo": (trpo, TRPOConfig),
    "trpo_lagrangian": (trpo_lagrangian, TRPOLagrangianConfig),
}
all_loops = pytest.mark.parametrize(("loop", "settings"), LOOPS.values(), ids=LOOPS)


def weights(progress):
    return torch.nn.utils.parameters_to_vector(progress.policy.parameters()).detach().clone()


def trained(loop, config, updates=3, environment_id="CartPole-v1", seed=0, **functions):
    *_, last = islice(loop(environment_id, config, seed, **functions), updates)
    return last


def problem(seed=0, rows=200, environment_id="CartPole-v1"):
    """A batch with random advantages, and the policy that acted."""
    generator = torch.Generator().manual_seed(seed)
    policy = make_policy(make_vector(environment_id, 1), (8,), generator)
    obs = torch.randn(rows, 4, generator=generator)
    action = policy.sample(obs, generator)
    advantage = torch.randn(rows, generator=generator)
    with torch.no_grad():
        old_log_prob = policy.log_prob(obs, action)
    return LocalProblem(policy, Batch(obs, action, old_log_prob, advantage, advantage), update=1)


def visited(environment_id):
    """Observations that acting well leads to."""
    environment = make_vector(environment_id, 16, seed=9)
    observations = [environment.reset()]
    for _ in range(3):
        observations.append(environment.step(environment.exact_action(observations[-1])).obs)
    return np.concatenate(observations)


@pytest.mark.parametrize("probe", PROBES)
@all_loops
def test_a_probe_is_learned_exactly(loop, settings, probe):
    progress = trained(loop, settings(**PROBE), 60, probe)
    obs = visited(probe)
    with torch.no_grad():
        value = progress.critic(torch.from_numpy(obs)).numpy()
        probability = progress.policy.logits(torch.from_numpy(obs)).softmax(-1).numpy()
    assert value == pytest.approx(PROBES[probe].exact_value(obs, GAMMA), abs=0.1)
    best = probability[np.arange(len(obs)), PROBES[probe].exact_action(obs)]
    assert best.min() > 0.9


@all_loops
def test_a_flipped_objective_prefers_the_worse_action(loop, settings):
    def flipped(log_prob, old_log_prob, advantage):
        return surrogate_objective(log_prob, old_log_prob, -advantage)

    policy = trained(loop, settings(**PROBE), 30, "Probe4-v0", surrogate=flipped).policy
    assert policy.logits(torch.zeros(1, 1)).softmax(-1)[0, 1] < 0.1


@all_loops
def test_a_seed_gives_the_same_training_and_another_seed_another_one(loop, settings):
    config = settings(**SIZES)
    first, again, other = (weights(trained(loop, config, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@all_loops
def test_training_neither_uses_nor_changes_the_global_random_numbers(loop, settings):
    torch.manual_seed(1)
    before, first = torch.get_rng_state(), weights(trained(loop, settings(**SIZES)))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(trained(loop, settings(**SIZES))), first)


def reward_alone(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
    return reward


def half_step(gradient, direction, max_kl):
    return 0.5 * natural_step(gradient, direction, max_kl)


def plain_gradient(matvec, b, iterations, tolerance):
    return b


def identity_product(kl, parameters, vector, damping):
    return vector


def refusing(objective, kl, parameters, step, max_kl, backtrack_ratio, max_backtracks):
    return parameters, False


SHARED = {
    "advantage": (generalized_advantage, reward_alone),
    "normalize": (normalize_advantage, lambda advantage, eps: -advantage),
    "surrogate": (surrogate_objective, lambda new, old, advantage: -(new * advantage).sum()),
    "sample": (
        sample_categorical,
        lambda logits, generator: torch.ones(len(logits), dtype=torch.int64),
    ),
}
KL = {"kl": (categorical_kl, lambda p, q: 2 * categorical_kl(p, q))}
STEP = {"step": (natural_step, half_step)}
PRODUCTS = {
    "solve": (conjugate_gradient, plain_gradient),
    "product": (fisher_vector_product, identity_product),
}
OWN = {
    "npg": STEP | {"fisher": (fisher_matrix, lambda score: torch.eye(score.shape[1]))},
    "tnpg": STEP | PRODUCTS | KL,
    "trpo": STEP | PRODUCTS | KL | {"search": (line_search, refusing)},
    "trpo_lagrangian": KL
    | {"multiplier": (trpo_multiplier, lambda multiplier, kl, max_kl, step_size: 50.0)},
}
PLUGS = [(loop, name) for loop in LOOPS for name in SHARED | OWN[loop]]


@pytest.mark.parametrize(("loop_name", "name"), PLUGS)
def test_each_given_function_is_really_used(loop_name, name):
    loop, settings = LOOPS[loop_name]
    same, other = (SHARED | OWN[loop_name])[name]
    reference = weights(trained(loop, settings(**SIZES)))
    assert torch.equal(weights(trained(loop, settings(**SIZES), **{name: same})), reference)
    assert not torch.equal(weights(trained(loop, settings(**SIZES), **{name: other})), reference)


def test_the_gradient_of_the_problem_is_the_policy_gradient():
    ours = problem()
    batch, policy = ours.batch, ours.policy
    log_prob = policy.log_prob(batch.obs, batch.action)
    expected = torch.autograd.grad((log_prob * batch.advantage).mean(), ours.weights)
    assert torch.allclose(
        ours.gradient, torch.cat([part.flatten() for part in expected]), atol=1e-6
    )


@pytest.mark.parametrize("environment_id", ["CartPole-v1", "ContinuousCartPole-v0"])
def test_scores_are_the_gradients_of_one_step_each(environment_id):
    # More rows than are taken at once, and not a multiple of it.
    ours = problem(rows=300, environment_id=environment_id)
    scores = ours.scores()
    assert scores.shape == (300, len(ours.parameters))
    for i in (0, 127, 128, 299):
        log_prob = ours.policy.log_prob(ours.batch.obs[i : i + 1], ours.batch.action[i : i + 1])
        expected = torch.autograd.grad(log_prob.sum(), ours.weights)
        assert torch.allclose(
            scores[i], torch.cat([part.flatten() for part in expected]), atol=1e-5
        )


def test_scores_weighted_by_advantages_are_the_gradient():
    ours = problem(1)
    weighted = (ours.scores() * ours.batch.advantage[:, None]).mean(0)
    assert torch.allclose(weighted, ours.gradient, atol=1e-6)


@pytest.mark.parametrize("environment_id", ["CartPole-v1", "ContinuousCartPole-v0"])
def test_the_divergence_is_zero_where_the_policy_acted_and_grows_away_from_it(environment_id):
    ours = problem(environment_id=environment_id)
    direction = torch.randn(ours.parameters.shape, generator=torch.Generator().manual_seed(1))
    away = ours.parameters + 0.1 * direction
    assert ours.kl(ours.parameters) == pytest.approx(0, abs=1e-6)
    assert ours.kl(away) > 1e-3
    assert torch.equal(torch.nn.utils.parameters_to_vector(ours.weights), away)


def test_the_objective_where_the_policy_acted_is_the_mean_advantage():
    ours = problem()
    mean = ours.batch.advantage.mean().item()
    assert ours.objective(ours.parameters).item() == pytest.approx(mean, abs=1e-6)


def test_the_full_matrix_and_many_steps_of_conjugate_gradient_go_the_same_way():
    # The Fisher matrix of NPG is a mean over the sampled actions, that of TNPG over all actions:
    # with many samples of few parameters the two steps nearly agree.
    sizes = SIZES | {"num_envs": 256, "num_steps": 16, "hidden": (2,), "damping": 0.05}
    start = weights(trained(npg, NPGConfig(**sizes, max_kl=0.0), 1))
    dense = weights(trained(npg, NPGConfig(**sizes), 1)) - start
    truncated = weights(trained(tnpg, TNPGConfig(**sizes, iterations=50), 1)) - start
    assert torch.cosine_similarity(dense, truncated, dim=0) > 0.98
    assert dense.norm() == pytest.approx(truncated.norm().item(), rel=0.1)


@pytest.mark.parametrize("max_kl", [0.001, 0.01])
def test_trpo_keeps_the_limit_in_every_update(max_kl):
    config = TRPOConfig(**SIZES | {"num_steps": 32}, max_kl=max_kl)
    updates = list(islice(trpo("CartPole-v1", config, 0), 15))
    distances = [step.metrics["kl"] for step in updates if step.metrics["accepted"]]
    assert len(distances) > 10
    assert all(0.2 * max_kl < kl <= 1.001 * max_kl for kl in distances)


def test_a_limit_that_falls_is_kept_in_every_update_and_in_the_end_nothing_moves():
    steps = SIZES["num_envs"] * 32
    config = TRPOConfig(**SIZES | {"num_steps": 32}, max_kl=0.01, decay_steps=8 * steps)
    updates = [(step.metrics, weights(step)) for step in islice(trpo("CartPole-v1", config, 0), 10)]
    limits = [0.01 * share for share in (1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8)]
    moved = [
        (metrics["kl"], limit)
        for (metrics, _), limit in zip(updates[:8], limits, strict=True)
        if metrics["accepted"]
    ]
    assert len(moved) > 5
    assert all(0.2 * limit < kl <= 1.001 * limit for kl, limit in moved)
    assert not updates[8][0]["accepted"]
    assert torch.equal(updates[7][1], updates[9][1])


def test_the_natural_gradient_without_a_search_exceeds_a_large_limit():
    config = TNPGConfig(**SIZES | {"num_steps": 32}, max_kl=0.5, damping=0.0001)
    distances = [step.metrics["kl"] for step in islice(tnpg("CartPole-v1", config, 0), 10)]
    assert max(distances) > 0.5


@pytest.mark.parametrize("name", ["ppo-pendulum", "trpo-pendulum"])
def test_every_batch_of_pendulums_shows_whole_episodes(name):
    def seen(num_steps, update):
        """Which steps of an episode one update sees; all pendulums start together."""
        return (np.arange(num_steps) + (update - 1) * num_steps) % MAX_STEPS

    ours = RUNS[name].config.num_steps
    assert all(set(seen(ours, update)) == set(range(MAX_STEPS)) for update in range(1, 26))
    # With 128 steps the 25th batch holds steps 72 to 199 only: the pendulum stands, and how it was
    # swung up is neither rewarded nor within the limit of the divergence.
    assert set(seen(128, 25)) == set(range(72, 200))


def test_a_refused_step_leaves_the_policy_as_it_was():
    def tried(objective, kl, parameters, step, *rest):
        objective(parameters + step)
        return parameters, False

    first, second = (
        weights(trained(trpo, TRPOConfig(**SIZES), updates, search=tried)) for updates in (1, 2)
    )
    assert torch.equal(first, second)


def test_the_price_rises_while_the_policy_is_too_far_and_never_falls_below_zero():
    near = trained(trpo_lagrangian, TRPOLagrangianConfig(**SIZES, max_kl=100.0), 2)
    assert near.metrics["multiplier"] == 0
    far = trained(
        trpo_lagrangian,
        TRPOLagrangianConfig(**SIZES, max_kl=0.0, learning_rate=0.05),
        2,
    )
    assert far.metrics["multiplier"] > 1


@all_loops
def test_a_term_that_is_no_number_is_named_with_its_update(loop, settings):
    calls = []

    def broken_later(reward, value, next_value, terminated, truncated, gamma, gae_lambda):
        calls.append(1)
        return reward * (float("nan") if len(calls) == 2 else 1.0)

    with pytest.raises(ValueError, match=r"update 2: the loss is nan; advantage already"):
        trained(loop, settings(**SIZES), advantage=broken_later)


@pytest.mark.parametrize("distribution", ["gaussian", "beta"])
@all_loops
def test_continuous_actions_train_with_both_distributions(loop, settings, distribution):
    config = settings(**SIZES, distribution=distribution)
    progress = trained(loop, config, 2, "ContinuousCartPole-v0")
    assert torch.isfinite(weights(progress)).all()
    assert progress.metrics["kl"] > 0


@pytest.mark.parametrize("name", ["tnpg", "trpo", "trpo_lagrangian"])
def test_a_divergence_that_is_no_number_is_named_with_its_update(name):
    loop, settings = LOOPS[name]
    updates = []

    def counting(*rollout, gamma, gae_lambda):
        updates.append(1)
        return generalized_advantage(*rollout, gamma, gae_lambda)

    def broken_later(logits_p, logits_q):
        return categorical_kl(logits_p, logits_q) * (float("nan") if len(updates) == 2 else 1.0)

    with pytest.raises(ValueError, match=r"update 2: the loss is nan; kl already not finite"):
        trained(loop, settings(**SIZES), 3, kl=broken_later, advantage=counting)


@all_loops
def test_a_surrogate_that_is_no_number_stops_the_run(loop, settings):
    def broken(log_prob, old_log_prob, advantage):
        return surrogate_objective(log_prob, old_log_prob, advantage) * float("nan")

    with pytest.raises(ValueError, match=r"update 1: the loss is nan; all its inputs are finite"):
        trained(loop, settings(**SIZES), 1, surrogate=broken)
