"""The question that all trust-region methods ask of one batch: where to go from here, and how far.

How it is answered is in natural_gradient.py and trpo.py."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_lib.algorithms.batch import Batch
from course_lib.algorithms.progress import require_finite
from course_lib.policies import Policy
from course_lib.reference import surrogate_objective

SCORES_AT_ONCE = 128


class LocalProblem:
    """Raise the surrogate objective of a batch, near the policy that acted.

    Parameters are one flat vector θ (D,) here: `parameters` is θ_old.

    Args:
        policy: π_θ, as it acted.
        batch: (B,) steps with their advantages.
        update: which update this is, for the message if a number is none.
        surrogate: `surrogate(log_prob, old_log_prob, advantage)`, to be maximised.

    Raises:
        ValueError: the objective is not finite.
    """

    def __init__(
        self,
        policy: Policy,
        batch: Batch,
        update: int,
        surrogate: Callable[[Tensor, Tensor, Tensor], Tensor] = surrogate_objective,
    ) -> None:
        self.policy, self.batch, self.surrogate = policy, batch, surrogate
        self.update = update
        self.weights = list(policy.parameters())
        self.parameters = parameters_to_vector(self.weights).detach()
        with torch.no_grad():
            self.acted = tuple(part.clone() for part in policy.distribution(batch.obs))
        gain = self.gain()
        require_finite(update, gain, advantage=batch.advantage, old_log_prob=batch.old_log_prob)
        self.gradient = parameters_to_vector(torch.autograd.grad(gain, self.weights))

    def gain(self) -> Tensor:
        """() the surrogate objective of the policy as it is now, with a gradient."""
        log_prob = self.policy.log_prob(self.batch.obs, self.batch.action)
        return self.surrogate(log_prob, self.batch.old_log_prob, self.batch.advantage)

    def mean_kl(self) -> Tensor:
        """() mean KL(π_old‖π_θ) of the policy as it is now, with a gradient."""
        return self.policy.kl(self.acted, self.batch.obs).mean()

    def move_to(self, parameters: Tensor) -> None:
        """Give the policy these parameters."""
        vector_to_parameters(parameters, self.weights)

    @torch.no_grad()
    def objective(self, parameters: Tensor) -> Tensor:
        """() the surrogate objective at θ; the policy is left there."""
        self.move_to(parameters)
        return self.gain()

    @torch.no_grad()
    def kl(self, parameters: Tensor) -> Tensor:
        """() the mean KL divergence of θ from the policy that acted; the policy is left there."""
        self.move_to(parameters)
        return self.mean_kl()

    def scores(self) -> Tensor:
        """(B, D) ∇log π(a|s) of every step: one backward pass for many steps at a time."""
        parts = zip(
            self.batch.obs.split(SCORES_AT_ONCE),
            self.batch.action.split(SCORES_AT_ONCE),
            strict=True,
        )
        return torch.cat([self._scores(obs, action) for obs, action in parts])

    def _scores(self, obs: Tensor, action: Tensor) -> Tensor:
        log_prob = self.policy.log_prob(obs, action)
        one_each = torch.eye(len(log_prob))
        gradients = torch.autograd.grad(log_prob, self.weights, one_each, is_grads_batched=True)
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)
