"""Names out of texts: nothing of a roster survives, however it is written; what is no name stays."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer

FIRST = (
    "Alice", "Bernd", "Chloé", "Łukasz", "Jürgen", "Zoë", "O'Brien", "Jean-Luc", "Анна", "Иван", "محمد", "فاطمة",
    "נועה", "Νίκος", "李小雷", "田中", "김민수", "สมชาย", "राहुल", "Ōmura",
)  # fmt: skip
LAST = ("Müller", "Kowalski", "Iñárritu", "Петров", "العلوي", "Çelik", "Ivanova", "渡辺", "Şahin", "Nguyễn")
FILLER = ("hello", "ok", "так", "the", "salad", "well", "😂", "12:30", "and", "gut", "…", "yes!", "好", "\n")


def plain(text: str) -> str:
    """A second way to compare: no case, no accents."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(one for one in apart if not unicodedata.combining(one) and one not in "\u2068\u2069\u200e\u200d")


@st.composite
def names(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(FIRST))
    if draw(st.booleans()):
        name += " " + draw(st.sampled_from(LAST))
    return draw(st.sampled_from(["{}", "~\u202f{}", "{} 🌸", "\u202a{}\u202c", "Dr. {}", "{} (Work)"])).format(name)


numbers = st.builds("+49 15{} {}".format, st.integers(1, 9), st.integers(1_000_000, 99_999_999))
SHOWN = (
    str, str.upper, str.lower, lambda name: unicodedata.normalize("NFD", name), "@\u2068{}\u2069".format, "@{}".format,
    "{}'s".format, "“{}”,".format, "{}?!".format, lambda name: name.replace(" ", "_"), "\u200e{}".format,
    "ok,{}.so".format,
    lambda name: "".join(one + "\u200d" * (one == "l") for one in name), "{}@example.org".format,
    lambda name: name.split()[0], lambda name: name.split()[-1], lambda name: " ".join(reversed(name.split())),
)  # fmt: skip


@st.composite
def chats(draw: st.DrawFn) -> tuple[list[str], str, list[str]]:
    """(roster, a text that shows its names in some way, the names that the text shows)."""
    roster = draw(st.lists(names() | numbers, min_size=1, max_size=5, unique=True))
    pieces, shown = list[str](), list[str]()
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            name = draw(st.sampled_from(roster))
            bare = re.sub(r"[~\u202f🌸\u202a\u202c]|Dr\.|\(Work\)", "", name).strip()
            pieces.append(draw(st.sampled_from(SHOWN))(bare) if not bare.startswith("+") else written(draw, bare))
            shown.append(bare)
        else:
            pieces.append(
                draw(st.sampled_from(FILLER) | st.text(st.characters(categories=("P", "S", "Zs")), max_size=3))
            )
    return roster, " ".join(pieces), shown


def written(draw: st.DrawFn, number: str) -> str:
    """A phone number in another spelling."""
    digits = "".join(filter(str.isdigit, number))
    spelt = draw(st.sampled_from([f"+{digits}", f"00{digits}", f"0{digits[2:]}", f"+49 (0){digits[2:]}", f"@{digits}"]))
    return draw(st.sampled_from(["{}", "{}", "tel:{}", "({})"])).format(
        draw(st.sampled_from([str, lambda text: re.sub(r"(\d{3})(?=\d)", r"\1 ", text)]))(spelt)
    )


def survivors(names: list[str], text: str) -> list[str]:
    """The words of two letters and more, and the numbers, of `names` that can be read in `text`."""
    there = plain(text)
    found = list[str]()
    for name in names:
        if name.startswith("+"):
            digits = "".join(filter(str.isdigit, name))[2:]
            found += [digits] * (digits in re.sub(r"\D", "", there))
        for word in re.findall(r"[^\W\d_]{2,}", plain(name)):
            dense = re.match("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\u1100-\u11ff]", word)
            found += [word] * bool(re.search(word if dense else rf"(?<![^\W_]){word}(?![^\W_])", there))
    return found


@given(chats())
def test_no_name_and_no_number_survives(chat: tuple[list[str], str, list[str]]) -> None:
    roster, text, shown = chat
    names = Names()
    for name in roster:
        names.add(name)
    replaced = Replacer(names).message(text, "text")
    assert survivors(shown, replaced) == []
    assert Replacer(names).message(text, "text") == replaced


@given(st.lists(st.text(max_size=30), max_size=5), st.text())
def test_no_text_and_no_name_is_too_strange(roster: list[str], text: str) -> None:
    names = Names()
    for name in roster:
        names.add(name)
    assert isinstance(Replacer(names).message(text, "system"), str)


