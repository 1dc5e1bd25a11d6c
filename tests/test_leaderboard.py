"""The leaderboard: ranks, ties, pseudonyms, references, and a page that anybody can read."""

import time
from dataclasses import replace

import numpy as np
import pytest
from bs4 import BeautifulSoup

from autograde.cli import main
from autograde.errors import CourseError
from autograde.grading import leaderboard, reference_agents, results
from autograde.grading.leaderboard import names_in, render, unknown_names, write_leaderboard
from autograde.grading.lots import class_lots, pseudonym
from autograde.grading.outcomes import Score
from autograde.grading.ranking import Board, Place, film, in_order, is_better
from autograde.grading.report import render as render_report
from autograde.grading.results import LessonResults, Row
from course_lib.agents import make_deterministic_policy
from course_lib.checks.agent_tasks import CAPSTONE, AgentTask, Trial
from course_lib.environments import make_vector
from course_lib.policy_text import as_text
from tests.capstone_class import CapstoneClass

NOISE = np.random.default_rng(0).normal(size=200)
SHARED = np.random.default_rng(1).normal(size=200) * 100


def trial(mean, spread=10.0, drawn="d", noise=NOISE, whole=0.5):
    """A trial whose returns have exactly this mean and standard deviation."""
    unit = (noise - noise.mean()) / noise.std()
    return Trial("capstone_agent", tuple(mean + spread * unit), whole, drawn=drawn)


def test_a_difference_counts_if_it_is_more_than_two_standard_errors():
    # Two independent means with standard deviation 10 of 200 episodes: √2 · 10 / √200 = 1.
    low, high = trial(0.0, drawn=""), trial(1.9, drawn="")
    assert not is_better(high, low)
    assert is_better(trial(2.1, drawn=""), low)
    assert not is_better(low, trial(2.1, drawn=""))


def test_the_same_episodes_are_compared_one_by_one():
    # What the episodes give to both is 100 times the difference, and cancels.
    one = Trial("capstone_agent", tuple(SHARED), drawn="d")
    other = Trial("capstone_agent", tuple(SHARED + 1 + 0.1 * NOISE), drawn="d")
    assert is_better(other, one)
    assert not is_better(replace(other, drawn="e"), one)
    assert not is_better(one, one)


def test_ranks_say_who_is_better_and_who_is_worse_and_overlap_where_neither_is_so():
    noise = [np.random.default_rng(seed).normal(size=200) for seed in range(4)]
    # A difference of 2 is significant, one of 1.2 is not: so 1.2 twice is, but not once.
    means = {"best": 100.0, "next": 98.8, "third": 97.6, "last": 0.0}
    entries = [Place(name, trial(mean, noise=one, drawn=""), 5.0)
               for (name, mean), one in zip(means.items(), noise, strict=True)]  # fmt: skip
    found = in_order(entries[::-1], [Place("ours", trial(60.0)), Place("random", trial(-5.0))])
    assert [(one.name, one.ranks) for one in found] == [
        ("best", (1, 2)), ("next", (1, 3)), ("third", (2, 3)), ("ours", None),
        ("last", (4, 4)), ("random", None)]  # fmt: skip


def test_a_large_class_is_ranked_in_a_moment():
    dice = np.random.default_rng(0)
    entries = [
        Place(str(number), trial(0.0, noise=dice.normal(size=2000)), 5.0) for number in range(80)
    ]
    started = time.process_time()
    assert [one.ranks for one in in_order(entries, [])] == [(1, 80)] * 80
    # 12,800 comparisons: 0.1 s; 3 s if each made arrays of the returns and their means again.
    assert time.process_time() - started < 1.0


def page(*places, task=CAPSTONE, without=0):
    """The page with one board."""
    return BeautifulSoup(render([Board("13_capstone", task, places, without)]), "html.parser")


def rows_of(found):
    """The texts of the table's cells."""
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
            for row in found.tbody.find_all("tr")]  # fmt: skip


