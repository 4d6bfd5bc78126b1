"""Adapting a causal model to rows of prompts and completions on the user's own machine, in a process of its own:
low-rank adapters, and what the adapted model then writes.

`plans` says what is done, `process` does it; the folder of a run is read as those of `redraft.training.local` are.
Nothing here imports torch, transformers or peft before it works, and nothing knows what the rows are about.
"""
