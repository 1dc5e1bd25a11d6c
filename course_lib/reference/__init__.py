"""The reference implementations: pure functions of tensors, one module a family.

Every function of the curriculum can be imported from here by its own name.
"""

from course_lib.reference.actor_critic import a2c_loss, actor_critic_losses
from course_lib.reference.advantages import (
    generalized_advantage,
    n_step_return,
    normalize_advantage,
    td_error,
)
from course_lib.reference.distributions import (
    beta_log_prob,
    categorical_entropy,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_log_prob,
    sample_categorical,
    sample_gaussian,
)
from course_lib.reference.reinforce import (
    cross_entropy_policy_gradient,
    max_likelihood_loss,
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from course_lib.reference.returns import discounted_return, reward_to_go

__all__ = [
    "a2c_loss",
    "actor_critic_losses",
    "beta_log_prob",
    "categorical_entropy",
    "categorical_log_prob",
    "cross_entropy_policy_gradient",
    "discounted_return",
    "gaussian_entropy",
    "gaussian_log_prob",
    "generalized_advantage",
    "max_likelihood_loss",
    "n_step_return",
    "normalize_advantage",
    "reinforce_loss",
    "reinforce_practical_loss",
    "reinforce_to_go_loss",
    "reward_to_go",
    "sample_categorical",
    "sample_gaussian",
    "td_error",
]
