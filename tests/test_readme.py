"""The README: what it says is there is there, and its numbers are the ones that were measured."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from autograde.cli import app
from autograde.lesson import all_lessons
from course_lib.checks import exercise_names, load_exercise

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def distribution(requirement: str) -> str:
    """The name in "gymnasium[classic-control]>=1.4,<2"."""
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0]


def section(title: str) -> str:
    """The text below a heading."""
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_link_leads_to_a_file(target):
    assert (ROOT / target).exists()


def test_the_commands_are_the_ones_there_are():
    commands = set(get_command(app).commands)
    assert set(re.findall(r"(?:`|^)course (\w+)", TEXT, re.M)) == commands
    assert set(re.findall(r"\| `course (\w+)`", TEXT)) == commands


def test_every_command_has_an_example():
    for name, command in get_command(app).commands.items():
        assert re.search(rf"Example: `?course {name}", command.help), name


def test_the_two_commands_are_start_py():
    first = re.search(r"```console\n(.*?)```", section("Two commands"), re.DOTALL)[1]
    assert first.split("\n")[:2] == ["python3 start.py", "python3 start.py test"]


def test_the_table_of_lessons_is_true():
    lines = re.findall(r"^\| (\d\d \|.*) \|$", section("The lessons"), re.M)
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert [row[0] for row in rows] == [f"{number:02}" for number in range(14)]
    there = {lesson.name[:2]: lesson for lesson in all_lessons(ROOT)}
    for number, title, exercises, status in rows:
        assert status == ("ready" if number in there else "planned")
        if number in there:
            lesson = there[number]
            assert f"({lesson.relative(lesson.worked)})" in title
            checks = re.findall(r"^check\(", lesson.source.read_text(encoding="utf-8"), re.M)
            visible = len(checks) // 2  # each has a hidden twin
            assert exercises == str(visible)


def test_the_power_of_the_grader_is_as_printed():
    bank = [load_exercise(name) for name in exercise_names()]
    mistakes = sum(len(exercise.mistakes) for exercise in bank)
    variants = sum(len(exercise.variants) for exercise in bank)
    text = section("How good the grader is")
    assert f"| exercises | {len(bank)} |" in text
    assert text.count(f"| {mistakes} of {mistakes} |") == 2
    assert f"| {variants} of {variants} |" in text


def test_every_dependency_has_its_sentence():
    listed = set(
        re.findall(
            r"[a-z0-9-]+",
            " ".join(
                row.split("|")[1]
                for row in section("What it stands on").splitlines()
                if row.startswith("|")
            ),
        )
    )
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["tests"], *extras["cluster"]]
    missing = {distribution(one) for one in wanted} - listed
    assert not missing


def test_the_folders_are_the_ones_there_are():
    for name in re.findall(r"^  (\w+)/ ", section("How the pieces fit"), re.M):
        assert any((ROOT / place / name).is_dir() for place in ("course_lib", "autograde")), name
