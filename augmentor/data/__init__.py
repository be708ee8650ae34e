"""Cards, readers, splits and writers: the only room that knows how datasets lie on disk."""
