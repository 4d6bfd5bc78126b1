"""The phrases that simulated documents are put together from; lists only.

Each is short and most have a gap, so that two texts of the same phrases share few runs of words. Neighbour:
`sentences` puts them together. `{a}` and `{b}` are what it is about.
"""

# fmt: off
FIRST_NAMES = (
    "Ada", "Amir", "Anneli", "Bela", "Bruno", "Carla", "Chidi", "Dana", "Diego", "Elif", "Emeka", "Farah", "Goran",
    "Hana", "Ines", "Ivo", "Jana", "Jonas", "Kemal", "Kira", "Lars", "Leila", "Liv", "Marek", "Marta", "Mina", "Nadia",
    "Noor", "Olga", "Omar", "Pavel", "Petra", "Ravi", "Rosa", "Samir", "Selma", "Tariq", "Uma", "Vera", "Yusuf",
)
LAST_NAMES = (
    "Aalto", "Abara", "Becker", "Bianchi", "Castro", "Dahl", "Demir", "Egger", "Farkas", "Fontana", "Garcia", "Haas",
    "Hoxha", "Ibsen", "Jansen", "Kaya", "Kovac", "Lind", "Lopez", "Maier", "Moreau", "Nagy", "Novak", "Okafor", "Olsen",
    "Petrov", "Quist", "Rahimi", "Roth", "Sato", "Silva", "Tanaka", "Urban", "Varga", "Vogt", "Weiss", "Wirth",
    "Yilmaz",
    "Zeman", "Ziegler",
)
CITIES = (
    "Aarhus", "Bergen", "Braga", "Bremen", "Brno", "Cork", "Delft", "Dijon", "Espoo", "Gdynia", "Ghent", "Graz",
    "Izmir", "Jena", "Kaunas", "Leeds", "Linz", "Lublin", "Malmo", "Murcia", "Nantes", "Orebro", "Parma", "Pecs",
    "Porto", "Rennes", "Split", "Tartu", "Turku", "Utrecht", "Varna", "York",
)
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)
ROLES = (
    "head of operations", "team lead", "works council", "finance", "project office", "legal affairs", "quality",
    "client relations", "personnel", "purchasing", "internal audit", "communications", "site management", "planning",
)
LEADS = (
    "since {month}", "over the last {number} weeks", "as of today", "in our last meeting", "according to {name}",
    "on paper", "in practice", "after the review in {month}", "for the second time this year", "under the present plan",
    "given what we know about {a}", "as far as {a} is concerned", "without much notice",
    "once the figures were checked",
    "before the summer", "at the site in {city}", "with {number} days left", "to be fair", "compared with last year",
    "in the view of {name}", "for reasons of {b}", "if we look closely", "when {name} took over", "against our advice",
    "as agreed in {month}", "from what {name} says", "between {month} and now", "next to {a}",
    "judging by the first {number} replies", "contrary to the plan", "since the visit to {city}",
    "for most of the year", "in {number} of the cases", "as a first step", "at the end of {month}", "even so",
    "behind closed doors", "at short notice", "in the draft of {month}", "during the trial in {city}",
)
SUBJECTS = (
    "the team for {a}", "our partner in {city}", "the working group", "{name}", "the finance office",
    "the night shift", "a small group of customers", "the supplier", "the board", "the legal department",
    "the office in {city}", "everyone who works on {a}", "the side that pays for {b}", "the group behind {b}",
    "whoever set the budget for {a}", "the union", "our auditor", "the largest client", "the pilot group in {city}",
    "the committee on {b}", "one of the managers", "the regional office", "the families concerned",
    "the author of the first draft", "the provider of {a}", "the steering group", "a former colleague",
    "the press office", "the insurer", "the project office", "the local authority", "the staff council",
    "the volunteers", "the person in charge of {b}", "the operations side", "the consultant",
    "the older half of the team", "a majority in our survey", "those who plan {a}", "the second supplier",
)
VERBS = (
    "asked for", "put off", "questioned", "would prefer", "did not accept", "could not confirm", "moved ahead with",
    "lost sight of", "set aside", "relied on", "reported", "counted on", "argued against", "offered", "withdrew",
    "reopened", "could hardly do without", "may have to give up", "will need", "might lose", "warned of", "paid for",
    "agreed to", "stood by", "brought up", "overlooked", "underestimated", "made room for", "failed to explain",
    "promised", "took back", "signed off", "held up", "drew attention to", "had no say in", "turned down", "defended",
    "wrote off", "checked", "asked twice about",
)
OBJECTS = (
    "a second look at {b}", "the change to {a}", "the cost of {number} thousand euros", "a delay until {month}",
    "the figures from {month}", "the promise made to {name}", "a shorter notice period", "the new rules on {b}",
    "an extra {number} hours a week", "the offer from {city}", "a written answer", "the danger to {a}",
    "the complaint of {name}", "a list of {number} open points", "the way {a} is paid for",
    "a meeting with all sides", "the transfer of {number} people", "the clause on {b}", "the oldest part of {a}",
    "a fair share of the savings", "the results of the pilot", "any further cut", "the question of consent",
    "the training for {number} people", "a public statement", "the data on {a}", "our standing in {city}",
    "the whole of {b}", "the missing records", "a cheaper way to handle {a}", "the letter of {name}",
    "the agreement of {month}", "the backlog of {number} cases", "an apology", "the next phase of {a}",
    "the limits of {b}", "a clear decision", "a bonus tied to {b}", "the trust of the staff", "the shift pattern",
    "the deadline in {month}", "two of the conditions", "the safety check", "a test with {number} people",
    "the wording on {b}", "the handover to {name}", "the night service", "a price rise of {number} percent",
)
TAILS = (
    " because the contract ends in {month}", ", although {number} people had signed by then",
    " and nobody told the staff", ", which {name} calls unfair", " while {a} was still under review",
    " before anyone had asked about {b}", ", and the reasons were never written down", " so that {city} could go first",
    " without a word to {name}", ", and that is where opinions part", " since the last audit found {number} gaps",
    " until {name} stepped in", " in return for more say in {b}", " at a cost that has no name yet",
    ", as the minutes of {month} show", " even though the budget was closed", " unless {b} is settled first",
    ", which saved about {number} thousand euros", " to keep {a} going over the winter",
    " despite the talks with {name}",
    " for the sake of {b}", ", and {number} of us disagreed", " after a long talk with {name}",
    " with little regard for {a}", ", partly to please the press", " when the numbers from {city} came in",
    " in spite of two warnings", ", which leaves {number} days for the rest", " on the condition that {name} agrees",
    " and that was the right call at the time", " because no one else would", " rather than wait for {month}",
    " as soon as {a} allowed it", ", a point that {name} raised twice", " and an explanation is due",
    " by a margin of {number} votes", " in the hope that {b} would improve", ", whatever comes out in {city}",
    " under pressure from the regulator", " once {name} had left", " and it may happen again in {month}",
    " against the advice of {name}", ", so the savings are smaller than planned", " as the law on {b} requires",
    " to protect {number} jobs", " only weeks after the launch in {city}", " and the tone has been tense since",
    " with the support of {name}",
)
SHORT = (
    "{name} sees {b} differently", "that cannot wait for {month}", "nobody is against {a} as such",
    "{number} people are waiting for word", "the mood in {city} is tense", "{a} will not mend itself",
    "on {b} the numbers disagree", "the other side has a point", "{name} has asked twice", "a small step may do",
    "{city} is watching closely", "the next bill comes in {month}", "for {b} there is no rule", "both plans cost money",
    "some of this is hearsay", "the minutes are silent on {a}",
)
ASKS = (
    "Please tell me which way you would go on {a}, and why.", "What would you do first about {b}, in my place?",
    "I need a view on {a} that I can defend in front of {name}.", "Please look at this before we talk to {city}.",
    "Which of the two would you choose, knowing what {b} costs?", "How should I put this to {name} without harm?",
    "Please mark what is missing on {a} before it goes out.", "Can this still be done by {month}, and at what price?",
    "Please advise how to answer {name} on {b}.", "Is there a third way for {a} that I do not see?",
)
HEADINGS = {
    "report": ("Summary", "What was found", "Figures", "Views of those concerned", "What is open", "Next steps"),
    "proposal": ("Aim", "Plan", "Costs", "Risks", "What we ask for", "Timetable"),
    "analysis": ("Question", "Options", "Assumptions", "What speaks against it", "First conclusions", "Gaps"),
    "other": ("Background", "The present state", "Points in dispute", "What happens next"),
}
GREETINGS = ("Dear {first}", "Hello {first}", "Good morning {first}", "Hi {first}")
FAREWELLS = ("Kind regards", "Best wishes", "Many thanks", "With best regards")
TITLES = (
    "{a}: how to go on in {city}", "open points on {a}", "{a} after {month}", "the future of {a} in {city}",
    "what to decide about {a}", "{a} and {b}: a way forward", "plan for {a} until {month}", "where {a} stands",
)

