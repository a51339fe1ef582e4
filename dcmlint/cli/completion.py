"""What a shell completes: formats, profiles, rules.  Read only when it asks."""

from __future__ import annotations


def formats(incomplete: str) -> list[str]:
    """Formats of reports."""
    from dcmlint.reports.names import format_names

    return [name for name in format_names() if name.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Built-in profiles."""
    from dcmlint.profiles.load import builtin_profiles

    return [one.profile.id for one in builtin_profiles() if one.profile.id.startswith(incomplete)]


def rules(incomplete: str) -> list[str]:
    """Ids, areas and names of the built-in rules; after a comma the next one."""
    from dcmlint.rules.load import builtin_rules

    before, comma, last = incomplete.rpartition(",")
    words = {
        word for source in builtin_rules() for word in (source.rule.id, source.rule.area, source.rule.name)
    }
    return [before + comma + word for word in sorted(words) if word.startswith(last)]


def severities(incomplete: str) -> list[str]:
    """``RULE=`` and then the severity."""
    rule, equals, level = incomplete.partition("=")
    if not equals:
        return [f"{word}=" for word in rules(rule)]
    return [f"{rule}={word}" for word in ("error", "warning", "info") if word.startswith(level)]


def engines(incomplete: str) -> list[str]:
    """What a scan runs on."""
    return [word for word in ("local", "dask", "dask=") if word.startswith(incomplete)]
