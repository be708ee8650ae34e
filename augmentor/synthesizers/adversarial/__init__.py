"""Generator against critic, with labels: the adversarial method."""
