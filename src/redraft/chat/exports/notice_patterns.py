"""How lines that WhatsApp writes itself name people, in the languages of its users.

Neighbours: `notices` matches lines with these, `notice_words` has the words of lines that no pattern knows.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re

_NAME = r"(?P<one>[^\n\"“„«「]{1,80}?)"
_OTHER = r"(?P<two>[^\n\"“„«「]{1,300}?)"
# (a) behind a verb: who is meant may be a woman.
_A = r"(?:a|ęła|\(a\)|\(ęła\)|/a|/ęła)?"
_RU = r"(?:а|\(а\)|\(ла\))?"
# What has the words of a language before a name, so that these must be known before all that begins with a name.
_SECURITY = (
    rf"Your security code with {_NAME} (?:has )?changed.*",
    rf"{_NAME}['’]s security code (?:with {_OTHER} )?(?:has )?changed.*",
    rf"(?:Deine|Die|Ihre) Sicherheitsnummer (?:für|von|mit|bei) {_NAME} (?:hat sich|wurde) geändert.*",
    rf"(?:Votre|Ton|Le) code de sécurité (?:avec |de |d['’]){_NAME} (?:a changé|a été modifié|est modifié).*",
    rf"(?:El|Tu|Su) código de seguridad (?:de|con|para) {_NAME} (?:ha cambiado|cambió|se modificó).*",
    rf"(?:O seu|O teu|Seu|O) código de segurança (?:com|de|do|da) {_NAME} (?:mudou|foi alterado|foi mudado).*",
    rf"Il (?:tuo )?codice di sicurezza (?:con|di) {_NAME} (?:è|è stato) (?:cambiato|modificato).*",
    rf"(?:Je|Jouw|De|Uw) beveiligingscode (?:met|van|voor) {_NAME} (?:is|werd) (?:gewijzigd|veranderd).*",
    rf"(?:Ваш код|Твой код|Код) безопасности (?:с |со |контакта |пользователя )?{_NAME} (?:был )?измен.*",
    r"(?:Twój kod|Kod) (?:bezpieczeństwa|zabezpieczeń) (?:w rozmowie )?(?:z |ze |kontaktu |użytkownika )?"
    rf"{_NAME} (?:zmienił się|uległ zmianie|został zmieniony).*",
    r"Zmienił się (?:Twój )?kod (?:bezpieczeństwa|zabezpieczeń) (?:w (?:rozmowie|czacie) )?"
    rf"(?:z |ze |kontaktu |użytkownika )?{_NAME}(?:\. (?:Dotknij|Stuknij|Naciśnij).*)?",
    rf"{_NAME} ile (?:olan )?güvenlik kodunuz (?:değişti|değiştirildi).*",
    rf"{_NAME} (?:adlı )?(?:kişisinin|kişinin) güvenlik kodu (?:değişti|değiştirildi).*",
    rf"(?:Din säkerhetskod|Säkerhetskoden) (?:med|för) {_NAME} (?:har (?:ändrats|bytts)|ändrades).*",
    rf"(?:Din )?[Ss]ikker[hd]e[dt]skoden?(?: din)? (?:med|for|til) {_NAME} (?:er|har|blev|ble) .*",
    rf"Turvakoodi(?:si)? (?:käyttäjän |yhteyshenkilön )?{_NAME} (?:kanssa )?(?:on )?(?:muuttu|vaihtu).*",
    rf"(?:Váš b|Tvůj b|B)ezpečnostní kód (?:s |se |kontaktu )?{_NAME} se změnil.*",
    rf"Kode keamanan (?:Anda )?(?:dengan |untuk )?{_NAME} (?:telah )?berubah.*",
    rf"{_NAME}さんとの?セキュリティコード.*",
    rf"[您你][与和與] ?{_NAME} ?的安全.*",
    rf"{_NAME}님과의 보안 코드.*",
    rf"(?:تغير|تم تغيير) رمز الأمان (?:مع|الخاص بـ?) ?{_NAME}(?:\. .*)?",
)
_ENGLISH = (
    rf"{_NAME} (?:was|were) (?:added|removed|invited)(?: by {_OTHER})?",
    rf"{_NAME} (?:added|removed|invited) {_OTHER}",
    rf"{_NAME} made {_OTHER} (?:an|a group) admin",
    rf"{_NAME} joined (?:using|from|via|the|this) .*",
    rf"You (?:made|blocked|unblocked) {_NAME}(?: an admin)?",
    rf"(?:Only|Waiting for|Messages to|Missed (?:group )?(?:voice|video) call from) {_NAME}"
    r"(?: (?:can send|to accept|are now) .*)?",
    rf"{_NAME}['’]s (?:now|no longer) .*",
    rf"{_NAME} (?:left|joined|left the group)",
    rf"{_NAME} (?:created|changed|turned|pinned|deleted|reset|started|updated"
    r"|set|renamed|requested|is|approved|ended|allowed|accepted|made|now has|doesn['’]t have) .*",
    rf"(?P<one>You) (?:added|removed|invited) {_OTHER}",
)
_GERMAN = (
    rf"{_NAME} (?:hat|hast) {_OTHER} (?:hinzugefügt|entfernt|eingeladen)",
    rf"Du wurdest von {_NAME} (?:hinzugefügt|entfernt)",
    rf"{_NAME} wurde (?:von {_OTHER} )?(?:hinzugefügt|entfernt|eingeladen)",
    rf"{_NAME} ist (?:jetzt (?:ein )?Admin|kein Admin mehr|nicht mehr Admin)",
    rf"{_NAME} hat {_OTHER} (?:zum Admin gemacht|als Admin entlassen)",
    rf"{_NAME} hat zu {_OTHER} gewechselt(?:\. .*)?",
    rf"{_NAME} ist .*beigetreten",
    rf"{_NAME} hat (?:die|das|den|ihre|seine|eine|einen|diese[nrs]?|dieses|selbstlöschende|erweiterte|dich|deine"
    r"|Gruppe|Gruppenbild|Nachrichten) .*",
)
_FRENCH = (
    rf"Vous avez (?:ajouté|retiré|supprimé|invité) {_NAME}",
    rf"(?:Vous avez|(?P<two>.{{1,80}}?) a) nommé {_NAME} admin.*",
    rf"{_NAME} vous a (?:ajouté|retiré|supprimé)e?",
    rf"{_NAME} a été (?:ajouté|retiré|supprimé|invité)(?:\(?e\)?)?(?: par {_OTHER})?",
    rf"{_NAME} (?:a ajouté|a retiré|a supprimé) {_OTHER}",
    rf"{_NAME} (?:a quitté|a créé|a changé|a modifié|a rejoint|a (?:dés)?activé|a épinglé|a supprimé|a réinitialisé"
    r"|a mis à jour|utilise|est maintenant|est désormais|n['’]est plus).*",
)
_SPANISH = (
    rf"{_NAME} te (?:añadió|agregó|eliminó)",
    rf"(?:Añadiste|Agregaste|Eliminaste) a {_NAME}",
    rf"Ahora {_NAME} es .*",
    rf"Se (?:añadió|agregó|eliminó) a {_NAME}",
    rf"{_NAME} (?:añadió|agregó|eliminó|expulsó) a {_OTHER}",
    rf"{_NAME} (?:salió|salió del .*|se unió.*)",
    rf"{_NAME} (?:creó|cambió|(?:des)?activó|fijó|actualizó|restableció|ahora es|ya no es) .*",
)
_PORTUGUESE = (
    rf"(?:Você )?(?:[Aa]dicionou|[Rr]emoveu) {_NAME}",
    rf"{_NAME} (?:adicionou|removeu) {_OTHER}",
    rf"{_NAME} foi (?:adicionad|removid)[oa]",
    rf"{_NAME} (?:saiu|criou|mudou|alterou|entrou usando|(?:des)?ativou|fixou|atualizou|redefiniu).*",
    rf"{_NAME} (?:agora é|não é mais|já não é) .*",
)
_ITALIAN = (
    rf"Hai (?:aggiunto|rimosso) {_NAME}",
    rf"{_NAME} ti ha (?:aggiunto|rimosso)",
    rf"{_NAME} ha (?:aggiunto|rimosso) {_OTHER}",
    rf"{_NAME} è (?:stat[oa] (?:aggiunt|rimoss)[oa]|uscit[oa]|entrat[oa] .*|ora .*)",
    rf"{_NAME} ha (?:abbandonato|creato|cambiato|modificato|(?:dis)?attivato|fissato|aggiornato|reimpostato).*",
    rf"{_NAME} non è più .*",
    rf"Ora {_NAME} è .*",
)
_DUTCH = (
    rf"Je hebt {_NAME} (?:toegevoegd|verwijderd)",
    rf"{_NAME} heeft {_OTHER} (?:toegevoegd|verwijderd)",
    rf"{_NAME} is (?:toegevoegd|verwijderd|lid geworden.*|nu (?:een )?beheerder|geen beheerder meer)",
    rf"{_NAME} heeft (?:de|het|een|deze|dit|zijn|haar|hun|zijn/haar|verdwijnende|zelfverwijderende) .*",
    rf"{_NAME} neemt nu deel.*",
)
_POLISH = (
    rf"{_NAME} (?:dodał|usunął|usunęła){_A} (?:użytkownika |użytkowników )?{_OTHER}",
    rf"(?:Dodano|Usunięto) użytkownika {_NAME}",
    rf"{_NAME} (?:opuścił|utworzył|dołączył|zmienił|włączył|wyłączył|przypiął|zaktualizował|zresetował){_A} .*",
    rf"{_NAME} przypi(?:ął|ęła)(?:\(-ęła\)|\(ęła\)|/ęła)? .*",
    rf"{_NAME} (?:jest teraz|nie jest już|został|została|został\(a\)) .*",
)
_RUSSIAN = (
    rf"Вы (?:добавили|удалили) {_NAME}",
    rf"Вас (?:добавил|удалил){_RU} {_NAME}",
    rf"(?:Пользователь )?{_NAME} (?:вышел|вышла|вышел\(-ла\)|добавлен|добавлена|удал[её]н|удалена)(?: из .*)?",
    rf"{_NAME} (?:добавил|удалил){_RU} {_OTHER}",
    rf"{_NAME} (?:покинул|создал|изменил|сменил|включил|выключил|отключил|закрепил|обновил|сбросил){_RU} .*",
    rf"{_NAME} (?:присоединил(?:ся|ась|ся\(-ась\))|вступил{_RU}|теперь|больше не) .*",
    rf"{_NAME} покинул{_RU}",
)
_TURKISH = (
    rf"{_NAME}, {_OTHER} (?:kişisini|kişilerini) (?:ekledi|çıkardı)",
    rf"{_NAME} (?:bir mesaj .*|[\"“].{{1,100}}[\"”] grubunu oluşturdu)",
    rf"{_NAME} (?:kişisini|kişilerini) (?:eklediniz|çıkardınız|engellediniz)",
    rf"{_NAME},? (?:sizi (?:ekledi|çıkardı)|süreli .*|telefon .*|bu grubun .*|artık .*)",
    rf"{_NAME} (?:ayrıldı|katıldı|eklendi|grubu oluşturdu|gruptan ayrıldı|grup .*|bu grubun .*)",
)
_NORTHERN = (
    rf"{_NAME} (?:poistui|liittyi|lähti|loi ryhmän)(?: .*)?",
    rf"{_NAME} lisäsi (?:käyttäjän |käyttäjät )?{_OTHER}",
    rf"Du (?:lade till|tog bort) {_NAME}",
    rf"{_NAME} (?:lämnade|gick med|skapade|ändrade|(?:in)?aktiverade|bytte|fäste|forlod|forlot|oprettede|opprettet)"
    r"(?: .*)?",
    rf"{_NAME} är (?:nu|inte längre) .*",
    rf"{_NAME} (?:lade till|tog bort|tilføjede|la til|fjernede|fjernet) {_OTHER}",
    rf"{_NAME} (?:kilépett|csatlakozott|létrehozta)(?: .*)?",
    rf"{_NAME} (?:hozzáadta|eltávolította) {_OTHER}",
)
_EASTERN = (
    rf"{_NAME}님이 (?:{_OTHER}님을 )?(?:추가|나갔|초대|내보|참여|그룹|들어).*",
    rf"(?:أضاف|أزال) {_NAME}",
    rf"(?:غادر|انضم) {_NAME}",
    rf"{_NAME} (?:غادر|انضم|أنشأ|غيّر|غير)(?: .*)?",
    rf"{_NAME} (?:أضاف|أزال) {_OTHER}",
    rf"{_NAME} (?:הוסיף|הוסיפה|הסיר|הסירה) את {_OTHER}",
    rf"{_NAME} (?:עזב|עזבה|יצר|יצרה|הצטרף|הצטרפה)(?: .*)?",
    rf"{_NAME} (?:menambahkan|mengeluarkan) {_OTHER}",
    rf"{_NAME} (?:keluar|bergabung|membuat|mengubah|mengaktifkan|menonaktifkan)(?: .*)?",
    rf"{_NAME}さんが(?:{_OTHER}さんを)?(?:追加|退出|グループ).*",
    rf"{_NAME} ?(?:添加了|新增了|移除了) ?{_OTHER}",
    rf"{_NAME} ?(?:离开了|退出了|离开|已離開|創建了|创建了|建立了|加入了).*",
)
_LANGUAGES = (
    _SECURITY,
    _ENGLISH,
    _GERMAN,
    _FRENCH,
    _SPANISH,
    _PORTUGUESE,
    _ITALIAN,
    _DUTCH,
    _POLISH,
    _RUSSIAN,
    _TURKISH,
    _NORTHERN,
    _EASTERN,
)

# Of several that fit the first one whose names may be names.
NAMING = tuple(re.compile(f"^{pattern}\\.?$") for patterns in _LANGUAGES for pattern in patterns)
