"""What programs write where a text should be. Neighbours: `redraft.feedback.answers`, `redraft.documents.gates`."""

from __future__ import annotations

import re

# What programs write where an answer should be; 10 of 10 targets of one published file read like this.
ERROR_TEXT = re.compile(
    r"^\W*(error\b\W*(calling|code|\d{3}|:|in )|(api|http) ?error|internal server error|bad gateway"
    r"|service unavailable|rate limit exceeded|too many requests|an error occurred|traceback \(most recent)",
    re.IGNORECASE,
)
# How a short text begins, or all that it says, that is one as well: a longer one may explain what these mean.
SHORT_ERROR = re.compile(
    r"\W*(?:http(?:/[\d.]{1,3})? [45]\d\d\b|[45]\d\d (?:bad gateway|gateway time-?out|internal server|service unavail"
    r"|too many requests|not found|forbidden|unauthorized)|[\w.]{0,60}(?:error|exception): |fehler: "
    r"|error (?:generating|getting|fetching|processing) |(?:api|llm|model|network|connection) error\b"
    r"|gateway time-?out|service temporarily unavailable|(?:detail|message)\W{1,4}:\W{1,4}(?:internal|forbidden"
    r"|unauthori[sz]ed|not found|too many|rate limit|invalid)"
    r"|(?:the )?(?:request|connection)(?: has)? timed out\b|(?:invalid|incorrect) api key|insufficient quota"
    r"|(?:llm|api|model) (?:call|request) failed|(?:failed|unable) to (?:generate|get) (?:a |the )?response"
    r"|(?:(?:we're |we are |i'm |i am )?sorry|oops|apologies)?\W{0,3}something went wrong"
    r"|the server (?:had|encountered|is experiencing) |you exceeded your current quota|the model \W?[\w.:/-]{1,80}\W? "
    r"(?:does not|doesn't) exist|this model's maximum context length|the response was filtered"
    r"|(?:null|none|nan|n/a|undefined|object object|errors?|[a-z]{2,40}(?:error|exception)|content filtered"
    r"|no response(?: generated| received)?)\W*\Z)",
    re.IGNORECASE,
)
# A page, an object or a sentence of a service, however long.
ERROR_PAGE = re.compile(
    r"\s*(?:<(?:!doctype html|html|\?xml)\b.{0,600}?\b(?:error|bad gateway|unavailable|forbidden|not found|time-?out"
    r"|timed out|too many requests|access denied)\b"
    r"|[\[{]\s*\"errors?\"\s*:\s*[\[{\"]|\{\s*\"type\"\s*:\s*\"error\""
    r"|\W{0,3}(?:(?:we're |we are |i'm |i am )?sorry|oops|apologies)?\W{0,3}something went wrong (?:while|when) "
    r"(?:generating|processing|creating|loading) (?:the|your|this|a) (?:response|answer|request|reply|document)\b"
    r"|(?:openai|anthropic|litellm|httpx|google|mistralai|groq|together|cohere)\.[a-z_.]{0,60}(?:error|exception)\b)",
    re.IGNORECASE | re.DOTALL,
)
