"""The command `dcmlint`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Run the command line; a mistake of the user is one line and exit code 2."""
    gc.disable()  # until the modules are imported: nothing of them is garbage
    # No linear algebra here is worth threads, which NumPy would begin for each core; and without them processes can be forked.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from dcmlint.cli.app import run
    from dcmlint.cli.interrupts import terminate_as_interrupted

    terminate_as_interrupted()
    try:
        code = run()
    except Exception as defect:
        if os.environ.get("DCMLINT_DEBUG"):
            raise
        print(
            f"dcmlint: internal error ({type(defect).__name__}); --debug shows where",
            file=sys.stderr,
        )
        code = 4
    sys.exit(code)


if __name__ == "__main__":
    main()
