"""Agents are graded in episodes that nobody knew, stepped outside the process that they run in."""

import gzip
import json
import os
import stat
import subprocess
import sys

import nbformat
import pytest

from autograde.building.lint import lint
from autograde.building.source import read_source
from autograde.errors import CourseError
from autograde.grading.executing import (
    BOTH,
    JUDGE,
    WORKER,
    CellToRun,
    Limits,
    edition,
    execute,
)
from autograde.grading.graded_source import graded_source
from autograde.grading.lots import ADJECTIVES, ANIMALS, Lots, class_lots, plays_agents, pseudonym
from autograde.grading.nbgrader_steps import GradeCells
from autograde.grading.records import calls_path, read_record
from autograde.grading.whole_class import grade_class
from autograde.release.contents import contents_of
from course_lib.checks.agent_tasks import CAPSTONE, graded_with
from tests.capstone_class import NOTHING, RULE, CapstoneClass
from tests.sample_course import SMALL, make_course
from tests.small_class import ThreadJudges
from tests.walled import needs_walls

LIMITS = Limits(cell_seconds=30.0, notebook_seconds=90.0)
TELLS = (
    "def capstone_agent(obs):\n    print('seen', obs[0])\n"
    "    raise ValueError(f'seen {obs[0].tolist()}')\n"
)
KEEPS = (
    "import mmap\nseen, shared = [], mmap.mmap(-1, 4096)\n"
    "def capstone_agent(obs):\n"
    "    seen.append(obs)\n    shared[:4] = b'seen'\n"
    "    open('seen', 'wb').write(obs.tobytes())\n"
    "    raise ValueError\n"
)
SHOWS = "import os\nprint(len(seen), shared[:4], os.path.exists('seen'), before)"
STATEFUL = (
    "class Ramp:\n"
    "    def reset(self):\n        self.steps = 0\n"
    "    def __call__(self, obs):\n"
    "        self.steps += 1\n        assert self.steps <= 500\n"
    "        return np.zeros((len(obs), 1))\n"
    "capstone_agent = Ramp()\n"
)


