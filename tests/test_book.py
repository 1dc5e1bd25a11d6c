"""The book of a small course: what is shown, folded, linked and left out; what is written where."""

import base64
import io
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from autograde.book import folder as book_folder
from autograde.book.book import make_book
from autograde.book.breaking import inline_formula, pieces
from autograde.book.folder import MARKER, write_book
from autograde.book.lectures import all_lectures, number_of
from autograde.book.links import link_all
from autograde.book.media import Picture
from autograde.book.prose import Headings, to_html
from autograde.cli import main
from autograde.errors import CourseError
from autograde.lesson import Lesson


def png(frames: int = 1) -> str:
    """A small picture in base64; an animation, if it has several frames."""
    made, out = [Image.new("RGB", (40, 20), (40 * shade, 0, 0)) for shade in range(frames)], None
    out = io.BytesIO()
    made[0].save(out, "PNG", save_all=frames > 1, append_images=made[1:])
    return base64.b64encode(out.getvalue()).decode()


def picture(data: str, alt: str = "A red field."):
    """The output of `show`."""
    html = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
    return new_output(
        "display_data",
        {"image/png": data, "text/html": html, "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": 20}},
    )


def printed(text: str):
    """What `print` leaves."""
    return new_output("stream", name="stdout", text=text)


def code(source: str, *outputs, **about):
    """An executed cell."""
    cell = new_code_cell(source, execution_count=1, outputs=list(outputs))
    if about:
        cell.metadata["nbgrader"] = about
    return cell


def words(source: str, **about):
    """A Markdown cell."""
    cell = new_markdown_cell(source)
    if about:
        cell.metadata["nbgrader"] = about
    return cell


BEGIN, END = "    ### BEGIN SOLUTION\n", "    ### END SOLUTION"
SQUARE = f'def square(x):\n    """x times x."""\n{BEGIN}    return x * x\n{END}'
CHECK = "check(square)\n### BEGIN HIDDEN TESTS\ncheck(square, hidden=True)\n### END HIDDEN TESTS"
LETTER = f'def answer_sign():\n    """A letter."""\n{BEGIN}    return "b"\n{END}'
SCHEME = "### BEGIN MARK SCHEME\nBoth factors have one sign.\n### END MARK SCHEME"


def squares() -> list:
    """The cells of a lesson with one of everything."""
    return [
        words("# What is a square?\n\n**Lesson 01 · Squares** · about an hour · 5 points"),
        code("import torch", grade_id="setup", locked=True),
        words(
            "- **You need** sums (lesson 00).\n\nA product [000], as in [003, 004] and lesson 07. "
            "`[000]`\n\n## 1 · A table\n\n| | value |\n| --- | --- |\n| $x^2$ | 4 |\n\n"
            "<details><summary>Hint 1: what to think of</summary>\n\nTwice **x**.\n</details>"
        ),
        words("### Exercise 1 · `square`\n\n2 points · 6 minutes · difficulty ●○○ easy"),
        code(SQUARE, grade_id="square", solution=True),
        code(CHECK, printed("✓ square: right (7 cases)."), grade=True, grade_id="c", points=2),
        words("### Think · 1 point\n\n- **a.** no\n- **b.** yes"),
        code(LETTER, grade_id="answer", solution=True),
        code(
            "check_answer(answer_sign)", printed("✓ b is right, for it is."), grade=True, points=1
        ),
        code("slider(draw, x=[1, 2])", picture(png())),
        code("show_agent(policy)", picture(png(3), "Animation: one episode.")),
        code("progress", new_output("display_data", {"application/vnd.x": "dead"})),
        words("### In your own words · 2 points\n\nWhy is a square never negative?"),
        words(SCHEME, grade=True, solution=True),
    ]


SUMS = (
    words("# What is a sum?\n\n**Lesson 00 · Sums** · about an hour · 2 points"),
    words("## 1 · Adding\n\nA sum is where lesson 01 begins: zebra."),
    code("1 + 1", new_output("execute_result", {"text/plain": "2"}, execution_count=1)),
)


