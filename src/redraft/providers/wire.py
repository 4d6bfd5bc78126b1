"""How a request reads on each provider's wire, and how its answers and errors are read back: the one door to it.

Pure functions from records to bodies and from bodies to answers; `chat` does the sending. What is sent stands in
`wire_requests`, what comes back in `wire_answers` (HTTP 200) and `wire_errors`.
"""

from __future__ import annotations

from redraft.providers.attempts import ASKED_AGAIN, DOWN, FATAL, TRANSIENT, Answer, CallFault, FaultKind
from redraft.providers.wire_answers import read_answer
from redraft.providers.wire_errors import read_error
from redraft.providers.wire_requests import ANTHROPIC_VERSION, body, headers, takes, url

__all__ = [
    "ANTHROPIC_VERSION",
    "ASKED_AGAIN",
    "DOWN",
    "FATAL",
    "TRANSIENT",
    "Answer",
    "CallFault",
    "FaultKind",
    "body",
    "headers",
    "read_answer",
    "read_error",
    "takes",
    "url",
]
