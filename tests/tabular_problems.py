"""Small random Markov decision processes, and slow ways of computing what is exact elsewhere."""

import itertools

import torch
from torch import Tensor

from course_lib import environments
from course_lib.reference import expected_return


def random_mdp(seed: int, states: int = 4, actions: int = 3) -> dict[str, Tensor]:
    """P, R, p0 and logits in float64."""
    mdp = environments.random_mdp(states, actions, seed)
    generator = torch.Generator().manual_seed(seed + 2**32)
    logits = torch.randn(states, actions, generator=generator, dtype=torch.float64)
    return {"P": mdp.P, "R": mdp.R, "p0": mdp.p0, "logits": logits}


def mdp_and_policy(seed: int, states: int = 4, actions: int = 3) -> dict[str, Tensor]:
    """P, R, p0 and the policy's probabilities."""
    mdp = random_mdp(seed, states, actions)
    logits = mdp.pop("logits")
    return {**mdp, "pi": logits.softmax(-1)}


def return_of_logits(P: Tensor, R: Tensor, p0: Tensor, logits: Tensor, gamma: float) -> Tensor:
    """J, to be differentiated through the linear solve."""
    return expected_return(P, R, logits.softmax(-1), p0, gamma)


def return_by_enumeration(
    P: Tensor, R: Tensor, p0: Tensor, logits: Tensor, gamma: float, horizon: int
) -> Tensor:
    """J of the first `horizon` steps: the sum over every trajectory there is."""
    states, actions = R.shape
    pi = logits.softmax(-1)
    total = torch.zeros((), dtype=R.dtype)
    for state in itertools.product(range(states), repeat=horizon):
        for action in itertools.product(range(actions), repeat=horizon):
            probability = p0[state[0]]
            rewards = torch.zeros((), dtype=R.dtype)
            for t in range(horizon):
                if t:
                    probability = probability * P[state[t - 1], action[t - 1], state[t]]
                probability = probability * pi[state[t], action[t]]
                rewards = rewards + gamma**t * R[state[t], action[t]]
            total = total + probability * rewards
    return total
