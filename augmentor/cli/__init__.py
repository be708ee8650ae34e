"""The ``augmentor`` command."""