def grade(made, **how):
    """The records by student, and how many were graded now."""
    judges = ThreadJudges(1)
    found = grade_class(made.room, [made.lesson], limits=LIMITS, judges=judges, **how)
    return {one.student: one for one in found.records}, found.graded


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A class with a rule, an agent that does nothing, a stub, one that tells, one with a state."""
    needs_walls()
    made = CapstoneClass(tmp_path_factory.mktemp("capstone"))
    agents = {"rule": RULE, "nothing": NOTHING, "stub": None, "tells": TELLS, "state": STATEFUL}
    for student, agent in agents.items():
        made.hand_in_agent(student, agent)
    made.records, _ = grade(made)
    return made


@pytest.mark.slow
def test_points_are_those_of_the_mean_in_the_fresh_episodes(made):
    trial = made.records["rule"].trials[0]
    assert len(trial.returns) == 2000
    # The rule's mean was 3,173 over other episodes; 52 is the standard error of 2,000.
    assert abs(trial.mean - 3173) < 5 * 52
    assert trial.standard_error == pytest.approx(52, abs=3)
    assert {name: one.points for name, one in made.records.items()} == {
        "rule": 10.0, "nothing": 0.0, "stub": 0.0, "tells": 0.0, "state": 0.0}  # fmt: skip


@pytest.mark.slow
def test_the_feedback_tells_the_mean_and_the_pseudonym(made):
    note = made.records["rule"].notes[0]
    name = pseudonym(class_lots(made.room.state).names, "rule")
    assert note.text.endswith(f"On the leaderboard this is {name}.")
    assert f"mean return {made.records['rule'].trials[0].mean:,.1f} ±" in note.text
    assert not note.problem
    page = (made.room.feedback / "rule/13_capstone/capstone.html").read_text(encoding="utf-8")
    assert name in page


@pytest.mark.slow
def test_nbgraders_own_autograde_lets_agents_play_the_same_episodes(made):
    step = GradeCells(config=made.room.config)
    resources = {"nbgrader": {"assignment": "13_capstone", "student": "nothing"}}
    notebook = nbformat.from_dict(made.notebook(capstone_agent=NOTHING))
    heading = step.preprocess(notebook, resources)[0].cells[0].source
    mean = read_record(made.room, made.lesson, "nothing").trials[0].mean
    assert f"mean return {mean:,.1f} ±" in heading
    assert pseudonym(class_lots(made.room.state).names, "nothing") in heading


@pytest.mark.slow
def test_agents_with_a_state_are_reset_and_play_the_episodes_of_everybody(made):
    trials = {name: one.trials[0] for name, one in made.records.items() if one.trials}
    assert set(trials) == {"rule", "nothing", "state"}
    assert trials["state"].returns == trials["nothing"].returns
    assert len({one.drawn for one in trials.values()}) == 1


@pytest.mark.slow
def test_nothing_that_an_agent_saw_gets_into_notebook_feedback_or_report(made):
    folder = made.room.base
    files = [path for path in folder.rglob("*") if path.suffix in (".ipynb", ".html")]
    assert len([path for path in files if "tells" in path.parts]) == 3
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "seen [" not in text.replace("'seen', obs", "").replace("seen {obs", "")
    score = made.records["tells"].scores[0]
    assert "raised ValueError at step 1" in score.message
    assert (score.mistake, score.points) == ("raises", 0.0)


@pytest.mark.slow
def test_no_later_cell_can_show_what_an_agent_saw(monkeypatch):
    needs_walls()
    monkeypatch.setattr("autograde.grading.executing.CHECKPOINT_SECONDS", 0.0)
    check = "check(capstone_agent, exercise='capstone_agent', hidden=True)"
    cells = [
        (BOTH, "import numpy as np\nfrom course_lib import check"),
        (WORKER, KEEPS),
        (WORKER, "before = 3"),  # the process forks here, and the other one has `shared`, too
        (JUDGE, check),
        (WORKER, SHOWS),
    ]
    todo = [CellToRun(place, (text,), where) for place, (where, text) in enumerate(cells)]
    with graded_with(1):
        found = execute(todo, LIMITS)
    assert found[3].parts[0]["check"]["mistake"] == "raises"
    assert found[4].parts[0]["outputs"][0]["text"] == f"0 {bytes(4)} False 3\n"


@pytest.mark.slow
def test_an_agent_that_is_not_written_is_told_so_and_has_no_trial(made):
    assert made.records["stub"].scores[0].status == "not written"
    assert made.records["stub"].trials == ()
    assert made.records["stub"].notes == ()


@pytest.mark.slow
def test_every_call_is_written_down_with_the_hashes_of_both_sides(made):
    path = calls_path(made.room, made.lesson, "nothing")
    calls = json.loads(gzip.decompress(path.read_bytes()))[0]["calls"]
    assert calls[0]["with"][0]["shape"] == [2000, 8]
    assert len(calls[0]["with"][0]["sha256"]) == 32
    assert calls[0]["answered"]["shape"] == [2000, 1]
    hashes = [one["with"][0]["sha256"] for one in calls]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.slow
def test_grading_twice_gives_the_same_and_new_episodes_others(made):
    before = made.records
    again, graded = grade(made, force=True)
    assert graded == 5
    assert again["rule"].trials == before["rule"].trials
    assert again["rule"].key == before["rule"].key
    assert grade(made)[1] == 0
    other, graded = grade(made, fresh_episodes=True)
    assert graded == 5
    assert other["rule"].trials != before["rule"].trials
    assert (
        other["rule"].notes[0].text.split("leaderboard")[1]
        == (before["rule"].notes[0].text.split("leaderboard")[1])
    )


@pytest.mark.slow
def test_cpu_time_is_counted_where_the_agent_runs(made, monkeypatch):
    busy = NOTHING.replace("    return", "    sum(range(2_000_000))\n    return")
    made.hand_in_agent("busy", busy)
    monkeypatch.setitem(CAPSTONE.__dict__, "cpu_seconds", 0.05)
    found = grade(made)[0]["busy"].scores[0]
    assert found.mistake == "slow"
    assert "all calls together have 0.05 s" in " ".join(found.message.split())


@pytest.mark.slow
def test_an_edition_without_answers_lets_agents_play():
    needs_walls()
    text = f"import numpy as np\nfrom course_lib import check\n{RULE}\ncheck(capstone_agent)"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=edition(),
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.stdout.startswith("✓ capstone_agent: mean return 3,"), done.stderr
    assert "1,000 public episodes (10 of 10 points)" in done.stdout


@pytest.mark.slow
def test_a_record_gives_back_the_trials(made):
    stored = read_record(made.room, made.lesson, "nothing")
    assert stored.trials[0].exercise == "capstone_agent"
    assert stored.trials[0].path
    assert stored.trials[0] == type(stored.trials[0]).read(stored.stored()["trials"][0])


def test_lots_are_drawn_once_and_only_their_owner_can_read_them(tmp_path):
    first = class_lots(tmp_path)
    assert class_lots(tmp_path) == first
    assert class_lots(tmp_path / "other") != first
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "lots.json").stat().st_mode) == 0o600
    anew = class_lots(tmp_path, anew=True)
    assert anew.episodes != first.episodes
    assert anew.names == first.names
    assert class_lots(tmp_path) == anew


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"episodes": -1, "names": "x"}',
    '{"episodes": "1", "names": "x"}', '{"episodes": 1, "names": "x", "more": 1}'])  # fmt: skip
def test_lots_that_were_damaged_are_named_and_not_drawn_anew(tmp_path, text):
    (tmp_path / "lots.json").write_text(text)
    with pytest.raises(CourseError, match=r"lots\.json is damaged.*graded again in others"):
        class_lots(tmp_path)
    assert (tmp_path / "lots.json").read_text() == text


def test_a_pseudonym_depends_on_the_classs_key_and_the_student_alone():
    assert pseudonym("a", "ada") == pseudonym("a", "ada")
    assert pseudonym("a", "ada") != pseudonym("b", "ada")
    names = [pseudonym("key", f"student{number}") for number in range(500)]
    assert len(set(names)) > 498  # 50 · 50 · 9,000 names: 0.006 pairs are to be expected
    first, second, number = names[0].split()
    assert first in ADJECTIVES.split()
    assert second in ANIMALS.split()
    assert 1_000 <= int(number) < 10_000


def test_the_lists_of_words_have_fifty_different_ones_each():
    assert len(set(ADJECTIVES.split())) == len(set(ANIMALS.split())) == 50


def test_only_a_lesson_with_an_agent_depends_on_the_lots(tmp_path):
    capstone = CapstoneClass(tmp_path)
    assert plays_agents(graded_source(capstone.lesson))
    (tmp_path / "plain").mkdir()
    plain = make_course(tmp_path / "plain", SMALL)
    nbformat.write(read_source(plain), plain.worked)
    assert not plays_agents(graded_source(plain))
    assert Lots.drawn() != Lots.drawn()


def test_a_lesson_may_check_an_agent_which_has_no_answer_to_be_left_out(tmp_path):
    lesson, errors = CapstoneClass(tmp_path).lesson, []
    lint(lesson, errors)
    assert errors == []
    assert contents_of([lesson]).exercises == {}
    assert contents_of([lesson]).questions == ()
