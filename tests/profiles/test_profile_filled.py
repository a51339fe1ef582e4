"""The values of parameters are put in place once, wherever a profile may name a parameter."""

from __future__ import annotations

from typing import Any

import pytest

from dcmlint.errors import ProfileError
from dcmlint.profiles.chain import chain_of, chain_values
from dcmlint.profiles.filled import filled
from dcmlint.profiles.load import parse_profile
from dcmlint.profiles.resolve import resolve_chain

TEXT = """
id: all
version: "1"
title: T
area: ALX
parameters:
  size: {default: 3 kB}
  creators: {type: list, default: [ACME 1.1, ACME 2]}
  classes: {type: list}
  tls: {default: "1.3"}
  code: {type: list, default: ["SCT:1"]}
  group: {default: "8131"}
  day: {default: today}
  template: {default: "{StudyID}"}
  token: {type: attribute, default: StudyID}
  least: {type: number, default: "3", assumed: true}
  port: {type: number}
  host: {}
applies: {sop_class: [param.classes]}
limits: {file_size: param.size, private_creators: [param.creators, OTHER]}
file_names: {template: param.template, tokens: {X: param.token}}
attributes:
  - {id: ALX001, attribute: StudyDate, not_after: param.day}
  - {id: ALX002, attribute: IlluminationTypeCodeSequence, code: param.code, context_group: param.group, items: [
      {id: ALX003, attribute: CodeValue, values: [param.host], when: param.host == CodeMeaning}]}
  - {id: ALX004, attribute: Rows, minimum: param.least}
endpoints:
  - {name: a, host: param.host, port: param.port, protocol: dicom-tls, tls_minimum: param.tls}
  - {name: b, port: "104", offers: [{sop_class: param.classes}]}
"""


def resolved(text: str = TEXT, **given: Any) -> Any:
    return resolve_chain(chain_of(parse_profile(text, "all.yaml")), given)


def test_wherever_a_parameter_is_named() -> None:
    chain = chain_of(parse_profile(TEXT, "all.yaml"))
    source = filled(chain[-1], chain_values(chain, {"classes": ["CTImageStorage", "MRImageStorage"]}))
    profile = source.profile
    assert profile.applies.sop_class == ("CTImageStorage", "MRImageStorage")
    assert profile.limits is not None
    assert profile.limits.file_size == "3 kB"
    assert profile.limits.private_creators == ("ACME 1.1", "ACME 2", "OTHER")
    assert profile.file_names is not None
    assert (profile.file_names.template, profile.file_names.tokens) == ("{StudyID}", {"X": "StudyID"})
    assert profile.attributes[0].not_after == "today"
    assert (profile.attributes[1].code, profile.attributes[1].context_group) == (("SCT:1",), "8131")
    assert [one.tls_minimum for one in profile.endpoints] == ["1.3", ""]
    assert source.written is not None
    assert source.written.endpoints[0].tls_minimum == "param.tls"
    assert source.assumed == {"$.attributes[2]"}
    assert source.unset == {
        "$.attributes[1].items[0].values": "host", "$.attributes[1].items[0].when": "host",
        "$.endpoints[0].host": "host", "$.endpoints[0].port": "port",
    }  # fmt: skip
    # A row is checked although one of its items is not.
    assert source.lacks("$.attributes[1]") == ""
    assert source.lacks("$.attributes[1].items[0]") == "host"


def test_what_lacks_a_value_is_named_and_the_rest_is_checked() -> None:
    made = resolved(classes=["CTImageStorage"])
    assert [(one.what, one.parameter) for one in made.not_checked] == [("ALX003", "host")]
    assert {"ALX001", "ALX002", "ALX004", "ALX903", "ALX905"} <= made.own
    assert [one.name for one in made.endpoints] == ["a", "b"]
    # What the profile applies to is not known: nothing of it is checked, and that is said.
    without = resolved()
    assert [(one.what, one.parameter) for one in without.not_checked] == [
        ("everything of all", "classes"), ("endpoint b", "classes"),
    ]  # fmt: skip
    assert without.own == frozenset()


@pytest.mark.parametrize(
    ("more", "place", "message"),
    [
        ("endpoints:\n  - {name: a, port: '1', tls_minimum: param.tlss}\n", (6, 39), "there is no parameter 'tlss'"),
        ("attributes:\n  - {attribute: Rows, when: param.x == 1}\n", (6, 29), "there is no parameter 'x'"),
        ("parameters:\n  x: {default: a, pattern: (a+)+}\n", (6, 28), "the parameter x: a loop within a loop can run away"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_a_mistake_with_its_place(
    more: str, place: tuple[int, int], message: str
) -> None:
    head = 'id: lab\nversion: "1"\ntitle: T\narea: LAB\n'
    with pytest.raises(ProfileError) as caught:
        resolved(head + more)
    assert (caught.value.line, caught.value.column) == place
    assert caught.value.message == message
