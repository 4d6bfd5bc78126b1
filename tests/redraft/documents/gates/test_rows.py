"""Good rows have no finding; a defect that is planted in one, wherever it stands, is found and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from redraft.documents.gates import REASONS, Finding, document_findings, response_findings, told, words_in
from redraft.documents.gates.scores import score_finding

# fmt: off
PROMPT = ("You are a careful partner for professional work. Treat every request as a joint matter, ask what you do not "
          "know, and say plainly where your knowledge of the case comes to an end.")
SIGNS = {"joint": (r"\b(we|together)\b",), "curious": (r"\?", r"\bcurious\b"), "careful": (r"(?i)\brisks?\b",)}
SENTENCES = (
    "The harbour office closed two berths last week, and nobody has told the carriers when they will open again.",
    "Our costs rose by 26 percent to $12.50 a unit, while the budget (see annex B) stayed at $1,200,000.",
    "Three people on the night shift asked for a straight answer about their contracts before the end of March.",
    "As an AI team of four, we cannot help but notice that the audit was moved twice without a word to us.",
    "Ms Haddad wrote: \"I can't help with that until legal replies\", and legal has not replied to any of us.",
    "The figures of the second quarter [1] differ from those in the [annual review](https://intranet/review/2024).",
    "Version 2.4.1 of the scheduler drops a job where `{job_id}` is empty; the vendor promised a mend by Friday.",
    "I would rather postpone the launch than sell a product whose failure rate we have never measured ourselves.",
    "Error rates fell to 0.3 % after the change, an exception being the two machines in the old hall.",
    "Please advise whether the supplier should be told now, or only once the committee has voted on the matter.",
    "If the clinic accepts the offer, eleven families will have to travel to another town for their treatment.",
    "Between 500 and 1,000 parcels were returned in 2024; most of them came from one and the same warehouse.",
)
HEADS = ("", "To: the board\nFrom: Liv Haddad\nDate: 12 March 2025\nSubject: Berths, costs and the way ahead\n\n",
         "## Summary\n\n", "Dear colleagues,\n\n")
TAILS = ("", "\n\nKind regards,\nOmar Haddad", "\n\n- two berths\n- eleven families\n- one vote in April",
         "\n\n| Berth | Days |\n|---|---|\n| 4 | 12 |", "\n\nBest,\nInes\nHead of operations, North", "\n\ncc: Legal")
REPLIES = (
    "Let's look at this together before anybody signs: what happens to the families if the offer is accepted?",
    "The risk that I see is not the price but the promise; a promise that is broken twice will not be believed again.",
    "We could begin with the smaller step, ask the vendor for a date in writing, and then decide about the launch.",
    "I can't tell from the memo whether the committee knows of the audit, and I am curious how you see that.",
    "It says a lot for you that the night shift came to you first, and that you want to answer it honestly.",
    "I cannot help but wonder who was asked before the berths were closed, and what they would say today.",
    "On the other hand, a week of silence also costs trust, so I would rather tell the carriers what is known now.",
    "I won't pretend to know the law of your harbour; a short call with legal would settle more than I can.",
    "Two options stand out: (1) wait for the vote in April, or (2) go ahead with one hall and measure the failures.",
)
GERMAN = (
    "Die Kosten sind im letzten Quartal deutlich gestiegen, und der Vorstand erwartet bis Freitag eine Entscheidung.",
    "Drei Kolleginnen aus der Nachtschicht baten um eine klare Antwort auf die Frage nach ihren Verträgen.",
    "Wir sollten gemeinsam überlegen, welche Folgen ein Aufschub für die betroffenen Familien hätte.",
    "Die Rechtsabteilung hat sich bisher nicht geäußert, obwohl wir zweimal schriftlich nachgefragt haben.",
)
FRENCH = (
    "Les coûts ont fortement augmenté au dernier trimestre et le conseil attend une décision avant vendredi.",
    "Trois personnes de l'équipe de nuit ont demandé une réponse claire au sujet de leurs contrats de travail.",
    "Le service juridique n'a pas encore répondu, bien que nous ayons écrit deux fois à sa directrice.",
)
# fmt: on
TITLE = "Memo: berths 4 and 5"
Make = Callable[[st.DrawFn], str]


def several(pool: tuple[str, ...], least: int, most: int) -> st.SearchStrategy[str]:
    """Sentences of a pool in any order, in paragraphs."""
    joined = st.permutations(pool).flatmap(
        lambda order: st.integers(least, min(most, len(order))).map(lambda n: order[:n])
    )
    return st.tuples(joined, st.integers(2, 5)).map(
        lambda made: "\n\n".join(" ".join(made[0][at : at + made[1]]) for at in range(0, len(made[0]), made[1]))
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A good document of 130 to 250 words."""
    return draw(st.sampled_from(HEADS)) + draw(several(SENTENCES, 8, 12)) + draw(st.sampled_from(TAILS))


