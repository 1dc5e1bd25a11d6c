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
from course_lib.reference.baselines import (
    action_baseline_bias,
    baseline_loss,
    gradient_variance,
    gradient_weight,
    mean_baseline,
    optimal_baseline,
    value_loss_monte_carlo,
    value_loss_td,
)
from course_lib.reference.black_box import cem_update, reps_dual, reps_weight, rwr_weight
from course_lib.reference.deterministic import ddpg_target, dpg_loss, td3_target, update_target
from course_lib.reference.distributions import (
    beta_log_prob,
    categorical_entropy,
    categorical_log_prob,
    gaussian_entropy,
    gaussian_log_prob,
    sample_categorical,
    sample_gaussian,
)
from course_lib.reference.divergences import categorical_kl, gaussian_kl, total_variation
from course_lib.reference.exploration import OrnsteinUhlenbeck, gaussian_exploration
from course_lib.reference.importance import (
    effective_sample_size,
    first_order_loss,
    importance_ratio,
    importance_sampling_return,
    off_policy_reinforce_loss,
)
from course_lib.reference.language_models import (
    dpo_loss,
    group_advantage,
    grpo_loss,
    kl_to_reference,
    sequence_log_prob,
    token_log_prob,
)
from course_lib.reference.lqr import lqr_gradient
from course_lib.reference.maximum_entropy import (
    boltzmann_policy,
    kl_policy_loss,
    soft_policy_evaluation,
    soft_policy_iteration,
    soft_value,
)
from course_lib.reference.natural_gradient import (
    conjugate_gradient,
    fisher_matrix,
    fisher_vector_product,
    natural_step,
)
from course_lib.reference.normalizer import RunningNormalizer
from course_lib.reference.off_policy_gradients import (
    off_policy_gradient,
    off_policy_gradient_oracle,
)
from course_lib.reference.off_policy_targets import (
    expected_sarsa_target,
    n_step_importance_target,
    vtrace_target,
)
from course_lib.reference.ppo import (
    clipped_surrogate_loss,
    clipped_value_loss,
    kl_penalty_loss,
    ppo_loss,
)
from course_lib.reference.ppo_updates import (
    adapt_kl_coef,
    approximate_kl,
    clip_fraction,
    minibatch_indices,
)
from course_lib.reference.q_learning import critic_loss, double_dqn_target, dqn_target
from course_lib.reference.q_prop import qprop_baseline, qprop_loss
from course_lib.reference.reinforce import (
    cross_entropy_policy_gradient,
    max_likelihood_loss,
    reinforce_loss,
    reinforce_practical_loss,
    reinforce_to_go_loss,
)
from course_lib.reference.replay import ReplayBuffer
from course_lib.reference.returns import discounted_return, reward_to_go
from course_lib.reference.sac import (
    sac_policy_loss,
    sac_target,
    sac_value_loss,
    squashed_gaussian_log_prob,
    temperature_loss,
)
from course_lib.reference.score_functions import (
    gaussian_score,
    gumbel_softmax,
    leave_one_out_surrogate,
    pathwise_estimate,
    score_function_surrogate,
)
from course_lib.reference.tabular import (
    action_value,
    expected_return,
    policy_evaluation,
    state_visitation,
)
from course_lib.reference.tabular_gradients import (
    likelihood_ratio_gradient,
    policy_gradient_theorem,
    undiscounted_gradient,
    unrolled_gradient,
    value_gradient_recursion,
)
from course_lib.reference.trajectories import (
    episode_reward_to_go,
    monte_carlo_estimate,
    trajectory_log_prob,
)
from course_lib.reference.trust_region import (
    line_search,
    performance_difference,
    surrogate_objective,
    trpo_multiplier,
)
from course_lib.reference.world_models import (
    dream_policy_loss,
    gaussian_nll,
    imagine,
    lambda_return,
    latent_kl,
    straight_through_categorical,
)

__all__ = [
    "OrnsteinUhlenbeck",
    "ReplayBuffer",
    "RunningNormalizer",
    "a2c_loss",
    "action_baseline_bias",
    "action_value",
    "actor_critic_losses",
    "adapt_kl_coef",
    "approximate_kl",
    "baseline_loss",
    "beta_log_prob",
    "boltzmann_policy",
    "categorical_entropy",
    "categorical_kl",
    "categorical_log_prob",
    "cem_update",
    "clip_fraction",
    "clipped_surrogate_loss",
    "clipped_value_loss",
    "conjugate_gradient",
    "critic_loss",
    "cross_entropy_policy_gradient",
    "ddpg_target",
    "discounted_return",
    "double_dqn_target",
    "dpg_loss",
    "dpo_loss",
    "dqn_target",
    "dream_policy_loss",
    "effective_sample_size",
    "episode_reward_to_go",
    "expected_return",
    "expected_sarsa_target",
    "first_order_loss",
    "fisher_matrix",
    "fisher_vector_product",
    "gaussian_entropy",
    "gaussian_exploration",
    "gaussian_kl",
    "gaussian_log_prob",
    "gaussian_nll",
    "gaussian_score",
    "generalized_advantage",
    "gradient_variance",
    "gradient_weight",
    "group_advantage",
    "grpo_loss",
    "gumbel_softmax",
    "imagine",
    "importance_ratio",
    "importance_sampling_return",
    "kl_penalty_loss",
    "kl_policy_loss",
    "kl_to_reference",
    "lambda_return",
    "latent_kl",
    "leave_one_out_surrogate",
    "likelihood_ratio_gradient",
    "line_search",
    "lqr_gradient",
    "max_likelihood_loss",
    "mean_baseline",
    "minibatch_indices",
    "monte_carlo_estimate",
    "n_step_importance_target",
    "n_step_return",
    "natural_step",
    "normalize_advantage",
    "off_policy_gradient",
    "off_policy_gradient_oracle",
    "off_policy_reinforce_loss",
    "optimal_baseline",
    "pathwise_estimate",
    "performance_difference",
    "policy_evaluation",
    "policy_gradient_theorem",
    "ppo_loss",
    "qprop_baseline",
    "qprop_loss",
    "reinforce_loss",
    "reinforce_practical_loss",
    "reinforce_to_go_loss",
    "reps_dual",
    "reps_weight",
    "reward_to_go",
    "rwr_weight",
    "sac_policy_loss",
    "sac_target",
    "sac_value_loss",
    "sample_categorical",
    "sample_gaussian",
    "score_function_surrogate",
    "sequence_log_prob",
    "soft_policy_evaluation",
    "soft_policy_iteration",
    "soft_value",
    "squashed_gaussian_log_prob",
    "state_visitation",
    "straight_through_categorical",
    "surrogate_objective",
    "td3_target",
    "td_error",
    "temperature_loss",
    "token_log_prob",
    "total_variation",
    "trajectory_log_prob",
    "trpo_multiplier",
    "undiscounted_gradient",
    "unrolled_gradient",
    "update_target",
    "value_gradient_recursion",
    "value_loss_monte_carlo",
    "value_loss_td",
    "vtrace_target",
]
