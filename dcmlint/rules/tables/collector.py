"""Collects what the checks of one instance against its tables find."""

from __future__ import annotations

from collections.abc import Container, Iterable

from dcmlint import standard
from dcmlint.dicom.dataset import Dataset
from dcmlint.dicom.instance import Instance
from dcmlint.findings.problem import Problem
from dcmlint.rules.scope import ConditionScope
from dcmlint.rules.tables.checks import CHECKS
from dcmlint.rules.tables.dates import content_date
from dcmlint.standard.ages import Aged, stands_in, stood_at

# Checks of the form of numbers.
_FORMS = ("value.ds-", "value.is-")
# Checks of what is not there.
_LACKING = frozenset(
    f"table.type-{one}" for one in ("1-missing", "1-empty", "1c-missing", "1c-empty", "2-missing")
)


class ProblemCollector:
    """Collects problems and open conditions of one instance.

    ``problems``: what failed; ``undecided``: how many conditions could not be decided, by check code; ``times``: for
    how many levels the one that is looked at stands.
    """

    __slots__ = (
        "_dated",
        "_instance",
        "_malformed",
        "_told",
        "_unlisted",
        "_wrong",
        "problems",
        "times",
        "undecided",
    )

    def __init__(
        self, instance: Instance, problems: Iterable[Problem] = (), told: Container[str] = CHECKS
    ) -> None:  # fmt: skip
        """``problems``: what is known to be wrong with values; ``told``: the checks of which a rule speaks."""
        self._instance, self._told = instance, told
        self._dated: str | None = None  # the day of its content, when it has been asked for
        self.problems: list[Problem] = []
        # Levels (they live in the problems) and tags. A code of other letters than a code has is not listed anywhere;
        # what has no form of its VR, or another VR, is no value that could be listed.
        self._wrong: set[tuple[int, int]] = set()
        self._malformed: set[tuple[int, int]] = set()
        for one in problems:
            if one.check in ("value.cs-repertoire", "value.cs-length"):
                self._wrong.add((id(one.level), one.tag))
            elif one.check == "element.vr-mismatch" or one.check.startswith(_FORMS):
                self._malformed.add((id(one.level), one.tag))
        self._wrong |= self._malformed
        self._unlisted = set(self._wrong)
        self.undecided: dict[str, int] = {}
        self.times = 1

    def scope(self, level: Dataset, here: Container[int] = ()) -> ConditionScope:
        """A level as conditions see it; ``here``: attributes that are looked for nowhere else."""
        return ConditionScope(level, meta=self._instance.meta, here=here)

    def stands(self, row: Aged) -> bool:
        """Whether a row, or the use of a module, holds for the instance: of one that is older than it, it does not."""
        if not row.since and not row.until:
            return True
        tables = standard.load()
        if tables.asked:
            return stands_in(row, tables.edition)
        if self._dated is None:
            self._dated = content_date(self._instance.dataset)
        return stood_at(row, self._dated)

    def open(self, code: str, when: str | None) -> None:
        """Count a condition that this file leaves undecided; of one that no file can show there is nothing to say."""
        if when is None or "unknown(" not in when:
            self.undecided[code] = self.undecided.get(code, 0) + self.times

    def speaks_of(self, level: Dataset, tag: int) -> bool:
        """Whether something was told of an attribute of a level."""
        return any(problem.level is level and problem.tag == tag for problem in self.problems)

    def unlisted(self, level: Dataset, tags: Iterable[int]) -> bool:
        """Whether one of these attributes, of this level or one around it, was told to have a value of no list, or no code."""
        return _tells_of(self._unlisted, level, tags)

    def doubtful(self, level: Dataset, tags: Iterable[int]) -> bool:
        """Whether one of these attributes, of this level or one around it, was told to be missing, empty or of no list:
        what it would allow is not known."""
        wanted = frozenset(tags)
        return self.unlisted(level, wanted) or any(
            problem.tag in wanted and problem.check in _LACKING for problem in self.problems
        )

    def wrong(self, level: Dataset, tags: Iterable[int]) -> bool:
        """As `unlisted`, of values that may not be: Defined Terms may be extended."""
        return _tells_of(self._wrong, level, tags)

    def malformed(self, level: Dataset, tag: int) -> bool:
        """Whether an attribute was told to have no value of its VR, which then needs no list to be wrong."""
        return (id(level), tag) in self._malformed

    def add(
        self, code: str, level: Dataset, tag: int, message: str, *, found: object = None, said: str = "",
        want: str = "", because: str = "", table: str = "", offset: int = -1, number: int = 0,
        condition: frozenset[int] = frozenset(),
    ) -> None:  # fmt: skip
        """Add a problem of a table check; ``condition``: the attributes that decided whether it is one."""
        if code in ("enumerated-value", "defined-term") and f"table.{code}" in self._told:
            self._unlisted.add((id(level), tag))
            if code == "enumerated-value":
                self._wrong.add((id(level), tag))
        self.problems.append(
            Problem(
                check=f"table.{code}", level=level, tag=tag, message=message, found=found,
                said=said, want=want, because=because, table=table, offset=offset, number=number,
                condition=condition,
            )
        )  # fmt: skip


def _tells_of(told: set[tuple[int, int]], level: Dataset, tags: Iterable[int]) -> bool:
    around: Dataset | None = level if told else None
    while around is not None:
        if any((id(around), tag) in told for tag in tags):
            return True
        around = around.parent
    return False
