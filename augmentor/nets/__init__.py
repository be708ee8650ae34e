"""Networks written by dimension (1, 2, 3): tensors in, tensors out."""
