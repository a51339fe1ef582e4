"""Which repairs are asked for, and what a person supplies."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Set
from itertools import islice

import msgspec

from dcmlint import standard
from dcmlint.dicom.instance import Instance
from dcmlint.dicom.oddities import ODDITIES
from dcmlint.engine.repairs import Proposal
from dcmlint.fixes.identity import renaming_edits
from dcmlint.fixes.spared import Place, Spared
from dcmlint.fixes.supplied import Supplied
from dcmlint.rules.model import Repair
from dcmlint.rules.repair_functions.file_meta import supplied_transfer_syntax
from dcmlint.rules.repairs import Refused
from dcmlint.standard.tags import DigitalSignaturesSequence, PixelData
from dcmlint.standard.uids import MediaStorageDirectoryStorage

SUPPLIED, RENAMED = "--from", "UID"
# Withheld of a file: everything that rules about slides and series see of it.
EVERYTHING: Place = ("", "")
NEW_UIDS = "name the new SOP Instance UID"


class Renaming(msgspec.Struct, frozen=True, kw_only=True):
    """New UIDs by old ones in one file, and the repair of a rule about several files that asks for them."""

    rule: str
    repair: Repair
    uids: Mapping[str, str]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may change.

    ``unsafe`` allows the repairs that need somebody who says that they are meant; ``supplied`` are values of a person;
    ``rules``: only the repairs of these (None: of all); ``record``: write into the file what was done (None: only where
    a person's values were used); ``renamed``: new UIDs by old ones, everywhere; ``renamed_in``: what repairs of rules
    about several files ask of single files, by path; ``spared``: findings that are not to be repaired; ``withheld``: of
    single files, by path, parts of the changes that may not be made, and why; ``patch``: with a JSON Patch.
    """

    unsafe: bool = False
    supplied: Supplied | None = None
    rules: Collection[str] | None = None
    record: bool | None = None
    renamed: Mapping[str, str] = {}
    renamed_in: Mapping[str, tuple[Renaming, ...]] = {}
    spared: Spared | None = None
    withheld: Mapping[str, Mapping[Place, str]] = {}
    patch: bool = False

    def takes(self, repair: Repair) -> bool:
        """Whether a repair is asked for."""
        return repair.safety == "safe" or (self.unsafe and repair.safety == "unsafe")

    def asked(self, instance: Instance, path: str) -> Iterator[Proposal]:
        """What somebody asks for besides repairs: values of their own, UIDs that change over a set."""
        if self.supplied is not None:
            yield from _stating_syntax(self.supplied, instance)
            repair = Repair(label=f"write the value supplied by {self.supplied.by}", safety="unsafe")
            for place, edits, reason in self.supplied.edits(instance):
                yield Proposal(SUPPLIED, repair, "", place, edits, reason, asked=True)
        repair = Repair(label=NEW_UIDS, safety="unsafe")
        yield from _renaming(instance, RENAMED, repair, self.renamed)
        for one in self.renamed_in.get(path, ()):
            yield from _renaming(instance, one.rule, one.repair, one.uids)


def _renaming(instance: Instance, rule: str, repair: Repair, uids: Mapping[str, str]) -> Iterator[Proposal]:
    for edit in renaming_edits(instance, uids):
        # Without a path: all of them or none.
        yield Proposal(rule, repair, "", "", (edit,), asked=True)


def _stating_syntax(supplied: Supplied, instance: Instance) -> Iterator[Proposal]:
    """The transfer syntax that a person supplies, of a file that does not state its own."""
    missing = [
        check for check in WITHOUT_SYNTAX if any(f"encoding.{one.code}" == check for one in instance.oddities)
    ]
    if not supplied.transfer_syntax or not missing:
        return
    repair = Repair(label=f"write the transfer syntax supplied by {supplied.by}", safety="unsafe")
    try:
        edits = tuple(supplied_transfer_syntax(instance, supplied.transfer_syntax))
    except Refused as reason:
        yield Proposal(SUPPLIED, repair, missing[0], "TransferSyntaxUID", refused=str(reason), asked=True)
    else:
        yield Proposal(SUPPLIED, repair, missing[0], "TransferSyntaxUID", edits, asked=True)


