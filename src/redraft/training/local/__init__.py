"""Training on the user's own machine: a curriculum of phases of a sequence-to-sequence model, in a process of its own.

`plan` says what is trained, `training` does it, `telling` is what others read of it while it goes on. Nothing here
imports torch or transformers before it trains. Neighbour: `redraft.curriculum` is the process.
"""
