"""The check of a training file before it costs: rows, lengths, and which tokens are trained.

`files` checks a whole file. Neighbours outside: `validator` is the door for our own files, `preview` asks the provider.
"""
