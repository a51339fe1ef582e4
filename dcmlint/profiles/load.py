"""Where profiles come from: the built-in folder, a path, or an installed package (entry point ``dcmlint.profiles``)."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dcmlint import standard
from dcmlint.errors import ProfileError, RuleError, StandardError, did_you_mean
from dcmlint.expr.patterns import PatternError, safe_pattern
from dcmlint.plugins import plugins
from dcmlint.profiles.model import PRESENCE, PS3_2, AttributeRow, Profile, ProfileSource
from dcmlint.rules.load import Bundled, bundled, data_folder, folder_key, published
from dcmlint.user_file import hold

if TYPE_CHECKING:
    from dcmlint.rules.yaml_source import Source

BUNDLE = Path(__file__).resolve().parent.parent / "_data" / "profiles.bin"


class ProfileBundle(Bundled, frozen=True):
    """The built-in profiles, so that a run needs no YAML."""

    profiles: tuple[ProfileSource, ...]


def find_profile(name: str, beside: str = "") -> ProfileSource:
    """The profile of this name or path; a path is looked for beside the file ``beside`` first.

    Raises ProfileError with what was probably meant.
    """
    if _is_path(name):
        path = Path(name)
        if beside and not path.is_absolute():
            path = Path(beside).parent / path
        return read_profile(path, str(path))
    for source in builtin_profiles():
        if source.profile.id == name:
            return source
    installed = installed_profiles()
    if name in installed:
        return installed[name]
    known = [*(source.profile.id for source in builtin_profiles()), *installed]
    hint = did_you_mean(name, known, f"there are {', '.join(known)}; a file is named by its path")
    raise ProfileError(f"there is no profile {name!r}", hint=hint)


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or name.endswith((".yaml", ".yml", ".json"))


@cache
def builtin_profiles() -> tuple[ProfileSource, ...]:
    """The profiles that come with dcmlint, by name."""
    return bundled(BUNDLE, ProfileBundle, data_folder("profiles"), profile_bundle).profiles


def _read_folder(folder: Path) -> tuple[ProfileSource, ...]:
    files = sorted(folder.glob("*.yaml"))
    return tuple(read_profile(path, f"profiles/{path.name}") for path in files)


def fully_read(source: ProfileSource) -> ProfileSource:
    """The same profile with the places of everything: the bundle keeps only those that a run needs."""
    if "$" in source.marks:
        return source
    return read_profile(data_folder("profiles") / Path(source.file).name, source.file)


def profile_bundle() -> ProfileBundle:
    """The bundle of the built-in profiles, without the examples of their rules."""
    folder = data_folder("profiles")
    made = []
    for source in _read_folder(folder):
        rules = tuple(msgspec.structs.replace(rule, examples=()) for rule in source.profile.own_rules)
        profile = msgspec.structs.replace(source.profile, own_rules=rules)
        marks = {
            path: place
            for path, place in source.marks.items()
            if path.startswith(("$.own_rules", "$.attributes")) and not path.endswith(":")
        }
        made.append(ProfileSource(profile, source.file, marks))
    return ProfileBundle(key=folder_key(folder), profiles=tuple(made))


@cache
def installed_profiles() -> dict[str, ProfileSource]:
    """The profiles of installed packages: an entry point gives the path of a file."""
    found: dict[str, ProfileSource] = {}
    for given in plugins("dcmlint.profiles"):
        path = Path(os.fspath(given() if callable(given) else given))
        source = read_profile(path, str(path))
        found[source.profile.id] = source
    return found


def read_profile(path: Path, shown: str) -> ProfileSource:
    """One profile file.  Raises ProfileError with file, line, column and what was probably meant."""
    # The bundle needs no YAML: its import is paid for only where files are read.
    from dcmlint.rules.yaml_source import read_yaml

    built_in = path.resolve().is_relative_to(data_folder("profiles").resolve())
    return _typed(read_yaml(path, shown, ProfileError), built_in)


def parse_profile(text: str, shown: str) -> ProfileSource:
    """A profile from the text of its file; see `read_profile`."""
    from dcmlint.rules.yaml_source import parse_yaml, single

    return _typed(single(parse_yaml(text, shown, ProfileError), shown, ProfileError))


def _typed(source: Source, built_in: bool = False) -> ProfileSource:
    from dcmlint.rules.yaml_source import typed

    if isinstance(source.value, dict):
        # Shared parts, which YAML anchors name.
        own = {key: one for key, one in source.value.items() if not key.startswith("x-")}
        source = msgspec.structs.replace(source, value=own)
    if not built_in:
        hold(source.plain(), published("profile"), source.file, source.place, ProfileError, text=True)
    profile = typed(source, Profile, ProfileError)
    rows = tuple(_in_our_words(row) for row in profile.attributes)
    profile = msgspec.structs.replace(profile, attributes=rows)
    made = ProfileSource(profile, source.file, source.marks)
    _check_form(made)
    return made


def _in_our_words(row: AttributeRow) -> AttributeRow:
    """A row and those of its items, with our words in place of those of PS3.2."""
    presence, empty = PS3_2.get(row.presence, (row.presence, None))
    items = tuple(_in_our_words(one) for one in row.items)
    source = row.source or ("order" if row.presence in ("MWL", "MPPS") else "")
    return msgspec.structs.replace(
        row, presence=presence, empty=row.empty or empty, items=items, source=source
    )


def _check_form(source: ProfileSource) -> None:
    profile = source.profile

    def wrong(message: str, path: str, hint: str = "") -> ProfileError:
        return ProfileError(message, source.file, *source.place(path), hint)

    lists = bool(profile.transfer_syntaxes or profile.sop_classes or profile.file_names or profile.limits)
    if (profile.attributes or lists) and not profile.area:
        raise wrong("a profile with attributes, SOP Classes, transfer syntaxes or file names needs an area", "$",
                    "area: LAB gives the ids LAB001, LAB002, ...")  # fmt: skip
    if profile.edition:
        try:
            standard.open_edition(profile.edition)
        except StandardError as mistake:
            raise wrong(str(mistake), "$.edition") from None
    for name, parameter in profile.parameters.items():
        if parameter.type == "choice" and not parameter.choices:
            raise wrong(f"the parameter {name} is a choice without choices", f"$.parameters.{name}")
        if parameter.pattern:
            try:
                safe_pattern(parameter.pattern)
            except PatternError as mistake:
                raise wrong(f"the parameter {name}: {mistake}", f"$.parameters.{name}.pattern") from None
    for number, row in enumerate(profile.attributes):
        _check_row(source, row, f"$.attributes[{number}]")
    for number, override in enumerate(profile.overrides):
        for key, text in override.match.items():
            _check_match(key, text, wrong, f"$.overrides[{number}].match.{key}")
        try:
            datetime.date.fromisoformat(override.expires)
        except ValueError:
            day = f"$.overrides[{number}].expires"
            raise wrong(f"{override.expires} is not a day of the calendar", day, "YYYY-MM-DD") from None
        if not override.match:
            raise wrong("an override without a match would hold for everything", f"$.overrides[{number}]",
                        "say off, on or a severity in `rules` instead")  # fmt: skip
    names = [endpoint.name for endpoint in profile.endpoints]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise wrong(f"two endpoints are called {name}", f"$.endpoints[{number}].name")
    from dcmlint.rules.load import _check_form as check_rule_form

    for number, rule in enumerate(profile.own_rules):
        prefix = f"$.own_rules[{number}]"
        try:
            check_rule_form(rule, source.file, source.marks_below(prefix))
        except RuleError as mistake:
            raise ProfileError(mistake.message, source.file, *source.place(prefix), mistake.hint) from None


def _check_match(key: str, text: str, wrong: Callable[..., ProfileError], path: str) -> None:
    """A condition of an exception that could not be held against an instance."""
    from dcmlint.expr import compile_expression
    from dcmlint.profiles.row_demands import tag_of
    from dcmlint.rules.names import RULE_NAMES

    if key == "when":
        try:
            compile_expression(text, RULE_NAMES)
        except RuleError as mistake:
            raise wrong(mistake.message, path, mistake.hint) from None
    elif key != "path" and tag_of(key) is None:
        hint = did_you_mean(key, standard.load().dictionary.keywords(), "a keyword, `path` or `when`")
        raise wrong(f"{key!r} is not a keyword of the data dictionary", path, hint)


def _check_row(source: ProfileSource, row: AttributeRow, path: str) -> None:
    word = row.presence
    if re.fullmatch(r"[A-Za-z]+", word) and word not in PRESENCE and word not in PS3_2:
        known = (*PRESENCE, *PS3_2)
        hint = did_you_mean(word, known, f"{', '.join(known)}, or an expression")
        raise ProfileError(
            f"{word!r} is not a presence", source.file, *source.place(f"{path}.presence"), hint
        )
    for number, item in enumerate(row.items):
        _check_row(source, item, f"{path}.items[{number}]")
