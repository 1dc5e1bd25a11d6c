"""Where the lessons are, and how they are called. What is in their files is not here."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograde.errors import CourseError

FOLDER = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True, order=True)
class Lesson:
    """One lesson of the course in the folder `root`; `name` is its folder, as in 02_reinforce."""

    root: Path
    name: str

    @property
    def slug(self) -> str:
        """The notebook's name: the folder's without the number."""
        return self.name.split("_", 1)[1]

    @property
    def source(self) -> Path:
        """What is edited."""
        return self.root / "solutions" / self.name / f"{self.slug}.py"

    @property
    def worked(self) -> Path:
        """The worked notebook, executed."""
        return self.source.with_suffix(".ipynb")

    @property
    def student(self) -> Path:
        """What a student opens."""
        return self.root / "notebooks" / self.name / f"{self.slug}.ipynb"

    def relative(self, path: Path) -> str:
        """A path as it is shown: from the course's folder."""
        return path.relative_to(self.root).as_posix()


def find_course(start: Path) -> Path:
    """The nearest folder above `start` that is a course; else the one this package lies in."""
    for folder in (start, *start.parents):
        if (folder / "nbgrader_config.py").exists() and (folder / "solutions").is_dir():
            return folder
    return Path(__file__).resolve().parent.parent


def all_lessons(root: Path) -> list[Lesson]:
    """All lessons in order."""
    folder = root / "solutions"
    if not folder.is_dir():
        raise CourseError(
            f"There is no folder {folder}. Lessons live in solutions/NN_slug/slug.py: "
            "start `course` inside the course, or name its folder with --course."
        )
    found = (item.name for item in folder.iterdir() if item.is_dir())
    return [Lesson(root, name) for name in sorted(found) if FOLDER.fullmatch(name)]


def find_lessons(root: Path, names: Iterable[str] = ()) -> list[Lesson]:
    """The lessons called 02_reinforce, reinforce, 02, or by a path; all of them without names."""
    known = all_lessons(root)
    chosen = [find_lesson(known, name) for name in names]
    return sorted(set(chosen)) if chosen else known


def find_lesson(known: list[Lesson], name: str) -> Lesson:
    """The one lesson that a name stands for."""
    parts = Path(name).parts
    wanted = next((part for part in parts if FOLDER.fullmatch(part)), Path(name).name)
    for lesson in known:
        number = lesson.name.split("_", 1)[0]
        if wanted in (lesson.name, lesson.slug, number, number.lstrip("0") or "0"):
            return lesson
    names = ", ".join(lesson.name for lesson in known) or "none yet"
    raise CourseError(f"There is no lesson called {name!r}. The lessons are: {names}.")
