"""Probe environments: problems so small that the answer is known and one thing alone can be wrong.

If probe k fails while the ones before it pass, its docstring says where to look. The idea is Andy
Jones's ("Debugging RL, Without the Agonizing Pain", 2021)."""

import numpy as np

from course_lib.environments.vector import BatchedEnvironment


class Probe(BatchedEnvironment):
    """A batched probe: one observation in [−1, 1]; a state is the observation, (N, 1).

    `exact_value(obs, gamma)` is V* (N,), `exact_action(obs)` the best action (N,).
    """

    observation_size = 1
    observation_bounds = (-1.0, 1.0)
    num_actions = 1
    max_steps = 2

    def first_state(self, count: int) -> np.ndarray:
        return np.zeros((count, 1), dtype=np.float32)

    def observe(self, state: np.ndarray) -> np.ndarray:
        return state.copy()

    def _end(self, state: np.ndarray, reward: np.ndarray) -> tuple[np.ndarray, ...]:
        """One-step episodes: everything terminates with `reward`."""
        return state.copy(), reward.astype(np.float32), np.ones(len(state), dtype=bool)

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        raise NotImplementedError

    @staticmethod
    def exact_action(obs: np.ndarray) -> np.ndarray:
        return np.zeros(len(obs), dtype=np.int64)


class ConstantProbe(Probe):
    """1: one step, reward 1. V = 1. Fails: the value loss, its sign, its optimiser."""

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._end(state, np.ones(len(state)))

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.ones(len(obs), dtype=np.float32)


class SignProbe(Probe):
    """Shared by probes 2 and 5: the observation is −1 or +1, at random, for one step."""

    def first_state(self, count: int) -> np.ndarray:
        return self.random.choice(np.array([-1.0, 1.0], dtype=np.float32), (count, 1))


class ObservationProbe(SignProbe):
    """2: one step, reward = observation = ±1. V(s) = s. Fails: the critic does not see its input,
    or observations and rewards are paired wrongly."""

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._end(state, state[:, 0])

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.asarray(obs, dtype=np.float32)[:, 0].copy()


class DiscountProbe(Probe):
    """3: observation 0, then 1; reward 1 at the end. V(0) = γ, V(1) = 1. Fails: discounting, the
    bootstrap, or what happens at an end."""

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        second = state[:, 0] == 1
        return np.ones_like(state), second.astype(np.float32), second

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.where(np.asarray(obs)[:, 0] == 1, 1.0, gamma).astype(np.float32)


class ActionProbe(Probe):
    """4: one step, action 1 pays +1, action 0 pays −1. V = 1 once the policy has learned. Fails:
    the policy loss, the sign of the advantage, actions and advantages paired wrongly."""

    num_actions = 2

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._end(state, np.where(action == 1, 1.0, -1.0))

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.ones(len(obs), dtype=np.float32)

    @staticmethod
    def exact_action(obs: np.ndarray) -> np.ndarray:
        return np.ones(len(obs), dtype=np.int64)


class MatchProbe(SignProbe):
    """5: one step, observation ±1; action 1 pays +1 at +1, action 0 at −1, the others −1. Fails:
    the policy does not see its input, or a batch is flattened in two different orders."""

    num_actions = 2

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        return self._end(state, np.where(action == self.exact_action(state), 1.0, -1.0))

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.ones(len(obs), dtype=np.float32)

    @staticmethod
    def exact_action(obs: np.ndarray) -> np.ndarray:
        return (np.asarray(obs)[:, 0] > 0).astype(np.int64)


class TruncationProbe(Probe):
    """6: reward 1 for ever, cut after 8 steps. V = 1/(1 − γ). Fails: a time limit is treated as a
    termination, or the bootstrap uses the first observation of the next episode."""

    max_steps = 8

    def dynamics(self, state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, ...]:
        count = len(state)
        return state.copy(), np.ones(count, dtype=np.float32), np.zeros(count, dtype=bool)

    @staticmethod
    def exact_value(obs: np.ndarray, gamma: float) -> np.ndarray:
        return np.full(len(obs), 1 / (1 - gamma), dtype=np.float32)


PROBES: dict[str, type[Probe]] = {
    "Probe1-v0": ConstantProbe,
    "Probe2-v0": ObservationProbe,
    "Probe3-v0": DiscountProbe,
    "Probe4-v0": ActionProbe,
    "Probe5-v0": MatchProbe,
    "Probe6-v0": TruncationProbe,
}
