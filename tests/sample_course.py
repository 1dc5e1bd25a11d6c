"""A course of one or two small lessons in a temporary folder, for the tests of building."""

import shutil
from pathlib import Path

from autograde.lesson import Lesson

REPOSITORY = Path(__file__).resolve().parent.parent

# ruff: noqa: E501 (the headers of cells are one line)
SMALL = '''# %% [markdown]
# # What is a square?
#
# You will write one function.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
def check(function, hidden=False):
    assert function(3) == 9
    print("✓ right")


# %% [markdown]
# Exercise, 2 points.

# %% nbgrader={"grade": false, "grade_id": "square", "locked": false, "schema_version": 3, "solution": true}
def square(x):
    """x times x."""
    ### BEGIN SOLUTION
    secret_product = x * x
    return secret_product
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "check-square", "locked": true, "points": 2, "schema_version": 3, "solution": false} tags=["raises-exception"]
check(lambda x: square(x))
### BEGIN HIDDEN TESTS
hidden_case = square(-4)
assert hidden_case == 16
### END HIDDEN TESTS

# %% [markdown]
# Now something long.

# %% tags=["experiment", "raises-exception"]
print("long run", square(5))

# %% [markdown]
# Why is a square never negative?

# %% [markdown] nbgrader={"grade": true, "grade_id": "written-sign", "locked": false, "points": 3, "schema_version": 3, "solution": true}
# Because both factors have the same sign.
#
# ### BEGIN MARK SCHEME
# 3 points for the sign argument.
# ### END MARK SCHEME
'''


def make_course(folder: Path, source: str = SMALL, name: str = "00_squares") -> Lesson:
    """A course with one lesson of that source, and the repository's nbgrader settings."""
    shutil.copyfile(REPOSITORY / "nbgrader_config.py", folder / "nbgrader_config.py")
    (folder / "autograde").mkdir()  # the gradebook lives there
    lesson = Lesson(folder, name)
    lesson.source.parent.mkdir(parents=True)
    lesson.source.write_text(source, encoding="utf-8")
    return lesson
