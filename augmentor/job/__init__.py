"""The whole job as plain steps over run folders and a content-hash cache, without Prefect."""
