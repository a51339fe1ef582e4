"""Text of endpoints and associations: what they are, the table of contexts, then the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmlint.engine.exhibit import AssociationRecord, ContextRow
from dcmlint.reports.border import printable
from dcmlint.reports.pen import Pen

_GREEN, _RED, _BOLD = "32", "31", "1"
_NARROWEST = 12
_ANSWER = 31  # the longest result of PS3.8 Table 9-18


def contexts_text(record: AssociationRecord, pen: Pen) -> Iterator[str]:
    """What an endpoint or association is, with the table of its contexts."""
    yield pen.paint(pen.out(printable(record.id)), _BOLD) + "\n"
    if record.title:
        yield from pen.lines(printable(record.title), "  ", "  ")
    yield "\n"
    if not pen.options.quiet:
        yield from _lines(record, pen)
        yield from _table(record.contexts, pen)


def _lines(record: AssociationRecord, pen: Pen) -> Iterator[str]:
    if not record.lines:
        return
    wide = max(len(label) for label, _ in record.lines)
    for label, text in record.lines:
        first = f"  {printable(label):>{wide}} | "
        rest = " " * (wide + 2) + " | "
        yield from pen.lines(printable(text), first, rest)
    yield "\n"


def _table(rows: Iterable[ContextRow], pen: Pen) -> Iterator[str]:
    """Contexts by SOP Class: the syntax on the left, what was answered on the right."""
    by_class: dict[str, list[ContextRow]] = {}
    for row in rows:
        by_class.setdefault(row.sop_class, []).append(row)
    for sop_class, contexts in by_class.items():
        name = contexts[0].sop_class_name
        title = name if name == sop_class else f"{name} ({sop_class})"
        yield from pen.lines(printable(title), "  ", "    ")
        room = max(60, pen.width) - 6
        left = min(max((len(_label(row)) for row in contexts), default=0), room - _ANSWER)
        for row in contexts:
            yield from _row(row, left, room - left, pen)
        yield "\n"


def _row(row: ContextRow, left: int, right: int, pen: Pen) -> Iterator[str]:
    labels = _cut(_label(row), left)
    answers = _cut(printable(row.answer), max(right, _NARROWEST))
    for number in range(max(len(labels), len(answers))):
        label = labels[number] if number < len(labels) else ""
        answer = answers[number] if number < len(answers) else ""
        shown = pen.paint(answer, _GREEN if row.result == 0 else _RED) if answer else ""
        yield f"    {label:<{left}}  {shown}".rstrip() + "\n"


def _label(row: ContextRow) -> str:
    if len(row.names) == 1:
        return printable(row.names[0])
    return f"all {len(row.names)} in one context"


def _cut(text: str, width: int) -> list[str]:
    """Lines of at most the width, broken between words where there are any."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while len(word) > width:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:width])
            word = word[width:]
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line or not lines else lines
