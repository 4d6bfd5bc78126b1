"""Verbs in the forms that turning a question round takes; lists, and what finds a form in them.

Neighbour: `statements` turns questions round.
"""

from __future__ import annotations

# fmt: off
# Base form, past, participle.
_IRREGULAR = """
be was been; become became become; begin began begun; break broke broken; bring brought brought; build built built;
buy bought bought; catch caught caught; choose chose chosen; come came come; cut cut cut; deal dealt dealt; do did done;
draw drew drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed fed; feel felt felt;
fight fought fought; find found found; flee fled fled; fly flew flown; forget forgot forgotten; get got gotten;
give gave given; go went gone; grow grew grown; have had had; hear heard heard; hide hid hidden; hit hit hit;
hold held held; keep kept kept; know knew known; lay laid laid; lead led led; leave left left; lend lent lent;
let let let; lie lay lain; lose lost lost; make made made; mean meant meant; meet met met; pay paid paid; put put put;
read read read; rise rose risen; run ran run; say said said; see saw seen; seek sought sought; sell sold sold;
send sent sent; set set set; show showed shown; shut shut shut; sing sang sung; sink sank sunk; sit sat sat;
sleep slept slept; speak spoke spoken; spend spent spent; split split split; spread spread spread; stand stood stood;
steal stole stolen; strike struck struck; swear swore sworn; swim swam swum; take took taken; teach taught taught;
tell told told; think thought thought; throw threw thrown; understand understood understood; wear wore worn;
win won won; withdraw withdrew withdrawn; write wrote written
"""
_REGULAR = """
accept achieve act add adopt affect agree aid aim allow announce appear apply appoint argue arrive ask attack attempt
attend attract base believe belong borrow call campaign carry cause change charge claim collapse combine commission
compare compete complete compose conclude conduct conquer consider consist contain continue contribute control convert
cost cover create cross culminate decide declare defeat define deliver demand depart deploy describe design destroy
determine develop die direct discover divide dominate drop earn elect emerge employ enable encounter end engage enjoy
enter escape establish evolve exist expand expect explain explore export express extend face fail feature focus follow
force form found gain generate govern graduate happen help hire host hunt identify import improve include increase
inhabit influence inspire install intend introduce invade invent invest involve issue join kill lack land last launch
learn like limit link live locate look manage mark marry migrate move name need note obtain occupy occur offer open
operate oppose order organize originate own participate pass patent perform place plan play possess praise prefer
prepare prevent produce promote propose protect prove provide publish purchase rank reach receive recognize record
refer refuse regard regulate reign reject relate release rely remain remove replace report represent require reside
resign result retain return reveal reign rule save search separate serve settle share sign start state stay stop
study succeed suffer suggest supply support surrender target tend trade train transfer translate travel treat try turn
use utilize value view visit vote want weigh work
"""
# fmt: on


def _past(base: str) -> str:
    if base.endswith("e"):
        return f"{base}d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return f"{base[:-1]}ied"
    doubled = {"drop", "stop", "plan", "transfer", "refer", "occur", "prefer"}
    return f"{base}{base[-1]}ed" if base in doubled else f"{base}ed"


_FORMS = [tuple(entry.split()) for entry in _IRREGULAR.replace("\n", " ").split(";")]
PAST = {base: past for base, past, _ in _FORMS} | {base: _past(base) for base in _REGULAR.split()}
_PASTS = frozenset(PAST.values())
_PARTICIPLES = frozenset(participle for _, _, participle in _FORMS) | frozenset({"born", "based", "shown", "lit"})
# Words that end like a participle and are none.
_NOUNS = frozenset({"shed", "speed", "seed", "breed", "need", "hundred", "indeed", "feed", "weed", "deed", "creed",
                    "greed", "steed"})  # fmt: skip


def third_person(base: str) -> str:
    """`go` as `goes`, `carry` as `carries`, `have` as `has`."""
    if base in {"be", "have"}:
        return "is" if base == "be" else "has"
    if base.endswith(("s", "sh", "ch", "x", "z", "o")):
        return f"{base}es"
    return f"{base[:-1]}ies" if base.endswith("y") and base[-2] not in "aeiou" else f"{base}s"


def is_base(word: str) -> bool:
    return word in PAST


def is_participle(word: str) -> bool:
    return word in _PARTICIPLES or (word.endswith("ed") and len(word) > 3 and word not in _NOUNS)


def is_finite(word: str) -> bool:
    """Whether the word is a verb that a subject may stand before: a past form, or one of the third person."""
    if word in _PASTS or is_participle(word):
        return True
    return word.endswith("s") and any(third_person(base) == word for base in (word[:-1], word[:-2], f"{word[:-3]}y")
                                      if base in PAST)  # fmt: skip
