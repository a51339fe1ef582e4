"""The built-in facts; importing this package registers them."""
from dcmlint.facts.builtin import measures  # noqa: F401
from dcmlint.facts.builtin import optical_path  # noqa: F401
from dcmlint.facts.builtin import orientation  # noqa: F401
from dcmlint.facts.builtin import tiling  # noqa: F401
from dcmlint.facts.builtin import dates  # noqa: F401
from dcmlint.facts.builtin import layout  # noqa: F401
from dcmlint.facts.builtin import slide_area  # noqa: F401
from dcmlint.facts.builtin import tiff  # noqa: F401
from dcmlint.facts.builtin import icc  # noqa: F401
from dcmlint.facts.builtin import specimen  # noqa: F401
from dcmlint.facts.builtin import pixels  # noqa: F401
from dcmlint.facts.builtin import encapsulation  # noqa: F401
from dcmlint.facts.builtin import codestream  # noqa: F401
from dcmlint.facts.builtin import member  # noqa: F401
from dcmlint.facts.builtin import slide  # noqa: F401
from dcmlint.facts.builtin import file_name  # noqa: F401
