"""Notes stay within bounds, and say what was left out."""

from autograde.grading.notes import MAX_NOTES, MAX_TEXT, Note, bounded_notes


def test_long_notes_are_cut_and_too_many_are_counted():
    notes = [Note("odd", "x" * 5_000) for _ in range(MAX_NOTES)]
    notes += [Note("odd", "a problem", problem=True)] * 3
    kept = bounded_notes(notes)
    assert len(kept) == MAX_NOTES + 1
    assert len(kept[0].text) == MAX_TEXT
    assert kept[-1] == Note("more-notes", "3 more notes were left out.", problem=True)


def test_a_few_short_notes_stay_as_they_are():
    notes = [Note("late", "Late."), Note("link", "A link.", problem=True)]
    assert bounded_notes(notes) == notes
