"""What composes a run's steps: a choice of generator, outer folds, a sweep, samples from elsewhere."""
