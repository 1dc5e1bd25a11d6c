"""What an environment step costs when both sides use the same settings: CPU µs, A B B A."""

import sys
import time
from dataclasses import dataclass
from typing import Any

from course_lib.algorithms import (
    A2CConfig,
    DDPGConfig,
    PPOConfig,
    SACConfig,
    TD3Config,
    TRPOConfig,
)
from course_lib.catalogue import find_algorithm
from tests.benchmarks import results
from tests.benchmarks.peer_settings import A2C_CARTPOLE, CARTPOLE, PENDULUM, PeerSettings

ROUNDS = 2  # of A B B A


@dataclass(frozen=True)
class Cost:
    """One comparison.

    Attributes:
        algorithm, environment_id: what and where.
        ours, peer: the same settings, in both languages.
        warm_up: environment steps before the clock runs, random ones and their buffer included.
        steps: environment steps on the clock.
        words: the settings in the table.
    """

    algorithm: str
    environment_id: str
    ours: Any
    peer: PeerSettings
    warm_up: int
    steps: int
    words: str

    @property
    def task(self) -> str:
        """Its name among the results."""
        return f"{self.algorithm} on {self.environment_id}: {self.words}"

    @property
    def sides(self) -> dict[str, Any]:
        """Settings by side."""
        return {results.OURS: self.ours, "peer": self.peer}


# A peer that learns after every step from one minibatch, as its defaults have it.
EACH_STEP = {
    "num_envs": 1, "num_steps": 1, "num_updates": 1, "batch_size": 256, "random_steps": 100,
    "capacity": 100_000, "target_rate": 0.005, "gamma": 0.99,
}  # fmt: skip
REPLAY = {"buffer_size": 100_000}
ONE_UPDATE = "1 environment, 1 minibatch of 256 a step, {}"
COSTS = [
    Cost(
        "ppo", CARTPOLE,
        PPOConfig(
            num_envs=1, num_steps=2048, epochs=10, minibatch_size=64, learning_rate=3e-4,
            value_coef=1.0, reward_scale=1.0,
        ),
        PeerSettings(), 2048, 8192, "1 environment × 2048, 10 epochs of 64",
    ),
    Cost(
        "ppo", CARTPOLE,
        PPOConfig(
            num_envs=8, num_steps=32, epochs=20, minibatch_size=256, learning_rate=1e-3,
            gae_lambda=0.8, gamma=0.98, reward_scale=1.0,
        ),
        PeerSettings(8, {
            "n_steps": 32, "batch_size": 256, "gae_lambda": 0.8, "gamma": 0.98, "n_epochs": 20,
            "learning_rate": 1e-3,
        }), 2048, 16_384, "8 × 32, 20 epochs of 256",
    ),
    Cost(
        "a2c", CARTPOLE,
        A2CConfig(
            num_envs=8, num_steps=5, learning_rate=7e-4, critic_learning_rate=7e-4,
            gae_lambda=1.0, normalize=False, reward_scale=1.0,
        ),
        A2C_CARTPOLE, 2000, 20_000, "8 × 5",
    ),
    Cost(
        "trpo", CARTPOLE,
        TRPOConfig(
            num_envs=1, num_steps=2048, iterations=15, damping=0.1, max_kl=0.01, gae_lambda=0.95,
            critic_epochs=10, minibatch_size=128, critic_learning_rate=1e-3, reward_scale=1.0,
        ),
        PeerSettings(), 2048, 8192, "1 × 2048, 15 steps of CG, 10 critic epochs of 128",
    ),
    *(
        Cost(
            name, PENDULUM, config(**EACH_STEP, learning_rate=rate, hidden=hidden,
            reward_scale=1.0, **more), PeerSettings(1, REPLAY, noise_std=noise), 300, 1000,
            ONE_UPDATE.format(f"networks {hidden[0]}, {hidden[1]}"),
        )
        for name, config, rate, hidden, noise, more in (
            ("ddpg", DDPGConfig, 1e-3, (400, 300), 0.1, {}),
            ("td3", TD3Config, 1e-3, (400, 300), 0.1, {}),
            ("sac", SACConfig, 3e-4, (256, 256), 0.0, {}),
        )
    ),
]  # fmt: skip


def our_cost(cost: Cost, seed: int) -> float:
    """CPU µs a step of our loop."""
    updates = find_algorithm(cost.algorithm).start(cost.environment_id, cost.ours, seed)
    progress = next(updates)
    while progress.env_steps < cost.warm_up:
        progress = next(updates)
    begin, started = progress.env_steps, time.process_time()
    while progress.env_steps < begin + cost.steps:
        progress = next(updates)
    return 1e6 * (time.process_time() - started) / (progress.env_steps - begin)


def peer_cost(cost: Cost, seed: int) -> float:
    """CPU µs a step of the peer."""
    # Imported here: the README's tables should not wait for it.
    from tests.benchmarks.stable_baselines import make_model

    model = make_model(cost.algorithm, cost.environment_id, cost.peer, seed)
    model.learn(cost.warm_up)
    begin, started = model.num_timesteps, time.process_time()
    model.learn(cost.steps, reset_num_timesteps=False)
    return 1e6 * (time.process_time() - started) / (model.num_timesteps - begin)


def measure(cost: Cost, *, again: bool) -> None:
    """Measure the rounds that are missing, and store each."""
    done = set() if again else {results.key_of(record) for record in results.read()}
    for i in range(2 * ROUNDS):
        order = [(results.OURS, our_cost), ("peer", peer_cost)]
        for who, runner in order if i % 2 == 0 else order[::-1]:
            record = {
                "kind": "cost", "task": cost.task, "who": who,
                "settings": results.described(cost.sides[who]), "seed": i,
            }  # fmt: skip
            if results.key_of(record) in done:
                continue
            record["microseconds"] = round(runner(cost, i), 2)
            results.append(record)
            print(f"{cost.task} {who}: {record['microseconds']} µs", file=sys.stderr, flush=True)
