"""What `course doctor` says of a machine: packages, versions, browser; macOS and Windows too."""

import os
import sys
import tomllib
import webbrowser
from importlib import metadata

import pytest

from autograde import machine
from autograde.machine import Machine, in_words, pinned, requirements, this_machine
from autograde.wall import commands, doctor
from autograde.wall.doctor import Diagnosis, Finding, about_this_machine
from autograde.wall.probes import PROBES


def machine_with(**found):
    """A machine on which something is odd."""
    return Machine(**{"system": "Linux 6", "python": "3.12.1", "user": "root", **found})


def told(found):
    """What the doctor says, in one line."""
    return " ".join(commands.in_words(found).split())


def test_every_dependency_is_looked_for():
    project = tomllib.loads((machine.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(requirements()) == len(project["project"]["dependencies"])
    assert {"torch", "gymnasium", "cma"} <= set(requirements())
    assert set(requirements()) <= set(pinned())


def test_this_machine_has_what_it_runs_on():
    found = this_machine()
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    assert found.packages["torch"] == metadata.version("torch")
    assert "numpy" not in found.missing and "numpy" not in found.other


def test_a_package_that_is_not_there_is_named_with_what_helps(monkeypatch):
    found = machine.version
    monkeypatch.setattr(machine, "version", lambda name: "" if name == "torch" else found(name))
    made = this_machine()
    assert made.missing == ("torch",)
    text = told(Diagnosis(machine=made))
    assert "✗ Not installed: torch" in text
    assert "pip install -c constraints.txt -e ." in text
    assert "packages are installed" not in text


def test_a_course_that_is_not_installed_is_named(monkeypatch):
    def no_package(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", no_package)
    assert requirements() == [machine.PACKAGE]


def test_another_version_than_the_tested_one_is_remarked_on(monkeypatch):
    monkeypatch.setattr(machine, "version", lambda name: "0.1" if name == "numpy" else "")
    made = this_machine()
    assert set(made.other) == {"numpy"}
    assert "· numpy 0.1, tested with " in " ".join(in_words(made))


def test_a_local_build_of_a_package_is_the_tested_version(monkeypatch):
    pins = pinned()
    monkeypatch.setattr(machine, "version", lambda name: pins[name][0] + "+cpu")
    assert this_machine().other == {}


def test_where_there_is_no_browser_it_says_what_to_do(monkeypatch):
    def none(using=None):
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert "--no-browser" in " ".join(in_words(this_machine()))
    assert "--no-browser" not in " ".join(in_words(machine_with(browser="firefox")))


def test_windows_is_told_at_once_that_grading_needs_wsl(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(os, "fork")
    found = doctor.examine()
    text = told(found)
    assert not found.able and not found.findings
    assert "`course grade` cannot work here." in text and "wsl --install" in text
    assert "The lessons, their checks" in text
    assert "trust-submissions" not in text  # It would not help.
    assert "Landlock" not in about_this_machine(found.machine)


def test_macos_is_told_which_walls_are_missing_and_what_trust_does(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platform.mac_ver", lambda: ("15.5", ("", "", ""), "arm64"))
    found = Diagnosis(("limits",), [Finding(PROBES[0], through=True)])
    text = told(found)
    assert found.able and not found.safe
    assert "This wall is not up: files." in text
    assert "--trust-submissions it grades all the same" in text
    assert "virtual machine or a container with Linux" in text
    assert about_this_machine(found.machine).startswith("macOS 15.5, Python 3.")


def test_json_holds_the_machine_too():
    made = machine_with(packages={"torch": "2.13.0"}, missing=("numpy",))
    data = commands.as_data(Diagnosis(machine=made))
    assert data["machine"]["packages"] == {"torch": "2.13.0"}
    assert data["machine"]["missing"] == ("numpy",)
    assert data["safe"] is data["able"] is False


@pytest.mark.parametrize("root", [True, False])
def test_it_says_who_asks(monkeypatch, root):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000, raising=False)
    assert this_machine().user == ("root" if root else "an ordinary user")
