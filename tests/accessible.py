"""axe-core on a page: what keeps people from reading it with their eyes, ears or keyboard."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPEN_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"


def violations(page: Page, *rules: str) -> list[str]:
    """All that axe finds wrong, folds opened; with names of rules, these alone."""
    page.evaluate(OPEN_ALL)
    page.wait_for_timeout(100)  # the page's own answer to the folds
    options: dict = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found
        for node in one["nodes"]
    ]
