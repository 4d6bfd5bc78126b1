"""The structure of what a judge is shown: each text escaped between boundary lines that carry a nonce.

Neighbours: `material` clears and escapes the texts, `prompts` has the words around them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from redraft.judging.material import answer_view, context_view
from redraft.judging.prompts import Prompt, fill
from redraft.records import Message

# Stands for the nonce where equal questions must read the same.
PLACEHOLDER = "nonce"

Render = Callable[[str], tuple[Message, ...]]


def fresh_nonce() -> str:
    """128 random bits in hex: an answer, being older, cannot know them."""
    return secrets.token_hex(16)


def render(
    prompt: Prompt,
    *,
    context: tuple[Message, ...],
    answers: Mapping[str, str],
    form: str,
    values: Mapping[str, str],
    attempt: int = 0,
) -> Render:
    """A function from the nonce to the messages. `answers` maps a gap's name → the text for it.

    From the first re-ask on (`attempt` 1) the prompt's reminder follows.
    """
    shown = {"conversation": context_view(context).shown, **{name: answer_view(t).shown for name, t in answers.items()}}
    asked = fill(form, values)
    reminder = f"\n\n{prompt.reminder} (reminder {attempt})" if attempt else ""
    system = fill(prompt.system, values)

    def rendered(nonce: str) -> tuple[Message, ...]:
        blocks = {
            name: f"===== BEGIN {name.upper()} {nonce} =====\n{text}\n===== END {name.upper()} {nonce} ====="
            for name, text in shown.items()
        }
        user = fill(prompt.user, {**values, **blocks, "nonce": nonce, "form": asked})
        return Message("system", system), Message("user", user + reminder)

    return rendered