def write_lesson(root, name: str, cells) -> Lesson:
    """A worked notebook in a course."""
    lesson = Lesson(root, name)
    lesson.worked.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), lesson.worked)
    return lesson


@pytest.fixture
def course(tmp_path):
    """A course of two lessons."""
    root = tmp_path / "course"
    (root / "solutions").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("")
    write_lesson(root, "00_sums", SUMS)
    write_lesson(root, "01_squares", squares())
    return root


@pytest.fixture
def pages(course, tmp_path):
    """The text of each page of its book."""
    made = tmp_path / "book"
    make_book(course, made)
    return {path.name: path.read_text(encoding="utf-8") for path in made.glob("*.html")}


def folds(html: str) -> dict[str, str]:
    """What is inside each fold of a page, by the words on it."""
    found = re.findall(r"<details[^>]*><summary>(.*?)</summary>(.*?)</details>", html, re.DOTALL)
    return {re.sub(r"<[^>]*>", "", title): inside for title, inside in found}


def without_folds(html: str) -> str:
    """What is seen before anything is opened."""
    return re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)


def test_each_lesson_is_a_page_and_the_first_page_asks_its_question(pages):
    assert set(pages) == {
        "index.html",
        "sources.html",
        "search.html",
        "00_sums.html",
        "01_squares.html",
    }
    front = pages["index.html"]
    assert (
        'href="01_squares.html"><span class="number">01</span> <span class="question">What' in front
    )
    assert "Squares · about an hour · 5 points" in front
    assert "2 lessons with 1 exercise." in front
    assert "01 builds on 00" in front  # the picture of the arc, in words


def test_each_lesson_leads_to_the_one_before_and_the_one_after(pages):
    assert 'rel="next" href="01_squares.html"' in pages["00_sums.html"]
    assert 'rel="prev" href="00_sums.html"' in pages["01_squares.html"]
    assert 'rel="prev"' not in pages["00_sums.html"]
    assert 'rel="next"' not in pages["01_squares.html"]


def test_an_exercise_shows_what_was_given_and_folds_the_answer_with_its_check(pages):
    page = pages["01_squares.html"]
    answer = folds(page)["Answer: square"]
    assert "return" in answer
    assert "✓ square: right (7 cases)." in answer
    assert "hidden" in answer
    seen = without_folds(page)
    assert "x times x." in seen
    assert "✓ square" not in seen
    assert seen.count('<span class="k">return</span>') == 0
    assert not re.search("(BEGIN|END) (SOLUTION|HIDDEN|MARK)", page)


def test_of_a_question_only_the_reason_is_folded(pages):
    page = pages["01_squares.html"]
    assert "✓ b is right" in folds(page)["Answer"]
    assert "answer_sign" not in page
    assert "✓ b is right" not in without_folds(page)


def test_the_answer_in_words_is_folded(pages):
    page = pages["01_squares.html"]
    assert "one sign" in folds(page)["What a good answer says, and how it is marked"]
    assert "Why is a square never negative?" in without_folds(page)


def test_hints_and_the_set_up_are_folded(pages):
    inside = folds(pages["01_squares.html"])
    assert "<strong>x</strong>" in inside["Hint 1: what to think of"]
    assert "torch" in inside["The set-up of this lesson"]


def test_pictures_are_files_with_words_and_a_size(pages, tmp_path):
    page = pages["01_squares.html"]
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 2
    for image in images:
        (source,) = re.findall(r'src="([^"]*)"', image)
        assert (tmp_path / "book" / source).read_bytes().startswith(b"\x89PNG")
        assert 'width="20" height="10"' in image  # 40 × 20 pixels, shown half as wide
    assert 'alt="A red field."' in images[0]


