"""Rules on the preparation of specimens: PS3.3 C.7.6.22.1.3, PS3.16 TID 8001 and 8002."""

from __future__ import annotations

from collections.abc import Iterator

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.facts.header.specimen import (
    PARENT_ID,
    PROCESSED_AT,
    SPECIMEN_ID,
    USING_SUBSTANCE,
    Specimen,
    contents,
    is_stained,
)
from dcmlint.rules.builtin_functions.header.codes import RETIRED, STANDARD
from dcmlint.rules.builtin_functions.moments import is_before
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    attributes,
    rule_function,
)
from dcmlint.standard.tags import (
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    DateTime,
    EquivalentCodeSequence,
    SpecimenDescriptionSequence,
    SpecimenPreparationSequence,
    TextValue,
    TimezoneOffsetFromUTC,
)


@rule_function("specimen-unique")
def specimen_unique(context: RuleContext) -> Iterator[Problem]:
    """SPEC007: specimens whose UID, or whose identifier with its issuer, an earlier one has (PS3.3 C.7.6.22.1.2)."""
    specimen: Specimen | None = context.facts.group("specimen")
    if specimen is None:
        raise NotApplicable
    items = context.dataset.items(SpecimenDescriptionSequence)
    alone = specimen.count - len(specimen.repeated) == 1  # without the copies no item needs a location
    for number in specimen.repeated:
        yield Problem(
            message="An earlier specimen has the same identifier or UID", level=items[number],
            want="a unique identifier and UID", causes=attributes(context.dataset, SpecimenDescriptionSequence) if alone else (),
        )  # fmt: skip


@rule_function("steps-in-order-of-time")
def steps_in_order_of_time(context: RuleContext) -> Iterator[Problem]:
    """Preparation steps that were done before the step in front of them."""
    looked_at = False
    zone = context.dataset.text(TimezoneOffsetFromUTC)
    for steps in _preparations(context.dataset):
        latest = ""
        for step in steps:
            found = next((one for one in contents(step) if one.name == PROCESSED_AT and one.moment), None)
            if found is None:
                continue
            if latest:
                looked_at = True
                if is_before(found.moment, latest, zone):
                    yield Problem(
                        message="The step is earlier than the previous step", level=found.item, tag=DateTime,
                        found=found.moment, want="chronological order",
                    )  # fmt: skip
                    continue
            latest = found.moment
    if not looked_at:
        raise NotApplicable


@rule_function("sampling-parents")
def sampling_parents(context: RuleContext) -> Iterator[Problem]:
    """Parents of sampling steps that no earlier step is about, where there are earlier steps."""
    looked_at = False
    for steps in _preparations(context.dataset):
        known: set[str] = set()
        for step in steps:
            found = list(contents(step))
            for one in found:
                if one.name != PARENT_ID or not one.text or not known:
                    continue
                looked_at = True
                if one.text not in known:
                    yield Problem(
                        message="The parent specimen is not in an earlier step", level=one.item, tag=TextValue,
                        found=one.text, want="the identifier of an earlier step",
                    )  # fmt: skip
            # A parent may have a history of its own that nobody wrote down.
            known.update(one.text for one in found if one.name in (SPECIMEN_ID, PARENT_ID) and one.text)
    if not looked_at:
        raise NotApplicable


@rule_function("stains-in-context-group")
def stains_in_context_group(context: RuleContext, cid: str) -> Iterator[Problem]:
    """Substances of staining steps that the context group does not have, nor their equivalents."""
    group = standard.load().context_group(int(cid))
    looked_at = False
    for step in (step for steps in _preparations(context.dataset) for step in steps if is_stained(step)):
        for one in contents(step):
            value, scheme = one.code
            if one.name != USING_SUBSTANCE or not value or not scheme or scheme in RETIRED or group is None:
                continue
            looked_at = True
            item = one.item.items(ConceptCodeSequence)[0]
            equivalents = [
                (other.text(CodeValue), other.text(CodingSchemeDesignator))
                for other in item.items(EquivalentCodeSequence)
            ]
            if one.code not in group and not any(other in group for other in equivalents):
                yield Problem(
                    message=f"The stain is not in CID {cid}, {group.name}",
                    level=item,
                    tag=CodeValue,
                    found=value,
                    want=f"a code from CID {cid}",
                    severity="" if scheme in STANDARD else "info",
                )
    if not looked_at:
        raise NotApplicable


def _preparations(dataset: Dataset) -> Iterator[list[Dataset]]:
    for item in dataset.items(SpecimenDescriptionSequence):
        yield list(item.items(SpecimenPreparationSequence))
