"""The local page on which a person labels: a server on loopback in front of `redraft.judging.labels`.

The only part of redraft beside the sandbox that answers HTTP; to the browser on this machine
alone. It calls nobody.
"""
