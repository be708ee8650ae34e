"""The steps as Prefect tasks: names, retries, artifacts. Only this room knows Prefect."""