def test_a_slider_is_its_static_picture_and_says_so(pages):
    page = pages["01_squares.html"]
    assert page.count("In the notebook this picture has a slider.") == 1
    assert "dead" not in page


def test_an_animation_has_a_still_picture_for_who_asked_for_less_motion(pages, tmp_path):
    page = pages["01_squares.html"]
    (still,) = re.findall(r'reduced-motion: reduce\), print" srcset="([^"]*)"', page)
    with Image.open(tmp_path / "book" / still) as image:
        image.load()
        assert (image.size, getattr(image, "n_frames", 1)) == ((40, 20), 1)
    (moving,) = re.findall(r'<img src="([^"]*)" alt="Animation', page)
    with Image.open(tmp_path / "book" / moving) as image:
        assert image.n_frames == 3


def test_formulas_need_no_script_and_tables_scroll(pages):
    page = pages["01_squares.html"]
    assert '<div class="scroll"><table>' in page
    assert "<msup><mi>x</mi>" in page
    assert "<th></th>" not in page  # an empty cell above a column is no heading


def test_citations_and_lessons_become_links_where_there_is_something_to_find(pages):
    page = pages["01_squares.html"]
    assert page.count('[<a href="sources.html#lecture-000" title="Konpat') == 1
    assert re.search(r'\[<a [^>]*#lecture-003"[^>]*>003</a>, <a [^>]*#lecture-004"', page)
    assert 'lesson <a href="00_sums.html">00</a>' in page
    assert "lesson 07." in page  # it is not in this book
    assert "<code>[000]</code>" in page


def test_nothing_is_linked_within_code_formulas_headings_and_links():
    html = (
        "<h2>lesson 01</h2><p>lesson 01</p><code>lesson 01</code><a>[000]</a>"
        '<math alttext="[000]"><mo>[000]</mo></math><pre>lesson 01</pre> lessons 01, 02 and 03'
    )
    linked = link_all(html, {"000": "A"}, {"01": "a.html", "03": "c.html"})
    assert linked.count("<a href") == 3
    assert '<p>lesson <a href="a.html">01</a></p>' in linked
    assert linked.endswith('lessons <a href="a.html">01</a>, 02 and <a href="c.html">03</a>')


def test_no_two_headings_of_a_page_have_one_address():
    headings = Headings()
    html = to_html("## Think · 1 point\n\n## Think · 2 points\n\n## Main\n", headings)
    assert [one.anchor for one in headings.found] == ["think", "think-2", "main-2"]
    assert 'id="think-2">Think · 2 points</h2>' in html


def test_a_long_formula_may_be_broken_between_its_terms_and_never_in_brackets():
    formula = r"\nabla V(s)=\sum_aQ(s,a)\,\nabla\pi(a=b)+\sum_a\pi(a\mid s)\,\nabla Q(s,a), x"
    assert pieces(formula) == [
        r"\nabla V(s)",
        r"{}=\sum_aQ(s,a)\,\nabla\pi(a=b)",
        r"{}+\sum_a\pi(a\mid s)\,\nabla Q(s,a), ",
        "x",
    ]
    assert inline_formula(formula).count("<wbr>") == 3


@pytest.mark.parametrize(
    "formula",
    [
        "x=-1",  # short
        r"]0, 1[ \cup a + b + c + d + e + f",  # brackets that do not match
        r"\begin{cases}a & b = c + d \\ e & f = g + h\end{cases}",
        r"\left(a+b+c+d+e+f+g+h+i+j+k\right)",
    ],
)
def test_a_formula_without_a_safe_place_stays_whole(formula):
    assert pieces(formula) == [formula]


def test_a_sign_that_belongs_to_a_number_stays_with_it():
    assert "".join(pieces(r"a_{t+1}=b+c^-d\cdot e\cdot f\cdot g")).count("{}") == 2  # = and +


