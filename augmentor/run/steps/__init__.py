"""The steps of a run, one file per step; each file has the step as a value."""
