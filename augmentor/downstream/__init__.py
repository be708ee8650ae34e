"""The questions asked of a model trained with and without synthetic samples: its targets and scores."""
