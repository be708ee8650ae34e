"""Synthetic data augmentation with an honest answer."""

__version__ = "0.1.0"
