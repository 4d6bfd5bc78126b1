"""Contexts with questions whose answers are judged: names, numbers, dates, sums, degrees, yes and no."""

from __future__ import annotations

from typing import NamedTuple


class Asked(NamedTuple):
    context: str
    question: str
    answers: tuple[str, ...]


NORMANS = Asked(
    "The Normans (Norman: Nourmands; French: Normands) were the people who in the 10th and 11th centuries gave "
    "their name to Normandy, a region in France. They were descended from Norse raiders who, under their leader "
    "Rollo, swore fealty to King Charles III of West Francia. Norman adventurers founded the Kingdom of Sicily "
    "under Roger II.",
    "In what country is Normandy located?", ("France",),
)  # fmt: skip
CENTURIES = NORMANS._replace(
    question="When were the Normans in Normandy?", answers=("10th and 11th centuries", "in the 10th and 11th centuries")
)
LEADER = NORMANS._replace(question="Who was the Norse leader?", answers=("Rollo",))
MONEY = Asked(
    "The U.S. Treasury said on March 5, 2004 that Warner Bros. paid $2.5 million for the 1,200-seat theatre, which "
    "opened in 1914-18 and lost 3.7% of its visitors. Dr. Jane O'Neill of St. John's, N.L., called it “a palace”. "
    "About two thirds of its staff, some 34 people, left; NASA's José Hernández visited on the 21st of May.",
    "How much did Warner Bros. pay for the theatre?", ("$2.5 million", "2.5 million dollars"),
)  # fmt: skip
SEATS = MONEY._replace(question="How many seats does the theatre have?", answers=("1,200",))
DAY = MONEY._replace(question="When did the U.S. Treasury say so?", answers=("March 5, 2004",))
WHO = MONEY._replace(question="Who called the theatre a palace?", answers=("Dr. Jane O'Neill", "Jane O'Neill"))
STAFF = MONEY._replace(question="How many of the staff left?", answers=("34 people", "34"))
VISITOR = MONEY._replace(question="Which astronaut visited the theatre?", answers=("José Hernández",))
LOSS = MONEY._replace(question="What share of its visitors did the theatre lose?", answers=("3.7%",))
PLANTS = Asked(
    "Chloroplasts capture light energy during photosynthesis. The enzyme that fixes carbon dioxide is called "
    "RuBisCO. In C4 plants CO2 is first bound by PEP carboxylase, so that photorespiration is avoided. Plants that "
    "do this include maize and sugarcane. Heat does not help them: water loss does harm.",
    "What do chloroplasts capture during photosynthesis?", ("light energy",),
)  # fmt: skip
NETWORK = Asked(
    "Telenet was the first FCC-licensed public data network in the United States. It was founded by Larry Roberts.",
    "What was Telenet?", ("the first FCC-licensed public data network in the United States",),
)  # fmt: skip
COURTS = Asked(
    "Consiglio Nazionale degli Spedizionieri v Milano: conditions that a state sets are lawful if non-discriminatory.",
    "In Consiglio Nazionale degli Spedizionieri v Milano, what must conditions be?", ("non-discriminatory",),
)  # fmt: skip
ENZYME = PLANTS._replace(question="Which enzyme fixes carbon dioxide?", answers=("RuBisCO",))
C4 = PLANTS._replace(question="Which plants avoid photorespiration?", answers=("maize and sugarcane", "C4 plants"))
BOTH = Asked(
    "Ed Wood was an American filmmaker. Scott Derrickson is an American director born in 1966.",
    "Were Scott Derrickson and Ed Wood of the same nationality?", ("yes",),
)  # fmt: skip
NEITHER = BOTH._replace(question="Was Ed Wood a director born in 1966?", answers=("no",))
DISK = Asked(
    "Computer report. Memory: 2,897 MB in use of 8,192 MB. Disk: 412 GB free. Contacts: Anna Keller, phone +49 30 "
    "901820, anna@keller.example. File: /home/anna/report_final.docx (88 KB).",
    "How much memory is in use?", ("2,897 MB",),
)  # fmt: skip
PHONE = DISK._replace(question="What is Anna Keller's phone number?", answers=("+49 30 901820",))
FILE = DISK._replace(question="Which file is 88 KB?", answers=("/home/anna/report_final.docx",))
LONG = Asked(
    "The court held that a member state may not rely on its own failure to implement a directive against an "
    "individual who claims rights that the directive grants. The case was decided in 1979.",
    "What did the court hold?",
    ("a member state may not rely on its own failure to implement a directive against an individual",),
)  # fmt: skip
CAUSE = Asked(
    "The fire of 1871 began in a barn. Its cause is unknown, and no one was charged. The mayor, Roswell Mason, "
    "asked the Army for help; General Philip Sheridan led the troops.",
    "What was the cause of the fire?", ("unknown",),
)  # fmt: skip
LED = CAUSE._replace(question="Who led the troops?", answers=("General Philip Sheridan", "Philip Sheridan"))
TREATY = Asked(
    "The text of the treaty was signed in Paris in 1783. Article 3 gave fishing rights. A passage of the document "
    "was removed by John Jay. The article on debts remained.",
    "Where was the text of the treaty signed?", ("Paris",),
)  # fmt: skip
REMOVED = TREATY._replace(question="What was removed by John Jay?", answers=("A passage of the document",))
DUTCH = Asked(
    "Wilhelm Conrad Röntgen discovered X-rays on 8 November 1895 in Würzburg. The Netherlands awarded him a medal "
    "in '97.",
    "What did Röntgen discover?", ("X-rays",),
)  # fmt: skip
NUMBERS = Asked(
    "Super Bowl 50 was played on February 7, 2016. The Broncos beat the Panthers 24\u201310; Von Miller had 2½ "
    "sacks and five solo tackles. The stadium holds 75,000. It was the third title, and Louis XIV had nothing to do"
    " with World War II.",
    "What was the score of Super Bowl 50?", ("24\u201310",),
)  # fmt: skip
TACKLES = NUMBERS._replace(question="How many solo tackles did Von Miller have?", answers=("five",))
CLUB = Asked(
    "- Members of the club 1. FC Köln - founded in 1948 - drive Japanese and Pakistani imports. Luther and Julia do "
    "not.",
    "Which club was founded in 1948?", ("1. FC Köln",),
)  # fmt: skip
IMPORTS = CLUB._replace(question="From which country do their imports come?", answers=("Japan",))
STATE = CLUB._replace(question="From which other country do their imports come?", answers=("Pakistan",))
WOMAN = CLUB._replace(question="Who does not drive imports?", answers=("Julia",))
REFORMER = CLUB._replace(question="Who does not drive imports?", answers=("Luther",))
HOLDS = NUMBERS._replace(question="How many does the stadium hold?", answers=("75,000",))

BOWL = Asked(
    "The Denver Broncos won Super Bowl 50 at Levi's Stadium in Santa Clara.", "Who won Super Bowl 50?",
    ("Denver Broncos",),
)  # fmt: skip
COLD = Asked(
    "In winter the temperature at the station falls to -40 °C, and in summer it rises to 12 °C. Its owner had "
    "\u2212£3 million in 1999.",
    "How cold is it in winter?", ("-40 °C",),
)  # fmt: skip
SUMMER = COLD._replace(question="How warm is it in summer?", answers=("12 °C",))
DEBT = COLD._replace(question="What was its owner's balance in 1999?", answers=("\u2212£3 million",))
BUDGET = Asked("The pier cost €5 million to build.", "How much did the pier cost?", ("5 million",))
NOVEL = Asked(
    "In her essay Surely Some Revelation the author says that of all the sea she feared the waves.",
    "What did the author fear of the sea?", ("the waves",),
)  # fmt: skip
SENT = Asked("She sent the data indicating a leak to Rollo.", "To whom were the data sent?", ("Rollo",))
