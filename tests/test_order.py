"""The order in which the tests run: conftest.py puts the long files first."""

from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.conftest import pytest_collection_modifyitems


class Collected(NamedTuple):
    """As much of a collected test as the order depends on."""

    name: str
    path: Path
    is_slow: bool

    def get_closest_marker(self, name: str) -> str | None:
        return name if self.is_slow and name == "slow" else None


def collected(*files: str) -> list[Collected]:
    """Tests of files: a letter each, upper case for a slow one."""
    return [
        Collected(f"{number}{letter}", Path(f"test_{number}.py"), letter.isupper())
        for number, letters in enumerate(files)
        for letter in letters
    ]


def test_files_with_most_slow_tests_come_first_and_keep_their_order():
    items = collected("ab", "aBc", "a", "ABC", "aaB")
    pytest_collection_modifyitems(items)
    assert [(path.stem, [item.name[1:] for item in group]) for path, group in groupby(
        items, lambda item: item.path
    )] == [
        ("test_3", ["A", "B", "C"]),
        ("test_1", ["a", "B", "c"]),
        ("test_4", ["a", "a", "B"]),
        ("test_0", ["a", "b"]),
        ("test_2", ["a"]),
    ]  # fmt: skip
