"""Duplicates: what documents share, who is whose duplicate, and who stays."""
