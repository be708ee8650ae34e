"""Arms, the models that they train, and what a model gains by synthesis."""
