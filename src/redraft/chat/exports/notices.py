"""Lines that WhatsApp itself writes into a chat, and the people they name.

Neighbours: `roster` tells them from messages, `kinds` has what stands in the place of a message.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re
from collections.abc import Iterator

from redraft.chat.exports.notice_words import NOTICE_WORDS, NOTICE_WORDS_FOLDED

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
)
_IN_NAMES = re.compile(
    r"\b(?:added|removed|created|changed|joined) (?:the|this|group|using|you|from|to)\b"
    r"|\w (?:added|removed|invited) \S|\bhat (?:die|das|den) (?:Gruppe|Bild)"
    r"|\ba (?:créé|changé|modifié) l|\b(?:creó|cambió) (?:el|la) |\bha (?:creato|cambiato|modificato) |\bheeft de groep"
)

_NAME = r"(?P<one>[^\n\"“„«「]{1,80}?)"
_OTHER = r"(?P<two>[^\n\"“„«「]{1,300}?)"
_NAMING = tuple(
    re.compile(f"^{pattern}\\.?$")
    for pattern in (
        rf"{_NAME} (?:was|were) (?:added|removed|invited)(?: by {_OTHER})?",
        rf"{_NAME} (?:added|removed|invited) {_OTHER}",
        rf"{_NAME} joined (?:using|from|via|the|this) .*",
        rf"You (?:made|blocked|unblocked) {_NAME}(?: an admin)?",
        rf"(?:Only|Waiting for|Messages to|Missed (?:group )?(?:voice|video) call from) {_NAME}"
        r"(?: (?:can send|to accept|are now) .*)?",
        rf"{_NAME}['’]s (?:now|no longer) .*",
        rf"{_NAME} (?:left|joined|left the group)",
        rf"{_NAME} (?:created|changed|turned|pinned|deleted|reset|started|updated"
        r"|set|renamed|requested|is|approved|ended|allowed|accepted|made|now has|doesn['’]t have) .*",
        rf"Your security code with {_NAME} changed.*",
        rf"{_NAME}['’]s security code (?:with {_OTHER} )?changed.*",
        rf"(?P<one>You) (?:added|removed|invited) {_OTHER}",
        rf"{_NAME} (?:hat|hast) {_OTHER} (?:hinzugefügt|entfernt|eingeladen)",
        rf"{_NAME} (?:hat die Gruppe|hat das Gruppenbild|hat den Gruppennamen|hat den Betreff) .*",
        rf"Du wurdest von {_NAME} (?:hinzugefügt|entfernt)",
        rf"{_NAME} (?:wurde entfernt|ist jetzt Admin|ist kein Admin mehr)",
        rf"{_NAME} hat {_OTHER} zum Admin gemacht",
        rf"{_NAME} (?:wurde hinzugefügt|ist der Gruppe .*beigetreten|ist .*beigetreten)",
        rf"(?:Deine|Die) Sicherheitsnummer (?:für|von|mit|bei) {_NAME} hat sich geändert.*",
        rf"Vous avez (?:ajouté|retiré|supprimé) {_NAME}",
        rf"{_NAME} vous a (?:ajouté|retiré|supprimé)e?",
        rf"{_NAME} te (?:añadió|agregó|eliminó)",
        rf"(?:Añadiste|Agregaste|Eliminaste) a {_NAME}",
        rf"Hai (?:aggiunto|rimosso) {_NAME}",
        rf"{_NAME} ti ha (?:aggiunto|rimosso)",
        rf"Je hebt {_NAME} (?:toegevoegd|verwijderd)",
        rf"Вы (?:добавили|удалили) {_NAME}",
        rf"(?:Пользователь )?{_NAME} (?:вышел|вышла|добавлен|добавлена|удал[её]н|удалена)",
        rf"{_NAME}, {_OTHER} (?:kişisini|kişilerini) (?:ekledi|çıkardı)",
        rf"{_NAME} (?:ayrıldı|katıldı|eklendi|grubu oluşturdu|gruptan ayrıldı|grup .*)",
        rf"{_NAME} (?:dodał|dodała|dodał\(a\)|usunął|usunęła|usunął\(a\)) (?:użytkownika |użytkowników )?{_OTHER}",
        rf"{_NAME} (?:opuścił|opuściła|opuścił\(a\)|utworzył|utworzyła|utworzył\(a\)|dołączył|dołączyła"
        r"|zmienił|zmieniła)(?:\(a\))? .*",
        rf"{_NAME} (?:poistui|liittyi|lähti|loi ryhmän)(?: .*)?",
        rf"{_NAME} lisäsi (?:käyttäjän |käyttäjät )?{_OTHER}",
        rf"{_NAME} (?:lämnade|gick med|skapade|ändrade|forlod|forlot|oprettede|opprettet)(?: .*)?",
        rf"{_NAME} (?:lade till|tog bort|tilføjede|la til|fjernede|fjernet) {_OTHER}",
        rf"{_NAME} (?:kilépett|csatlakozott|létrehozta)(?: .*)?",
        rf"{_NAME} (?:hozzáadta|eltávolította) {_OTHER}",
        rf"{_NAME}님이 (?:{_OTHER}님을 )?(?:추가|나갔|초대|내보|참여|그룹|들어).*",
        rf"(?:أضاف|أزال) {_NAME}",
        rf"(?:غادر|انضم) {_NAME}",
        rf"{_NAME} (?:غادر|انضم|أنشأ|غيّر|غير)(?: .*)?",
        rf"{_NAME} (?:أضاف|أزال) {_OTHER}",
        rf"{_NAME} (?:הוסיף|הוסיפה|הסיר|הסירה) את {_OTHER}",
        rf"{_NAME} (?:עזב|עזבה|יצר|יצרה|הצטרף|הצטרפה)(?: .*)?",
        rf"{_NAME} (?:menambahkan|mengeluarkan) {_OTHER}",
        rf"{_NAME} (?:keluar|bergabung|membuat|mengubah)(?: .*)?",
        rf"{_NAME} (?:a ajouté|a retiré|a supprimé) {_OTHER}",
        rf"{_NAME} (?:a quitté|a créé|a changé|a modifié|a rejoint).*",
        rf"{_NAME} (?:añadió|agregó|eliminó|expulsó) a {_OTHER}",
        rf"{_NAME} (?:salió del|creó el|cambió|se unió).*",
        rf"{_NAME} (?:adicionou|removeu) {_OTHER}",
        rf"{_NAME} (?:saiu|criou|mudou|alterou|entrou usando).*",
        rf"{_NAME} ha (?:aggiunto|rimosso) {_OTHER}",
        rf"{_NAME} ha (?:abbandonato|creato|cambiato|modificato).*",
        rf"{_NAME} heeft {_OTHER} (?:toegevoegd|verwijderd)",
        rf"{_NAME} (?:heeft de groep|is lid geworden).*",
        rf"{_NAME} (?:добавил|добавила|удалил|удалила) {_OTHER}",
        rf"{_NAME} (?:покинул|покинула|создал|создала|изменил|изменила).*",
        rf"{_NAME}さんが(?:{_OTHER}さんを)?(?:追加|退出|グループ).*",
        rf"{_NAME} ?(?:添加了|新增了|移除了) ?{_OTHER}",
        rf"{_NAME} ?(?:离开了|退出了|离开|已離開|创建了|建立了|加入了).*",
    )
)
# In a line that no pattern knows: words with capitals in a row, and where a line or sentence begins.
_CAPITALS = re.compile(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*)*")
_BEGINS = re.compile(r"(?:^|[.:!?] ?)[\s~\u200e]*\Z")
_QUOTED = re.compile(r"[\"“„«「『][^\n]{0,200}?[\"”“»」』]")
_LONGEST = 500
_AND = re.compile(r", and | and |, | und | et | y | e | en | и |、|和")
_NOBODY = frozenset(
    {
        "you",
        "du",
        "vous",
        "tú",
        "usted",
        "você",
        "tu",
        "je",
        "jij",
        "вы",
        "siz",
        "あなた",
        "您",
        "你",
        "أنت",
        "вас",
        "te",
        "ti",
        "dich",
        "sie",
        "sen",
        "당신",
        "sinä",
        "sinut",
        "dig",
        "ciebie",
    }
)


def is_notice(text: str, *, marked: bool) -> bool:
    """Whether WhatsApp wrote this under a name. `marked`: an invisible mark stands before it, as before all that
    iPhones put into a chat; without it only what nobody writes is taken for a notice."""
    return bool(_STRONG.search(text) or (marked and _WEAK.search(text)))


def is_name(name: str) -> bool:
    """Whether `name`, which stands before a colon, may be one: no verb of a notice and no half of a quotation in it."""
    for opening, closing in ('""', "“”", "„“", "«»", "「」"):
        quotes = name.count(opening) % 2 if opening == closing else name.count(opening) - name.count(closing)
        if quotes and not (opening == "“" and "„" in name):
            return False
    return not _IN_NAMES.search(name)


def names_in(text: str) -> Iterator[str]:
    """The people whom a line of the app names. Where no pattern knows it, all words with capitals that no such line
    has otherwise, but for a single one at its beginning."""
    line = text.strip()
    for pattern in _NAMING:
        if found := pattern.match(line):
            for group in found.groupdict().values():
                for name in map(_bare, _AND.split(group or "")):
                    if name and name.casefold() not in _NOBODY:
                        yield name
            return
    if not _STRONG.search(line):
        yield from _capitalised(line)


def _bare(name: str) -> str:
    """A name without the words of the line around it: `by Ann`, `Ann via an invite link`."""
    words = name.split()
    while words and words[-1] in NOTICE_WORDS:
        words.pop()
    while words and words[0] in NOTICE_WORDS:
        del words[0]
    return " ".join(words) if len(words) < len(name.split()) else name.strip()


def _capitalised(line: str) -> Iterator[str]:
    """Rows of words with capitals, outside of what is quoted."""
    for found in _CAPITALS.finditer(_QUOTED.sub(" . ", line[:_LONGEST])):
        row: list[str] = []
        begins = _BEGINS.search(found.string[max(0, found.start() - 4) : found.start()]) is not None
        for place, word in enumerate([*found[0].split(" "), ""]):
            bare = word.strip("'’.-")
            if bare[:1].isupper() and bare.casefold() not in NOTICE_WORDS_FOLDED | _NOBODY:
                row.append(bare)
                continue
            if len(row) > 1 or (row and not (begins and place == 1)):
                yield " ".join(row)
            row = []
