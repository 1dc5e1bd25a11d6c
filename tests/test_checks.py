"""`check`: what a student sees, what a grader reads, and that nothing slips through."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from course_lib import CheckFailed, check
from course_lib.checks import judge, load_exercise
from course_lib.checks.exercises import generalized_advantage as gae_bank
from course_lib.checks.exercises import reinforce_loss as reinforce_bank
from course_lib.checks.message import show
from course_lib.reference import (
    a2c_loss,
    actor_critic_losses,
    generalized_advantage,
    reinforce_loss,
    reinforce_practical_loss,
)

ROOT = Path(__file__).parents[1]


def failure(function, **options) -> CheckFailed:
    """The exception of a check that must fail."""
    with pytest.raises(CheckFailed) as caught:
        check(function, **options)
    return caught.value


def test_a_right_function_gets_one_line_that_says_what_is_true(capsys):
    assert check(reinforce_loss) is None
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert printed.startswith("✓ reinforce_loss: its gradient is an unbiased estimate of −∇J")


def test_hidden_cases_are_more_and_other_ones(capsys):
    check(reinforce_loss, hidden=True)
    assert "✓ reinforce_loss: other seeds give the same (28 cases)" in capsys.readouterr().out


def test_a_flipped_sign_is_named_with_input_output_and_what_was_wanted():
    error = failure(reinforce_bank.sign_flipped, exercise="reinforce_loss")
    assert error.mistake == "sign-flipped"
    assert (error.exercise, error.points, error.possible) == ("reinforce_loss", 0, 3)
    text = str(error)
    assert "The sign is flipped" in text
    assert "log_prob = [[" in text
    assert "came out: " in text and "wanted:   " in text


def test_gae_that_ignores_truncation_is_named_in_both_ways():
    assert (
        failure(gae_bank.ignores_truncated, exercise="generalized_advantage").mistake
        == "ignores-truncated"
    )
    assert (
        failure(gae_bank.truncation_as_termination, exercise="generalized_advantage").mistake
        == "truncation-as-termination"
    )


def test_gae_with_a_gradient_passes_with_a_remark_and_without_one_in_silence(capsys):
    def detached(**inputs):
        return generalized_advantage(**inputs).detach()

    check(generalized_advantage)
    assert "a gradient flows through `value` and `next_value`" in capsys.readouterr().out
    check(detached, exercise="generalized_advantage")
    assert "Note" not in capsys.readouterr().out


def test_a_gradient_that_leaks_into_a_constant_is_named():
    def leaky(log_prob, advantage, value, value_target, entropy, value_coef, entropy_coef):
        policy_loss = -(advantage * log_prob).mean()
        value_loss = 0.5 * (value_target.detach() - value).square().mean()
        return policy_loss + value_coef * value_loss - entropy_coef * entropy.mean()

    torch.testing.assert_close(
        leaky(*(torch.ones(2),) * 5, 0.5, 0.1), a2c_loss(*(torch.ones(2),) * 5, 0.5, 0.1)
    )
    error = failure(leaky, exercise="a2c_loss")
    assert error.mistake is not None
    assert "advantage" in str(error)


def test_the_broadcast_of_a_row_and_a_column_is_named_and_its_shapes_shown():
    def flattened(log_prob, reward, gamma):
        return -(log_prob.reshape(-1) * reward.reshape(-1, 1)).mean()

    error = failure(flattened, exercise="reinforce_loss")
    assert error.mistake == "broadcast"
    assert "(6,) and (6, 1)" in str(error)


def test_a_legal_broadcast_is_not_blamed():
    def discounted_twice(log_prob, reward, gamma):
        discount = gamma ** torch.arange(len(reward), dtype=reward.dtype).unsqueeze(1)
        return -((discount**2 * reward).sum(0) * log_prob.sum(0)).mean()

    assert failure(discounted_twice, exercise="reinforce_loss").mistake is None


def test_an_unwritten_function_is_told_so_and_earns_nothing():
    def reinforce_loss(log_prob, reward, gamma):
        raise NotImplementedError

    error = failure(reinforce_loss)
    assert "not written yet" in str(error)
    assert (error.points, error.mistake) == (0, None)


def test_an_exception_shows_the_line_of_the_student_and_nothing_of_ours():
    def reinforce_loss(log_prob, reward, gamma):
        return log_prob + reward[99]

    text = str(failure(reinforce_loss))
    assert "IndexError" in text
    assert "return log_prob + reward[99]" in text
    assert "outcome.py" not in text


def test_renamed_arguments_get_the_names_of_the_stub():
    def reinforce_loss(log_probs, rewards, gamma):
        return log_probs.sum()

    assert "Keep the argument names of the stub: log_prob, reward, gamma" in str(
        failure(reinforce_loss)
    )


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda right: None, "is the `return` missing?"),
        (lambda right: right.item(), "a Python number came back"),
        (lambda right: right.detach().numpy(), "a torch tensor should come out, a ndarray did"),
        (lambda right: right.reshape(1), "the shape should be (), it is (1,)"),
        (lambda right: right.float().double() * float("nan"), "not finite"),
        (lambda right: (right, right), "1 value(s) should come out, 2 did"),
        (lambda right: right.detach(), "no gradient reaches `log_prob`"),
        (lambda right: right.half(), "the dtype should be float64, it is float16"),
    ],
)
def test_the_wrong_kind_of_result_is_explained(returned, words):
    def reinforce(log_prob, reward, gamma):
        return returned(reinforce_loss(log_prob, reward, gamma))

    assert words in str(failure(reinforce, exercise="reinforce_loss")).replace("\n  ", " ")


def test_parts_earn_their_share():
    value_without_gradient = failure(reinforce_bank.log_prob_detached, exercise="reinforce_loss")
    assert value_without_gradient.points == 2

    def right_unless_padded(log_prob, reward, gamma):
        if bool((log_prob == 0).any()):
            return log_prob.sum() * 0.5
        return reinforce_loss(log_prob, reward, gamma)

    assert failure(right_unless_padded, exercise="reinforce_loss").points == 2


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_constant_earns_nothing(constant):
    def reinforce(log_prob, reward, gamma):
        return log_prob.sum() * 0 + constant

    assert failure(reinforce, exercise="reinforce_loss").points == 0


def test_a_wrong_answer_that_is_no_known_mistake_has_no_name():
    def odd(log_prob, reward, gamma):
        return log_prob.square().sum() * reward.max()

    error = failure(odd, exercise="reinforce_loss")
    assert error.mistake is None
    assert "the value is wrong" in str(error)


def test_a_constant_factor_is_noticed():
    def tripled(log_prob, reward, gamma):
        return 3 * reinforce_loss(log_prob, reward, gamma)

    error = failure(tripled, exercise="reinforce_loss")
    assert error.mistake == "constant-factor"
    assert "3 times" in str(error)


def test_only_what_was_compared_is_called_right_already():
    def keeps_two(sample, score, elite_fraction, min_std):
        count = min(len(sample), max(2, int(elite_fraction * len(sample))))
        elite = sample[score.topk(count).indices]
        return elite.mean(0), elite.std(0, correction=0).clamp(min=min_std)

    error = failure(keeps_two, exercise="cem_update")
    assert error.points == 1  # its ordinary values are right, and it has no gradient to get right
    assert "Right already" not in str(error)
    cut = failure(reinforce_bank.log_prob_detached, exercise="reinforce_loss")
    assert "Right already: value." in str(cut)


def test_a_temperature_that_cancels_is_not_said_to_be_missing():
    def rwr(episode_return, temperature):
        weight = episode_return.softmax(0) / temperature
        return weight / weight.sum()

    def reps(advantage, eta):
        return (advantage - eta).softmax(0)

    for cancels, name in ((rwr, "rwr_weight"), (reps, "reps_weight")):
        text = str(failure(cancels, exercise=name))
        assert "has no effect" in text and "it cancels" in text, text


def test_hidden_cases_show_no_numbers():
    text = str(failure(reinforce_practical_loss, exercise="reinforce_loss", hidden=True))
    assert "came out" not in text and "wanted:" not in text and "log_prob =" not in text


def test_ipython_shows_the_message_and_no_traceback(capsys):
    shell = InteractiveShell.instance()
    shell.run_cell(
        "from course_lib import check\n"
        "def reinforce_loss(log_prob, reward, gamma):\n    return None\n"
        "check(reinforce_loss)"
    )
    shown = capsys.readouterr().out
    InteractiveShell.clear_instance()
    assert "is the `return` missing?" in shown
    assert "Traceback" not in shown and "checking.py" not in shown


def test_names_that_are_no_exercise_get_a_suggestion():
    def reinforce_los():
        """Misspelt."""

    with pytest.raises(ValueError, match="Did you mean reinforce_loss"):
        check(reinforce_los)
    with pytest.raises(TypeError, match="leave the brackets off"):
        check(torch.tensor(1.0))


def test_a_check_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    judge(load_exercise("reinforce_loss"), reinforce_loss)
    judge(load_exercise("generalized_advantage"), generalized_advantage)
    assert torch.equal(before, torch.get_rng_state())


def test_a_passing_check_is_quick():
    check(generalized_advantage)
    start = time.process_time()
    check(generalized_advantage)
    assert time.process_time() - start < 0.3


def test_a_wrong_gradient_in_an_extreme_case_costs_that_part_only():
    def unstable(logits, action, weight):
        log_prob = logits.softmax(-1).log()
        return -(weight.detach() * log_prob[torch.arange(len(action)), action]).mean()

    error = failure(unstable, exercise="cross_entropy_policy_gradient")
    assert error.points == 1


def test_a_factor_is_not_read_off_a_single_case():
    def wrong_when_padded(log_prob, reward, gamma):
        right = reinforce_loss(log_prob, reward, gamma)
        return 2 * right if bool((log_prob == 0).any()) else right

    assert failure(wrong_when_padded, exercise="reinforce_loss").mistake is None


def test_a_python_number_is_not_blamed_on_a_broadcast():
    def lost(log_prob, reward, gamma):
        return (log_prob.reshape(-1) * reward.reshape(-1, 1)).mean().item()

    error = failure(lost, exercise="reinforce_loss")
    assert error.mistake is None
    assert "a Python number came back" in str(error)


def test_of_several_results_the_wrong_one_is_pointed_out():
    def critic_summed(log_prob, reward, value, next_value, terminated, gamma):
        actor, critic = actor_critic_losses(log_prob, reward, value, next_value, terminated, gamma)
        return actor, critic * len(reward) ** 2

    text = str(failure(critic_summed, exercise="actor_critic_losses"))
    assert "the value is wrong (result 2 of 2)" in text


def test_the_first_check_of_a_process_is_quick_too():
    code = (
        "import sys, time, torch\n"
        "from course_lib import check\n"
        "from course_lib.reference import a2c_loss\n"
        "start = time.process_time()\n"
        "check(a2c_loss)\n"
        "assert 'sympy' not in sys.modules, 'half a second for nothing'\n"
        "assert time.process_time() - start < 0.3\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_value_of_absurd_shape_is_shown_in_a_line():
    assert show(torch.zeros(2, 2, 2, 9)).startswith("[[[…, …], […, …]], [[…, …], […, …]]]  (2, 2")
    assert len(show(torch.zeros([6] * 9, dtype=torch.uint8))) < 1_000
    assert show([1.0] * 25) == "(" + "1, " * 20 + "…)"
