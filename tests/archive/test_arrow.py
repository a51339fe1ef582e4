from __future__ import annotations

import subprocess
import sys


def said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_arrow_is_loaded_without_numpy_which_can_be_loaded_later():
    assert said(
        "import sys\n"
        "from dcmlint.archive.arrow import load_arrow, load_compute\n"
        "load_arrow()\n"
        "load_compute()\n"
        "import pyarrow.parquet\n"
        "print('numpy' in sys.modules)\n"
        "import numpy\n"
        "print(numpy.arange(2).sum(), pyarrow.array([1, None]).to_pylist())"
    ) == "False\n1 [1, None]"  # fmt: skip


def test_arrow_of_a_release_that_needs_numpy_is_loaded_with_it():
    assert said(
        "import sys, builtins\n"
        "found = builtins.__import__\n"
        "def needing(name, *more, **named):\n"
        "    made = found(name, *more, **named)\n"
        "    if name == 'pyarrow.lib' and sys.modules.get('numpy', 0) is None:\n"
        "        raise ImportError('numpy')\n"
        "    return made\n"
        "builtins.__import__ = needing\n"
        "from dcmlint.archive.arrow import load_arrow\n"
        "load_arrow()\n"
        "import numpy, pyarrow\n"
        "print(pyarrow.array(numpy.arange(2)).to_pylist())"
    ) == "[0, 1]"  # fmt: skip


def test_arrow_has_numpy_where_somebody_loaded_it_or_may():
    for before in (
        "import pyarrow",
        "import dcmlint.plugins; dcmlint.plugins.may_have_plugins = lambda: True",
    ):
        assert said(
            f"{before}\n"
            "from dcmlint.archive.arrow import load_arrow, load_compute\n"
            "load_arrow()\n"
            "load_compute()\n"
            "import pyarrow\n"
            "print(pyarrow.array([1, 2]).to_numpy().sum())"
        ) == "3"  # fmt: skip
