"""What a message is: words of a person, or what WhatsApp writes in the place of pictures, calls and polls.

Neighbours: `kind_words` has the words, `notices` the lines that stand in no message's place.
"""

from __future__ import annotations

import re

from redraft.chat.exports import kind_words as words
from redraft.chat_records import ChatKind


def _either(parts: tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, parts), key=len, reverse=True))


def _spellings(kind: ChatKind, texts: tuple[str, ...]) -> dict[str, ChatKind]:
    """With and without full stop, as it is listed, as a sentence and in small letters."""
    spelled = {form for text in texts for form in (text, text[:1].upper() + text[1:], text.casefold())}
    return {f"{text}{stop}": kind for text in spelled for stop in ("", ".", "。")}


_WHOLE: dict[str, ChatKind] = {
    **_spellings("media", words.MEDIA_OMITTED),
    **_spellings("contact", words.CONTACTS),
    **_spellings("deleted", words.DELETED),
    **_spellings("placeholder", words.PLACEHOLDERS),
    **_spellings("viewonce", words.VIEW_ONCE),
    **_spellings("location", words.LIVE_LOCATIONS),
    **_spellings("call", words.CALLS),
}
_EDITED = re.compile(rf" ?\u200e?<(?:{_either(words.EDITED)})\.?>\Z", re.IGNORECASE)
_FILE = re.compile(rf"[^\n]*\.\w{{1,8}} \u200e?\((?:{_either(words.ATTACHED)})\)(?=\n|\Z)", re.IGNORECASE)
# Without an ending only where the note is more than a word that people put into brackets, too.
_NOTED = re.compile(
    rf"[^\n]+ \u200e?\((?:{_either(tuple(note for note in words.ATTACHED if ' ' in note))})\)(?=\n|\Z)", re.IGNORECASE
)
_DOCUMENT = re.compile(
    rf"[^\n]*\.\w{{1,8}} (?:\u2022 \u200e?\d+ [^\W\d_]+ )?\u200e?(?:{_either(words.DOCUMENTS)})\.?(?=\n|\Z)"
    rf"|[^\n]*\.\w{{1,8}} \u2022 \u200e?\d+ [^\W\d_]+(?= ?[\u200e<\n]|\Z)",
    re.IGNORECASE,
)
_ENDS = tuple(form for text in words.DOCUMENTS for form in (text, f"{text}."))
_MARKED_FILE = re.compile(r"[^\n]*\.\w{1,8} \u200e?\([^()\n]+\)(?=\n|\Z)")
_ATTACHMENT = re.compile(rf"<(?:{_either(words.ATTACHMENTS)}) ?: [^<>\n]+>", re.IGNORECASE)
_MARKED_ATTACHMENT = re.compile(r"\u200e<[^<>\n:]{2,30}: ?[^<>\n]+\.\w{1,8}>")
_BEHIND = re.compile(rf"<(?:{_either(words.ATTACHMENTS)}) ?: [^<>\n]+\.\w{{1,8}}>(?=\n|\Z)", re.IGNORECASE)
_PLACE = re.compile(rf"(?:{_either(words.LOCATIONS)}) ?[:\uff1a] ?\u200e?https?://", re.IGNORECASE)
_POLL = re.compile("|".join(rf"{poll} ?[:\uff1a]\s(?:.*\n)*?.*\b{choice} ?[:\uff1a]" for poll, choice in words.POLLS))
_CALL = re.compile(
    r"(?:Missed |Silenced )?(?:group )?(?:voice|video) call(?:, \d+ ?\w+(?: \d+ ?\w+)?| at \d.*)?\.?\Z", re.IGNORECASE
)
_MARKED_CALL = re.compile(
    r"(?:Missed |Silenced )?(?:group )?(?:voice|video) (?:call|chat)|(?:Verpasster )?(?:Sprach|Video)anruf"
    r"|(?:Video)?[Ll]lamada|Appel (?:vocal|vidéo|manqué)"
    r"|(?:Chamada|Ligação) de|(?:Video)?[Cc]hiamata|(?:Gemiste )?(?:spraak|video-?)oproep"
    r"|(?:Пропущенный )?(?:аудио|видео)звонок"
    r"|音声通話|ビデオ通話|(?:未接)?(?:语音|视频)通话|(?:語音|視訊)通話|(?:음성|영상) 통화",
    re.IGNORECASE,
)  # fmt: skip
_LONGEST_NOTE = 160


def kind_of(text: str, *, marked: bool, bracket: bool) -> ChatKind:
    """The kind of the message `text`. `marked`: an invisible mark stood before it, as before all that iPhones put
    there; `bracket`: the file is an iPhone's. Without a mark only what nobody types is taken for WhatsApp's."""
    if not text:
        return "viewonce"
    if found := _WHOLE.get(text):
        return found
    if text.startswith(words.DELETED_BY):
        return "deleted" if "\n" not in text and len(text) <= _LONGEST_NOTE else "text"
    # Places are links; a file's name has its note behind it; whatever else is longer has lines.
    if marked or text[-1] in ">)" or "\n" in text or "http" in text or "call" in text or text == "null":
        return _looked_at(text, marked=marked, bracket=bracket)
    if "\u200e" in text or "\u2022" in text or text.endswith(_ENDS):
        return _looked_at(text, marked=marked, bracket=bracket)
    return "text"


def without_edit_mark(text: str) -> str:
    """What a person wrote in a message of the kind `edited`."""
    return _EDITED.sub("", text)


def _looked_at(text: str, *, marked: bool, bracket: bool) -> ChatKind:
    first = text.partition("\n")[0]
    if _EDITED.search(text):
        return "edited"
    if found := _WHOLE.get(first.strip("<>").casefold()):
        if first != text and not (first.startswith("<") or marked):
            return "text"
        return found
    if text == "null" and (marked or not bracket):
        return "media"
    if _FILE.match(text) or _ATTACHMENT.match(text.lstrip("\u200e")) or _MARKED_ATTACHMENT.search(text):
        return "media"
    if _NOTED.match(text) or _DOCUMENT.match(text) or _BEHIND.search(text):
        return "media"
    if _POLL.match(text):
        return "poll"
    if _PLACE.match(text):
        return "location"
    if _CALL.match(text):
        return "call"
    return _marked(first) if marked else "text"


def _marked(first: str) -> ChatKind:
    """A first line with the mark. Behind a document's name and pages stands a mark again."""
    if _MARKED_FILE.match(first):
        return "media"
    if _MARKED_CALL.match(first):
        return "call"
    return _WHOLE.get(first.rpartition("\u200e")[2].casefold(), "text")
