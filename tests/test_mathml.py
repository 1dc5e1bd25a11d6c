"""Formulas as MathML: well formed, complete for the lessons, and never wrong in silence."""

import re
from xml.etree import ElementTree

import nbformat
import pytest

from autograde.grading.mathml import mathml
from autograde.grading.prose import markdown2html
from autograde.lesson import all_lessons
from tests.sample_course import REPOSITORY

# A picture of one pixel.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"

FORMULA = re.compile(r"\$\$(.*?)\$\$|(?<![\\$])\$([^$]+?)\$", re.DOTALL)


def tree(latex):
    """The parsed element; it has to be well formed."""
    return ElementTree.fromstring(mathml(latex))


def shape(latex):
    """The element without its alternative text, as nested names and texts."""

    def nested(element):
        inside = [nested(child) for child in element]
        return (element.tag, inside or element.text)

    return [nested(child) for child in tree(latex)[0]]


def test_letters_numbers_and_signs():
    assert shape(r"\gamma-2.5") == [("mi", "γ"), ("mo", "−"), ("mn", "2.5")]


def test_fractions_take_a_group_or_one_digit():
    half = ("mfrac", [("mn", "1"), ("mn", "2")])
    assert shape(r"\tfrac12") == [half]
    assert shape(r"\frac{1}{2}x")[1] == ("mi", "x")


def test_scripts_stand_beside_letters_and_under_sums():
    assert tree(r"x_i^2")[0][0].tag == "msubsup"
    assert tree(r"\sum_{t=0}^T r_t")[0][0].tag == "munderover"
    assert tree(r"\max_a Q")[0][0].tag == "munder"
    assert tree(r"\underbrace{a}_{b}")[0][0].tag == "munder"
    assert [one.text for one in tree("s'").iter("mo")] == ["′"]


@pytest.mark.parametrize(
    "latex", ["[-x]", "a=-x", r"f(\cdot,-x)", r"\left(-x\right)", r"\big[-x\big]"]
)
def test_a_sign_that_belongs_to_one_thing_stands_close_to_it(latex):
    assert mathml(latex).count('<mo form="prefix">−</mo><mi>x</mi>') == 1


@pytest.mark.parametrize("latex", ["a-x", "f(a)-x", "a_t-x", "{}-x"])
def test_a_sign_between_two_things_has_room(latex):
    assert 'form="prefix"' not in mathml(latex)


def test_brackets_grow_where_the_formula_says_so_and_nowhere_else():
    assert mathml(r"(\sum_a x)").count('stretchy="false"') == 2
    assert mathml(r"|x|\{y\}\langle z\rangle").count('stretchy="false"') == 6
    for latex in (r"\left(\sum_a x\right)", r"\big[x\big]", r"\begin{pmatrix}a\end{pmatrix}"):
        assert "stretchy" not in mathml(latex)


def test_functions_and_words_keep_the_spaces_that_tex_puts_around_them():
    assert shape(r"\log\pi") == [("mi", "log"), ("mspace", None), ("mi", "π")]
    assert shape(r"\log(x)")[:2] == [("mi", "log"), ("mo", "(")]
    assert shape(r"\log_2x")[0][0] == "msub"
    assert shape(r"a\text{ if }b")[1] == ("mtext", "\u00a0if\u00a0")


def test_environments_are_tables():
    rows = list(tree(r"\begin{cases}1&x>0\\0&\text{else}\end{cases}").iter("mtr"))
    assert [len(row) for row in rows] == [2, 2]
    assert tree(r"\begin{aligned}a&=b\\c&=d\end{aligned}").find(".//mtable").get("class")


def test_styles_are_letters_of_their_own():
    assert [one.text for one in tree(r"\mathbb{E}\mathcal{L}").iter("mi")] == ["𝔼", "ℒ"]


@pytest.mark.parametrize(
    "latex",
    [
        *(r"\unknown", "{", "}", r"\frac{1}", r"\left(", r"\begin{tikz}\end{tikz}", "a&b"),
        *("x" * 5_000, "{" * 200 + "}" * 200),
    ],
)
def test_what_is_not_understood_is_shown_as_its_source(latex):
    assert mathml(latex).startswith("<code>")


def test_nothing_in_a_formula_becomes_html():
    for latex in (r"<script>alert(1)</script>", r"\text{<img src=x>}", r"\foo<b>"):
        assert "<script" not in mathml(latex)
        assert "<img" not in mathml(latex)
        assert "<b>" not in mathml(latex)


def test_every_formula_of_every_lesson_is_converted():
    left = set()
    for lesson in all_lessons(REPOSITORY):
        for cell in nbformat.read(lesson.student, as_version=4).cells:
            if cell.cell_type == "markdown":
                for display, inline in FORMULA.findall(cell.source):
                    latex = (display or inline).strip()
                    left |= set() if mathml(latex).startswith("<math") else {latex}
    assert not left


def test_prose_keeps_the_lessons_html_and_its_formulas():
    html = markdown2html("<details><summary>Hint</summary>\n\nUse $\\gamma^t$.\n\n</details>")
    assert "<details>" in html
    assert "<msup><mi>γ</mi>" in html
    assert 'display="block"' in markdown2html("$$x=1$$")


def test_links_that_act_and_pictures_from_elsewhere_are_text():
    html = markdown2html("[a](javascript:alert(1)) [b](data:text/html,x) ![c](http://spy/x.png)")
    assert "href" not in html
    assert "src" not in html
    assert 'href="https://example.org"' in markdown2html("[d](https://example.org)")
    assert "<img" in markdown2html(f"![e](data:image/png;base64,{DOT})")
    assert "<img" not in markdown2html("![f](data:image/png;base64,AAAA)")


def test_very_long_prose_is_shown_as_it_is():
    html = markdown2html("$<b>" * 10_000)
    assert html.startswith("<pre>$&lt;b&gt;")


@pytest.mark.parametrize("latex", [r"\hat" * 990 + "x", "{" * 900, r"\sqrt{" * 600])
def test_what_is_nested_too_deep_is_shown_as_code(latex):
    assert markdown2html(f"${latex}$").count("<code>") == 1
