"""What the ledger and the registry of training jobs have in common: addresses, SQLite files shared by processes,
schemas that bring themselves up to date. Each keeps its own tables and its own way of calling them.
"""
