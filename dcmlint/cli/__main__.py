"""The command `dcmlint`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a mistake of the user is one line and exit code 2."""
    from dcmlint.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
