"""Policies as files: the weights, and what is needed to build the network that they belong to."""

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from course_lib.catalogue import Algorithm, find_algorithm, settings_of
from course_lib.policies import Policy

FORMAT = 1


@dataclass(frozen=True)
class SavedPolicy:
    """A policy that was loaded, and how it was trained.

    Attributes:
        policy: ready for `evaluate(policy, environment_id)`.
        algorithm: its name.
        environment_id: where it was trained.
        config: the settings.
    """

    policy: Policy
    algorithm: str
    environment_id: str
    config: Any


def save_policy(
    path: Path, policy: Policy, algorithm: Algorithm, environment_id: str, config: Any
) -> None:
    """Write a policy's weights, with the algorithm, its settings and the environment by name.

    Raises:
        ValueError: the policy has no weights, for it is no torch module.
    """
    if not isinstance(policy, nn.Module):
        raise ValueError(f"{type(policy).__name__} has no weights to store")
    contents = {
        "format": FORMAT,
        "algorithm": algorithm.name,
        "environment_id": environment_id,
        "settings": settings_of(config),
        "weights": policy.state_dict(),
    }
    torch.save(contents, path)


def load_policy(path: Path | str) -> SavedPolicy:
    """Read a policy that `save_policy` wrote.

    The file is read as data: it cannot run code. The network is built by starting the algorithm in
    the environment, which takes one update, and gets the stored weights then.

    Raises:
        ValueError: this is not such a file, or the algorithm or its settings are no longer known.
    """
    try:
        stored = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, KeyError, ValueError, UnpicklingError) as error:
        raise ValueError(f"{path} is not a policy's file: {first_line(error)}") from None
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise ValueError(f"{path} is not a policy's file of format {FORMAT}")
    algorithm, environment_id = find_algorithm(stored["algorithm"]), stored["environment_id"]
    unknown = set(stored["settings"]) - set(algorithm.config_class.__dataclass_fields__)
    if unknown:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"{path} has settings that {algorithm.name} no longer has: {names}")
    config = algorithm.config_class(**stored["settings"])
    policy = next(algorithm.start(environment_id, config, 0)).policy
    policy.load_state_dict(stored["weights"])
    return SavedPolicy(policy, algorithm.name, environment_id, config)


def first_line(error: Exception) -> str:
    """The beginning of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0]