GERMAN = (
    ("Seit dem Frühjahr", "Nach der letzten Sitzung", "Im laufenden Jahr", "Trotz aller Mühe", "Wie vereinbart",
     "In den vergangenen Wochen", "Ohne lange Vorwarnung", "Aus Sicht der Leitung", "Vor dem Umbau", "Im Nachhinein"),
    ("hat die Abteilung", "hat der Vorstand", "hat unser Partner", "hat die Prüfung", "hat das kleine Team",
     "hat der Betriebsrat", "hat die Nachbarschaft", "hat der Lieferant", "hat die Versicherung", "hat jeder Zweite"),
    ("den neuen Dienstplan", "die hohen Kosten", "eine schriftliche Antwort", "den Vertrag vom Herbst",
     "die offenen Fragen", "das ganze Vorhaben", "die fehlenden Unterlagen", "den Wunsch der Familien",
     "die Zusage aus dem Mai", "eine gerechte Lösung"),
    ("mehrmals angesprochen", "bis heute nicht geklärt", "unter Vorbehalt angenommen", "deutlich abgelehnt",
     "ohne Begründung verschoben", "gegen unseren Rat geändert", "endlich geprüft", "aus dem Blick verloren",
     "noch einmal verlangt", "im Kreis der Kollegen besprochen"),
)
# fmt: on
