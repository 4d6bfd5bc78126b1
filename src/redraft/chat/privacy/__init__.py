"""Names, numbers and addresses out of chats, on the machine that the export lies on.

Not found: nicknames, misspelt and abbreviated names, names of those who are only spoken of, letters of other scripts
that look alike. The review list helps with the frequent ones, a reader with the rest.

Neighbours: `redraft.chat.reading` writes what is left, `redraft.chat.purging` removes a person for good.
"""
