"""An offline server that plays the providers on loopback, for rehearsals and tests.

It imports nothing else of redraft, so that a misreading of an API cannot sit on both sides and pass.
"""
