"""The forms in which an expanded dataset leaves, one file each."""
