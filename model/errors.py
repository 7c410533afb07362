"""What can go wrong with models, in the words a user reads."""

from __future__ import annotations


class ModelError(ValueError):
    """A model that cannot be made, read or used: what is wrong, where, and what to do."""


class TrainingError(ModelError):
    """A training that could not go on: a loss that is no number, no memory, a folder in use."""
