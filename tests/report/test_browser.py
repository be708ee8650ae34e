"""The page in a real browser: what no reading of the file can show."""

import shutil
from pathlib import Path

import pytest

from augmentor.core.shipped import shipped

pytestmark = pytest.mark.slow

SEEN = [("example", 390), ("example", 1280), ("hard", 360), ("hard", 1600)]
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def reports(maker, tmp_path_factory):
    """The committed example, and a run that is hard to lay out."""
    hard = tmp_path_factory.mktemp("hard")
    long = tuple(f"{i}_unbroken_class_name_that_goes_on_and_on_and_never_ends" for i in range(24))
    maker.write_run(hard, maker.Case(classes=long, channels=3, size=64, seeds=3))
    return {"example": shipped("reports") / "example", "hard": hard}


def opened(browser, folder: Path, width: int, scheme: str = "light"):
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto((folder / "report.html").resolve().as_uri())
    return page


@pytest.mark.parametrize(("name", "width"), SEEN)
def test_opens_clean_without_network_or_sideways_scrolling(browser, reports, name, width):
    page = opened(browser, reports[name], width)
    assert page.complaints == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shown = page.evaluate(
        "[...document.images].map(i => [i.complete && i.naturalWidth > 0, i.clientWidth, i.clientHeight])"
    )
    assert len(shown) > 20
    assert all(loaded and wide > 8 and high > 8 for loaded, wide, high in shown)
    page.close()


COLLISIONS = """[...document.querySelectorAll('svg.chart, .chart svg')].flatMap(chart => {
    const seen = [...chart.querySelectorAll('text.label, text.value')]
        .map(t => [t.textContent, t.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
    const found = [];
    seen.forEach(([one, a], i) => seen.slice(i + 1).forEach(([other, b]) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 4) found.push(one + ' | ' + other);
    }));
    return found;
})"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["example", "hard"])
def test_names_and_numbers_of_a_chart_do_not_collide(browser, reports, name, width):
    page = opened(browser, reports[name], width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.querySelectorAll('.chart text.label').length") > 5
    assert page.evaluate(COLLISIONS) == []
    page.close()


@pytest.mark.parametrize("name", ["example", "hard"])
def test_text_of_charts_stays_inside_the_page(browser, reports, name):
    page = opened(browser, reports[name], 360)
    outside = page.evaluate(
        """[...document.querySelectorAll('.chart text')].filter(t => {
            const box = t.getBoundingClientRect();
            return box.width > 0 && (box.left < 0 || box.right > innerWidth);
        }).map(t => t.textContent)"""
    )
    assert outside == []
    page.close()


def test_the_first_screen_holds_verdict_interval_and_a_chart(browser, reports):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((reports["example"] / "report.html").resolve().as_uri())
    for selector in ("h1", ".lead", "#fig-verdict-interval svg", "#fig-arms > svg"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] + box["height"] <= 800, selector
    page.close()


def test_every_region_that_scrolls_is_reached_by_the_keyboard_and_has_a_name(browser, reports):
    page = opened(browser, reports["hard"], 390)
    regions = page.evaluate(
        """[...document.querySelectorAll('*')].filter(e => {
            const style = getComputedStyle(e);
            return ['auto', 'scroll'].includes(style.overflowX) && e.scrollWidth > e.clientWidth;
        }).map(e => [e.tabIndex, e.getAttribute('role'), e.getAttribute('aria-labelledby') || e.ariaLabel])"""
    )
    assert regions
    assert all(index == 0 and role == "region" and name for index, role, name in regions)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.tagName"))
    assert {"scroll", "SUMMARY", "A"} <= reached
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


def test_screen_readers_find_landmarks_and_named_figures(browser, reports):
    page = opened(browser, reports["example"], 1280)
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("navigation", name="Sections of this report").count() == 1
    assert page.get_by_role("img", name="Change in balanced accuracy, in points", exact=True).count() == 1
    assert page.get_by_role("region", name="Scores of every arm").count() == 1
    page.close()


def test_light_and_dark_differ_and_follow_the_system(browser, reports):
    seen = set()
    for scheme in ("light", "dark"):
        page = opened(browser, reports["example"], 1280, scheme)
        seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert seen == {"rgb(244, 246, 248)", "rgb(15, 20, 26)"}


@pytest.mark.parametrize(("name", "scheme"), [("example", "dark"), ("hard", "light")])
def test_prints_on_a4_with_every_detail_open_and_nothing_cut(browser, reports, name, scheme):
    page = opened(browser, reports[name], 700, scheme)
    page.emulate_media(media="print", color_scheme=scheme)
    page.set_viewport_size({"width": 688, "height": 1000})
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    hidden = page.evaluate(
        "[...document.querySelectorAll('details table, details img')].filter(e => !e.checkVisibility("
        "{contentVisibilityAuto: true}) || e.getBoundingClientRect().height === 0).length"
    )
    assert hidden == 0
    assert len(page.pdf(format="A4")) > 20_000
    page.close()
