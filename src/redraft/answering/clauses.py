"""What a refusal says beside refusing, clause by clause: regret, the question's topic, an offer; anything else asserts.

An allow-list, since what can be asserted has no end. Neighbours: `asserting` asks, `refusing` knows a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redraft.answering.keeping import stem
from redraft.answering.refusing import is_refusal
from redraft.answering.sentences import sentences_of
from redraft.answering.spelling import folded, plain

# Little words, and those of regret, of not knowing, of an offer and of a kind word. None of them tells of the world.
_SAID = """
a an the this that these those such one ones it its itself he she they them their his her him i i'd i'll i'm i've me my
mine myself we we'd we'll we're we've us our you you'd you'll you're you've your yours yourself who whom whose what
which when where why how whether
of in on at to by for from with without within and or nor as if than then so but yet because since though although
however while until till unless about into onto over upon under up out off down around across before after beyond
beside besides between among regarding concerning toward towards through during per like
is are was were be been being am isn't aren't wasn't weren't it's that's there's there here's what's he's she's do does
did don't doesn't didn't done doing have has had haven't hasn't hadn't having can can't cannot could couldn't will
won't would wouldn't shall should shouldn't may might must mustn't need needn't let let's
not no none nothing nobody nowhere never neither either any anything anyone anybody anywhere some something someone
somebody somewhere other others another else elsewhere more most much many few less least enough all both every
everything each several various further additional only just simply still quite rather really actually even ever
exactly fully very too also again already always sometimes often anyway indeed instead otherwise yet once now right
today present currently moment point time times here hence thus therefore perhaps maybe possibly well better best
little bit lot deal fairly truly honestly frankly certainly certain certainty
sorry apology apologies apologise apologize regret regrets regrettably unfortunately unfortunate sadly sad afraid alas
pity shame oh ah hmm oops ouch pardon forgive excuse admit admittedly confess fair honest honesty frank true truth
truthful sincerely sincere sincerest dear fault mistake stand stands thing things case happens way
know knows known knowing knew knowledge unknown unclear unsure uncertain clear sure aware unaware unavailable available
missing lack lacks lacking absent gap blank open unanswered unresolved mystery escapes eludes beats stumps stumped
limited limits end ends reach hand loss idea clue hint trace inkling
say says saying said tell tells telling told answer answers answered answering reply respond response responding speak
speaking state mention mentions mentioned name names named call give gives given giving offer offers provide provides
share shares shared sharing show see seen find finds finding found look looks looking looked search searching check
checking consult read reading learn learning seek seeking seem seems research explore ask asks asked asking question
questions wonder wondering query request
guess guesses guessing guesswork speculate speculating speculation invent make makes making made up mislead misleading
wrong inaccurate incorrect false confuse risk claim pretend assume
help helps helping helpful assist assistance useful use support serve point direction confirm verify determine decide
settle explain clarify identify judge tackle address figure work leave leaves leaving left stay stays remain remains
keep get gets got come comes go goes going take takes put turn try tries trying tried bring pass
details detail information info data fact facts figure figures number numbers date dates year years reason reasons place
places person kind sort type source sources reference references record records material materials context clarification
specific specifics topic topics subject subjects matter matters aspect aspects part parts area background note notes
book books textbook textbooks encyclopedia encyclopaedia library librarian archive archives expert experts specialist
historian web online website internet page documentation official reliable trusted authoritative local relevant
appropriate
please thank thanks grateful appreciate appreciated appreciation patience patient understanding understand interest
interested curious curiosity curiously interesting intriguing fascinating great good nice fine fair kind kindly kindness
lovely wonderful thoughtful excellent glad gladly happy happily delighted pleased pleasure love like want wants wanted
wish wished wishes hope hopes hopeful hopefully welcome free feel luck lucky best soon day care mind worry prefer
willing ready able unable rather would-be possible impossible hard difficult easy way effort efforts short fell fall
sought search assured promise however disappoint disappointing inconvenience frustrating bother trouble tough tricky
later another anytime whenever wherever whatever meantime future opportunity chance fun add adds added steer astray
site sites almanac news report reports
"""
_ALLOWED = frozenset(_SAID.split()) | {stem(one) for one in _SAID.split()}
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
# Where a clause ends: at a mark, or before what joins another one to it.
_MARKS = re.compile(
    r"\s*(?:[;:!?()\u2013\u2014]|(?<=\s)-(?=\s)|,(?!\d))\s*"
    r"|\s+(?=(?:but|because|although|though|however|whereas)\b)"
    r"|\s+(?=and the \w+(?: \w+)? (?:was|were|is|are|had|has|\w+ed)\b)"
    r"|\s+(?=(?:and|as|since) (?:i|he|she|they|we|you|everyone|everybody|there)\b)",
    re.IGNORECASE,
)
# What names the topic and asserts nothing: in the words of whoever refuses.
_TOPIC = re.compile(
    r"(?:(?:but|and|or|nor) )?(?:as (?:for|to|far as)|on|about|regarding|concerning|when it comes to|with regard to"
    r"|with respect to|in terms of|in regard to)\b",
    re.IGNORECASE,
)
_INDIRECT = re.compile(
    r"(?:(?:or|nor|and) )?(?:who|whoever|whom|whose|what|when|where|why|how|whether)\b", re.IGNORECASE
)
# As good as a refusal: what it wishes for is the topic.
_WISHES = re.compile(
    r"\b(?:i (?:only |really |do |truly )?wish(?: that)? i"
    r"|i(?:'d| would) (?:\w+ )?(?:love|like|be (?:glad|happy)) to)\b",
    re.IGNORECASE,
)
# Where else to look may be named in any words, but nothing told that is to be seen there; what somebody may help with
# (`with`) has no words of its own.
_ELSEWHERE = re.compile(
    r"(?:and |but |so )?(?:perhaps |maybe |possibly |please |just )?(?:(?:(?:you|one) (?:could|can|may|might|should)"
    r"(?: (?:perhaps|always|also))?(?: (?:want|wish|need|like) to)?"
    r" (?:try|check|look|consult|ask|search|google|see(?! (?:it|he|she|they|there|how|why|what|who)\b))"
    r"|ask|try|consult|(?:check|search|see|look|google)(?= (?:an?|the|your|some|for|in|on|at|up|with|online|it)\b))"
    r"\b(?! that\b)(?!.*\b(?:was|were|had|did)\b).{0,60}"
    r"|(?:an?|the|some|someone|somebody|another)\b.{0,40} (?:can|could|may|might|would|will)(?: well)?"
    r" (?:help|know|tell|be able)\b(?P<with>.{0,30}))",
    re.IGNORECASE,
)
_NO_SUCH = re.compile(r"\bthere (?:is|are|was|were|has been|have been|had been) (?:no|never)\b", re.IGNORECASE)
_NOBODY = re.compile(r"\b(?:nobody|no one|never)\b", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:not|no|nothing|cannot|unable|un(?:known|clear|sure))\b|n't\b", re.IGNORECASE)


def said_beside(text: str, question: str) -> str | None:
    """The first clause of a refusal that neither refuses nor regrets, names the topic or offers; None without one.

    A clause that refuses, or names the topic, may do so in words of its own; any other has those of the question and
    those of a list. Where no clause refuses alone, one that denies something counts as that.
    """
    clauses = [clause for one in sentences_of(" ".join(plain(text).split())) for clause in _clauses(one)]
    refuses = [is_refusal(one) for one, _ in clauses]
    if not any(refuses):
        refuses = [_DENIES.search(one) is not None for one, _ in clauses]
    asked = frozenset(stem(one) for one in _words(question))
    for (clause, first), refused in zip(clauses, refuses, strict=True):
        if refused or _WISHES.search(clause) or _points_elsewhere(clause, asked):
            continue
        if first and (_TOPIC.match(clause) or _INDIRECT.match(clause)):
            continue
        unasked = any(one.search(clause) and not one.search(question) for one in (_NOBODY, _NO_SUCH))
        if unasked or _asserts(clause, asked):
            return clause
    return None


def _points_elsewhere(clause: str, asked: frozenset[str]) -> bool:
    """Whether it says no more than where else to look, or who may help."""
    found = _ELSEWHERE.fullmatch(clause)
    return found is not None and not (found["with"] and _asserts(found["with"], asked))


def _asserts(clause: str, asked: frozenset[str]) -> bool:
    """Whether it has a word that is neither one of the list nor of the question."""
    return any(not {stem(one), one} & (_ALLOWED | asked) for one in _words(clause))


def _clauses(sentence: str) -> Iterator[tuple[str, bool]]:
    """The clauses of a sentence, and of each whether none but a word or two of regret stands before it."""
    first = True
    for one in _MARKS.split(sentence):
        if clause := one.strip(" .,\"'"):
            yield clause, first
            first = first and len(clause.split()) < 3 and all(word in _ALLOWED for word in _words(clause))


def _words(text: str) -> list[str]:
    return [part for one in _WORD.findall(folded(text)) for part in one.removesuffix("'s").split("-")]
