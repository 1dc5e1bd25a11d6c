"""The peers' settings: their own defaults, and those that RL Baselines3 Zoo tuned.

Source of "zoo": github.com/DLR-RM/rl-baselines3-zoo, folder hyperparams, files ppo.yml (00128b5),
a2c.yml (c6c209e), trpo.yml (13a3fe7), ddpg.yml (1159e28), td3.yml (a02f4fb), sac.yml (00128b5) and
dqn.yml (ce95481), in brackets the commit. The zoo calls the older Pendulum-v0 by its name in
ddpg.yml and td3.yml. It has no continuous CartPole: on it, the discrete one's settings are taken
for PPO, A2C and TRPO, and Pendulum's for DDPG, TD3 and SAC."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CARTPOLE, CONTINUOUS, PENDULUM = "CartPole-v1", "ContinuousCartPole-v0", "Pendulum-v1"
FOR_EVER = 10_000_000  # environment steps: the CPU time ends these


@dataclass(frozen=True)
class PeerSettings:
    """How a peer is made.

    Attributes:
        num_envs: N, environments stepped together.
        arguments: of the algorithm's constructor.
        total_steps: for which it is asked to learn; schedules fall to 0 over them.
        noise_std: of Gaussian exploration, in units of half the action's range; 0 is none.
    """

    num_envs: int = 1
    arguments: dict[str, Any] = field(default_factory=dict)
    total_steps: int = FOR_EVER
    noise_std: float = 0.0


def falling(first: float) -> Callable[[float], float]:
    """The zoo's `lin_…`: a value that falls to 0 with the share of the steps that remains."""
    return lambda remaining: remaining * first


# One settings object serves both: the zoo's DDPG and TD3 agree.
REPLAYED = PeerSettings(
    1,
    {
        "gamma": 0.98,
        "buffer_size": 200_000,
        "learning_starts": 10_000,
        "gradient_steps": -1,
        "train_freq": (1, "episode"),
        "learning_rate": 1e-3,
        "policy_kwargs": {"net_arch": [400, 300]},
    },
    noise_std=0.1,
)
PPO_CARTPOLE = PeerSettings(
    8,
    {
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "n_epochs": 20,
        "ent_coef": 0.0,
        "learning_rate": falling(1e-3),
        "clip_range": falling(0.2),
    },
    total_steps=100_000,
)
PPO_PENDULUM = PeerSettings(
    4,
    {
        "n_steps": 1024,
        "gae_lambda": 0.95,
        "gamma": 0.9,
        "n_epochs": 10,
        "ent_coef": 0.0,
        "learning_rate": 1e-3,
        "clip_range": 0.2,
        "use_sde": True,
        "sde_sample_freq": 4,
    },
)
A2C_CARTPOLE = PeerSettings(8, {"ent_coef": 0.0})
TRPO_CARTPOLE = PeerSettings(
    2,
    {
        "n_steps": 512,
        "batch_size": 512,
        "cg_damping": 1e-3,
        "gae_lambda": 0.98,
        "gamma": 0.99,
        "learning_rate": 1e-3,
        "n_critic_updates": 20,
    },
)
TRPO_PENDULUM = PeerSettings(
    2,
    {
        "n_steps": 1024,
        "gamma": 0.9,
        "n_critic_updates": 15,
        "use_sde": True,
        "sde_sample_freq": 4,
    },
)
SAC_PENDULUM = PeerSettings(1, {"learning_rate": 1e-3})
DQN_CARTPOLE = PeerSettings(
    1,
    {
        "learning_rate": 2.3e-3,
        "batch_size": 64,
        "buffer_size": 100_000,
        "learning_starts": 1000,
        "gamma": 0.99,
        "target_update_interval": 10,
        "train_freq": 256,
        "gradient_steps": 128,
        "exploration_fraction": 0.16,
        "exploration_final_eps": 0.04,
        "policy_kwargs": {"net_arch": [256, 256]},
    },
    total_steps=50_000,
)

ZOO: dict[tuple[str, str], PeerSettings] = {
    ("ppo", CARTPOLE): PPO_CARTPOLE,
    ("ppo", CONTINUOUS): PPO_CARTPOLE,
    ("ppo", PENDULUM): PPO_PENDULUM,
    ("a2c", CARTPOLE): A2C_CARTPOLE,
    ("a2c", CONTINUOUS): A2C_CARTPOLE,
    ("trpo", CARTPOLE): TRPO_CARTPOLE,
    ("trpo", CONTINUOUS): TRPO_CARTPOLE,
    ("trpo", PENDULUM): TRPO_PENDULUM,
    ("ddpg", CONTINUOUS): REPLAYED,
    ("ddpg", PENDULUM): REPLAYED,
    ("td3", CONTINUOUS): REPLAYED,
    ("td3", PENDULUM): REPLAYED,
    ("sac", CONTINUOUS): SAC_PENDULUM,
    ("sac", PENDULUM): SAC_PENDULUM,
    ("dqn", CARTPOLE): DQN_CARTPOLE,
}


def settings_of_peer(algorithm: str, environment_id: str) -> dict[str, PeerSettings]:
    """Both settings by name, where the peer is measured; else none."""
    zoo = ZOO.get((algorithm, environment_id))
    return {} if zoo is None else {"zoo": zoo, "defaults": PeerSettings()}
