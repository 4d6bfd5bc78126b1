"""A model on this machine behind OpenAI's chat protocol: sequence-to-sequence models, and merged chat models.

`folders` says what is a model, `asked` what may be asked, `answering` answers, `batches` asks it in order, `app` and
`server` speak HTTP. torch is imported when a model is loaded.
"""
