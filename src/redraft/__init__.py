"""redraft: from raw material to a better model, with proof. See README.md for the tour."""

__version__ = "0.1.0"