# Checks that fail where a file does not state its transfer syntax.
WITHOUT_SYNTAX = ("encoding.no-meta", "encoding.transfer-syntax-missing")
# Oddities with which nobody knows where elements begin and end, or how their values are written.
_UNSURE = frozenset({
    "truncated", "dataset-missing", "ends-early", "structure-lost", "no-element", "deflate-damaged", "deflate-limit", "element-limit", "depth-limit",
    "unknown-vr", "implicit-in-explicit", "explicit-in-implicit", "undefined-length",
    "transfer-syntax-unknown",
})  # fmt: skip
# Those whose repair must come first: with it the layout is certain, without it nothing is changed.
STRUCTURAL: Mapping[str, str] = {
    code: f"encoding.{code}"
    for code in (
        "no-meta",
        "transfer-syntax-missing",
        "transfer-syntax-wrong",
        "item-beyond-parent",
        "length-beyond-parent",
        "not-an-item",
        "stray-item",
        "missing-item-delimiter",
        "missing-sequence-delimiter",
    )
}
_DELIMITER = frozenset({"no-delimiter", "odd-length", "zero-length", "bot-length", "missing-bot-item"})
_END_FRAGMENTS = "end-fragments"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def unsure(instance: Instance) -> str:
    """Why a file must not be changed at all; empty where it may."""
    meta = instance.meta
    in_meta = {one.code for one in instance.oddities if one.level is meta}
    codes = {one.code for one in instance.oddities if not (one.code == "unknown-vr" and one.level is meta)}
    for code in sorted(codes & _UNSURE):
        return f"damaged: {ODDITIES[code]}"
    if "unknown-vr" in in_meta and not _meta_ends(instance, in_meta):
        return f"damaged: {ODDITIES['unknown-vr']}"
    if instance.status == "partial" and not lacks_delimiter(instance):
        return "damaged: it could not be read to its end"
    if instance.preamble.startswith(_TIFF):
        return "it is a TIFF file as well, whose offsets would be wrong"
    if instance.sop_class == MediaStorageDirectoryStorage:
        return "a DICOMDIR holds the offsets of its own records"
    if DigitalSignaturesSequence in instance.dataset:
        return "it is signed: a change would break the digital signature"
    return ""


def _meta_ends(instance: Instance, oddities: Set[str]) -> bool:
    """Whether it is proven where a file meta group ends in which a VR is unknown; ``oddities``: those of the group.

    Its length proves it.  Without a length, or with a wrong one: its elements are known and in their order, and what
    follows is a data set in the transfer syntax that the group states, to its last byte.
    """
    if oddities.isdisjoint(("meta-group-length", "meta-group-length-missing")):
        return True
    known = standard.load().dictionary.entry
    dataset = instance.dataset
    return (
        instance.status == "checked"
        and oddities.isdisjoint(
            ("duplicate-tag", "tag-order", "transfer-syntax-missing", "transfer-syntax-wrong")
        )
        and all(known(element.tag) for element in instance.meta or ())
        and any(known(element.tag) for element in islice(dataset, 1))
    )


def lacks_delimiter(instance: Instance) -> bool:
    """Whether all that is wrong with the end of a file is that no delimiter follows its last fragment."""
    element = instance.dataset.get(PixelData)
    fragments = element.fragments if element is not None else None
    if fragments is None or element is not list(instance.dataset)[-1]:
        return False
    return {problem.code for problem in fragments.problems} <= _DELIMITER and fragments.end == len(
        instance.buffer
    )


def comes_first(instance: Instance, repair: Repair, check: str) -> bool | None:
    """Whether a repair must come before all others; None where none must."""
    if lacks_delimiter(instance) and instance.status == "partial":
        return repair.function == _END_FRAGMENTS
    urgent = {STRUCTURAL[oddity.code] for oddity in instance.oddities if oddity.code in STRUCTURAL}
    return check in urgent if urgent else None


def uncertain(instance: Instance) -> str:
    """What makes it uncertain where everything begins and ends, and how it is written; empty where nothing does."""
    for oddity in instance.oddities:
        if oddity.code in STRUCTURAL:
            return f"damaged: {ODDITIES[oddity.code]}"
    return "damaged: it could not be read to its end" if instance.status == "partial" else ""