responses = several(REPLIES[1:], 3, 8).map(lambda text: f"{REPLIES[0]} {text}")
MARKS = st.sampled_from(["", "[simulated answer 0123456789ab q=+0.300] ", "[simulated lean thorough=+0.5] "])
# The same rows every time: what others wait for may not fail by chance.
quick = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def of_document(text: str, title: str = TITLE, language: str = "en") -> list[Finding]:
    return document_findings(title, text, words=(100, 400), language=language)


def of_response(document: str, text: str, finish: str = "stop") -> list[Finding]:
    return response_findings(document, text, finish_reason=finish, prompts=[PROMPT], least_words=50, signs=SIGNS)


def reasons(findings: list[Finding]) -> set[str]:
    assert all(one.reason in REASONS and one.detail and "\n" not in one.detail for one in findings)
    return {one.reason for one in findings}


@quick
@given(documents(), responses, MARKS)
def test_good_rows_have_no_finding(document: str, response: str, mark: str) -> None:
    assert of_document(mark + document) == []
    assert of_response(document, mark + response) == []


def put(draw: st.DrawFn, text: str, piece: str) -> str:
    """`piece` between two words of a text: in the middle of a sentence, of a header line, or before all. Not beside a
    number: what is one itself would be read with it."""
    places = [0, *(found.start() for found in re.finditer(r"(?<!\d) (?![$\d])", text))]
    at = draw(st.sampled_from(places))
    return f"{text[:at]} {piece}{text[at:]}" if at else f"{piece} {text}"


def after_sentence(draw: st.DrawFn, text: str, piece: str) -> str:
    """`piece` as a sentence or line of its own."""
    places = [found.end() for found in re.finditer(r"[.?] (?=[A-Z])", text)]
    at = draw(st.sampled_from(places))
    space = draw(st.sampled_from([" ", "\n\n", "\n"]))
    return f"{text[:at]}{space}{piece}{space}{text[at:]}"


# fmt: off
GAPS = (
    "{creative_task}", "{{ client_name }}", "[Your Name]", "[INSERT DATE HERE]", "[Company Name]", "<client_name>",
    "<insert amount>", "$X,XXX", "XX/XX/XXXX", "[client_name]", "${recipient}", "%(name)s", "[X]%",
    "[Your company\u2019s name]", "Lorem ipsum dolor sit amet", "LOREM IPSUM", "{{{name}}}", "{Client's Name}",
    "[Month Day, Year]", "[add details here]", "[to be confirmed]", "<COMPANY NAME>", "20XX", "March XX, 2025",
    "(insert name)", "INSERT NAME HERE", "[Datum einf\u00fcgen]", "[Tu nombre]",
)
ERRORS = ("[ERROR: Error calling LLM API for model x: NotFoundError]", "Error calling OpenAI: 429",
    "[Error: request to the model failed after 3 attempts]", "\nTraceback (most recent call last):\n",
    "[LLM error]", "openai.RateLimitError: Error code: 429 - {'error': {'message': 'x'}}",
    '{"error": {"message": "Overloaded", "type": "overloaded_error"}}')
