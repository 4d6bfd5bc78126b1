"""Lines that WhatsApp itself writes into a chat, and the people they name.

Neighbours: `roster` tells them from messages, `kinds` has what stands in the place of a message.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re
from collections.abc import Iterator

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
        rf"{_NAME} (?:added|removed|invited) {_OTHER}",
        rf"{_NAME} joined (?:using|from|via|the|this) .*",
        rf"{_NAME} (?:left|joined|was added|was removed|were added)",
        rf"{_NAME} (?:created|changed|turned|pinned|deleted|reset|started|updated"
        r"|set|renamed|requested|is|approved|ended) .*",
        rf"Your security code with {_NAME} changed.*",
        rf"{_NAME}['’]s security code (?:with {_OTHER} )?changed.*",
        rf"(?P<one>You) (?:added|removed|invited) {_OTHER}",
        rf"{_NAME} (?:hat|hast) {_OTHER} (?:hinzugefügt|entfernt|eingeladen)",
        rf"{_NAME} (?:hat die Gruppe|hat das Gruppenbild|hat den Gruppennamen|hat den Betreff) .*",
        rf"{_NAME} (?:wurde hinzugefügt|ist der Gruppe .*beigetreten|ist .*beigetreten)",
        rf"(?:Deine|Die) Sicherheitsnummer (?:für|von|mit|bei) {_NAME} hat sich geändert.*",
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
_AND = re.compile(r", and | and |, | und | et | y | e | en | и |、|和")
_NOBODY = {"you", "du", "vous", "tú", "usted", "você", "tu", "je", "jij", "вы", "siz", "あなた", "您", "你", "أنت"}


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
    """The people whom a line without an author names, as far as its language is one of those above."""
    for pattern in _NAMING:
        if found := pattern.match(text):
            for group in found.groupdict().values():
                for name in _AND.split(group or ""):
                    if name.strip() and name.strip().casefold() not in _NOBODY:
                        yield name.strip()
            return
