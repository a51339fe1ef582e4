"""Files that users write are held against the published schemas: place, message and choices of each mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dcmlint.cli.config import read_config
from dcmlint.engine.baseline import Baseline, Known, baseline_bytes, read_baseline
from dcmlint.errors import ConfigError, LocatedError, ProfileError, RuleError
from dcmlint.profiles.load import find_profile
from dcmlint.rules.load import data_folder, read_rule
from dcmlint.toml_places import TomlPlaces

HEAD = 'id: lab\nversion: "1"\ntitle: T\narea: LAB\n'


def mistakes(error: LocatedError) -> list[str]:
    return [
        f"{one.line}:{one.column} {one.message}{one.hint and f' ({one.hint})'}"
        for one in (error, *error.others)
    ]


PROFILES = [
    ("titel: x\n", ["5:1 unknown key 'titel' (did you mean title?)"]),
    ("source: {short: x}\n", ["5:9 the key 'document' is missing in source"]),
    ("source: {documnt: x}\n", ["5:10 unknown key 'documnt' in source (did you mean document?)"]),
    ("extends: wsi\n", ["5:10 'wsi' in extends is not a list"]),
    ("attributes:\n  - {attribute: Rows, severity: warn}\n", ["6:33 'warn' in attributes[0].severity is not one of error, info, warning (did you mean warning?)"]),
    ("attributes:\n  - {attribute: Rows, values: {a: b}}\n", ["6:31 a mapping in attributes[0].values is not text or a list"]),
    ("parameters:\n  x: {minimum: low, whole: maybe}\n", ["6:16 'low' in parameters.x.minimum is not a number", "6:28 'maybe' in parameters.x.whole is not true or false"]),
    ("parameters:\n  a: {}\n  Bad: {}\n", ["7:8 'Bad' in parameters is not a name of a parameter: small letters, digits and _"]),
    ("rules: {VR001: offf}\n", ["5:16 'offf' in rules.VR001 is not one of at-most-info, at-most-warning, error, info, off, on, warning (did you mean off?)"]),
    ("limits: [1]\n", ["5:9 a list in limits is not a mapping"]),
    ("endpoints:\n  - {port: 1}\n  - {name: a, port: 1, protocl: dicom}\n",
     ["6:5 the key 'name' is missing in endpoints[0]", "7:24 unknown key 'protocl' in endpoints[1] (did you mean protocol?)"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), PROFILES)
def test_a_profile(text: str, wanted: list[str], tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        find_profile(str(path))
    assert mistakes(caught.value) == wanted
    assert caught.value.file == str(path)


def test_mistakes_without_end_are_told_in_part(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    rows = "".join("  - {attribut: x, severity: warn}\n" for _ in range(2000))
    keys = "".join(f"k{number}: 1\n" for number in range(2000))
    parameter = 'parameters: {"a\\e' + "b" * 500 + '": {type: x}}\n'
    path.write_text(f"{HEAD}{parameter}{keys}attributes:\n{rows}", encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        find_profile(str(path))
    told = mistakes(caught.value)
    assert len(told) == 20
    assert max(map(len, told)) < 2000
    assert all(one.isprintable() for one in told)


def test_text_that_reads_as_a_number_or_a_truth_value_is_one(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(
        HEAD + 'parameters:\n  x: {type: number, minimum: "1", maximum: 2.5, whole: "true", assumed: false}\n'
    )
    parameter = find_profile(str(path)).profile.parameters["x"]
    assert (parameter.minimum, parameter.maximum, parameter.whole, parameter.assumed) == (
        1.0,
        2.5,
        True,
        False,
    )


def test_a_rule_file(tmp_path: Path) -> None:
    path = tmp_path / "LAB001-x.yaml"
    path.write_text(
        "id: LAB1\nname: x\ntitle: T\nseverity: eror\nbasis: local\nasert: Rows > 1\n", encoding="utf-8"
    )
    with pytest.raises(RuleError) as caught:
        read_rule(path)
    assert mistakes(caught.value) == [
        "1:5 'LAB1' in id is not a rule id: an area of letters and three digits",
        "4:11 'eror' in severity is not one of error, info, warning (did you mean error?)",
        "6:1 unknown key 'asert' (did you mean assert?)",
    ]


def test_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "dcmlint.toml"
    path.write_text(
        'profil = "wsi"\nfail-on = "warnings"\njobs = "two"\n\n[severity]\nVR001 = "bad"\n\n[[ignore]]\nreason = "x"\n'
        'rule = "A"\n[[ignore]]\n  rule = 3\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert mistakes(caught.value) == [
        "1:1 unknown key 'profil' (did you mean profile?)",
        "2:1 'warnings' in fail-on is not one of error, warning, info, never (did you mean warning?)",
        "3:1 'two' in jobs is not a whole number",
        "6:1 'bad' in severity.VR001 is not one of error, warning, info",
        "11:3 the key 'reason' is missing in ignore[1]",
        "12:3 3 in ignore[1].rule is not text",
    ]


def test_a_configuration_within_a_project(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(
        '[tool.other]\nprofil = 1\n[tool.dcmlint]\nprofil = "x"\n[tool.dcmlint.parameters]\na = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert mistakes(caught.value) == ["4:1 unknown key 'profil' (did you mean profile?)"]


def test_a_mistake_of_toml_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "dcmlint.toml"
    path.write_text('profile = "x"\nfail-on =\n')
    with pytest.raises(ConfigError, match="not TOML") as caught:
        read_config(path)
    assert (caught.value.line, caught.value.column) == (2, 10)


def test_a_baseline(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{"findings": [\n{"rule": "A", "count": "x"},\n{"path": "b"}], "fingerprint": "pth"}')
    with pytest.raises(ConfigError) as caught:
        read_baseline(path)
    assert mistakes(caught.value) == [
        "2:24 not a baseline: 'x' in findings[0].count is not a whole number",
        "3:1 not a baseline: the key 'rule' is missing in findings[1]",
        "3:32 not a baseline: 'pth' in fingerprint is not one of path, uid (did you mean path?)",
    ]
    whole = Baseline(findings=(Known(rule="A", path="b", count=2),))
    path.write_bytes(baseline_bytes(whole))
    assert read_baseline(path) == whole


def test_a_built_in_profile_and_the_checks_it_makes_need_no_schema() -> None:
    code = (
        "import sys; from dcmlint.api import check_bytes; check_bytes(b'x' * 200, profile='pacs-ingest'); "
        "print(sorted(one for one in sys.modules if one.startswith(('jsonschema', 'yaml'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["profile", "rule", "config", "baseline"])
def test_the_schemas_are_schemas(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((data_folder("schemas") / f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)


def test_places_of_toml() -> None:
    places = TomlPlaces('a = 1\n"b c" = 2\n[t]\n  k.l = [\n  1]\n[[u]]\nx = 1\n[[u]]\nx = 2\n[u.v]\ny = 1\n')
    assert [places.place(one) for one in ("$.a", "$.b c", "$.t.k.l[0]", "$.u[1].x", "$.u[7].x", "$.z")] == [
        (1, 1), (2, 1), (4, 3), (9, 1), (0, 0), (0, 0)
    ]  # fmt: skip


def test_keys_for_anchors_are_in_the_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((data_folder("schemas") / "profile.schema.json").read_text("utf-8"))
    profile = {"id": "lab", "version": "1", "title": "T", "x-known": {"presence": "always"}}
    assert jsonschema.Draft202012Validator(schema).is_valid(profile)
    assert not jsonschema.Draft202012Validator(schema).is_valid({**profile, "y-known": {}})
