"""Writes sample_chat.txt: three invented people, as an iPhone exports their chat. Run: python data/make_chat_sample.py

Jonas answers in lower case and in two languages, and what he says follows from what he was asked: a style to learn.
Some messages hold what must not leave a machine. Neighbour: `redraft chat read` reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

MARA, TOM, JONAS = "Mara Lindqvist", "Tom Okafor", "Jonas Weber"
SEED, MESSAGES = 7, 560
FOOD = ("lasagne", "pho", "tacos", "ramen", "pizza", "curry", "dumplings", "falafel")
PLACES = ("the lake", "the climbing hall", "the market", "the cinema", "the river", "Potsdam", "the bike shop")
DAYS = ("tonight", "tomorrow", "on friday", "on saturday", "on sunday", "next week")
THINGS = ("the drill", "the tent", "my blue jacket", "the big pot", "the camera", "the guitar amp", "the projector")
FILMS = ("that heist film", "the new documentary", "the one with the dog", "the space one", "the concert film")
Lines = list[tuple[str, str]]


def dinner(draw: Random) -> Lines:
    food = draw.choice(FOOD)
    return [
        (MARA, f"who wants {food} {draw.choice(DAYS)}?"),
        (TOM, draw.choice(("me!", "count me in", "only if we eat late"))),
        (JONAS, draw.choice((f"jo {food} geht immer 😄", f"{food}?? jo klar", "bin dabei, bring dessert mit"))),
        (MARA, draw.choice(("perfect", "great, 7pm at mine then", "Jonas you always bring dessert :)"))),
    ]


def borrowing(draw: Random) -> Lines:
    return [
        (TOM, f"Jonas, do you still have {draw.choice(THINGS)}?"),
        (JONAS, draw.choice(("jo steht im keller", "hm glaub Mara hat das", "ja aber is kaputt haha"))),
        (TOM, draw.choice(("can I borrow it this weekend?", "I need it on saturday"))),
        (JONAS, draw.choice(("klar hol ab", "jo passt", "mach ich fertig 👍"))),
    ]


def meeting(draw: Random) -> Lines:
    return [
        (MARA, f"meeting at {draw.choice(PLACES)} {draw.choice(DAYS)}, what time works?"),
        (JONAS, draw.choice(("so 6 rum?", "7 geht bei mir", "erst ab 8 sorry"))),
        (TOM, draw.choice(("fine for me", "ok", "works"))),
        (MARA, "ok see you there"),
        (JONAS, draw.choice(("jo bis dann", "bis dann 👋", "👍"))),
    ]


def film(draw: Random) -> Lines:
    return [
        (TOM, f"has anyone seen {draw.choice(FILMS)}?"),
        (MARA, draw.choice(("yes, loved it", "not yet", "halfway, fell asleep"))),
        (JONAS, draw.choice(("jo war mega", "ne aber will ich", "haha bin eingeschlafen 😴"))),
    ]


def trouble(draw: Random) -> Lines:
    return [
        (MARA, draw.choice(("my train is late again", "stuck in the office, sorry", "it is raining so hard here"))),
        (JONAS, draw.choice(("oh no 😅", "mist. soll ich dich abholen?", "classic haha"))),
        (MARA, draw.choice(("you are the best", "no worries, I will walk", "thanks Jonas"))),
    ]


def interview(draw: Random) -> Lines:
    return [
        (TOM, "how was the interview?"),
        (JONAS, draw.choice(("joa ging so", "mega gut glaub ich 😄", "hab alles vergessen haha"))),
        (JONAS, draw.choice(("melden sich nächste woche", "erzähl ich später", "drückt mir die daumen"))),
        (MARA, draw.choice(("fingers crossed!", "proud of you", "they would be lucky"))),
    ]


def cooking(draw: Random) -> Lines:
    said = draw.choice(("war zu scharf haha", "mega lecker", "bisschen versalzen 😅"))
    return [
        (MARA, "what did you cook yesterday?"),
        (JONAS, f"{draw.choice(FOOD)}, {said}"),
        (TOM, draw.choice(("recipe please", "and no invitation?", "next time invite us"))),
        (JONAS, draw.choice(("jo nächstes mal", "klar komm vorbei", "schick ich dir"))),
    ]


def running(draw: Random) -> Lines:
    return [
        (TOM, f"running {draw.choice(DAYS)}?"),
        (JONAS, draw.choice(("jo", "jap", "klar 😄", "nope", "hm not sure", "ne sorry"))),
        (TOM, draw.choice(("10k?", "slow pace please", "bring water"))),
        (JONAS, draw.choice(("jo aber langsam", "5 reichen haha", "jap"))),
    ]


SCENES: tuple[Callable[[Random], Lines], ...] = (
    dinner, borrowing, meeting, film, trouble, interview, cooking, running,
)  # fmt: skip
# (share of the scenes that it follows, who, what)
NOW_AND_THEN = (
    (0.05, JONAS, "\u200eimage omitted"),
    (0.02, TOM, "\u200eThis message was deleted."),
    (0.03, MARA, "two things:\n1. the keys are with Tom\n2. water the plants please"),
)
PRIVATE = (
    (TOM, "tickets are here: https://tickets.example.org/order?id=88213&token=9f8ae7c1b2"),
    (MARA, "my new number is +49 1512 3456789, please save it"),
    (JONAS, "schick mir das bitte an jonas.weber@example.org"),
    (TOM, "@Mara can you send Jonas the address?"),
    (MARA, "Okafor, you owe me 12,50 EUR :)"),
    (TOM, "the landlord's IBAN is DE89 3704 0044 0532 0130 00"),
)
ENCRYPTED = (
    "Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read them."
)
OPENING = (("Kitchen Table", f"\u200e{ENCRYPTED}"), (MARA, f"\u200e{MARA} created this group"))


def written(draw: Random) -> list[str]:
    """The lines of the export."""
    at, private = datetime(2025, 3, 3, 9, 12, 4), list(PRIVATE)
    lines = [_line(at, who, text) for who, text in OPENING]
    while len(lines) < MESSAGES:
        at += timedelta(hours=draw.choice((5, 8, 11, 16, 22)), minutes=draw.randrange(60))
        at = at.replace(hour=min(max(at.hour, 8), 22))
        said = draw.choice(SCENES)(draw)
        said += [(who, text) for share, who, text in NOW_AND_THEN if draw.random() < share]
        if private and draw.random() < 0.12:
            said.append(private.pop(0))
        for who, text in said:
            at += timedelta(seconds=draw.randrange(15, 240))
            lines.append(_line(at, who, text))
    return lines


def _line(at: datetime, who: str, text: str) -> str:
    # An iPhone puts the mark before the bracket too, where an app's own words stand for a picture.
    mark = "\u200e" if text.startswith("\u200eimage") else ""
    return f"{mark}[{at:%d/%m/%Y, %H:%M:%S}] {who}: {text}"


if __name__ == "__main__":
    path = Path(__file__).with_name("sample_chat.txt")
    path.write_text("\n".join(written(Random(SEED))) + "\n", encoding="utf-8")  # noqa: S311  nothing is kept secret
