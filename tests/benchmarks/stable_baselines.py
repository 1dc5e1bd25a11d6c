"""Stable-Baselines3 and sb3-contrib under the stopwatch: the model, its policy, a callback."""

import copy
from typing import Any

import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise

from tests.benchmarks.peer_settings import PeerSettings
from tests.benchmarks.stopwatch import Stopwatch

MODELS: dict[str, type[BaseAlgorithm]] = {
    "ppo": stable_baselines3.PPO,
    "a2c": stable_baselines3.A2C,
    "trpo": sb3_contrib.TRPO,
    "ddpg": stable_baselines3.DDPG,
    "td3": stable_baselines3.TD3,
    "sac": stable_baselines3.SAC,
    "dqn": stable_baselines3.DQN,
}
GREEDY = {"ddpg", "td3", "dqn"}  # deterministic policies; the others are used as they sample


def make_model(
    algorithm: str, environment_id: str, settings: PeerSettings, seed: int
) -> BaseAlgorithm:
    """The peer, silent and on the CPU."""
    environments = make_vec_env(environment_id, n_envs=settings.num_envs, seed=seed)
    arguments = copy.deepcopy(settings.arguments)  # the peer writes into its policy's arguments
    if settings.noise_std:
        size = environments.action_space.shape
        noise = settings.noise_std * np.ones(size)
        arguments["action_noise"] = NormalActionNoise(np.zeros(size), noise)
    return MODELS[algorithm]("MlpPolicy", environments, seed=seed, device="cpu", **arguments)


class PeerPolicy:
    """The peer's policy with the method that `evaluate` asks for.

    Where exploration noise is a matrix that is kept for some steps (gSDE), every episode gets its
    own, and a new one as often as in training.
    """

    def __init__(self, model: BaseAlgorithm, greedy: bool) -> None:
        self.model, self.greedy = model, greedy
        self.sde_every = model.sde_sample_freq if getattr(model, "use_sde", False) else None
        self.steps = 0

    def sample(self, obs: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if self.sde_every is not None and self.steps % max(self.sde_every, 1) == 0:
            self.model.policy.reset_noise(len(obs))
        self.steps += 1
        return torch.as_tensor(self.model.predict(obs.numpy(), deterministic=self.greedy)[0])


class Watch(BaseCallback):
    """Lets a stopwatch look at each new policy: when the next rollout begins."""

    def __init__(self, watch: Stopwatch, greedy: bool) -> None:
        super().__init__()
        self.watch, self.greedy = watch, greedy
        self.going_on = True

    def _on_rollout_start(self) -> None:
        state = torch.get_rng_state()
        policy = PeerPolicy(self.model, self.greedy)
        self.going_on = not self.watch.look(self.num_timesteps, policy)
        if policy.steps and policy.sde_every is not None:
            self.model.policy.reset_noise(self.training_env.num_envs)
        torch.set_rng_state(state)

    def _on_step(self) -> bool:
        return self.going_on


def train_peer(
    algorithm: str, environment_id: str, settings: PeerSettings, seed: int, watch: Stopwatch
) -> dict[str, Any]:
    """Train until the stopwatch has seen enough; what it has to say."""
    watch.start()
    model = make_model(algorithm, environment_id, settings, seed)
    model.learn(settings.total_steps, callback=Watch(watch, algorithm in GREEDY))
    return watch.outcome()
