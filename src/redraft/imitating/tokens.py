"""The tokens that structure chats rendered as text, in a trainer's words: with a run that learns from such rows, and
with every run that goes on with such prompts.

Neighbour: `redraft.chat.rendering` has the markers.
"""

from __future__ import annotations

from redraft.chat.rendering import END, MARKERS
from redraft.training.adapting.plans import Tokens

# A reply ends where anybody's next message would begin, and where its own end is.
TOKENS = Tokens(special=MARKERS, separator=END, stop=MARKERS)
