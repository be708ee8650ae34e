"""The steps as Prefect tasks: names, retries, artifacts. With the command line, the only room that knows Prefect."""
