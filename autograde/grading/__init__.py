"""From submissions to grades, feedback and a report."""
