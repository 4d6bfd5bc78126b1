"""What WhatsApp writes in the place of messages is told from what people write."""

from __future__ import annotations

import pytest

from redraft.chat.exports import kind_words
from redraft.chat.exports.kinds import kind_of, without_edit_mark

TOLD = [
    ("<Media omitted>", "media"), ("<Media omitted>\nwith words", "media"), ("<Медиа>", "text"),
    ("<Medien ausgeschlossen>", "media"), ("image omitted", "media"), ("IMG-1.jpg (file attached)\ncaption", "media"),
    ("PTT-1.opus (Datei angehängt)", "media"), ("<Anhang: PTT-1.opus>", "media"), ("see a.txt (old)", "text"),
    ("<attached: 1.jpg>", "media"), ("null", "media"), ("null and void", "text"), ("<3", "text"), ("(so)", "text"),
    ("This message was deleted", "deleted"), ("Diese Nachricht wurde gelöscht.", "deleted"),
    ("I think this message was deleted by mistake?", "text"), ("Missed voice call", "call"),
    ("voice call, 3 min", "call"), ("voice call at five?", "text"), ("who missed a call?", "text"),
    ("POLL:\nWhere?\nOPTION: Pizza (3 votes)", "poll"), ("POLL:\nnothing to choose", "text"),
    ("UMFRAGE:\nWo?\nOPTION: Hier (0 Stimmen)", "poll"), ("location: https://maps.google.com/?q=1,2", "location"),
    ("Standort: https://maps.google.com/?q=1,2", "location"), ("location: here", "text"),
    ("live location shared", "location"), ("Contact card omitted", "contact"), ("", "viewonce"),
    ("Waiting for this message. This may take a while.", "placeholder"), ("ok <This message was edited>", "edited"),
    ("ok\nthen \u200e<This message was edited>", "edited"), ("image omitted\nI mean it", "text"),
    ("This message was deleted by admin Arno Roe.", "deleted"), ("You deleted this message as admin", "deleted"),
    ("Diese Nachricht wurde von Arno gelöscht", "deleted"), ("Roe (file attached)", "media"),
    ("so it is (附件)", "text"),
    ("Roe CV.pdf \u2022 \u200e2 pages \u200edocument omitted", "media"), ("Roe.pdf document omitted", "media"),
    ("Roe CV.pdf \u2022 \u200e3 pages \u200e<attached: 00000014-Roe CV.pdf>", "media"), ("a \u2022 b", "text"),
    ("look <attached: Roe.docx>", "media"), ("why was the document omitted", "text"),
]  # fmt: skip
MARKED = [
    ("Voice call. \u200e3 min", "call"), ("Verpasster Sprachanruf. \u200eTippe", "call"), ("null", "media"),
    ("a.pdf • \u200e3 pages \u200edocument omitted", "media"), ("a.pdf (fichier quelconque)", "media"),
    ("No idea, lets try it out!", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), TOLD)
def test_without_a_mark_only_what_nobody_types_is_whatsapps(text: str, kind: str) -> None:
    assert kind_of(text, marked=False, bracket=False) == kind


@pytest.mark.parametrize(("text", "kind"), MARKED)
def test_behind_a_mark_more_is(text: str, kind: str) -> None:
    assert kind_of(text, marked=True, bracket=True) == kind


def test_null_is_a_word_on_an_iphone_where_it_has_no_mark() -> None:
    assert kind_of("null", marked=False, bracket=True) == "text"


def test_every_listed_word_is_known_in_the_place_it_has() -> None:
    for text in kind_words.MEDIA_OMITTED:
        assert kind_of(f"<{text}>", marked=False, bracket=False) == "media"
        assert kind_of(text, marked=True, bracket=True) == "media"
    for text in kind_words.DELETED:
        assert kind_of(f"{text}.", marked=False, bracket=False) == "deleted"
    for note in kind_words.ATTACHED:
        assert kind_of(f"IMG-1.jpg ({note})\ncaption", marked=False, bracket=False) == "media"
    for word in kind_words.LOCATIONS:
        assert kind_of(f"{word}: https://maps.google.com/?q=1,2", marked=False, bracket=False) == "location"
    for poll, choice in kind_words.POLLS:
        assert kind_of(f"{poll}:\nA?\n{choice}: B\n{choice}: C", marked=False, bracket=False) == "poll"
    for word in kind_words.EDITED:
        assert without_edit_mark(f"so\nit is <{word}>") == "so\nit is"


def test_a_long_message_costs_no_time() -> None:
    for part in ("hat die Gruppe ", "POLL:\n", "\u200e<ab: ", "a.b (", "<This ", "location: "):
        kind_of("POLL:\n" + part * 20_000, marked=True, bracket=True)
