"""Pictures of a benchmark: what is drawn, what is said, and labels that do not meet."""

import numpy as np
import pytest
from matplotlib.text import Text

from course_lib.experiments.aggregates import interquartile_mean, score_curves
from course_lib.experiments.statistics import power
from course_lib.figures import new_figure
from course_lib.figures.costs import cost_picture, rough
from course_lib.figures.labels import label_ends, spread_apart
from course_lib.figures.luck import draw_share_best, power_picture
from course_lib.figures.methods import color_for, form_of, mean_of_tasks
from course_lib.figures.page import png_bytes
from course_lib.figures.scores import intervals_picture, profile_picture
from course_lib.figures.style import COLORS, TEXT
from tests.invented_benchmark import VARIANTS, invented_benchmark

NAMES = list(VARIANTS)


@pytest.fixture(scope="module")
def found():
    return invented_benchmark()


def texts(axes):
    return [text.get_text().strip() for text in axes.texts]


def test_curves_end_at_the_scores_and_begin_below(found):
    scores = score_curves(found)
    assert scores.shape == (6, 10, 10)
    assert scores[..., -1] == pytest.approx(found.scores(last=1))
    # The first evaluation has gone a sixth of the way.
    assert scores[1:, :, 0] == pytest.approx(found.scores(last=1)[1:] / 6)


def test_a_method_has_its_colour_and_what_has_none_is_dark():
    assert color_for("PPO") == COLORS["ppo"]
    assert color_for("CMA-ES") == TEXT
    assert form_of("SAC") != form_of("PPO") != form_of("CMA-ES") == form_of("REPS")


def test_intervals_stand_in_order_of_their_means(found):
    figure, alt = intervals_picture(found)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    means = interquartile_mean(found.scores(last=1))
    assert names == sorted(NAMES[1:], key=lambda name: -means[NAMES.index(name)])
    assert f"{names[0]} scores highest; " in axes.get_title(loc="left")
    assert "2 tasks, 5 seeds each" in axes.get_xlabel()
    assert alt.index(names[0]) < alt.index(names[-1])
    assert f"{names[0]} {means.max():.2f} (" in alt


def test_a_leader_apart_from_all_others_is_called_so():
    found = invented_benchmark(noise=0.0)
    title = intervals_picture(found)[0].axes[0].get_title(loc="left")
    assert title == "PPO is ahead, its interval apart from all others"
    assert intervals_picture(found, title="Mine")[0].axes[0].get_title(loc="left") == "Mine"


def test_two_seeds_are_too_few_to_speak_of_intervals():
    title = intervals_picture(invented_benchmark(seeds=2))[0].axes[0].get_title(loc="left")
    assert title.endswith("scores highest, from too few seeds for an interval")


def test_the_mean_stands_beside_the_interquartile_mean():
    found = invented_benchmark(noise=0.0)
    # SAC learns nothing in two of its ten trainings: the middle half does not see that.
    for trial in [one for one in found.returns if one.variant == "SAC" and one.seed == 0]:
        found.returns[trial] = found.returns[trial._replace(variant="Random")]
    figure, alt = intervals_picture(found)
    diamonds = next(line for line in figure.axes[0].lines if line.get_marker() == "D")
    # 0.88 of the way where the best went 0.9; of ten trainings two are left out at each end.
    assert "SAC 0.98 (" in alt and f"mean {0.8 * 0.88 / 0.9:.2f}" in alt
    assert any(np.isclose(diamonds.get_xdata(), 0.8 * 0.88 / 0.9))


def test_tasks_count_the_same_whatever_their_seeds():
    found = invented_benchmark(noise=0.0)
    for trial in [one for one in found.returns if one.task == "Pendulum-v1" and one.seed]:
        del found.returns[trial]
    values = np.zeros((6, 6, 2))
    values[:, found.places()["Pendulum-v1"]] = 1.0  # one column of six
    assert (mean_of_tasks(found, values) == 0.5).all()


