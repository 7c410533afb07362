"""What a model gives to texts and tasks: bits per byte, minimal pairs, last words, choices."""
