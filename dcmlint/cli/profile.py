"""`dcmlint profiles` and `dcmlint profile`: what there is to hold files to, and how to make one's own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands, one_of
from dcmlint.cli.options import Parameters, TextOrJson
from dcmlint.errors import ProfileError, UsageError
from dcmlint.plural import number_of

if TYPE_CHECKING:
    from dcmlint.profiles.fit import Misfit
    from dcmlint.profiles.remark import Remark

commands = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Show, check, compare and create profiles.",
)
app.add_typer(commands, name="profile")

_Name = Annotated[str, typer.Argument(metavar="PROFILE", help="A name, or the path of a file.")]
_Config = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read parameters from this configuration file.")
]
_Area = Annotated[str, typer.Option(metavar="AREA", help="The letters at the start of its rule ids.")]


@app.command("profiles")
def list_profiles(format_: TextOrJson = "text") -> int:
    """List the profiles that are built in or installed."""
    from dcmlint.profiles.load import builtin_profiles, installed_profiles

    _utf8()
    sources = [*builtin_profiles(), *installed_profiles().values()]
    if _json(format_):
        _print_json([
            {"id": s.profile.id, "version": s.profile.version, "title": s.profile.title, "extends": s.profile.extends,
             "parameters": len(s.profile.parameters), "file": s.file} for s in sources
        ])  # fmt: skip
        return 0
    width = max(len(source.profile.id) for source in sources)
    for source in sources:
        print(f"{source.profile.id:{width}}  {source.profile.title}")
    return 0


@commands.command()
def show(
    name: _Name,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="List every rule with its severity in the profile.")
    ] = False,
    set_: Parameters = None,
    config: _Config = None,
    format_: TextOrJson = "text",
) -> int:
    """Show a profile, and with --resolved every rule that results."""
    from dcmlint.profiles import profile_text as words
    from dcmlint.profiles.resolve import resolve_profile

    _utf8()
    found = resolve_profile(name, _parameters(set_, config))
    if _json(format_):
        _print_json(words.resolved_value(found) if resolved else words.profile_value(found))
        return 0
    print("\n".join(words.resolved_lines(found) if resolved else words.profile_lines(found)))
    return 0


@commands.command()
def parameters(
    name: _Name, set_: Parameters = None, config: _Config = None, format_: TextOrJson = "text"
) -> int:
    """List the parameters of a profile: their meaning, their name in the product, their values."""
    from dcmlint.profiles import profile_text as words
    from dcmlint.profiles.resolve import resolve_profile

    _utf8()
    found = resolve_profile(name, _parameters(set_, config))
    if _json(format_):
        _print_json(words.parameters_value(found))
        return 0
    print("\n".join(words.parameter_lines(found)))
    return 0


@commands.command()
def statements(name: _Name, format_: TextOrJson = "text") -> int:
    """List the statements of the source document, and what checks each of them."""
    from dcmlint.profiles import profile_text as words
    from dcmlint.profiles.load import find_profile
    from dcmlint.profiles.statements import statements_of

    _utf8()
    listed = statements_of(find_profile(name).profile)
    if _json(format_):
        _print_json(listed)
        return 0
    print("\n".join(words.statement_lines(listed)) if listed else f"{name} does not encode a document")
    return 0


@commands.command("check")
def check_profile(
    name: Annotated[str, typer.Argument(metavar="FILE", help="The path of a profile, or a name.")],
    set_: Parameters = None,
    config: _Config = None,
    format_: TextOrJson = "text",
) -> int:
    """Check a profile against the standard: names, VRs, values, retired attributes, omissions."""
    from dcmlint.profiles.lint import lint_profile
    from dcmlint.profiles.load import find_profile

    _utf8()
    remarks = lint_profile(find_profile(name), _parameters(set_, config))
    if _json(format_):
        _print_json(remarks)
    else:
        for remark in remarks:
            print(remark)
        print(f"{name}: {_counts(remarks)}")
    if any(remark.unusable for remark in remarks):
        return 2  # as `check` ends with it
    return 1 if any(remark.severity == "error" for remark in remarks) else 0


@commands.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="A")],
    other: Annotated[str, typer.Argument(metavar="B")],
    format_: TextOrJson = "text",
) -> int:
    """Compare two profiles: rules, severities, parameters, endpoints.  Ends with 1 if they differ."""
    from dcmlint.profiles.diff import differences
    from dcmlint.profiles.resolve import resolve_profile

    _utf8()
    found = differences(resolve_profile(one), resolve_profile(other))
    if _json(format_):
        _print_json(found)
    elif found:
        print("\n".join(str(line) for line in found))
    else:
        print(f"{one} and {other} are equivalent")
    return 1 if found else 0


@commands.command()
def new(
    path: Annotated[str, typer.Argument(metavar="FILE", help="The file to write: NAME.yaml.")],
    extends: Annotated[str, typer.Option(metavar="PROFILE", help="The profile to start from.")] = "wsi",
    area: _Area = "LAB",
) -> int:
    """Create a new profile."""
    from dcmlint.profiles.load import find_profile, parse_profile
    from dcmlint.profiles.profile_text import new_profile
    from dcmlint.rules.load import data_folder

    _utf8()
    target = Path(path)
    if target.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path}: a profile is a file NAME.yaml")
    base = find_profile(extends)
    text = new_profile(
        target.stem.lower(), extends, area, base.profile, str(data_folder("schemas") / "profile.schema.json")
    )
    parse_profile(text, path)
    try:
        with open(target, "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{path} already exists") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    shown = path if "/" in path else f"./{path}"
    print(f"Wrote {path}. Next: dcmlint profile check {shown}; dcmlint check -p {shown} FOLDER")
    return 0


@commands.command()
def fit(
    sender: Annotated[str, typer.Argument(metavar="SENDER", help="The profile of the sender.")],
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="The profile of the receiver.")],
    set_: Parameters = None,
    format_: TextOrJson = "text",
) -> int:
    """Compare the profiles of a sender and a receiver.  Ends with 1 if they are incompatible."""
    from dcmlint.profiles.fit import misfits
    from dcmlint.profiles.fit_text import fit_lines
    from dcmlint.profiles.resolve import resolve_profile

    _utf8()
    given = _parameters(set_, None)
    one, other = (_with_known(name, given, resolve_profile) for name in (sender, receiver))
    found = misfits(one, other)
    if _json(format_):
        _print_json(found)
    else:
        for line in fit_lines(one, other, found):
            print(line)
        print(f"{one.name} to {other.name}: {_counts(found)}")
    return 1 if any(misfit.severity == "error" for misfit in found) else 0


def _with_known(name: str, given: dict[str, Any], resolve: Any) -> Any:
    """A profile with those of the parameters that it has: each of two profiles takes its own."""
    known = resolve(name).parameters
    return resolve(name, {key: value for key, value in given.items() if key.lower() in known})


@commands.command()
def statement(
    name: _Name,
    set_: Parameters = None,
    config: _Config = None,
    format_: Annotated[
        str, typer.Option("-f", "--format", help="markdown or html.", **one_of("markdown", "html"))
    ] = "markdown",
) -> int:
    """Write a profile as a DICOM conformance statement, in the order of PS3.2."""
    from dcmlint.profiles.conformance import as_html, as_markdown
    from dcmlint.profiles.resolve import resolve_profile

    _utf8()
    if format_ not in ("markdown", "html"):
        raise UsageError(f"--format {format_}: markdown or html")
    resolved = resolve_profile(name, _parameters(set_, config))
    sys.stdout.write(as_markdown(resolved) if format_ == "markdown" else as_html(resolved))
    return 0


@commands.command()
def infer(
    paths: Annotated[list[str], typer.Argument(metavar="FOLDER", help="Sample files, folders, archives.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The id of the profile.")] = "inferred",
    area: _Area = "INF",
) -> int:
    """Write a draft of a profile from sample files: attributes, values, transfer syntaxes."""
    from dcmlint.dicom.instance import read_instance
    from dcmlint.profiles.infer import Samples
    from dcmlint.profiles.load import parse_profile
    from dcmlint.sources.inputs import list_inputs, open_input

    _utf8()
    samples = Samples()
    for one in list_inputs(paths):
        if one.skipped:
            continue
        buffer = open_input(one)
        try:
            instance = read_instance(buffer)
            if instance is not None:
                samples.add(instance)
        finally:
            buffer.close()
    if not samples.count:
        raise UsageError("no input is DICOM")
    text = samples.profile(name, area)
    parse_profile(text, name)
    sys.stdout.write(text)
    return 0


@commands.command("import")
def import_(
    path: Annotated[str, typer.Argument(metavar="FILE", help="A schema of dicompare, as JSON.")],
    area: _Area = "IMP",
    acquisition: Annotated[
        str, typer.Option(metavar="NAME", help="Which acquisition, if the schema has several.")
    ] = "",
) -> int:
    """Convert a schema of dicompare (JSON) to a profile."""
    from dcmlint.profiles.dicompare import imported
    from dcmlint.profiles.load import parse_profile

    _utf8()
    text = imported(Path(path), area, acquisition)
    parse_profile(text, path)
    sys.stdout.write(text)
    return 0


@commands.command("test")
def run_profile_examples(
    name: _Name,
    set_: Parameters = None,
    config: _Config = None,
) -> int:
    """Run the examples of the rules of a profile.  Ends with 1 if one fails."""
    from dcmlint.cli.rule import print_failure
    from dcmlint.engine.examples import run_examples
    from dcmlint.profiles.chain import chain_of
    from dcmlint.profiles.load import find_profile, fully_read
    from dcmlint.profiles.resolve import resolve_chain

    _utf8()
    source = fully_read(find_profile(name))
    resolved = resolve_chain(chain_of(source), _parameters(set_, config))
    mine = [one for one in resolved.rules if resolved.origin.get(one.rule.id) == source.profile.id]
    failures = count = 0
    for rule in mine:
        for result in run_examples(rule, resolved.rules):
            count += 1
            if result.problem:
                failures += 1
                print_failure(result)
    left_out = {one.what for one in resolved.not_checked}
    for what in sorted(left_out):
        print(f"{what}: not tested, because a parameter has no value")
    print(f"{number_of(count, 'example')} of {number_of(len(mine), 'rule')}: {failures or 'none'} failed")
    return 1 if failures else 0


# -- ------------------------------------------------------------------------------------------------------------


def _counts(found: Sequence[Remark] | Sequence[Misfit]) -> str:
    """How many errors, warnings and remarks there are, in words."""

    words = (("error", "error"), ("warning", "warning"), ("info", "remark"))
    return ", ".join(number_of(sum(one.severity == level for one in found), word) for level, word in words)


def _utf8() -> None:
    from dcmlint.cli.terminal import utf8_output

    utf8_output()


def _json(format_: str) -> bool:
    if format_ not in ("text", "json"):
        raise UsageError(f"--format {format_}: text or json")
    return format_ == "json"


def _print_json(value: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def _parameters(values: list[str] | None, config: str | None) -> dict[str, Any]:
    """Parameters from a configuration file, the environment and the command line; what is nearer wins."""
    from dcmlint.cli.config import read_config
    from dcmlint.profiles.parameters import environment_parameters

    result: dict[str, Any] = {}
    if config is not None:
        result.update(read_config(Path(config)).parameters)
    result.update(environment_parameters())
    for value in values or ():
        name, found, text = value.partition("=")
        if not found:
            raise ProfileError(f"--set {value}: NAME=VALUE")
        result[name.strip()] = text
    return result
