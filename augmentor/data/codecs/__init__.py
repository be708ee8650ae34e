"""Invertible maps between the data's own units and the networks' number range."""
