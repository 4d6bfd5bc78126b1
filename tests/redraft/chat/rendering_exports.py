"""Chats drawn by Hypothesis, and WhatsApp's exports of them as its phones write them in many countries."""

# ruff: noqa: RUF001
from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import assume
from hypothesis import strategies as st

from redraft.chat.exports.raw import DateOrder

_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
# Marks that no reader sees; before a text they say nothing of it.
UNSEEN = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class Said(NamedTuple):
    """A message; WhatsApp's own has no author."""

    author: str
    time: datetime
    text: str


class Variant(NamedTuple):
    """How one phone writes: `head` is all before the author, `order` that of day and month."""

    head: Callable[[datetime], str]
    order: DateOrder = "day-first"
    seconds: bool = False
    colon: str = ": "
    line_break: str = "\n"
    mark: str = ""


def _half(am: str, pm: str, *, before: bool = False, space: str = " ") -> Callable[[datetime], str]:
    def clock(time: datetime) -> str:
        word, hour = (am if time.hour < 12 else pm), time.hour % 12 or 12
        return f"{word}{space}{hour}:{time:%M}" if before else f"{hour}:{time:%M}{space}{word}"

    return clock


def _half_with_seconds(am: str, pm: str, *, before: bool = False, space: str = " ") -> Callable[[datetime], str]:
    def clock(time: datetime) -> str:
        word, hour = (am if time.hour < 12 else pm), time.hour % 12 or 12
        return f"{word}{space}{hour}:{time:%M:%S}" if before else f"{hour}:{time:%M:%S}{space}{word}"

    return clock


_us, _uk = _half("AM", "PM", space="\u202f"), _half("am", "pm")
_es, _gr = _half("a.\xa0m.", "p.\xa0m."), _half("π.μ.", "μ.μ.")
_cn, _kr = _half("上午", "下午", before=True, space=""), _half("오전", "오후", before=True)
_eg = _half("ص", "م")
_ios_us = _half_with_seconds("AM", "PM", space="\u202f")
_ios_es = _half_with_seconds("a.\xa0m.", "p.\xa0m.", space="\u202f")
_ios_cn = _half_with_seconds("上午", "下午", before=True, space="")
_ios_kr = _half_with_seconds("오전", "오후", before=True)

VARIANTS: dict[str, Variant] = {
    "android_en_gb": Variant(lambda t: f"{t:%d/%m/%Y, %H:%M} - "),
    "android_en_us": Variant(lambda t: f"{t.month}/{t.day}/{t:%y}, {_us(t)} - ", "month-first"),
    "android_en_us_24h": Variant(lambda t: f"{t.month}/{t.day}/{t:%y}, {t:%H:%M} - ", "month-first"),
    "android_en_au": Variant(lambda t: f"{t:%d/%m/%Y}, {_uk(t)} - "),
    "android_es": Variant(lambda t: f"{t.day}/{t.month}/{t:%Y}, {_es(t)} - "),
    "android_de": Variant(lambda t: f"{t:%d.%m.%y, %H:%M} - "),
    "android_cs": Variant(lambda t: f"{t:%d.%m.%y %H:%M} - "),
    "android_hr": Variant(lambda t: f"{t:%d. %m. %Y., %H:%M} - "),
    "android_fi": Variant(lambda t: f"{t.day}.{t.month}.{t:%Y} klo {t:%H.%M} - "),
    "android_id": Variant(lambda t: f"{t:%d/%m/%y %H.%M} - "),
    "android_nl": Variant(lambda t: f"{t:%d-%m-%Y %H:%M} - "),
    "android_el": Variant(lambda t: f"{t:%d/%m/%y}, {_gr(t)} - "),
    "android_ja": Variant(lambda t: f"{t:%Y/%m/%d %H:%M} - ", "year-first"),
    "android_zh": Variant(lambda t: f"{t.year}/{t.month}/{t.day} {_cn(t)} - ", "year-first"),
    "android_ar": Variant(
        lambda t: f"\u200f{t.day}\u200f/{t.month}\u200f/{t.year}\u060c {_eg(t)} - ".translate(_ARABIC)
    ),
    "korean_comma": Variant(
        lambda t: f"{t.year}년 {t.month}월 {t.day}일 {_kr(t)}, ", "year-first", colon=" : "
    ),
    "legacy_colon": Variant(lambda t: f"{t:%d.%m.%y %H:%M:%S}: ", seconds=True),
    "ios_en_gb": Variant(lambda t: f"[{t:%d/%m/%Y, %H:%M:%S}] ", seconds=True),
    "ios_en_us": Variant(lambda t: f"[{t.month}/{t.day}/{t:%y}, {_ios_us(t)}] ", "month-first", seconds=True),
    "ios_en_us_short": Variant(lambda t: f"[{t:%m/%d/%y %H:%M}] ", "month-first"),
    "ios_es": Variant(lambda t: f"[{t.day}/{t.month}/{t:%y}, {_ios_es(t)}] ", seconds=True),
    "ios_de_crlf": Variant(lambda t: f"[{t:%d.%m.%y, %H:%M:%S}] ", seconds=True, line_break="\r\n"),
    "ios_marked": Variant(lambda t: f"\u200e[{t:%d.%m.%y, %H:%M:%S}] ", seconds=True, mark="\u200e"),
    "ios_mark_inside": Variant(lambda t: f"\ufeff[\ufeff{t:%d.%m.%y, %H:%M:%S}] ", seconds=True),
    "ios_ja": Variant(lambda t: f"[{t:%Y/%m/%d} {t.hour}:{t:%M:%S}] ", "year-first", seconds=True),
    "ios_zh": Variant(lambda t: f"[{t:%Y/%m/%d} {_ios_cn(t)}] ", "year-first", seconds=True),
    "ios_ko": Variant(lambda t: f"[{t.year}. {t.month}. {t.day}. {_ios_kr(t)}] ", "year-first", seconds=True),
    "ios_sv": Variant(lambda t: f"[{t:%Y-%m-%d, %H:%M:%S}] ", "year-first", seconds=True),
}  # fmt: skip

