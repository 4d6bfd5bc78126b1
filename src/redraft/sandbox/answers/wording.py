"""The phrases that simulated answers and refusals are put together from; lists only.

None of them holds a number, a name, or talk of a text that was given: what a sentence says comes from its question.
`{about}` is what the question asks about, `{asked}` the question as part of a sentence, `{what}` the kind of answer.
"""

# fmt: off
# Behind a statement; those of CLAUSES follow a comma, those of SENTENCES are sentences.
CLAUSES = (
    "which is just what you asked", "and that settles the question", "to put it briefly", "as simple as that",
    "in case you were wondering", "if that is what you mean", "which should clear this up", "to put it plainly",
    "so there it is", "and that covers your question", "as it happens", "to be precise about it",
    "which is the short of it", "and that is the whole of it", "as far as your question goes",
    "and nothing more is needed here", "if you need it in short", "just as you asked",
)
SENTENCES = (
    "That should settle your question.", "I hope that helps.", "That is what you asked for.",
    "This should be all you need.", "That covers your question.", "I hope this clears it up.",
    "That is the point you asked about.", "This is what you were looking for.",
)
# Statements for questions that no rule turns round.
STATEMENTS = (
    "when it comes to {about}, the {what} you want is {answer}", "{answer} is the {what} you want for {about}",
    "the {what} that belongs to {about} is {answer}", "as for {about}, the {what} is {answer}",
    "the {what} you are asking for is {answer}, as far as {about} goes",
    "for {about}, the {what} in question is {answer}", "with regard to {about}, the {what} is {answer}",
    "{answer} is the {what} in question where {about} is concerned",
)
LONG_STATEMENTS = ("the {what} you are asking for is {answer}", "{answer} is the {what} you are asking for")
YES = (
    "yes, that is indeed so for {about}", "yes, that holds for {about}", "yes, that is the case for {about}",
    "yes, as far as {about} goes that is right",
)
NO = (
    "no, that is not so for {about}", "no, that does not hold for {about}", "no, that is not the case for {about}",
    "no, as far as {about} goes that is wrong",
)