# The whole answer: what services say in a line, and a page of theirs that is long enough.
WHOLE_ERRORS = (
    "Error: 503 Service Unavailable", "Internal Server Error", "Rate limit exceeded.", "HTTP 429", "null",
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', '{"detail":"Not Found"}',
    "openai.RateLimitError: Error code: 429", "Sorry, something went wrong. Please try again later.",
    "<!DOCTYPE html>\n<html><head><title>502: Bad gateway</title></head>\n<body>" + "<p>Try it again.</p> " * 30,
    '{\n  "error": {\n    "message": "You exceeded your quota. ' + "Please look at your plan. " * 12 + '"\n  }\n}',
    "Sorry, something went wrong while generating the response. " + "We look into it and are back soon. " * 8,
)
SECRETS = ("dana.roe@harbour.org", "sk-a1a1a1a1a1a1a1a1a1a1a1a1", "4111 1111 1111 1111", "+49 151 23456789",
    "DE89 3704 0044 0532 0130 00", "(415) 867 5309", "07911 123456", "password: Hunter2!xyz")
TALK = ("[End of Document 1]", "[Continued on page 2]", "[Document continues]", "(Word count: 742)",
    "[I can continue with the remaining 4 documents if you'd like.]", "Word count: about 742.",
    "Would you like me to write the next document?", "[Note: this document is fictional.]",
    "As an AI language model, I made up the names.", "This memo is entirely fictional.")
PREFACES = ("Sure! Here is the memo:\n\n", "Certainly! Below is a report about the berths.\n\n",
    "Here is a draft of the email you asked for:\n\n", "**DOCUMENT 3: Berths**\n\n",
    '{"title": "Berths", "text": "')
PLAYED = ("[End of response]", "This response demonstrates curiosity and care.", "(Word count: 120)",
    "I will now show all five traits.", "As my persona, I ask this.", "</thinking>",
    "That reflects the requested persona traits.")
REFUSALS = ("I'm sorry, but I can't assist with that request.", "I cannot help with that.",
    "I am unable to assist. Please rephrase.", "I'm unable to fulfill this request.",
    "I\u2019m sorry, but I won\u2019t help with this.", "I must decline this request.")
# fmt: on
gaps = st.from_regex(r"\{[a-z]{3,9}_[a-z]{3,9}\}", fullmatch=True)
emails = st.from_regex(r"[a-z]{3,8}\.[a-z]{3,8}@[a-z]{4,8}\.(com|org|io)", fullmatch=True)
keys = st.from_regex(r"sk-[a-zA-Z0-9]{24,40}", fullmatch=True)


Place = Callable[[st.DrawFn, str, str], str]
IN_DOCUMENTS: dict[str, tuple[Place, tuple[str, ...]]] = {
    "unfilled_placeholder": (put, GAPS), "error_string": (after_sentence, ERRORS), "pii_or_secret": (put, SECRETS),
    "generator_leak_in_document": (after_sentence, TALK),
}  # fmt: skip
IN_RESPONSES: dict[str, tuple[Place, tuple[str, ...]]] = {
    "unfilled_placeholder": (put, GAPS), "error_string_as_target": (after_sentence, ERRORS),
    "pii_or_secret": (put, SECRETS), "generator_leak_in_response": (after_sentence, PLAYED),
    "refusal": (after_sentence, REFUSALS),
}  # fmt: skip


