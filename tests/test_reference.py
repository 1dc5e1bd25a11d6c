"""The contract of the reference: names, arguments in order, dtypes, inputs that stay as they are.

Each line of CONTRACT names a function and its arguments. `log_prob:TN` is a float tensor of shape
(T, N), `terminated:TN?` a bool one, `action:B#` integers below K, `pi:SK%` rows of probabilities,
`weight:n+` positive numbers, `gamma=0.9` a number, `f=@row_sum` one of HELPERS. A name alone is an
argument that this module does not make up; such functions are called in their own tests only.
"""

import ast
import inspect
import subprocess
import sys

import pytest
import torch

from course_lib import reference

SIZES = {
    "T": 4, "N": 3, "B": 5, "S": 6, "K": 3, "D": 2, "F": 4, "n": 7, "H": 4, "L": 4, "V": 3, "G": 4,
}  # fmt: skip

CONTRACT = """
trajectory_log_prob log_p0:N log_prob:TN log_transition:TN
discounted_return reward:TN gamma=0.9
reward_to_go reward:TN gamma=0.9
episode_reward_to_go reward:TN terminated:TN? truncated:TN? gamma=0.9
monte_carlo_estimate sample:n
state_visitation P:SKS% pi:SK% p0:S% gamma=0.9
expected_return P:SKS% R:SK pi:SK% p0:S% gamma=0.9
categorical_log_prob logits:BK action:B#
gaussian_log_prob mean:BD log_std:BD action:BD
beta_log_prob concentration1:BD+ concentration0:BD+ action:BD% low=-1.0 high=2.0
gaussian_score features:BF weights:F std=0.7 action:B
score_function_surrogate log_prob:B value:B
leave_one_out_surrogate log_prob:B value:B
pathwise_estimate f=@row_sum mean:D log_std:D noise:BD
gumbel_softmax logits:BK gumbel_noise:BK temperature=0.7 straight_through=False
sample_categorical logits:BK generator=@generator
sample_gaussian mean:BD log_std:D generator=@generator
max_likelihood_loss log_prob:TN
reinforce_loss log_prob:TN reward:TN gamma=0.9
reinforce_to_go_loss log_prob:TN reward:TN gamma=0.9
reinforce_practical_loss log_prob:TN reward:TN gamma=0.9
cross_entropy_policy_gradient logits:BK action:B# weight:B
gradient_variance gradient:nD
mean_baseline episode_return:N
optimal_baseline score:nD episode_return:n
baseline_loss log_prob:TN reward_to_go:TN baseline:TN
value_loss_monte_carlo value:TN reward_to_go:TN
value_loss_td value:TN reward:TN next_value:TN terminated:TN? gamma=0.9
gradient_weight kind='td' reward:T value:T next_value:T terminated:T? gamma=0.9
action_baseline_bias pi:K% baseline:K
policy_evaluation P:SKS% R:SK pi:SK% gamma=0.9
action_value P:SKS% R:SK value:S gamma=0.9
value_gradient_recursion P:SKS% pi:SK% q_value:SK value_gradient:SSK gamma=0.9
unrolled_gradient P:SKS% R:SK logits:SK p0:S% gamma=0.9 steps=3
policy_gradient_theorem P:SKS% R:SK logits:SK p0:S% gamma=0.9
likelihood_ratio_gradient logits:SK state:n# action:n# q_value:n weight:n
undiscounted_gradient P:SKS% R:SK logits:SK p0:S% gamma=0.9 horizon=3
td_error reward:TN value:TN next_value:TN terminated:TN? gamma=0.9
n_step_return reward:TN next_value:TN terminated:TN? truncated:TN? gamma=0.9 num_steps=2
generalized_advantage reward:TN value:TN next_value:TN terminated:TN? truncated:TN? gamma=0.9 gae_lambda=0.8
categorical_entropy logits:BK
gaussian_entropy log_std:BD
actor_critic_losses log_prob:B reward:B value:B next_value:B terminated:B? gamma=0.9
a2c_loss log_prob:B advantage:B value:B value_target:B entropy:B value_coef=0.5 entropy_coef=0.1
normalize_advantage advantage:TN eps=1e-8
importance_ratio log_prob:TN behavior_log_prob:TN
importance_sampling_return log_prob:TN behavior_log_prob:TN reward:TN gamma=0.9 kind='weighted'
effective_sample_size weight:n+
off_policy_reinforce_loss log_prob:TN behavior_log_prob:TN reward:TN gamma=0.9
first_order_loss log_prob:TN behavior_log_prob:TN q_value:TN
expected_sarsa_target reward:B next_q_value:BK next_pi:BK% terminated:B? gamma=0.9
n_step_importance_target reward:TN log_prob:TN behavior_log_prob:TN next_q_value:N terminated:TN? gamma=0.9
vtrace_target reward:TN value:TN next_value:TN terminated:TN? truncated:TN? log_prob:TN behavior_log_prob:TN gamma=0.9 rho_bar=1.0 c_bar=0.9
off_policy_gradient P:SKS% R:SK logits:SK behavior_visitation:S% gamma=0.9
off_policy_gradient_oracle P:SKS% R:SK logits:SK behavior_visitation:S% gamma=0.9
dqn_target reward:B next_q_value:BK terminated:B? gamma=0.9
double_dqn_target reward:B next_q_value:BK next_target_q_value:BK terminated:B? gamma=0.9
critic_loss q_value:B td_target:B
ddpg_target reward:B next_obs:BS terminated:B? target_policy=@policy target_q_function=@q_function gamma=0.9
dpg_loss obs:BS policy=@policy q_function=@q_function
update_target target online target_rate
gaussian_exploration action:BD noise_std=0.3 low=-1.0 high=1.0 generator=@generator
OrnsteinUhlenbeck shape theta sigma dt generator
ReplayBuffer capacity obs_shape action_shape seed
td3_target reward:B next_obs:BS terminated:B? target_policy=@policy target_q1=@q_function target_q2=@other_q_function gamma=0.9 noise:BD noise_clip=0.5 low=-1.0 high=1.0
qprop_baseline q_function=@q_function obs:BS action:BD mean_action:BD
qprop_loss log_prob:B advantage:B baseline_advantage:B obs:BS policy=@policy q_function=@q_function
lqr_gradient a=0.9 b=0.5 q=1.0 r=0.1 gain:() gamma=0.9 s0=2.0
performance_difference P:SKS% R:SK pi_new:SK% pi_old:SK% p0:S% gamma=0.9
surrogate_objective log_prob:B old_log_prob:B advantage:B
categorical_kl logits_p:BK logits_q:BK
gaussian_kl mean_p:BD log_std_p:BD mean_q:BD log_std_q:BD
total_variation p:BK% q:BK%
fisher_matrix score:nD
fisher_vector_product kl parameters vector damping
conjugate_gradient matvec=@twice b:D iterations=5 tolerance=1e-12
natural_step gradient:D direction:D max_kl=0.01
line_search objective=@row_sum kl=@square_sum parameters:D step:D max_kl=0.5 backtrack_ratio=0.5 max_backtracks=4
trpo_multiplier multiplier=1.0 kl:()+ max_kl=0.01 step_size=0.5
kl_penalty_loss log_prob:B old_log_prob:B advantage:B kl:B+ kl_coef=0.5
adapt_kl_coef kl_coef=1.0 kl:()+ target_kl=0.01
clipped_surrogate_loss log_prob:B old_log_prob:B advantage:B clip_epsilon=0.2
clipped_value_loss value:B old_value:B value_target:B clip_epsilon=0.2
clip_fraction log_prob:B old_log_prob:B clip_epsilon=0.2
approximate_kl log_prob:B old_log_prob:B
ppo_loss log_prob:B old_log_prob:B advantage:B value:B value_target:B entropy:B clip_epsilon=0.2 value_coef=0.5 entropy_coef=0.1
minibatch_indices size=9 minibatch_size=4 generator=@generator
RunningNormalizer shape
boltzmann_policy q_value:BK temperature=0.5
soft_value q_value:BK temperature=0.5
soft_policy_evaluation P:SKS% R:SK pi:SK% gamma=0.9 temperature=0.5
soft_policy_iteration P:SKS% R:SK gamma=0.9 temperature=0.5 iterations=2
kl_policy_loss logits:BK q_value:BK temperature=0.5
squashed_gaussian_log_prob mean:BD log_std:BD pre_tanh:BD
sac_value_loss value:B q1:B q2:B log_prob:B temperature=0.2
sac_target reward:B next_q1:B next_q2:B next_log_prob:B terminated:B? gamma=0.9 temperature=0.2
sac_policy_loss log_prob:B q1:B q2:B temperature=0.2
temperature_loss log_temperature:() log_prob:B target_entropy=-2.0
gaussian_nll mean:BD log_std:BD target:BD
latent_kl posterior_mean:BD posterior_log_std:BD prior_mean:BD prior_log_std:BD free_nats=1.0
imagine transition=@transition reward_model=@row_sum policy=@policy start_obs:BS horizon=4 noise:HBS
lambda_return reward:HB next_value:HB discount:HB gae_lambda=0.9
dream_policy_loss lambda_return:HB entropy:HB entropy_coef=0.1
straight_through_categorical logits:BK gumbel_noise:BK
token_log_prob logits:BLV tokens:BL#
sequence_log_prob logits:BLV tokens:BL# mask:BL?
group_advantage reward:BG eps=1e-8
kl_to_reference log_prob:BL ref_log_prob:BL
grpo_loss log_prob:BL old_log_prob:BL ref_log_prob:BL advantage:B mask:BL? clip_epsilon=0.2 kl_coef=0.1
dpo_loss chosen_log_prob:B rejected_log_prob:B ref_chosen_log_prob:B ref_rejected_log_prob:B beta=0.1
cem_update sample:nD score:n elite_fraction=0.5 min_std=0.1
rwr_weight episode_return:n temperature=0.5
reps_dual advantage:n eta=0.5 epsilon=0.1
reps_weight advantage:n eta=0.5
"""  # noqa: E501 - one line a function

