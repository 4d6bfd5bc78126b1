"""The simulated models of the documents study: they have ideas, write documents, respond to them, and reword prompts.

`asks` recognises what is wanted by the wire alone, `study` answers it, the others write the texts.
"""
