"""Reads ``gate.toml``: what is wrong in it, where, and what was probably meant."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from dcmlint.errors import ConfigError, did_you_mean
from dcmlint.gate.amounts import convert
from dcmlint.gate.decisions import LONGEST_WAIT
from dcmlint.gate.settings import GateSettings

LOOPBACK = ("127.", "::1", "localhost")


def read_config(path: Path) -> GateSettings:
    """The settings in a file; paths in it are relative to its folder. Raises ``ConfigError``."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", str(path)) from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"no TOML: {error}", str(path)) from None
    for where, name, known in _unknown(values, GateSettings, ""):
        line = _line(text, name)
        place = f"in [{where}]" if where else "at the top"
        hint = did_you_mean(name, known, f"known: {', '.join(known)}")
        raise ConfigError(f"{name!r} {place} is not a key of a gate", str(path), line, 0, hint)
    try:
        settings = msgspec.convert(values, GateSettings, dec_hook=convert)
    except msgspec.ValidationError as error:
        name = str(error).rsplit("$.", 1)[-1].rstrip("`") if "$." in str(error) else ""
        raise ConfigError(
            _words(str(error)), str(path), _line(text, name.split(".")[-1].split("[")[0])
        ) from None
    for name, message in _wrong(settings):
        raise ConfigError(message, str(path), _line(text, name))
    return settings


def _wrong(settings: GateSettings) -> Iterator[tuple[str, str]]:
    """What types cannot say: the key, and what is wrong."""
    listen = settings.listen
    names = [one.name for one in settings.forward]
    if not settings.forward:
        yield "forward", "at least one destination is needed: [[forward]]"
    for name in names:
        if names.count(name) > 1:
            yield "name", f"two destinations are named {name!r}"
    for one in settings.forward:
        if not 0 < one.port < 65536:
            yield "port", f"{one.port} is not a port"
        if one.associations < 1 or one.associations > 16:
            yield "associations", "a destination gets 1 to 16 associations"
        if not one.retry_first <= one.retry_most <= LONGEST_WAIT:
            yield "retry_most", "retry_most is at least retry_first, and an hour at most"
        for title in (one.called, one.calling):
            if not 0 < len(title.strip()) <= 16 or "\\" in title:  # PS3.5 6.2, AE
                yield "called", f"{title!r} is not an AE title (1 to 16 characters)"
    if not 0 <= listen.port < 65536:
        yield "port", f"{listen.port} is not a port"
    if (listen.key or listen.client_ca) and not listen.certificate:
        yield "key", "key and client_ca are for TLS, which needs certificate"
    if not listen.certificate and not listen.plain_everywhere and not listen.host.startswith(LOOPBACK):
        yield (
            "host",
            (
                f"{listen.host} is reached by others than this machine, and there is no TLS: set certificate, or "
                "plain_everywhere = true if the network is trusted"
            ),
        )
    stow = settings.stow
    if stow.port and not (stow.certificate or stow.plain_everywhere or stow.host.startswith(LOOPBACK)):
        yield (
            "host",
            f"{stow.host} is reached by others than this machine: set stow.certificate, or plain_everywhere",
        )
    if (stow.key or stow.client_ca) and not stow.certificate:
        yield "key", "key and client_ca of stow are for HTTPS, which needs certificate"
    if stow.path and not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", stow.path):
        yield "path", f"{stow.path!r} is not a path such as /dicom-web"
    for network in (*listen.addresses, *listen.proxies):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            yield "addresses", f"{network!r} is no address and no network such as 10.1.0.0/16"
    if settings.keep_history < max(settings.keep_delivered, settings.keep_refused, settings.keep_originals):
        yield (
            "keep_history",
            "keep_history is at least as long as keep_delivered, keep_refused and keep_originals",
        )
    if settings.space.high < settings.space.low:
        yield "high", "space.high is less than space.low: it would never open again"
    if settings.page.port and not settings.page.host.startswith(LOOPBACK):
        yield "host", "the page has no login: it listens on loopback only; put a proxy with a login before it"
    for name, value in (("children", settings.check.children), ("per_address", listen.per_address)):
        if value < 1:
            yield name, f"{name} must be at least 1"
    if settings.alert.url and not settings.alert.url.startswith(("http://", "https://")):
        yield "url", "a webhook is an http or https URL"


def _unknown(values: Any, type_: Any, where: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each key that a table does not have: where, the key, and those it has."""
    if not isinstance(values, dict):
        return
    hints = get_type_hints(type_)
    for key, value in values.items():
        if key not in hints:
            yield where, key, tuple(hints)
            continue
        table = _table(hints[key])
        if table is not None:
            for one in value if isinstance(value, list) else [value]:
                yield from _unknown(one, table, f"{where}.{key}".strip("."))


def _table(type_: Any) -> Any:
    for one in (type_, *get_args(type_)):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return one
    return None


def _words(error: str) -> str:
    message, _, where = error.partition(" - at `$")
    where = where.rstrip("`").lstrip(".")
    return f"{where}: {message}" if where else message


def _line(text: str, name: str) -> int:
    """The line of the first key of this name; 0 where there is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if name and line.split("=")[0].strip().strip('"') == name:
            return number
        if name and line.strip() in (f"[{name}]", f"[[{name}]]"):
            return number
    return 0


def relative(base: Path, path: str) -> str:
    """A path of the file as a path of the process; empty stays empty."""
    return str(base / path) if path else ""


def networks(words: Iterable[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks of what a configuration names."""
    return tuple(ipaddress.ip_network(word, strict=False) for word in words)
