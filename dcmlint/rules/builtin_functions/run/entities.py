"""Entities: what instances of one patient, study, series or frame of reference must say alike (PS3.3 A.1.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from dcmlint import standard
from dcmlint.facts.run.entities import patient_key, said_by
from dcmlint.facts.run.index import grouped
from dcmlint.plural import number_of
from dcmlint.rules.builtin_functions.run.slide_values import one_each
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import (
    Difference,
    SlideContext,
    Value,
    difference,
    plain,
    problem,
    shown,
)

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile

Entity = Literal["patient", "study_values", "series_values", "equipment", "reference_frame"]
_Differing = list[tuple[str, Difference]]


def _tag(keyword: str) -> int:
    entry = standard.load().dictionary.by_keyword(keyword)
    assert entry is not None, keyword
    return entry.tag


def _differing(parts: Sequence[KeptFile], entity: Entity, keywords: Sequence[str], empty: bool) -> _Differing:
    """Which attributes differ.  ``empty``: an empty value differs from others; an absent one never does."""
    if len({getattr(part.kept, entity) for part in parts}) < 2:
        return []
    found: _Differing = []
    for keyword in keywords:
        tag = _tag(keyword)

        def value(part: KeptFile, tag: int = tag) -> Value | None:
            said = said_by(getattr(part.kept, entity)).get(tag)
            return None if said is None or (said.empty and not empty) else shown(said)

        differs = difference(parts, value)
        if differs is not None:
            found.append((keyword, differs))
    return found


def _problems(found: _Differing, where: str, lesser: Sequence[str], severity: str = "") -> Iterator[Problem]:
    """One finding for all attributes that set the same instances apart."""
    by_parts: dict[frozenset[frozenset[str]], _Differing] = {}
    for keyword, differs in found:
        partition = frozenset(frozenset(part.path for part in parts) for _, parts in differs.values)
        by_parts.setdefault(partition, []).append((keyword, differs))
    for same in by_parts.values():
        words = [keyword for keyword, _ in same]
        keyword, differs = same[0]
        made = problem(
            differs, f"{' and '.join(words) if len(words) < 3 else _listed(words)} of {where}", roles=False
        )
        weak = severity or ("warning" if all(word in lesser for word in words) else "")
        more = "; ".join(
            f"{word}: {other.values[1][0].text}, not {other.usual.text}" for word, other in same[1:]
        )
        yield Problem(
            message=made.message, found=made.found, want=made.want, files=made.files, path=keyword, because=more,
            severity=weak, parties=made.parties, attributes=tuple((word,) for word in words),
        )  # fmt: skip


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}"


def _led(context: SlideContext, groups: dict[str, list[KeptFile]], key: str) -> Iterator[list[KeptFile]]:
    """The groups (of studies ...) that this series is the first of, so that each is looked at once."""
    here = {id(part) for part in context.parts}
    for uid in dict.fromkeys(getattr(part.kept, key) for part in context.parts):
        group = groups.get(uid, [])
        if uid and len(group) > 1 and id(group[0]) in here:
            yield group


def _without_slides(
    context: SlideContext, parts: Sequence[KeptFile], entity: Entity, keyword: str
) -> list[KeptFile]:
    """Parts without what is reported of a slide itself: of a slide that disagrees, only its usual value."""
    tag = _tag(keyword)
    slide_of = context.index.slide_of
    kept: list[KeptFile] = []
    slides: dict[int, list[KeptFile]] = {}
    for part in parts:
        slide = slide_of.get(id(part))
        if slide is not None:
            slides.setdefault(id(slide), []).append(part)
        elif not part.on_slide:
            kept.append(part)
    for some in slides.values():
        kept += _alike(some, entity, tag)
    return kept


def _without_members(parts: Sequence[KeptFile], entity: Entity, keyword: str) -> list[KeptFile]:
    """Parts without members of concatenations that say something else than most of theirs: CONC009 speaks of these."""
    tag = _tag(keyword)
    kept: list[KeptFile] = []
    members: dict[str, list[KeptFile]] = {}
    for part in parts:
        concatenated = part.image.concatenated if part.on_slide else None
        if concatenated is not None and concatenated.uid:
            members.setdefault(concatenated.uid, []).append(part)
        else:
            kept.append(part)
    for some in members.values():
        kept += _alike(some, entity, tag)
    return kept


def _alike(parts: Sequence[KeptFile], entity: Entity, tag: int) -> Sequence[KeptFile]:
    """Those that say of an attribute what most of them say."""
    differs = difference(parts, lambda part: plain(said_by(getattr(part.kept, entity)).get(tag)))
    return parts if differs is None else differs.values[0][1]


@rule_function("entity-same")
def same(
    context: SlideContext,
    of: str,
    entity: Entity,
    attributes: Sequence[str],
    lesser: Sequence[str] = (),
) -> Iterator[Problem]:
    """Instances of one ``of`` (study, series, frame_of_reference) say the same of an entity.

    ``lesser``: attributes whose difference is a warning; a value against none is information.  What
    differs within a slide is left to the rules about slides.
    """
    groups = {
        "study": lambda: context.index.studies,
        "series": lambda: {context.parts[0].kept.series: list(context.parts)},
        "frame_of_reference": lambda: context.index.frames_of_reference,
    }[of]()
    led = list(_led(context, groups, of))
    if not led:
        raise NotApplicable
    slides_too = entity != "series_values" and entity != "reference_frame"
    words = (*attributes, *lesser)
    for group in led:
        if len({getattr(part.kept, entity) for part in group}) < 2:
            continue
        if (
            of == "series"
            and entity == "equipment"
            and _differing(group, "series_values", ("Modality",), empty=False)
        ):
            continue  # ENT004: these are several series, each with its own equipment
        found: _Differing = []
        open_: _Differing = []
        for keyword in words:
            parts = (
                _without_slides(context, group, entity, keyword)
                if slides_too
                else _without_members(group, entity, keyword)
            )
            valued = _differing(parts, entity, (keyword,), empty=False)
            found += valued
            if not valued:
                open_ += _differing(parts, entity, (keyword,), empty=True)
        where = f"one {of.replace('_', ' ')}"
        yield from _problems(found, where, lesser)
        yield from _problems(open_, where, lesser, severity="info")


@rule_function("slide-entities-same")
def on_slide(
    context: SlideContext, entities: Sequence[Entity], attributes: Sequence[str], lesser: Sequence[str] = ()
) -> Iterator[Problem]:
    """PYR026, PYR027: the instances of a slide say the same; a value against none is a warning.

    ``lesser``: attributes whose difference is a warning; a value against none is none.
    """
    everything = one_each(context.slide)
    if len(everything) < 2:
        raise NotApplicable
    for entity in entities:
        for parts in grouped(everything, partial(_owner, entity=entity)).values():
            known = [
                word
                for word in (*attributes, *lesser)
                if any(_tag(word) in said_by(getattr(part.kept, entity)) for part in parts)
            ]
            valued = _differing(parts, entity, known, empty=False)
            yield from _problems(valued, "one slide", lesser)
            rest = [word for word in known if word not in {*lesser, *(keyword for keyword, _ in valued)}]
            yield from _problems(
                _differing(parts, entity, rest, empty=True), "one slide", (), severity="warning"
            )


def _owner(part: KeptFile, entity: Entity) -> str:
    """What an entity belongs to: equipment to a series, what describes a study to a study, a patient to all."""
    owners = {"equipment": part.kept.series, "study_values": part.kept.study}
    return owners.get(entity, "")


@rule_function("entity-patient-by-id")
def patient_by_id(context: SlideContext, attributes: Sequence[str]) -> Iterator[Problem]:
    """ENT002: one Patient ID, in several studies, means one patient."""
    groups = context.index.patients
    keys = {patient_key(part.kept.patient) for part in context.parts}
    if not keys - {None}:
        raise NotApplicable
    here = {id(part) for part in context.parts}
    for key in sorted(key for key in keys if key is not None):
        group = groups[key]
        if id(group[0]) not in here:
            continue
        studies: dict[str, KeptFile] = {}
        for part in group:
            studies.setdefault(part.kept.study, part)
        found = _differing(list(studies.values()), "patient", attributes, empty=False)
        issued = key[1] != b""
        yield from _problems(found, "one Patient ID", (), severity="" if issued else "info")


@rule_function("entity-series-in-one-study")
def series_in_one_study(context: SlideContext) -> Iterator[Problem]:
    """ENT005: a series belongs to one study."""
    if not getattr(context.subject, "uid", ""):
        raise NotApplicable
    differs = difference(context.parts, lambda part: plain(part.kept.study) if part.kept.study else None)
    if differs is not None:
        yield problem(differs, "one Series Instance UID in several studies", "StudyInstanceUID", roles=False)


@rule_function("entity-series-frame-of-reference")
def series_frame_of_reference(context: SlideContext) -> Iterator[Problem]:
    """ENT007: a series has one frame of reference (PS3.3 C.7.4.1.1.1); of the levels of slides PYR001 speaks."""
    said = [part for part in context.parts if part.kept.frame_of_reference]
    levels = [part for part in said if part.on_slide and part.image.flavour in ("VOLUME", "THUMBNAIL")]
    # The levels count once, by what most of them say, so that a label or an overview is held against them.
    uids = [part.kept.frame_of_reference for part in levels]
    levels.sort(key=lambda part: -uids.count(part.kept.frame_of_reference))
    parts = [*levels[:1], *(part for part in said if part not in levels)]
    if not parts or not getattr(context.subject, "uid", ""):
        raise NotApplicable
    differs = difference(parts, lambda part: plain(part.kept.frame_of_reference))
    if differs is not None:
        yield problem(
            differs, f"{number_of(len(differs.values), 'Frame of Reference UID')} in one series", "FrameOfReferenceUID",
            roles=False,
        )  # fmt: skip