def test_the_page_shows_mean_standard_error_points_and_ties():
    # A standard deviation of 10 (dividing by n) over 200 episodes: 10 / √199 = 0.7.
    found = page(
        Place("Amber Heron 4712", trial(3210.4), 10.0, (1, 2)),
        Place("random actions", trial(130.0, whole=0.0)),
        without=2,
    )
    assert rows_of(found) == [
        ["1–2", "Amber Heron 4712", "3,210.4 ± 0.7", "", "50 %", "10"],
        ["–", "random actions", "130 ± 0.7", "", "0 %", "–"],
    ]
    assert "2 more handed in no agent that played to the end." in found.get_text()
    assert "200 episodes" in found.caption.get_text()


def test_the_page_asks_for_nothing_from_elsewhere_and_runs_nothing():
    found = page(Place("<script>alert(1)</script>", trial(1.0), 1.0, (1, 1)))
    assert found.find_all(["script", "link", "img", "iframe"]) == []
    assert "default-src 'none'" in found.find("meta", attrs={"http-equiv": True})["content"]
    assert rows_of(found)[0][1] == "<script>alert(1)</script>"


def test_the_page_is_a_table_that_can_be_heard():
    found = page(Place("a", trial(1.0), 1.0, (1, 1)))
    assert found.html["lang"] == "en"
    assert all(one.get("scope") for one in found.find_all("th"))
    assert found.find("div", role="region")["tabindex"] == "0"
    assert found.find_all(attrs={"aria-hidden": "true"})


def test_bars_reach_from_the_lowest_to_the_highest_mean():
    places = Place("a", trial(300.0), 1.0, (1, 1)), Place("b", trial(200.0), 1.0, (2, 2)), Place(
        "c", trial(100.0))  # fmt: skip
    bars = [one["style"] for one in page(*places).find_all("span", "bar")]
    assert bars == ["width: 100.0%", "width: 50.0%", "width: 0.0%"]
    assert page(places[0]).find("span", "bar")["style"] == "width: 100.0%"


def test_the_beginning_of_the_bests_episode_is_drawn():
    # The lower pole to the right, the upper one upright: joints at 1, 0 and 1, 1 beside the cart.
    seen = (0.5, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    best = replace(trial(2.0), path=(seen,) * 12)
    assert film(CAPSTONE, best) == [[(0.5, 0.0), (1.5, 0.0), (1.5, 1.0)]] * 10
    found = page(Place("reference", trial(3.0)), Place("a", best, 1.0, (1, 1)))
    assert len(found.svg.find_all("polyline")) == 10
    assert found.svg["role"] == "img"
    assert "two poles" in found.svg["aria-label"]
    swing = AgentTask("swing", "Pendulum-v1", ((0.0, 1.0),))
    assert film(swing, best) == []
    assert page(Place("a", best, 1.0, (1, 1)), task=swing).svg is None


def test_names_are_read_one_a_line(tmp_path):
    (tmp_path / "names.txt").write_text("ada\n\n  ben  # asked by mail\n# nobody\n")
    assert names_in(tmp_path / "names.txt") == {"ada", "ben"}
    assert names_in(None) == frozenset()
    with pytest.raises(CourseError, match=r"No such file.*one a line"):
        names_in(tmp_path / "missing.txt")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CourseError, match="no text in UTF-8"):
        names_in(tmp_path / "binary")


@pytest.fixture
def class_of_two(tmp_path, monkeypatch):
    """A class in which two agents and a stub were graded; references play four episodes."""
    short = replace(CAPSTONE, fresh_episodes=4)
    monkeypatch.setattr(leaderboard, "AGENT_TASKS", {short.name: short})
    made = CapstoneClass(tmp_path)
    table = LessonResults(made.lesson)
    for name, mean in (("ada", 3000.0), ("ben", 500.0)):
        score = Score("check-capstone-agent", "capstone_agent", mean / 1000, 10.0, "partly right")
        table.rows.append(Row(name, (score,), trials=(trial(mean),)))
    table.rows += [Row("cy", ()), Row("dee", handed_in=False)]
    made.tables = [table]
    return made


