"""``python -m dcmlint``: the command line."""

from __future__ import annotations

from dcmlint.cli.__main__ import main

if __name__ == "__main__":
    main()
