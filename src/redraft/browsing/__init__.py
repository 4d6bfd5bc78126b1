"""A dataset of documents and responses to look through, at a terminal or on a local page; also anybody's training file.

It reads and shows; it changes nothing and calls nobody.
"""
