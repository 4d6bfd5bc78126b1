"""What looks like a defect and is none: texts as people write them at work. And what is one, in other words."""

from __future__ import annotations

import pytest

from redraft.documents.gates import document_findings, response_findings
from redraft.documents.gates.endings import breaks_off
from redraft.documents.gates.placeholders import placeholder_in
from redraft.documents.gates.refusals import is_canned, refusal_in
from redraft.documents.gates.talk import talk_in_document, talk_in_response
from redraft.documents.gates.words import straight, without_code, words_in

# fmt: off
NO_GAP = (
    "It costs $12.50 a unit, or $1,200,000 a year, [as agreed](https://intranet.test/plan) in the note [1], [2, 3], "
    "[a].",
    "- [x] signed\n- [X] sent\n- [ ] paid\n\nHe wrote [sic] that the offer [emphasis added] stands, [Draft] and "
    "[Internal].",
    "The set {a, b} and {1, 2}; a block such as `{user_id}` or `[client_name]`, and \\textbf{plan} or "
    "\\frac{cost}{unit}.",
    "```python\nprint(f\"{name} owes {amount_due}\")\n```\nIt ran.",
    "The call fails in\n\nfor (const row of rows) {\n  send(`${row.id}`, {name});\n}\n\nand nowhere else.",
    "GET /users/{user_id}/orders returns {\"status\": \"ok\", \"rows\": []} within 20 ms.",
    "import {useState} from 'react';\nThe value row[user_id] is read twice, List<String> never.",
    "Use <b>bold</b>, <title>Plan</title>, <end_date>2025-03-12</end_date> and dana <the lead>.",
    "Superbowl XX was in 1986, phase XX ends in May; the XXL boxes are gone. [Attachment: budget.xlsx] [REDACTED]",
)
GAPS = (
    "Dear {name},", "We greet {{ Client Name }} today.", "Signed, [Your Name]", "[Recipient's Name]", "On [Date], "
    "we met.",
    "Call [phone number].", "Sum: $[X]", "Up by [X]%.", "For <company_name> only.", "Due XX/XX/2025? No: XX/XX/XXXX",
    "It costs $X,XXX.", "[insert the sum here]", "Hello ${first_name}!", "'{task}' is what I do.", "<<CLIENT NAME>>",
    "[PROJECT_NAME] begins.", "Yours, [Title]", "[TBD]",
)
NO_REFUSAL = (
    "I cannot help but notice that the date moved.", "I can't tell from here what legal knows.",
    "I won't pretend that this is easy; let us look at it together and see what can still be saved before May.",
    "As an AI team we decide together.", "He said: \"We can't comply with the new rule before June.\"",
    "I can't help you hide the report, but we could write to the board together. " + "What would they need to know? "
    "" * 15,
    "I will not go into the prices here.", "I cannot stress enough how much this matters.",
)
REFUSALS = (
    "I'm sorry, but I can't assist with that.", "I can\u2019t help with this request.", "I'm unable to provide such "
    "a plan.",
    "Unfortunately, I cannot create this document.", "As an AI language model, I don't have opinions.",
    "Thank you for asking. However, I am not able to help with that.", "I must respectfully decline your request.",
    "Als KI-Sprachmodell habe ich dazu keine Meinung.", "Dabei kann ich leider nicht helfen.",
    "Lo siento, no puedo ayudarte con eso.", "Je ne peux pas vous aider avec cela.",
)
NO_TALK = (
    "Please let me know if you would like me to revise this report before the board meets.",
    "I can continue with the remaining boxes tomorrow. Would you like me to proceed with the refund?",
    "The next document in the file is the contract; document 4 is missing (see annex, about 20 pages).",
    "We write the word count of each article on its cover. (Continuity matters.) [Continuous shifts] were agreed.",
    "Here is what happened: the pump failed. The user persona of the app is a nurse. All three traits are heritable.",
    "Certainly, the audit was late. Sure, nobody asked. As an AI vendor, we sell to clinics, as an AI assistant "
    "vendor too.",
    "I will provide more examples of late invoices. Synthetic oil is cheaper. Here's my reply to each of your points.",
)
TALK = (
    "Certainly! Here's a professional memo on the topic.\n\nTo: all", "Sure, here is the document:\n\nTo: all",
    "Here is a realistic email based on your scenario:\n\nHi,", "Fine. [END OF MEMO]", "Fine. (Continued in next part)",
    "Fine.\n\n*Word count: 612*", "Fine. Let me know if you'd like me to write another document.", "</document>",
    "Fine.\n\n[To be continued...]", "Fine.\n\n(approximately 750 words)", '{"title": "Plan", "text": "We"}',
    "I've drafted the following report about the berths:\n\nTo: all", "The above scenario is entirely fictional.",
    "Fine. [I'll continue with the next part.]", "As a large language model, I have no office.",
)
ENDED = (
    "Thank you.", "Is it so?", "He said \"no.\"", "*Done.*", "Best regards,\nOmar Haddad\nHead of operations, "
    "North", "Yours,",
    "| a | b |\n|---|---|\n| 1 | 2 |", "Steps:\n\n1. call them\n2. write down what each of them says about the late "
    "shift",
    "cc: Legal, Finance, the works council and the head of the north region", "See https://intranet.test/plans/2025",
    "```\nx = 1\n```", "[1] Annual review, page 4", "\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059\u3002", "Well "
    "done \U0001f44d",
    "We need it by Friday (see annex B)", "\u0e02\u0e2d\u0e1a\u0e04\u0e38\u0e13\u0e21\u0e32\u0e01", "Attachment: "
    "plan.xlsx",
)
CUT = (
    "We need to speak about the plan before Friday because nobody", "I see two options, and I am", "- call the",
    "The board has asked for three things:\n\n1. A date\n2. A price and", "```python\nx = 1", "He wrote \"the plan is",
    "It matters (see", "The committee will vote in April and the night shift will:", "See [the plan](https://intra",
)
# fmt: on


