"""Facts: what each step says beside its files and numbers, as typed models."""
