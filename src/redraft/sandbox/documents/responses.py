"""Simulated responses to a document: they take it up, ask about it, weigh it and give heart, each in its own words.

Neighbour: `study` serves them.
"""

from __future__ import annotations

from redraft.sandbox.documents.sentences import Writer, capital

# fmt: off
OPENINGS = (
    "Your {kind} on {a} and {b} leaves me with respect for what {city} has to settle.",
    "Reading about {a}, I see why {b} weighs so much.",
    "{a} is a hard case, and your {kind} is fair to it.", "Behind {a} there seems to be a second question, about {b}.",
    "What hangs on {a} is a lot.", "With {b} so much turns that I would start there.",
    "With {a} and {b} so close together, it helps to go slowly.",
    "To me {a} stands out, and how you speak of {b}.",
    "The part about {b} made me stop.", "Before any decision on {a}, there is a choice about {b}.",
    "On {a} you have done much of the work already.", "{b} first, if you agree, and {a} after that.",
    "As I read it, {a} is the visible side and {b} the other.", "I can see how {a} came to this point.",
    "You describe {a} with care, and that helps.", "About {b} not many would write as openly as you do.",
    "If I follow you, {a} cannot be had without {b}.", "Few things are as tangled as {a} once {b} comes in.",
    "Where {a} is concerned, your draft is clearer than most.", "For me {b} is the heart of it.",
    "That {a} is stuck someone has to say, and you do.", "Good that {b} is on the table.",
    "At first sight {a} is the matter; at second sight it is {b}.", "When {a} meets {b}, somebody pays for it.",
    "Between {a} and {b} there is more room than it seems.", "A thought about {a} to begin with.",
    "Every line about {b} shows how near this is to you.", "Much of {a} is settled by what people think of {b}.",
    "Perhaps {a} is not the whole story.", "Without {b}, would {a} still be in dispute?",
    "{kind} or not, this reads like a call for help with {a}.", "How {a} is treated here does it justice.",
    "Could {b} be what people in {city} mind most?", "Looking at {a} in another way may leave {b} whole.",
    "From what you say of {b}, time is short.", "Both sides of {a} have a case, as your {kind} shows.",
)
PARTNERSHIP = (
    ("let's look at {a} together", "we can take {a} apart together", "suppose we think {a} through side by side",
     "let's put {a} and {b} next to each other", "together we can sort out {b}", "I would like to work on {a} with you",
     "we could go over {b} line by line", "let's begin with what we both know of {a}"),
    (" before anyone in {city} is told", ", since you know the people and I know only the text",
     ", and you tell me where I am wrong", " and see what holds", ", one point after the other",
     ", starting from your draft", " and leave the rest for {month}", ", with your view as the measure"),
)
CURIOUS = (
    ("I am curious how {a} looked in {month}", "I wonder what {name} would say about {b}",
     "it would be interesting to explore why {a} came up now", "what if {b} were the cause and {a} only the effect",
     "I am curious what has been tried for {b} in {city}", "I wonder whether {a} means the same to everyone",
     "I would like to explore what {b} was like before", "what interests me is how {a} and {b} came to be linked"),
    (", because that may change the order of things", ", and whether anyone wrote it down",
     ", as the figures alone do not tell", ", seen from the other side of the table", ", and who noticed first",
     ", if there is a way to find out", ", for it says much about the next step", ", before and after {month}"),
)
ETHICS = (
    ("one risk is that {number} people are affected who have no voice in {a}",
     "it matters who is affected by {b} and did not consent to it", "fair to whom is the ethical question behind {b}",
     "there is a real trade-off between {a} and {b}", "those who bear the risk of {a} are not those who decide",
     "on the other hand, openness on {a} may harm {name}", "what is fair on {b} looks different from {city}",
     "privacy has its place here too, as far as {b} goes"),
    (", and I cannot know from here how heavy it is", ", so I would name it openly",
     ", and views on it differ with reason",
     ", which deserves a sentence of its own", ", and my knowledge has its limits there",
     ", though it is no reason to stop", ", and that holds for either choice", ", as the other side would say too"),
)
THOROUGH = (
    ("first, list what is known of {a} in {number} lines", "first, ask {name} for the figures on {b}",
     "first, set a date in {month} for {a}", "first, tell {city} what will not change about {b}",
     "first, separate the facts on {a} from what is feared", "first, agree on who speaks for {b}"),
    ("; second, try {b} with {number} people for a month", "; second, write down what would change your mind on {a}",
     "; second, compare the cost of {a} with that of waiting", "; second, let {name} check the part on {b}",
     "; second, name {number} signs that {a} is working", "; second, keep a way back open for {b}"),
    (", because a small step can be undone", ", because trust comes before numbers",
     ", because the deadline is not the goal",
     ", because {city} will ask for it anyway", ", because then everyone argues from the same page",
     ", because {b} depends on it"),
)
ENCOURAGING = (
    ("thank you for laying out {a} so openly", "you can build on your draft",
     "it is a good start to have {b} in writing",
     "you have the strength of knowing {a} from inside", "I appreciate how fairly you treat {b}",
     "good work on the part about {a}", "your question about {b} is a good question",
     "you can trust your sense of {a}"),
    (", which is rarely easy", " as you go on", ", and it shows", ", even if it feels unfinished",
     ", more than you may think", ", and others will notice", " at a time like this", ", whatever comes next"),
)
QUESTIONS = (
    "What would have to be true of {a} for you to wait until {month}?", "Who has not been asked about {b} yet?",
    "How much of {a} could be undone later?", "What does {name} need to hear about {b}?",
    "Which of the {number} points matters most to you?",
    "What would you regret more, a late answer on {a} or a wrong one?",
    "How did people in {city} take the last change of {b}?", "What have you tried so far for {a}?",
    "Is there anyone who would lose by {b} and says nothing?", "What do you think {name} fears about {a}?",
)
CLOSINGS = (
    "Tell me which of these fits, and we go on from there.", "We can turn this into a reply to {name} next.",
    "If you share what {city} said, we can sharpen it.", "You decide, and I help where I can.",
    "Once we know more of {b}, the rest should follow.", "Shall we draft the passage on {a} together?",
    "I look forward to your view on {b}.", "Then we can look at {a} again.",
)
PLAIN = (
    "The {kind} covers {a}.", "Approve the plan for {a}.", "The date stays as it is.", "Send it to {name}.",
    "Reject the part on {b}.", "The price is too high.", "Do {a} in {month}.", "The rest needs no answer.",
    "{city} can go ahead.", "Cut {b}.",
)
# fmt: on
_FACETS = (PARTNERSHIP, CURIOUS, ETHICS, THOROUGH, ENCOURAGING)