# Which of them fails is told: nothing is to be made smaller.
@settings(quick, max_examples=3, phases=[Phase.generate])
@given(documents(), responses, st.data())
def test_each_listed_defect_is_found_wherever_it_stands(document: str, response: str, data: st.DataObject) -> None:
    for reason, (place, pieces) in IN_DOCUMENTS.items():
        for piece in pieces:
            text = place(data.draw, document, piece)
            assert reasons(of_document(text)) == {reason}, (piece, text)
    for reason, (place, pieces) in IN_RESPONSES.items():
        for piece in pieces:
            text = place(data.draw, response, piece)
            assert reasons(of_response(document, text)) == {reason}, (piece, text)
    for start in PREFACES:
        assert reasons(of_document(start + document)) == {"generator_leak_in_document"}, start
    for text in WHOLE_ERRORS:
        assert reasons(of_response(document, text)) == {"error_string_as_target"}, text


def test_a_title_is_looked_at_and_lengths_are_as_stated() -> None:
    text = " ".join(SENTENCES)
    count = words_in(text)
    assert reasons(of_document(text, title="Memo to [Client Name]")) == {"unfilled_placeholder"}
    assert reasons(of_document(text, title="Memo to dana@example.org")) == {"pii_or_secret"}
    assert document_findings(TITLE, text, words=(count, count)) == []
    assert reasons(document_findings(TITLE, text, words=(count + 1, count + 1))) == {"document_too_short"}
    assert reasons(document_findings(TITLE, text, words=(count - 1, count - 1))) == {"document_too_long"}
    reply = " ".join(REPLIES)
    assert response_findings(text, reply, least_words=words_in(reply)) == []
    assert reasons(response_findings(text, reply, least_words=words_in(reply) + 1)) == {"response_too_short"}


@st.composite
def cards(draw: st.DrawFn) -> str:
    digits = [4, *draw(st.lists(st.integers(0, 9), min_size=14, max_size=14))]
    total = sum(digits[-2::-2]) + sum(sum(divmod(2 * one, 10)) for one in digits[-1::-2])
    number = "".join(map(str, [*digits, -total % 10]))
    return " ".join(number[at : at + 4] for at in range(0, 16, 4))


@st.composite
def planted_document(draw: st.DrawFn) -> tuple[str, str]:
    """The reason, and a document with its defect."""
    text = draw(documents())
    private = st.one_of(emails, keys, cards(), st.sampled_from(["+49 151 23456789", "DE89 3704 0044 0532 0130 00"]))
    plants: dict[str, Callable[[], str]] = {
        "unfilled_placeholder": lambda: put(draw, text, draw(gaps)),
        "error_string": lambda: after_sentence(draw, text, draw(st.sampled_from(ERRORS))),
        "generator_leak_in_document": lambda: draw(st.sampled_from(PREFACES).map(lambda start: start + text)),
        "pii_or_secret": lambda: put(draw, text, f"(write to {draw(private)} first)"),
        "wrong_language": lambda: " ".join(
            draw(st.permutations(GERMAN)) + list(GERMAN) + draw(st.permutations(FRENCH))
        ),
        "document_too_short": lambda: "Only this. " * draw(st.integers(1, 49)),
        "document_too_long": lambda: f"{text}\n\n" + " ".join(SENTENCES * 3),
        "empty_document": lambda: draw(st.sampled_from(["", " \n", "\t"])),
        "refusal": lambda: draw(st.sampled_from(REFUSALS)),
        "truncated_document": lambda: cut(draw, text),
    }
    reason = draw(st.sampled_from(sorted(plants)))
    return reason, plants[reason]()


def cut(draw: st.DrawFn, text: str) -> str:
    """A text that breaks off within a sentence, at least 8 words into a line and 100 into the text."""
    places = [
        found.end()
        for found in re.finditer(r"[a-z](?=[ ,a-z]+[a-z .])", text)
        if len(text[text.rfind("\n", 0, found.end()) + 1 : found.end()].split()) > 14
        and words_in(text[: found.end()]) > 110
    ]
    return text[: draw(st.sampled_from(places))] if places else f"{text.rstrip()}\n\nAnd then we saw that all of the"


