"""CONTRIBUTING.md: the files, commands and options that it names are there."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from autograde.cli import app

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LINES = re.search(r"```console\n(.*?)```", TEXT, re.DOTALL)[1].strip().split("\n")
PLACES = set(re.findall(r"`((?:course_lib|autograde|tests|\.ci)[\w/.]*)`", TEXT))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_a_link_leads_to_a_file_and_a_heading(target):
    name, _, anchor = target.partition("#")
    assert (ROOT / name).exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", (ROOT / name).read_text(encoding="utf-8"), re.M)
        assert anchor in {one.lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_place_that_it_names_is_there(name):
    assert (ROOT / name).exists() or name.endswith("NAME.py")


def test_its_commands_are_ones_there_are():
    commands = set(get_command(app).commands)
    assert set(re.findall(r"course ([a-z]+)", "\n".join(LINES))) <= commands
    named = set(re.findall(r"`course ([a-z]+)", TEXT))
    assert {"build", "lab", "demo", "doctor", "train"} <= named <= commands


def test_its_options_of_pytest_are_ones_that_this_suite_knows():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    markers = settings["tool"]["pytest"]["ini_options"]["markers"]
    extras = settings["project"]["optional-dependencies"]["tests"]
    assert any(one.startswith("slow:") for one in markers)
    assert any(one.startswith("pytest-xdist") for one in extras)  # -n and --dist
    assert 'python -m pytest -m "not slow" -n 2 --dist loadfile' in LINES


def test_an_exercise_has_the_name_that_selects_its_tests():
    name = re.search(r"-k (\w+)", TEXT)[1]
    assert (ROOT / "course_lib" / "checks" / "exercises" / f"{name}.py").exists()


def test_every_folder_of_the_grader_and_the_library_is_somewhere_in_the_table():
    rows = "\n".join(line for line in TEXT.split("\n") if line.startswith("| "))
    assert "`course_lib/reference`" in rows and "`autograde/wall`" in rows
    assert len(re.findall(r"^\| ", rows, re.M)) == 12  # with the table's head and its line
    assert len(re.findall(r"^\d+\. ", TEXT, re.M)) == 10
