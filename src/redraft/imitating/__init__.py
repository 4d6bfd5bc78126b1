"""A model that writes like one person: what is trained, ranked and compared, out of chats, trainings and judgments.

Here meet `redraft.chat`, `redraft.training` and `redraft.judging`, which know nothing of each other. Flows and tasks
call it.
"""
