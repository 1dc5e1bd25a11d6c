"""Tables on the page and in a terminal, and the benchmark's own."""

import IPython.display
import numpy as np
import pytest
from bs4 import BeautifulSoup

from course_lib.experiments.statistics import not_below_best
from course_lib.figures import tables
from course_lib.figures.benchmark_table import (
    NAMES,
    benchmark_rows,
    describe_table,
    plus_minus,
    rounded,
    show_benchmark,
)
from course_lib.figures.tables import Cell, html_table, show_table, text_table
from tests.invented_benchmark import TASKS, VARIANTS, invented_benchmark

COLUMNS = ["a < b", "c"]
ROWS = {
    "first": [Cell("1.0 ± 0.1", bold=True, below="12", bold_below=True), Cell("−2")],
    "<i>second</i>": [Cell("10"), Cell("3", bold=True)],
}


def test_the_page_says_bold_by_weight_and_by_a_mark():
    page = BeautifulSoup(html_table("What & why", COLUMNS, ROWS), "html.parser")
    assert page.caption.text == "What & why"
    assert [head["scope"] for head in page.thead.find_all("th")] == ["col", "col"]
    assert [head.text for head in page.thead.find_all("th")] == COLUMNS
    assert [head.text for head in page.tbody.find_all("th")] == list(ROWS)
    assert [bold.text for bold in page.find_all("strong")] == ["1.0 ± 0.1*", "12*", "3*"]
    assert page.small.text == "12*"


def test_the_page_takes_its_colours_from_where_it_stands_and_scrolls_by_keyboard():
    html = html_table("What", COLUMNS, ROWS)
    assert "background" not in html and "#" not in html
    page = BeautifulSoup(html, "html.parser")
    assert page.div["tabindex"] == "0" and page.div["role"] == "region"
    assert page.div["aria-label"] == "What"
    assert "overflow-x:auto" in page.div["style"]


def test_names_are_text_and_no_code():
    assert "<i>" not in html_table("<script>", COLUMNS, ROWS)
    assert "<script>" not in html_table("<script>", COLUMNS, ROWS)


def test_the_text_stands_in_columns():
    assert text_table("What", COLUMNS, ROWS).split("\n") == [
        "What",
        "                    a < b    c",
        "first          1.0 ± 0.1*  −2",
        "                      12*",
        "<i>second</i>         10    3*",
    ]


def test_a_row_with_a_cell_missing_is_refused():
    with pytest.raises(ValueError, match="'x' has 1 cells for 2 columns"):
        html_table("What", COLUMNS, {"x": [Cell("1")]})
    with pytest.raises(ValueError, match="'x' has 3 cells"):
        text_table("What", COLUMNS, {"x": [Cell()] * 3})


def test_a_terminal_gets_text_and_a_notebook_both(capsys, monkeypatch):
    show_table("What", COLUMNS, ROWS)
    assert capsys.readouterr().out == text_table("What", COLUMNS, ROWS) + "\n"
    shown = []
    monkeypatch.setattr(tables, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: shown.append(bundle))
    show_table("What", COLUMNS, ROWS)
    assert shown[0]["text/html"] == html_table("What", COLUMNS, ROWS)
    assert shown[0]["text/plain"] == text_table("What", COLUMNS, ROWS)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (4870.4, 37.6, "4,870 ± 38"),
        (-1195.2, 9.96, "−1,195.2 ± 10.0"),
        (149.7, 0.1, "149.7 ± 0.1"),
        (49.1, 38.04, "49 ± 38"),
        (0.512, 0.031, "0.51 ± 0.03"),
        (-0.004, 0.02, "0.00 ± 0.02"),
        (-500.0, 0.0, "−500 ± 0"),
    ],
)
def test_decimals_follow_the_spread(mean, std, text):
    assert plus_minus(mean, std) == text


def test_a_single_number_is_rounded_by_its_own_size():
    assert rounded(-1234.5, -1234.5) == "−1,234"
    assert rounded(3.14159, 3.14159) == "3.1"


def rows_of(found, last=1, published=None, bold=None):
    return benchmark_rows(found, last, published or {}, bold or {}, NAMES)


def test_the_benchmarks_table_has_a_row_a_variant_and_a_column_a_task():
    found = invented_benchmark()
    columns, rows = rows_of(found)
    assert columns == ["Pendulum swing-up", "Double pendulum"]
    assert list(rows) == list(VARIANTS)
    ends = found.array()[list(VARIANTS).index("PPO"), found.places()["DoublePendulum-v0"], -1]
    assert rows["PPO"][1].text == plus_minus(ends.mean(), ends.std(ddof=1))


def test_bold_is_what_cannot_be_told_from_the_best_of_the_column():
    found = invented_benchmark()
    _, rows = rows_of(found)
    for column, places in enumerate(found.places().values()):
        expected = not_below_best(found.array()[:, places, -1])
        assert [cells[column].bold for cells in rows.values()] == expected.tolist()
        assert not rows["Random"][column].bold and rows["PPO"][column].bold


def test_the_mean_over_the_training_is_lower_than_its_end():
    found = invented_benchmark(noise=0.0)
    whole, end = rows_of(found, last=10)[1]["PPO"][1], rows_of(found)[1]["PPO"][1]
    # 0.9 of the way from 143 to 5,000, and the mean of 1/6, 2/6 … 6/6, 1, 1, 1, 1 of it.
    assert end.text == "4,514 ± 0"
    share = 0.9 * np.mean([*np.arange(1, 7) / 6, 1, 1, 1, 1])
    assert whole.text == plus_minus(143 + share * 4857, 0.0)


def test_published_numbers_stand_below_where_there_are_any():
    published = {"DoublePendulum-v0": {"TRPO": (4412.4, 50.4), "Random": (-77.1, 0.0)}}
    _, rows = rows_of(invented_benchmark(), 1, published, {"DoublePendulum-v0": {"TRPO"}})
    assert rows["TRPO"][1][2:] == ("4,412.4 ± 50.4", True)
    assert rows["Random"][1][2:] == ("−77.1 ± 0.0", False)
    assert rows["PPO"][1][2:] == rows["TRPO"][0][2:] == ("", False)


def test_a_single_seed_has_no_spread_and_nothing_is_bold():
    _, rows = rows_of(invented_benchmark(seeds=1))
    assert not any(cell.bold for cells in rows.values() for cell in cells)
    assert rows["Random"][1].text == "143"


def test_the_caption_says_which_spread_which_test_and_how_many(capsys):
    found = invented_benchmark()
    show_benchmark(found)
    text = capsys.readouterr().out
    assert text.startswith("Mean return of the last evaluation, ± the standard deviation over 5 se")
    assert "Welch's test, one-sided, p ≥ 0.05; 5 tests a column, not corrected" in text
    assert "published" not in text
    assert "all 10 evaluations" in describe_table(found, 10, with_published=True)
    assert "the last 3 of 10 evaluations" in describe_table(found, 3, with_published=False)
    show_benchmark(found, caption="Mine.")
    assert capsys.readouterr().out.startswith("Mine.\n")


def test_fewer_seeds_on_a_task_are_named():
    found = invented_benchmark()
    for trial in [one for one in found.returns if one.task == "Pendulum-v1" and one.seed > 2]:
        del found.returns[trial]
    assert "over 5 seeds, 3 on Pendulum swing-up." in describe_table(found, 1, False)


def test_without_results_the_command_is_named():
    found = invented_benchmark()
    found.returns.clear()
    with pytest.raises(ValueError, match=r"complete it: python -m course_lib\.experiments bench"):
        show_benchmark(found)
    assert set(TASKS) <= set(NAMES)
