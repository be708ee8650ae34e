"""Losses, penalties and critic augmentation: pure functions on tensors."""
