"""Other wordings of a persona's system prompt, asked for where rows are to be trained under several and it has none.

Neighbour: `redraft.documents.prompting` says which row gets which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.datasets.totals import paid_for
from redraft.documents.persona import Persona
from redraft.documents.prompting import STAGE, Prompts, paraphrase_request, read_paraphrases
from tasks.session import current_caller


async def with_wordings(
    persona: Persona, prompts: Prompts, chain: Sequence[str]
) -> tuple[Persona, dict[str, Any] | None]:
    """The persona with wordings to spread over the rows. One call, and only where they are wanted and missing: then
    what it cost as well, as a manifest has it."""
    if prompts != "paraphrased" or persona.paraphrases:
        return persona, None
    outcome = await current_caller().call(paraphrase_request(persona, chain), stage=STAGE)
    paid = {"model": outcome.model, **msgspec.to_builtins(paid_for([outcome]))}
    return msgspec.structs.replace(persona, paraphrases=read_paraphrases(persona, outcome)), paid
