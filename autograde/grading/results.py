"""Gathers what the report and the table in the terminal show: gradebook and records together.

Points come from the gradebook, where grading by hand has its say; mistakes and notes come from the
records.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

from autograde.grading import gradebook
from autograde.grading.class_statistics import Question, Times, questions, times
from autograde.grading.classroom import Classroom
from autograde.grading.gradebook import SavedGrade
from autograde.grading.notes import Note
from autograde.grading.outcomes import BY_HAND, Score
from autograde.grading.records import Record, read_record
from autograde.grading.similar import Pair, similar_pairs
from autograde.lesson import Lesson
from course_lib.checks.agent_tasks import Trial


@dataclass(frozen=True)
class Row:
    """One student in one lesson: scores in the lesson's order, penalty, notes."""

    student: str
    scores: tuple[Score, ...] = ()
    notes: tuple[Note, ...] = ()
    penalty: float = 0.0
    handed_in: bool = True
    seconds: float = 0.0
    fingerprint: tuple[str, ...] = ()
    trials: tuple[Trial, ...] = ()

    @property
    def points(self) -> float:
        """Points so far, the penalty taken off."""
        return max(0.0, sum(one.points or 0.0 for one in self.scores) - self.penalty)

    @property
    def possible(self) -> float:
        """All points there are."""
        return sum(one.possible for one in self.scores)

    @property
    def by_hand(self) -> float:
        """Points that wait for a person."""
        return sum(one.possible for one in self.scores if one.points is None)

    @property
    def problem(self) -> bool:
        """Whether a person should look at the submission."""
        return any(note.problem for note in self.notes)


@dataclass(frozen=True)
class MistakeCount:
    """A known mistake and who made it."""

    exercise: str
    mistake: str
    students: tuple[str, ...]


@dataclass
class LessonResults:
    """A lesson's table."""

    lesson: Lesson
    rows: list[Row] = field(default_factory=list)

    @property
    def handed_in(self) -> list[Row]:
        """The students who handed something in."""
        return [row for row in self.rows if row.handed_in]

    @property
    def columns(self) -> tuple[Score, ...]:
        """The graded cells, as the first row that was handed in has them."""
        return next((row.scores for row in self.handed_in), ())

    @property
    def mean(self) -> float | None:
        """Mean points of those who handed in."""
        return mean([row.points for row in self.handed_in])

    def exercise_mean(self, place: int) -> float | None:
        """Mean points of one graded cell, those that wait for a person left out."""
        scores = [row.scores[place].points for row in self.handed_in]
        return mean([points for points in scores if points is not None])

    @property
    def mistakes(self) -> list[MistakeCount]:
        """The known mistakes, the most common first."""
        made: dict[tuple[str, str], list[str]] = {}
        for row in self.rows:
            for one in row.scores:
                if one.mistake:
                    made.setdefault((one.exercise, one.mistake), []).append(row.student)
        counts = [MistakeCount(*names, tuple(who)) for names, who in made.items()]
        return sorted(counts, key=lambda one: (-len(one.students), one.exercise, one.mistake))

    @property
    def questions(self) -> list[Question]:
        """Each graded cell over the whole class."""
        return questions([row.scores for row in self.handed_in])

    @property
    def times(self) -> Times | None:
        """How long the submissions took to run."""
        return times({row.student: row.seconds for row in self.handed_in})

    @property
    def similar(self) -> list[Pair]:
        """Pairs of students whose work is nearly the same."""
        return similar_pairs({row.student: row.fingerprint for row in self.handed_in})

    @property
    def statuses(self) -> Counter[str]:
        """How often each status occurs."""
        return Counter(one.status for row in self.rows for one in row.scores)


def mean(values: list[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def gather(room: Classroom, lessons: list[Lesson]) -> list[LessonResults]:
    """The results of the lessons in which something was graded."""
    students = gradebook.known_students(room)
    tables = []
    for lesson in lessons:
        saved = gradebook.saved_submissions(room, lesson)
        grades = {(one.student, one.grade_id): one for one in gradebook.saved_grades(room, lesson)}
        table = LessonResults(lesson)
        for student in students:
            record = read_record(room, lesson, student) if student in saved else None
            if record:
                scores = tuple(current(record, one, grades) for one in record.scores)
                penalty = saved[student].penalty
                more = {"seconds": record.seconds, "fingerprint": record.fingerprint}
                more |= {"trials": record.trials}
                table.rows.append(Row(student, scores, record.notes, penalty, **more))
            else:
                table.rows.append(Row(student, handed_in=False))
        if table.handed_in:
            tables.append(table)
    return tables


def current(record: Record, one: Score, grades: dict[tuple[str, str], SavedGrade]) -> Score:
    """A score as the gradebook has it now: a person may have graded or corrected it."""
    grade = grades.get((record.student, one.grade_id))
    if grade is None:
        return one
    if one.status == BY_HAND and grade.needs_manual_grade:
        return replace(one, points=None)
    return replace(one, points=grade.points)
