"""Results to summary, summary to pages. Knows neither torch nor the data."""
