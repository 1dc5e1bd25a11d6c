"""Called by every check in a notebook: records the result, and says where the lesson stands.

Outside a workspace, in a worked notebook, when a page is built and when work is graded, nothing is
written. Whatever goes wrong here is a remark, never an error in the student's check.
"""

from pathlib import Path

from course_lib.desk.errors import DeskError
from course_lib.desk.kernel import in_notebook, is_static
from course_lib.desk.outline import Outline, load_outlines
from course_lib.desk.places import find_workspace, told
from course_lib.desk.records import Record, Records, change_records
from course_lib.desk.standing import Standing, number


def record(
    name: str, points: float, possible: float, *, passed: bool, mistake: str | None = None
) -> str:
    """Record one check; a line for the student, which is empty where nothing is recorded.

    Args:
        name: of the exercise, or of the question's function, as `answer_why_log`.
        points, possible: what the check gave and could give.
        passed: whether it passed.
        mistake: the known mistake that it named, or None.
    """
    try:
        workspace = current_workspace()
        if workspace is None:
            return ""
        return noted(workspace, name, points, possible, passed, mistake)
    except DeskError as error:
        return f"(Not recorded. {error})"
    except Exception as error:  # A check must say what it has to say, whatever is wrong here.
        return f"(Not recorded: {type(error).__name__}: {error})"


def current_workspace() -> Path | None:
    """The workspace that this notebook runs in; None where nothing may be written."""
    if is_static() or not in_notebook():
        return None
    here = Path.cwd()
    found = find_workspace(here)
    # Lessons lie directly in it; what lies deeper is the worked course, or something else's folder.
    return found if found in (here, here.parent) else None


def noted(
    workspace: Path, name: str, points: float, possible: float, passed: bool, mistake: str | None
) -> str:
    """Write the result down; where the lesson stands now, if the check passed."""
    outline = lesson_with(load_outlines(workspace), name)
    if outline is None:
        return ""

    def change(records: Records) -> Records:
        known = records.get(name, Record())
        return {**records, name: known.after(points, possible, passed, mistake)}

    records, remark = change_records(workspace, change)
    line = position(Standing(outline, records, workspace=workspace)) if passed else ""
    return "\n".join(filter(None, [line, remark]))


def lesson_with(outlines: list[Outline], name: str) -> Outline | None:
    """The lesson that asks for this."""
    return next((one for one in outlines if any(item.name == name for item in one.items)), None)


def position(standing: Standing) -> str:
    """Where the lesson stands, in one line."""
    outline = standing.outline
    lesson = f"Lesson {outline.lesson[:2]}"
    so_far = f"{lesson}: {number(standing.points)} of {number(standing.possible)} points"
    left = [item for item in outline.checked if not standing.is_done(item)]
    if left:
        return f"{so_far} so far. Next: {left[0].title}"
    hand_in = f"`{told(f'submit {outline.lesson[:2]}', standing.workspace)}`"
    written = ", then the written question" if outline.written else ""
    return f"{so_far}: every check has passed{written}. To hand it in: {hand_in}"
