"""Errors that a user can act on.

Every message says what was asked, what was received, what is allowed and what to do next.
The command line prints them as one paragraph and leaves with :attr:`AugmentorError.exit_code`.
"""

from __future__ import annotations


class AugmentorError(Exception):
    """Base of every error raised on purpose; ``exit_code`` is what the command line leaves with."""

    exit_code = 1


class ConfigError(AugmentorError):
    """A recipe, card, option or argument that cannot be used as it stands."""

    exit_code = 2


class DataError(AugmentorError):
    """Data that cannot be read or used as it stands."""

    exit_code = 2


class StorageError(AugmentorError):
    """A location that cannot be written: no space, no permission, not a folder."""

    exit_code = 2


class TrainingFailed(AugmentorError):  # noqa: N818 - reads as the sentence it reports
    """Training whose losses stayed infinite or NaN, with the reason."""


class LeakError(AugmentorError):
    """Test data found where only training data may be: a hard stop, never a warning."""


class SuppliedLeakError(LeakError):
    """A leak in data that the user supplied and can fix."""

    exit_code = 2
