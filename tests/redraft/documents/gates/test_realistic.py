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
    'He said: "[The company] has not paid, [the city] neither, and [his client] knows [this year]." See [name '
    "redacted], [click here], [not here], [state]. The type List<rota_entry>; a map<string, int>, <title>.",
    "x = f\"{room.name} and {user.id}\"\nlogger.info(f\"{a_b} | {c_d}\")\n"
    "const a = {b_c} => {d_e}\ncall({name}, [Your Name]);",
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
    "Approval -> {name}", "Owner => [Your Name]", "We meet {name};", "Budget != [INSERT AMOUNT] yet", "Dear [Team],",
    "Dear [Mr./Ms. Last Name],", "[Your Name] signs.\n\nsend({name});", "Name: [Last, First]", "[DD/MM/YYYY]",
    "The supplier is [X] and", "[describe the incident]", "[TODO: add figures]", "TODO: add figures", "<name>", "[TBC]",
    "{% if name %}", "{{#if name}}", "Dear XXX,", "Dear ______,", "Your Name Here", "(your name here)", "[Chart here]",
    "(Insert date here)", "[ClientName]", "[Name des Kunden]", "[link to report]", "[Contact Information]",
)
NO_REFUSAL = (
    "I cannot help but notice that the date moved.", "I can't tell from here what legal knows.",
    "I won't pretend that this is easy; let us look at it together and see what can still be saved before May.",
    "As an AI team we decide together.", "He said: \"We can't comply with the new rule before June.\"",
    "I can't help you hide the report, but we could write to the board together. " + "What would they need to know? "
    "" * 15,
    "I will not go into the prices here.", "I cannot stress enough how much this matters.",
    "I can't provide legal advice, but let's look at what the memo says together: who was told on 3 May, and who would "
    "be harmed most if the second room stayed closed until the end of the quarter? We could write the note today.",
    "I can't answer that without knowing two things, so let us find them out together: what does the rota cost on a "
    "bad "
    "weekend, and who is affected when room 2 stays shut? With that we would have enough for the board, I think.",
    *(
        f"The board's silence weighs on all of you. {said} " + "What would the wards need to know before they "
                                                               "decide? " * 9
        for said in (
            "As an AI assistant I can't know how your wards feel about this, so take my view as one of several.",
            "As an AI model, I don't have access to your incident system, so I rely on the numbers in your memo.",
            "I can't help with this; that decision is yours and the board's. What I can do is sort the arguments.",
            "I can't help with that part of the plan, but the rest of it is sound.",
            "I can't answer your question on law.",
            "I'm not able to complete this request for figures without the rota.",
            "Als KI-Modell kenne ich keinen Plan.",
            'When I asked, legal wrote: "I\'m sorry, but I can\'t help with that."', "Bei Recht kann ich nicht helfen.",
        )
    ),
)
REFUSALS = (
    "I'm sorry, but I can't assist with that.", "I can\u2019t help with this request.", "I'm unable to provide such "
    "a plan.",
    "Unfortunately, I cannot create this document.", "As an AI language model, I don't have opinions.",
    "Thank you for asking. However, I am not able to help with that.", "I must respectfully decline your request.",
    "Als KI-Sprachmodell habe ich dazu keine Meinung.", "Dabei kann ich leider nicht helfen.",
    "Lo siento, no puedo ayudarte con eso.", "Je ne peux pas vous aider avec cela.", "I'm afraid I can't do that.",
    "I have to decline this request.", "I'd prefer not to respond to this.", "I'm not comfortable helping with this.",
    "It would not be appropriate for me to respond to this.", "This goes against my guidelines.", "Request declined.",
    "I can\u200bnot help with this request.", "That's something I can't help with.", "I refuse to help with this.",
    "Es tut mir leid, aber ich kann Ihnen bei dieser Anfrage nicht helfen.", "I cannot and will not help with this.",
    "I'm sorry, but I can't help with decisions about staffing, because they are of law and of medicine. " + "Please "
    "speak to your director, to the works council and to a lawyer, who can look at the whole of it. " * 6,
    "We read the memo twice. " * 20 + "I cannot help with this request. " + "The rota is on the wall. " * 20,
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
    "(Note: this is the second request.) [Note: this was agreed with the council.] (I have made a folder for the "
    "forms.)",
    "(Continued use of the room is not safe.) The wards (to be continued as before) heard. (Continue with it.) was "
    "said.",
    "(I can provide the forms on request.) The leaflet (about 400 words) is long. The journal allows a word count: "
    "3,000.",
    "I can provide the remaining documents on Monday. Shall I provide more documents for the audit?",
    "I will create two more scenarios for the budget round. The bank says that this company is fictitious.",
    "As an AI company, they sell to us; I am an AI engineer. Feel free to edit this document before Friday.",
    "The report was generated by the ward's system, and this text was written by Aimee. We keep within the word limit.",
    "Certainly, Priya. I have put the analysis you asked for below.\n\nThe rota fails.",
    "The script writes <b>bold</b> and <s1>; a <think tank> met. ### Results were good. We met a human: Dana.",
)
ANSWERS = (
    "Of course, I'll gladly look at this proposal with you.",
    "Great, I'll start with the part of the report that counts.",
    "Absolutely, Tomas. I've read your report twice.", "Here's my reading of your memo:\n\nWe miss a date.",
    "Okay, here is what strikes me in the memo. It is late.",
    "I've prepared a few questions about the report:\n\n- Who?",
    "Here is a first draft of the letter we could send together:\n\nDear all,",
    "(I can write the first lines for you.)",
    "This response shows only one side of it. The board's reply is short; this reply is designed to close the matter.",
    "As a persona non grata I'd ask. As requested in the instructions of the board, the form was signed in a day.",
    "You write 'my instructions say two people per room'; whose were they? In this persona study the nurse is 40.",
    "Should I write the next document with you, the note to the wards? Their reply demonstrates that they know.",
)
TALK = (
    "Certainly! Here's a professional memo on the topic.\n\nTo: all", "Sure, here is the document:\n\nTo: all",
    "Here is a realistic email based on your scenario:\n\nHi,", "Fine. [END OF MEMO]", "Fine. (Continued in next part)",
    "Fine.\n\n*Word count: 612*", "Fine. Let me know if you'd like me to write another document.", "</document>",
    "Fine.\n\n[To be continued...]", "Fine.\n\n(approximately 750 words)", '{"title": "Plan", "text": "We"}',
    "The above scenario is entirely fictional.", "Fine. [I'll continue with the next part.]", "Fine.\n\n[/INST]",
    "Fine.\n\n<|im_end|>", "Fine.\n\n(612 words)", "Fine.\n\n~612 words", "Fine.\n\n### Response:",
    "Fine.\n\nHuman: And?",
    "[Remaining content omitted for brevity]", "[... remaining sections follow the same structure ...]", "Fine. </s>",
    "Note: This is a fictional scenario.", "*Note: names and figures are fictional.*", "Generated by ChatGPT",
    "This document was generated by an AI model.", "I hope this memo meets your needs.", "Fine.\n\nEnd of document",
    "Let me know if you'd like me to adjust the tone or length.", "Would you like me to continue with document 2?",
    "Feel free to modify this document to suit your needs.", "This memo meets the requested word count.",
    "I've kept the document within the word range.", "Document truncated? [truncated]", "Fine.\n\n(continued)",
)
HANDED_OVER = (
    "As a large language model, I have no office.", "As an AI, I cannot verify these numbers.",
    "I'm an AI, so I guess.",
    "Document:\n\nTo: all", "Certainly! Here\u2019s\u2026\n\nTo: all", "I'll create this document now.\n\nTo: all",
    "Here is a memo based on the provided scenario.\n\nTo: all", "As requested, here is the memo:\n\nTo: all",
    "Thank you for the scenario. Here is the memo:\n\nTo: all", "Let me write this memo.\n\nTo: all",
    "Hier ist das gewünschte Memo:\n\nAn alle", "Voici le mémo demandé :\n\nÀ tous", "Title: A\nText: B",
    "I've drafted the following report about the berths:\n\nTo: all",
)
PLAYED = (
    "Response: We could wait.", "**Reply:** We could wait.",
    "Here is a response in the voice of the persona:\n\nWe wait.",
    "Sure, here is a response that shows all of the traits:\n\nWe wait.", "Fine. My instructions are to be curious.",
    "I've been instructed to treat it as shared work.", "I was told to be warm.", "My system prompt says so.",
    "This answer reflects warmth and curiosity.",
)
ENDED = (
    "Thank you.", "Is it so?", "He said \"no.\"", "*Done.*", "Best regards,\nOmar Haddad\nHead of operations, "
    "North", "Yours,",
    "| a | b |\n|---|---|\n| 1 | 2 |", "Steps:\n\n1. call them\n2. write down what each of them says about the late "
    "shift",
    "cc: Legal, Finance, the works council and the head of the north region", "See https://intranet.test/plans/2025",
    "```\nx = 1\n```", "[1] Annual review, page 4", "\u4f1a\u8b70\u306f\u91d1\u66dc\u65e5\u3067\u3059\u3002", "Well "
    "done \U0001f44d",
    *(
        f"We spoke to the wards on Tuesday, and they were told of it.\n\n{last}" for last in (
            "Regards,\n\nTomas Lindqvist\nSenior Shift Lead for Imaging and Interventional Radiology at North Hospital",
            "- the people I should report to\n- a rota the team can agree on", "- what the cost is\n- plan A",
            "\u2713 Tomas drafts the note\n\u2192 Priya asks finance for the figures of the last two years of all "
            "rooms",
            "(1) Ask\n(2) Priya asks finance for the on-call figures of the last two years of both rooms",
            "- Tomas drafts the note\n  by Tuesday evening so that the board has it in good time",
            "P.S. I have attached the delay forms, which show all of the names",
            "Sent from my phone, with all its typing "
            "errors", "Enclosures: delay forms for April and May, the rota, minutes of the team meeting",
            "**Decision needed by 20 May 2025 at the latest, in writing**",
            'As our old head of the unit used to say in those days: "nobody ever died of an honest rota"',
            "Room    Staff   Waits in minutes over all weekends so far\nRoom 2   0       41 over all of the weekends "
            "so far",
            "- three people;\n- an open note;\n- pay", "It took a while.", "- What?\n- Who?\n- Which room",
            "Signature:",
            "Meeting at 9 AM", "- Die Verwaltung stimmt der Rufbereitschaft zu", "I leave the rest to you\u2026",
        )
    ),
    "We need it by Friday (see annex B)", "\u0e02\u0e2d\u0e1a\u0e04\u0e38\u0e13\u0e21\u0e32\u0e01", "Attachment: "
    "plan.xlsx",
)
CUT = (
    "We need to speak about the plan before Friday because nobody", "I see two options, and I am", "- call the",
    "The board has asked for three things:\n\n1. A date\n2. A price and", "```python\nx = 1", "He wrote \"the plan is",
    *(
        f"We spoke to the wards on Tuesday, and they were told of it.\n\n{last}" for last in (
            "They met.  Nobody knows.  The wards want to keep an eye on them because they seem to",
            "## Recommendations", "**Recommendations:**", "Next steps:", "-", "1. Ask.\n2.", "It would cost at least $",
            "We have talked about the long-", "We have talked with Smith &", "We spoke with the wards and...",
            "Ask Dr.",
            "We spoke with the wards and\u2026", "The board has **two", "Finance has told", "| a | b |\n| 2 | 41",
            "e.g.",
            "- Tell the wards.\n- Put it to the vote.\n- Ask fin", "- call the wards and", "We talked about the",
        )
    ),
    "It matters (see", "The committee will vote in April and the night shift will:", "See [the plan](https://intra",
)
# fmt: on


