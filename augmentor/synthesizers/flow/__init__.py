"""Rectified flow."""
