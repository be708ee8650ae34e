"""Statistics that know neither arms nor classes by name: intervals, variance, power."""
