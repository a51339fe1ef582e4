"""What names mean in expressions: attributes of the dictionary, facts, functions."""

from __future__ import annotations

from collections.abc import Iterable

from dcmlint import standard
from dcmlint.expr import AttributeName, FactType
from dcmlint.facts.registry import fact_names, fact_type


class DictionaryNames:
    """Attribute keywords only: the names of conditions in tables."""

    def attribute(self, keyword: str) -> AttributeName | None:
        """The attribute with this keyword, or None."""
        entry = standard.load().dictionary.by_keyword(keyword)
        return None if entry is None else AttributeName(entry.tag, entry.vr, entry.vm)

    def attribute_names(self) -> Iterable[str]:
        """All keywords, for suggestions."""
        return standard.load().dictionary.keywords()

    def fact(self, name: str) -> FactType | None:
        """No facts in tables."""
        return None

    def fact_names(self) -> Iterable[str]:
        """No facts in tables."""
        return ()


class RuleNames(DictionaryNames):
    """Attribute keywords and facts: the names of rules."""

    def fact(self, name: str) -> FactType | None:
        """The type of a fact, or None."""
        return fact_type(name)

    def fact_names(self) -> Iterable[str]:
        """All facts, for suggestions."""
        return fact_names()


TABLE_NAMES = DictionaryNames()
RULE_NAMES = RuleNames()
