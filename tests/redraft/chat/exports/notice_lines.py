"""Lines that WhatsApp writes into chats, and what people write every day, in the languages that most of them use.

In each line `{0}` is somebody who never writes, `{1}` somebody who does. `test_notice_lines` reads them.
"""

# ruff: noqa: RUF001
from __future__ import annotations

LINES = {
    "en": """
Your security code with {0} changed. Tap to learn more.|{0}'s security code changed. Tap to learn more.|
{0} changed their phone number to a new number. Tap to message or add the new number.|
{0} turned on disappearing messages. New messages will disappear from this chat 24 hours after they're sent, except when
kept. Tap to change.|{0} turned on advanced chat privacy. Learn more|{0} turned off advanced chat privacy.|
{0} joined using this group's invite link|{1} added {0}|{0} left|{1} removed {0}|{0} was added|You added {0}|
{0} changed the group description|{0} changed this group's icon|{0} pinned a message|{1} made {0} an admin|
{0} changed this group's settings to allow only admins to send messages to this group|{0} is a contact|
{0} requested to join.|{0} reset this group's invite link|{0} created group "Ohana"|You're now an admin
""",
    "de": """
Deine Sicherheitsnummer für {0} hat sich geändert. Tippe, um mehr zu erfahren.|
Die Sicherheitsnummer von {0} hat sich geändert. Tippe, um mehr zu erfahren.|
{0} hat ihre Telefonnummer zu einer neuen Nummer gewechselt. Tippe, um eine Nachricht zu schreiben oder die neue Nummer
hinzuzufügen.|{0} hat selbstlöschende Nachrichten aktiviert. Neue Nachrichten verschwinden 90 Tage nach dem Senden aus
diesem Chat, außer sie werden aufbewahrt. Tippe zum Ändern.|Du hast selbstlöschende Nachrichten aktiviert. Alle neuen
Nachrichten verschwinden 24 Stunden nach dem Senden aus diesem Chat, außer sie werden aufbewahrt. Tippe zum Ändern.|
{0} hat die Gruppe „Ohana“ erstellt|{1} hat {0} hinzugefügt|{0} hat die Gruppe verlassen|{0} wurde hinzugefügt|
{0} ist der Gruppe über den Einladungslink beigetreten|Neue Mitglieder können den Verlauf sehen|{0} ist jetzt Admin|
Diese Gruppe hat über 256 Mitglieder, daher können nur Admins die Gruppeneinstellungen bearbeiten.|
{0} hat das Gruppenbild geändert|{0} hat eine Nachricht angeheftet|{1} hat {0} entfernt|Du wurdest von {0} hinzugefügt|
{0} hat die erweiterte Chat-Privatsphäre aktiviert. Mehr erfahren
""",
    "fr": """
Votre code de sécurité avec {0} a changé. Appuyez pour en savoir plus.|Le code de sécurité de {0} a changé.|
{0} a changé de numéro de téléphone. Appuyez pour envoyer un message ou ajouter le nouveau numéro.|
{0} a activé les messages éphémères. Les nouveaux messages disparaîtront de cette discussion 24 heures après leur envoi,
sauf s'ils sont conservés. Appuyez pour modifier.|{0} a créé le groupe « Ohana »|{1} a ajouté {0}|
{0} a quitté le groupe|
{0} a rejoint le groupe en utilisant le lien d'invitation de ce groupe|{0} a été ajoutée par {1}|Vous avez ajouté {0}|
{0} a modifié la description du groupe|{0} a changé l'image du groupe|{0} a épinglé un message|{0} est maintenant admin|
{0} a supprimé l'image du groupe|{1} a retiré {0}|Vous avez nommé {0} admin du groupe
""",
    "es": """
El código de seguridad de {0} cambió. Toca para obtener más información.|Tu código de seguridad con {0} cambió.|
{0} cambió su número de teléfono a uno nuevo. Toca para enviar un mensaje o añadir el nuevo número.|
{0} activó los mensajes temporales. Los mensajes nuevos desaparecerán de este chat 24 horas después de enviados, excepto
si se conservan. Toca para cambiar esta opción.|{0} creó el grupo "Ohana"|{1} añadió a {0}|{0} salió del grupo|
{0} salió|
{0} se unió usando el enlace de invitación de este grupo|{0} cambió la descripción del grupo|{1} eliminó a {0}|
{0} cambió el ícono de este grupo|{0} fijó un mensaje|Se añadió a {0}|{0} ahora es administrador|Añadiste a {0}|
Ahora {0} es administrador del grupo
""",
    "pt": """
Seu código de segurança com {0} mudou. Toque para saber mais.|
O código de segurança de {0} mudou. Toque para saber mais.|
O seu código de segurança com {0} foi alterado. Toque para saber mais.|
{0} mudou seu número de telefone para um novo número. Toque para enviar uma mensagem ou adicionar o novo número.|
{0} ativou as mensagens temporárias. As novas mensagens desaparecerão desta conversa 24 horas após o envio, exceto se
forem mantidas. Toque para mudar.|{0} criou o grupo "Ohana"|{1} adicionou {0}|{0} saiu|{1} removeu {0}|
{0} entrou usando o link de convite deste grupo|{0} mudou a descrição do grupo|{0} mudou a imagem do grupo|
{0} fixou uma mensagem|{0} foi adicionada|Você adicionou {0}|{0} agora é admin do grupo
""",
    "it": """
Il tuo codice di sicurezza con {0} è cambiato. Tocca per saperne di più.|Il codice di sicurezza di {0} è cambiato.|
{0} ha cambiato numero di telefono. Tocca per inviare un messaggio o aggiungere il nuovo numero.|
{0} ha attivato i messaggi effimeri. I nuovi messaggi scompariranno da questa chat 24 ore dopo l'invio, a meno che non
vengano salvati. Tocca per modificare.|{0} ha creato il gruppo "Ohana"|{1} ha aggiunto {0}|{0} ha abbandonato|
{0} è entrata usando il link di invito di questo gruppo|{0} ha cambiato la descrizione del gruppo|{1} ha rimosso {0}|
{0} ha modificato l'immagine del gruppo|{0} ha fissato un messaggio|{0} è stata aggiunta|Hai aggiunto {0}|{0} è uscita|
Ora {0} è un amministratore
""",
    "nl": """
Je beveiligingscode met {0} is gewijzigd. Tik voor meer informatie.|De beveiligingscode van {0} is veranderd.|
{0} heeft haar telefoonnummer gewijzigd in een nieuw nummer. Tik om een bericht te sturen of het nieuwe nummer toe te
voegen.|{0} heeft zelfverwijderende berichten ingeschakeld. Nieuwe berichten verdwijnen 24 uur nadat ze zijn verzonden
uit deze chat, behalve als ze bewaard worden. Tik om te wijzigen.|{0} heeft de groep "Ohana" gemaakt|
{1} heeft {0} toegevoegd|{0} heeft de groep verlaten|{0} neemt nu deel via de uitnodigingslink van deze groep|
{0} heeft de groepsbeschrijving gewijzigd|{0} is toegevoegd|{1} heeft {0} verwijderd|Je hebt {0} toegevoegd|
{0} heeft de groepsafbeelding gewijzigd|{0} heeft een bericht vastgezet|{0} is nu beheerder
""",
    "pl": """
Twój kod bezpieczeństwa z {0} zmienił się. Dotknij, by dowiedzieć się więcej.|
Kod zabezpieczeń kontaktu {0} uległ zmianie.|
Zmienił się Twój kod bezpieczeństwa w rozmowie z {0}. Dotknij, aby dowiedzieć się więcej.|
{0} zmienił(a) swój numer telefonu na nowy. Dotknij, aby wysłać wiadomość lub dodać nowy numer.|
{0} włączył(a) znikające wiadomości. Nowe wiadomości znikną z tego czatu 24 godziny po wysłaniu, chyba że zostaną
zachowane. Dotknij, aby zmienić.|{0} utworzył(a) grupę "Ohana"|{1} dodał(a) użytkownika {0}|{0} opuścił(a) grupę|
{0} dołączył(a) poprzez link z zaproszeniem do tej grupy|{0} zmienił(a) opis grupy|{0} zmienił(a) ikonę grupy|
{0} przypiął(-ęła) wiadomość|Dodano użytkownika {0}|{0} jest teraz administratorem|{1} usunął(ęła) użytkownika {0}
""",
    "ru": """
Ваш код безопасности с {0} изменился. Нажмите, чтобы узнать больше.|Код безопасности {0} изменился.|
{0} изменил(а) свой номер телефона на новый. Нажмите, чтобы отправить сообщение или добавить новый номер.|
{0} включил(а) исчезающие сообщения. Новые сообщения будут исчезать из этого чата через 24 часа после отправки, кроме
случаев, когда они сохраняются. Нажмите, чтобы изменить.|{0} создал(а) группу "Ohana"|{1} добавил(а) {0}|
{0} покинул(а) группу|{0} присоединился(-ась) к группе по ссылке-приглашению|{0} изменил(а) описание группы|
{0} изменил(а) картинку группы|{0} закрепил(а) сообщение|Пользователь {0} добавлен|{1} удалил(а) {0}|Вы добавили {0}|
{0} теперь администратор
""",
    "tr": """
{0} ile güvenlik kodunuz değişti. Daha fazla bilgi edinmek için dokunun.|{0} kişisinin güvenlik kodu değişti.|
{0} telefon numarasını değiştirdi. Mesaj göndermek veya yeni numarayı eklemek için dokunun.|
{0} süreli mesajları açtı. Yeni mesajlar, saklanmadıkları sürece, gönderildikten 24 saat sonra bu sohbetten
kaybolacaktır.
Değiştirmek için dokunun.|{0} "Ohana" grubunu oluşturdu|{1}, {0} kişisini ekledi|{0} gruptan ayrıldı|{0} ayrıldı|
{0} bu grubun davet bağlantısını kullanarak katıldı|{0} grup açıklamasını değiştirdi|{0} bu grubun simgesini değiştirdi|
{0} bir mesaj sabitledi|{0} eklendi|{1}, {0} kişisini çıkardı|{0} artık yönetici|{0} kişisini eklediniz
""",
    "sv": """
Din säkerhetskod med {0} har ändrats. Tryck för att läsa mer.|Säkerhetskoden för {0} har ändrats.|
{0} bytte till ett nytt telefonnummer. Tryck för att skicka meddelande eller lägga till det nya numret.|
{0} aktiverade försvinnande meddelanden. Nya meddelanden försvinner från den här chatten 24 timmar efter att de
skickats, utom om de sparas. Tryck för att ändra.|{0} skapade gruppen "Ohana"|{1} lade till {0}|{0} lämnade gruppen|
{0} gick med via gruppens inbjudningslänk|{0} ändrade gruppens beskrivning|{0} ändrade gruppens bild|{1} tog bort {0}|
{0} fäste ett meddelande|{0} är nu administratör|Du lade till {0}
""",
}  # fmt: skip
EVERY_DAY = {
    "en": """
Learn more about privacy before you tap on it. Group dinner on Friday? Your new number is on the phone. Security code is
on the door. Messages disappear, Chat with you later. I changed the settings. New members get in touch with Admins.
The icon of the group left me cold. Contact me from Monday, advanced course, from now on. Only Info I got: Invite links!
""",
    "de": """
Ich brauche eine neue Nummer, in 3 Tagen ist Samstag. Neue Mitglieder? Alle kommen in 2 Stunden, kannst du mir das
Senden abnehmen? Ich will nichts ändern. Die Gruppe trifft sich nach dem Kino. Schick mir die nummer, 90 Tage noch. Der
Verlauf war gut, der Chat mit Mitgliedern auch. Nachrichten um acht! Das Telefon und die Sicherheit, Deine Nachricht
kam.
Zum Ändern ist Zeit, Tippe bitte leiser. Alle Stunden zählen. Der Link zum Bild mit der Einladung. Sie hat die Gruppe.
""",
    "fr": """
Je viens avec toi, Votre code est changé, la sécurité avant tout. Appuyez sur la porte. Le code de la porte, le numéro
et le téléphone. Les nouveaux messages disparaissent. Groupe de travail ? Vous avez raison. Avec plaisir, Une image de
toi. La description est bonne, ce soir ou demain, un lien pour le film. Code bon, Image jolie.
""",
    "es": """
Dame el código, toca la puerta, es por seguridad. El grupo sale con los niños. Tu número nuevo de teléfono. Los mensajes
de hoy. Cambió el tiempo. Toca a las ocho. Si te unes, usa el enlace, Información mañana. Su casa con jardín. Ahora no.
Código postal, Seguridad social, El Grupo de baile.
""",
    "pt": """
Vou com você, Seu carro, toque a campainha, o código. Toque aqui. O grupo saiu de casa com a mensagem. Novo número de
telefone para mim. As novas aulas, Mais tarde. Segurança em primeiro lugar, Código da porta. Com amor, seu amigo.
""",
    "it": """
Tocca a te, il tuo codice con la chiave. Il gruppo di amici, Con calma. Nuovi messaggi? La sicurezza di casa. Numero di
telefono, per favore. Codice fiscale. Una immagine di questa chat, Ora vengo. Ho creato un invito. Sei un
amministratore?
""",
    "nl": """
Ik ga met jou mee, met de fiets. Met wie? Je code is goed. Nieuwe berichten, Tik op de deur. Het nummer van de groep. De
afbeelding is mooi. Meer informatie volgt, Telefoon uit. Ik ben thuis, van harte, Groep vier. Ben je er al? Een bericht.
""",
    "pl": """
Twój kod, kod do drzwi. Dotknij tego. Numer telefonu nowy, Nowe wiadomości są. Grupa jest fajna, Z tobą idę. Zmienił się
plan, bezpieczeństwa nigdy dość. Link do tej grupy, Kod pocztowy. Wiadomość na jutro. Teraz nie, Opis dobry.
""",
    "ru": """
Ваш код, нажмите сюда, безопасности ради. Новый номер телефона. Группа едет с нами. Код от двери. Нажмите кнопку. Новые
сообщения есть. Сообщение на завтра, С тобой пойду. Теперь не надо, Номер дома. Ссылка на группу, Ваш дом.
""",
    "tr": """
Kodunuz ne? Güvenlik önemli, yeni numara bu. Daha fazla yok. Mesaj at, Grup için bir fikir. Telefon açık. Bu akşam ben
gelirim, Yeni mesajlar var. Artık yeter, sen nasılsın? Bilgi ver, Süreli iş. Davet için sağ ol.
""",
    "sv": """
Din kod är bra, jag går med dig. Med glädje. Tryck på dörren. Nya meddelanden, Ett nytt nummer. Gruppen lämnade huset.
Säkerhet först, Bild på dig. Den här veckan, Du är nu sen. Till imorgon. Meddelande kommer, Mer kaffe?
""",
}  # fmt: skip


def lines_of(language: str, silent: str, writer: str) -> list[str]:
    """The app's own lines with these names."""
    return [line.strip().format(silent, writer) for line in LINES[language].replace("\n", " ").split("|")]
