"""Small notebooks and a workspace, for the tests of the student's desk."""

import json
from pathlib import Path

from course_lib.desk.places import Page
from course_lib.desk.workspace import open_workspace

PAGE = Page("00_squares")
STUB = (
    'def {0}(x):\n    raise NotImplementedError("Write your code here, then run the cell below.")'
)
LETTER = (
    'def {0}():\n    raise NotImplementedError("Write your code here, then run the cell below.")'
)


def code(
    text: str, *, answer: str = "", check: str = "", locked: str = "", points: float = 0, **more
):
    """A cell of code: a student's own, or an answer, a check or a locked cell of that grade_id."""
    made = cell("code", text, answer or check or locked, bool(answer), bool(check), points)
    return {**made, "outputs": [], "execution_count": None, **more}


def markdown(text: str, *, answer: str = "", points: float = 0, **more):
    """A cell of prose: free, or a written answer of that grade_id."""
    return {**cell("markdown", text, answer, bool(answer), bool(answer), points), **more}


def cell(kind: str, text: str, grade_id: str, solution: bool, grade: bool, points: float) -> dict:
    """A cell with nbgrader's metadata, if it has a name there."""
    made = {"cell_type": kind, "source": text, "metadata": {}}
    if grade_id:
        marks = {"grade_id": grade_id, "solution": solution, "grade": grade, "points": points}
        made |= {"id": grade_id, "metadata": {"nbgrader": marks | {"locked": not solution}}}
    return made


def notebook(*cells: dict) -> dict:
    """A notebook of these cells."""
    made = [{"id": f"cell-{place}", **one} for place, one in enumerate(cells)]
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def a_notebook(*cells: dict) -> str:
    """The text of its file."""
    return json.dumps(notebook(*cells), ensure_ascii=False)


def task(name: str, stub: str = STUB, points: float = 2) -> list[dict]:
    """An exercise: its answer cell, and the check below."""
    grade_id = name.replace("_", "-")
    return [
        code(stub.format(name), answer=grade_id),
        code(f"check({name})", check=f"check-{grade_id}", points=points),
    ]


def question(name: str) -> list[dict]:
    """A concept question, of one point."""
    grade_id = name.replace("_", "-")
    return [
        code(LETTER.format(name), answer=grade_id),
        code(f"check_answer({name})", check=f"check-{grade_id}", points=1),
    ]


LESSON = (
    markdown("# What is a square?\n\n**Lesson 00 · Squares** · about an hour · 8 points"),
    code("import torch", locked="setup"),
    markdown("### Exercise 1 · `reward_to_go`\n\nWrite it."),
    *task("reward_to_go", points=3),
    markdown("### Think · 1 point"),
    *question("answer_two_ends"),
    markdown("### Exercise 2 · `td_error`"),
    *task("td_error", points=1),
    markdown("### In your own words · 3 points, graded by hand"),
    markdown("*Write your answer here.*", answer="written-why", points=3),
)


def make_workspace(folder: Path, *cells: dict) -> tuple[Path, Path]:
    """A course with one small lesson, and a workspace on it."""
    course, workspace = folder / "course", folder / "mine"
    release(course, *cells)
    open_workspace(course, workspace)
    return course, workspace


def release(course: Path, *cells: dict) -> None:
    """Hand a version of the lesson out."""
    path = PAGE.released(course)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(a_notebook(*(cells or LESSON)), encoding="utf-8")


def written(workspace: Path, **texts: str) -> None:
    """Write into cells of the student's notebook, by grade_id with underscores."""
    path = PAGE.mine(workspace)
    content = json.loads(path.read_text(encoding="utf-8"))
    for one in content["cells"]:
        name = one["metadata"].get("nbgrader", {}).get("grade_id", "").replace("-", "_")
        one["source"] = texts.get(name, one["source"])
    path.write_text(json.dumps(content), encoding="utf-8")
