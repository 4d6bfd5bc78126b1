"""How a refusal is known, and the manners in which refusals are asked for, so that thousands of them differ.

Neighbours: `rewriting` puts a manner into the request, `asserting` says what a refusal may not say beside.
"""

from __future__ import annotations

import hashlib
import re

from redraft.answering.spelling import plain

_CANNOT = (
    r"(?:can(?:not|n't|'t| not)|could(?:n't| not)|am (?:not able|unable)|'m (?:not able|unable)|was(?:n't| not) able"
    r"|was unable|(?:won't|will not|wouldn't|would not) be able)"
)
_DO = (
    r"(?:tell|say|find|answer|determine|confirm|help|see|work out|figure|identify|give|provide|point|name|speak|offer"
    r"|locate|pin|be sure|be certain|know|state|share|establish|address|settle|verify|clarify|spot|supply|make out"
    r"|come up|fill|solve|specify|respond|assist|pinpoint|be of|do|shed|get|advise)"
)
_FACTS = (
    r"(?:information|info|details?|answers?|data|facts?|records?|mention|idea|way|knowledge|clue|word|indication"
    r"|reference|evidence|specifics?|basis|means|figures?|insight|source|sign|trace|hint)"
)
_SUCH = r"(?:that|this|any|enough|an?|the|sufficient|such|those|these|much|anything|what)"
_SOURCE = (
    r"(?:it|this|that|which|context|passage|text|article|document|paragraph|source|material|excerpt|information"
    r"|details?|nothing|page|account|here|what i(?:'ve| have)[^.!?]{0,30})"
)
_TELL = (
    r"(?:say|mention|state|tell|specify|include|give|provide|contain|cover|answer|address|indicate|reveal|explain"
    r"|name|identify|discuss|describe|offer|note|list|record|make clear|go into|touch on|spell out)"
)
_ADVERB = (
    r"(?:really|actually|honestly|simply|just|sadly|unfortunately|still|quite|currently|yet|even|in fact|ever"
    r"|explicitly"
    r"|directly|specifically|exactly|clearly|fully|reliably|safely|possibly|seem to|happen to|also|to|say|been|have)"
)
_SORRY = r"(?:sorry|unfortunately|regrettably|i'm afraid|i am afraid|sadly|alas|apologies)"
_DENIED = (
    r"(?:\b(?:not|no|nothing|unable|cannot|without|unclear|lack|missing|beyond|outside|unknown|unavailable|absent"
    r"|never)\b"
    r"|n't\b)"
)
_THING = r"(?:information|details?|answer|question|fact|name|date|figure|number|reason)s?"

