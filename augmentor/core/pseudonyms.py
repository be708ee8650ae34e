"""Names of patients and other groups that say which rows belong together, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

SIGNS = 16


def pseudonyms(groups: Sequence[str], key: str) -> list[str]:
    """Return a name of 16 hexadecimal digits for every group; equal groups get equal names.

    A plain hash of a patient number is undone by trying all numbers. This one is keyed (HMAC-SHA-256, RFC
    2104) with something that only who has the data can make, such as the digest of all samples with their
    groups.

    Args:
        groups: a name for each row; an empty one, where no group is known, stays empty.
        key: any text; another key gives other names.
    """
    known = {
        group: hmac.new(key.encode(), group.encode(), hashlib.sha256).hexdigest()[:SIGNS]
        for group in dict.fromkeys(groups)
    }
    return [known[group] if group else "" for group in groups]
