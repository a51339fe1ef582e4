"""The committed table of statements, tried: what is named as the check of a statement fires where the statement is broken.

Rows of attributes are tried one by one in test_profile_dicomvert, endpoints in tests/network/test_statement_endpoints.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from profile_slides import DICOMVERT, GT450, IQC, checked, dicomvert, found, gt450

from dcmlint.profiles.attributes import placed_rows
from dcmlint.profiles.load import find_profile
from dcmlint.profiles.resolve import resolve_profile
from dcmlint.rules.examples import example_files
from dcmlint.rules.load import builtin_rules, data_folder, read_rule
from dcmlint.rules.model import RuleSource

TABLE = Path(__file__).resolve().parents[2] / "docs" / "profiles" / "statements.csv"
PROFILES = {"GTX": GT450, "IQC": IQC, "DVT": DICOMVERT}
BUILT_IN = {source.rule.id for source in builtin_rules()}


def _checks() -> dict[str, set[str]]:
    """By profile, what the table names as checks of its statements."""
    found_: dict[str, set[str]] = {name: set() for name in PROFILES.values()}
    with TABLE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            name = PROFILES.get(row["number"].partition("-")[0])
            if name is not None:
                found_[name].update(row["checked by"].split())
    return found_


CHECKS = _checks()
SERVED = sorted((name, rule) for name, rules in CHECKS.items() for rule in rules & BUILT_IN)


@cache
def _rule(name: str) -> RuleSource:
    """A built-in rule with its examples, which the bundle does not hold."""
    (path,) = data_folder("rules").glob(f"*/{name}-*.yaml")
    return read_rule(path, path.name)


def _data(rule: str, number: int) -> bytes:
    (file,) = example_files(_rule(rule), number)
    return file.data


@cache
def _conforming(name: str) -> frozenset[str]:
    slide = dicomvert() if name == DICOMVERT else gt450()
    return frozenset(found(checked(slide, name)))


@pytest.mark.parametrize(("name", "rule"), SERVED)
def test_a_rule_of_the_standard_that_serves_a_statement_speaks_under_the_profile(
    name: str, rule: str
) -> None:
    """Some example that fails the rule alone fails it here, too: no row of the profile speaks in its place each time."""
    examples = list(enumerate(_rule(rule).rule.examples))
    failing = [number for number, one in examples if one.fails and one.dataset]
    passing = [number for number, one in examples if one.passes and one.dataset]
    assert any(rule in found(checked(_data(rule, number), name)) for number in failing)
    assert rule not in found(checked(_data(rule, passing[0]), name))
    assert rule not in _conforming(name)


# The setting that is tried, and what differs then: endpoints, or the rules that fire on a slide that conforms to the others.
SETTINGS: dict[tuple[str, str], str] = {
    (GT450, "hostname"): "archive.example", (GT450, "port"): "11112", (GT450, "title"): "OTHER",
    (GT450, "file_location"): r"\\files\slides", (GT450, "transfer"): "share",
    (GT450, "image_filename_format"): "{BARCODEID}", (GT450, "barcode_value_identifier"): r"\d{7}",
    (GT450, "barcode_value_modifier"): r"Y(\d)", (GT450, "barcode_value_substitution_format"): "$1",
    (GT450, "image_output_format"): "SVS", (GT450, "slide_id_format"): r"^\d{46}$", (GT450, "case_id_format"): r"^\d{46}$",
    (GT450, "dimension_organization_type"): "Sparse", (GT450, "require_barcode_id"): "true",
    (DICOMVERT, "ae_title"): "OTHER", (DICOMVERT, "called_ae_title"): "ARCHIVE", (DICOMVERT, "host"): "archive.example",
    (DICOMVERT, "port"): "11112", (DICOMVERT, "sop_classes"): "CTImageStorage",
}  # fmt: skip
# Without these a setting has nothing to act on: the guide does not say where a case ID stands.
BESIDE = {
    "case_id_format": {"case_id_attribute": "AccessionNumber"},
    "file_location": {"transfer": "both"}, "transfer": {"file_location": r"\\files\slides"},
    "barcode_value_modifier": {"barcode_value_identifier": r"\d{6}"},
    "barcode_value_substitution_format": {
        "barcode_value_identifier": r"\d{6}", "barcode_value_modifier": r"^(\d{2})", "image_filename_format": "{IMAGEID}-{BARCODEID}",
    },
}  # fmt: skip


def _seen(name: str, parameters: dict[str, str]) -> tuple[object, ...]:
    """Endpoints, and the outcomes of the profile's own rules on a slide without label."""
    resolved = resolve_profile(name, parameters)
    slide = dicomvert() if name == DICOMVERT else gt450()
    outcomes = checked(slide, name, name="7-240017.dcm", parameters=parameters).outcomes
    return resolved.endpoints, {rule: outcomes[rule] for rule in resolved.own if rule in outcomes}


@pytest.mark.parametrize(("name", "parameter"), sorted(SETTINGS))
def test_a_setting_that_states_something_changes_what_is_checked(name: str, parameter: str) -> None:
    beside = BESIDE.get(parameter, {})
    assert _seen(name, beside) != _seen(name, {**beside, parameter: SETTINGS[name, parameter]})


OWN: dict[tuple[str, str], dict[str, Any]] = {
    (GT450, "GTX010"): {"ManufacturerModelName": "AT2"}, (GT450, "GTX011"): {"SoftwareVersions": "1.0.1"},
    (IQC, "IQC001"): {"ManufacturerModelName": "AT2"}, (IQC, "IQC002"): {"OpticalPathSequence[0].IlluminationTypeCodeSequence[0].CodeValue": "111743"},
    (IQC, "IQC901"): {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.1"},
    (DICOMVERT, "DVT901"): {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.1"},
}  # fmt: skip
# Tried where settings, files or whole slides are made for them: test_profile_gt450, test_profile_iqc, test_profile_dicomvert.
ELSEWHERE = {
    *(f"GTX{number:03}" for number in range(1, 10)), "IQC100", "IQC101", "IQC104", "IQC105", "DVT101", "DVT102", "DVT902",
}  # fmt: skip


@pytest.mark.parametrize(("name", "rule"), sorted(OWN))
def test_a_rule_of_the_profile_speaks_where_its_statement_is_broken(name: str, rule: str) -> None:
    slide = dicomvert if name == DICOMVERT else gt450
    report = checked(slide(OWN[name, rule]), name)
    (finding,) = [one for one in report.findings if one.rule == rule]
    source = find_profile(name).profile.source
    assert source is not None
    assert source.short in {one.part for one in finding.references}
    assert finding.want
    assert rule not in _conforming(name)


def test_nothing_that_the_table_names_is_left_untried() -> None:
    rows = {one.id for one in placed_rows(find_profile(DICOMVERT).profile)}
    for name, named in CHECKS.items():
        tried = {rule for profile, rule in (*SERVED, *OWN) if profile == name}
        tried |= {f"parameter:{parameter}" for profile, parameter in SETTINGS if profile == name}
        # Remarks are compared with those of `profile check` in test_profile_statements.
        left = {word for word in named if not word.startswith(("endpoint:", "remark:"))}
        assert left <= tried | ELSEWHERE | rows
