"""How text is judged: a batch of rows in, the same rows measured out; no corpus, no engine."""
