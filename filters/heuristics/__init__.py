"""What published rules measure of a text: one module per rule set, one place for definitions."""
