"""Every key of the schema of profiles is read by code: changed alone, it changes what its user sees.

A key that nothing reads would be a demand that nothing holds.  Each case is a profile without the change and
one with it; what must differ is the verdict on an instance (``check``), on an endpoint (``probe``), the
remarks of `profile check`, the result of its examples (``test``), the resolved parameters, or, for the keys
that explain, the texts of `profile show` and `profile statement`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from profile_slides import checked, found, gt450
from support.profile_keys import keys

from dcmlint.cli.app import run
from dcmlint.errors import DcmlintError
from dcmlint.profiles.conformance import as_markdown
from dcmlint.profiles.lint import lint_profile
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.orders import read_orders
from dcmlint.profiles.profile_text import parameters_value, profile_lines, resolved_lines, statement_lines
from dcmlint.profiles.resolve import ORDERS, resolve_profile
from dcmlint.profiles.statements import statements_of
from tools.profile_pages import page

HEAD = 'id: pol\nversion: "1"\ntitle: T\narea: POL\n'


def test_every_key_has_its_case() -> None:
    assert {key for key in keys() if not key.startswith("endpoints.")} == {key for key, *_ in CASES}


# -- what a user sees of a profile ---------------------------------------------------------------------------------


def check(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """The verdict on one instance: findings with all that they say, and what was left undecided."""
    (folder / "order.json").write_text('{"PatientID": "other", "StudyID": "1"}')
    orders = [dict(one) for one in read_orders(str(folder / "order.json"))]
    report = checked(gt450(changes), path, parameters={ORDERS: orders})
    said = [msgspec.to_builtins(finding) for finding in report.findings]
    for finding in said:
        finding.pop("fingerprint")
    return said, sorted(report.undecided), report.exit_code


def check_private(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """The verdict on an instance that holds a private element."""
    made = gt450(changes)
    made.private_block(0x0009, "ACME 1.1", create=True).add_new(0x01, "LO", "x")
    return found(checked(made, path))


def remarks(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """What `profile check` says."""
    return [str(one) for one in lint_profile(find_profile(path))]


def shown(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """What `profile show`, `profile parameters`, `profile statements`, `profile statement` and its page say."""
    resolved = resolve_profile(path)
    source = resolved.chain[-1]
    statements = [*statement_lines(statements_of(source.profile))]
    return (
        profile_lines(resolved),
        resolved_lines(resolved),
        parameters_value(resolved),
        statements,
        as_markdown(resolved),
        page(source),
    )


def explained(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """What `explain` says of the profile's own rules."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for one in resolve_profile(path).rules:
            if one.rule.id.startswith("POL"):
                assert run(["explain", one.rule.id, "-p", path]) == 0
    return said.getvalue()


