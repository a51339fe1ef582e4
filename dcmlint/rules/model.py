"""What a rule is.

Three kinds: *table* (one of the generic checks of the standard's tables, of values or of the encoding,
perhaps narrowed to some attributes: then it is an alias), *expression* (``when`` / ``let`` / ``assert``) and
*function* (a registered Python function, for what holds state or walks bytes).

``check`` and ``attributes`` make a rule of any kind the alias of generic findings: of an attribute
(``OpticalPathSequence.ICCProfile``, ``*.ICCProfile`` at any level), of one of its values
(``value(ImageType, 3)``), or of one wrong value (``value(ImageType, 3) == "LOCALIZER"``).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dcmlint.findings.finding import Basis, Reference, Severity

Kind = Literal["table", "expression", "function"]
Scope = Literal["element", "item", "frame", "instance", "series", "slide", "association"]


class Applies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """To what a rule applies: SOP Classes by keyword or UID, modalities.  Empty: to everything."""

    sop_class: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()


class Downgrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition under which a finding is less severe."""

    when: str
    severity: Severity


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One example of a rule: a data set (or several, for a slide) and the outcome.

    ``dataset`` starts from a base (``use``) and changes elements by path; values are text, lists, or
    ``!absent``, ``!empty``, ``!hex``.  Exactly one of the outcomes is true.  ``facts`` gives facts directly
    (associations have no data set).
    """

    name: str
    dataset: dict[str, Any] | None = None
    datasets: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = {}
    fails: bool = False
    passes: bool = False
    undecided: bool = False
    not_applicable: bool = False
    count: int = 0
    severity: Severity | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True,
           rename={"assert_": "assert"}):  # fmt: skip
    """One rule, as its file says."""

    id: str
    name: str
    title: str
    severity: Severity
    basis: Basis
    scope: Scope = "instance"
    kind: Kind = "expression"
    applies: Applies = Applies()
    references: tuple[Reference, ...] = ()
    tags: tuple[str, ...] = ()
    # expression
    when: str = ""
    let: dict[str, str] = {}
    assert_: str = ""
    at: str = ""
    places: str = ""
    each: str = ""
    is_: str = msgspec.field(default="", name="is")
    want: str = ""
    # table
    check: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    # function
    function: str = ""
    parameters: dict[str, Any] = {}
    #
    message: str = ""
    why: str = ""
    remedy: str = ""
    downgrade: tuple[Downgrade, ...] = ()
    # rules whose findings follow from this one's and give way to it: of slide and series those in the same files,
    # else those at the same place
    explains: tuple[str, ...] = ()
    once: bool = False  # one finding for a file, however many attributes it is about
    since: str = ""
    default: bool = True
    examples: tuple[Example, ...] = ()

    @property
    def area(self) -> str:
        """The letters of the id: TILE of TILE003."""
        return self.id.rstrip("0123456789")

    @property
    def words(self) -> tuple[str, ...]:
        """All words that mean the rule, on the command line and in profiles."""
        return (self.id, self.name, self.area, "ALL", f"basis:{self.basis}", *self.tags)


class RuleSource(msgspec.Struct, frozen=True, dict=True):
    """A rule and the file it was read from; ``marks`` (line, column) by path, for errors in expressions.

    What is made of it (`dcmlint.rules.compile.compiled`) is kept on it and goes with it.
    """

    rule: Rule
    file: str
    marks: dict[str, tuple[int, int]] = {}
