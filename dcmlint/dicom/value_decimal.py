"""Decimal Strings of at most 16 characters (PS3.5 6.2)."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

LONGEST = 16  # characters


def decimal_string(value: float) -> str:
    """The Decimal String nearest to a number; the number itself where 16 characters can say it.

    Raises ValueError for an infinity or what is no number.
    """
    return nearest(Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value))


def nearest(value: Decimal) -> str:
    """The text of at most 16 characters whose value is nearest: fixed point where it is as near, else an exponent.

    Raises ValueError for an infinity or what is no number.
    """
    if not value.is_finite():
        raise ValueError("not a finite number")
    if not value:
        return "0"
    shown = {
        form for digits in range(LONGEST, 0, -1) for form in _forms(value, digits) if len(form) <= LONGEST
    }
    if not shown:
        raise ValueError("16 characters cannot say it")
    return min(shown, key=lambda form: (abs(Decimal(form) - value), "e" in form, len(form), form))


def _forms(value: Decimal, digits: int) -> tuple[str, str]:
    """Fixed point and exponent with so many significant digits."""
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(value)
    sign, all_digits, exponent = rounded.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, all_digits)).rstrip("0") or "0"
    exponent += len(all_digits) - len(text)
    short = f"{'-' if sign else ''}{text}e{exponent}" if exponent else f"{'-' if sign else ''}{text}"
    # A huge exponent would make a text of as many zeros.
    fixed = format(rounded, "f") if -40 < exponent < 40 else short
    if "." in fixed:
        fixed = fixed.rstrip("0").rstrip(".")
    return fixed, short
