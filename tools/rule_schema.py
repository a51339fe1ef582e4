"""The JSON Schema of a rule file, for editors: made from `Rule` and completed by what types cannot say.

``python tools/generate.py`` writes it to ``schemas/rule.schema.json``.  Editors read YAML with its own types,
where dcmlint reads text: so a number is good wherever text is.
"""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec

from dcmlint.dicom.encode import Writing
from dcmlint.rules.model import Rule
from dcmlint.rules.tables import CHECKS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as its file has it, with descriptions as no release of msgspec changes them."""
    return json.dumps(_cleaned(schema), indent=2, ensure_ascii=False) + "\n"


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(one) if key == "description" and isinstance(one, str) else _cleaned(one)
            for key, one in value.items()
        }
    return [_cleaned(one) for one in value] if isinstance(value, list) else value


_DESCRIPTIONS = {
    "id": "Area and three digits; never reused.",
    "name": "A short name in kebab-case; unique, and accepted wherever the id is.",
    "title": "What must hold, in one line.",
    "severity": "How bad a failure is; a profile may change it.",
    "basis": "Why we think so. Only requirement and inference may be errors.",
    "scope": "What the rule is evaluated for.",
    "kind": "table names generic checks, expression has an assert, function calls registered Python.",
    "references": "The clause of the standard.",
    "tags": "Words that select the rule, besides its id, name and area.",
    "when": "The rule applies if this expression is true.",
    "let": "Names for expressions, usable in those that follow.",
    "assert": "The expression that must hold.",
    "at": "The DICOM path of the finding; [*] is replaced by the numbers that places gives.",
    "places": "An expression that gives the 0-based numbers of the frames or items concerned.",
    "each": "A path of sequences without indices: the rule is evaluated for each item. * is every level.",
    "is": "What was found, if it is not the value at the path.",
    "want": "What is expected; may contain {Keyword} and {expression}.",
    "check": "Codes of generic checks.",
    "attributes": "Keyword paths without indices, to which the checks are narrowed; *.Keyword is any level.",
    "function": "The name of a registered function.",
    "parameters": "What the function is called with.",
    "message": "The message of a finding; may contain {Keyword} and {expression}.",
    "why": "What goes wrong when the rule is broken.",
    "remedy": "What to do.",
    "downgrade": "Conditions under which a finding is less severe.",
    "explains": "Rules whose findings follow from this one's and give way to it: at the same place or within it, or in the same files.",
    "explains_in_file": "Rules whose findings, if they are no more severe, follow from this one's wherever they are in the same file.",
    "rests_on": "Values that the rule takes for right: where a finding says that one cannot be used, the rule says nothing.",
    "causes": "Attributes of the same level at which findings of the rules of explains follow from this one's too.",
    "once": "Whether there is one finding for a file, however many attributes it is about.",
    "default": "Whether the rule is on by default.",
    "repairs": "What `dcmlint fix` does about findings of the rule, or why no program may.",
    "examples": "The rule's tests.",
}
_OUTCOMES = ("fails", "passes", "undecided", "not_applicable")


def rule_schema() -> dict[str, Any]:
    """The schema of one rule file (JSON Schema 2020-12)."""
    made: dict[str, Any] = msgspec.json.schema(Rule)
    definitions: dict[str, Any] = made["$defs"]
    rule = definitions.pop("Rule")
    properties = rule["properties"]
    for name, text in _DESCRIPTIONS.items():
        properties[name]["description"] = text
    properties["id"] |= {
        "pattern": r"^[A-Z]{2,5}\d{3}$",
        "title": "a rule id: an area of letters and three digits",
    }
    properties["name"] |= {"pattern": r"^[a-z0-9]+(-[a-z0-9.]+)*$", "title": "a rule name: kebab-case"}
    properties["check"]["items"] = {"enum": sorted(CHECKS)}
    for name in ("assert", "when", "places", "want", "is", "message"):
        properties[name]["type"] = _TEXT
    properties["let"]["additionalProperties"] = {"type": _TEXT}
    definitions["Reference"]["additionalProperties"] = False
    for name in ("section", "table", "edition"):
        definitions["Reference"]["properties"][name]["type"] = _TEXT
    _complete_example(definitions["Example"])
    _complete_repair(definitions)
    definitions["Encoding"] = _encoding()
    definitions["Dataset"] = _dataset()
    definitions["ByteEdit"] = _byte_edit()
    rule["allOf"] = [
        _needs("table", "check"), _needs("function", "function"),
        {
            "if": {"properties": {"kind": {"const": "expression"}}},
            "then": {"required": ["assert"]},
        },
        {
            "if": {"properties": {"severity": {"const": "error"}}},
            "then": {"properties": {"basis": {"enum": ["requirement", "inference", "local"]}}},
        },
    ]  # fmt: skip
    return {
        "$schema": DIALECT,
        "title": "dcmlint rule",
        **{key: _ordered(value) for key, value in rule.items() if key != "title"},
        "$defs": _ordered(definitions),
    }


_TEXT = ["string", "number", "boolean"]


def _needs(kind: str, field: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
        "then": {"required": [field]},
    }


def _complete_example(example: dict[str, Any]) -> None:
    properties = example["properties"]
    properties["name"]["type"] = _TEXT
    properties["dataset"] = {"$ref": "#/$defs/Dataset"}
    properties["datasets"]["items"] = {"$ref": "#/$defs/Dataset"}
    properties["severity"].pop("anyOf", None)
    properties["severity"].update({"enum": ["error", "warning", "info"]})
    properties["severity"].pop("default", None)
    example["oneOf"] = [
        {"required": [outcome], "properties": {outcome: {"const": True}}} for outcome in _OUTCOMES
    ]
    example["anyOf"] = [{"required": [field]} for field in ("dataset", "datasets", "facts")]


def _complete_repair(definitions: dict[str, Any]) -> None:
    repair, example = definitions["Repair"]["properties"], definitions["RepairExample"]["properties"]
    repair["check"]["items"] = {"enum": sorted(CHECKS)}
    repair["set"]["type"] = example["name"]["type"] = _TEXT
    example["before"] = {"$ref": "#/$defs/Dataset"}
    example["after"] = {"$ref": "#/$defs/Dataset"}
    example["beside"]["items"] = {"$ref": "#/$defs/Dataset"}
    for flag in (repair["remove"], repair["encode"], example["refused"]):
        del flag["type"]
        flag["enum"] = [True, False, "true", "false"]


def _dataset() -> dict[str, Any]:
    """A base and its changes; keys are DICOM paths, so that only some can be described."""
    return {
        "description": "A base and what is changed of it: keys are DICOM paths, frame[n], file.Keyword.",
        "type": "object",
        "required": ["use"],
        "properties": {
            "use": {
                "type": "string",
                "description": "A base of dcmlint, or a .dcm file in the folder of the rule.",
            },
            "encoding": {"$ref": "#/$defs/Encoding"},
            "bytes": {
                "description": "Edits of the finished file.",
                "oneOf": [
                    {"$ref": "#/$defs/ByteEdit"},
                    {"type": "array", "items": {"$ref": "#/$defs/ByteEdit"}},
                ],
            },
        },
        "additionalProperties": True,
    }


def _encoding() -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.schema(Writing)["$defs"]["Writing"]
    schema.pop("title", None)
    schema["description"] = "How the file is written."
    schema["properties"].pop("meta_group_length", None)
    for field in schema["properties"].values():
        if field.get("type") == "boolean":
            # Quoted is as good: dcmlint reads text.
            del field["type"]
            field["enum"] = [True, False, "true", "false"]
    return schema


def _byte_edit() -> dict[str, Any]:
    number, digits = {"type": ["integer", "string"]}, {"type": ["string", "integer"]}
    forms = (("at", "hex"), ("at", "insert"), ("find", "replace"), ("append",), ("truncate",))
    return {
        "description": "One edit of bytes; hexadecimal digits, blanks do not count.",
        "type": "object",
        "properties": {
            "at": number, "hex": digits, "insert": digits, "find": digits, "replace": digits, "nth": number,
            "append": digits, "times": number, "truncate": number,
        },
        "additionalProperties": False,
        "oneOf": [{"required": list(form)} for form in forms],
    }  # fmt: skip


def _ordered(value: Any) -> Any:
    """Without titles of types and with sorted lists of required fields: the same on every release of msgspec."""
    if isinstance(value, dict):
        made = {key: _ordered(one) for key, one in value.items()}
        if isinstance(made.get("required"), list):
            made["required"] = sorted(made["required"])
            if not made["required"]:
                del made["required"]
        if isinstance(made.get("title"), str) and made["title"] in (
            "Rule",
            "Applies",
            "Reference",
            "Downgrade",
            "Example",
            "Repair",
            "RepairExample",
        ):
            del made["title"]
        return made
    if isinstance(value, list):
        return [_ordered(one) for one in value]
    return value
