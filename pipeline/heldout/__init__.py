"""Held-out domains: what models are scored on, and what the pool must have nothing of."""
