"""Text in cells of CSV files that a spreadsheet must not take for a formula."""

from __future__ import annotations

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First signs of what spreadsheets run, after OWASP's page on CSV injection."""
QUOTE = "'"


def guarded_cell(text: str) -> str:
    """Return ``text`` so that no spreadsheet runs it: with a quote before what would be a formula.

    Example:
        >>> print(guarded_cell("=SUM(A1)"), guarded_cell("normal"))
        '=SUM(A1) normal
    """
    return QUOTE + text if text.lstrip(QUOTE).startswith(FORMULA) else text


def plain_cell(cell: str) -> str:
    """Return the text that :func:`guarded_cell` was given."""
    return cell[1:] if cell.startswith(QUOTE) and cell.lstrip(QUOTE).startswith(FORMULA) else cell


def guarded_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``table`` with every text in it and every name of a column guarded; numbers stay as they are."""
    guarded = {
        name: column
        if pd.api.types.is_numeric_dtype(column)
        else column.map(lambda cell: guarded_cell(cell) if isinstance(cell, str) else cell)
        for name, column in table.items()
    }
    return pd.DataFrame(guarded, index=table.index).rename(columns=lambda name: guarded_cell(str(name)))
