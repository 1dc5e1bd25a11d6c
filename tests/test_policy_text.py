"""Policies as text: what is pasted acts like what was written, and a broken paste is named."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.agents import (
    make_deterministic_policy,
    make_discrete_q_function,
    make_policy,
    make_squashed_policy,
)
from course_lib.environments import make_vector
from course_lib.policy_text import MAX_CHARACTERS, agent_from_text, as_text


def generator():
    return torch.Generator().manual_seed(3)


def observations(environment_id, rows=7):
    environment = make_vector(environment_id, rows, 5)
    return environment, torch.from_numpy(environment.reset())


PENDULUM, OBS = observations("Pendulum-v1")
CARTPOLE, CARTPOLE_OBS = observations("CartPole-v1")


def changed(policy):
    """The policy with weights of ordinary size everywhere, biases too."""
    with torch.no_grad():
        for one in policy.parameters():
            one.copy_(torch.empty_like(one).uniform_(-0.5, 0.5, generator=generator()))
    return policy


def test_a_gaussian_policy_acts_with_its_mean():
    policy = changed(make_policy(PENDULUM, (8,), generator()))
    assert close(agent_from_text(as_text(policy))(OBS.numpy()), policy.mean(OBS))


def test_a_squashed_policy_acts_with_the_stretched_tanh_of_its_mean():
    policy = changed(make_squashed_policy(PENDULUM, (8, 8), generator()))
    mean, _ = policy.net(OBS).chunk(2, dim=-1)
    assert close(agent_from_text(as_text(policy))(OBS.numpy()), 2 * torch.tanh(mean))


def test_a_deterministic_policy_acts_as_it_is():
    policy = changed(make_deterministic_policy(PENDULUM, (8,), generator()))
    assert close(agent_from_text(as_text(policy))(OBS.numpy()), policy(OBS))


def test_a_beta_policy_acts_with_its_mean():
    policy = changed(make_policy(PENDULUM, (8,), generator(), "beta"))
    first, other = policy.concentrations(OBS)
    assert close(agent_from_text(as_text(policy))(OBS.numpy()), -2 + 4 * first / (first + other))


@pytest.mark.parametrize("make", [make_policy, make_discrete_q_function])
def test_of_discrete_actions_the_best_is_taken(make):
    policy = changed(make(CARTPOLE, (8,), generator()))
    network = policy.logits if hasattr(policy, "logits") else policy.value
    action = agent_from_text(as_text(policy))(CARTPOLE_OBS.numpy())
    assert action.tolist() == network(CARTPOLE_OBS).argmax(-1).tolist()


def test_a_network_of_ones_own_is_written_with_all_its_layers():
    layers = [nn.Linear(3, 5), nn.SiLU(), nn.Linear(5, 5, bias=False), nn.Sigmoid(),
              nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2), nn.Tanh()]  # fmt: skip
    network = changed(nn.Sequential(*layers))
    assert close(agent_from_text(as_text(network))(OBS), network(OBS))


def close(got, wanted, tolerance=3e-3):
    """Equal but for the rounding of weights to 16 bits."""
    wanted = wanted.detach().numpy()
    return got.shape == wanted.shape and np.abs(got - wanted).max() < tolerance


def test_32_bits_keep_what_16_round():
    policy = changed(make_policy(PENDULUM, (8,), generator()))
    exact = agent_from_text(as_text(policy, bits=32))(OBS.numpy())
    assert close(exact, policy.mean(OBS), 1e-6)
    assert not close(agent_from_text(as_text(policy))(OBS.numpy()), policy.mean(OBS), 1e-6)


def test_the_same_policy_gives_the_same_text_and_a_size_that_fits_a_notebook():
    policy = make_policy(PENDULUM, (64, 64), generator())
    assert as_text(policy) == as_text(policy)
    # 3·64 + 64 + 64·64 + 64 + 64 + 1 weights and 4 scales: 2 bytes each, 4 characters for 3 bytes.
    weights = 3 * 64 + 64 + 64 * 64 + 64 + 64 + 1 + 4
    assert 8 / 3 * weights < len(as_text(policy)) < 3.2 * weights + 400


TEXT = as_text(make_policy(PENDULUM, (16,), generator()))
LINES = TEXT.split("\n")


def test_indented_lines_with_blank_ones_between_are_read_too():
    text = "\n\n".join(f"    {line}  " for line in LINES)
    assert (agent_from_text(text)(OBS) == agent_from_text(TEXT)(OBS)).all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no policy here"),
        ("paste your text here", "there is no policy here"),
        ("\n".join(LINES[1:]), "there is no policy here"),
        ("\n".join([LINES[0], *LINES[3:]]), r"2 of \d+ lines are missing, the first is line 1"),
        ("\n".join(LINES[:-1]), r"1 of \d+ lines are missing, the first is line \d+"),
        ("\n".join([*LINES[:2], LINES[2][:40], *LINES[3:]]), "a line was changed, cut"),
        ("\n".join([*LINES, "and more"]), "a line was changed, cut or does not belong here: 'and"),
        (TEXT.replace("policy-text 1:", "policy-text 2:"), "this is policy-text 2"),
        (TEXT[:30] + ("0" if TEXT[30] != "0" else "1") + TEXT[31:], "title and lines are of two"),
    ],
)
def test_a_broken_paste_says_what_is_broken(text, says):
    with pytest.raises(ValueError, match=says):
        agent_from_text(text)


def test_a_changed_character_is_found_in_its_line():
    place = LINES[2].index(" ") + 10
    other = "A" if LINES[2][place] != "A" else "B"
    damaged = [*LINES[:2], LINES[2][:place] + other + LINES[2][place + 1 :], *LINES[3:]]
    with pytest.raises(ValueError, match=re.escape(repr(damaged[2][:24] + "…"))):
        agent_from_text("\n".join(damaged))


def test_a_policy_of_another_environment_says_so_when_it_acts():
    with pytest.raises(ValueError, match=r"sees 3 numbers.*another environment"):
        agent_from_text(TEXT)(CARTPOLE_OBS.numpy())


def test_what_cannot_be_written_is_refused_with_a_reason():
    count = 3 + (3 + 1) * 256 + (256 + 1) * 256 + 256 + 1 + 1  # scales, layers, units
    with pytest.raises(ValueError, match=rf"has {count:,} numbers.*hidden=\(64, 64\)"):
        as_text(make_policy(PENDULUM, (256, 256), generator()))
    with pytest.raises(ValueError, match="a LSTM cannot be written"):
        as_text(nn.LSTM(3, 2))
    with pytest.raises(ValueError, match="a layer of kind Dropout"):
        as_text(nn.Sequential(nn.Linear(3, 1), nn.Dropout()))
    with pytest.raises(ValueError, match="bits must be 16 or 32, got 8"):
        as_text(make_policy(PENDULUM, (4,)), bits=8)
    network = nn.Sequential(nn.Linear(3, 1))
    nn.init.constant_(network[0].weight, 1e6)
    with pytest.raises(ValueError, match="bits=32"):
        as_text(network)
    assert close(agent_from_text(as_text(network, bits=32))(OBS) / 1e6, network(OBS) / 1e6)
    nn.init.constant_(network[0].weight, float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        as_text(network)


def test_no_text_is_longer_than_a_cell_that_the_grader_reads():
    largest = make_policy(PENDULUM, (104, 104), generator())
    assert len(as_text(largest)) <= MAX_CHARACTERS < 50_000
