"""The version of the package; a file of its own, so that lower rooms can name it."""

__version__ = "0.1.0"
