"""What writes an expanded dataset in the form its owner already uses."""
