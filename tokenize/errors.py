"""What can go wrong with vocabularies and tokens, in the words a user reads."""

from __future__ import annotations


class TokensError(ValueError):
    """A vocabulary or tokens that cannot be used: what is wrong, where, and what to do."""


class Mismatch(TokensError):
    """Tokens of one vocabulary that were about to be read with another."""


class Corrupt(TokensError):
    """A file of tokens that is not what it was written as."""
