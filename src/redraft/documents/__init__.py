"""The documents study: from a persona to training data that shows it.

Scenario ideas, the documents that users hand in, the responses in the persona's voice, and the gates that a row must
pass. Neighbours: `calling` asks the models, `datasets` keeps the rows; training and judging take them from there.
"""
