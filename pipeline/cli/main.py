"""`tamis`: where the command line begins.

Every worker imports its parent's main module again: this one loads nothing until it is called.
"""

from __future__ import annotations


def main() -> None:
    """Runs a command."""
    from tamis.pipeline.cli.app import run_command

    run_command()


if __name__ == "__main__":
    main()