# What somebody says who has no answer.
_OF_ONESELF = (
    rf"\bi(?:'m afraid i)?(?: {_ADVERB})* (?:do|did)(?: not|n't)(?: (?:{_ADVERB}|see|find))* "
    rf"(?:know|have (?:{_SUCH}|details|information|access)|see {_SUCH}|find {_SUCH}|possess|hold)",
    rf"\b(?:i|we)(?:'m|'ve|'d)?(?: (?:am|was|{_ADVERB}))* ?{_CANNOT}(?: {_ADVERB})* {_DO}\b",
    r"\bi(?:'m| am) (?:not (?:sure|certain|aware|in a position|familiar|able)|unsure|uncertain|unaware|at a loss|unable"
    r"|missing|lacking|without|in the dark|stumped|clueless|no wiser|not the wiser)\b",
    r"\bi(?:'ve| have|'ve got| have got) (?:no|nothing|not (?:seen|found|come across|been (?:given|told))|never"
    rf"|yet to|no (?:\w+ )?{_FACTS})\b",
    r"\bi(?: have|'ve|'d|) found no(?:thing)?\b|\bi haven't (?:got|seen|found|come across|been (?:given|told)|any"
    r"|the)\b",
    r"\bi (?:lack|wish i (?:knew|could|had)|only wish i|would need more|'d need more|need more)\b",
    r"\bi (?:see|find|know|found|saw|hold|got) (?:no|nothing)\b",
    r"\bi(?:'d| would) (?:just |only )?be guessing\b|\bdon't want to guess\b|\bi (?:won't|will not) guess\b",
    r"\bi(?:'d| would) (?:rather|prefer) not (?:to )?(?:guess|speculate|make)",
    r"\bi(?:'d| would) love to (?:help|answer|tell)[^.!?]{0,40}\bbut\b",
    r"\bleaves? (?:me|us) (?:without|unable|unsure|in the dark|with no|with nothing)",
    r"\b(?:escapes|eludes|(?:is|are) (?:unknown|unclear) to|(?:is|remains) a mystery to|stumps|defeats) me\b"
    r"|\ba mystery to me\b",
    r"\bmy (?:knowledge|information|records|notes|details|sources|data) "
    r"(?:do|does|did|is|are|has|have|was|were|can|could)(?:n't| not|not)\b",
)
# What is said of the answer, or of what is known.
_OF_THE_MATTER = (
    rf"\bthere(?:'s| is| are|'re| was| were|) (?:no(?:t|thing)?|n't|little to|isn't|aren't|no such|simply no) ?"
    rf"(?:\w+ ){{0,3}}(?:{_FACTS}|enough|anything|nothing|here|to (?:go on|say|answer|tell))\b",
    r"\bthere(?:'s| is) nothing (?:here|about|on|in|to|that|i)\b"
    r"|\bthere (?:isn't|aren't|is not) (?:any|enough|an?|much|anything)\b",
    rf"(?<![/\w])no (?!(?:idea|clue) (?:of|that)\b){_FACTS} (?:on|about|of|as to|for|regarding|to|that|given"
    r"|available|here|can|there"
    r"|(?:is|are) (?:available|here|there|given|known|to be|provided|on|about))\b",
    r"\bnothing (?:here|that i|in (?:what|here|it|the|this)|i (?:have|know|can|could|see|was|am)|available|there|about "
    r"(?:that|this|it)|on (?:that|this)|to (?:go on|say|suggest)|tells|says|points|indicates|suggests|gives|answers"
    r"|explains|mentions)\b",
    rf"\b{_SOURCE} (?:simply |just |actually |also )?(?:does|do|did)(?:n't| not) (?:{_ADVERB} )?{_TELL}\b",
    rf"(?:\b(?:is|are|was|were)|\b(?:it|that|this)'s)(?:n't| not) (?:{_ADVERB} )?(?:mentioned|stated|specified"
    r"|something (?:i|we|that)|anything (?:i|we)|spelled out|known to me|one i|part of what|information i|a detail"
    r"|a question i|answered|addressed|discussed|covered|explained here|within what|in what i"
    r"|available (?:to me|here)|among (?:the|what)"
    r"|here\b|there\b|recorded here|given here|enough (?:here|information|detail|to)"
    r"|(?:made )?clear (?:to me|from|here|who|what|when|where|why|how|which|whether))",
    r"\b(?:goes|go|went|is left|are left|remains?|stays) (?:unmentioned|unsaid|unstated|unanswered|unspecified|unclear"
    r"|unknown to me)\b",
    r"\b(?:cannot|can't|can not|could not|couldn't) be (?:answered|determined|found|told|known|said|confirmed"
    r"|worked out|established|identified|inferred)\b",
    r"\b(?:is|lies|falls|'s|goes|are) (?:beyond|outside|past|out of) (?:what|my|me|of what|the (?:information"
    r"|details))\b",
    r"\b(?:missing|absent) from (?:what|the (?:information|details)|here|my)\b"
    r"|\b(?:is|are) (?:missing|absent|lacking) here\b",
    r"\b(?:not (?:enough|sufficient)|insufficient) (?:information|details?|data|to (?:go on|answer|say|tell))",
    # As a sentence of its own, or before what was asked: "He had no idea" is said of somebody else.
    r"(?:^|[.!?,;:-] )no (?:idea|clue)(?=[.!]|$|,? (?:who|what|when|where|why|how|which|whether|sorry|i'm"
    r"|really|at all)\b)",
    r"\bunanswerable\b|\bno answer (?:to (?:that|this|give|offer)|for you|here|available)\b"
    r"|\bhard (?:for me )?to (?:say|tell|answer) (?:from|without|with|based|given)\b",
    r"(?:\bnot|n't) (?:something|a thing|anything) (?:i|we)(?:'m| am|'ve| have)? "
    r"(?:can|could|know|able|have|aware|found|find|see)",
    r"\bwithout (?:more|further|additional|any|that|the (?:right|relevant|necessary)) (?:information|details?|facts"
    r"|data)\b",
    r"\bwould (?:just |only )?be (?:a guess|guesswork|guessing|speculation|speculating)\b",
)
# A denial with an apology, before or behind.
_WITH_REGRET = (
    rf"\b(?:my|the) (?:apologies|regrets?)\b[^.!?]{{0,80}}{_DENIED}",
    rf"\b{_SORRY}\b[^.!?]{{0,60}}\b(?:i|we|me|my)\b[^.!?]{{0,60}}{_DENIED}",
    rf"\b{_SORRY}\b[^.!?]{{0,30}}\b(?:that|this|the|those|these|such)(?: \w+)? {_THING}\b[^.!?]{{0,40}}{_DENIED}",
    rf"{_DENIED}[^.!?]{{0,120}}(?:,| ?[-\u2013\u2014]) ?(?:i'm |i am |so )?(?:sorry|afraid|my apologies|apologies)"
    r"(?: to say| about that| for that)?\W*(?=[.!?]|$)",
    r"\b(?:sorry|afraid)\b,?(?: (?:but|that))? no(?:thing)?\b",
)
_ELSEWHERE = (
    r"\bich (?:wei(?:ß|ss) (?:es |das |leider )*nicht|kann (?:\w+ ){0,4}nicht (?:sagen|beantworten|finden|erkennen)"
    r"|habe (?:\w+ ){0,3}keine (?:information|angabe|antwort))",
    r"\bje ne (?:sais|peux|dispose|trouve|vois) (?:\w+ )?pas\b|\bje n'ai (?:pas|aucune)\b",
    r"\bno (?:lo sé|puedo (?:decir|responder|encontrar)|tengo (?:esa|esta|la|información)|encuentro)\b",
    r"\bnon (?:lo so|posso (?:dire|rispondere)|ho (?:questa|quella|informazioni))",
)
_REFUSES = tuple(re.compile(one, re.IGNORECASE) for one in (*_OF_ONESELF, *_OF_THE_MATTER, *_WITH_REGRET, *_ELSEWHERE))