def locked(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """The verdict where the user ignores the profile's first row."""
    return found(checked(gt450(changes), path, ignore=["POL001"]))


def examples(path: str, folder: Path, changes: dict[str, Any]) -> object:
    """How `profile test` ends."""
    return run(["profile", "test", path])


def row(more: str, attribute: str = "StudyID") -> str:
    return f"attributes:\n  - {{id: POL001, attribute: {attribute}, {more}}}\n"


def parameter(more: str) -> str:
    return f"parameters:\n  given: {{{more}}}\n{row('values: [param.given]')}"


FORBIDDEN = "presence: forbidden"
OVERRIDE = "overrides:\n  - {match: {%s}, rules: {%s}, reason: '%s', expires: %s}\n"
STATED = "source: {document: A Document, short: DOC%s}\n"

# key, profile, what is changed in it (old, new), the view, changes of the instance
CASES: list[tuple[str, str, tuple[str, str], Callable[[str, Path, dict[str, Any]], object], dict[str, Any]]] = [
    ("id", row(FORBIDDEN), ("id: pol\n", "id: other\n"), shown, {}),
    ("version", row(FORBIDDEN), ('version: "1"', 'version: "2"'), shown, {}),
    ("title", row(FORBIDDEN), ("title: T", "title: U"), shown, {}),
    ("about", "about: One\n", ("One", "Two"), shown, {}),
    ("side", STATED % "" + "side: receiver\nsop_classes: [VLWholeSlideMicroscopyImageStorage]\n" + row("presence: always"), ("side: receiver", "side: sender"), remarks, {}),
    ("edition", row(FORBIDDEN), ("area", "edition: 2019a\narea"), check, {}),
    ("area", "attributes:\n  - {attribute: StudyID, presence: forbidden}\n", ("area: POL", "area: OTH"), check, {}),
    ("source", row(FORBIDDEN), ("area", "source: {document: D}\narea"), check, {}),
    ("source.document", row(FORBIDDEN) + "source: {document: D}\n", ("document: D", "document: E"), check, {}),
    ("source.short", row(FORBIDDEN) + "source: {document: D, short: D}\n", ("short: D", "short: E"), check, {}),
    ("source.revision", row(FORBIDDEN) + "source: {document: D, revision: A}\n", ("revision: A", "revision: B"), shown, {}),
    ("source.date", row(FORBIDDEN) + "source: {document: D, date: '2020'}\n", ("2020", "2021"), shown, {}),
    ("source.publisher", row(FORBIDDEN) + "source: {document: D, publisher: X}\n", ("publisher: X", "publisher: Y"), shown, {}),
    ("source.product", row(FORBIDDEN) + "source: {document: D, product: X}\n", ("product: X", "product: Y"), shown, {}),
    ("extends", row("presence: optional"), ("area", "extends: [dicomvert-2.0]\narea"), check, {}),
    ("applies", row(FORBIDDEN), ("area", "applies: {modality: [CT]}\narea"), check, {}),
    ("applies.sop_class", row(FORBIDDEN) + "applies: {sop_class: [VLWholeSlideMicroscopyImageStorage]}\n", ("VLWholeSlideMicroscopyImageStorage", "CTImageStorage"), check, {}),
    ("applies.modality", row(FORBIDDEN) + "applies: {modality: [SM]}\n", ("[SM]", "[CT]"), check, {}),
    ("applies.manufacturer", row(FORBIDDEN) + "applies: {manufacturer: [leica]}\n", ("leica", "other"), check, {}),
    ("applies.model", row(FORBIDDEN) + "applies: {model: [GT450]}\n", ("GT450", "other"), check, {}),
    ("parameters", row("presence: forbidden"), ("area", "parameters: {x: {default: a}}\narea"), shown, {}),
    ("parameters.type", parameter("default: 1.50"), ("default", "type: number, default"), check, {"StudyID": "1.5"}),
    ("parameters.default", parameter("default: a"), ("default: a", "default: b"), check, {"StudyID": "a"}),
    ("parameters.choices", parameter("type: choice, choices: [a, b], default: a"), ("[a, b]", "[b, c]"), check, {}),
    ("parameters.minimum", parameter("type: number, minimum: 1, default: 2"), ("minimum: 1", "minimum: 3"), check, {}),
    ("parameters.maximum", parameter("type: number, maximum: 3, default: 2"), ("maximum: 3", "maximum: 1"), check, {}),
    ("parameters.whole", parameter("type: number, default: 2.5"), ("default", "whole: true, default"), check, {}),
    ("parameters.pattern", parameter("default: ab, pattern: ^a"), ("^a", "^b"), check, {}),
    ("parameters.unit", parameter("default: a, unit: mm"), ("mm", "cm"), shown, {}),
    ("parameters.help", parameter("default: a, help: one"), ("one", "two"), shown, {}),
    ("parameters.shown_as", parameter("default: a, shown_as: One"), ("One", "Two"), shown, {}),
    ("parameters.section", STATED % "" + parameter("default: a, shown_as: One, section: '1'"), ("'1'", "'2'"), shown, {}),
    ("parameters.assumed", parameter("default: a"), ("default", "assumed: true, default"), check, {"StudyID": "b"}),
    ("set", "extends: [aperio-gt450-dx]\nset: {slide_id_attribute: StudyID}\n", ("StudyID", "PatientID"), shown, {}),
    ("attributes", "about: x\n", ("about: x\n", row(FORBIDDEN)), check, {}),
    ("attributes.attribute", row(FORBIDDEN), ("StudyID", "PatientID"), check, {}),
    ("attributes.id", row(FORBIDDEN), ("POL001", "POL002"), check, {}),
    ("attributes.tag", row("tag: '0020,0010'"), ("0020,0010", "0020,0011"), remarks, {}),
    ("attributes.name", row("name: Study ID"), ("Study ID", "Series ID"), remarks, {}),
    ("attributes.vr", row("vr: SH"), ("SH", "LO"), remarks, {}),
    ("attributes.presence", row(FORBIDDEN), ("forbidden", "optional"), check, {}),
    ("attributes.empty", row("presence: always"), ("always", "always, empty: allowed"), check, {"StudyID": None}),
    ("attributes.values", row("values: [a]"), ("[a]", "[b]"), check, {"StudyID": "a"}),
    ("attributes.values_from", row("values_from: one.csv"), ("one.csv", "two.csv"), check, {"StudyID": "1"}),
    ("attributes.pattern", row("pattern: ^a"), ("^a", "^b"), check, {"StudyID": "a"}),
    ("attributes.minimum", row("minimum: 1", "Rows"), ("1}", "1000}"), check, {}),
    ("attributes.maximum", row("maximum: 1000", "Rows"), ("1000", "1"), check, {}),
    ("attributes.longest", row("longest: 9", "StudyID"), ("9", "1"), check, {"StudyID": "ABC"}),
    ("attributes.not_before", row("not_before: 2000-01-01", "StudyDate"), ("2000", "2025"), check, {"StudyDate": "20240101"}),
    ("attributes.not_after", row("not_after: 2025-01-01", "StudyDate"), ("2025", "2000"), check, {"StudyDate": "20240101"}),
    ("attributes.code", row("code: 'SCT:433466003'", "ContainerTypeCodeSequence"), ("433466003", "434711009"), check, {}),
    ("attributes.context_group", row("context_group: 8101", "ContainerTypeCodeSequence"), ("8101", "8103"), check, {}),
    ("attributes.source", row("source: order"), ("source: order", "says: nothing"), check, {"StudyID": "2"}),
    ("attributes.assert", row("assert: 'size(StudyID) > 3'"), ("> 3", "< 3"), check, {"StudyID": "1234"}),
    ("attributes.want", row("assert: 'size(StudyID) > 3', want: one"), ("one", "two"), check, {"StudyID": "1"}),
    ("attributes.when", row("presence: forbidden, when: 'Rows > 1'"), ("> 1", "< 1"), check, {}),
    ("attributes.sop_class", row("presence: forbidden"), ("presence", "sop_class: [CTImageStorage], presence"), check, {}),
    ("attributes.severity", row(FORBIDDEN), ("presence", "severity: info, presence"), check, {}),
    ("attributes.value_severity", row("values: [a]"), ("values", "value_severity: info, values"), check, {"StudyID": "b"}),
    ("attributes.empty_severity", row("presence: always"), ("presence", "empty_severity: info, presence"), check, {"StudyID": None}),
    ("attributes.items", row("presence: always", "OpticalPathSequence"), ("always", "always, items: [{id: POL002, attribute: OpticalPathIdentifier, presence: forbidden}]"), check, {}),
    ("attributes.section", STATED % "" + row("presence: forbidden, section: '1'"), ("'1'", "'2'"), check, {}),
    ("attributes.says", STATED % "" + row("presence: forbidden, says: One thing"), ("One", "Two"), shown, {}),
    ("attributes.not_seen", STATED % "" + row("presence: forbidden, not_seen: The time"), ("time", "date"), shown, {}),
    ("attributes.checked_by", STATED % "" + row("section: '1', says: x, checked_by: [VR001]"), ("VR001", "VR002"), shown, {}),
    ("attributes.printed", row("vr: SH, printed: {vr: J}"), ("vr: J", "vr: K"), remarks, {}),
    ("attributes.examples", row("presence: forbidden"), ("forbidden", "forbidden, examples: [{name: x, dataset: {StudyID: a}, passes: []}]"), examples, {}),
    ("attributes.message", row("presence: forbidden, message: One"), ("One", "Two"), check, {}),
    ("attributes.why", row("presence: forbidden, why: One"), ("One", "Two"), explained, {}),
    ("attributes.remedy", row("presence: forbidden, remedy: One"), ("One", "Two"), check, {}),
    ("transfer_syntaxes", "about: x\n", ("about: x", "transfer_syntaxes: [RLELossless]"), check, {}),
    ("sop_classes", "about: x\n", ("about: x", "sop_classes: [CTImageStorage]"), check, {}),
    ("file_names", "about: x\n", ("about: x", "file_names: {template: '{PatientID}'}"), check, {}),
    ("file_names.template", "file_names: {template: slide}\n", ("template: slide", "template: image"), check, {}),
    ("file_names.tokens", "file_names: {template: '{any}', tokens: {any: PatientID}}\n", ("any: PatientID", "any: ''"), check, {}),
    ("file_names.severity", "file_names: {template: image}\n", ("image}", "image, severity: info}"), check, {}),
    ("limits", "about: x\n", ("about: x", "limits: {frames: 1}"), check, {}),
    ("limits.file_size", "limits: {file_size: 1 GB}\n", ("1 GB", "1 kB"), check, {}),
    ("limits.frames", "limits: {frames: 4}\n", (": 4", ": 3"), check, {}),
    ("limits.private_creators", "limits: {frames: 4}\n", ("frames: 4", "private_creators: []"), check_private, {}),
    ("limits.severity", "limits: {frames: 3}\n", ("3}", "3, severity: info}"), check, {}),
    ("limits.why", "limits: {frames: 3, why: One}\n", ("One", "Two"), explained, {}),
    ("endpoints", "about: x\n", ("about: x", "endpoints: [{name: a, port: 104}]"), shown, {}),
    ("own_rules", "about: x\n", ("about: x", "own_rules: [{id: POL101, name: never-so, title: Never, severity: error, basis: local, scope: instance, references: [{part: Local}], assert: 'Rows < 1', message: So, why: Because., remedy: Do., examples: []}]"), check, {}),
    ("rules", row(FORBIDDEN), ("area", "rules: {POL001: info}\narea"), check, {}),
    ("lock", row(FORBIDDEN), ("area", "lock: [POL001]\narea"), locked, {}),
    ("action", "action: {error: refuse}\n", ("refuse", "quarantine"), shown, {}),
    ("reasons", "extends: [wsi]\nreasons: {VR001: One}\n", ("One", "Two"), shown, {}),
    ("overrides", row(FORBIDDEN), ("area", OVERRIDE % ("Modality: SM", "POL001: info", "known", "2099-01-01") + "area"), check, {}),
    ("overrides.match", row(FORBIDDEN) + OVERRIDE % ("Modality: S*", "POL001: info", "known", "2099-01-01"), ("S*", "C*"), check, {}),
    ("overrides.rules", row(FORBIDDEN) + OVERRIDE % ("Modality: SM", "POL001: info", "known", "2099-01-01"), ("POL001: info", "POL001: off"), check, {}),
    ("overrides.reason", row(FORBIDDEN) + OVERRIDE % ("Modality: SM", "POL001: off", "One", "2099-01-01"), ("One", "Two"), shown, {}),
    ("overrides.expires", row(FORBIDDEN) + OVERRIDE % ("Modality: SM", "POL001: info", "known", "2099-01-01"), ("2099", "2001"), check, {}),
    ("statements", "about: x\n", ("about: x", "statements: [{section: '1', says: x, not_seen: y}]"), shown, {}),
    ("statements.section", STATED % "" + "statements: [{section: '1', says: x, by: [PYR029]}]\n", ("'1'", "'2'"), check, {}),
    ("statements.says", "statements: [{section: '1', says: One, not_seen: y}]\n", ("One", "Two"), shown, {}),
    ("statements.by", STATED % "" + row(FORBIDDEN) + "statements: [{section: '1', says: x, by: [ELM001]}]\n", ("ELM001", "ELM777"), remarks, {}),
    ("statements.not_seen", "statements: [{section: '1', says: x, not_seen: One}]\n", ("One", "Two"), shown, {}),
    ("statements.table", STATED % "" + "sop_classes: [CTImageStorage]\nstatements: [{section: '1', says: x, not_seen: y, table: SOP Classes}]\n", ("SOP Classes", "PORTS"), check, {}),
    ("notes", "notes: [One]\n", ("One", "Two"), shown, {}),
    ("readings", row("vr: LO") + "readings: {vr-mismatch: One}\n", ("One", "Two"), remarks, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "text", "change", "view", "instance"), CASES, ids=[f"{one[0]}" for one in CASES]
)
def test_a_key_changed_alone_changes_what_is_said(
    key: str, text: str, change: tuple[str, str], view: Callable[[str, Path, dict[str, Any]], object],
    instance: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "one.csv").write_text("1\n")
    (tmp_path / "two.csv").write_text("2\n")
    assert change[0] in HEAD + text, "the case changes nothing"
    seen = []
    for content in (HEAD + text, (HEAD + text).replace(*change, 1)):
        path = tmp_path / "pol.yaml"
        path.write_text(content, encoding="utf-8")
        try:
            seen.append(view(str(path), tmp_path, instance))
        except DcmlintError as mistake:
            seen.append(str(mistake))
    assert seen[0] != seen[1]
