"""Translation from richer classes by a classifier's gradient (M2m)."""
