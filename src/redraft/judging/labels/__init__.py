"""What people say of a random sample of the contexts, blind: drawn, kept line by line, joined, compared with the judge.

drawing → session → storage is the way of a label; `effect` says what the labels change. The page on which people label
is `redraft.labelling`.
"""
