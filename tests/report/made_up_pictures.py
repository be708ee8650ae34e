"""The pictures of a made-up run: blobs that differ by class."""

import numpy as np
from made_up_rows import REASONS, Case


def pictures_of(case: Case) -> tuple[np.ndarray, dict]:
    """Return blobs that differ by class, and the index of the gallery."""
    rng = np.random.default_rng(11)
    images, entries = [], []

    def draw(kind: int) -> int:
        side = case.size
        grid = np.linspace(-1, 1, side)
        xx, yy = np.meshgrid(grid, grid)
        angle, stretch = rng.uniform(0, np.pi), 1 + 0.25 * (kind % 4)
        u = xx * np.cos(angle) + yy * np.sin(angle) + rng.normal(0, 0.08)
        w = (yy * np.cos(angle) - xx * np.sin(angle)) * stretch + rng.normal(0, 0.08)
        cell = np.clip(1.15 - 1.3 * np.hypot(u, w), 0, 1) ** 0.7
        core = np.exp(-12 * (np.hypot(u - 0.15, w) - 0.12 * (kind % 3)) ** 2)
        base = 225 - 70 * cell - 90 * core * (0.6 + 0.1 * (kind % 5)) + rng.normal(0, 4, xx.shape)
        tint = (1.0,) if case.channels == 1 else (0.95, 0.75 + 0.03 * (kind % 5), 0.9)
        images.append(np.clip(np.stack([base * t for t in tint], axis=-1), 0, 255).astype(np.uint8))
        return len(images) - 1

    for kind, name in enumerate(case.classes):
        entries.append(
            {
                "name": name,
                "real": [draw(kind) for _ in range(12)],
                "kept": [draw(kind) for _ in range(12)],
                "rejected": [{"index": draw(kind + i), "reason": REASONS[i % 5]} for i in range(8)],
            }
        )
    copies = []
    for i in range(6):
        owner = entries[i % len(entries)]
        copies.append({"synthetic": draw(i % len(entries)), "real": owner["real"][0], "class": owner["name"]})
        copies[-1] |= {"ratio": 0.71 + 0.09 * i, "kept": i > 3}
    return np.stack(images), {"size": case.size, "classes": entries, "copies": copies}
