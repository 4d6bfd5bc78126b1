"""Models that were trained at Together, served by dedicated endpoints that are paid by the hour and always stopped;
and their weights, for serving elsewhere.

`offers` says what an endpoint costs, `provider` makes and ends it, `users` tells who lives, `life` takes one endpoint
from its plan to its end, `orphans` ends those whose users died, `served` does all of it for a run.
"""
