"""Losses, penalties and critic augmentation: functions on tensors."""