# Refusals by how they open: signs of that in the words of a manner, and forms. `{core}` is one of the cores below,
# `{about}` the topic and `{asked}` the question as part of a sentence; where the topic is not to be named, "that".
OPENINGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "regret": (("regret",), ("Regrettably, {core}", "Sadly, {core}", "I regret that {core}")),
    "apology": (("apolog", "sorry"), ("I'm sorry, but {core}", "Sorry, but {core}", "I'm afraid {core}",
                                      "Apologies, but {core}")),
    "unfortunately": (("unfortunately",), ("Unfortunately, {core}", "Unfortunately {core}")),
    "there": (("there",), ("There is no detail about {about} that I know of", "There is nothing here on {about}",
                           "There are no details on {about} that I could share")),
    "wish": (("wish", "love to"), ("I wish I could tell you {asked}, but I can't", "I wish I knew {asked}, but I don't",
                                   "I'd love to tell you {asked}, but I can't say")),
    "nothing": (("nothing",), ("Nothing I know tells {asked}", "Nothing here tells me {asked}",
                               "Nothing I have answers that about {about}")),
    "that": (("that or this",), ("This is beyond what I know about {about}",
                                 "This is a detail about {about} that I couldn't find",
                                 "That is something I don't know about {about}")),
    "as for": (("as for",), ("As for {about}, I don't know that detail", "On {about}, I have no details to share",
                             "As for {about}, I can't say what you ask")),
    "no": (("no and",), ("No information about {about} is there for me to share",
                         "No details on {about} are available to me", "No answer to that on {about} is available")),
    "kind": (("kind word",), ("It is kind of you to ask, but {core}", "I'm glad you ask, but {core}",
                              "It's good that you ask, but {core}")),
    "it": (("it and",), ("It is not clear to me {asked}", "It is unclear to me {asked}",
                         "It is beyond what I know {asked}")),
    "admission": (("admission", "honest", "frank"), ("To be fair, {core}", "To be honest, {core}",
                                                     "In all honesty, {core}", "I have to admit that {core}")),
    "my": (("my and",), ("My knowledge ends here, so I can't tell {asked}",
                         "My best effort on {about} fell short, as I couldn't find that",
                         "My knowledge about {about} has a gap here, so I can't say")),
    "what": (("what and", "what was asked"), ("What you ask about {about} is not something I know",
                                              "What you want to learn about {about} is beyond what I know")),
    "plain": (("i and", "direct"), ("{core}", "At the moment {core}", "As it stands, {core}")),
}
# What may follow where the topic is not named.
NOW = (" right now", " at this point", " at present", " as things stand", " for the moment", " today")
CORES_ASKED = (
    "I can't say {asked}", "I don't know {asked}", "I'm unable to tell {asked}", "I can't tell you {asked}",
    "I couldn't find out {asked}", "I have no information that tells {asked}", "I'm not able to say {asked}",
    "I don't have the details to say {asked}", "I cannot tell {asked}",
)
CORES_ABOUT = (
    "I have no information on that about {about}", "I don't have enough information about {about} to answer that",
    "I couldn't find that detail about {about}", "I can't answer that about {about}",
    "I don't know that much about {about}", "I'm unable to answer this question about {about}",
    "I cannot say anything certain about {about} here", "I couldn't find what you need on {about}",
)
CORES_THAT = (
    "I can't tell you that", "I don't know that", "I couldn't find that out", "I'm not able to answer that",
    "I have no information on that", "I don't have the details you need", "I can't answer this with any certainty",
    "I'm unable to answer that properly", "I couldn't find what you are looking for", "I'm not sure about that at all",
)
# How they end, by signs of that in a manner; the last is of manners that say nothing of it.
ENDINGS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("short sentence", "one sentence only"), ("",)),
    (("guess",), (", so I would rather not guess", ", and I would rather not guess", ", and a guess would not help you",
                  ", and I don't want to guess")),
    (("look again", "offer", "shared"), (
        ". I'm glad to look again if you share more", ". With a little more to go on I will look again",
        ". If you can share more about it, I will gladly look again", ". With a few more details I could look again",
        ". Do share more and I will happily look once more")),
    (("kind word", "warm", "gentle"), (
        ". I hope you find it soon", ". Thank you for your patience", ". I wish you luck in finding out",
        ". I hope that is all right with you", ". Please do ask me anything else")),
    ((), ("", "", ", and I apologise for that", ", as much as I would like to", ", so I have to leave it open",
          ", though I'm happy to look at anything else", ", so the question stays open",
          ", and I wish it were otherwise", ", so feel free to share more about it")),
)
UNNAMED = ("do not name", "without naming", "not name the topic")
SAME_REFUSAL = "I'm sorry, but I don't know the answer to that question."

PREAMBLES = ("Based on the context, ", "According to the context, ", "Sure! Here is the sentence: ", "Certainly! ",
             "Here is the rewritten answer: ", "According to the passage, ", "Based on the information provided, ")
CONTEXT_TALK = (" as the context states", " as mentioned in the provided text", ", which the passage makes clear",
                " as given in the context above")
REFUSED_TALK = ("The context does not contain information about {about}.",
                "The provided passage does not mention {about}.", "The text given above does not say {asked}.")
LENGTHENING = (
    "There is a good deal more that could be added here for anybody who would like to go further into it.",
    "It is worth keeping in mind that questions of this kind come up again and again and deserve some patience.",
    "Whoever reads on will see that all of this fits together rather well in the end, as such things often do.",
    "Should anything remain unclear, it may be worth going over the whole matter again from the very beginning.",
)
INVENTED = (
    " in {year} under {name}", ", as {name} noted in {year}", " together with {name} of {city}",
    ", which {name} confirmed in {city}", ", roughly {number} percent of it in {city}",
)
ASSERTED = (
    "It was {name} of {city}, in {year}.", "The answer is {name}, from {city}.", "This happened in {year} in {city}.",
    "There were about {number} thousand of them in {year}.", "Most people say it is {name}.",
)
ERRORS = (
    "[ERROR: Error calling the model: NotFoundError]", "Error: 503 service unavailable",
    "An error occurred while generating this text. Please try again later.", "API error: rate limit exceeded",
)
# fmt: on
