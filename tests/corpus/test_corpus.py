"""The corpus of files written by others: what is known to be wrong is found, and what is clean stays clean.

Skipped where the corpus is absent; `tests/slides` and the examples of the rules hold small equivalents.
"""

from __future__ import annotations

from functools import cache

import pytest
from support.corpus import CORPUS

import dcmlint
from dcmlint import Report

pytestmark = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")]

CLEAN = [
    "wsidicomizer031-cmu-default", "wsidicom0361-cmu-empty-bot", "highdicom0282-ann", "highdicom0282-pr",
    "highdicom0282-seg", "highdicom0282-seg-pyramid", "highdicom0282-sr",
]  # fmt: skip

# Set → rules that must speak.
KNOWN: dict[str, set[str]] = {
    "wsidicom0361-cmu-concat-bytes": {"PYR017", "PIX038"},
    "wsidicomizer031-cmu-levels-eot": {"PIX008", "PYR017", "PIX038"},
    "orthanc-cmu-jpeg-dataset": {"TILE014", "WSI014", "IOD002", "WSI015", "OPT014", "OPT010", "PIX038"},
    "wsi2dcm-cmu-default": {"TILE002", "TILE024", "OPT001"},
    "bioformats731-cmu-jpeg-pyr": {"PIX019", "PIX008", "VR126", "PYR010", "IOD002"},
    "bioformats731-boxes-raw": {"VR001", "PIX036", "FILE001"},
    "pixelmed2022-cmu-default": {"WSI012", "WSI016", "IOD014"},
    "dicomwsi105-cmu-jpeg-sparse": {"PYR028", "WSI031", "PYR010", "PIX008", "PYR017", "PYR007"},
}  # fmt: skip

# Set → rules that must not speak: other tools' false alarms.
QUIET: dict[str, set[str]] = {
    "wsidicom0361-cmu-concat-bytes": {"TILE003", "CONC001", "CONC002", "CONC003", "CONC004", "CONC005", "CONC006",
                                      "CONC007", "CONC008", "CONC009", "CONC010", "CONC011", "CONC012", "CONC013"},
    "pixelmed2022-cmu-default": {"FG018"},
    "dicomwsi105-cmu-jpeg-sparse": {"TILE003"},
}  # fmt: skip


@cache
def report(name: str) -> Report:
    return dcmlint.check(CORPUS / "wsi" / name)


def loud(found: Report) -> list[str]:
    return [
        f"{f.severity} {f.rule} {f.file} {f.path} {f.message}" for f in found.findings if f.severity != "info"
    ]


@pytest.mark.parametrize("name", CLEAN)
def test_clean_sets_have_no_error_and_no_warning(name: str) -> None:
    assert loud(report(name)) == []
    assert report(name).summary.checked > 0


def test_highdicoms_segmentations_are_clean() -> None:
    files = sorted((CORPUS / "wsi" / "repo" / "ImagingDataCommons+highdicom").glob("*seg_image*"))
    assert files
    # PS3.3 C.11.15.1.1: the profile of the palette is for the conversion of color spaces ('spac'), not for input
    assert [line.split(" ", 2)[:2] for line in loud(dcmlint.check(files))] == [["error", "PIX110"]]


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_is_known_is_found(name: str) -> None:
    assert KNOWN[name] <= {finding.rule for finding in report(name).findings}


@pytest.mark.parametrize("name", sorted(QUIET))
def test_false_alarms_of_others_are_not_repeated(name: str) -> None:
    assert not QUIET[name] & {f.rule for f in report(name).findings if f.severity != "info"}


def test_meta_and_grayscale_files_of_highdicom() -> None:
    folder = CORPUS / "wsi" / "repo" / "ImagingDataCommons+highdicom"
    for name in ("dots", "numbers", "grayscale", "grayscale_reversed"):
        rules = {
            finding.rule
            for finding in dcmlint.check(folder / f"data__test_files__sm_image_{name}.dcm").findings
        }
        assert "META001" in rules
        assert ("WSI028" in rules) == name.startswith("grayscale")


def test_jpeg_xl_with_ybr_full_is_no_error() -> None:
    assert not [
        f for f in report("wsidicomizer031-cmu-jxl").findings if f.rule == "PIX001" and f.severity == "error"
    ]


def test_orthanc_says_nothing_of_dimension_organization_above_information() -> None:
    found = [f for f in report("orthanc-cmu-jpeg-dataset").findings if f.rule == "TILE001"]
    assert all(finding.severity == "info" for finding in found)


def test_no_rule_crashes_on_the_whole_corpus() -> None:
    whole = dcmlint.check(CORPUS)
    assert whole.summary.crashed == 0
    assert whole.summary.files > 150
