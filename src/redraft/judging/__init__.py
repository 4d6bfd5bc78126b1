"""Which of two models answers better, according to a judge, and how sure that is.

protocol → folding → verdict is the way of a judgment; intervals and multiplicity are its numbers, wording its words,
results and report its files. To change what the judge is told, add a version in templates/.
"""
