"""``python -m dcmlint.standard.build``."""

import sys

from dcmlint.standard.build import main

sys.exit(main())