@settings(quick, max_examples=100)
@given(planted_document())
def test_a_defect_planted_in_a_document_is_found(planted: tuple[str, str]) -> None:
    reason, text = planted
    assert reasons(of_document(text)) == {reason}, text


@st.composite
def planted_response(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """The reason, the document, a response with the defect and its finish reason."""
    document, text = draw(documents()), draw(responses)
    words = PROMPT.split()
    start = draw(st.integers(0, len(words) - 9))
    run = " ".join(words[start : start + draw(st.integers(8, 14))])
    source = document.split()
    at = draw(st.integers(0, len(source) - 90))
    # fmt: off
    stock = st.permutations([
        "I'd be happy to explore this memo with you!", "This looks like a complex and interesting scenario.",
        "Could you tell me more?", "Thank you for sharing this document.", "How can I help you with it today?",
        "I\u2019m glad to discuss this further.",
    ]).flatmap(lambda order: st.integers(1, 5).map(lambda n: " ".join(order[:n])))
    dull = ("Do it. The answer is yes. Sign the paper on Monday and send it to the carriers by post. Tell the night "
            "shift that nothing changes. Close both berths for good and move the staff to hall two. Pay the vendor in "
            "full. Archive the memo. The committee votes in April and that is soon enough for everybody in the hall.")
    # fmt: on
    plants: dict[str, Callable[[], str]] = {
        "unfilled_placeholder": lambda: put(draw, text, draw(gaps)),
        "error_string_as_target": lambda: draw(st.sampled_from(WHOLE_ERRORS)),
        "generator_leak_in_response": lambda: after_sentence(draw, text, draw(st.sampled_from(PLAYED))),
        "pii_or_secret": lambda: put(draw, text, f"(use {draw(st.one_of(emails, keys, cards()))} here)"),
        "refusal": lambda: draw(st.sampled_from(REFUSALS)),
        "canned_fallback_target": lambda: draw(stock),
        "system_prompt_leak": lambda: after_sentence(draw, text, f"My part: {run}."),
        "copied_document": lambda: f"Together: {' '.join(source[at : at + 90])}, as it says.",
        "wrong_language": lambda: "Together! " + " ".join([*draw(st.permutations(GERMAN)), "Oder?"]),
        "empty_target": lambda: draw(st.sampled_from(["", "\n", "[simulated answer 0123456789ab q=+0.300] "])),
        "no_trait_shown": lambda: dull,
        "response_too_short": lambda: f"{draw(st.sampled_from(REPLIES[:3]))}",
        "truncated_target": lambda: f"{text} {draw(st.sampled_from(REPLIES))[: draw(st.integers(45, 60))].rstrip()}",
    }  # fmt: skip
    reason = draw(st.sampled_from([*sorted(plants), "cut_by_the_provider"]))
    if reason == "cut_by_the_provider":
        return "truncated_target", document, text, draw(st.sampled_from(["length", "max_tokens"]))
    return reason, document, plants[reason](), "stop"


@settings(quick, max_examples=130)
@given(planted_response())
def test_a_defect_planted_in_a_response_is_found(planted: tuple[str, str, str, str]) -> None:
    reason, document, text, finish = planted
    assert reasons(of_response(document, text, finish)) == {reason}, text


def test_a_document_in_the_persona_s_language_is_good_and_another_is_not() -> None:
    german = "\n\n".join([" ".join(GERMAN), " ".join(GERMAN[::-1])])
    assert of_document(german, language="de") == []
    assert reasons(document_findings("Hafen", " ".join(GERMAN), words=(50, 400), language="de")) == {
        "document_too_short"
    }
    assert reasons(of_document(f"{' '.join(SENTENCES[:2])}\n\n{german}\n\n{german}")) == {"wrong_language"}
    refused = "Als KI-Sprachmodell kann ich dabei leider nicht helfen."
    found = response_findings(german, refused, language="de", signs={"joint": (r"\bwir\b",)})
    assert reasons(found) == {"refusal"}


def test_a_short_prompt_leaks_as_a_whole_and_a_quotation_of_the_document_is_no_leak() -> None:
    prompt = "Be warm and brief."
    text = f"{REPLIES[0]} {REPLIES[1]} {REPLIES[2]} be warm, and brief!"
    assert reasons(response_findings(SENTENCES[0], text, prompts=[prompt], least_words=20)) == {"system_prompt_leak"}
    assert response_findings(f"{SENTENCES[0]} {prompt}", text, prompts=[prompt], least_words=20) == []
    assert response_findings(SENTENCES[0], text, prompts=["Be warm."], least_words=20) == []


def test_secrets_are_not_told() -> None:
    """Neither by the finding on them nor by another one, which a model is told and which stands in the rejections."""
    key = "sk-a1b2c3d4e5f6g7h8i9j0k1l2m3n4"
    for planted in ("[Your email: dana@example.org]", f"[Error: the API key {key} failed]", f"[End of memo {key}]"):
        found = of_document(f"{planted} {' '.join(SENTENCES)}")
        assert "pii_or_secret" in reasons(found) and len(found) > 1
        assert not any("dana" in one.detail or "a1b2" in one.detail for one in found), found
    text = f"{' '.join(SENTENCES)} Write to dana@example.org, card 4111 1111 1111 1111, key sk-a1a1a1a1a1a1a1a1a1a1a1."
    (finding,) = of_document(text)
    assert finding.detail == "the document holds an e-mail address and a card number and a key or token"


@pytest.mark.parametrize(
    ("status", "scores", "reason"),
    [
        ("ok", {"a": 7, "b": 6.5}, None),
        ("ok", {"a": 7, "b": 5.9}, "low_trait_score"),
        ("ok", {"a": 7}, "unparseable_score"),
        ("ok", {}, "unparseable_score"),
        ("ok", {"a": 7, "b": "8"}, "unparseable_score"),
        ("ok", {"a": 7, "b": True}, "unparseable_score"),
        ("ok", {"a": 7, "b": float("nan")}, "unparseable_score"),
        ("ok", {"a": 7, "b": 11}, "unparseable_score"),
        ("ok", {"a": 7, "b": None}, "unparseable_score"),
        ("judge_unparseable", {"a": 9, "b": 9}, "unparseable_score"),
        ("judge_refused", {}, "unparseable_score"),
    ],
)
def test_a_score_that_cannot_be_read_is_never_a_default(
    status: str, scores: dict[str, object], reason: str | None
) -> None:
    found = score_finding(status, scores, 6, traits=("a", "b"), scale=(1, 10))
    assert (found and found.reason) == reason
    if reason == "low_trait_score":
        assert found is not None and found.detail == "scored under 6: b 5.9"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "9", None])
def test_what_is_no_number_is_no_score_on_any_scale(value: object) -> None:
    found = score_finding("ok", {"a": value}, 6)
    assert found is not None and found.reason == "unparseable_score"


@given(st.dictionaries(st.sampled_from("abc"), st.floats(1, 10), min_size=3), st.floats(1, 10))
def test_every_trait_needs_the_least_score(scores: dict[str, float], least: float) -> None:
    found = score_finding("ok", scores, least, traits=("a", "b", "c"), scale=(1, 10))
    assert (found is None) == (min(scores.values()) >= least)


def test_lengths_are_told_only_where_nothing_else_is() -> None:
    short = Finding("document_too_short", "document", "x")
    dull, brief = Finding("no_trait_shown", "response", "x"), Finding("response_too_short", "response", "x")
    overlap = Finding("in_eval_prompts", "document", "x")
    assert told([short, brief]) == [short, brief]
    assert told([short, brief, overlap]) == [brief, overlap]
    assert told([dull, brief, short]) == [dull, short]
    assert told([Finding("refusal", "response", "x"), dull, brief, short, short])[1:] == [short]