def test_the_search_finds_sections_and_no_answers(course, tmp_path):
    make_book(course, tmp_path / "book")
    text = (tmp_path / "book" / "static" / "search-index.js").read_text(encoding="utf-8")
    entries = json.loads(text.removeprefix("window.BOOK = ").removesuffix(";\n"))
    (found,) = [one for one in entries if "zebra" in one["text"]]
    assert (found["page"], found["title"]) == ("00_sums.html#1-adding", "1 · Adding")
    assert found["chapter"] == "Lesson 00 · Sums"
    told = " ".join(one["text"] for one in entries)
    assert "negative" in told
    for hidden in ("b is right", "one sign", "Twice", "import torch", "Both objectives"):
        assert hidden not in told
    assert any(one["page"].startswith("sources.html#lecture-003") for one in entries)


def test_every_lecture_has_its_place_and_every_lesson_in_it_a_number():
    lectures = all_lectures()
    assert [one.number for one in lectures] == ["000", "001", "002", "003", "004"]
    for one in lectures:
        targets = [name for part in (*one.sections, *one.slips) for name in part.lessons]
        assert targets
        assert all(re.fullmatch(r"\d\d(#[\w-]+)?", name) for name in targets)
        assert {part.url[:8] for part in one.sections} <= {"", "https://"}
    followed = {
        number_of(name) for one in lectures for part in one.sections for name in part.lessons
    }
    assert followed == {f"{number:02}" for number in range(14)}


def test_sources_say_which_lesson_is_not_in_the_book(pages):
    assert "lesson 13, not in this book" in pages["sources.html"]
    assert '<a href="00_sums.html">00 · Sums</a>' in pages["sources.html"]


def test_a_second_run_writes_what_changed_and_nothing_else(course, tmp_path):
    target = tmp_path / "book"
    first = make_book(course, target).written
    assert first.changed == first.files
    assert make_book(course, target).written.changed == 0
    write_lesson(course, "00_sums", [*SUMS, words("A new line.")])
    again = make_book(course, target).written
    assert (again.changed, again.removed) == (2, 0)  # the page and the search's index


def test_what_is_no_longer_in_the_course_goes_and_what_is_not_the_books_stays(course, tmp_path):
    target = tmp_path / "book"
    make_book(course, target)
    (target / "notes.txt").write_text("mine")
    (course / "solutions" / "00_sums" / "sums.ipynb").unlink()
    result = make_book(course, target)
    assert result.missing == ["00_sums"]
    assert result.written.removed == 1
    assert not (target / "00_sums.html").exists()
    assert (target / "notes.txt").read_text() == "mine"


def test_a_folder_with_something_else_in_it_is_not_touched(course, tmp_path):
    target = tmp_path / "photos"
    target.mkdir()
    (target / "index.html").write_text("mine")
    with pytest.raises(CourseError, match="is not empty, and holds no book"):
        make_book(course, target)
    assert [one.name for one in target.iterdir()] == ["index.html"]
    with pytest.raises(CourseError, match="is a file"):
        make_book(course, target / "index.html")


def test_a_place_that_cannot_be_written_is_named(course, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CourseError, match=r"Cannot write .*file"):
        make_book(course, tmp_path / "file" / "book")

    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", forbidden)
    with pytest.raises(CourseError, match=r"Cannot look into .*: Permission denied"):
        write_book(tmp_path / "closed", {"a.html": b"a"})


def test_a_file_of_someone_else_is_not_written_over(course, tmp_path):
    target = tmp_path / "book"
    make_book(course, target)
    write_lesson(course, "02_roots", SUMS)
    (target / "02_roots.html").write_text("mine")
    with pytest.raises(CourseError, match=r"02_roots.html is not of the book"):
        make_book(course, target)
    assert (target / "02_roots.html").read_text() == "mine"


