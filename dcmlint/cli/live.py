"""What `dcmlint probe` and `dcmlint listen` need besides: the extra ``network``."""

from __future__ import annotations

from dcmlint.errors import UsageError


def need_network() -> None:
    """Raise ``UsageError`` where the extra is not installed."""
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise UsageError(
            "live associations need the extra 'network' (cryptography is not installed): "
            "pip install 'dcmlint[network]'"
        )
