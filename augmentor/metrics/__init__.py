"""Pure functions from features of real and synthetic samples to numbers."""
