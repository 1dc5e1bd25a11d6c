"""What is missing in a notebook that is to be handed in.

Nothing is executed: what the visible checks said is in the records.
"""

from collections import defaultdict
from datetime import datetime
from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.matching import Index
from course_lib.desk.notebooks import (
    Cell,
    by_grade_id,
    grade_id,
    is_answer,
    plain,
    read_notebook,
)
from course_lib.desk.outline import WRITTEN, Item, Outline, read_outline
from course_lib.desk.places import Page, require_workspace, told
from course_lib.desk.records import Record, Records, load_records

SLACK = 2  # seconds between a check and the save of its output
CHECK = "check-"


def missing_in(workspace: Path, page: Page) -> list[str]:
    """What is not there yet, in the order in which to mend it.

    Raises:
        DeskError: the notebook cannot be read.
    """
    require_workspace(workspace)
    mine = page.mine(workspace)
    if not mine.exists():
        raise DeskError(f"There is no {mine}. A fresh one comes with: {told('lab', workspace)}")
    given = base_cells(workspace, page)
    theirs, base = read_notebook(mine)["cells"], by_grade_id(given)
    cells = recognised(theirs, given)
    outline = read_outline(workspace, page)
    try:
        records, unknown = load_records(workspace), []
    except DeskError as error:
        records, unknown = {}, [f"Which checks have passed is not known. {error}"]
    found = not_saved(mine, outline, records) + changed_cells(workspace, page, cells, base)
    found += [*in_parts(outline, theirs, given), *not_answered(outline, cells, base)]
    return [*found, *unknown, *([] if unknown else not_passed(outline, records, cells, base))]


def base_cells(workspace: Path, page: Page) -> list[Cell]:
    """The cells of the version that was handed out; none if it is not known."""
    try:
        return read_notebook(page.base(workspace))["cells"]
    except DeskError:
        return []


def recognised(mine: list[Cell], given: list[Cell]) -> dict[str, Cell]:
    """The student's cells by the grade_id that they were given out with, as the grader finds them.

    Of an answer that is there twice, the last one written counts.
    """
    index, found = Index(given), {}
    for cell in mine:
        place = index.find(cell)
        name = grade_id(given[place]) if place is not None else grade_id(cell)
        if name not in found or place is None or not is_untouched(cell, given[place]):
            found[name] = cell
    return found


def not_saved(mine: Path, outline: Outline | None, records: Records) -> list[str]:
    """A remark if something was checked after the notebook was saved."""
    names = [item.name for item in outline.items] if outline else []
    last = max((moment(records[name]) for name in names if name in records), default=0.0)
    saved = mine.stat().st_mtime
    if last <= saved + SLACK:
        return []
    clock = [datetime.fromtimestamp(one).strftime("%H:%M:%S") for one in (saved, last)]
    return [
        f"The notebook was saved at {clock[0]}, and a check ran at {clock[1]}: what was written "
        "in between is not in it. Save it in JupyterLab (Ctrl-S)."
    ]


def moment(record: Record) -> float:
    """When a check ran last, in seconds; 0 if that is not known."""
    try:
        return datetime.fromisoformat(record.last).timestamp()
    except ValueError:
        return 0.0


def changed_cells(
    workspace: Path, page: Page, cells: dict[str, Cell], base: dict[str, Cell]
) -> list[str]:
    """Remarks on the lesson's own cells that are gone or changed."""
    locked = {name: cell for name, cell in base.items() if not is_answer(cell)}
    gone = [name for name in locked if name not in cells]
    changed = [name for name in locked if name in cells and plain(cells[name]) != plain(base[name])]
    found = []
    if gone:
        found.append(f"Deleted: {', '.join(gone)}.")
    if changed:
        found.append(f"Changed: {', '.join(changed)}.")
    if found:
        repair = told(f"upgrade --force {page.name[:2]}", workspace)
        found[-1] += f" The grader uses the lesson's own. They come back with: {repair}"
    return found


def in_parts(outline: Outline | None, mine: list[Cell], given: list[Cell]) -> list[str]:
    """A remark on answers of which only a part counts, as when a cell was split in two."""
    index, texts = Index(given), defaultdict(set)
    for cell in mine:
        place = index.find(cell)
        if place is None or not is_answer(given[place]) or is_untouched(cell, given[place]):
            continue
        texts[grade_id(given[place])].add(plain(cell))
    titles = titles_in(outline)
    names = [titles.get(name, name) for name, found in texts.items() if len(found) > 1]
    what = "In more than one cell, of which the last one counts (Shift-M makes one of two)"
    return [listed(what, names)] if names else []


def titles_in(outline: Outline | None) -> dict[str, str]:
    """How the lesson calls what a student writes, by nbgrader's name of the cell."""
    return {answer_of(item): item.title for item in outline.items} if outline else {}


def not_answered(
    outline: Outline | None, cells: dict[str, Cell], base: dict[str, Cell]
) -> list[str]:
    """Remarks on answers that are gone, empty or as they were handed out."""
    titles = titles_in(outline)
    answers = {name: cell for name, cell in base.items() if is_answer(cell)}
    gone = [name for name in answers if name not in cells]
    left = [name for name in answers if name in cells and is_untouched(cells[name], base[name])]
    code = [name for name in left if base[name]["cell_type"] == "code"]
    words = [name for name in left if name not in code]
    kinds = (("The cell is gone", gone), ("Not answered", code), ("Nothing written", words))
    return [
        listed(kind, [titles.get(name, name) for name in names]) for kind, names in kinds if names
    ]


def listed(what: str, titles: list[str]) -> str:
    """A remark with one line for each thing that it is about."""
    return "\n    ".join([f"{what}:", *titles])


def answer_of(item: Item) -> str:
    """nbgrader's name of the cell that a student writes in for this."""
    return item.grade_id.removeprefix(CHECK)


def is_untouched(cell: Cell, stub: Cell) -> bool:
    """Whether nothing was written there."""
    return plain(cell) in ("", plain(stub))


def not_passed(
    outline: Outline | None, records: Records, cells: dict[str, Cell], base: dict[str, Cell]
) -> list[str]:
    """Remarks on answered exercises and questions whose check has not passed."""
    never, failed = [], []
    for item in outline.items if outline else ():
        answer = answer_of(item)
        if item.kind == WRITTEN or answer not in cells:
            continue
        if answer in base and is_untouched(cells[answer], base[answer]):
            continue
        known = records.get(item.name, Record())
        if known.first_passed is None:
            never.append(item.title)
        elif not known.passes:
            failed.append(item.title)
    kinds = (("The check never passed", never), ("The last check failed", failed))
    return [listed(kind, titles) for kind, titles in kinds if titles]
