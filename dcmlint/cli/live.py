"""What `dcmlint probe` and `dcmlint listen` need besides: the extra ``network``."""

from __future__ import annotations

from dcmlint.errors import UsageError


def need_network() -> None:
    """Raise ``UsageError`` where the extra is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("pynetdicom", "cryptography") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"live associations need the extra 'network' ({', '.join(missing)} not installed): "
            "pip install 'dcmlint[network]'"
        )
