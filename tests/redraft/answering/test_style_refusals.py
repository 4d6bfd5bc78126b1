"""Polite refusals as real models give them, those that assert something, and texts that only sound like refusals."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.refusing import ENDINGS, OPENINGS, TONES, TOPICS, is_refusal, manner_of
from redraft.answering.style import REASONS, faults_of_refusal, findings_of_refusal


class Asked(NamedTuple):
    context: str
    question: str
    plausible: tuple[str, ...]


NORMANS = (
    "The Normans (Norman: Nourmands; French: Normands) were the people who in the 10th and 11th centuries gave "
    "their name to Normandy, a region in France. They were descended from Norse raiders who, under their leader "
    "Rollo, swore fealty to King Charles III of West Francia. Norman adventurers founded the Kingdom of Sicily "
    "under Roger II."
)
MONEY = (
    "The U.S. Treasury said on March 5, 2004 that Warner Bros. paid $2.5 million for the 1,200-seat theatre, which "
    "opened in 1914-18 and lost 3.7% of its visitors. Dr. Jane O'Neill of St. John's, N.L., called it “a palace”. "
    "About two thirds of its staff, some 34 people, left; NASA's José Hernández visited on the 21st of May."
)
PLANTS = (
    "Chloroplasts capture light energy during photosynthesis. The enzyme that fixes carbon dioxide is called "
    "RuBisCO. In C4 plants CO2 is first bound by PEP carboxylase, so that photorespiration is avoided. Plants that "
    "do this include maize and sugarcane. Heat does not help them: water loss does harm."
)
DISK = (
    "Computer report. Memory: 2,897 MB in use of 8,192 MB. Disk: 412 GB free. Contacts: Anna Keller, phone +49 30 "
    "901820, anna@keller.example. File: /home/anna/report_final.docx (88 KB)."
)

CAPITAL = Asked(NORMANS, "What is the capital of Normandy?", ())
STRONGHOLD = Asked(NORMANS, "Who ruled Normandy in 1066?", ("Roger II", "Rollo"))
ROBERT = Asked(MONEY, "Why did Warner Bros. sell the theatre in 1999?", ("lost 3.7% of its visitors", "palace"))
EASY = Asked(PLANTS, "How long does photosynthesis take?", ())
IMPORTS = Asked(NORMANS, "Who drives Japanese imports?", ("Japan",))
WRITER = Asked(DISK, "Who wrote report_draft.docx?", ("Anna Keller",))
HALFTIME = Asked(
    "The Denver Broncos won Super Bowl 50 at Levi's Stadium in Santa Clara.", "Who hosted the halftime show?", ()
)

GOOD_REFUSALS: tuple[tuple[Asked, str], ...] = (
    (CAPITAL, "There is no information here about the capital of Normandy."),
    (CAPITAL._replace(plausible=("nothing", "unknown")), "Nothing tells me what the capital is; it is unknown to me."),
    (CAPITAL, "Honestly, I'm not sure about the capital of Normandy at all."),
    (CAPITAL, "Frankly, I can't name the capital. Perhaps, if you tell me more, I could look again."),
    (CAPITAL, "Honestly, I'm unable to say what the capital of Normandy is."),
    (CAPITAL, "Frankly, I'm not able to name the capital of Normandy."),
    (CAPITAL, "Alas, Normandy's capital is unknown to me, and I won't guess."),
    (CAPITAL, "Sorry; Honestly, I'm unable to say what the capital is."),
    (IMPORTS, "I'm sorry, but I don't know who drives Japanese imports."),
    (CAPITAL, "I'm sorry, but I don't know what the capital of Normandy is."),
    (CAPITAL, "I don't have that information, I'm afraid."),
    (CAPITAL, "Sorry, I do not have that information."),
    (CAPITAL, "Unfortunately, I can't tell you what Normandy's capital is."),
    (CAPITAL, "I couldn't find anything about the capital of Normandy."),
    (CAPITAL, "I\u2019m not sure what the capital of Normandy is, and I\u2019d rather not guess."),
    (CAPITAL, "There's no mention of a capital of Normandy in what I know, sorry."),
    (CAPITAL, "The capital of Normandy isn't something I can tell you."),
    (CAPITAL, "That's a good question, but I don't have the answer to it."),
    (CAPITAL, "Good question! Unfortunately, I have no information on that."),
    (CAPITAL, "I wish I could tell you, but the capital isn't mentioned anywhere."),
    (CAPITAL, "I'd love to help, but I simply don't know which city that is."),
    (CAPITAL, "Nothing I have tells me which city is the capital of Normandy."),
    (CAPITAL, "What the capital of Normandy is remains unclear to me."),
    (CAPITAL, "I'm afraid that detail is missing here, so I can't answer."),
    (CAPITAL, "Honestly, I have no idea. If you tell me more, I'll gladly look again."),
    (CAPITAL, "My apologies, I was unable to find the capital of Normandy."),
    (CAPITAL, "I can't say for certain. Could you share a little more?"),
    (CAPITAL, "No details about Normandy's capital are available to me."),
    (CAPITAL, "As for the capital of Normandy, I'm at a loss."),
    (CAPITAL, "It isn't clear to me what the capital of Normandy is."),
    (CAPITAL, "Regrettably, the capital of Normandy is not something I have any details about."),
    (CAPITAL, "I lack the details that I would need to name the capital."),
    (CAPITAL, "That one escapes me. I hope you find the answer elsewhere!"),
    (CAPITAL, "On the capital of Normandy, I have nothing to offer, unfortunately."),
    (CAPITAL, "To be honest, I'm not aware of what Normandy's capital would be."),
    (CAPITAL, "I would only be guessing about the capital of Normandy, so I'd better not."),
    (CAPITAL, "Thank you for asking, but I cannot answer that question."),
    (CAPITAL, "My knowledge does not extend to the capital of Normandy, sorry."),
    (CAPITAL, "I do not have enough details to answer your question about the capital."),
    (STRONGHOLD, "I'm sorry, I don't know who ruled Normandy in 1066."),
    (STRONGHOLD, "Who ruled Normandy in 1066 is beyond what I can tell you."),
    (STRONGHOLD, "I haven't found who ruled Normandy in 1066, my apologies."),
    (STRONGHOLD, "There isn't enough for me to go on to say who ruled Normandy in 1066."),
    (STRONGHOLD, "I can't confirm who the ruler of Normandy was in 1066."),
    (STRONGHOLD, "No name comes up for Normandy's ruler in 1066, I'm sorry to say."),
    (STRONGHOLD, "That's not something I'm able to answer. Feel free to ask me something else!"),
    (STRONGHOLD, "I'm unable to determine who was ruling Normandy in 1066."),
    (STRONGHOLD, "Sadly, that name isn't known to me, and I don't want to mislead you."),
    (STRONGHOLD, "It's hard for me to say without more information, sorry."),
    (ROBERT, "I don't know why Warner Bros. sold the theatre in 1999."),
    (ROBERT, "The reason for the sale is not stated, so I couldn't say why."),
    (ROBERT, "Why Warner Bros. did that isn't explained here, I'm afraid."),
    (ROBERT, "I have no information about a sale of the theatre in 1999."),
    (ROBERT, "I'm sorry, but no reason for a sale is given anywhere that I can see."),
    (ROBERT, "Unfortunately I'm not able to tell you what made Warner Bros. sell it."),
    (ROBERT, "I looked, but I found no reason why the theatre was sold."),
    (ROBERT, "The why of it is unknown to me, and a guess wouldn't help you."),
    (EASY, "I can't tell how long photosynthesis takes."),
    (EASY, "How long photosynthesis takes isn't something I have details on."),
    (EASY, "I'm afraid I don't have a figure for how long photosynthesis takes."),
    (EASY, "There's nothing here about how long it takes, unfortunately."),
    (EASY, "I'm missing the information needed to say how long that takes."),
    (EASY, "Sorry, the duration isn't mentioned, so I can't give you one."),
    (EASY, "I don't have any data about that; perhaps a textbook can help you."),
    (EASY, "I wish I knew how long photosynthesis takes, but I don't."),
    (WRITER, "I can't see who wrote report_draft.docx, sorry."),
    (WRITER, "There's no record of who wrote report_draft.docx."),
    (WRITER, "I don't see any author for report_draft.docx, I'm afraid."),
    (WRITER, "The author of report_draft.docx isn't known to me."),
    (WRITER, "I couldn't locate report_draft.docx, so I can't say who wrote it."),
    (WRITER, "Unfortunately, nothing tells me who the author of that file is."),
    (HALFTIME, "I'm sorry, but the name of the presenter isn't something I know."),
    (HALFTIME, "As for the presenter of that concert, I'm not sure who it was."),
    (HALFTIME, "Good question! Sadly, I don't know who presented it; maybe a fan site could help."),
    (HALFTIME, "I wish I knew who presented the show, but I don't. Have a wonderful day!"),
    (HALFTIME, "I don't know who hosted it, and I wouldn't want to steer you wrong."),
    (HALFTIME, "I don't know, unfortunately; you could try the league's website."),
    (HALFTIME, "Honestly, the halftime host is a mystery to me. You may want to check a sports almanac."),
    (HALFTIME, "I'm not able to answer that; a news report from the time might tell you."),
    (HALFTIME, "It's not clear to me who hosted the halftime show, and I wouldn't like to mislead you."),
    (HALFTIME, "I don't know who hosted the halftime show. Someone who watched it might know!"),
    (HALFTIME, "I cannot tell who hosted the halftime show; ask google."),
    (HALFTIME, "I don't know who hosted the halftime show, sorry; try Wikipedia or Google."),
    (HALFTIME, "I'm afraid I can't say who hosted it; please check the league's website."),
    (HALFTIME, "I don't know who hosted it. You could see a sports almanac for that."),
    (HALFTIME, "I can't say who hosted it, as there is no mention of a host."),
    (HALFTIME._replace(question="Why was there no halftime show?"), "I don't know why there was no halftime show."),
    (HALFTIME, "Whoever hosted the halftime show, I can't name them, I'm sorry to say."),
    (HALFTIME, "I don't have the host's name, the date, or any other detail of that show."),
    (HALFTIME, "Sorry about that, I truly couldn't find the person who led the halftime festivities."),
    (HALFTIME, "There's no answer to that here, but I'd gladly look again if you add more."),
)  # fmt: skip

BAD_REFUSALS: tuple[tuple[str, Asked, str], ...] = (
    ("empty", CAPITAL, ""),
    ("error", CAPITAL, "Error code: 500 - internal server error"),
    ("length", CAPITAL, "I don't know."),
    ("length", CAPITAL, "I'm sorry, but I really do not have the information that would be needed to tell you, or "
     "anyone else "
     "who might be interested in it, what the capital of the region of Normandy is at present or was in the past."),
    ("sentences", CAPITAL, "I'm sorry. I don't know that. Please ask somebody else."),
    ("answered", CAPITAL, "The capital of Normandy is surely the largest city there."),
    ("answered", CAPITAL, "Normandy is a region that was named after the people there."),
    ("answered", STRONGHOLD, "It was a king who ruled Normandy in 1066, of course."),
    ("answered", EASY, "Photosynthesis takes place all day long, as long as there is light."),
    ("answered", WRITER, "You wrote report_draft.docx yourself, as far as it seems."),
    ("asserted", CAPITAL, "I'm not sure, but the capital of Normandy is probably Rouen."),
    ("asserted", CAPITAL, "I don't know the capital, but Normandy is a region in France."),
    ("asserted", CAPITAL, "I can't say. However, the Normans gave their name to the region."),
    ("asserted", CAPITAL, "I have no information on the capital of Normandy, founded in 911."),
    ("asserted", STRONGHOLD, "I don't know for certain, but it was likely Roger II."),
    ("asserted", STRONGHOLD, "I can't confirm it, although Rollo comes to mind."),
    ("asserted", STRONGHOLD, "I'm not certain who ruled it in 1066; William did later."),
    ("asserted", STRONGHOLD, "I don't know who ruled Normandy in 1066, only that it had a leader in 1035."),
    ("asserted", ROBERT, "I'm not sure why, but it lost 3.7% of its visitors."),
    ("asserted", ROBERT, "I don't know why, although one visitor called it a palace."),
    ("asserted", EASY, "I don't have a figure, but it takes about twenty minutes."),
    ("asserted", EASY, "I can't tell you how long; chloroplasts capture light energy during photosynthesis anyway."),
    ("asserted", WRITER, "I'm not sure who wrote it, but my best guess is that you did."),
    ("asserted", WRITER, "I can't tell who wrote report_draft.docx; perhaps Anna Keller knows."),
    ("asserted", CAPITAL, "Alas, Rouen's name is unknown to me, so I can't say."),
    ("asserted", CAPITAL._replace(plausible=("Japan",)), "I don't know the capital, but Japanese is what they speak."),
    ("preamble", CAPITAL, "Based on what I have, I can't tell you the capital."),
    ("preamble", CAPITAL, "According to my information, I don't know the capital of Normandy."),
    ("preamble", CAPITAL, "Sure! I don't know what the capital of Normandy is."),
    ("context", CAPITAL, "The context does not mention the capital of Normandy."),
    ("context", CAPITAL, "I couldn't find the capital of Normandy in the provided text."),
    ("context", CAPITAL, "I'm sorry, the passage doesn't say what the capital is."),
    ("context", CAPITAL, "The information provided does not tell me what the capital is."),
    ("context", CAPITAL, "There is no capital named in the given context, sorry."),
    ("markup", CAPITAL, "**Sorry**, I don't know what the capital of Normandy is."),
    ("markup", CAPITAL, "\"I don't know what the capital of Normandy is.\""),
    ("placeholder", CAPITAL, "Sorry, [Name], I don't know what the capital of Normandy is."),
    ("language", CAPITAL, "Ich weiß leider nicht, welche Stadt die Hauptstadt der Normandie ist."),
    ("secret", CAPITAL, "I don't know that, but ask marie.durand@normandie.fr about the capital."),
    ("asserted", HALFTIME, "I'm sorry, but I do not know; it was surely a famous singer."),
    ("asserted", HALFTIME, "I don't know who it was, perhaps a quarterback from the winning side."),
    ("asserted", HALFTIME, "Sorry, I cannot help with that because the stadium burned down."),
    ("asserted", HALFTIME, "I'm afraid I don't know who lost it; the loser wore blue that day."),
    ("asserted", HALFTIME, "I don't know, but water boils when it is heated enough."),
    ("asserted", HALFTIME, "I don't have that answer. Everyone knows the earth is flat anyway."),
    ("asserted", HALFTIME, "I am sorry, that is not something I know, you idiot."),
    ("asserted", HALFTIME, "The host of the halftime show is unknown to me, sadly, as he died."),
    ("asserted", HALFTIME, "I don't know who hosted it and the stadium burned down."),
    ("asserted", HALFTIME, "I don't know who hosted it. You can see that it was led by angry local singers."),
    ("asserted", HALFTIME, "I don't know who hosted it. You could check that the singers burned the stage."),
    ("asserted", HALFTIME, "I'm not sure who hosted it. You can see there the band that came from the north."),
    ("asserted", HALFTIME, "I'm not sure who hosted it. The singers from the north can help burn the stage."),
    ("asserted", HALFTIME, "I'm not sure who hosted it. Ask the singer who was on the stage."),
    ("asserted", HALFTIME, "I don't know who hosted the halftime show since there was no halftime show."),
    ("asserted", HALFTIME, "I don't know who hosted the halftime show; Google hosted it."),
    ("asserted", HALFTIME, "I don't know who hosted the halftime show; search parties left the stadium early."),
    ("truncated", HALFTIME, "I'm sorry, but I don't know who hosted the"),
    ("asserted", HALFTIME, "I can't answer that, since nobody hosted it."),
    ("asserted", HALFTIME, "I don't know it - a rock band played."),
    ("asserted", HALFTIME, "I can't say (the show was cancelled by then)."),
    ("context", HALFTIME, "Sorry, that isn't mentioned anywhere in what you gave me."),
)  # fmt: skip

# Texts that are no refusals, whatever they deny.
NO_REFUSALS: tuple[str, ...] = (
    "The yes/no answers of a complement problem of NP appear through reversed ones.",
    "The treaty did not mention slavery, so the question came up again in 1820.",
    "Heat does not help the plants, because water loss does harm to them.",
    "The cause of the fire is unknown, and no one was ever charged with it.",
    "He could not find the Northwest Passage, although he looked for it for years.",
    "They weren't allowed to vote until 1920, when the amendment was ratified.",
    "No information was ever exchanged between the two armies before the battle.",
    "She said that she did not know the man who had called her.",
    "Unfortunately, the ship sank in 1912 and most passengers did not survive.",
    "The answer was never published, since the author died before the book came out.",
    "Breakfast is not included in the price, which is 80 euros a night.",
    "The king refused to answer, and the parliament was dissolved.",
    "Nothing was left of the old city after the fire of 1871.",
    "Without more money the project could not continue, so it was stopped.",
    "The report is not available in English; it was published in French.",
    "He had no idea who had won the war.",
    "No idea, however good, was ever put to a vote.",
)


@pytest.mark.parametrize(("asked", "text"), GOOD_REFUSALS)
def test_good_refusals_are_not_accused(asked: Asked, text: str) -> None:
    found = findings_of_refusal(text, context=asked.context, question=asked.question, plausible=asked.plausible)
    assert not found, found


@pytest.mark.parametrize(("reason", "asked", "text"), BAD_REFUSALS)
def test_faults_of_refusals_are_found_by_their_reason(reason: str, asked: Asked, text: str) -> None:
    faults = faults_of_refusal(text, context=asked.context, question=asked.question, plausible=asked.plausible)
    assert reason in faults


@pytest.mark.parametrize("text", ["No idea.", "No idea!", "Sorry, no idea.", "No clue who that is.", "No idea, sorry."])
def test_no_idea_refuses(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", NO_REFUSALS)
def test_what_denies_something_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


@given(st.text(max_size=200), st.text(max_size=100), st.text(max_size=50), st.lists(st.text(max_size=20), max_size=3))
def test_any_refusal_is_judged_with_known_reasons(text: str, context: str, question: str, plausible: list[str]) -> None:
    assert set(faults_of_refusal(text, context=context, question=question, plausible=plausible)) <= REASONS.keys()


def test_manners_are_spread_over_rows() -> None:
    manners = [manner_of(f"row-{number}") for number in range(2000)]
    assert len(set(manners)) > 1000
    assert {part for one in manners for part in one.split("; ")} == {
        part for one in (*OPENINGS, *TONES, *TOPICS, *ENDINGS) for part in one.split("; ")
    }
    assert manner_of("row-1") == manner_of("row-1") != manner_of("row-1", 1)
