"""Every entry of the catalogue of whole slide rules is a rule, or is left out with a reason that is documented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = Path(__file__).with_name("catalogue.txt")
SEVERITY = {"E": "error", "W": "warning", "I": "info"}
AREAS = {"FILE": 4, "META": 4, "VR": 9, "IOD": 25, "WSI": 30, "TILE": 28, "FG": 24, "PYR": 32, "PIX": 42, "OPT": 28,
         "SPEC": 21, "CONC": 13, "PHI": 12}  # fmt: skip

# id: the rule that speaks instead, and why
LEFT_OUT = {"TILE023": ("IOD011", "the row of the table says it of every image, whether Z varies or not")}
# Names that another word fits better: the rule holds for more than slides.
RENAMED = {
    "VR007": "pixel-data-vr",
    "FG004": "functional-group-in-both",
    "FG007": "functional-group-every-frame",
    "CONC001": "concatenation-quartet",
    "PHI009": "private-without-creator",
}
# id: severity by default, and why it is not the catalogue's
OTHER_SEVERITY = {
    "TILE012": ("error", "swapped axes are systematic, which TILE-014 calls an error"),
    "WSI027": ("error", "the text was read"),
    "OPT012": ("error", "the text was read"),
    "PYR018": ("info", "no text forbids it: export without the base is legal"),
    "PIX041": ("warning", "de-identification and readers miss such pixels"),
    "PHI006": ("warning", "names of people are no matter of interoperability"),
}


class Entry(NamedTuple):
    """A row of the catalogue."""

    id: str
    name: str
    severity: str
    basis: str


@cache
def catalogue() -> tuple[Entry, ...]:
    lines = CATALOGUE.read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return tuple(Entry(one, name, SEVERITY[letter], basis) for one, name, letter, basis in rows)


@cache
def rules() -> dict[str, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "dcmlint.cli", "rules", "-f", "json"],
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    return {rule["id"]: rule for rule in json.loads(done.stdout)}


@cache
def documented() -> str:
    """All that is written about differences, with ids as they are spelled in rule files."""
    pages = [*ROOT.glob("docs/differences*.md"), *ROOT.glob("docs/differences.d/*.md")]
    return re.sub(r"\b([A-Z]{2,4})-(\d{3})\b", r"\1\2", "\n".join(page.read_text("utf-8") for page in pages))


def test_the_catalogue_is_whole() -> None:
    counts: dict[str, int] = {}
    for entry in catalogue():
        counts[entry.id.rstrip("0123456789")] = counts.get(entry.id.rstrip("0123456789"), 0) + 1
    assert counts == AREAS
    assert len({entry.id for entry in catalogue()}) == len({entry.name for entry in catalogue()}) == 272


def test_every_entry_is_a_rule() -> None:
    missing = [
        f"{one.id} {one.name}" for one in catalogue() if one.id not in rules() and one.id not in LEFT_OUT
    ]
    assert not missing, "\n".join(missing)
    for one, (instead, _) in LEFT_OUT.items():
        assert one not in rules(), f"{one} is a rule again"
        assert instead in rules()
        assert one in documented(), f"docs/differences does not say why {one} is left out"


def test_rules_bear_the_names_of_the_catalogue() -> None:
    wrong = [
        f"{one.id} is {rules()[one.id]['name']}, not {one.name}"
        for one in catalogue()
        if one.id in rules() and rules()[one.id]["name"] != RENAMED.get(one.id, _kebab(one.name))
    ]
    assert not wrong, "\n".join(wrong)


def _kebab(name: str) -> str:
    return name.replace("/", "-").lower()


def test_severities_are_those_of_the_catalogue() -> None:
    wrong = []
    for one in catalogue():
        if one.id not in rules():
            continue
        want, _ = OTHER_SEVERITY.get(one.id, (one.severity, ""))
        if rules()[one.id]["severity"] != want:
            wrong.append(f"{one.id} is {rules()[one.id]['severity']}, not {want} ({one.basis})")
    assert not wrong, "\n".join(wrong)


def test_other_severities_are_documented() -> None:
    by_id = {one.id: one for one in catalogue()}
    for one, (severity, _) in OTHER_SEVERITY.items():
        assert severity != by_id[one].severity, f"{one} is no exception any more"
        assert one in documented(), f"docs/differences does not say why {one} is of severity {severity}"


def test_no_two_rules_give_way_to_each_other() -> None:
    """Both findings would be left out."""
    explained: dict[str, set[str]] = {}
    for path in ROOT.glob("rules/*/*.yaml"):
        text = path.read_text("utf-8")
        names = re.findall(r"(?m)^explains(?:_in_file)?: \[([^\]]*)\]", text)
        explained[path.name.partition("-")[0]] = {one.strip() for line in names for one in line.split(",")}
    assert explained["PIX002"] >= {"PIX033"}
    both = [(one, other) for one in explained for other in explained[one] if one in explained.get(other, ())]
    assert not both


def test_no_recommendation_is_an_error() -> None:
    loud = [
        one["id"]
        for one in rules().values()
        if one["severity"] == "error" and one["basis"] not in ("requirement", "inference")
    ]
    assert not loud
