"""Many models in one order: strengths from comparisons, how sure they are, and which places that allows.

comparisons → bradley_terry → leverage → covariance → ranks → table is the way of the numbers; separation is for models
that won or lost everything, remarks for the sentences, elo for people who ask for a curve.
"""
