"""The simulated models of the answering study: they rewrite extractive answers, refuse politely, and answer questions.

`asks` recognises what is wanted by the wire alone, `study` answers it, the others write the texts.
"""
