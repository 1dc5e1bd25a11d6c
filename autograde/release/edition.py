"""Writes the student edition of `course_lib`: the library without the answers of some lessons.

What goes in is decided in `contents.py`. Checks work from recordings (`record.py`), so that a
mistake is still named; questions are sealed. What tells right from wrong offline can be asked, and
what trains an agent can be read: points are decided by the instructor's grader, with other cases.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from autograde.lesson import Lesson
from autograde.release.contents import Contents, contents_of
from autograde.release.extract import (
    cut_out,
    defined_names,
    extracted,
    reference_modules,
    with_helpers,
    with_what_they_call,
)
from autograde.release.library import LIBRARY, SUFFIXES, library_files

HERE = Path(__file__).parent
SHIPPED = HERE / "shipped"
CACHE = HERE.parent / ".editions"
UNUSED_DAYS = 7
REFERENCE_TEXT = '''"""What this edition has of the course's formulas: see `lookup.py`."""

from course_lib.reference.lookup import find as __getattr__
'''


def write_edition(folder: Path, lessons: Sequence[Lesson], *, grading: bool = False) -> Path:
    """Write `folder/course_lib`, without the answers of these lessons.

    Args:
        folder: where to; a `course_lib` in it is replaced.
        lessons: those that are released.
        grading: for the process that submissions run in: nothing in it earns a point.

    Returns:
        `folder`, to be put in front of `sys.path`.

    Raises:
        CourseError: the edition would hold an answer.
        TypeError: an exercise's case cannot be written down.
    """
    contents = contents_of(lessons, grading=grading)
    target = folder / "course_lib"
    shutil.rmtree(target, ignore_errors=True)
    for path in library_files(SUFFIXES):
        copy = target / path.relative_to(LIBRARY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    write_reference(target / "reference", contents)
    write_checks(target / "checks", contents)
    return folder


def write_reference(folder: Path, contents: Contents) -> None:
    """What is left of the reference: kept functions, stand-ins, names that say why they went."""
    folder.mkdir(parents=True)
    shutil.copyfile(SHIPPED / "lookup.py", folder / "lookup.py")
    stand_ins = SHIPPED / "stand_ins.py"
    chosen = with_helpers(stand_ins, contents.stand_ins)
    (folder / stand_ins.name).write_text(cut_out(stand_ins, chosen), encoding="utf-8")
    without = {*contents.exercises, *contents.stand_ins}
    kept = with_what_they_call(contents.kept, without)
    places = defined_names()
    modules = {name: f"course_lib.reference.{places[name]}" for name in sorted(kept)}
    (folder / "__init__.py").write_text(REFERENCE_TEXT, encoding="utf-8")
    for module in reference_modules():
        (folder / f"{module}.py").write_text(extracted(module, kept), encoding="utf-8")
    known = {
        "names": sorted(places),
        "kept": modules,
        "stand_ins": list(contents.stand_ins),
        "exercises": contents.exercises,
        "arguments": contents.arguments,
    }
    text = json.dumps(known, indent=1, sort_keys=True) + "\n"
    (folder / "contents.json").write_text(text, encoding="utf-8")


def write_checks(folder: Path, contents: Contents) -> None:
    """The recordings of the released exercises, and their questions."""
    from autograde.release.record import record_exercise, seal_questions
    from course_lib.checks import all_questions, load_exercise
    from course_lib.checks.bank import live_names

    for name in sorted(live_names() & set(contents.exercises)):
        record_exercise(load_exercise(name), folder / "recordings")
    questions = all_questions()
    chosen = [questions[name] for name in contents.questions if name in questions]
    seal_questions(chosen, folder / "sealed_questions.json")


def edition_folder(lessons: Sequence[Lesson]) -> Path:
    """The grader's edition for these lessons; it is written once for each state of the course."""
    cache = writable_cache()
    final = cache / edition_digest(lessons)
    if not final.exists():
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=cache))
        try:
            write_edition(partial, lessons, grading=True)
            make_readable(partial)
            put_in_place(partial, final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        remove_unused(cache)
    os.utime(final)
    return final


def edition_digest(lessons: Sequence[Lesson]) -> str:
    """A hash of everything that an edition is made from."""
    own = [path for path in HERE.rglob("*.py") if "__pycache__" not in path.parts]
    answers = [path for path in LIBRARY.rglob("*.py") if "__pycache__" not in path.parts]
    total = hashlib.sha256()
    for path in sorted({*own, *answers, *library_files(SUFFIXES)}):
        total.update(f"{path}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    for lesson in sorted(lessons):
        total.update(f"{lesson.name}\0".encode() + lesson.source.read_bytes())
    return total.hexdigest()[:32]


def writable_cache() -> Path:
    """Beside the package, where everybody who can grade can read; else among the user's caches."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    for place in (CACHE, Path(home) / "policy-gradients-course" / "editions"):
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place
    return Path(tempfile.mkdtemp(prefix="course-edition-"))


def make_readable(folder: Path) -> None:
    """Let the unprivileged process that submissions run in read everything, and write nothing."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def put_in_place(partial: Path, final: Path) -> None:
    """Give a finished edition its name, unless another process was quicker."""
    try:
        partial.rename(final)
    except OSError:
        if not final.exists():
            raise


def remove_unused(cache: Path) -> None:
    """Delete editions that nobody asked for in a week."""
    before = time.time() - UNUSED_DAYS * 86_400
    for folder in cache.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)
