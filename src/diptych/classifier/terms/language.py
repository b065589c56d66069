"""Which language a text is in, roughly: by its script and its commonest small words."""

from __future__ import annotations

import re
from functools import cache

from diptych.classifier.terms.analyser import words

_TEXTS = {
    "en": "the of and to in is that for with was as by on are be this it from at which have has not",
    "de": "der die das und zu den mit von ist nicht ein eine auf für dem des auch als sich im wird",
    "fr": "le la les de des et du un une est dans pour que qui sur au avec pas plus par ne sont",
    "es": "el la los las de y que en un una por con para es se del al no como más su sus",
    "it": "il la le di e che un una per con non sono del della nel gli dei da si più come anche",
    "pt": "o a os as de e que em um uma para com não por do da dos das no na se mais como",
    "nl": "de het een en van in is dat op te zijn met voor niet aan er ook als bij naar door",
    "pl": "i w na z do że się nie jest o to przez dla po od jak ale są oraz tym",
    "tr": "ve bir bu için ile de da olarak olan daha çok gibi en ne ama kadar sonra",
}
SMALL_WORDS = {language: frozenset(text.split()) for language, text in _TEXTS.items()}
SAMPLE = 2000  # letters of a text that are looked at
_UKRAINIAN = frozenset("іїєґ")


def language_of(text: str) -> str:
    """Return an ISO 639-1 code, or `und` where the text gives no ground to tell.

    Examples
    --------
    >>> language_of("The price of oil is what the two are at odds about")
    'en'
    >>> language_of("Пекин и Москва"), language_of("俄罗斯和中国")
    ('ru', 'zh')
    >>> language_of("12 %")
    'und'
    """
    sample = text[:SAMPLE]
    script = _script(sample)
    if script != "latin":
        return script
    found = words(sample)
    hits = {language: sum(word in table for word in found) for language, table in SMALL_WORDS.items()}
    best = max(hits, key=lambda language: (hits[language], language == "en"))
    return best if hits[best] >= max(2, 0.08 * len(found)) or (hits[best] and len(found) < 8) else "und"


def is_latin(text: str) -> bool:
    """Whether no letter of a text speaks for another script than the Latin one.

    >>> is_latin("Pékin, 12 %"), is_latin("Пекин")
    (True, False)
    """
    return text.isascii() or _other().search(text) is None


@cache
def _other() -> re.Pattern[str]:
    """Letters of other scripts: see `_script`. Compiled when first asked for, as it takes longer than a sentence."""
    return re.compile("[\u0370-\u052f\u0590-\u077f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def _script(text: str) -> str:
    counts = dict.fromkeys(("latin", "ru", "zh", "ja", "ko", "ar", "he", "el"), 0)
    for letter in text:
        code = ord(letter)
        if code < 0x250:
            counts["latin"] += letter.isalpha()
        elif 0x370 <= code < 0x400:
            counts["el"] += 1
        elif 0x400 <= code < 0x530:
            counts["ru"] += 1
        elif 0x590 <= code < 0x600:
            counts["he"] += 1
        elif 0x600 <= code < 0x780:
            counts["ar"] += 1
        elif 0x3040 <= code < 0x3100:
            counts["ja"] += 3
        elif 0x3400 <= code < 0xA000:
            counts["zh"] += 2
        elif 0xAC00 <= code < 0xD7B0:
            counts["ko"] += 2
    best = max(counts, key=lambda script: counts[script])
    if counts[best] == 0:
        return "und"
    if best == "zh" and counts["ja"] > 0.1 * counts["zh"]:
        return "ja"
    if best == "ru" and any(letter in _UKRAINIAN for letter in text.casefold()):
        return "uk"
    return best
