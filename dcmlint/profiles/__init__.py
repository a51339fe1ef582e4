"""Profiles: what a system promises, or a site demands, beyond the standard.

A profile is a YAML file; `dcmlint.profiles.model` says what it may hold, `dcmlint.profiles.resolve` makes the
rules of it that a run needs.
"""
