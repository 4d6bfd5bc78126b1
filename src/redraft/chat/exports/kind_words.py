"""What WhatsApp writes in the place of pictures, calls, polls and deleted messages, in the languages of its users.

Neighbour: `kinds` compares with these. All are without their final full stop; those of media stand in angle brackets on
Android.
"""

# ruff: noqa: RUF001
from __future__ import annotations

MEDIA_OMITTED = (
    "Media omitted", "image omitted", "video omitted", "audio omitted", "sticker omitted", "GIF omitted",
    "document omitted", "video note omitted", "Video message omitted", "voice message omitted",
    "Medien ausgeschlossen", "Medien weggelassen", "Bild weggelassen", "Video weggelassen", "Audio weggelassen",
    "Sticker weggelassen", "GIF weggelassen", "Dokument weggelassen", "Videonachricht weggelassen",
    "Multimedia omitido", "Archivo omitido", "imagen omitida", "Video omitido", "audio omitido", "sticker omitido",
    "GIF omitido", "documento omitido", "Se omitió la imagen", "Médias omis", "Fichier omis", "Médias exclus",
    "image absente", "vidéo absente", "audio omis", "image omise", "vidéo omise", "sticker omis", "GIF retiré",
    "document manquant", "Mídia oculta", "Arquivo de mídia oculto", "Ficheiro não revelado", "imagem ocultada",
    "vídeo omitido", "áudio ocultado", "figurinha omitida", "documento omitido", "Media omessi", "Media omesso",
    "immagine omessa", "video omesso", "audio omesso", "sticker non incluso", "GIF esclusa", "documento omesso",
    "Media weggelaten", "afbeelding weggelaten", "video weggelaten", "audio weggelaten", "sticker weggelaten",
    "document weggelaten", "メディアは含まれていません", "メディアなし", "画像は含まれていません",
    "動画は含まれていません", "音声は含まれていません", "ステッカーは含まれていません", "省略多媒体文件",
    "图像已忽略", "视频已忽略", "音频已忽略", "贴图已忽略", "媒體已略去", "忽略多媒體檔", "圖片已略去", "影片已略去",
    "미디어 파일을 제외했습니다", "사진 생략됨", "동영상 생략됨", "이미지 생략", "Без медиафайлов",
    "изображение отсутствует", "видео отсутствует", "аудиофайл отсутствует", "стикер отсутствует",
    "Medya dahil edilmedi", "Medya atlandı", "görüntü dahil edilmedi", "video dahil edilmedi", "ses dahil edilmedi",
    "تم استبعاد الوسائط", "تم حذف الصورة", "الصورة محذوفة", "الفيديو محذوف", "الملصق محذوف", "تم استبعاد الصورة",
    "pominięto multimedia", "Pominięto media", "pominięto obraz", "Média vynechány", "Média byla vynechána",
    "Media har utelämnats", "Mediet udeladt", "Media jätettiin pois", "Medier utelatt", "המדיה לא נכללה",
    "Media tidak disertakan", "मीडिया के बिना", "Без медіафайлів", "Τα πολυμέσα παραλήφθηκαν",
)  # fmt: skip
# Those of them behind the name of a document.
DOCUMENTS = (
    "document omitted", "Dokument weggelassen", "documento omitido", "document manquant", "documento omesso",
    "document weggelaten", "dokument pominięty", "документ отсутствует", "文档已忽略", "文件已略去",
    "belge dahil edilmedi",
)  # fmt: skip
CONTACTS = (
    "Contact card omitted", "Kontaktkarte ausgelassen", "Tarjeta de contacto omitida", "Fiche contact omise",
    "Cartão do contato omitido", "Scheda contatto omessa", "Visitekaartje weggelaten",
    "連絡先カードは含まれていません", "联系人名片已忽略", "Контакт отсутствует",
)  # fmt: skip
DELETED = (
    "This message was deleted", "You deleted this message", "Diese Nachricht wurde gelöscht",
    "Du hast diese Nachricht gelöscht", "Se eliminó este mensaje", "Este mensaje fue eliminado",
    "Eliminaste este mensaje", "Ce message a été supprimé", "Vous avez supprimé ce message", "Mensagem apagada",
    "Essa mensagem foi apagada", "Esta mensagem foi apagada", "Você apagou essa mensagem",
    "Você apagou esta mensagem", "Esta mensagem foi eliminada", "Eliminou esta mensagem",
    "Questo messaggio è stato eliminato", "Hai eliminato questo messaggio", "Dit bericht is verwijderd",
    "U hebt dit bericht verwijderd", "Je hebt dit bericht verwijderd", "Данное сообщение удалено",
    "Это сообщение было удалено", "Вы удалили данное сообщение", "Вы удалили это сообщение", "Bu mesaj silindi",
    "Bu mesajı sildiniz", "このメッセージは削除されました", "このメッセージを削除しました", "此消息已删除",
    "您已删除此消息", "你删除了此消息", "此訊息已刪除", "你已刪除此訊息", "您已刪除此訊息", "삭제된 메시지입니다",
    "이 메시지를 삭제했습니다", "تم حذف هذه الرسالة", "لقد حذفت هذه الرسالة", "Wiadomość usunięta",
    "Ta wiadomość została usunięta", "Usunięto tę wiadomość", "Tato zpráva byla odstraněna",
    "Det här meddelandet raderades", "Tämä viesti poistettiin", "Pesan ini dihapus", "Anda menghapus pesan ini",
    "यह मैसेज मिटा दिया गया है", "הודעה זו נמחקה", "Це повідомлення видалено",
)  # fmt: skip
# What the names of administrators stand behind, or in.
DELETED_BY = (
    "This message was deleted by ", "You deleted this message as ", "Diese Nachricht wurde von ",
    "Diese Nachricht wurde vom ", "Ce message a été supprimé par ", "Se eliminó este mensaje por ",
    "Este mensaje fue eliminado por ", "Un admin. eliminó este mensaje", "Mensagem apagada por ",
    "Mensagem apagada pelo ", "Esta mensagem foi apagada por ", "Esta mensagem foi apagada pelo ",
    "Esta mensagem foi eliminada por ", "Questo messaggio è stato eliminato da", "Dit bericht is verwijderd door ",
    "Это сообщение было удалено ", "Данное сообщение удалено ", "Ta wiadomość została usunięta przez ",
)  # fmt: skip
PLACEHOLDERS = (
    "Waiting for this message. This may take a while", "Waiting for this message",
    "Auf diese Nachricht wird gewartet. Dies kann einen Moment dauern",
    "Esperando el mensaje. Esto puede tomar tiempo", "En attente de ce message. Ceci peut prendre un moment",
    "Aguardando mensagem. Essa ação pode levar alguns instantes",
    "In attesa del messaggio. Potrebbe volerci un po' di tempo", "Wachten op dit bericht. Dit kan even duren",
)  # fmt: skip
VIEW_ONCE = (
    "View once message omitted", "View once photo omitted", "View once video omitted",
    "View once voice message omitted", "Einmalansicht weggelassen", "Einmaliges Foto weggelassen",
    "Mensaje de una sola vista omitido",
    "You received a view once message. For added privacy, you can only open it on your phone",
)  # fmt: skip
LIVE_LOCATIONS = (
    "live location shared", "Live-Standort wird geteilt", "ubicación en tiempo real compartida",
    "localisation en direct partagée", "localização em tempo real compartilhada",
    "posizione in tempo reale condivisa", "live locatie gedeeld",
)  # fmt: skip
CALLS = (
    "Missed voice call", "Missed video call", "Missed group voice call", "Missed group video call",
    "Verpasster Sprachanruf", "Verpasster Videoanruf", "Sprachanruf in Abwesenheit", "Videoanruf in Abwesenheit",
    "Llamada perdida", "Videollamada perdida", "Llamada de voz perdida", "Appel vocal manqué", "Appel vidéo manqué",
    "Chamada de voz perdida", "Chamada de vídeo perdida", "Ligação de voz perdida", "Ligação de vídeo perdida",
    "Chiamata persa", "Chiamata vocale persa", "Videochiamata persa", "Gemiste spraakoproep", "Gemiste video-oproep",
    "Пропущенный аудиозвонок", "Пропущенный видеозвонок", "Cevapsız sesli arama", "Cevapsız görüntülü arama",
    "不在着信", "ビデオ通話の不在着信", "未接语音通话", "未接视频通话", "未接語音來電", "未接視訊來電",
    "부재중 음성 통화", "부재중 영상 통화", "مكالمة صوتية فائتة", "مكالمة فيديو فائتة",
)  # fmt: skip
EDITED = (
    "This message was edited", "Diese Nachricht wurde bearbeitet", "Se editó este mensaje",
    "Este mensaje fue editado", "Ce message a été modifié", "Mensagem editada", "Esta mensagem foi editada",
    "Questo messaggio è stato modificato", "Dit bericht is bewerkt", "Данное сообщение изменено",
    "Это сообщение было изменено", "Bu mesaj düzenlendi", "このメッセージは編集されました", "此消息已编辑",
    "此訊息已編輯", "이 메시지가 수정되었습니다", "تم تعديل هذه الرسالة",
)  # fmt: skip
# Behind the name of a file, in round brackets.
ATTACHED = (
    "file attached", "Datei angehängt", "archivo adjunto", "fichier joint", "arquivo anexado", "ficheiro anexado",
    "file allegato", "bestand bijgevoegd", "файл добавлен", "dosya ekli", "ファイル添付", "添付ファイル", "文件附件",
    "附件", "檔案附件", "附加檔案", "파일 첨부됨", "첨부 파일", "ملف مرفق", "الملف مرفق", "plik dołączony",
    "załączono plik", "soubor byl přiložen", "bifogad fil", "liitetiedosto", "file terlampir", "fil vedlagt",
    "vedhæftet fil",
)  # fmt: skip
# Before the name of a file, in angle brackets.
ATTACHMENTS = (
    "attached", "Anhang", "adjunto", "pièce jointe", "anexado", "anexo", "allegato", "bijlage", "bijgevoegd",
    "прикреплено", "вложение", "eklendi", "ek", "添付ファイル", "附件", "첨부", "مرفق", "załączono", "přiloženo",
    "bifogad",
)  # fmt: skip
LOCATIONS = (
    "location", "Standort", "ubicación", "localisation", "localização", "posizione", "locatie", "местоположение",
    "konum", "位置情報", "位置", "위치", "الموقع", "lokalizacja", "poloha", "plats", "sijainti", "lokasi",
)  # fmt: skip
# What a poll begins with, and each of its choices.
POLLS = (
    ("POLL", "OPTION"), ("UMFRAGE", "OPTION"), ("ENCUESTA", "OPCIÓN"), ("SONDAGE", "OPTION"), ("SONDAGE", "CHOIX"),
    ("ENQUETE", "OPÇÃO"), ("SONDAGGIO", "OPZIONE"), ("PEILING", "OPTIE"), ("ОПРОС", "ВАРИАНТ"), ("ANKET", "SEÇENEK"),
    ("アンケート", "オプション"), ("投票", "选项"), ("投票", "選項"), ("투표", "옵션"), ("استطلاع", "خيار"),
)  # fmt: skip
