"""What makes samples of asked labels, and the judge of what it makes."""
