"""What is wrong with a lesson's source before it is built: ids, points, markers, tags, names."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

import jupytext
from nbformat import NotebookNode

from autograde.building.source import CELL_START, FORMAT, read_source, source_text
from autograde.lesson import Lesson

REQUIRED = ("grade", "grade_id", "locked", "schema_version", "solution")
REGIONS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
MAX_LINES = 30
MAX_CODE_CELLS = 2


def lint(lesson: Lesson, errors: list[str]) -> list[str]:
    """Append what must be repaired to `errors`; return what is worth a remark."""
    text = source_text(lesson)
    cells = read_source(lesson).cells
    where = places(lesson, text, cells)
    warnings = list(crowded(cells, where))
    errors += broken_headers(lesson, text)
    errors += repeated_ids(cells, where)
    for cell, place in zip(cells, where, strict=True):
        errors += [f"{place}: {problem}" for problem in cell_problems(cell)]
        if cell.cell_type == "code" and len(cell.source.split("\n")) > MAX_LINES:
            lines = len(cell.source.split("\n"))
            warnings.append(f"{place}: {lines} lines; a cell does one thing in at most {MAX_LINES}")
    return warnings


def places(lesson: Lesson, text: str, cells: list[NotebookNode]) -> list[str]:
    """How a cell is named in a message: file, line if it is known, id."""
    starts = [text.count("\n", 0, match.start()) + 1 for match in CELL_START.finditer(text)]
    name = lesson.relative(lesson.source)
    if len(starts) != len(cells):  # blank cells, or text before the first marker
        return [f"{name}, cell {cell.id}" for cell in cells]
    return [f"{name}:{line} ({cell.id})" for line, cell in zip(starts, cells, strict=True)]


def broken_headers(lesson: Lesson, text: str) -> list[str]:
    """Cell headers that jupytext could not understand, which would lose their metadata."""
    name = lesson.relative(lesson.source)
    raw = jupytext.reads(text, fmt=FORMAT).cells
    headers = [cell.metadata.get("incorrectly_encoded_metadata") for cell in raw]
    headers += [title for cell in raw if "nbgrader" in (title := cell.metadata.get("title", ""))]
    return [f"{name}: cannot read the cell header: # %% {header}" for header in headers if header]


def repeated_ids(cells: list[NotebookNode], where: list[str]) -> list[str]:
    """grade_ids that two cells share: nbgrader needs them to be unique."""
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in cells]
    count = Counter(ids)
    return [
        f"{place}: the grade_id {identity!r} is used {count[identity]} times"
        for identity, place in zip(ids, where, strict=True)
        if identity and count[identity] > 1
    ]


def crowded(cells: list[NotebookNode], where: list[str]) -> Iterator[str]:
    """Runs of code cells without a word between them, named once each."""
    run = 0
    for cell, place in zip(cells, where, strict=True):
        run = run + 1 if cell.cell_type == "code" else 0
        if run == MAX_CODE_CELLS + 1:
            yield f"{place}: more than {MAX_CODE_CELLS} code cells in a row; say something between"


def cell_problems(cell: NotebookNode) -> Iterator[str]:
    """Everything that is wrong with one cell."""
    meta = cell.metadata.get("nbgrader")
    yield from marker_problems(cell)
    if meta is None:
        return
    missing = [key for key in REQUIRED if key not in meta]
    if missing:
        yield f"its nbgrader metadata lacks {', '.join(missing)}"
        return
    if meta["schema_version"] != 3:
        yield f"schema_version is {meta['schema_version']}; nbgrader's is 3"
    points = meta.get("points")
    if (meta["grade"] or meta.get("task")) and not (isinstance(points, int | float) and points > 0):
        yield f"a graded cell needs points, it has {points!r}"
    if cell.cell_type == "code":
        yield from code_problems(cell, meta)
    elif meta["grade"] != meta["solution"]:
        yield "a graded text cell is an answer: grade and solution go together"


def code_problems(cell: NotebookNode, meta: dict) -> Iterator[str]:
    """What is wrong with an exercise's or a check's cell."""
    if meta["solution"] and "### BEGIN SOLUTION" not in cell.source:
        yield "a solution cell needs ### BEGIN SOLUTION … ### END SOLUTION, or all of it is cleared"
    if not meta["grade"] or meta["solution"]:
        return
    if not meta["locked"]:
        yield "a check cell must be locked"
    if "raises-exception" not in cell.metadata.get("tags", []):
        yield 'a check cell needs tags=["raises-exception"], so that Run All goes on'
    calls = list(check_calls(cell.source))
    if any(kind == "check" for kind, _ in calls) and "### BEGIN HIDDEN TESTS" not in cell.source:
        yield "a check cell needs hidden tests: ### BEGIN HIDDEN TESTS … ### END HIDDEN TESTS"
    for kind, name in calls:
        yield from unknown_name(kind, name)


def check_calls(source: str) -> Iterator[tuple[str, str]]:
    """("check", exercise) and ("check_answer", question) for every such call."""
    python = "\n".join(line for line in source.split("\n") if not line.startswith(("%", "!")))
    for node in ast.walk(ast.parse(python)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        argument = node.args[0]
        name = argument.id if isinstance(argument, ast.Name) else ""
        for keyword in node.keywords:
            if keyword.arg == "exercise" and isinstance(keyword.value, ast.Constant):
                name = keyword.value.value
        if node.func.id in ("check", "check_answer") and name:
            yield node.func.id, name


def unknown_name(kind: str, name: str) -> Iterator[str]:
    """A check of something that the course has no exercise or question for."""
    from course_lib import checks  # brings torch along, which `course --help` must not

    known = [*checks.exercise_names(), *checks.AGENT_TASKS]
    if kind == "check" and name not in known:
        yield f"there is no exercise called {name!r} in course_lib/checks/exercises"
    question = name.removeprefix("answer_")
    if kind == "check_answer" and question not in checks.all_questions():
        yield f"there is no question called {question!r} in course_lib/checks/questions"


def marker_problems(cell: NotebookNode) -> Iterator[str]:
    """Markers that do not come in pairs, or stand in a cell of the wrong kind."""
    meta = cell.metadata.get("nbgrader", {})
    graded = meta.get("grade") or meta.get("task")
    allowed = dict(zip(REGIONS, (meta.get("solution"), meta.get("grade"), graded), strict=True))
    for region in REGIONS:
        found = re.findall(rf"\b(BEGIN|END) {region}\b", cell.source)
        if found != ["BEGIN", "END"] * (len(found) // 2):
            yield f"BEGIN {region} and END {region} do not come in pairs"
        if found and not allowed[region]:
            yield f"BEGIN {region} in a cell whose nbgrader metadata is not for it"