LINES = {line.split()[0]: line.split()[1:] for line in CONTRACT.strip().splitlines()}
CALLED = [name for name, words in LINES.items() if all(set(word) & set(":=") for word in words)]


def row_sum(x):
    return x.sum(-1)


def policy(obs):
    return obs[:, : SIZES["D"]].tanh()


def q_function(obs, action):
    return obs.sum(-1) - action.square().sum(-1)


HELPERS = {
    "row_sum": row_sum,
    "square_sum": lambda x: x.square().sum(-1),
    "twice": lambda x: 2 * x,
    "policy": policy,
    "q_function": q_function,
    "other_q_function": lambda obs, action: q_function(obs, action) + action[:, 0],
    "transition": lambda obs, action: (0.9 * obs + action.sum(-1, keepdim=True), 0.1 * obs),
}


def made_up(word: str, dtype: torch.dtype, generator: torch.Generator):
    """The argument that a word of the contract describes."""
    name, _, value = word.partition("=")
    if value == "@generator":
        return name, torch.Generator().manual_seed(0)
    if value:
        return name, HELPERS[value[1:]] if value[0] == "@" else ast.literal_eval(value)
    name, _, letters = word.partition(":")
    shape = [SIZES[letter] for letter in letters if letter in SIZES]
    # Drawn in float64 for both dtypes, so that they stand for the same numbers.
    tensor = torch.randn(shape, generator=generator, dtype=torch.float64)
    if letters[-1] == "?":
        return name, tensor > 0.3
    if letters[-1] == "#":
        return name, torch.randint(SIZES["K"], shape, generator=generator)
    if letters[-1] == "%":
        tensor = tensor.softmax(-1)
    elif letters[-1] == "+":
        tensor = tensor.exp()
    return name, tensor.to(dtype).requires_grad_()


