"""What late work costs."""

import pytest

from autograde.grading.late import DAY, DailyPenalty, days_late


@pytest.mark.parametrize(
    ("seconds", "days"), [(-5, 0), (0, 0), (1, 1), (DAY, 1), (DAY + 1, 2), (30 * 3600, 2)]
)
def test_a_day_counts_from_its_first_second(seconds, days):
    assert days_late(seconds) == days


def test_ten_per_cent_of_the_points_are_lost_a_started_day():
    plugin = DailyPenalty()
    assert plugin.late_submission_penalty("ada", 20.0, 1) == 2.0
    assert plugin.late_submission_penalty("ada", 20.0, 30 * 3600) == 4.0


def test_nobody_loses_more_than_there_is():
    assert DailyPenalty().late_submission_penalty("ada", 20.0, 40 * DAY) == 20.0


def test_the_share_can_be_set():
    plugin = DailyPenalty(share_a_day=0.5)
    assert plugin.late_submission_penalty("ada", 20.0, 1) == 10.0
    assert DailyPenalty(share_a_day=0.0).late_submission_penalty("ada", 20.0, DAY) == 0.0
