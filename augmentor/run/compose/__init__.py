"""What composes a run's steps: a choice of generator, folds, a sweep, samples from elsewhere."""
