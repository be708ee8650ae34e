"""How many samples to make, and which of them to keep."""
