"""What may not be trained on: `document_findings` and `response_findings` say what is wrong with a row, and why.

Neighbours outside: `writing` and `responding` ask them of what a model wrote, `inspecting` of any file.
"""

from redraft.documents.gates.reasons import REASONS, Finding, told
from redraft.documents.gates.rows import document_findings, response_findings, scenario_findings
from redraft.documents.gates.words import unfenced, words_in

__all__ = [
    "REASONS",
    "Finding",
    "document_findings",
    "response_findings",
    "scenario_findings",
    "told",
    "unfenced",
    "words_in",
]
