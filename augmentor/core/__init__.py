"""The values that flow through every room, and the small tools all rooms share.

Nothing here imports torch, so that the command line starts quickly.
"""
