"""Near copies are pointed out whatever their variables are called; common answers are not."""

import time

import nbformat

from autograde.grading.similar import MAX_PAIRS, fingerprint, similar_pairs

GIVEN = "import torch\n\ndef check(function):\n    return function(torch.arange(3))\n"
COPIED = """
def loss(log_prob, reward, gamma):
    # the discount first
    steps = reward.shape[0]
    factor = gamma ** torch.arange(steps, dtype=reward.dtype)
    weighted = factor[:, None] * reward
    total = weighted.sum(dim=0)
    surrogate = (total * log_prob.sum(dim=0)).mean()
    return -surrogate
"""
RENAMED = """
def loss(lp, r, g):
    n = r.shape[0]
    f = g ** torch.arange(n, dtype=r.dtype)
    w = f[:, None] * r
    t = w.sum(dim=0)
    s = (t * lp.sum(dim=0)).mean()
    return -s   # my own idea
"""
OTHER = """
def loss(log_prob, reward, gamma):
    value = 0
    for step in range(len(reward)):
        for column in range(reward.size(1)):
            value += gamma ** step * reward[step, column] * log_prob[:, column].sum()
    return -value / reward.size(1)
"""
ESSAY = (
    "The baseline does not depend on the action, so its product with the score is zero on average."
)


def notebook(*cells):
    """A notebook of code cells; text in a tuple is prose."""
    new = nbformat.v4
    made = [
        new.new_markdown_cell(cell[0]) if isinstance(cell, tuple) else new.new_code_cell(cell)
        for cell in cells
    ]
    return new.new_notebook(cells=made)


LESSON = notebook(GIVEN, "def loss(log_prob, reward, gamma):\n    raise NotImplementedError")


def marks(*cells):
    """The fingerprint of a student's notebook."""
    return fingerprint(notebook(GIVEN, *cells), LESSON)


def pairs(**work):
    """Who is pointed out with whom."""
    return [(pair.one, pair.other) for pair in similar_pairs(work)]


def test_what_the_lesson_gives_leaves_no_mark():
    assert fingerprint(LESSON, LESSON) == ()
    assert marks(COPIED)


def test_new_names_and_comments_change_no_mark():
    assert set(marks(COPIED)) == set(marks(RENAMED))
    assert not set(marks(COPIED)) <= set(marks(OTHER))


def test_a_copy_is_pointed_out_and_own_work_is_not():
    work = {"ada": marks(COPIED), "ben": marks(RENAMED), "cyn": marks(OTHER)}
    assert pairs(**work) == [("ada", "ben")]
    assert similar_pairs(work)[0].likeness == 1


def test_prose_is_compared_by_its_words():
    long = (ESSAY + " It reduces the variance because returns lie closer to their mean then. ") * 1
    copy = long.replace("zero", "nought").upper()
    work = {"ada": marks((long,)), "ben": marks((copy,)), "cyn": marks(OTHER)}
    assert pairs(**work) == []  # a word in the middle breaks six runs of a short text
    assert pairs(ada=marks((long,)), ben=marks((long.upper(),)), cyn=()) == [("ada", "ben")]


def test_what_most_of_the_class_wrote_is_no_sign():
    work = {f"student{number}": marks(COPIED) for number in range(7)}
    assert pairs(**work, other=marks(OTHER)) == []


def test_short_answers_are_no_sign():
    short = marks("def f(x):\n    return x * x")
    assert pairs(ada=short, ben=short) == []


def test_broken_code_has_marks_too():
    assert marks("def loss(:\n  'open " + "x + " * 30)


def test_the_list_is_bounded():
    work = {f"s{number}": marks(COPIED) for number in range(12)}
    work |= {f"t{number}": marks(OTHER) for number in range(13)}
    assert len(similar_pairs(work)) <= MAX_PAIRS


def test_a_text_made_to_take_for_ever_does_not():
    started = time.perf_counter()
    marks("'''" * 60_000)
    assert time.perf_counter() - started < 20
