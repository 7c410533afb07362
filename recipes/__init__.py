"""The recipes that ship with tamis, as TOML files."""
