"""One recipe from data to report: the recipe, its steps, and what composes them. Knows no Prefect."""
