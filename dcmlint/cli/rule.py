"""`dcmlint rule`: for those who write rules."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dcmlint.cli.app import app
from dcmlint.cli.help import Commands
from dcmlint.errors import UsageError

if TYPE_CHECKING:
    from dcmlint.engine.examples import ExampleResult
    from dcmlint.rules.model import RuleSource

commands = typer.Typer(
    cls=Commands, no_args_is_help=True, rich_markup_mode=None, help="Create, check and test rule files."
)
app.add_typer(commands, name="rule")


@commands.command("check")
def check_rules(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Rule files or folders.  [default: the built-in rules]"),
    ] = None,
) -> int:
    """Check rule files without running them: form, names, expressions, examples."""
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.plural import number_of
    from dcmlint.rules.check import check_files

    utf8_output()
    files = _files(paths or [])
    sources, mistakes = check_files(files)
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    if mistakes:
        print(
            f"{number_of(len(mistakes), 'mistake')} in {number_of(len(files), 'rule file')}", file=sys.stderr
        )
        return 2
    print(f"{number_of(len(sources), 'rule')}: no mistakes")
    return 0


@commands.command("test")
def run_rule_examples(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH|ID]...", help="Rule files, folders, ids, names or areas."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Failures only.")] = False,
) -> int:
    """Run the examples of rules, and list those that fail."""
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.engine.examples import run_examples
    from dcmlint.plural import number_of

    utf8_output()
    sources, every = _wanted(wanted or [])
    failures: list[ExampleResult] = []
    count = 0
    for source in sources:
        for result in run_examples(source, every):
            count += 1
            if result.problem:
                failures.append(result)
                print_failure(result)
        if not source.rule.examples and not quiet:
            print(f"{source.file}: {source.rule.id} has no examples")
    if failures or not quiet:
        print(
            f"{number_of(count, 'example')} of {number_of(len(sources), 'rule')}: {len(failures) or 'none'} failed"
        )
    return 1 if failures else 0


@commands.command("new")
def new_rule(
    area: Annotated[str, typer.Argument(metavar="AREA", help="The area of its id, such as TILE.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower case letters, digits and hyphens.")],
    folder: Annotated[
        str,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="The folder of the new file; it is made.  [default: the current folder]",
        ),
    ] = ".",
) -> int:
    """Write the skeleton of a rule, with the next free id of its area.

    Ids that count as given: those of the built-in rules and of the rules in the folder.
    """
    from dcmlint.cli.terminal import utf8_output
    from dcmlint.rules.load import data_folder, read_rule, rule_files
    from dcmlint.rules.skeleton import next_id, skeleton

    utf8_output()
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    builtin = [path.name.split("-", 1)[0] for path in rule_files(data_folder("rules"))]
    identifier = next_id(area, [*builtin, *(read_rule(path).rule.id for path in target.glob("*.yaml"))])
    path = target / f"{identifier}-{name}.yaml"
    text = skeleton(identifier, name)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    print(path)
    return 0


def print_failure(result: ExampleResult) -> None:
    """An example that came out otherwise than it promises."""
    from dcmlint.reports.border import printable

    place = f"{result.file}:{result.line}:{result.column}" if result.line else result.file
    print(f"{place}: {result.rule} {result.example!r}: {result.problem}")
    if result.reason:
        print(f"    because: {printable(result.reason)}")
    for finding in result.findings[:5]:
        where = f" at {finding.path}" if finding.path else ""
        times = f" (x {finding.count})" if finding.count > 1 else ""
        print(f"    {finding.severity}{printable(where)}: {printable(finding.message)}{times}")


def _files(paths: Sequence[str]) -> list[tuple[Path, str]]:
    """The rule files of files and folders, each with its name as messages show it."""
    from dcmlint.rules.load import data_folder, rule_files

    if not paths:
        folder = data_folder("rules")
        return [(path, str(path.relative_to(folder.parent))) for path in rule_files(folder)]
    found: list[tuple[Path, str]] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found += [(one, str(one)) for one in rule_files(path)]
        elif path.is_file():
            found.append((path, name))
        else:
            raise UsageError(f"{name}: no such file or folder")
    return found


def _wanted(words: Sequence[str]) -> tuple[list[RuleSource], list[RuleSource]]:
    """The rules whose examples are run, and all rules that there are."""
    from dcmlint.engine.plan import names_of
    from dcmlint.rules.load import data_folder, read_folder, read_rule, unique

    builtin = list(read_folder(data_folder("rules")))
    if not words:
        return builtin, builtin
    own: list[RuleSource] = []
    chosen: list[RuleSource] = []
    for word in words:
        if "/" in word or "\\" in word or word.endswith((".yaml", ".yml")) or Path(word).exists():
            for path, shown in _files([word]):
                same = next(
                    (one for one in builtin if (data_folder("rules").parent / one.file).samefile(path)), None
                )
                source = same or read_rule(path, shown)
                if same is None:
                    own.append(source)
                chosen.append(source)
            continue
        named = [
            one
            for one in builtin
            if word in names_of(one.rule) or word.upper().replace("-", "") == one.rule.id
        ]
        if not named:
            raise UsageError(f"{word!r} is neither a path nor a rule, area or tag")
        chosen += named
    return list({one.file: one for one in chosen}.values()), [*builtin, *unique(own)]
