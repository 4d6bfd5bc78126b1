"""The words of lines that WhatsApp, Telegram and Discord put into chats: whatever else stands in such a line is a name.

Neighbours: `notices` looks for names in those lines, `redraft.chat.privacy.replacing` keeps no line with other words.
"""

# ruff: noqa: RUF001
from __future__ import annotations

import re

from redraft.chat.exports import kind_words

_ENGLISH = """
Messages and calls are end-to-end encrypted. No one outside of this chat, not even WhatsApp, can read or listen to them.
Tap to learn more. Only people in this chat can read, listen to, or share them. Messages to this group are now secured
with end-to-end encryption. Messages to this chat and calls are now secured. Messages you send to this chat are secured.
You created this group. You created group. You were added. You added. You removed. You left. You joined using a group
link via an invite link from the community. You changed the subject from to. You changed this group's icon. You changed
the group description. You deleted this group's icon. You changed the group name. You are now an admin. You're now an
admin. You're no longer an admin. You made an admin. You blocked this contact. You unblocked this contact. Tap to
unblock. You turned on disappearing messages. You turned off disappearing messages. All new messages will disappear from
this chat hours days after they're sent. You updated the message timer. New messages will disappear. The message timer
was updated. Your security code with changed. All security codes. You pinned a message. You reset this group's invite
link. Tap to see it. Tap to change. Tap to message or add the new number. Tap to call back. Tap for more info.
created group was added has is in your contacts is a contact left joined added removed invited changed their phone
number to a new number they the settings so that only admins can edit all members of this group's info reset pinned
allowed approve new participants requested to join accept accepted your invitation and the your group icon picture photo
cover started a call ended a video voice call on off to at by with from for who not
deleted this message as admin Only admins can send messages no longer an
This business uses a secure service from Meta to manage this chat. This chat is with a business account. This message
was deleted by admin. You deleted this message as admin. You received a view once message. Waiting for this message.
This may take a while. Missed voice call. Missed video call. Missed group voice call. Silenced voice call. No answer
Voice call. Video call. Voice chat started joined hour min mins minutes sec secs second seconds hr hrs m s h ongoing
declined busy on other device cancelled canceled is not on a contact anymore encryption learn
invite members remove members edit group title edit group photo delete group photo create group channel migrate from to
supergroup pin message score in game phone call group call join group by link request boost apply set chat theme
messages ttl topic created edit suggest profile photo
Added Removed to the group. Added a recipient. Removed a recipient. Left the group. Changed the channel icon. Pinned a
message. Started a thread. Joined the server. Changed the channel name. Started a call that lasted minutes minute.
"""
_GERMAN = """
Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt. Niemand außerhalb dieses Chats kann sie lesen oder anhören,
nicht einmal WhatsApp. Tippe, um mehr zu erfahren. Nur Personen in diesem Chat können sie lesen, anhören oder teilen.
Du hast die Gruppe erstellt. hat die Gruppe erstellt. wurde hinzugefügt. hat hinzugefügt entfernt. hat die Gruppe
verlassen. ist der Gruppe beigetreten. über den Einladungslink. Du wurdest hinzugefügt. Du hast den Betreff geändert
von zu in. hat das Gruppenbild den Gruppennamen die Gruppenbeschreibung geändert gelöscht. Deine Sicherheitsnummer für
hat sich geändert. Du bist jetzt Admin. Du bist kein Admin mehr. ist jetzt Admin. zum Admin gemacht
"""
# Words of further lines and languages, which `notices` takes for nobody's name. No line stays for these.
_MORE = """
tout monde todos todas tutti tutte iedereen wszyscy wszystkich wszystkie всеми все herkes alla
except when allow utilisant modifié modifiée do adicionada adicionado removida removido entrata aggiunta aggiunto
uscita uscito toe voegen w zaproszeniem tej dodano usunięto они к группе добавлен добавлена удалён добавили удалили
bir numret ändrade gick stängde slog ett tillagd borttagen lagts tagits nytt verlauf ajoutée ajoutés ajoutées retirée
supprimée nommée ayant uma mensagem ora przypiął wiadomość gruppens administrador создал grubunu gruppbild
groepsbeschrijving groepsafbeelding deel neemt unsere advanced chat privacy learn more phone number currently chatting
you re add it contacts community announcement announcements announced members admins settings history hidden visible
invited official channel event events poll polls unpinned expired safety tools business businesses messages new photos
keep kept unkept default disappear updates update meta whatsapp status secret code codes locked report reported
scheduled allowed turned their them everyone anyone alle neuen nachrichten verschwinden stunden stunde tage tagen
wochen monate nach dem senden aus ausser sie werden aufbewahrt zum ändern selbstlöschende selbstlöschenden aktiviert
deaktiviert hat ihre seine telefonnummer einer nummer gewechselt eine nachricht schreiben oder neue hinzuzufügen
mitglieder mitglied können den sehen diese dieser dieses über daher gruppeneinstellungen bearbeiten dauer timer
aktualisiert gruppeneinladungslink zurückgesetzt einladung angenommen anfrage anfragen beitritt beizutreten genehmigt
genehmigung gruppeninfo gruppenname beschreibung name bild ankündigungen ankündigungsgruppe unternehmen
unternehmenskonto nutzt verwendet sicheren dienst verwalten erweiterten erweiterte datenschutz privatsphäre kontakt
kontakte kontakten blockiert entsperrt freigegeben angeheftet angepinnt losgelöst anruf anrufe gestartet beendet
teilnehmen teilnehmer administrator administratoren erlaubt erlauben dürfen anpassen erfahren link qr jeder jede
niemand standard eingeladen einstellungen info infos option optionen umfrage veranstaltung termin gruppenanruf
gruppenmitglieder gruppenadmin gruppenadmins sicherheitsnummern minute minuten sekunden automatisch gelöscht deiner
deinen deinem einmal dein deine sein ihr mehr weitere tippen wenn wird votre vos le la les un une des du de avec
sécurité a changé appuyez pour en savoir plus éphémères activé désactivé nouveaux disparaîtront cette discussion
heures jours après leur envoi sauf s ils sont conservés modifier numéro téléphone envoyer message ou ajouter nouveau
ajouté retiré supprimé quitté créé groupe rejoint utilise durée par défaut vous avez nommé admin administrateur
administrateurs est maintenant désormais image icône description sujet nom paramètres lien d invitation invité appels
chiffrés bout personne n ne peut hors lire écouter épinglé réinitialisé approuvé demandé accepté appel vocal vidéo
manqué membres communauté compte professionnel contact bloqué débloqué confidentialité avancée ce cet sa son ses el
los las una del con código seguridad ha cambió cambiado toca para obtener más información activó desactivó mensajes
temporales nuevos desaparecerán este horas días después enviados excepto si se conservan cambiar esta opción número
teléfono uno nuevo enviar mensaje o añadir agregar añadió agregó eliminó salió grupo creó unió usando enlace
invitación tu su sus administradora ahora ya no es eres imagen ícono icono descripción asunto nombre ajustes
configuración llamada llamadas perdida voz video cifrados extremo nadie fuera puede leerlos escucharlos fijó
restableció aceptó solicitó aprobó miembros comunidad cuenta empresa contacto contactos bloqueó bloqueaste
desbloqueaste privacidad avanzada añadiste agregaste eliminaste creaste saliste cambiaste fue seu sua seus os as com
segurança mudou toque saber mais ativou desativou mensagens temporárias novas novos desaparecerão desta conversa dias
após envio exceto forem mantidas mudar telefone um novo adicionar adicionou removeu saiu criou entrou convite você
agora é não foi alterado alterou alterar imagem ícone descrição assunto nome configurações definições chamada chamadas
ligação ligações vídeo ponta criptografia fora dessa desse deste ninguém pode lê ouvi fixou redefiniu aceitou
solicitou aprovou membros comunidade conta comercial contato contatos bloqueou desbloqueou privacidade avançada il tuo
tua tuoi codice sicurezza è cambiato tocca per saperne di più attivato disattivato messaggi effimeri nuovi
scompariranno da questa ore giorni dopo l invio meno che non vengano salvati modificare modificato numero telefono
inviare messaggio aggiungere nuovo rimosso abbandonato creato gruppo entrato usato invito sei amministratore
amministratori stato stata immagine icona descrizione oggetto impostazioni chiamata chiamate persa vocale
videochiamata crittografia nessuno al fuori può leggerli ascoltarli fissato reimpostato accettato richiesto approvato
membri account contatto contatti bloccato sbloccato avanzata questo hai je jouw uw het een met van beveiligingscode is
gewijzigd veranderd tik voor meer informatie heeft verdwijnende zelfverwijderende berichten ingeschakeld uitgeschakeld
aangezet uitgezet nieuwe verdwijnen uur dagen nadat ze zijn verzonden uit deze dit behalve als bewaard worden om te
wijzigen telefoonnummer haar hun nieuw bericht sturen of toevoegen toegevoegd verwijderd verlaten gemaakt groep
deelgenomen via uitnodigingslink nu geen beheerder beheerders afbeelding pictogram beschrijving onderwerp naam
instellingen gemiste spraakoproep oproep versleuteld buiten kan lezen beluisteren vastgemaakt vastgezet opnieuw
ingesteld geaccepteerd goedgekeurd gevraagd leden lid zakelijk contacten geblokkeerd gedeblokkeerd geavanceerde
chatprivacy hebt bent gebruikt werd twój twoje kod bezpieczeństwa zabezpieczeń z zmienił zmieniła się dotknij aby by
dowiedzieć więcej włączył włączyła wyłączył wyłączyła znikające znikających wiadomości nowe znikną tego czatu godzin
godziny dni po wysłaniu chyba że zostaną zachowane zmienić swój numer telefonu na nowy wysłać lub dodać dodał dodała
usunął usunęła opuścił opuściła grupę grupy grupa utworzył utworzyła dołączył dołączyła używając poprzez linku
zaproszenia użytkownika użytkowników użytkownik jest teraz nie już administratorem został została dodany dodana
usunięty usunięta obraz ikonę opis temat nazwę ustawienia nieodebrane połączenie głosowe wideo szyfrowane nikt spoza
może ich przeczytać odsłuchać przypięła zresetował zaakceptował zatwierdził poprosił członkowie społeczność konto
firmowe kontaktu kontaktów zablokował odblokował zaawansowana prywatność tym ten ta ty uległ zmianie rozmowie czacie
ваш ваши вы код безопасности с со изменился изменён изменен нажмите чтобы узнать больше подробнее включил включила
выключил выключила отключил отключила исчезающие сообщения новые будут исчезать из этого чата через часа часов дней
после отправки кроме случаев когда сохраняются изменить изменил изменила сменил сменила свой номер телефона на новый
отправить сообщение или добавить добавил добавила удалил удалила покинул покинула вышел вышла группу группы группа
создала присоединился присоединилась по используя ссылке ссылку приглашению приглашение пользователь пользователя
теперь не администратор администратором админ картинку иконку значок описание тему название настройки пропущенный
аудиозвонок видеозвонок звонок сквозным шифрованием защищены никто вне может прочитать прослушать закрепил закрепила
сбросил обновил принял запросил одобрил участники участник сообщество бизнес аккаунт контакт контакты заблокировал
разблокировал расширенная конфиденциальность этот эта эту это вас был была ile güvenlik kodunuz kodu değişti
değiştirildi daha fazla bilgi edinmek için dokunun süreli kaybolan mesajları mesajlar mesaj açtı kapattı yeni
gönderildikten saat gün sonra bu sohbetten sohbet kaybolacaktır kaybolacak saklanmadıkları sürece değiştirmek telefon
numarasını numara numarayı göndermek veya eklemek ekledi çıkardı ayrıldı katıldı gruptan grup grubu gruba oluşturdu
davet bağlantısını bağlantısı kullanarak aracılığıyla kişisini kişilerini kişisinin artık yönetici değil siz sizi
resmini simgesini açıklamasını konusunu adını ayarlarını cevapsız sesli görüntülü arama uçtan uca şifreli
şifrelenmiştir kimse dışındaki okuyamaz dinleyemez sabitledi sıfırladı kabul etti onayladı istedi üyeler topluluk
işletme hesabı kişi kişiler engelledi gelişmiş gizliliği değiştirdi güncelledi eklendi eklediniz çıkardınız din
säkerhetskod säkerhetskoden med för har ändrats ändrades tryck att läsa mer aktiverade inaktiverade försvinnande
meddelanden nya försvinner från chatten här timmar dagar efter skickats utom sparas ändra till bytte skicka meddelande
eller lägga lade tog bort lämnade gruppen grupp skapade länk inbjudningslänk är inte längre administratör ikon
beskrivning ämne namn inställningar missat röstsamtal videosamtal krypterade ingen utanför lyssna på fäste återställde
godkände medlemmar företag kontakter blockerade avancerad chattintegritet använder startade uppdaterade sikkerhedskode
sikkerhedskoden sikkerhetskode sikkerhetskoden er ændret endret tryk trykk turvakoodi turvakoodisi käyttäjän kanssa
muuttunut muuttui napauta lisätietoja ryhmän ryhmästä bezpečnostní kód změnil klepnutím další informace skupinu
skupiny biztonsági kódod csoport kode keamanan anda dengan telah berubah ketuk untuk mempelajari selengkapnya pesan
sementara diaktifkan mengaktifkan menonaktifkan baru akan menghilang dari ini jam hari setelah dikirim kecuali
disimpan mengubah nomor telepon keluar bergabung menambahkan mengeluarkan menggunakan tautan undangan
"""
_NOBODY = """
you your i me ich mich du dich sie vous moi toi je tú tu usted yo tí você vocês eu io lui lei ik jij jou u вы вас вам
ты я мне siz sizi sizin sen seni あなた 自分 您 你 我 أنت أنا 당신 나 sinä sinut dig dej jag te ti ciebie ja wy anda
kamu saya אתה אני εγώ εσύ
"""
_OTHERS = "\n".join(
    (
        *kind_words.CALLS,
        *kind_words.DELETED,
        *kind_words.PLACEHOLDERS,
        *kind_words.VIEW_ONCE,
        *kind_words.LIVE_LOCATIONS,
    )
)
_WORD = re.compile(r"[^\W\d_]+")

# With the capitals that they have there; a name that is one of them has others.
NOTICE_WORDS = frozenset(_WORD.findall(f"{_ENGLISH} {_GERMAN} {_OTHERS}"))
# Names that are words of such lines, too.
_NAMES_TOO = frozenset(("will", "can", "per", "hari", "om", "din"))
LINE_WORDS = frozenset(map(str.casefold, (*NOTICE_WORDS, *_WORD.findall(_MORE)))) - _NAMES_TOO
# Whom a line is told to, and who says I: the name of nobody, whatever apps put before messages.
NOBODY = frozenset(_NOBODY.split())