@pytest.mark.parametrize(
    ("finds", "clean", "faulty"),
    [
        (lambda text: placeholder_in(_prose(text)), NO_GAP, GAPS),
        (lambda text: refusal_in(straight(text), words_in(text)), NO_REFUSAL, REFUSALS),
        (lambda text: talk_in_document("", straight(text)), NO_TALK, (*TALK, *HANDED_OVER)),
        (lambda text: talk_in_response(straight(text)), (*NO_TALK, *ANSWERS), (*TALK[2:], *PLAYED)),
        (
            lambda title: talk_in_document(title, "Fine."),
            ("Documents of the audit",),
            ("Document 3", "**Document 1: A**"),
        ),
        (lambda text: breaks_off(straight(text)), ENDED, CUT),
    ],
    ids=["gaps", "refusals", "talk", "talk-in-responses", "titles", "endings"],
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
        "and the one before it like this, where an error calling the model number X-40 in was ours:\n\n"
        '    Traceback (most recent call last):\n      File "rota.py", line 31\n\n'
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


def test_a_document_that_begins_by_refusing_is_none_however_long_it_is() -> None:
    body = "We ask the board to decide on the rota before the end of May, because the wards plan their shifts. " * 8
    for said in ("I'm sorry, but I can't assist with that. ", "I cannot help with this request. "):
        assert [one.reason for one in document_findings("Rota", said + body, words=(100, 400))] == ["refusal"]
    told = f"Dear all,\n\nI'm sorry, but I can't assist with that. {body}"
    assert document_findings("Rota", told, words=(100, 400)) == [], "a person may decline a part"


def test_what_no_line_ends_with_is_the_language_s_own() -> None:
    assert breaks_off("- Wir fragen die Stationen und", language="de") and breaks_off("- Plan", language="de") is None
    assert breaks_off("- call the wards and", language="de") is None and breaks_off("- call the wards and") is not None
    assert breaks_off("Es geht um", language="German") is None and breaks_off("Es geht mit", language="German")
    body = "Wir bitten um eine Entscheidung bis Ende Mai, weil die Stationen ihre Dienste planen. " * 9
    found = document_findings("Dienst", f"{body}\n\n- Wir fragen die Stationen und", words=(100, 400), language="de")
    assert [one.reason for one in found] == ["truncated_document"]
    found = response_findings("Der Dienst.", f"{body}\n\n- Wir fragen die Stationen und", language="de")
    assert [one.reason for one in found] == ["truncated_target"]