_DENIES = re.compile(_DENIED, re.IGNORECASE)


def is_refusal(text: str) -> bool:
    """Whether a text says that it has no answer, in the words in which models and people say so."""
    said = " ".join(plain(text).split())
    return any(one.search(said) for one in _REFUSES)


def denies(text: str) -> bool:
    """Whether a text denies something, whatever it is."""
    return _DENIES.search(plain(text)) is not None


OPENINGS = (
    "begin with I and what you could not find",
    "begin with what was asked for, as the subject of the sentence",
    "begin with an apology of one or two words",
    "begin with Unfortunately",
    "begin with There",
    "begin with I wish or I'd love to",
    "begin with Nothing",
    "begin with a word of regret that is not sorry",
    "begin with That or This",
    "begin with On or As for and the topic",
    "begin with No and a noun",
    "begin with Good question or a kind word about asking, then say it",
    "begin with It and what is not clear",
    "begin with a short admission, such as Honestly or To be fair",
    "begin with My and what you know or lack",
    "begin with What and the thing asked about",
)
TONES = (
    "warm", "brief and friendly", "formal and courteous", "apologetic", "plain and direct", "relaxed and colloquial",
    "thoughtful", "modest", "helpful and practical", "gentle",
)  # fmt: skip
TOPICS = (
    "name the topic of the question in a few words of your own",
    "repeat the key word of the question",
    "do not name the topic; call it that or this",
    "name what kind of thing is missing: a name, a date, a number, a reason",
)
ENDINGS = (
    "one sentence only",
    "one short sentence only",
    "two sentences; the second offers to look again if more is shared",
    "two sentences; the second is a kind word",
    "one sentence with a contraction",
    "one sentence that says you would rather not guess",
)


def manner_of(row_id: str, attempt: int = 0) -> str:
    """How a row's refusal is to sound, decided by its id: how it opens, its tone, whether it names the topic, how it
    ends. Another one for each further attempt."""
    digest = hashlib.blake2b(f"{attempt}:{row_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    chosen: list[str] = []
    for choices in (TONES, OPENINGS, TOPICS, ENDINGS):
        number, place = divmod(number, len(choices))
        chosen.append(choices[place])
    return "; ".join(chosen)
