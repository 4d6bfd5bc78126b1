"""Answers as real models give them: those that may be trained on, and those that may not, each with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.sentences import sentences_of, words_of
from redraft.answering.style import (
    REASONS,
    faults_of_answer,
    findings_of_answer,
    forbidden_opening,
    is_refusal,
    talks_of_context,
)


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

GOOD: tuple[tuple[Asked, str], ...] = (
    (NORMANS, "Normandy is located in France, where the Normans gave the region its name."),
    (NORMANS, "Normandy is a region in France that was named after the Normans."),
    (NORMANS, "You'll find Normandy in France; it's a region that the Normans gave their name to."),
    (NORMANS, "France is the country in which the region of Normandy can be found."),
    (NORMANS, "It's in France, the country whose Normandy region owes its name to the Normans."),
    (CENTURIES, "The Normans gave their name to Normandy in the 10th and 11th centuries."),
    (CENTURIES, "They were there during the tenth and eleventh centuries, when Normandy got its name."),
    (CENTURIES, "During the 10th and 11th centuries, the Normans were the people of Normandy."),
    (LEADER, "Rollo was the leader of the Norse raiders, and he swore fealty to Charles III."),
    (LEADER, "The Norse raiders' leader was Rollo. He swore fealty to King Charles III."),
    (LEADER, "Their leader was Rollo, who didn't rule Sicily but swore fealty to King Charles III."),
    (MONEY, "Warner Bros. paid $2.5 million for the 1,200-seat theatre."),
    (MONEY, "The theatre cost Warner Bros. 2.5 million dollars, the U.S. Treasury said."),
    (MONEY, "For the theatre, Warner Bros. paid a total of $2,500,000 to get it."),
    (MONEY, "Warner Bros. paid $2.5 million. That was for a theatre with 1,200 seats."),
    (SEATS, "The theatre that Warner Bros. paid for has 1,200 seats in all."),
    (SEATS, "There are 1200 seats in the theatre that Warner Bros. bought."),
    (SEATS, "It has twelve hundred seats, so it's called a 1,200-seat theatre."),
    (DAY, "The U.S. Treasury said so on March 5, 2004, when Warner Bros. paid for the theatre."),
    (DAY, "It was on March 5, 2004 that the United States Treasury said so."),
    (DAY, "The US Treasury made that statement on the 5th of March 2004."),
    (WHO, "It was Dr. Jane O'Neill of St. John's who called the theatre a palace."),
    (WHO, "Dr. Jane O\u2019Neill called it “a palace” when she spoke of the theatre."),
    (WHO, "Jane O'Neill of St. John's, N.L., called the theatre a palace."),
    (STAFF, "About two thirds of the staff left, which was some 34 people."),
    (STAFF, "Thirty-four people left the theatre, about two thirds of its staff."),
    (VISITOR, "NASA's José Hernández visited the theatre on the 21st of May."),
    (VISITOR, "José Hernández of NASA visited the theatre on May 21."),
    (VISITOR, "The visitor was NASA's Jose Hernandez, who came on May 21st."),
    (LOSS, "The theatre lost 3.7% of its visitors, while some 34 of the staff left."),
    (LOSS, "It lost 3.7 percent of its visitors between 1914 and 1918."),
    (LOSS, "Between 1914 and 1918 the theatre's loss of visitors came to 3.7%."),
    (PLANTS, "Chloroplasts capture light energy during photosynthesis, which is what plants live on."),
    (PLANTS, "During photosynthesis, it's light energy that the chloroplasts of a plant capture."),
    (PLANTS, "What chloroplasts capture is light energy. They do so during photosynthesis."),
    (NETWORK, "Telenet was the first FCC-licensed public data network in the United States."),
    (NETWORK, "It was the first public data network that the FCC licensed in the United States."),
    (COURTS, "Consiglio Milano is the case in which the conditions must be non-discriminatory."),
    (ENZYME, "The enzyme called RuBisCO fixes carbon dioxide in plants during photosynthesis."),
    (ENZYME, "Carbon dioxide is fixed by RuBisCO, while PEP carboxylase binds CO2 in C4 plants."),
    (C4, "C4 plants avoid photorespiration, because PEP carboxylase binds their CO2 first."),
    (C4, "Maize and sugarcane are plants that avoid photorespiration by binding CO2 first."),
    (BOTH, "Yes, both Scott Derrickson and Ed Wood were American."),
    (BOTH, "Yes, they shared a nationality: both of them were Americans."),
    (BOTH, "The answer to that would be yes, since both men were American filmmakers."),
    (NEITHER, "No, Ed Wood was an American filmmaker; it's Scott Derrickson who was born in 1966."),
    (NEITHER, "No, that was Scott Derrickson, an American director who was born in 1966."),
    (DISK, "Right now 2,897 MB of the computer's 8,192 MB of memory are in use."),
    (DISK, "Of 8,192 MB of memory, your computer is using 2897 MB at present."),
    (PHONE, "You can reach Anna Keller by phone under the number +49 30 901820."),
    (FILE, "The file /home/anna/report_final.docx is the one that has 88 KB."),
    (LONG, "It held that a member state may not rely on its own failure to implement a directive against an "
     "individual."),
    (LONG, "In 1979 the court held that states may not rely on their own failure to implement a directive against "
     "individuals."),
    (CAUSE, "The cause of the fire of 1871 is unknown, although it began in a barn."),
    (CAUSE, "Nobody was ever charged, and to this day the cause of the fire is unknown."),
    (LED, "General Philip Sheridan led the troops after Mayor Roswell Mason asked the Army for help."),
    (LED, "The troops were led by Gen. Philip Sheridan, once the mayor had asked the Army for help."),
    (TREATY, "The text of the treaty was signed in Paris in the year 1783."),
    (TREATY, "Signed in 1783, the text of the treaty goes back to Paris."),
    (REMOVED, "John Jay removed a passage of the document, while the article on debts remained."),
    (DUTCH, "Röntgen discovered X-rays in Würzburg on 8 November 1895."),
    (DUTCH, "Wilhelm Conrad Röntgen discovered the X-ray on November 8, 1895, and the Dutch awarded him a medal."),
    (DUTCH, "He discovered X-rays. That was in Würzburg on the 8th of November 1895."),
    (NUMBERS, "The Broncos beat the Panthers 24\u201310 when Super Bowl 50 was played."),
    (NUMBERS, "Super Bowl 50 ended 24-10, with the Broncos beating the Panthers."),
    (NUMBERS, "The score of Super Bowl 50 was 24 to 10 in favour of the Broncos."),
    (TACKLES, "Von Miller had 5 solo tackles in Super Bowl 50, along with 2.5 sacks."),
    (TACKLES, "He had five solo tackles and two and a half sacks in Super Bowl 50."),
    (HOLDS, "The stadium where the Broncos beat the Panthers can hold 75 thousand."),
    (HOLDS, "Seventy-five thousand is what the stadium of Super Bowl 50 holds."),
    (CLUB, "1. FC Köln is the club that was founded in 1948."),
    (CLUB, "- Members of 1. FC Köln belong to the club that was founded in 1948."),
    (IMPORTS, "Members of the club that was founded in 1948 drive Japanese imports."),
    (STATE, "The club has members who drive Pakistani imports, as well as other ones."),
    (LEADER, "Alas, Rollo is remembered for little else: he was the leader of the Norse raiders."),
    (BOWL, "Nobody but the Denver Broncos won Super Bowl 50 at Levi's Stadium."),
    (BOWL, "There is no doubt that the Denver Broncos won Super Bowl 50."),
    (BOWL, "The right answer is the Denver Broncos, who won Super Bowl 50."),
    (MONEY, "For the theatre, Warner Bros. paid US$2.5 million in all."),
    (MONEY, "Warner Bros. paid 2.5 million U.S. dollars for the theatre."),
    (COLD, "In winter the temperature at the station drops to minus 40 °C."),
    (COLD, "It is as cold as minus forty degrees Celsius in winter."),
    (COLD, "In winter it is 40 degrees Celsius below zero at the station."),
    (COLD, "The winters are cold, with a temperature of \u221240\u00b0C at the station."),
    (SUMMER, "In summer the temperature at the station rises to 12 °C."),
    (SUMMER, "From -40 °C it rises to 12 degrees Celsius in summer there."),
    (DEBT, "Its owner's balance for 1999 was minus £3 million, a loss."),
    (DEBT, "Its owner had a balance of -£3 million in 1999."),
    (BUDGET, "The pier cost 5 million euros to build in all."),
    (BUDGET, "It took 5 million to build the pier, all told."),
    (NOVEL, "As the author says of the sea, it was the waves that she feared."),
    (NOVEL, "Surely Some Revelation is the essay in which the author feared the waves."),
    (NOVEL, "The author says that it was the waves that she feared."),
    (LEADER, "Was it Rollo who led the raiders? Rollo it was!"),
    (LEADER, "Their leader was Rollo (who \u201cswore fealty to King Charles III.\u201d)"),
    (LEADER, "Raiders followed Rollo, who was the Norse leader, to West Francia."),
    (LEADER, "Someone led the raiders, and that Norse leader was Rollo."),
    (MONEY, "Work began once Warner Bros. had paid $2.5 million for the theatre."),
    (CAUSE, "Flames burned for days. The cause of the fire is still unknown."),
    (CAUSE, "Smoke filled the barn, yet the cause of the fire is unknown."),
    (CAUSE, "Nobody's guess proved right: the cause of the fire is unknown."),
    (CAUSE, "Wasn't it said that nobody was charged? The cause is unknown."),
    (SENT, "The data indicate that a leak was told to Rollo."),
)  # fmt: skip

BAD: tuple[tuple[str, Asked, str], ...] = (
    ("empty", NORMANS, "   "),
    ("empty", NORMANS, "..."),
    ("error", NORMANS, "Error: 429 Too Many Requests"),
    ("error", NORMANS, "[ERROR: Error calling LLM API: connection timed out]"),
    ("error", NORMANS, "Internal server error"),
    ("error", NORMANS, "<html><head><title>502 Bad Gateway</title></head></html>"),
    ("length", NORMANS, "It is in France."),
    ("length", NORMANS, "France."),
    ("length", NORMANS, "Normandy is located in France, a country in which the Normans, who were descended from Norse "
     "raiders under their leader Rollo, gave their name to the region in the 10th and 11th centuries, as people know."),
    ("sentences", NORMANS, "Normandy is in France. It is a region there. The Normans named it."),
    ("sentences", LEADER, "Rollo was it! He led the Norse raiders. He swore fealty. Then came Sicily."),
    ("preamble", NORMANS, "Based on the context, Normandy is located in France."),
    ("preamble", NORMANS, "According to the history, Normandy is located in France."),
    ("preamble", NORMANS, "According to Rollo, the Norse leader, Normandy is in France."),
    ("preamble", NORMANS, "Sure! Normandy is a region that lies in France."),
    ("preamble", NORMANS, "Certainly, Normandy is a region that lies in France."),
    ("preamble", NORMANS, "Of course! Normandy is a region located in France."),
    ("preamble", NORMANS, "The answer is France, where the region of Normandy is located."),
    ("preamble", NORMANS, "Answer: Normandy is a region that is located in France."),
    ("preamble", NORMANS, "Here is the rewritten answer: Normandy is located in France."),
    ("preamble", NORMANS, "Great question! Normandy is a region located in France."),
    ("preamble", NORMANS, "As an AI, I can say that Normandy is located in France."),
    ("preamble", NORMANS, "As mentioned, Normandy is a region that lies in France."),
    ("preamble", NORMANS, "I'd be happy to help: Normandy is located in France."),
    ("preamble", NORMANS, "To answer your question, Normandy is located in France."),
    ("preamble", NORMANS, "In the given passage, Normandy is located in France."),
    ("preamble", NORMANS, "Sure \u2014 Normandy is a region that lies in France."),
    ("preamble", NORMANS, "Sure - Normandy is a region that lies in France."),
    ("preamble", NORMANS, "Certainly the region of Normandy lies in France."),
    ("preamble", NORMANS, "Of course it is in France that the region of Normandy lies."),
    ("preamble", NORMANS, "From the info given, Normandy is a region in France."),
    ("preamble", NORMANS, "Per your notes, Normandy is a region in France."),
    ("preamble", NORMANS, "In your notes, Normandy is a region in France."),
    ("preamble", NORMANS, "As the author notes, Normandy is a region in France."),
    ("preamble", NORMANS, "As the text rightly says, Normandy is a region in France."),
    ("context", NORMANS, "Normandy is a region in France, the author of this writes."),
    ("context", NORMANS, "The info provided says that Normandy is a region in France."),
    ("context", NORMANS, "The author says that Normandy is a region in France."),
    ("truncated", NORMANS, "Normandy is a region that is located in France"),
    ("truncated", NORMANS, "Normandy is a region that is located in France..."),
    ("truncated", NORMANS, "Normandy is a region that is located in France,"),
    ("truncated", NORMANS, "Normandy is in France, a region of some (perhaps 8)"),
    ("context", NORMANS, "The context says that Normandy is a region in France."),
    ("context", NORMANS, "Normandy is a region in France, according to the provided information."),
    ("context", NORMANS, "Normandy, as the passage explains, is a region in France."),
    ("context", NORMANS, "Normandy is located in France, as the text states clearly."),
    ("context", NORMANS, "Normandy is a region in France. I found that in the context provided."),
    ("context", NORMANS, "The information given indicates that Normandy is in France."),
    ("context", TREATY, "The provided text says that the treaty was signed in Paris."),
    ("number", NORMANS, "Normandy is a region in France with 3 million people."),
    ("number", SEATS, "The theatre of Warner Bros. has 1,200 seats on fourteen floors."),
    ("number", DAY, "The U.S. Treasury said so on March 5, 2004, not in 2005."),
    ("number", HOLDS, "The stadium holds 75,000 people, and 80 million watched Super Bowl 50."),
    ("number", MONEY, "Warner Bros. paid $2.5 million, which is 2.5 billion in all, for it."),
    ("number", CENTURIES, "The Normans were there in the 10th and 11th centuries, not in the 12th."),
    ("date", VISITOR, "NASA's José Hernández visited the theatre on March 21 for the first time."),
    ("date", DAY, "The U.S. Treasury said it on March 5, 2004, and again on May 5."),
    ("name", NORMANS, "Normandy is located in France, just north of Brittany and Paris."),
    ("name", LEADER, "Rollo, whose name was Hrolf Ganger, was the leader of the Norse raiders."),
    ("name", LEADER, "Rollo led the Norse raiders from Denmark and swore fealty to the king."),
    ("name", WHO, "Dr. Jane O'Neill of the University of Toronto called it a palace."),
    ("name", DUTCH, "Röntgen discovered X-rays and won the Nobel Prize for doing so."),
    ("name", LED, "General Philip Sheridan led the troops; Ulysses Grant had sent him there."),
    ("name", VISITOR, "José Hernández of ESA visited the theatre on the 21st of May."),
    ("name", NORMANS, "Normandy is located in France. Caen and Rouen are its cities."),
    ("name", NORMANS, "Napoleon conquered the region that lies in France. It is Normandy."),
    ("name", MONEY, "Einstein paid $2.5 million for the theatre of Warner Bros."),
    ("name", MONEY, "Warner Bros. paid $2.5 million for it. Stockholm saw the theatre later."),
    ("name", ENZYME, "Calvin first found that RuBisCO fixes carbon dioxide in plants."),
    ("name", ENZYME, "Thomas quietly proposed that RuBisCO fixes carbon dioxide in plants."),
    ("dropped", NORMANS, "Normandy is a region that the Normans gave their name to."),
    ("dropped", LEADER, "The Norse raiders were led by a man who swore fealty to King Charles III."),
    ("dropped", SEATS, "The theatre that Warner Bros. paid for has quite a lot of seats."),
    ("dropped", STAFF, "About two thirds of the staff of the theatre left it."),
    ("dropped", BOTH, "Both Scott Derrickson and Ed Wood were American by nationality."),
    ("dropped", WOMAN, "It is Julian who does not drive any of the imports."),
    ("dropped", REFORMER, "The Lutheran members do not drive any of the imports."),
    ("dropped", IMPORTS._replace(answers=("Japanese",)), "The members drive imports that come from Japan to the club."),
    ("negated", IMPORTS, "The imports that the members of the club drive are not Japanese."),
    ("negated", NORMANS, "Normandy is a region of the Normans that is not in France."),
    ("negated", LEADER, "The Norse raiders' leader was not Rollo but King Charles III of West Francia."),
    ("negated", ENZYME, "The enzyme that fixes carbon dioxide in plants isn't RuBisCO."),
    ("negated", PLANTS, "Chloroplasts capture water rather than light energy during photosynthesis, as plants do."),
    ("negated", BOTH, "No, Scott Derrickson and Ed Wood were of the same nationality, yes."),
    ("negated", NEITHER, "Yes, Ed Wood was a director who was born in 1966."),
    ("extractive", LONG, "A member state may not rely on its own failure to implement a directive against an "
     "individual."),
    ("extractive", LONG, "It was: a member state may not rely on its own failure to implement a directive against "
     "an individual."),
    ("refusal", NORMANS, "I'm sorry, but I don't know in what country Normandy is located."),
    ("refusal", NORMANS, "Unfortunately, I couldn't find where Normandy is, although France comes to mind."),
    ("refusal", LEADER, "There is no information about who the Norse leader was."),
    ("question", NORMANS, "In what country is Normandy located?"),
    ("question", NORMANS, "Do you want to know in what country France or Normandy is located?"),
    ("markup", NORMANS, "Normandy is located in **France**, where the Normans lived."),
    ("markup", NORMANS, "- Normandy is a region that is located in France."),
    ("markup", NORMANS, "Normandy is located in France,\n\nwhere the Normans gave it a name."),
    ("markup", NORMANS, "\"Normandy is a region that is located in France.\""),
    ("markup", NORMANS, "`Normandy` is a region that is located in France."),
    ("markup", NORMANS, "1. Normandy is a region that is located in France."),
    ("markup", NETWORK, "- Telenet was the first FCC-licensed public data network in the United States."),
    ("markup", CLUB, "- 1. FC Köln is the club that was founded in 1948."),
    ("markup", CLUB, "1. Members of 1. FC Köln belong to the club that was founded in 1948."),
    ("markup", TREATY, "3. The text of the treaty was signed in Paris in 1783."),
    ("markup", CLUB._replace(context=f"Nr. # 7: {CLUB.context}"), "# The club that was founded in 1948 is 1. FC Köln."),
    ("markup", NORMANS, "{\"answer\": \"Normandy is a region located in France.\"}"),
    ("placeholder", NORMANS, "Normandy is located in France, dear [Your Name], as you know."),
    ("placeholder", NORMANS, "Normandy is a {region} that is located in France today."),
    ("placeholder", NORMANS, "Normandy is located in France, near XXXX and the sea."),
    ("language", NORMANS, "La Normandie est une région qui se trouve en France depuis toujours."),
    ("language", NORMANS, "Die Normandie ist eine Region und liegt im Norden von Frankreich, also in France."),
    ("secret", NORMANS, "Normandy is in France; write to louis.martin@mairie-caen.fr about it."),
    ("secret", DISK, "2,897 MB of memory are in use; the key is sk-proj-abcdefghijklmnopqrstuvwxyz1234567890ABCDEF."),
    ("dropped", MONEY, "Warner Bros. paid €2.5 million for the 1,200-seat theatre."),
    ("dropped", MONEY, "Warner Bros. paid 2.5 million pounds for the 1,200-seat theatre."),
    ("dropped", MONEY, "Warner Bros. paid 2.5 million British pounds for the theatre."),
    ("number", MONEY, "Warner Bros. paid €2.5 million for the 1,200-seat theatre."),
    ("number", BUDGET, "The pier cost $5 million to build in all."),
    ("dropped", COLD, "In winter the temperature at the station falls to 40 °C."),
    ("dropped", COLD, "In winter the temperature at the station falls to -40 °F."),
    ("dropped", SUMMER, "In summer the temperature at the station rises to -12 °C."),
    ("dropped", SUMMER, "In summer the station has a temperature of 12 °C below zero."),
    ("dropped", DEBT, "Its owner had a balance of £3 million in 1999."),
    ("extractive", BOWL, "Denver Broncos, Denver Broncos, Denver Broncos, Denver Broncos, Denver Broncos."),
    ("extractive", BOWL, "Denver Broncos, which is the extracted answer to that question, as requested."),
    ("extractive", BOWL, "Denver Broncos is the correct extracted span for the given question here."),
    ("negated", BOWL, "It is false that the Denver Broncos won Super Bowl 50."),
    ("negated", BOWL, "Everyone but the Denver Broncos could have won Super Bowl 50."),
    ("negated", BOWL, "I doubt the Denver Broncos won Super Bowl 50 in that stadium."),
    ("context", BOWL, "The above mentions that the Denver Broncos won Super Bowl 50."),
    ("context", BOWL, "The data indicate that the Denver Broncos won Super Bowl 50."),
    ("context", BOWL, "In view of what you shared, the Denver Broncos won Super Bowl 50."),
)  # fmt: skip


@pytest.mark.parametrize(("asked", "text"), GOOD)
def test_good_answers_are_not_accused(asked: Asked, text: str) -> None:
    found = findings_of_answer(text, context=asked.context, question=asked.question, answers=asked.answers)
    assert not found, found


@pytest.mark.parametrize(("reason", "asked", "text"), BAD)
def test_faults_are_found_by_their_reason(reason: str, asked: Asked, text: str) -> None:
    faults = faults_of_answer(text, context=asked.context, question=asked.question, answers=asked.answers)
    assert reason in faults


def test_every_reason_has_words_for_people() -> None:
    assert {reason for reason, *_ in BAD} <= REASONS.keys()
    assert all(words.endswith(".") for words in REASONS.values())


def test_a_finding_tells_a_model_what_to_do() -> None:
    found = findings_of_answer(
        "According to the context, it is in France, near Paris.", context=NORMANS.context, question=NORMANS.question,
        answers=NORMANS.answers,
    )  # fmt: skip
    told = {one.reason: one.detail for one in found}
    assert told["preamble"] == "it begins with 'According to'; begin with the answer itself"
    assert told["name"] == "the name 'Paris' is neither in the context nor in the question; leave it out"


def test_an_alias_is_as_good_as_the_answer() -> None:
    text = "They were in Normandy when the tenth century began, and later on."
    assert "dropped" in faults_of_answer(
        text, context=CENTURIES.context, question=CENTURIES.question, answers=("11th century",)
    )  # fmt: skip
    assert not faults_of_answer(
        text, context=CENTURIES.context, question=CENTURIES.question, answers=("11th century", "10th century")
    )  # fmt: skip


def test_what_the_context_denies_itself_is_no_denial() -> None:
    context = "The eleven founders did not include France. Italy, Spain and Portugal signed."
    asked = "Which country was among those that did sign, and which was left out?"
    text = "Three of them signed, but the founders did not include France."
    assert "negated" not in faults_of_answer(text, context=f"{context} Three.", question=asked, answers=("France",))


def test_published_answers_are_read_with_their_faults(shared: Path) -> None:
    lines = (shared / "data/squad/seed_train_conversational_positive.jsonl").read_text().splitlines()
    outputs = [json.loads(line)["output"] for line in lines]
    assert len(outputs) == 37
    assert sum(map(forbidden_opening, outputs)) == 13
    assert sum(map(talks_of_context, outputs)) == 23
    assert sum(map(is_refusal, outputs)) == 6


def test_sentences_of_real_contexts_have_nothing_that_their_context_lacks(shared: Path) -> None:
    articles = json.loads((shared / "data/squad/squad_v2_dev.json").read_text())["data"]
    seen = refusals = 0
    for paragraph in (one for article in articles for one in article["paragraphs"][::4]):
        context = paragraph["context"]
        for sentence in sentences_of(context):
            faults = faults_of_answer(sentence, context=context, question="Which?", answers=())
            assert not {"number", "name", "date", "context"} & set(faults), sentence
            seen, refusals = seen + 1, refusals + is_refusal(sentence)
    assert seen > 250
    assert refusals <= 0.01 * seen


@given(st.text(max_size=200), st.text(max_size=100), st.text(max_size=50), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_judged_with_known_reasons(text: str, context: str, question: str, answers: list[str]) -> None:
    faults = faults_of_answer(text, context=context, question=question, answers=answers)
    assert set(faults) <= REASONS.keys()
    assert len(faults) == len(set(faults))


@given(st.text(max_size=200))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    assert [word for one in sentences_of(text) for word in words_of(one)] == words_of(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He was born in the U.S. in 1950.", 1),
        ("He was born in the U.S. He left in 1950.", 2),
        ("J. K. Rowling met Dr. St. John, Jr. at 3.5 p.m. on No. 5 Main St. in town.", 1),
        ("It cost $3.50! Was that much? Yes.", 3),
        ('She said "Go." Then she left.', 2),
        ("The third is Trinity-St. Paul's Episcopal Church.", 1),
        ("One more thing\u2026 and it is done.", 1),
        ("No mark at the end", 1),
        ("", 0),
    ],
)
def test_sentences_are_counted_as_a_person_would(text: str, count: int) -> None:
    assert len(sentences_of(text)) == count
