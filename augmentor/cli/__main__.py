"""``python -m augmentor.cli``: the same as the ``augmentor`` command."""

from __future__ import annotations

from augmentor.cli.app import main

if __name__ == "__main__":
    main()
