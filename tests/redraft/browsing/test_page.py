"""The page to look through a dataset in a real browser: by keyboard, filtered, with texts that attack it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, Error, Page, expect

from redraft.records import Document


class Watched:
    """A page, and all that it asked for and complained of."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1300, "height": 900}, color_scheme="dark")
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("dialog", lambda one: (self.complaints.append("dialog"), one.dismiss()))

    def at(self, title: str) -> None:
        expect(self.page.get_by_role("heading", name=title, exact=True)).to_be_visible()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def rows(self, count: int) -> None:
        expect(self.page.get_by_role("status")).to_have_text("1 row" if count == 1 else f"{count} rows")
        expect(self.page.locator("#list li")).to_have_count(min(count, 200))


@pytest.fixture
def address(serve: Callable[..., Any]) -> Iterator[Callable[[Path], str]]:
    """Serves a dataset's page until the test ends."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(serve(path))


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    one = Watched(browser)
    yield one
    one.page.close()


def test_rows_are_read_and_filtered_by_keyboard(
    make_dataset: Callable[..., Path], address: Callable[[Path], str], watched: Watched
) -> None:
    page = watched.page
    page.goto(address(make_dataset()))
    watched.at("Case 0")
    watched.rows(9)
    expect(page.locator("#simulated")).to_be_visible()
    expect(page.locator("#counts")).to_have_text("6 rows, 0 flagged, 3 rejected on the way")
    expect(page.locator("#document")).to_contain_text("In case 0 the")
    expect(page.locator("#response")).to_contain_text("Let's look at case 0 together")
    expect(page.locator("#scores")).to_contain_text("collaborative3")
    expect(page.locator("#facts")).to_contain_text("anthropic:claude-opus-5-5")
    watched.press("j")
    watched.at("Case 1")
    assert page.evaluate("document.activeElement.id") == "title", "a screen reader reads where one is"
    watched.press("k")
    watched.at("Case 0")
    watched.press("k")
    watched.at("Case 0")  # the first has none before it
    watched.press("d")
    assert page.evaluate("document.activeElement.id") == "document"

    watched.press("f")
    page.keyboard.type("rejected")  # as selects are operated
    watched.rows(3)
    watched.at("Case 6")
    expect(page.locator("#response")).to_have_text("I cannot help with that.")
    expect(page.locator("#findings")).to_have_text("refusal: The model refused instead of answering. the model refused")
    page.get_by_label("Reason").select_option("unfilled_placeholder")
    watched.rows(1)
    watched.at("Refused case")
    expect(page.locator("#document")).to_have_text("Dear {client_name}, thank you.")
    expect(page.locator("#response")).to_have_text("(no response)")
    watched.press("Escape")
    watched.press("c")
    watched.rows(9)
    watched.at("Refused case")  # still among them
    page.get_by_label("Lowest score from").fill("5")
    page.get_by_label("Lowest score from").blur()
    watched.rows(4)
    page.get_by_label("Type").select_option("memo")
    watched.rows(1)
    watched.at("Case 3")
    page.get_by_role("button", name="Clear").click()
    watched.press("/")
    page.keyboard.type("case 5")
    watched.rows(1)
    page.keyboard.type("55")
    expect(page.get_by_text("No row is like that.")).to_be_visible()
    expect(page.locator("#entry")).to_be_hidden()
    page.reload()
    watched.at("Case 5")  # where one was
    watched.press("v")
    expect(page.locator("#spread")).to_contain_text("different texts: 100.0%")
    page.get_by_role("button", name="Keys: on").click()
    watched.press("k")
    watched.at("Case 5")
    assert watched.complaints == []


def test_scenarios_stand_alone(
    make_ideas: Callable[[], Path], address: Callable[[Path], str], watched: Watched
) -> None:
    page = watched.page
    page.goto(address(make_ideas()))
    watched.rows(2)
    expect(page.locator("#document-title")).to_contain_text("Scenario 2 words")
    expect(page.locator("#response")).to_be_hidden()
    expect(page.locator("#facts")).to_contain_text("anthropic:claude-sonnet-5-5")
    assert watched.complaints == []


def test_who_can_use_it(make_dataset: Callable[..., Path], address: Callable[[Path], str], watched: Watched) -> None:
    page = watched.page
    page.goto(address(make_dataset()))
    watched.at("Case 0")
    colours = {page.evaluate("getComputedStyle(document.body).backgroundColor")}
    assert_contrast(page)
    for name in ("light", "dark"):
        while page.get_by_role("button", name="Theme").text_content() != f"Theme: {name}":
            page.get_by_role("button", name="Theme").click()
        assert_contrast(page)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2, "the system's dark is the switch's dark, and light is another"
    for name in ("Document", "Response"):
        expect(page.get_by_role("region", name=name).last).to_be_attached()
    expect(page.get_by_role("navigation", name="Rows")).to_be_visible()
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
            ["warn-ink", "warn"], ["fault-ink", "fault"], ["fault-ink", "page"], ["edge", "card"], ["edge", "page"],
            ["accent", "page"]];
          return Object.fromEntries(pairs.map(([a, b]) => [`${a} on ${b}`, ratio(a, b)]));
        }"""
    )
    for name, ratio in ratios.items():
        assert ratio >= (3 if name.startswith(("edge", "accent")) else 4.5), f"{name}: {ratio:.2f}"


