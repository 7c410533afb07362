"""Numba functions over text: characters, words, lines, hashes, n-grams. No options, no columns."""
