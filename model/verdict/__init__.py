"""The verdict of an experiment: paired runs, their differences, and what these are worth."""
