"""The folder that students get: notebooks, the student edition of the library, and its set-up."""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograde.building.lint import lint
from autograde.building.source import read_source
from autograde.building.student import student_text
from autograde.errors import CourseError
from autograde.lesson import Lesson
from autograde.release.edition import edition_digest, write_edition

MARKER = "edition.json"
COPIED = ("start.py", "constraints.txt")
INSTRUCTORS = frozenset(
    {"jinja2", "jupytext", "markupsafe", "nbclient", "nbconvert", "nbformat", "nbgrader"}
    | {"sqlalchemy", "traitlets", "typer"}
)
PYPROJECT = """\
[build-system]
requires = {requires}
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
description = "{description}"
requires-python = "{python}"
dependencies = [
{dependencies}
]

[project.scripts]
course = "course_lib.desk.__main__:main"

[tool.setuptools.packages.find]
include = ["course_lib*"]
namespaces = false

[tool.setuptools.package-data]
course_lib = ["**/*.npz", "**/*.json"]
"""


def release(root: Path, folder: Path, lessons: Sequence[Lesson]) -> list[str]:
    """Write the student edition of some lessons into a folder; the names of what is in it.

    What an earlier release wrote is replaced; other files in the folder are left alone.

    Raises:
        CourseError: the folder holds something else, or a lesson is not fit to be released.
    """
    refuse_foreign(folder)
    for lesson in lessons:
        refuse_unfit(lesson)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".release-", dir=folder) as partial:
            write_package(root, Path(partial), lessons)
            return move_into(Path(partial), folder)
    except OSError as error:
        raise CourseError(
            f"Cannot write {error.filename or folder}: {error.strerror}.", 1
        ) from None


def refuse_foreign(folder: Path) -> None:
    """Only an empty folder, a new one or an earlier release is written into."""
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file. Name a folder for the release.")
    found = [item for item in folder.glob("*") if not item.name.startswith(".")]
    if found and not (folder / MARKER).exists():
        raise CourseError(
            f"{folder} is not empty, and no earlier release: nothing is written there. Name "
            "another folder."
        )


def refuse_unfit(lesson: Lesson) -> None:
    """A lesson whose source has errors is not released."""
    errors: list[str] = []
    lint(lesson, errors)
    if errors:
        raise CourseError(f"{lesson.name} is not fit to be released:\n" + "\n".join(errors), 1)


def write_package(root: Path, folder: Path, lessons: Sequence[Lesson]) -> None:
    """Write everything into an empty folder."""
    write_edition(folder, lessons)
    for lesson in lessons:
        notebook = folder / student_path(lesson)
        notebook.parent.mkdir(parents=True)
        text = student_text(read_source(lesson), lesson)
        notebook.write_bytes(text.encode())
    for name in COPIED:
        shutil.copyfile(root / name, folder / name)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (folder / "pyproject.toml").write_text(pyproject_text(project), encoding="utf-8")
    (folder / "README.md").write_text(readme_text(lessons), encoding="utf-8")
    marker = {"lessons": [one.name for one in lessons], "digest": edition_digest(lessons)}
    (folder / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def student_path(lesson: Lesson) -> str:
    """Where the notebook lies in the student's folder."""
    return f"notebooks/{lesson.name}/{lesson.slug}.ipynb"


def pyproject_text(project: dict) -> str:
    """The package's settings, with what students need of the dependencies."""
    course = project["project"]
    needed = [one for one in course["dependencies"] if distribution(one) not in INSTRUCTORS]
    return PYPROJECT.format(
        requires=json.dumps(project["build-system"]["requires"]),
        name=course["name"],
        version=course["version"],
        description="A hands-on course on policy gradients: the students' edition.",
        python=course["requires-python"],
        dependencies="\n".join(f"    {json.dumps(one)}," for one in needed),
    )


def distribution(requirement: str) -> str:
    """The name in "gymnasium[classic-control]>=1.4,<2"."""
    return re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower()


def readme_text(lessons: Sequence[Lesson]) -> str:
    """What students read first."""
    environment = Environment(
        loader=PackageLoader("autograde.release"),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
    )
    return environment.get_template("README.md.j2").render(
        title="Policy gradients",
        lessons=[
            {"number": one.name[:2], "title": title_of(one), "path": student_path(one)}
            for one in lessons
        ],
    )


def title_of(lesson: Lesson) -> str:
    """What the lesson is called on its first page."""
    text = lesson.source.read_text(encoding="utf-8")
    found = re.search(r"^# \*\*Lesson \d+ · (.+?)\*\*", text, re.MULTILINE)
    return found[1] if found else lesson.slug.replace("_", " ")


def move_into(partial: Path, folder: Path) -> list[str]:
    """Put what was written in the place of an earlier release.

    The marker comes first: if this is interrupted, the folder can be released into again.
    """
    items = sorted(partial.iterdir(), key=lambda item: (item.name != MARKER, item.name))
    for item in items:
        target = folder / item.name
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        os.replace(item, target)
    return [item.name for item in items]
