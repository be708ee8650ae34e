"""What outlives a step: the cache, locks, logs, the test-set access log, the folders of finished runs."""
