"""A browser for the tests that look at pages: playwright's own, or the system's Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No sandbox: root, as in a container, has none. Nothing is asked of the network.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
OPTIONS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def a_browser() -> Iterator[Browser]:
    """A headless browser; the test is skipped where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=OPTIONS)
        except Error as error:
            pytest.skip(f"no browser here (`playwright install chromium` gets one): {error.name}")
        try:
            yield browser
        finally:
            browser.close()
