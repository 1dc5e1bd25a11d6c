"""Settings that all tests share."""

from collections import Counter

import pytest
import torch

torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have most of the slow tests: then all workers end together.

    Files stay whole: what a file's tests share is made once.
    """
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
