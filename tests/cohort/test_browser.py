"""Every kind of page in a real browser: nothing is asked for, nothing runs, everything can be read on a phone."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.cohort.view_pages import PAGES, write_all

PHONE, DESK = 360, 1100


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """All pages in English and in Chinese."""
    return {language: write_all(tmp_path_factory.mktemp(language), language) for language in ("en", "zh")}


@pytest.fixture(scope="module")
def browser():
    """A browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    place = next((found for name in names if (found := shutil.which(name))), None)
    if place is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as tool:
        # As root, as in a container, Chromium refuses to start with its sandbox; the pages are this test's own.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = tool.chromium.launch(executable_path=place, args=options)
        yield found
        found.close()


@pytest.fixture(scope="module")
def watched(browser):
    """A page of the browser, and what it asks for or says."""
    page, said = browser.new_page(), []
    page.on("request", lambda request: said.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    return page, said


def opened(watched, file, width, scheme):
    """Open a page with everything on it unfolded; return it."""
    page, said = watched
    said.clear()
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    if os.environ.get("GRADER_SCREENSHOTS"):
        name = f"{file.parts[-3][:2]}-{file.parent.name}-{file.stem}-{width}.png"
        page.screenshot(path=Path(os.environ["GRADER_SCREENSHOTS"]) / name, full_page=True)
    return page


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_fits_on_a_phone(folders, watched, name):
    """No request but for itself, no message, no script; in both languages, 360 pixels wide and wider."""
    for folder in folders.values():
        for width in (PHONE, DESK):
            file = folder / name
            page = opened(watched, file, width, "light")
            assert watched[1] == [file.as_uri()]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("script, img, iframe, object, link, form").count() == 0
            assert page.title() != "run"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody(folders, watched, name):
    """No rule of axe is broken, of contrast (4.5) nor another, in the light and in the dark."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing")
    for width, scheme in ((PHONE, "dark"), (DESK, "light")):
        page = opened(watched, folders["en"] / name, width, scheme)
        found = axe.Axe().run(page).response["violations"]
        assert not [
            (one["id"], node["html"][:200], node["failureSummary"]) for one in found for node in one["nodes"]
        ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_valid(folders, name):
    """The strict parser of the standard finds no error, and no id stands twice."""
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    for folder in folders.values():
        text = (folder / name).read_text(encoding="utf-8")
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
        ids = Counter(one.get("id") for one in tree.iter() if one.get("id"))
        assert all(count == 1 for count in ids.values()), ids.most_common(3)


@pytest.mark.parametrize("name", ["index.html", "result.html"])
def test_paper_shows_what_a_click_would(folders, browser, name):
    """Printed, the navigation is gone, and closed details are open."""
    page = browser.new_page()
    page.goto((folders["en"] / name).as_uri())
    page.emulate_media(media="print")
    assert page.locator("nav").count() == 0 or not page.locator("nav").first.is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('details > *')].every(one => one.getBoundingClientRect().height > 0)"
    )
    page.close()
