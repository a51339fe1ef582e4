"""One HTML page about a folder of results: trends over its runs, worst senders, examples to open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from dcmlint.archive.query import Results
from dcmlint.archive.questions import QUESTIONS
from dcmlint.reports.border import printable

_RUNS = 24  # in the trend, the newest
_RULES = 30
_SENDERS = 20
_SHORT = 26  # characters of a text that is not broken
_WIDTH, _HEIGHT = 720.0, 120.0
_WIDEST = 48.0  # of a bar
_TABLES = ("by-rule", "by-sender", "by-manufacturer", "worst-series", "new", "not-checked")
_TREND = (
    "SELECT rule, any_value(name) AS name, any_value(severity) AS severity, run, count(DISTINCT path) AS instances "
    "FROM findings WHERE severity <> 'info' GROUP BY rule, run"
)


class Bar(msgspec.Struct, frozen=True):
    """A bar of the trend, in the units of the drawing; ``rate`` and ``day`` stand above and below it."""

    x: float
    y: float
    width: float
    height: float
    rate: str
    day: str
    label: str


def page_of(results: Results) -> str:
    """The page.  Raises `UsageError` where the results cannot be read."""
    from jinja2 import Environment, PackageLoader

    runs = [
        row for row in results.runs if row["status"] == "complete" and row["source"] == results.row["source"]
    ]
    runs = runs[-_RUNS:]
    tables = [(name, QUESTIONS[name].title, _table(results, name)) for name in _TABLES]
    pages = Environment(
        loader=PackageLoader("dcmlint.archive"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters["shown"] = _shown
    pages.filters["kind"] = _kind
    row = results.row
    return pages.get_template("page.html").render(
        run=row, runs=runs, bars=_bars(runs), trend=_trend(results, [one["run"] for one in runs]), tables=tables,
        width=_WIDTH, height=_HEIGHT, incomplete=row["partial"] or row["unreadable"] or row["status"] != "complete",
    )  # fmt: skip


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(printable(str(one)) for one in value)
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M}"
    return printable(str(value))


def _kind(value: Any) -> str:
    """How a cell is set: a number, a short word that stays on its line, or a text."""
    if isinstance(value, (int, float, Decimal)):
        return "number"
    return "text" if len(_shown(value)) > _SHORT else "short"


def _table(results: Results, question: str) -> tuple[list[str], list[list[Any]], int]:
    """Names, the first rows, and how many there are."""
    found = results.ask(question)
    most = _SENDERS if question.startswith("by-") and question != "by-rule" else _RULES
    rows = [list(row.values()) for row in found.slice(0, most).to_pylist()]
    return found.column_names, rows, found.num_rows


def _bars(runs: list[dict[str, Any]]) -> list[Bar]:
    """Errors for each hundred instances, a bar a run."""
    if not runs:
        return []
    rates = [100 * (row["errors"] or 0) / max(1, row["instances"] or 0) for row in runs]
    top = max(*rates, 1e-9, 0)
    step = min(_WIDTH / len(runs), _WIDEST)
    return [
        Bar(
            round(number * step + step * 0.1, 1), round(_HEIGHT * (1 - rate / top), 1), round(step * 0.8, 1),
            round(_HEIGHT * rate / top, 1), f"{rate:.3g}", f"{row['started']:%m-%d}",
            f"{row['started']:%Y-%m-%d %H:%M}: {rate:.3g} errors for 100 instances",
        )
        for number, (row, rate) in enumerate(zip(runs, rates, strict=True))
    ]  # fmt: skip


def _trend(results: Results, runs: list[str]) -> list[tuple[str, str, str, list[int]]]:
    """Rules with the instances in which they fail, run by run; those of the newest run first."""
    found: dict[str, tuple[str, str, dict[str, int]]] = {}
    for row in results.ask(_TREND).to_pylist():
        _, _, counts = found.setdefault(row["rule"], (row["name"], row["severity"], {}))
        counts[row["run"]] = row["instances"]
    lines = [
        (rule, name, severity, [counts.get(run, 0) for run in runs])
        for rule, (name, severity, counts) in found.items()
    ]
    lines = [line for line in lines if any(line[3])]
    return sorted(lines, key=lambda line: (-line[3][-1], -max(line[3]), line[0]))[:_RULES]
