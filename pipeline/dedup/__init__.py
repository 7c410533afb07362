"""Deduplication: what needs more than one document at a time."""
