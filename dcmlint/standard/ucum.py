"""Units of UCUM in its case sensitive form (PS3.16 7.2.2): whether a text is one.

Atoms in square brackets are not looked up: there are many, and each is a word of its own. Annotations in braces may
hold blanks, as some of PS3.16 do ("{X-Ray sources}"), and stand before or behind their unit.
"""

from __future__ import annotations

import re
from functools import cache

# Atoms that take a prefix, and those that take none: UCUM, tables 1 to 7
_METRIC = frozenset(
    {"m", "s", "g", "rad", "K", "C", "cd", "mol", "sr", "Hz", "N", "Pa", "J", "W", "A", "V", "F", "Ohm", "S", "Wb", "Cel",
     "T", "H", "lm", "lx", "Bq", "Gy", "Sv", "L", "l", "ar", "t", "bar", "u", "eV", "pc", "gf", "dyn", "erg", "P", "Bi",
     "St", "Mx", "G", "Oe", "Gb", "sb", "Lmb", "ph", "Ci", "R", "RAD", "REM", "cal", "cal_m", "cal_IT", "cal_th", "kat",
     "U", "Np", "B", "st", "mho", "bit", "By", "Bd", "eq", "osm", "tex", "Gal", "Ky", "g%"}
)  # fmt: skip
_OTHERS = frozenset(
    {"%", "deg", "gon", "'", "''", "min", "h", "d", "wk", "mo", "mo_s", "mo_j", "mo_g", "a", "a_t", "a_j", "a_g", "AU",
     "Ao", "b", "att", "sph", "circ", "bit_s", "10*", "10^"}
)  # fmt: skip
_PREFIX = "Y|Z|E|P|T|G|M|k|h|da|d|c|m|u|n|p|f|a|z|y|Ki|Mi|Gi|Ti"

_UNIT = re.compile(
    rf"\d+|(?:{_PREFIX})?(?:{'|'.join(map(re.escape, sorted(_METRIC)))})[+-]?\d*|"
    rf"(?:{'|'.join(map(re.escape, sorted(_OTHERS)))})[+-]?\d*|"
    # mm[Hg], cal_[15], [hnsf'U], emptied of what is in the brackets
    r"[A-Za-z_]{0,4}\[\][+-]?\d*"
)
_BRACKETS = re.compile(r"\[[^][\s]+\]")
_ANNOTATION = r"(?:\{[ -z|~]*\})+"
# An annotation that is a term of its own counts as 1.
_ALONE = re.compile(rf"(^|[./(]){_ANNOTATION}(?=$|[./)])")
_TERMS = re.compile(r"/?[^./]+(?:[./][^./]+)*")
# What context groups of PS3.16 have (CID 4267, 7181, 7277) and UCUM does not
_OF_PS3_16 = frozenset(
    {"10-6.mm2/s", "diop", "ml/[100]g/min", "ml/[100]ml", "ppm", "{Particles}/[100]g{Tissue}"}
)
# What is often written, and the unit that is meant
MEANT = {
    "HU": "[hnsf'U]", "mmHg": "mm[Hg]", "bpm": "/min", "cc": "cm3", "sec": "s", "msec": "ms", "degree": "deg",
    "degrees": "deg", "mAs": "mA.s", "uAs": "uA.s", "pixel": "{pixel}", "pixels": "{pixels}", "ratio": "{ratio}",
    "count": "{count}", "counts": "{counts}", "MM": "mm", "CM": "cm", "KG": "kg", "gram": "g", "mGycm": "mGy.cm",
    "no units": "1", "unity": "1", "inch": "[in_i]", "IU": "[iU]", "millimeter": "mm", "centimeter": "cm",
}  # fmt: skip


@cache
def is_unit(text: str) -> bool:
    """Whether a text is a unit: factors joined by "." and "/", with powers, brackets and annotations."""
    if text in _OF_PS3_16:
        return True
    bare = _BRACKETS.sub("[]", re.sub(_ANNOTATION, "", _ALONE.sub(r"\g<1>1", text)))
    depth = 0
    for letter in bare:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    factors = re.sub("[()]", "", bare)
    return (
        not depth
        and _TERMS.fullmatch(factors) is not None
        and all(_UNIT.fullmatch(one) for one in re.split("[./]", factors.removeprefix("/")))
    )