_NAMES = (
    "Bob", "Alice Müller", "+49 151 23456789", "\u202a+49\xa0151\xa02345678\u202c", "~\u202fNev", "Max - Work",
    "🌸 Flöwer 🌸", "李雷", "محمد علي", "A", "10:30", "O’Brien", "Ann (mum)", "Will [work]", "T. Rex", "Ende, zu",
)  # fmt: skip
_LINES = (
    "see you at 10:30 tomorrow", "one - two: three", "1/2/24 is the deadline", "2016-04-29 10:30:00 server started",
    "12:30 lunch", "- 3/4/24 todo: buy milk", "https://example.org/a?b=c:d", "I left using the back door", "",
    "[1/2/24] not a header", "ends with colon:", "tail   ", "  head", "u2028\u2028inside", "vt\x0band\x85nel", "👍🏽",
    "مرحبا: كيف الحال", "你好：世界", "<3", "(so)", "27.11.24 said: no", "POLL", "Bob added the salt", "null and void",
    "who missed a call?", "location: here", "*bold* _it_ ```x```", "a\rb", "@\u206849151234567\u2069 hi",
)  # fmt: skip
names = st.sampled_from(_NAMES) | st.text(st.characters(categories=("L", "Nd", "So")), min_size=1, max_size=12)
_wild = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff" + UNSEEN), min_size=1, max_size=8)
texts = st.lists(st.sampled_from(_LINES), min_size=1, max_size=3).map("\n".join).filter(str.strip) | _wild
gaps = st.sampled_from((0, 1, 30, 60, 3600, 40_000, 86_400, 1_000_000, 9_000_000))


@st.composite
def chats(draw: st.DrawFn, least: int = 1, most: int = 12) -> list[Said]:
    """Messages of a few people in the order of time, to the second."""
    people = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    time = draw(st.datetimes(datetime(2010, 1, 1), datetime(2040, 1, 1))).replace(microsecond=0)
    said: list[Said] = []
    lines = st.tuples(st.sampled_from(people), gaps, texts)
    for author, gap, text in draw(st.lists(lines, min_size=least, max_size=most)):
        time += timedelta(seconds=gap)
        said.append(Said(author, time, text))
    # What three messages of somebody begin with is taken for a part of the name.
    assume(sum(": " in one.text.partition("\n")[0] for one in said) < 3)
    return said


def rendered(said: Sequence[Said], variant: Variant) -> str:
    """The export of a chat. A text's own line breaks are the phone's, too."""
    lines: list[str] = []
    for one in said:
        begins = f"{one.author}{variant.colon}" if one.author else ""
        lines.append(f"{variant.head(one.time)}{begins}{variant.mark if one.author else ''}{one.text}\n")
    return "".join(lines).replace("\n", variant.line_break)


def plain(name: str) -> str:
    """A name without the marks that no reader sees."""
    return name.translate(dict.fromkeys(map(ord, UNSEEN))).strip()
