"""Text to tokens: vocabularies trained on a corpus, its documents encoded, shuffled, written."""
