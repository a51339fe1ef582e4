"""Reads ``gate.toml``: what is wrong in it, where, and what was probably meant."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from dcmlint.errors import ConfigError
from dcmlint.gate.amounts import convert
from dcmlint.gate.decisions import LONGEST_WAIT
from dcmlint.gate.settings import GateSettings
from dcmlint.toml_places import TomlPlaces, read_toml


def read_config(path: Path) -> GateSettings:
    """The settings in a file; paths in it are relative to its folder. Raises ``ConfigError``."""
    shown = str(path)
    values, text = read_toml(path)
    places = TomlPlaces(text)
    try:
        settings = msgspec.convert(values, GateSettings, dec_hook=convert)
    except msgspec.ValidationError as error:
        # The schema is made of the type and says the same, with the place of each mistake; only a mistake pays for it.
        from dcmlint.rules.load import published
        from dcmlint.user_file import hold

        hold(values, published("gate"), shown, places.place, ConfigError, text=False)
        raise ConfigError(str(error), shown) from None
    mistakes = [
        ConfigError(message, shown, *places.place(f"$.{where}")) for where, message in _wrong(settings)
    ]
    if mistakes:
        mistakes[0].others = tuple(mistakes[1:])
        raise mistakes[0]
    return settings


def _wrong(settings: GateSettings) -> Iterator[tuple[str, str]]:
    """What types cannot say: the path, and what is wrong."""
    listen, stow = settings.listen, settings.stow
    if not settings.forward:
        yield "forward", "at least one destination is needed: [[forward]]"
    names = [one.name for one in settings.forward]
    for number, one in enumerate(settings.forward):
        where = f"forward[{number}]"
        if one.name in names[:number]:
            yield f"{where}.name", f"two destinations are named {one.name!r}"
        if not one.retry_first <= one.retry_most <= LONGEST_WAIT:
            yield f"{where}.retry_most", "retry_most is at least retry_first, and an hour at most"
        for key, title in (("called", one.called), ("calling", one.calling)):
            if not 0 < len(title.strip()) <= 16 or "\\" in title:  # PS3.5 6.2, AE
                yield f"{where}.{key}", f"{title!r} is not an AE title (1 to 16 characters)"
    for name, part, open_ in (("listen", listen, True), ("stow", stow, stow.port != 0)):
        for key in ("key", "client_ca"):
            if getattr(part, key) and not part.certificate:
                yield f"{name}.{key}", f"{key} is for TLS, which needs {name}.certificate"
        if open_ and not (part.certificate or part.plain_everywhere or is_loopback(part.host)):
            yield (
                f"{name}.host",
                (
                    f"{part.host} is reached by others than this machine, and there is no TLS: set {name}.certificate, or "
                    f"{name}.plain_everywhere = true if the network is trusted"
                ),
            )
    if stow.path and not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", stow.path):
        yield "stow.path", f"{stow.path!r} is not a path such as /dicom-web"
    for key, words in (("addresses", listen.addresses), ("proxies", listen.proxies)):
        for network in words:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                yield f"listen.{key}", f"{network!r} is no address and no network such as 10.1.0.0/16"
    if settings.keep_history < max(settings.keep_delivered, settings.keep_refused, settings.keep_originals):
        yield (
            "keep_history",
            "keep_history is at least as long as keep_delivered, keep_refused and keep_originals",
        )
    if settings.space.high < settings.space.low:
        yield "space.high", "space.high is less than space.low: it would never open again"
    if settings.page.port and not is_loopback(settings.page.host):
        yield (
            "page.host",
            "the page has no login: it listens on loopback only; put a proxy with a login before it",
        )
    if settings.alert.url and not settings.alert.url.startswith(("http://", "https://")):
        yield "alert.url", "a webhook is an http or https URL"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; another name than localhost can be that of any machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def relative(base: Path, path: str) -> str:
    """A path of the file as a path of the process; empty stays empty."""
    return str(base / path) if path else ""


def networks(words: Iterable[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Networks of what a configuration names."""
    return tuple(ipaddress.ip_network(word, strict=False) for word in words)