def test_profiles_name_the_best_three_or_those_asked_for(found):
    axes = profile_picture(found)[0].axes[0]
    assert set(texts(axes)) == {"PPO", "SAC", "TRPO"}
    figure, alt = profile_picture(found, ["CMA-ES", "PPO"])
    assert texts(figure.axes[0]) == ["PPO", "CMA-ES"]
    assert "PPO: 100 % above 0.5" in alt
    # Five learners, one line each.
    assert len(figure.axes[0].lines) == 5


@pytest.mark.parametrize("names", [["PPOO"], [], NAMES + NAMES])
def test_profiles_of_unknown_or_too_many_variants_are_refused(found, names):
    with pytest.raises(ValueError, match="name one to 6 of Random, REINFORCE, TRPO"):
        profile_picture(found, names)


def test_costs_name_every_learner_beside_its_curve(found):
    figure, alt = cost_picture(found)
    left, right = figure.axes
    assert texts(right) == NAMES[1:]
    assert len(left.lines) == 5
    # REINFORCE costs 2 CPU seconds, CMA-ES 1.5, SAC 150.
    assert figure.get_suptitle() == "The same steps cost 1.5 to 150 CPU seconds"
    assert "after 150 s" in alt and "after 2.0 s" in alt
    assert rough(1234.5) == "1,234"


def test_pictures_without_results_name_the_command():
    found = invented_benchmark()
    found.returns.clear()
    for picture in (intervals_picture, profile_picture, cost_picture):
        with pytest.raises(ValueError, match=r"complete it: .* course_lib\.experiments bench"):
            picture(found)


def test_power_is_told_for_five_seeds():
    figure, alt = power_picture((3, 5))
    share = f"{100 * float(power(1.0, 5)):.0f} %"
    assert figure.axes[0].get_title(loc="left").endswith(f"one deviation in {share} of cases")
    assert texts(figure.axes[0]) == ["3 seeds", "5 seeds", "false alarms"]
    assert f"with 5 seeds {share} of differences" in alt


def test_the_bars_say_how_often_each_is_best():
    returns = np.array([[0.0, 0.0], [5.0, 5.0], [3.0, 3.0]])
    figure, axes = new_figure()
    draw_share_best(axes, returns, ["SAC", "PPO", "CEM"], seeds=1, show=2)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["PPO", "CEM"]
    assert [bar.get_width() for bar in axes.patches] == [1.0, 0.0]
    assert texts(axes) == ["100 %", "0 %"]
    assert png_bytes(figure)


def test_labels_stay_where_they_are_if_there_is_room():
    assert spread_apart([0.1, 0.9, 0.5], 0.2, 0, 1) == pytest.approx([0.1, 0.9, 0.5])


def test_labels_that_would_meet_move_apart_around_their_middle():
    assert spread_apart([0.5, 0.5], 0.2, 0, 1) == pytest.approx([0.4, 0.6])
    assert spread_apart([0.52, 0.5, 0.9], 0.2, 0, 1) == pytest.approx([0.61, 0.41, 0.9])


def test_labels_at_the_edge_move_inside_and_crowds_share_the_room():
    assert spread_apart([1.0, 1.0, 0.99], 0.3, 0, 1) == pytest.approx([0.7, 1.0, 0.4])
    assert spread_apart([0.5] * 5, 0.4, 0, 1) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert spread_apart([], 0.4, 0, 1).shape == (0,)


def test_labels_in_the_margin_do_not_overlap():
    figure, axes = new_figure(size=(5, 3))
    axes.plot([0, 1], [0, 1])
    label_ends(axes, [(1, 0.5), (1, 0.5), (1, 0.51)], ["a", "b", "c"], [TEXT] * 3)
    png_bytes(figure)
    # Without the line to the point, which belongs to the annotation.
    boxes = [Text.get_window_extent(text) for text in axes.texts]
    lower = sorted(box.y0 for box in boxes)
    assert np.diff(lower).min() > 9 * figure.dpi / 72  # the letters are 9 points high
    assert min(box.x0 for box in boxes) > axes.get_window_extent().x1
