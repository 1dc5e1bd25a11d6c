"""The course as nbgrader and formgrader see it; `course build` reads the same settings.

nbgrader finds this file when it is started in this folder.
"""

import os
from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, GetGrades

from autograde import grading
from autograde.building.student import ForgetBuild
from autograde.grading.feedback import FeedbackExporter
from autograde.grading.nbgrader_steps import GradeCells, Rebuild
from autograde.grading.prose import markdown2html

c = get_config()  # noqa: F821 (traitlets puts it here)

# The number of threads changes results; a kernel started from here inherits this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where things are. Forward slashes on every system: nbgrader makes regular expressions of them.
root = Path(__file__).resolve().parent
c.CourseDirectory.course_id = "policy-gradients"
c.CourseDirectory.root = str(root)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.source_with_tests_directory = "autograde/source_with_tests"
c.CourseDirectory.solution_directory = "autograde/solution"
c.CourseDirectory.submitted_directory = "autograde/submitted"
c.CourseDirectory.autograded_directory = "autograde/autograded"
c.CourseDirectory.feedback_directory = "autograde/feedback"
# Another gradebook: the environment variable COURSE_DB, or `course grade --db URL`.
sqlite = f"sqlite:///{(root / 'autograde' / 'gradebook.db').as_posix()}"
c.CourseDirectory.db_url = os.environ.get("COURSE_DB") or sqlite

# nbgrader copies every other file of a lesson's folder to the students. The sources
# (NN_slug/slug.py) hold the solutions, so no Python file may ever be among them.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "__pycache__",
    "feedback",
    "*.py",
    "*.pyc",
    "*.tmp",
]

# From the worked notebook to the student's.
c.GenerateAssignment.preprocessors = [
    *GenerateAssignment.class_traits()["preprocessors"].default(),
    ForgetBuild,
]
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Write your code here, then run the cell below.")'
}
c.ClearSolutions.text_stub = "*Write your answer here.*"
# Written questions are graded answer cells, not nbgrader's "task" cells, and carry a mark scheme.
# Where a region may stand is checked by `course build`, with better messages. In a submission,
# a student who types a marker into a cell must not lose the feedback.
c.ClearHiddenTests.enforce_metadata = False
c.ClearMarkScheme.enforce_metadata = False

# Grading. `nbgrader autograde` takes the same steps as `course grade`, one submission at a time.
c.Autograde.sanitize_preprocessors = [Rebuild]
c.Autograde.autograde_preprocessors = [
    GradeCells,
    *Autograde.class_traits()["autograde_preprocessors"].default()[1:],
]
c.Execute.timeout = 60
c.Execute.skip_cells_with_tag = "experiment"
# Anything on stderr would cost a right answer its points: ignore all of it.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"\A"

# Handing in late costs a share of the points for each day that has begun.
c.AssignLatePenalties.plugin_class = "autograde.grading.late.DailyPenalty"

# Mathematics is shown without a script and without the network, also in formgrader.
offline = str(Path(grading.__file__).parent / "jupyter")
if offline not in os.environ.get("JUPYTER_PATH", "").split(os.pathsep):
    found = [offline, *filter(None, [os.environ.get("JUPYTER_PATH")])]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(found)
c.HTMLExporter.filters = {"markdown2html": markdown2html}

# Feedback shows neither hidden tests nor mark schemes, and no script can run on its pages.
c.GenerateFeedback.exporter_class = FeedbackExporter
c.GenerateFeedback.preprocessors = [
    GetGrades,
    ClearHiddenTests,
    ClearMarkScheme,
    CSSHTMLHeaderPreprocessor,
]
