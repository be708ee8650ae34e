"""Arms, classifiers, statistics: what a downstream classifier gains."""
