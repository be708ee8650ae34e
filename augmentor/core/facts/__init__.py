"""Facts: what each step reports besides its files and numbers, as typed models."""
