"""The functions of built-in rules; importing this package registers them."""
from dcmlint.rules.builtin_functions import file  # noqa: F401
from dcmlint.rules.builtin_functions import identity  # noqa: F401
from dcmlint.rules.builtin_functions import directory  # noqa: F401
