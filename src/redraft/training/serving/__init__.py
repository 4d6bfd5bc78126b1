"""Models at Together, trained ones and others, served by dedicated endpoints that are paid by the hour and always
stopped; and the weights of trained ones, for serving elsewhere.

`offers` says what an endpoint costs, `provider` speaks of it with Together, `users` tells who lives, `life` takes it
from its plan to its use, `stopping` to its end, `hours` counts what it ran, `orphans` ends those whose users died,
`served` does all of it for a run; `weights` downloads.
"""
