"""What late work costs: nbgrader's plug-in for it."""

import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

DAY = 24 * 60 * 60


class DailyPenalty(LateSubmissionPlugin):
    """A share of the points earned for each day that has begun, down to nothing.

    It is `AssignLatePenalties.plugin_class` in `nbgrader_config.py`. Another share, or none, is
    set there by `c.DailyPenalty.share_a_day = 0.2`, or `= 0`.
    """

    share_a_day = Float(
        0.1, min=0.0, max=1.0, help="The share of a late notebook's points lost a started day."
    ).tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        """The points to take off a score that came so many seconds after the due date."""
        return round(score * min(1.0, self.share_a_day * days_late(total_seconds_late)), 2)


def days_late(seconds: float) -> int:
    """The number of days that have begun since the due date."""
    return math.ceil(max(0.0, seconds) / DAY)