def test_students_have_pseudonyms_unless_they_asked_to_be_named(class_of_two):
    made = class_of_two
    key = class_lots(made.room.state).names
    found = write_leaderboard(made.room, made.tables, {"ben"})
    text = leaderboard.leaderboard_path(made.room).read_text(encoding="utf-8")
    assert pseudonym(key, "ada") in text
    assert "ada" not in text.replace(pseudonym(key, "ada"), "")
    assert ">ben<" in text
    assert pseudonym(key, "ben") not in text
    assert [(one.name, one.points) for one in found[0].places] == [
        (pseudonym(key, "ada"), 3.0), ("ben", 0.5), ("random actions", None)]  # fmt: skip
    assert found[0].without == 1
    assert unknown_names({"ben", "zoe"}, made.tables) == ["zoe"]


def test_the_courses_own_agent_is_read_from_the_worked_answer_and_plays_once(
    class_of_two, monkeypatch
):
    made = class_of_two
    policy = make_deterministic_policy(make_vector("WideDoublePendulum-v0", 1), (4,))
    text = f'policy = agent_from_text("""\n{as_text(policy)}\n""")'
    monkeypatch.setattr(reference_agents, "worked_answer", lambda lesson, task: text)
    calls, play = [], reference_agents.played
    monkeypatch.setattr(reference_agents, "played", lambda *args: calls.append(args) or play(*args))
    for _ in range(2):
        names = {one.name for one in write_leaderboard(made.room, made.tables)[0].places}
        assert {"random actions", "the course's agent"} <= names
    assert len(calls) == 1
    class_lots(made.room.state, anew=True)
    write_leaderboard(made.room, made.tables)
    assert len(calls) == 2


def test_a_worked_answer_that_cannot_play_is_left_out_and_the_page_is_written(
    class_of_two, monkeypatch
):
    policy = make_deterministic_policy(make_vector("Pendulum-v1", 1), (4,))
    monkeypatch.setattr(reference_agents, "worked_answer", lambda lesson, task: as_text(policy))
    (found,) = write_leaderboard(class_of_two.room, class_of_two.tables)
    assert [one.name for one in found.places if one.points is None] == ["random actions"]


def test_without_agents_there_is_no_page_and_an_old_one_goes(class_of_two):
    made = class_of_two
    write_leaderboard(made.room, made.tables)
    assert leaderboard.leaderboard_path(made.room).exists()
    table = LessonResults(made.lesson, [Row("cy", ())])
    assert write_leaderboard(made.room, [table]) == []
    assert not leaderboard.leaderboard_path(made.room).exists()


def test_a_page_that_cannot_be_written_is_named(class_of_two, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="Cannot write"):
        write_leaderboard(class_of_two.room, class_of_two.tables, (), tmp_path / "file" / "a.html")


def test_the_command_writes_where_it_is_told_and_names_who_agreed(
    class_of_two, monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(results, "gather", lambda room, lessons: class_of_two.tables)
    agreed, out = tmp_path / "agreed.txt", tmp_path / "board.html"
    agreed.write_text("ada\n")
    command = ["leaderboard", "--course", str(tmp_path), "--names", str(agreed), "--out", str(out)]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0
    assert f"Leaderboard: {out}" in capsys.readouterr().out
    assert ">ada<" in out.read_text(encoding="utf-8")
    agreed.write_text("adda\n")
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "nobody of this class is called adda" in capsys.readouterr().err
    class_of_two.tables[0].rows.clear()
    with pytest.raises(SystemExit) as ended:
        main(command[:3])
    assert ended.value.code == 1
    assert "No agent of this class has been graded yet" in capsys.readouterr().err


def test_the_report_leads_to_the_leaderboard_where_agents_have_played():
    assert 'href="leaderboard.html"' in render_report([], agents=True)
    assert "leaderboard" not in render_report([])
