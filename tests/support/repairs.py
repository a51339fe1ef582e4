"""Small files with known defects, from the examples of rules."""

from __future__ import annotations

from functools import cache

from dcmlint.engine.session import Checker
from dcmlint.engine.settings import Settings
from dcmlint.rules.examples import example_files
from dcmlint.rules.load import data_folder, read_rule
from dcmlint.rules.model import Example
from dcmlint.rules.yaml_source import parse_yaml


def made(dataset: str, error: type[Exception] = ValueError) -> bytes:
    """The bytes of a data set as rule files describe it: ``{use: ct, PatientID: EX-17}``."""
    import msgspec

    from dcmlint.rules.model import RuleSource

    source = read_rule(next(data_folder("rules").rglob("ENC003-*.yaml")))
    value = parse_yaml(dataset, "test")[0].value
    example = Example(name="test", dataset=value, passes=True)
    rule = msgspec.structs.replace(source.rule, examples=(example,))
    return example_files(RuleSource(rule, source.file, {}), 0)[0].data


@cache
def checker(profile: str = "dicom") -> Checker:
    """The rules of a profile, all frames looked at."""
    return Checker(Settings(profile=profile, frames="all"))
