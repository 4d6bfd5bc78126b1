"""Signs that an answer speaks to its judge: phrases, reserved marks, characters that nobody sees.

Nothing here changes a verdict. Neighbours: `detectors` has the words of a text, `scans` asks of each answer once.
"""

from __future__ import annotations

import re

import msgspec

from redraft.judging.detectors import normalised, words
from redraft.judging.material import ANSWER_LIMIT, neutralise


def _of(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WHICH = r"(?:answer|response|assistant|output|model|candidate|option)"
_OBJECTS = _of("answer response assistant output model candidate option me")
_BEST = _of("better best superior winner stronger")


class _Phrase(msgspec.Struct, frozen=True):
    """What an answer to a user has no reason to say, and one to a judge has.

    The pattern is only searched where a text has one word at least of each of `needed`; its bounded gaps keep the
    search linear. A `common` one stands in everyday help, too ("choose option 2", "model A is better"): it is a
    sign only beside another one, or where its sentence speaks of judging or of the answer itself.
    """

    name: str
    needed: tuple[frozenset[str], ...]
    pattern: re.Pattern[str]
    common: bool = False


_PHRASES = (
    _Phrase(
        "ignore_instructions",
        (
            _of("ignore disregard forget override"),
            _of("above previous prior preceding earlier foregoing"),
        ),
        re.compile(
            r"(?:ignore|disregard|forget|override)\b[^.\n]{0,30}\b(?:above|previous|prior|preceding|earlier|foregoing)"
            r"\b[^.\n]{0,30}\b"
            r"(?:instructions?|prompts?|rules|criteria|text|tasks?|model outputs?|answers?|responses?)\b"
        ),
    ),
    _Phrase(
        "addresses_judge",
        (
            _of("judge judges evaluator evaluators grader graders rater raters annotator annotators"),
            _of("dear attention note instruction instructions message hello hi"),
        ),
        re.compile(
            r"\b(?:dear|attention|note (?:to|for)|instructions? (?:to|for)|message (?:to|for)|hello|hi)[ ,:]+"
            r"(?:the |all )?(?:llm[- ])?(?:judges?|evaluators?|graders?|raters?|annotators?)\b"
        ),
    ),
    _Phrase(
        "asks_for_verdict",
        (_of("choose pick select prefer favor favour rank vote declare judge"), _OBJECTS),
        re.compile(
            r"\b(?:choose|pick|select|prefer|favou?r|rank|vote for|declare|judge)\b[^.\n]{0,20}\b"
            rf"(?:(?:this|my) {_WHICH}\b|{_WHICH}[ _-]?(?:[12ab]|one|two)\b"
            r"|me\b[^.\n]{0,20}\b(?:winner|best|better|first))"
        ),
        common=True,
    ),
    _Phrase(
        "asks_for_score",
        (
            _of("give award assign rate score grade"),
            _of("10 ten 100 full highest maximum top perfect"),
        ),
        re.compile(
            r"\b(?:give|award|assign|rate|score|grade)\b[^.\n]{0,25}\b(?:this|my|me|it)\b[^.\n]{0,30}"
            r"\b(?:10|ten|100|full|highest|maximum|top|perfect)\b[^.\n]{0,12}\b"
            r"(?:scores?|marks?|rating|points|out of|grade)\b"
            r"|\b(?:rate|score|grade)\b[^.\n]{0,20}\b(?:10 ?/ ?10|10 out of 10|100 ?/ ?100)"
        ),
    ),
    _Phrase(
        "verdict_stated",
        (_BEST, _OBJECTS),
        re.compile(
            rf"\b{_WHICH}[ _-]?(?:[12ab]|one|two) (?:is|was) (?:clearly |much |slightly |far )?(?:the )?"
            r"(?:better|best|superior|winner|stronger)\b"
        ),
        common=True,
    ),
    _Phrase(
        "template_closed",
        (_of("outputs output identifier model_identifier assistant answer response"),),
        re.compile(
            r"## ?model outputs?\b|\"model_identifier\"|\bunordered outputs from the models\b"
            r"|\[the (?:start|end) of assistant|</?(?:answer|response)_[12ab]>"
        ),
    ),
)
# What a common phrase is about where it is meant for a judge: judging, or the answer that it stands in.
_OF_ITSELF = re.compile(r"\b(?:(?:this|my) (?:answer|response)|me\b[^.]{0,20}\b(?:winner|best|better|first))\b")
_OF_JUDGING = re.compile(
    r"\b(?:judg(?:es?|ing|e?ment)|evaluators?|graders?|raters?|annotators?|verdict|winner|rubric"
    r"|(?:other|better|worse|both|two|winning) (?:answers?|responses?|assistants?|candidates?))\b"
)
# Phrases about answers: two different ones of them are two signs. Models, options and outputs are everyday things.
_OF_ANSWERS = re.compile(r"\b(?:answer|response|assistant|candidate)\b")
_SENTENCE_ENDS = re.compile(r"[.!?;](?= |$)")
# How far beside a phrase its sentence is looked at.
_AROUND = 200
# The words that `signs` asks for.
PHRASE_WORDS = frozenset[str]().union(*(needed for phrase in _PHRASES for needed in phrase.needed))
# Characters that nobody sees and that can carry a message; so many of them are one. Marks of direction and soft hyphens
# carry none, and where words are divided by a space of no width (Thai, Lao, Burmese, Khmer) that is one of them.
_CARRIERS = re.compile("[\u200b\u2060-\u2064\ufeff\U000e0000-\U000e0fff]")
_DIVIDED_UNSEEN = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_HIDDEN_MESSAGE = 20
# What every reserved sequence of `material` holds one of.
_RESERVED_HINTS = ("<", "[", ">>>", "===")


def judge_directed(text: str) -> dict[str, int]:
    """What in a text speaks to a judge or plays its form: name of the sign → how often.

    The reserved sequences of `material` (chat tokens, boundaries, verdict markers), and phrases. Looks at as much of
    a text as a judge is shown.
    """
    shown = text[:ANSWER_LIMIT]
    plain = normalised(shown)
    return signs(shown, plain, words(plain))


def signs(shown: str, plain: str, found: frozenset[str]) -> dict[str, int]:
    """As `judge_directed`, for a text whose `normalised` form is known, and which of PHRASE_WORDS are among its
    `words`; more words in `found` change nothing."""
    hinted = "verdict" in plain or any(hint in plain for hint in _RESERVED_HINTS)
    # What is all ASCII is the same in both but for its case.
    hinted = hinted or (not shown.isascii() and any(hint in shown for hint in _RESERVED_HINTS))
    hits = neutralise(shown)[1] if hinted else {}
    hits.pop("hidden", None)
    carried = 0 if shown.isascii() else len(_CARRIERS.findall(shown))
    if carried >= _HIDDEN_MESSAGE and not _DIVIDED_UNSEEN.search(shown):
        hits["hidden"] = carried
    common: dict[str, list[re.Match[str]]] = {}
    for phrase in _PHRASES:
        if any(found.isdisjoint(needed) for needed in phrase.needed):
            continue
        if matches := list(phrase.pattern.finditer(plain)):
            if phrase.common:
                common[phrase.name] = matches
            else:
                hits[phrase.name] = len(matches)
    return hits | _meant(common, plain, bool(hits))


def _meant(common: dict[str, list[re.Match[str]]], plain: str, beside: bool) -> dict[str, int]:
    """Of the common phrases those that are signs, `beside` others or by themselves."""
    about = {name for name, matches in common.items() if any(_OF_ANSWERS.search(one.group()) for one in matches)}
    if beside or len(about) > 1:
        return {name: len(matches) for name, matches in common.items()}
    counts = {name: sum(_speaks_of_judging(one, plain) for one in matches) for name, matches in common.items()}
    return {name: count for name, count in counts.items() if count}


def _speaks_of_judging(match: re.Match[str], plain: str) -> bool:
    if _OF_ITSELF.search(match.group()):
        return True
    before = _SENTENCE_ENDS.split(plain[max(0, match.start() - _AROUND) : match.start()])[-1]
    after = _SENTENCE_ENDS.split(plain[match.end() : match.end() + _AROUND], maxsplit=1)[0]
    return _OF_JUDGING.search(before) is not None or _OF_JUDGING.search(after) is not None
