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


Safety = Literal["safe", "unsafe", "never"]


class RepairExample(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A data set before and after a repair, both as in `Example`: the bytes must be those of ``after``.

    ``refused`` in its place: the rule fails, and the repair does nothing.  ``beside``: other data sets of the run.
    """

    name: str
    before: dict[str, Any]
    after: dict[str, Any] | None = None
    refused: bool = False
    beside: tuple[dict[str, Any], ...] = ()


class Repair(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True,
    rename={"set_": "set"},
):  # fmt: skip
    """What repairs the findings of a rule, or why nothing may.

    ``safety``: *safe* keeps what the data say, *unsafe* needs somebody who says that it is meant (``reason`` says
    why), *never* says why a program must not.  One operation on the element of the finding: ``remove`` it, write it
    anew (``encode``), ``rename`` it to a keyword, ``set`` it to the value of an expression, or what a registered
    ``function`` says.  ``check``: only for findings of these generic checks.
    """

    label: str = ""
    safety: Safety
    reason: str = ""
    check: tuple[str, ...] = ()
    remove: bool = False
    encode: bool = False
    rename: str = ""
    set_: str = ""
    function: str = ""
    parameters: dict[str, Any] = {}
    examples: tuple[RepairExample, ...] = ()


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
    # else those at the same place or within it
    explains: tuple[str, ...] = ()
    explains_in_file: tuple[str, ...] = ()  # those that are no more severe, anywhere in the same file
    causes: tuple[str, ...] = ()  # attributes of the same level at which findings of ``explains`` follow too
    # values that it takes for right, by path without indices or ``*.Keyword``: where one cannot be used, it says nothing
    rests_on: tuple[str, ...] = ()
    once: bool = False  # one finding for a file, however many attributes it is about
    default: bool = True
    repairs: tuple[Repair, ...] = ()
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
