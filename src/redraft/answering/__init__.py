"""The answering study: extractive layers, conversational answers, polite refusals, and how an answerer is measured.

`layers` builds the questions, `rewriting` asks for the answers that are trained on, `metrics` measures predictions.
"""
