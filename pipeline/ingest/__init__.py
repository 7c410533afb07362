"""Inputs to documents: one file per container format."""