def arguments_of(name: str, dtype: torch.dtype) -> dict:
    generator = torch.Generator().manual_seed(len(name))
    return dict(made_up(word, dtype, generator) for word in LINES[name])


def tensors_in(value) -> list[torch.Tensor]:
    """The floating-point tensors of a result."""
    parts = value if isinstance(value, (tuple, list)) else [value]
    return [
        part.detach()
        for part in parts
        if isinstance(part, torch.Tensor) and part.is_floating_point()
    ]


def test_every_function_of_the_curriculum_is_there_and_nothing_else():
    assert sorted(reference.__all__) == sorted(LINES)


@pytest.mark.parametrize("name", LINES)
def test_the_arguments_have_their_names_and_order(name):
    expected = [word.split(":")[0].split("=")[0] for word in LINES[name]]
    assert list(inspect.signature(getattr(reference, name)).parameters) == expected


@pytest.mark.parametrize("name", LINES)
def test_every_function_says_what_it_is_and_where_it_is_from(name):
    documentation = inspect.getdoc(getattr(reference, name))
    assert documentation.splitlines()[0].endswith((".", "!", "?", ":"))
    assert "Source: " in documentation


@pytest.mark.parametrize("name", CALLED)
def test_the_dtype_is_kept_and_both_dtypes_agree(name):
    function = getattr(reference, name)
    results = {}
    for dtype in (torch.float32, torch.float64):
        results[dtype] = tensors_in(function(**arguments_of(name, dtype)))
        assert all(tensor.dtype == dtype for tensor in results[dtype])
        assert all(bool(tensor.isfinite().all()) for tensor in results[dtype])
    if not any("@generator" in word for word in LINES[name]):
        for single, double in zip(*results.values(), strict=True):
            torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CALLED)
def test_the_inputs_are_left_alone(name):
    given = arguments_of(name, torch.float64)
    tensors = {key: value for key, value in given.items() if isinstance(value, torch.Tensor)}
    before = {key: (tensor.detach().clone(), tensor._version) for key, tensor in tensors.items()}
    getattr(reference, name)(**given)
    for key, tensor in tensors.items():
        assert torch.equal(tensor.detach(), before[key][0])
        assert tensor._version == before[key][1]
        assert tensor.grad is None


@pytest.mark.parametrize("name", CALLED)
def test_a_function_can_be_called_where_gradients_are_off(name):
    with_gradient = tensors_in(getattr(reference, name)(**arguments_of(name, torch.float64)))
    with torch.no_grad():
        without = tensors_in(getattr(reference, name)(**arguments_of(name, torch.float64)))
    for one, other in zip(with_gradient, without, strict=True):
        assert torch.equal(one, other)


def test_importing_the_reference_is_light_and_the_replay_buffer_can_come_first():
    code = (
        "import sys, course_lib.replay, course_lib.reference as reference;"
        "assert reference.ReplayBuffer.__module__ == 'course_lib.reference.replay';"
        "heavy = {'scipy', 'matplotlib', 'gymnasium', 'pandas', 'IPython'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
