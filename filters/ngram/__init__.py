"""N-gram language models: text to tokens, estimation, scoring, perplexity as a signal."""