NASTY = {
    "script": "<script>window.owned=1;document.title='owned'</script>",
    "image": "<img src=x onerror='window.owned=1'><svg onload='window.owned=1'></svg>",
    "frame": "</div></template><iframe srcdoc='<script>parent.owned=1</script>'></iframe><base href='//127.0.0.1:1/'>",
    "style": "<style>body{display:none}</style><link rel=stylesheet href=http://127.0.0.1:1/x.css>",
    "markdown": "![x](http://127.0.0.1:1/x.png) [link](javascript:window.owned=1)",
    "bidi": "\u202eesrever\u2066 hidden \u200b\u200b \U000e0041\U000e0042\U000e0101 \x00\x1b[31m",
    "json": '"}]};window.owned=1;//</script><!--',
    "zalgo": "z" + "\u0301" * 5000,
    "long": "<b>word</b> " * 100_000,
    "unbroken": "W" * 300_000,
}


def test_texts_never_execute_break_or_blow_up_the_page(
    make_dataset: Callable[..., Path], address: Callable[[Path], str], watched: Watched
) -> None:
    texts = list(NASTY.values())
    nasty = NASTY["script"] + NASTY["image"] + NASTY["bidi"]
    documents = [
        Document(
            document_id=f"{number}{nasty}",
            side="train",
            document_type=nasty,
            domain=nasty,
            tension=nasty,
            tone=nasty,
            stakeholder=nasty,
            scenario=nasty,
            title=f"T{number} {text[:300]}",
            text=text,
            word_count=0,
            scenario_model=nasty,
            model=nasty,
        )
        for number, text in enumerate(texts)
    ]
    here, page = address(make_dataset(len(texts), texts, documents)), watched.page
    page.goto(here)
    watched.rows(len(texts) + 1)
    seen = ""
    for number, one in enumerate(documents):
        page.locator(f'#list [data-number="{number + 1}"]').click()
        expect(page.locator("#title")).to_contain_text(f"T{number} ")
        shape = page.evaluate(
            "[...document.querySelectorAll('#document, #response, #title, #id, dd, dt, option, .row-title, .detail')]"
            ".map(box => [...box.childNodes].map(node => node.nodeName + (node.className || '')).join())"
        )
        assert set(shape) <= {"#text", "#text,SPANcut"}, "a text becomes one text node"
        assert page.evaluate(
            "[...document.querySelectorAll('.text, dd, .row-title, #title, #id, .detail')]"
            ".every(box => getComputedStyle(box).unicodeBidi == 'isolate')"
        )
        for side in ("document", "response"):
            box = page.locator(f"#{side}").bounding_box()
            assert box is not None and box["height"] < 520 and box["width"] < 600
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), one.title
        seen += str(page.text_content("#document")) + str(page.text_content("#response"))
    page.locator(f'#list [data-number="{len(texts) + 1}"]').click()
    watched.at("Refused case")
    assert page.evaluate("window.owned") is None and page.title() == "Inspect · redraft"
    assert watched.complaints == []
    assert all(url.startswith((here, "data:,")) for url in watched.asked), watched.asked
    for name in ("script", "image", "frame", "style", "markdown", "json"):
        assert seen.count(NASTY[name]) >= 2, "to the letter, as text"
    for shown in ("⟨U+202E⟩", "⟨U+2066⟩", "⟨U+200B⟩", "⟨U+E0041⟩", "⟨U+E0101⟩", "␀␛[31m"):
        assert shown in seen
    assert "\u202e" not in page.content() and "more characters]" in seen

    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.getElementById('document').innerHTML = '<i>x</i>'")
    with pytest.raises(Error, match=r"Failed to fetch|Refused"):
        page.evaluate("fetch('http://127.0.0.1:1/')")


def ask(url: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON, headers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read(), dict(fault.headers)


def test_who_is_answered_and_what(make_dataset: Callable[..., Path], address: Callable[[Path], str]) -> None:
    here = address(make_dataset())
    port = urlsplit(here).port
    assert urlsplit(here).hostname == "127.0.0.1" and len(urlsplit(here).path) > 30
    for url, headers in (
        (f"http://127.0.0.1:{port}/", {}),
        (f"http://127.0.0.1:{port}/row?number=1", {}),
        (f"{here[:-2]}/rows", {}),
        (f"{here}rows", {"Host": f"rebound.example:{port}"}),
        (f"{here}rows", {"Origin": "http://evil.example"}),
        (f"{here}missing", {}),
        (f"{here}row?number=10", {}),
    ):
        assert ask(url, **headers)[0] == 404, url
    digits = "9" * 5000
    for words in ("what=everything", "low=x", "start=-1", f"start={digits}", "start=1e3", "start=%C2%B2"):
        status, body, _ = ask(f"{here}rows?{words}")
        assert status == 400 and msgspec.json.decode(body)["fault"].split(":")[0] in words
    for path in ("", "browse.js", "browse.css", "told", "rows", "row?number=1", "spread", "missing"):
        policy = ask(here + path)[2]["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';") and "unsafe" not in policy
    assert msgspec.json.decode(ask(f"{here}rows?type=memo&type=email&what=kept")[1])["total"] == 4
