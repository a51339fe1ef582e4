"""Values of content items: numbers, units, and attributes of another value type (PS3.3 C.17.3, C.18.1)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import partial

from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.items import item_places
from dcmlint.facts.report.codes import SAID_BY_A_CODE
from dcmlint.facts.report.content import Code, ContentItem, code_in, code_of, content_items
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    applies_with,
    attributes,
    rule_function,
)
from dcmlint.standard import ucum
from dcmlint.standard.coding import in_group
from dcmlint.standard.tags import (
    UID,
    AnnotationGroupSequence,
    ChannelDefinitionSequence,
    ChannelSensitivityUnitsSequence,
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    ConceptNameCodeSequence,
    ContentSequence,
    ContentTemplateSequence,
    ContinuityOfContent,
    Date,
    DateTime,
    FloatingPointValue,
    GraphicData,
    GraphicType,
    MeasuredValueSequence,
    MeasurementsSequence,
    MeasurementUnitsCodeSequence,
    NumericValue,
    NumericValueQualifierCodeSequence,
    PerFrameFunctionalGroupsSequence,
    PersonName,
    PixelOriginInterpretation,
    RationalDenominatorValue,
    RationalNumeratorValue,
    RealWorldValueMappingSequence,
    ReferencedFrameOfReferenceUID,
    ReferencedSOPSequence,
    SharedFunctionalGroupsSequence,
    TabulatedValuesSequence,
    TemporalRangeType,
    TextValue,
    Time,
    ValueType,
    WaveformAnnotationSequence,
    WaveformSequence,
)

# Qualifiers of CID 42 that say why there is no value
_NO_NUMBER = {
    ("114000", "DCM"): "Not a number",
    ("114003", "DCM"): "Divide by zero",
    ("114006", "DCM"): "Measurement failure",
    ("114007", "DCM"): "Measurement not attempted",
    ("114008", "DCM"): "Calculation failure",
    ("114010", "DCM"): "Value unknown",
}
# A decimal string may round what the other two forms hold in full (PS3.3 C.18.1.1).
_ROUNDED = 0.01
# Context groups of quantities and of their units (PS3.16 CID 7470 to 7472, 7460 to 7462)
_QUANTITIES = {7470: 7460, 7471: 7461, 7472: 7462}
# The power of length that the units of a context group have.
_POWERS = {7460: 1, 7461: 2, 7462: 3}
# UCUM atoms: powers of length, and units of time, temperature, mass, angle, dose and so on, which no length has
_LENGTHS = {
    **dict.fromkeys(("m", "km", "dm", "cm", "mm", "um", "nm", "[in_i]", "[ft_i]"), 1),
    **dict.fromkeys(("L", "dL", "cL", "mL", "uL", "l", "dl", "cl", "ml", "ul"), 3),
}
_OF_OTHERS = frozenset(
    {"s", "ms", "us", "min", "h", "d", "K", "Cel", "g", "kg", "mg", "deg", "rad", "Gy", "mGy", "Bq", "MBq", "Hz", "mol",
     "mmol", "V", "mV", "A", "mA", "W", "J", "Pa", "kPa", "N", "mm[Hg]", "[hnsf'U]"}
)  # fmt: skip
_FACTOR = re.compile(r"(?P<atom>[A-Za-z]+|\[[^\]]+\]|[A-Za-z]+\[[^\]]+\])(?P<power>-?\d*)")
# The attributes that hold the value of a content item, and the value types that have them: PS3.3 Table C.17-5
_OF_TYPES: dict[int, frozenset[str]] = {
    MeasuredValueSequence: frozenset({"NUM"}),
    ConceptCodeSequence: frozenset({"CODE"}),
    ReferencedSOPSequence: frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"}),
    GraphicData: frozenset({"SCOORD", "SCOORD3D"}),
    GraphicType: frozenset({"SCOORD", "SCOORD3D"}),
    PixelOriginInterpretation: frozenset({"SCOORD"}),
    ReferencedFrameOfReferenceUID: frozenset({"SCOORD3D"}),
    TemporalRangeType: frozenset({"TCOORD"}),
    ContinuityOfContent: frozenset({"CONTAINER"}),
    ContentTemplateSequence: frozenset({"CONTAINER"}),
    TabulatedValuesSequence: frozenset({"TABLE"}),
}
# Attributes whose own rows say so already (type 1C, "not otherwise"): the tables report them.
_BY_TABLES = {
    TextValue: "TEXT",
    DateTime: "DATETIME",
    Date: "DATE",
    Time: "TIME",
    PersonName: "PNAME",
    UID: "UIDREF",
}
_ALL_OF_TYPES = _OF_TYPES | {tag: frozenset({kind}) for tag, kind in _BY_TABLES.items()}
# Of those that a value type may go without
_NOT_ALWAYS = frozenset({PixelOriginInterpretation, ContentTemplateSequence})
_VALUE_TYPES = frozenset().union(*_OF_TYPES.values()) | {
    "TEXT",
    "DATETIME",
    "DATE",
    "TIME",
    "PNAME",
    "UIDREF",
}


@rule_function("content-value-attributes")
def value_attributes(context: RuleContext) -> Iterator[Problem]:
    """SR017: content items that hold the value of another value type.

    An item that holds nothing of its own type, but all of another, has the wrong Value Type: that alone is reported.
    """
    items = content_items(context.facts)
    if not items:
        raise NotApplicable
    for item in items:
        if item.by_reference or item.value_type not in _VALUE_TYPES:
            continue
        if item.parent is None and item.value_type != "CONTAINER":
            continue  # SR006
        strange = [
            tag
            for tag in sorted(item.like.elements.keys() & _OF_TYPES.keys())
            if item.value_type not in _OF_TYPES[tag]
            and (item.parent is not None or tag != ReferencedFrameOfReferenceUID)
        ]
        meant = _type_meant(item.value_type, item.like)
        if meant:
            yield Problem(
                message=f"a content item with the attributes of {' or '.join(meant)} has the Value Type {item.value_type}",
                level=item.dataset, tag=ValueType, found=item.value_type, want=" or ".join(meant),
                causes=attributes(item.dataset, *own_attributes(item.value_type), *own_attributes(*meant), ContentSequence),
            )  # fmt: skip
            continue
        for tag in strange:
            yield Problem(
                message=f"an attribute of {' and '.join(sorted(_OF_TYPES[tag]))} in a content item with the Value Type "
                f"{item.value_type}", level=item.dataset, tag=tag, want="absent",
            )  # fmt: skip


def _type_meant(kind: str, level: Dataset) -> list[str]:
    """The value types whose attributes an item holds that holds none of its own; none where that is not clear."""
    own = own_attributes(kind)
    if kind == "CONTAINER" or not own or any(tag in level for tag in own):
        return []
    return [
        other for other in sorted(_VALUE_TYPES - {kind, "CONTAINER"})
        if all(tag in level for tag in _required_of(other)) and all(
            tag in own_attributes(other) for tag in _ALL_OF_TYPES if tag in level
        )
    ]  # fmt: skip


def own_attributes(*kinds: str) -> tuple[int, ...]:
    """The attributes that hold the values of value types."""
    return tuple(tag for tag, types in _ALL_OF_TYPES.items() if not types.isdisjoint(kinds))


def _required_of(kind: str) -> tuple[int, ...]:
    return tuple(tag for tag in own_attributes(kind) if tag not in _NOT_ALWAYS)


@rule_function("numeric-value")
def numeric_value(context: RuleContext) -> Iterator[Problem]:
    """SR015: the forms of one number agree, and no qualifier says that there is none (PS3.3 C.18.1.1)."""
    any_ = False
    for item, value in _numbers(context):
        any_ = True
        qualifier = code_in(item.dataset, NumericValueQualifierCodeSequence)
        if qualifier is not None and qualifier.key in _NO_NUMBER and value.values(NumericValue):
            yield Problem(
                message=f"a numeric value beside the qualifier {_NO_NUMBER[qualifier.key]}", tag=CodeValue,
                level=item.dataset.items(NumericValueQualifierCodeSequence)[0], found=qualifier.value,
                want="no qualifier, or an empty Measured Value Sequence", severity="warning",
            )  # fmt: skip
        numbers = value.values(NumericValue)
        if len(numbers) > 1:
            yield Problem(
                message="a measurement has several numeric values", level=value, tag=NumericValue,
                said=f"{len(numbers)} values", want="1 value",
            )  # fmt: skip
        number = numbers[0] if numbers and isinstance(numbers[0], (int, float)) else None
        double = value.value(FloatingPointValue)
        over, under = value.value(RationalNumeratorValue), value.value(RationalDenominatorValue)
        if isinstance(double, float) and not math.isfinite(double):
            yield Problem(
                message="Floating Point Value is not finite", level=value, tag=FloatingPointValue, found=double,
                want="a finite number",
            )  # fmt: skip
        elif isinstance(double, float) and number is not None and not _near(float(number), double):
            yield Problem(
                message="Numeric Value and Floating Point Value differ", level=value, tag=FloatingPointValue,
                found=double, want=f"{number}",
            )  # fmt: skip
        # A denominator of 0 is told by the table.
        if (
            isinstance(over, int) and isinstance(under, int) and under and number is not None
            and not _near(float(number), over / under)
        ):  # fmt: skip
            yield Problem(
                message="Numeric Value and the rational value differ", level=value, tag=RationalNumeratorValue,
                said=f"{over}/{under}", want=f"{number}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _numbers(context: RuleContext) -> Iterator[tuple[ContentItem, Dataset]]:
    """The NUM items of a document, each with the items of its Measured Value Sequence."""
    for item in content_items(context.facts):
        if item.value_type == "NUM" and MeasuredValueSequence in item.like:
            for value in item.dataset.items(MeasuredValueSequence):
                yield item, value


def _near(decimal: float, exact: float) -> bool:
    return math.isclose(decimal, exact, rel_tol=_ROUNDED, abs_tol=1e-12) or round(exact) == decimal


@rule_function(
    "measurement-units", applies_with(MeasurementUnitsCodeSequence, ChannelSensitivityUnitsSequence)
)
def measurement_units(context: RuleContext) -> Iterator[Problem]:
    """SR016: units of measurement are codes of UCUM (PS3.3 Table C.18.1-1, PS3.16 7.2.2 and CID 82)."""
    any_ = False
    for _, unit, own in _measured(context):
        code = code_of(unit)
        if code is None or not code.scheme:
            continue
        any_ = True
        if code.scheme != "UCUM":
            yield Problem(
                message="the units are not a UCUM code", level=own(), tag=CodingSchemeDesignator,
                found=code.scheme, want="UCUM",
            )  # fmt: skip
        elif _not_in_ucum(code.value):
            yield Problem(
                message="the code is not of UCUM", level=own(), tag=CodeValue, found=code.value,
                want=_not_in_ucum(code.value),
            )  # fmt: skip
    for unit in _units_of_waveforms(context):
        code = code_of(unit)
        if code is None or code.scheme != "UCUM":
            continue  # their context group is a baseline
        any_ = True
        if _not_in_ucum(code.value):
            yield Problem(
                message="the code is not of UCUM", level=unit, tag=CodeValue, found=code.value,
                want=_not_in_ucum(code.value),
            )  # fmt: skip
    if not any_:
        raise NotApplicable


def _units_of_waveforms(context: RuleContext) -> Iterator[Dataset]:
    """The items of units of channels and of annotations of waveforms (PS3.3 C.10.9, C.10.10)."""
    for path in (
        (WaveformSequence, ChannelDefinitionSequence, ChannelSensitivityUnitsSequence),
        (WaveformAnnotationSequence, MeasurementUnitsCodeSequence),
    ):
        for place in item_places(context.dataset, path, SAID_BY_A_CODE):
            yield place.level


def _measured(context: RuleContext) -> Iterator[tuple[Code | None, Dataset, Callable[[], Dataset]]]:
    """What is measured, an item that has the code of its units, and what gives its own: of documents, annotations and
    mappings (PS3.3 C.18.1, C.37.1, C.7.6.16.2.11)."""
    for item in content_items(context.facts):
        if item.value_type == "NUM":
            for at, value in enumerate(item.like.items(MeasuredValueSequence)):
                for number, unit in enumerate(value.items(MeasurementUnitsCodeSequence)):
                    yield item.concept, unit, partial(_unit, item, at, number)
    for group in context.dataset.items(AnnotationGroupSequence):
        for measurement in group.items(MeasurementsSequence):
            for unit in measurement.items(MeasurementUnitsCodeSequence):
                yield code_in(measurement, ConceptNameCodeSequence), unit, partial(_itself, unit)
    for groups in (SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence):
        path = [groups, RealWorldValueMappingSequence, MeasurementUnitsCodeSequence]
        for place in item_places(context.dataset, path, SAID_BY_A_CODE):
            yield None, place.level, partial(_itself, place.level)
    for mapping in context.dataset.items(RealWorldValueMappingSequence):
        for unit in mapping.items(MeasurementUnitsCodeSequence):
            yield None, unit, partial(_itself, unit)


def _unit(item: ContentItem, at: int, place: int) -> Dataset:
    return item.dataset.items(MeasuredValueSequence)[at].items(MeasurementUnitsCodeSequence)[place]


def _itself(level: Dataset) -> Dataset:
    return level


def _not_in_ucum(value: str) -> str:
    """What a case sensitive UCUM code should be that this is not; "" if it is one."""
    if ucum.is_unit(value):
        return ""
    if not value.isascii():
        return "a UCUM code, which is ASCII"
    plain = value.replace("^", "").replace("*", "")
    return ucum.MEANT.get(value) or (plain if plain != value and ucum.is_unit(plain) else "a UCUM code")


def length_power(units: str) -> int | None:
    """The power of length of UCUM units, 0 where they have another dimension too; None for ratios and what is not known."""
    power, other = 0, False
    for sign, factor in re.findall(r"(^|[./])([^./]+)", units):
        found = _FACTOR.fullmatch(factor)
        if found is None or (found["atom"] not in _LENGTHS and found["atom"] not in _OF_OTHERS):
            return None
        other = other or found["atom"] in _OF_OTHERS
        times = int(found["power"] or 1) * (-1 if sign == "/" else 1)
        power += _LENGTHS.get(found["atom"], 0) * times
    return 0 if other else power or None


@rule_function("units-of-quantities")
def quantity_units(context: RuleContext) -> Iterator[Problem]:
    """SR023: lengths, areas and volumes in units of another quantity."""
    any_ = False
    for concept, unit, own_level in _measured(context):
        units = code_of(unit)
        if concept is None or units is None or units.scheme != "UCUM":
            continue
        kinds = [cid for cid in _QUANTITIES if in_group(cid, concept.key)]
        if len(kinds) != 1:
            continue
        any_ = True
        own = _QUANTITIES[kinds[0]]
        if length_power(units.value) not in (None, _POWERS[own]) and in_group(own, units.key) is False:
            yield Problem(
                message="the units belong to another quantity", level=own_level(), tag=CodeValue, found=units.value,
                want=f"a unit from CID {own}", because=f"the concept is in CID {kinds[0]}", clause=f"PS3.16 CID {own}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable
