"""The label page in a real browser: the whole loop by keyboard, texts that attack it, who can use it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Error, Page, expect

from redraft.cli import main
from redraft.judging.labels.storage import read_sheets

MakeRun = Callable[..., Path]
PLAIN = [(f"alpha answers {number}", f"beta answers {number}") for number in range(8)]


class Labelling:
    """A running `redraft label`."""

    def __init__(self, run: Path, *words: object) -> None:
        command = [sys.executable, "-m", "redraft", "label", str(run), *map(str, words)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        assert "http://127.0.0.1:" in line, line + self.process.stderr.read()
        self.address = line.split()[-1]

    def stop(self, number: int = signal.SIGINT) -> str:
        """What it said in the end."""
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=20)
        return said


@pytest.fixture
def label() -> Iterator[Callable[..., Labelling]]:
    running: list[Labelling] = []

    def start(run: Path, *words: object) -> Labelling:
        running.append(Labelling(run, *words))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop(signal.SIGKILL)
        one.process.communicate()


@pytest.fixture
def address(serve: Callable[..., Any]) -> Iterator[Callable[[Path], str]]:
    """Serves a run's page until the test ends."""
    with ExitStack() as stack:
        yield lambda run: stack.enter_context(serve(run))


class Watched:
    """A page, and all that it asked for, got and complained of."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1200, "height": 900})
        self.asked: list[str] = []
        self.bodies: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("response", lambda one: self.bodies.append(one.text() + str(one.all_headers())))
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("dialog", lambda one: (self.complaints.append("dialog"), one.dismiss()))

    def at(self, place: int, total: int) -> None:
        expect(self.page.get_by_role("heading", name=f"Pair {place} of {total}")).to_be_visible()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def prefer_alpha(self, by_arrow: bool = False) -> None:
        left = "alpha" in str(self.page.text_content("#left"))
        keys = ("ArrowLeft", "ArrowRight") if by_arrow else ("1", "2")
        self.press(keys[0] if left else keys[1])


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    one = Watched(browser)
    yield one
    one.page.close()


def test_the_whole_loop_by_keyboard(make_run: MakeRun, label: Callable[..., Labelling], watched: Watched) -> None:
    run = make_run(PLAIN, "AAAABBtt")
    words = ("--by", "Ann B.", "--count", 6)
    server, page = label(run, *words), watched.page
    page.goto(server.address)
    watched.at(1, 6)
    assert page.evaluate("document.activeElement.id") == "place", "a screen reader reads where one is"
    expect(page.locator("#guidelines")).to_have_attribute("open", "")
    expect(page.locator("#simulated")).to_be_visible()
    watched.prefer_alpha()
    watched.at(2, 6)
    expect(page.get_by_role("status")).to_contain_text("is better")
    watched.press("0")
    watched.at(3, 6)
    watched.press("u")
    watched.at(2, 6)
    watched.prefer_alpha(by_arrow=True)
    watched.at(3, 6)
    watched.press("s")
    watched.at(4, 6)
    watched.press("n")
    page.keyboard.type("1 beta is s0 rude")
    watched.press("Escape")
    expect(page.get_by_role("status")).to_have_text("Note saved.")
    page.reload()
    watched.at(4, 6)
    expect(page.get_by_label("Note on this pair")).to_have_value("1 beta is s0 rude")

    server.stop(signal.SIGKILL)
    watched.press("1")
    expect(page.get_by_role("alert")).to_contain_text("Not saved")
    server = label(run, *words[:2])
    page.goto(server.address)
    watched.at(4, 6)
    expect(page.get_by_label("Note on this pair")).to_have_value("1 beta is s0 rude")
    for place in (4, 5, 6):
        watched.at(place, 6)
        watched.prefer_alpha()
    expect(page.get_by_role("heading", name="Done, but for what was skipped")).to_be_visible()
    watched.press("r")
    watched.at(3, 6)
    watched.prefer_alpha()
    expect(page.get_by_role("heading", name="Done. Thank you!")).to_be_visible()
    assert "6 of 6 labelled" in server.stop()

    (sheet,) = read_sheets(run)
    labels = sheet.standing.labels
    assert {one.verdict for one in labels.values()} == {"win"}, "alpha is model A's, wherever it stood"
    assert {one.left for one in labels.values()} == {"A", "B"}, "sides are shuffled"
    assert list(sheet.standing.notes.values()) == ["1 beta is s0 rude"]
    assert all(one.seconds is not None for one in labels.values())
    blind = "".join(watched.bodies)
    assert "alpha answers" in blind
    assert "secret" not in blind, "no model's name, no context's id"
    said = CliRunner().invoke(main, ["label", str(run), "--show"]).output
    assert "Ann B. (6" in said and "Too few labels to correct secret/judge: 6, and 10" in said


NASTY = {
    "script": "<script>window.owned=1;document.title='owned'</script>",
    "image": "<img src=x onerror='window.owned=1'><svg onload='window.owned=1'></svg>",
    "frame": "</div></template><iframe srcdoc='<script>parent.owned=1</script>'></iframe><base href='//127.0.0.1:1/'>",
    "style": "<style>body{display:none}</style><link rel=stylesheet href=http://127.0.0.1:1/x.css>",
    "markdown": "![x](http://127.0.0.1:1/x.png) [link](javascript:window.owned=1)",
    "bidi": "\u202eesrever\u2066 hidden \u200b\u200b \U000e0041\U000e0042\U000e0101 \x00\x1b[31m",
    "json": '"}]};window.owned=1;//</script><!--',
    "zalgo": "z" + "\u0301" * 5000,
    "long": "<b>word</b> " * 500_000,
    "unbroken": "W" * 3_000_000,
}


def test_texts_of_models_never_execute_break_or_blow_up_the_page(
    make_run: MakeRun, address: Callable[[Path], str], watched: Watched
) -> None:
    texts = list(NASTY.values())
    run = make_run([(f"{text}", f"{text} indeed") for text in texts], question=NASTY["script"] + NASTY["bidi"])
    here, page = address(run), watched.page
    page.goto(here)
    seen = ""
    for place in range(1, len(texts) + 1):
        watched.at(place, len(texts))
        # All that a text became: one text node, and the page's own words where it was cut.
        shape = page.evaluate(
            "[...document.querySelectorAll('#left, #right, #conversation .text')]"
            ".map(box => [...box.childNodes].map(node => node.nodeName + (node.className || '')).join())"
        )
        assert set(shape) <= {"#text", "#text,SPANcut"}, shape
        isolated = (
            "[...document.querySelectorAll('.text')].every(box => getComputedStyle(box).unicodeBidi == 'isolate')"
        )
        assert page.evaluate(isolated)
        for side in ("left", "right"):
            box = page.locator(f"#{side}").bounding_box()
            assert box is not None and box["height"] < 500 and box["width"] < 600
        assert page.evaluate("[document.documentElement, left].every(box => box.scrollWidth <= box.clientWidth)")
        if page.evaluate("left.textContent.length") > 50_000:
            assert page.evaluate("(left.scrollTop = 1000, left.scrollTop)") == 1000, "the rest is reached by scrolling"
        seen += str(page.text_content("#left"))
        watched.press("1")
    expect(page.get_by_role("heading", name="Done. Thank you!")).to_be_visible()
    assert page.evaluate("window.owned") is None and page.title() == "Label · redraft"
    assert watched.complaints == []
    assert all(url.startswith((here, "data:,")) for url in watched.asked), watched.asked
    for name in ("script", "image", "frame", "style", "markdown", "json"):
        assert NASTY[name] in seen, "to the letter, as text"
    for shown in ("⟨U+202E⟩", "⟨U+2066⟩", "⟨U+200B⟩", "⟨U+E0041⟩", "⟨U+E0101⟩", "␀␛[31m"):
        assert shown in seen
    assert "\u202e" not in seen and "more characters]" in seen
    assert max(map(len, watched.bodies)) < 2_000_000


def test_the_policy_forbids_what_a_fault_of_the_page_could_do(
    make_run: MakeRun, address: Callable[[Path], str], watched: Watched
) -> None:
    page = watched.page
    page.goto(address(make_run(PLAIN)))
    watched.at(1, 8)
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.getElementById('left').innerHTML = '<i>x</i>'")
    with pytest.raises(Error, match=r"Failed to fetch|Refused"):
        page.evaluate("fetch('http://127.0.0.1:1/')")
    page.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:1/x'}))")
    page.wait_for_timeout(50)
    assert any("img-src" in one for one in watched.complaints)
    assert any("connect-src" in one for one in watched.complaints)


def test_who_can_use_it(make_run: MakeRun, address: Callable[[Path], str], watched: Watched) -> None:
    page = watched.page
    page.emulate_media(color_scheme="dark")
    page.goto(address(make_run(PLAIN)))
    watched.at(1, 8)
    for name in ("Left is better", "Right is better", "No difference", "Skip", "Undo", "Note"):
        expect(page.get_by_role("button", name=name)).to_be_visible()
    for name in ("Left answer", "Right answer", "The conversation"):
        expect(page.get_by_role("region", name=name).last).to_be_attached()
    expect(page.get_by_role("progressbar", name="0 of 8 labelled")).to_be_visible()
    colours = {page.evaluate("getComputedStyle(document.body).backgroundColor")}
    assert_contrast(page)
    for name in ("light", "dark"):
        while page.get_by_role("button", name="Theme").text_content() != f"Theme: {name}":
            page.get_by_role("button", name="Theme").click()
        assert_contrast(page)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2, "the system's dark is the switch's dark, and light is another"

    page.get_by_role("button", name="Keys: on").click()
    watched.press("1")
    page.get_by_role("button", name="Keys: off").click()
    watched.at(1, 8)
    watched.press("Control+0")
    page.get_by_role("button", name="Left is better").click()
    watched.at(2, 8)
    page.evaluate("for (const _ of [1, 2]) document.dispatchEvent(new KeyboardEvent('keydown', {key: '2'}))")
    watched.at(3, 8)  # pressed twice for one pair
    page.keyboard.down("2")
    watched.at(4, 8)
    page.keyboard.down("2")  # held: the browser repeats it
    page.keyboard.up("2")
    watched.press("u")
    watched.at(3, 8)
    note = page.get_by_label("Note on this pair")
    page.get_by_role("button", name="Note").click()
    note.fill("kept by leaving")
    note.blur()
    expect(page.get_by_role("status")).to_have_text("Note saved.")
    note.fill("kept by leaving it")
    page.get_by_role("button", name="No difference").click()
    watched.at(4, 8)
    watched.press("Backspace")
    watched.at(3, 8)
    expect(note).to_have_value("kept by leaving it")
    page.set_viewport_size({"width": 360, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "fits a telephone"


def assert_contrast(page: Page) -> None:
    """WCAG 2.2 AA: 4.5 for text, 3 for edges of what is operated."""
    ratios = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const light = (name) => {
            const hex = style.getPropertyValue(`--${name}`).trim();
            const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
              .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ratio = (a, b) => {
            const [high, low] = [light(a), light(b)].sort((one, two) => two - one);
            return (high + 0.05) / (low + 0.05);
          };
          const pairs = [["ink", "page"], ["ink", "card"], ["soft", "page"], ["soft", "card"], ["on-accent", "accent"],
            ["warn-ink", "warn"], ["fault-ink", "fault"], ["edge", "card"], ["edge", "page"], ["accent", "page"]];
          return Object.fromEntries(pairs.map(([a, b]) => [`${a} on ${b}`, ratio(a, b)]));
        }"""
    )
    for name, ratio in ratios.items():
        assert ratio >= (3 if name.startswith(("edge", "accent")) else 4.5), f"{name}: {ratio:.2f}"


def test_two_tabs_do_not_label_twice(make_run: MakeRun, address: Callable[[Path], str], browser: Browser) -> None:
    run = make_run(PLAIN)
    here = address(run)
    first, second = Watched(browser), Watched(browser)
    for one in (first, second):
        one.page.goto(here)
        one.at(1, 8)
    first.press("1")
    first.at(2, 8)
    second.press("2")
    expect(second.page.get_by_role("status")).to_contain_text("done already")
    second.at(2, 8)
    (sheet,) = read_sheets(run)
    assert [one.choice for one in sheet.standing.labels.values()] == ["left"]
    for one in (first, second):
        one.page.close()
