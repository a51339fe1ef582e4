"""Documents against their template (PS3.16 6 and Annex A): one function for each kind of issue that the match found."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmlint.facts.report.content import content_items
from dcmlint.facts.report.template import TemplateUse, template_issues
from dcmlint.rules.functions import (
    NotApplicable,
    Problem,
    RuleContext,
    Undecided,
    attributes,
    rule_function,
)
from dcmlint.standard import documents
from dcmlint.standard.coding import in_group
from dcmlint.standard.tags import (
    CodeValue,
    CodingSchemeDesignator,
    ConceptCodeSequence,
    ConceptNameCodeSequence,
    ContentSequence,
    ContentTemplateSequence,
    MappingResource,
    SOPClassUID,
    TemplateIdentifier,
    ValueType,
)

# PS3.16 TID 2010: titles with the context group of their modifiers, and that of the other titles'
_BEST_IN_SET, _TITLE_MODIFIER = ("113013", "DCM"), ("113011", "DCM")
_MODIFIED_TITLES = {
    ("113001", "DCM"): (7011, 7012),
    ("113010", "DCM"): (7011, 7012),
    _BEST_IN_SET: (7012, 7011),
}
_NUMBER = re.compile(r"[1-9][0-9]*")
_STANDARD = "DCMR"
# What is written for DCMR, which is the mapping resource of PS3.16 (PS3.16 5)
_MEANT_DCMR = frozenset({"", "DCM", "DICOM", "PS3.16"})
# Templates have three to five digits; not all of these are given away, and the tables do not have all that are.
_LOWEST, _HIGHEST = 300, 99_999


@rule_function("template-issues")
def issues(context: RuleContext, kinds: list[str]) -> Iterator[Problem]:
    """SR101 to SR106: what is wrong with a document against its template.

    ``kinds``: the kinds of issue that the rule tells ("missing", "repeated", "form", "title", "unknown", "value",
    "group", "units", "graphic").
    """
    use = context.facts.of(TemplateUse)
    if use is None:
        raise NotApplicable
    found = [issue for issue in template_issues(context.facts) if issue.kind in kinds]
    if not found and not use.identifier:
        raise Undecided("the document declares no template")
    if not found and use.identifier in use.uncovered:
        raise Undecided(f"TID {use.identifier} is not covered")
    for issue in found:
        # What has no name that is a code may be what is asked for.
        named = [one.dataset for one in issue.meant]
        if issue.tag == ConceptNameCodeSequence:
            named.append(issue.level)
        codes = [code for one in named for code in one.items(ConceptNameCodeSequence)]
        names = tuple(part for code in codes for part in attributes(code, CodeValue, CodingSchemeDesignator))
        yield Problem(
            message=issue.message, level=issue.level, tag=issue.tag, found=issue.found or None, want=issue.want,
            because=issue.row, rests_on=names,
            # What an item of another value type contains is judged by that type.
            causes=attributes(issue.level, ContentSequence) if issue.kind == "form" and issue.tag == ValueType else names,
        )  # fmt: skip


@rule_function("template-coverage")
def coverage(context: RuleContext) -> Iterator[Problem]:
    """SR107: documents, or parts of them, that were not held against a template; with the names of the templates."""
    use = context.facts.of(TemplateUse)
    if use is None:
        raise NotApplicable
    tag = ContentTemplateSequence if ContentTemplateSequence in context.dataset else ContentSequence
    only = f", but for parts that declare {_names(use.parts)}" if use.parts else ""
    if not use.identifier:
        yield Problem(
            message=f"the document declares no template: its content was not checked against one{only}",
            tag=tag,
        )
    elif use.uncovered:
        yield Problem(
            message=f"content was not checked against its template: {_names(use.uncovered)}{only}", tag=tag
        )


@rule_function("template-of-iod")
def of_iod(context: RuleContext) -> Iterator[Problem]:
    """SR108: a root template that is not the one from which the IOD says its documents are made, or is not declared."""
    use = context.facts.of(TemplateUse)
    want = documents.ROOT_TEMPLATES.get(context.dataset.text(SOPClassUID))
    if use is None or want is None:
        raise NotApplicable
    if ContentTemplateSequence not in context.dataset:
        yield Problem(
            message="the document does not declare the template of its IOD", tag=ContentTemplateSequence, want=want,
            severity="warning",
        )  # fmt: skip
        return
    if not use.declared:
        raise NotApplicable
    if use.declared != want:
        level = context.dataset.items(ContentTemplateSequence)[0]
        yield Problem(
            message="the template is not that of the IOD",
            level=level,
            tag=TemplateIdentifier,
            found=use.declared,
            want=want,
        )


@rule_function("template-identifier")
def template_identifier(context: RuleContext) -> Iterator[Problem]:
    """SR109: identifiers of templates of the standard that are no number, such as "TID 1500", or of none of its templates.

    PS3.3 C.18.8.1.2; a template of the standard under another mapping resource than DCMR is a warning (C.18.8).
    """
    tables = documents.load()
    any_ = False
    for item in content_items(context.facts):
        resource, declared = item.template
        if not declared:
            continue
        level = item.dataset.items(ContentTemplateSequence)[0]
        if resource in _MEANT_DCMR and tables.template(declared) is not None:
            any_ = True
            yield Problem(
                message=f"TID {declared} is a template of the standard", tag=MappingResource, found=resource,
                level=level, want=_STANDARD, severity="warning",
            )  # fmt: skip
        if resource != _STANDARD:
            continue
        any_ = True
        if not _NUMBER.fullmatch(declared):
            yield Problem(
                message="Template Identifier is not the number of a template", tag=TemplateIdentifier, found=declared,
                level=level, want="digits without leading zeros, such as 1500",
            )  # fmt: skip
        elif not _LOWEST <= int(declared) <= _HIGHEST:
            yield Problem(
                message="no template of PS3.16 has this number", tag=TemplateIdentifier, found=declared,
                level=level, want=f"a number from {_LOWEST} to {_HIGHEST}",
            )  # fmt: skip
    if not any_:
        raise NotApplicable


@rule_function("key-object-modifiers")
def key_object_modifiers(context: RuleContext) -> Iterator[Problem]:
    """SR026: modifiers of the title of a key object selection that belong to another title (PS3.16 TID 2010 rows 3 and 4)."""
    items = content_items(context.facts)
    title = items[0].concept if items else None
    if title is None or title.key not in _MODIFIED_TITLES:
        raise NotApplicable
    own, other = _MODIFIED_TITLES[title.key]
    modifiers = [
        child
        for child in items[0].children
        if child.concept is not None and child.concept.key == _TITLE_MODIFIER
    ]
    for modifier in modifiers:
        value = modifier.value
        if value is not None and in_group(other, value.key) and not in_group(own, value.key):
            yield Problem(
                message=f"the modifier of the title is of CID {other}", tag=CodeValue,
                level=modifier.dataset.items(ConceptCodeSequence)[0], found=value.value, want=f"a code from CID {own}",
            )  # fmt: skip
    if not modifiers and title.key == _BEST_IN_SET:
        yield Problem(
            message="the modifier that says of which set is missing", tag=ContentSequence,
            want="HAS CONCEPT MOD CODE Document Title Modifier",
        )  # fmt: skip


def _names(templates: tuple[str, ...]) -> str:
    return ", ".join(f"TID {name}" for name in templates)
