"""Cards, readers, splits, codecs and export: the only room that knows where samples come from."""
