"""Lines that WhatsApp itself writes into a chat, and the people they name.

Neighbours: `roster` tells them from messages, `kinds` has what stands in the place of a message.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from redraft.chat.exports.notice_patterns import NAMING
from redraft.chat.exports.notice_words import LINE_WORDS, NOBODY, NOTICE_WORDS

# What nobody writes to others; it stands in chats without an author, or under the name of the group.
_ENCRYPTION = (
    "end-to-end encrypt|end-to-end-encrypt|Ende-zu-Ende-verschl"
    "|chiffrés de bout en bout|cifrad[oa]s de extremo a extremo"
    "|criptografia de ponta a ponta|encriptad[oa]s de ponta a ponta|crittografati end-to-end|crittografia end-to-end"
    "|end-to-end versleuteld|сквозным шифрованием|uçtan uca şifreli|エンドツーエンド暗号化|端到端加密|端對端加密"
    "|종단간 암호화|مشفرة تمام|szyfrowane|fullständigt krypterade|päästä päähän -salattuja|ende-til-ende-kryptert"
    "|terenkripsi secara end-to-end|zabezpečeny koncovým šifrováním|מוצפנות מקצה לקצה"
)
_CREATION = (
    "created (?:this )?group|created community|hat die Gruppe .{0,200}erstellt|a créé le groupe|a créé ce groupe"
    "|creó (?:el|este) grupo|criou (?:o|este) grupo|ha creato (?:il|questo) gruppo|heeft de groep .{0,200}gemaakt"
    "|создал\\w* групп"
    "|grubu oluşturdu"
    "|グループ.{0,200}作成しました|创建了.{0,200}群组|建立了.{0,200}群組|그룹을 만들|أنشأ.{0,200}المجموعة"
)
_STRONG = re.compile(f"{_ENCRYPTION}|{_CREATION}")
_WEAK = re.compile(
    r"This business|secure service from Meta|security code|security number|disappearing messages"
    r"|Tap to (?:learn|change)"
    r"|\b(?:added|removed) (?:you|\S)|\bleft$"
    r"|\bjoined (?:using|from|via)|\bchanged (?:the|this|their|to|from)\b"
    r"|\bis a contact"
    r"|pinned a message|(?:un)?blocked this|now an admin|hat .{0,200}(?:hinzugefügt|entfernt|geändert|verlassen)"
    r"|beigetreten|Sicherheitsnummer|Du hast|a (?:ajouté|quitté|retiré|changé|rejoint)"
    r"|(?:añadió|agregó|eliminó) a|salió|se unió"
    r"|cambió|adicionou|saiu|removeu|mudou|ha (?:aggiunto|abbandonato|rimosso|cambiato|modificato)"
    r"|heeft .{0,200}(?:toegevoegd|verwijderd|gewijzigd|verlaten)"
    r"|добавил|покинул|изменил|удалил\w* |ekledi|ayrıldı|çıkardı|değiştirdi"
    r"|追加しました|退出しました|変更しました|添加了|新增了|离开了|退出了|加入了|更改了"
    r"|추가했습니다|나갔습니다|أضاف|غادر"
    r"|advanced chat privacy|\b[Ll]earn more\.?\Z|selbstlöschende Nachrichten|Tippe,? (?:um|zum|hier)"
    r"|code de sécurité|messages éphémères|Appuyez pour|código de segur|mensajes temporales|Toca para"
    r"|mensagens temporárias|Toque para|codice di sicurezza|messaggi effimeri|Tocca per|è (?:stat|uscit|entrat)[oa]\b"
    r"|beveiligingscode|(?:verdwijnende|zelfverwijderende) berichten|Tik (?:voor|om)"
    r"|heeft (?:de|deze|het) (?:groep|onderwerp)|is toegevoegd"
    r"|kod (?:bezpieczeństwa|zabezpieczeń)|znikające wiadomości|Dotknij,? (?:aby|by)|(?:ął|ał|ił|ył)\(a\)"
    r"|(?:opuścił|dołączył|utworzył)a? "
    r"|код безопасности|исчезающие сообщения|Нажмите, чтобы|güvenlik kod|süreli mesaj|dokunun|katıldı|eklendi"
    r"|säkerhetskod|försvinnande meddelanden|Tryck för|(?:lade till|tog bort) \S|lämnade\b|gick med i"
    r"|[Kk]ode keamanan|[Pp]esan sementara|Ketuk untuk|menambahkan|mengeluarkan|(?:keluar|bergabung)\Z"
)
# So many words that such lines have make one, where nobody is named; of many this share.
_FEWEST_WORDS, _MANY_WORDS, _SHARE = 5, 8, 0.75
_ENDING = re.compile(r"\(-?[^\W\d_]{1,4}\)")
_IN_NAMES = re.compile(
    r"\b(?:added|removed|created|changed|joined) (?:the|this|group|using|you|from|to)\b"
    r"|\w (?:added|removed|invited) \S|\bhat (?:die|das|den) (?:Gruppe|Bild)"
    r"|\ba (?:créé|changé|modifié) l|\b(?:creó|cambió) (?:el|la) |\bha (?:creato|cambiato|modificato) |\bheeft de groep"
)

# In a line that no pattern knows: words with capitals in a row, and where a line or sentence begins.
_CAPITALS = re.compile(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*)*")
_BEGINS = re.compile(r"(?:^|[.:!?] ?)[\s~\u200e]*\Z")
_QUOTED = re.compile(r"[\"“„«「『][^\n]{0,200}?[\"”“»」』]")
_LONGEST = 500
# So many words of a name that begins with a capital may have none.
_MOST_SMALL = 3
# With a full stop: a title, an initial.
_LONGEST_SHORT = 3
_AND = re.compile(r", and | and |, | und | et | y | e | en | и |、|和")
_LETTERS = re.compile(r"[^\W\d_]+")
_OF = "von van vom der den de da di du do dos das del della bin ibn ter ten la le el al af av"
_PARTICLES = frozenset(_OF.split())
# Words of German, which alone begins all nouns with a capital.
_NOUNS = re.compile(
    r"\b(?:hat|hast|wurde|wurden|werden|die|der|das|dem|den|ist|sind|nach|und|können|nur|für|mit|dieser|diese|deine)\b"
)


def is_notice(text: str, *, marked: bool) -> bool:
    """Whether WhatsApp wrote this under a name. `marked`: an invisible mark stands before it, as before all that
    iPhones put into a chat; without it only what nobody writes is taken for a notice."""
    return bool(_STRONG.search(text) or (marked and (_WEAK.search(text) or _is_told(text[:_LONGEST]))))


def _is_told(text: str) -> bool:
    """Whether such lines have all of its words but names, or nearly all of many."""
    rest = _ENDING.sub("", _QUOTED.sub(" ", text))
    names = [*names_in(text), *(guess.name for guess in guesses_in(text) if not guess.weak)]
    for name in names:
        rest = rest.replace(name, " ")
    words = _parts(rest)
    known = sum(word in LINE_WORDS for word in words)
    few = len(words) < (1 if names else _FEWEST_WORDS)
    return (not few and known == len(words)) or (len(words) >= _MANY_WORDS and known >= _SHARE * len(words))


def is_name(name: str) -> bool:
    """Whether `name`, which stands before a colon, may be one: no verb of a notice and no half of a quotation in it."""
    for opening, closing in ('""', "“”", "„“", "«»", "「」"):
        quotes = name.count(opening) % 2 if opening == closing else name.count(opening) - name.count(closing)
        if quotes and not (opening == "“" and "„" in name):
            return False
    return not _IN_NAMES.search(name)


class Guess(NamedTuple):
    """What may be a name in a line that no pattern knows. `weak`: one word that has a capital anyhow, as a sentence's
    first word and all nouns of German do."""

    name: str
    weak: bool


def names_in(text: str) -> list[str]:
    """The people whom a line of the app surely names: a pattern knows it, and no word of such lines is in the name."""
    return _told(text.strip()) or []


def guesses_in(text: str) -> list[Guess]:
    """Of a line that no pattern knows all words with capitals that no such line is known to have: names where people
    use them as such."""
    line = text.strip()
    if _STRONG.search(line) or _told(line) is not None:
        return []
    weak = _NOUNS.search(line) is not None
    return [Guess(name, begins or (weak and " " not in name)) for name, begins in _capitalised(line)]


def _told(line: str) -> list[str] | None:
    """None where no pattern fits, or only with names that can be none."""
    for pattern in NAMING:
        if found := pattern.match(line):
            parts = [part for group in found.groupdict().values() for part in _AND.split(group or "") if part]
            names = [_bare(part) for part in parts]
            # Of `Questo canale` one word is known: what stays in small letters is no name.
            begun = any(part[0].isupper() and name.islower() for part, name in zip(parts, names, strict=True))
            if not begun and all(one.casefold() in NOBODY or _may_be_name(one) for one in names if one):
                return [one for one in names if one and one.casefold() not in NOBODY]
    return None


def _may_be_name(name: str) -> bool:
    """Not what begins like a sentence, and no words of the app only."""
    words = _LETTERS.findall(name)
    if not words:
        return True
    plain = [word for word in words if word.islower() and word not in _PARTICLES and len(word) > 1]
    if words[0][0].isupper() and len(plain) > _MOST_SMALL:
        return False
    first, _, more = name.partition(" ")
    if more and words[0][0].isupper() and LINE_WORDS.issuperset(_parts(first)):
        return False
    own = [word for word in words if word.casefold() in LINE_WORDS]
    return len(own) < len(words) and not LINE_WORDS.intersection(plain)


def _bare(name: str) -> str:
    """A name without the words of the line around it: `by Ann`, `Ann via an invite link`."""
    words = name.split()
    while words and words[-1] in NOTICE_WORDS:
        words.pop()
    while words and words[0] in NOTICE_WORDS:
        del words[0]
    return " ".join(words) if len(words) < len(name.split()) else name.strip()


def _capitalised(line: str) -> Iterator[tuple[str, bool]]:
    """Rows of words with capitals, outside of what is quoted, particles within; and whether it is a single word with
    which a sentence begins."""
    for found in _CAPITALS.finditer(_QUOTED.sub(" . ", line[:_LONGEST])):
        row: list[str] = []
        begins = first = _BEGINS.search(found.string[max(0, found.start() - 4) : found.start()]) is not None
        for word in [*found[0].split(" "), ""]:
            bare = word.strip("'’.-")
            own = bare.casefold() in NOBODY or LINE_WORDS.issuperset(_parts(bare))
            if (bare[:1].isupper() and not own) or (row and bare in _PARTICLES):
                begins = begins if row else first
                row.append(bare)
            else:
                yield from _row(row, begins)
                row = []
            first = word.endswith(".") and (len(word) > _LONGEST_SHORT or word.islower())
            if first:
                yield from _row(row, begins)
                row = []


def _row(row: list[str], begins: bool) -> Iterator[tuple[str, bool]]:
    while row and row[-1] in _PARTICLES:
        row.pop()
    if row:
        yield " ".join(row), begins and len(row) == 1


def _parts(word: str) -> list[str]:
    return [part.casefold() for part in _LETTERS.findall(word)]
