"""An invented class, made by code from the lessons: right, wrong, broken and late submissions.

The same lessons give the same files, byte for byte. Who did what is in `STUDENTS`; what the
students write where they differ from the worked lesson is in `sample_answers.py`.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils

from autograde.errors import CourseError
from autograde.grading.collecting import TIMESTAMP
from autograde.grading.graded_source import grade_id
from autograde.invented import sample_answers as write
from autograde.lesson import Lesson

DUE = datetime(2026, 3, 2, 23, 59)
GUESSES = "abcd"
Notebook = dict[str, Any]


@dataclass(frozen=True)
class Invented:
    """A student of the sample class.

    Args:
        name: the student's id.
        about: what is special about the work.
        share: how much of the lesson is written, in the order of the page.
        instead: answers by grade_id, in the place of the worked ones.
        one_of: the first of these that a lesson has, as (grade_id, answer); lessons without any
            of them are not handed in.
        helper: a cell of the student's own, put on top of the notebook.
        guesses: whether concept questions are answered by a letter a question in turn.
        damage: what happens to the notebook; it returns what is written to the file.
        file_name: with the slug in it.
        hours_late: after the due date; on time is an hour before it.
    """

    name: str
    about: str
    share: float = 1.0
    instead: Mapping[str, str] = field(default_factory=dict)
    one_of: tuple[tuple[str, str], ...] = ()
    helper: str = ""
    guesses: bool = False
    damage: Callable[[Notebook], Notebook | str] | None = None
    file_name: str = "{slug}.ipynb"
    hours_late: float = -1.0


def cut_short(notebook: Notebook) -> str:
    """What is left of the file when the disk is full: two thirds."""
    text = nbformat.writes(nbformat.from_dict(notebook))
    return text[: len(text) * 2 // 3]


def lost_and_doubled(notebook: Notebook) -> Notebook:
    """The first check is deleted; the last answer in code is there twice."""
    cells = notebook["cells"]
    checks = [c for c in cells if utils.is_grade(c) and c["cell_type"] == "code"]
    answers = [c for c in cells if utils.is_solution(c) and c["cell_type"] == "code"]
    cells.remove(checks[0])
    double = copy.deepcopy(answers[-1])
    double["id"] = "a-copy"
    cells.insert(cells.index(answers[-1]) + 1, double)
    return notebook


STUDENTS: tuple[Invented, ...] = (
    Invented("amara.okoye", "everything right"),
    Invented(
        "bruno.keller",
        "everything right, written in another way, with a helper in a cell of its own",
        instead={
            "reinforce-loss": write.WITH_LOOPS,
            "generalized-advantage": write.LAMBDA_RETURN,
            "capstone-agent": write.LINEAR_RULE,
        },
        helper=write.HELPER,
    ),
    Invented("chen.wei", "opened and handed in untouched", share=0.0),
    Invented("dalia.haddad", "half done, questions guessed", share=0.5, guesses=True),
    Invented(
        "emil.novak",
        "advantages that ignore `truncated`; an agent that corrects too much",
        one_of=(
            ("generalized-advantage", write.IGNORES_TRUNCATED),
            ("capstone-agent", write.HASTY_RULE),
        ),
    ),
    Invented(
        "fatou.diallo",
        "a loss whose gradient leaks into the critic",
        one_of=(("a2c-loss", write.GRADIENT_LEAKS),),
    ),
    Invented(
        "goran.ilic",
        "a loss with its sign flipped; an agent that pushes at random",
        one_of=(("reinforce-loss", write.SIGN_FLIPPED), ("capstone-agent", write.AT_RANDOM)),
    ),
    Invented(
        "hana.sato",
        "a row times a column",
        one_of=(("reinforce-loss", write.ROW_AND_COLUMN),),
    ),
    Invented(
        "ines.costa",
        "an answer that raises; an agent whose actions have lost an axis",
        one_of=(("reinforce-loss", write.RAISES), ("capstone-agent", write.LOST_AXIS)),
    ),
    Invented(
        "jonas.berg",
        "an answer that never ends",
        one_of=(
            ("cross-entropy-policy-gradient", write.NEVER_ENDS_WEIGHTED),
            ("reinforce-loss", write.NEVER_ENDS),
        ),
    ),
    Invented("kavya.rao", "a file that was cut short", damage=cut_short),
    Invented("liam.byrne", "right, but 30 hours late", hours_late=30.0),
    Invented("mei.tanaka", "right, under another file name", file_name="{slug} (1).ipynb"),
    Invented("noor.aziz", "a check deleted and a cell doubled", damage=lost_and_doubled),
)


def sample_class(lessons: Sequence[Lesson]) -> dict[str, str]:
    """All files of the class: path below the folder of submissions, and text.

    Raises:
        CourseError: a lesson is not built.
    """
    files: dict[str, str] = {}
    for lesson in lessons:
        released, worked = (
            read_notebook(lesson, lesson.student),
            read_notebook(lesson, lesson.worked),
        )
        solutions = {grade_id(c): c.source for c in worked.cells if utils.is_solution(c)}
        for student in STUDENTS:
            files.update(submission(student, lesson, copy.deepcopy(released), solutions))
    return files


def read_notebook(lesson: Lesson, path: Path) -> Notebook:
    """A built notebook."""
    if not path.exists():
        raise CourseError(
            f"{lesson.relative(path)} is missing: the lesson is not built. "
            f"Build it with `course build {lesson.name}`."
        )
    return nbformat.read(path, as_version=4)


def submission(
    student: Invented, lesson: Lesson, notebook: Notebook, solutions: Mapping[str, str]
) -> dict[str, str]:
    """The files that one student hands in for one lesson."""
    special = [(name, text) for name, text in student.one_of if name in solutions][:1]
    if student.one_of and not special:
        return {}
    fill(notebook, student, {**solutions, **student.instead, **dict(special)})
    damaged = student.damage(notebook) if student.damage else notebook
    text = damaged if isinstance(damaged, str) else json.dumps(damaged, indent=1) + "\n"
    folder = f"{student.name}/{lesson.name}"
    handed_in = DUE + timedelta(hours=student.hours_late)
    return {
        f"{folder}/{student.file_name.format(slug=lesson.slug)}": text,
        f"{folder}/{TIMESTAMP}": f"{handed_in} UTC\n",
    }


def fill(notebook: Notebook, student: Invented, answers: Mapping[str, str]) -> None:
    """Write the student's share of the answers into the notebook."""
    cells = [cell for cell in notebook["cells"] if utils.is_solution(cell)]
    for place, cell in enumerate(cells[: round(student.share * len(cells))]):
        if utils.is_grade(cell):
            cell["source"] = f"{cell['source']}\n\n{write.WRITTEN}"
        elif student.guesses and grade_id(cell).startswith("answer-"):
            cell["source"] = guess(cell["source"], GUESSES[place % len(GUESSES)])
        else:
            cell["source"] = without_markers(answers[grade_id(cell)])
    if student.helper:
        own = nbformat.v4.new_code_cell(student.helper.rstrip(), id="my-helper")
        notebook["cells"].insert(1, own)


def guess(stub: str, letter: str) -> str:
    """The stub of a concept question with a letter in the place of its `raise`."""
    kept = [line for line in stub.split("\n") if "raise NotImplementedError" not in line]
    return "\n".join([*kept, f'    return "{letter}"'])


def without_markers(text: str) -> str:
    """A worked answer without the lines that mark it."""
    return "\n".join(line for line in text.rstrip().split("\n") if "### " not in line)