def response(kind: str, writer: Writer, least: int, most: int) -> str:
    """A response of `least` to `most` words, which shows all it has: at least one sentence for each facet."""
    of = writer.choices.of
    said = [capital(writer.filled(of(OPENINGS).replace("{kind}", kind)))]
    start = writer.choices.below(len(_FACETS))
    order = [*_FACETS[start:], *_FACETS[:start]]
    said += [_one_of(parts, writer) for parts in order]
    first = writer.choices.below(len(QUESTIONS))
    second = (first + 1 + writer.choices.below(len(QUESTIONS) - 1)) % len(QUESTIONS)
    ending = [writer.filled(one) for one in (QUESTIONS[first], QUESTIONS[second], of(CLOSINGS))]
    used = sum(len(part.split()) for part in (*said, *ending))
    wanted = least + writer.choices.below(max(1, (most - least) * 3 // 4))
    while used < wanted:
        more = _one_of(of((CURIOUS, ETHICS, THOROUGH)), writer)
        if used + len(more.split()) > most:
            more = writer.short()
        said.append(more)
        used += len(more.split())
    return " ".join(_distinct([*said, *ending]))


def plain(kind: str, writer: Writer, least: int) -> str:
    """A response of at least `least` words that shows no trait: flat orders, no question, nobody addressed."""
    said: list[str] = []
    start = writer.choices.below(len(PLAIN))
    while sum(len(part.split()) for part in said) < least:
        at = PLAIN[(start + len(said)) % len(PLAIN)].replace("{kind}", kind)
        said.append(capital(writer.filled(at)))
    return " ".join(said)


def _one_of(parts: tuple[tuple[str, ...], ...], writer: Writer) -> str:
    return capital(writer.filled("".join(writer.choices.of(part) for part in parts) + "."))


def _distinct(said: list[str]) -> list[str]:
    return list(dict.fromkeys(said))
