"""What a sample is - a series, an image, a volume - and all that follows from it, one file each."""
