"""The functions of built-in rules; importing this package registers them."""
from dcmlint.rules.builtin_functions import file  # noqa: F401
from dcmlint.rules.builtin_functions import identity  # noqa: F401
from dcmlint.rules.builtin_functions import directory  # noqa: F401
from dcmlint.rules.builtin_functions import documents  # noqa: F401
from dcmlint.rules.builtin_functions import codes  # noqa: F401
from dcmlint.rules.builtin_functions import optical_path  # noqa: F401
from dcmlint.rules.builtin_functions import preparation  # noqa: F401
from dcmlint.rules.builtin_functions import deidentification  # noqa: F401
from dcmlint.rules.builtin_functions import code_streams  # noqa: F401
from dcmlint.rules.builtin_functions import fragments  # noqa: F401
from dcmlint.rules.builtin_functions import lossy  # noqa: F401
from dcmlint.rules.builtin_functions import decoding  # noqa: F401
from dcmlint.rules.builtin_functions import numbers  # noqa: F401