@pytest.mark.parametrize(
    ("finds", "clean", "faulty"),
    [
        (lambda text: placeholder_in(_prose(text)), NO_GAP, GAPS),
        (lambda text: refusal_in(straight(text), words_in(text)), NO_REFUSAL, REFUSALS),
        (lambda text: talk_in_document("", straight(text)), NO_TALK, TALK),
        (lambda text: talk_in_response(straight(text)), NO_TALK, TALK[2:14]),
        (breaks_off, ENDED, CUT),
    ],
    ids=["gaps", "refusals", "talk", "talk-in-responses", "endings"],
)
def test_what_is_found_and_what_is_not(finds: object, clean: tuple[str, ...], faulty: tuple[str, ...]) -> None:
    assert callable(finds)
    assert {text: found for text in clean if (found := finds(text)) is not None} == {}
    assert [text for text in faulty if finds(text) is None] == []


def _prose(text: str) -> str:
    return without_code(straight(text))


def test_a_canned_answer_says_nothing_of_its_own() -> None:
    canned = "Thanks for sharing this! It seems like a challenging situation. How can I help you today?"
    assert is_canned(canned, words_in(canned))
    own = f"{canned} What did the carriers say when berth 4 closed?"
    assert not is_canned(own, words_in(own))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0), ("one, two; three!", 3), ("- one\n- two \u2014 three | four", 4), ("3.5 % of $12.50 & more", 4),
        ("[simulated answer 0123456789ab q=+0.300] one two", 2),
        ("\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059", 4),
    ],
)  # fmt: skip
def test_words_are_counted_as_people_count_them(text: str, words: int) -> None:
    assert words_in(text) == words


def test_a_document_about_software_is_no_template() -> None:
    """Code, logs and braces belong to an incident report."""
    text = (
        "To: platform team\nFrom: Ines Marques\nDate: 3 April 2025\n\n## What happened\n\nOn Tuesday the scheduler "
        "lost "
        "jobs whose payload held `{tenant_id}` instead of a number. The log has 412 lines like this one:\n\n"
        "```\nTraceback (most recent call last):\n  File \"run.py\", line 8\nKeyError: 'tenant'\n```\n\n"
        'Clients saw HTTP 503 and the words "Service unavailable" for eleven minutes. An error in the March release '
        'is the likely cause: f"{tenant}/{job}" was written without the prefix. Nobody was asked before the release, '
        "and I cannot help but think that we knew the risk.\n\n## What we ask\n\n1. May we tell the clients the "
        "cause?\n"
        "2. Should the release be withdrawn, although two clinics wait for it?\n3. Who speaks with the works "
        "council?\n\n"
        "I would rather lose a week than do this twice. Two of us will be in the office until Friday, and the figures "
        "[1] are in the [dashboard](https://metrics.test/d/12?from=now-7d). We have 12.5 % of the budget left.\n\n"
        "Regards,\nInes Marques\nPlatform team\n\n[1] Taken on 2 April at 18:00"
    )
    assert document_findings("Incident report: lost jobs", text, words=(100, 400)) == []
    answer = (
        "Let's look at it from the clients' side first: which of them noticed, and what did they lose? An error "
        "message "
        "like 503 tells them little, so we could say plainly what broke (`{tenant_id}` was never replaced) and what is "
        "mended by now.\n\n- What would the clinics need to decide for themselves?\n- Who can speak for the night "
        "shift?"
    )
    assert response_findings(text, answer, signs={"joint": (r"\bwe\b",)}) == []
