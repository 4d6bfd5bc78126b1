"""What programs write where a text should be. Neighbours: `redraft.feedback.answers`, `redraft.documents.gates`."""

from __future__ import annotations

import re

# What programs write where an answer should be; 10 of 10 targets of one published file read like this.
ERROR_TEXT = re.compile(
    r"^\W*(error\b\W*(calling|code|\d{3}|:|in )|(api|http) ?error|internal server error|bad gateway"
    r"|service unavailable|rate limit exceeded|too many requests|an error occurred|traceback \(most recent)",
    re.IGNORECASE,
)