@given(st.lists(st.sampled_from(["so", "we", "went", "there", "by", "12", "train", "и", "мы", "ist", "gut", "好"])))
def test_texts_without_names_stay(words: list[str]) -> None:
    assert replacer("Alice Müller", "Иван Петров", "김민수").text(" ".join(words)) == " ".join(words)


def replacer(*roster: str, **mended: list[str]) -> Replacer:
    names = Names()
    for name in roster:
        names.add(name)
    names.mend(mended.get("also", []), mended.get("keep", []))
    return Replacer(names)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "alice said ALICE's and Alices are Mueller or Muller",
            "Person1 said Person1's and Person1s are Person1 or Person1",
        ),
        ("Müller, Alice; AliceMüller", "Person1; Person1"),
        ("Will you come? ask Will. Will, hi. will do", "Will you come? ask Person2. Person2, hi. will do"),
        ("hey will! WILL YOU COME", "hey Person2! WILL YOU COME"),
        ("may I? in May 2020, call May", "may I? in May 2020, call Person3"),
        ("Анне скажи, видел Анной", "Person4 скажи, видел Person4"),
        ("ask Bernda and Bernds dog, berndu", "ask Person5 and Person5s dog, berndu"),
        ("ومحمد ومحمود", "وPerson6 ومحمود"),
        ("민수야, 국민수준", "Person7야, 국민수준"),
        ("小明来了", "Person8来了"),
        ("@Unknown_one and @all", "@[NAME] and @all"),
        ("@\u2068Jane Roe\u2069", "@[NAME]"),
        ("alice2 @alice_m", "Person1_2 @Person1"),
        ("the doctor of dr who", "the doctor of dr who"),
        ("Petra", "[NAME]"),
        ("Petra Lang", "Person9"),
        ("yoga family on Sunday", "[GROUP] on Sunday"),
    ],
)
def test_what_is_a_name(text: str, wanted: str) -> None:
    roster = (
        "Alice Müller",
        "Will Turner",
        "May",
        "Анна",
        "Bernd",
        "محمد",
        "김민수",
        "王小明",
        "Petra Lang",
        "Petra Kurz",
    )
    names = Names()
    for name in roster:
        names.add(name)
    names.add_title("Yoga Family")
    assert Replacer(names).text(text) == wanted


def test_numbers_in_any_spelling() -> None:
    text = "call 0151 23456789 or +49 (0)151/2345-6789 or 004915123456789, (0151) 234 567 89 12, @4915123456789"
    wanted = "call Person1 or Person1 or Person1, Person1 12, @Person1"
    assert replacer("+49 151 23456789", "Bob").text(text) == wanted


def test_what_a_person_mends() -> None:
    assert replacer("Rosa Will", keep=["will"]).text("ask Will or Rosa Will") == "ask Will or Person1"
    assert replacer("Rosa Will", also=["Will"]).text("will it be rosa") == "Person1 it be rosa"
    assert replacer("Rosa Will", also=["Rosi=Rosa Will", "Tim"]).text("rosi and tim") == "Person1 and Person2"


def test_lines_of_the_app() -> None:
    names = replacer("Bob", "A", "👑", "+49 151 23456789")
    assert names.message('Bob added A and 👑 to "A: B"', "system") == 'Person1 added Person2 and Person3 to "[GROUP]"'
    assert names.message("+49 151 23456789 left", "system") == "Person4 left"
    assert names.message("Roe.vcf", "contact") == "[CONTACT]"
    assert names.message("Home: 12 Elm", "location") == "[PLACE]"
    assert names.message("CV Roe.pdf (file attached)", "media") == "[FILE].pdf (file attached)"


def test_what_was_done_is_counted() -> None:
    names = replacer("Bob", "Rose")
    names.text("bob@example.org, Bob and bob: a rose, +1 415 555 2671")
    assert names.counts == {"email": 1, "names": 3, "phone": 1}
    assert (names.left, names.lower) == ({"rose": 1}, {"bob": 2})


def test_places_of_pseudonyms_are_not_to_be_forged() -> None:
    assert replacer("Bob").text("\U000f0000 Bob \U000f0001") == " Person1 "


@pytest.mark.parametrize(
    "piece", ["0151 23456789 ", "015123456789", "bob ", "Alice_", "李", "@\u2068Bob\u2069", "1 ", "Will ", "Person1 "]
)
def test_long_texts_take_a_moment(piece: str) -> None:
    names = replacer("Bob", "Alice Müller", "+49 151 23456789", "李小雷", "Will", "x" * 3000)
    start = time.process_time()
    replaced = names.text(piece * (40_000 // len(piece)))
    assert survivors(["Bob", "Alice", "+49 151 23456789"], replaced) == []
    assert time.process_time() - start < 4