def test_a_list_of_files_cannot_lead_out_of_the_folder(tmp_path):
    target, outside = tmp_path / "book", tmp_path / "outside.txt"
    write_book(target, {"a.html": b"a"})
    outside.write_text("mine")
    (target / MARKER).write_text(json.dumps({"files": ["../outside.txt", str(outside)]}))
    with pytest.raises(CourseError, match=r"a.html is not of the book"):
        write_book(target, {"a.html": b"a"})
    (target / "a.html").unlink()
    write_book(target, {"a.html": b"a"})
    assert outside.read_text() == "mine"


def test_a_damaged_list_of_files_stops_before_anything_is_written(tmp_path):
    target = tmp_path / "book"
    write_book(target, {"a.html": b"a"})
    (target / MARKER).write_text("[]")
    with pytest.raises(CourseError, match="it is not known which files"):
        write_book(target, {"b.html": b"b"})
    assert not (target / "b.html").exists()


def test_an_interrupted_run_is_taken_up(tmp_path, monkeypatch):
    target, write = tmp_path / "book", book_folder.write_bytes_if_new
    files = {f"{number}.html": b"x" for number in range(5)}

    def interrupted(path, data):
        if path.name == "3.html":
            raise KeyboardInterrupt
        return write(path, data)

    monkeypatch.setattr(book_folder, "write_bytes_if_new", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_book(target, files)
    monkeypatch.undo()
    assert len(list(target.glob("*.html"))) == 3
    assert write_book(target, files).changed == 2


def run(*arguments) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


def test_the_command_says_where_the_book_is(course, tmp_path, capsys):
    assert run("book", tmp_path / "new" / "book", "--course", course) == 0
    out = capsys.readouterr().out
    assert "2 lessons" in out
    assert f"Read it: {tmp_path / 'new' / 'book' / 'index.html'}" in out
    assert run("book", "--course", course) == 0
    assert (course / "book" / "index.html").exists()


def test_a_broken_notebook_is_named_and_the_others_are_built(course, tmp_path, capsys):
    (course / "solutions" / "02_roots").mkdir()
    (course / "solutions" / "02_roots" / "roots.ipynb").write_text("{")
    damaged = code("show()", new_output("display_data", {"image/png": "R0lGODlh"}))
    write_lesson(course, "03_logs", [damaged])
    (course / "solutions" / "04_planned").mkdir()
    write_lesson(course, "05_later", [new_code_cell("1 + 1")])
    assert run("book", tmp_path / "book", "--course", course) == 1
    printed = capsys.readouterr()
    assert "02_roots/roots.ipynb cannot be read as a notebook" in printed.err
    assert "03_logs/logs.ipynb: one of its pictures is no PNG" in printed.err
    assert "04_planned: no worked notebook yet (course build 04_planned); left out" in printed.out
    assert "05_later: was not executed" in printed.out
    assert "3 lessons" in printed.out
    assert (tmp_path / "book" / "01_squares.html").exists()


def test_an_interruption_is_one_line(course, tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(book_folder, "write_bytes_if_new", interrupted)
    assert run("book", tmp_path / "book", "--course", course) == 130
    assert capsys.readouterr().err.startswith("course: Interrupted. Run it again")


def test_a_course_without_a_notebook_makes_no_book(course, tmp_path, capsys):
    for path in course.rglob("*.ipynb"):
        path.write_text("{")
    assert run("book", tmp_path / "book", "--course", course) == 1
    err = capsys.readouterr().err
    assert "No lesson has a worked notebook to show" in err
    assert "00_sums" in err
    assert not (tmp_path / "book").exists()


def test_the_help_has_an_example(capsys):
    assert run("book", "--help") == 0
    assert "Example: course book" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("size", [b"\0\0\0\0\0\0\0\1", b"\0\xff\xff\xff\0\0\0\1"])
def test_a_picture_of_no_size_or_a_huge_one_is_refused(size):
    whole = base64.b64decode(png())
    with pytest.raises(CourseError, match="pixels"):
        Picture(whole[:16] + size + whole[24:], "").html()
