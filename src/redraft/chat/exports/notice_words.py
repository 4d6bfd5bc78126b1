"""The words of lines that WhatsApp, Telegram and Discord put into chats: whatever else stands in such a line is a name.

Neighbours: `notices` looks for names in those lines, `redraft.chat.privacy.replacing` keeps no line with other words.
"""

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
NOTICE_WORDS_FOLDED = frozenset(word.casefold() for word in NOTICE_WORDS)
