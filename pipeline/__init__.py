"""How documents move: ingest, stages, rules, the engine that runs them, and what is written."""
