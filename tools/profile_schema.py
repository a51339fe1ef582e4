"""The JSON Schema of a profile file, for editors: made from `Profile` and completed by what types cannot say."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dcmlint.profiles import model
from dcmlint.profiles.model import PRESENCE, Profile
from tools.rule_schema import DIALECT, rule_schema

_TEXT = ["string", "number", "boolean"]
_FIELD = re.compile(r"``(?P<names>[a-z_]+(?:``(?:, | and )``[a-z_]+)*)``:? (?P<text>.*?)(?=[.;] +``|[.;]$|$)")


def profile_schema() -> dict[str, Any]:
    """The schema of one profile file (JSON Schema 2020-12)."""
    made: dict[str, Any] = msgspec.json.schema(Profile)
    definitions: dict[str, Any] = made["$defs"]
    rules = rule_schema()
    for name, definition in rules.pop("$defs").items():
        definitions[name] = definition
    definitions["Rule"] = {key: value for key, value in rules.items() if not key.startswith("$")}
    for name in ("Profile", "AttributeRow", "Parameter", "Endpoint", "AssociationDemands", "Certificate", "Offer", "Override", "Source",
                 "ProfileApplies", "FileNames", "Limits", "Statement"):  # fmt: skip
        _describe(definitions[name], getattr(model, name).__doc__ or "")
        definitions[name]["properties"] = {
            key: _tolerant(value) for key, value in definitions[name]["properties"].items()
        }
    profile = definitions.pop("Profile")
    properties = profile["properties"]
    properties["id"] |= _form(r"^[a-z0-9][a-z0-9.-]*$", "a name of a profile: small letters, digits, - and .")
    properties["area"] |= _form(r"^([A-Z]{2,5})?$", "an area: two to five capital letters")
    # Newer releases of msgspec say it themselves, elsewhere among the keys.
    properties["action"].pop("propertyNames", None)
    properties["action"]["propertyNames"] = {"enum": ["error", "info", "warning"]}
    properties["parameters"]["propertyNames"] = _form(
        r"^[a-z][a-z0-9_]*$", "a name of a parameter: small letters, digits and _"
    )
    row = definitions["AttributeRow"]["properties"]
    row["id"] |= _form(r"^([A-Z]{2,5}\d{3})?$", "an id: the area and three digits")
    # An empty list of what is allowed would demand nothing, or everything to be absent: neither is what its author means.
    for listed in (row["values"], row["code"], properties["sop_classes"], properties["transfer_syntaxes"],
                   definitions["Offer"]["properties"]["transfer_syntaxes"]):  # fmt: skip
        _not_empty(listed)
    row["presence"] = {**row["presence"], "anyOf": [{"enum": list(PRESENCE)}, {"type": "string"}]}
    row["presence"].pop("type", None)
    definitions["Override"]["properties"]["expires"] = {
        **definitions["Override"]["properties"]["expires"], "type": "string", **_form(r"^\d{4}-\d\d-\d\d$", "a day: YYYY-MM-DD"),
    }  # fmt: skip
    return {
        "$schema": DIALECT,
        "title": "dcmlint profile",
        **{key: value for key, value in profile.items() if key != "title"},
        "patternProperties": {"^x-": {"description": "Parts that YAML anchors name."}},
        "$defs": dict(sorted(definitions.items())),
    }


def _not_empty(schema: dict[str, Any]) -> None:
    for one in (schema, *schema.get("anyOf", ())):
        if one.get("type") == "array":
            one["minItems"] = 1


def _form(pattern: str, title: str) -> dict[str, str]:
    """A pattern, and what it is in words, which messages say."""
    return {"pattern": pattern, "title": title}


def _describe(definition: dict[str, Any], doc: str) -> None:
    """The first line and the fields' meanings of a docstring as descriptions."""
    text = " ".join(doc.split())
    definition["description"] = text.split(". ")[0].split(" ``")[0].rstrip(".") + "."
    for match in _FIELD.finditer(text):
        for name in re.findall(r"[a-z_]+", match["names"]):
            if name in definition["properties"]:
                meaning = match["text"].strip().replace("``", "")
                definition["properties"][name]["description"] = f"{meaning[:1].upper()}{meaning[1:]}."


def _tolerant(value: Any) -> Any:
    """Editors read YAML with its own types, dcmlint reads text: a number is good wherever text is."""
    if isinstance(value, list):
        return [_tolerant(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _tolerant(one) for key, one in value.items() if key != "default"}
    if "default" in value and value["default"] not in ("", None, [], {}):
        made["default"] = value["default"]
    if made.get("type") == "string" and "enum" not in made:
        made["type"] = _TEXT
    return made
