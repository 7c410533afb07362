"""The command line: one file per noun; imports everything, imported by nothing."""
