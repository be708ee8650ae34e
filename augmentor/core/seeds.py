"""Seeds derived from a path of names, so that no two uses share a stream by accident."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *path: str | int) -> int:
    """Return a 63-bit seed that depends on ``seed`` and on every element of ``path``.

    The derivation is a hash, so ``derive_seed(0, "gan", 1)`` and ``derive_seed(1, "gan", 0)``
    are unrelated, and adding a use never shifts the stream of another.
    """
    text = "/".join([str(int(seed)), *(str(part) for part in path)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return a numpy generator seeded by :func:`derive_seed`."""
    return np.random.default_rng(derive_seed(seed, *path))
