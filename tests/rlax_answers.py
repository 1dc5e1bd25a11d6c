"""What rlax answers: `python -m tests.rlax_answers IN.npz OUT.npz`, for test_rlax.py.

A process of its own, because JAX's threads would make every later fork in the tests warn."""

import sys

import jax
import numpy as np
import rlax

jax.config.update("jax_enable_x64", True)


def column_by_column(function, *arrays):
    """rlax knows one trajectory: map over the N columns of (T, N)."""
    return jax.vmap(function, in_axes=1, out_axes=1)(*arrays)


def answers(data):
    """Name → array: values, and gradients of sums."""
    gae_lambda, clip, rho_bar = (float(data[name]) for name in ("gae_lambda", "clip", "rho_bar"))
    reward, discount, value = data["reward"], data["discount"], data["value"]
    next_value = value[1:]

    def lambda_returns(reward, next_value):
        returns = column_by_column(
            lambda r, d, v: rlax.lambda_returns(r, d, v, gae_lambda), reward, discount, next_value
        )
        return (data["weight"] * returns).sum(), returns

    def clipped(log_prob):
        ratio = jax.numpy.exp(log_prob - data["old_log_prob"])
        return rlax.clipped_surrogate_pg_loss(ratio, data["advantage"], clip)

    def actor_critic(logits):
        ones = np.ones(len(logits))
        loss = rlax.policy_gradient_loss(logits, data["action"], data["advantage"], ones)
        return loss + 0.1 * rlax.entropy_loss(logits, ones)

    def batch(function, *names):
        return jax.vmap(function)(*(data[name] for name in names))

    gradient, returns = jax.grad(lambda_returns, argnums=(0, 1), has_aux=True)(reward, next_value)
    step = ("q", "action", "batch_reward", "batch_discount")
    return {
        "gae": column_by_column(
            lambda r, d, v: rlax.truncated_generalized_advantage_estimation(r, d, gae_lambda, v),
            reward, discount, value,
        ),
        "vtrace": value[:-1] + column_by_column(
            lambda *columns: rlax.vtrace(*columns, clip_rho_threshold=rho_bar),
            value[:-1], next_value, reward, discount, data["ratio"],
        ),
        "lambda_return": returns,
        "lambda_return_by_reward": gradient[0],
        "lambda_return_by_value": gradient[1],
        "clipped": clipped(data["log_prob"]),
        "clipped_gradient": jax.grad(clipped)(data["log_prob"]),
        "actor_critic": actor_critic(data["logits"]),
        "actor_critic_gradient": jax.grad(actor_critic)(data["logits"]),
        "dqn": batch(rlax.q_learning, *step, "next_q"),
        "double_dqn": batch(rlax.double_q_learning, *step, "next_q", "next_selector"),
        "expected_sarsa": batch(rlax.expected_sarsa, *step, "next_q", "next_pi"),
    }  # fmt: skip


if __name__ == "__main__":
    with np.load(sys.argv[1]) as stored:
        np.savez(sys.argv[2], **answers(dict(stored)))
