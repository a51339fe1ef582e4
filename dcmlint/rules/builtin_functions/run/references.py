"""References between instances of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dcmlint import standard
from dcmlint.facts.run.kept import references_of
from dcmlint.facts.run.referenced import contradicted, misplaced
from dcmlint.plural import number_of
from dcmlint.rules.functions import NotApplicable, Problem, rule_function
from dcmlint.rules.slide_functions import SlideContext

if TYPE_CHECKING:
    from dcmlint.facts.run.index import KeptFile
    from dcmlint.facts.run.referenced import Reference

_SHOWN = 3


def _kind(uid: str) -> str:
    known = standard.load().uid(uid)
    return known.name.removesuffix(" Storage") if known is not None else "unknown SOP Class"


def _referring(context: SlideContext) -> Iterator[tuple[KeptFile, Reference]]:
    any_ = False
    for part in context.parts:
        for reference in references_of(part.kept).instances:
            any_ = True
            yield part, reference
    if not any_:
        raise NotApplicable


@rule_function("references-outside")
def outside(context: SlideContext) -> Iterator[Problem]:
    """REF001: instances that are referred to but were not checked, counted once for the series."""
    missing: dict[str, str] = {}
    files: dict[str, None] = {}
    for part, reference in _referring(context):
        if not context.index.is_here(reference.sop_instance):
            missing.setdefault(reference.sop_instance, reference.sop_class)
            files[part.path] = None
    if missing:
        kinds = Counter(_kind(uid) for uid in missing.values()).most_common(_SHOWN)
        yield Problem(
            message=f"{number_of(len(missing), 'referenced instance')} not among the files: "
            + ", ".join(f"{count} {kind}" for kind, count in kinds),
            files=tuple(files),
        )  # fmt: skip


@rule_function("references-sop-class")
def sop_class(context: SlideContext) -> Iterator[Problem]:
    """REF002: a reference names the SOP Class that the instance has."""
    # By file, the instances that it refers to with two classes: REF004, SR012 and PST004 report these.
    told: dict[str, set[str]] = {}
    for part, reference in _referring(context):
        if part.path not in told:
            theirs = references_of(part.kept).instances
            pairs = ((one.sop_instance, one.sop_class) for one in theirs)
            told[part.path] = {theirs[place].sop_instance for place, _ in contradicted(pairs)}
        found = context.index.named(reference.sop_instance)
        classes = {one.kept.sop_class for one in found}
        if (
            found and reference.sop_class and reference.sop_class not in classes
            and reference.sop_instance not in told[part.path]
        ):  # fmt: skip
            yield Problem(
                message=f"the instance {reference.sop_instance} is referenced as {_kind(reference.sop_class)}, "
                f"but is {_kind(found[0].kept.sop_class)}",
                found=reference.sop_class, want=found[0].kept.sop_class, path=_through(reference),
                files=(part.path, found[0].path),
            )  # fmt: skip


@rule_function("references-series")
def series(context: SlideContext) -> Iterator[Problem]:
    """REF003: a reference names the series and the study that the instance stands in."""
    # By file, the series and instances that it places in two studies or series: REF005 reports these.
    told: dict[str, set[str]] = {}
    for part, reference in _referring(context):
        if part.path not in told:
            own = (part.kept.series, part.kept.study)
            told[part.path] = {uid for _, _, uid, _ in misplaced(references_of(part.kept).instances, own)}
        if told[part.path] & {reference.series, reference.sop_instance}:
            continue
        found = context.index.named(reference.sop_instance)
        for said, values, noun in (
            (reference.series, [one.kept.series for one in found], "series"),
            (reference.study, [one.kept.study for one in found], "study"),
        ):
            if said and any(values) and said not in values:
                yield Problem(
                    message=f"the instance {reference.sop_instance} is referenced in another {noun}",
                    found=said, want=next(filter(None, values)), path=_through(reference),
                    files=(part.path, found[0].path),
                )  # fmt: skip
                break


def _through(reference: Reference) -> str:
    entry = standard.load().dictionary.entry(reference.through)
    return entry.keyword if entry is not None else ""
