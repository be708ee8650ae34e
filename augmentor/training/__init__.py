"""The training loops, the moving average, checkpoints: knows steps, not where data comes from."""
