"""Markup to text: one module per kind of source."""
