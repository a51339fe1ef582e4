"""What is to be asked of which endpoint: made of a profile's endpoints and of what the command line says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from dcmlint import standard
from dcmlint.errors import UsageError, did_you_mean
from dcmlint.facts.association.endpoints import Demands
from dcmlint.network.requestor.association import Target
from dcmlint.network.requestor.probe import Question
from dcmlint.network.requestor.smb import smb_number
from dcmlint.network.rule_facts import WantedContexts
from dcmlint.network.tls.context import Credentials
from dcmlint.network.wire.syntaxes import PROBE_SYNTAXES
from dcmlint.profiles.model import AssociationDemands, Endpoint
from dcmlint.profiles.placed_endpoints import pdu_range
from dcmlint.standard.uids import VLWholeSlideMicroscopyImageStorage

_DICOM = ("dicom", "dicom-tls")
_FULL_ONLY = ("identity", "reject_titles", "concurrent", "idle")
_LONGEST_TITLE = 16  # PS3.5 6.2: AE


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says; empty or None is nothing.

    ``hosts`` by role; ``endpoint`` picks one of a profile's by name; ``sop_classes``, ``syntaxes`` and
    ``forbidden`` are UIDs.
    """

    host: str = ""
    port: int | None = None
    hosts: dict[str, str] = {}
    endpoint: str = ""
    called: str = ""
    calling: str = ""
    timeout: float = 10.0
    level: Literal["quick", "full"] = "full"
    tls: Literal["auto", "off", "require"] | None = None
    tls_profile: Literal["B.12", "B.13"] = "B.12"
    credentials: Credentials = Credentials()
    server_name: str = ""
    sop_classes: tuple[str, ...] = ()
    syntaxes: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    choice: str = ""
    reject_titles: bool = False
    mutual: bool = False
    max_pdu: tuple[int | None, int | None] | None = None
    identity: bool = False
    implementations: tuple[str, ...] = ()
    concurrent: int = 0
    idle: float = 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint to look at, what is asked of it, and what is wanted.

    ``left_out`` says why it is not looked at; ``says`` is the profile's own sentence about it.
    ``alternatives``: other hosts that may be the listening side; the first that is open is looked at.
    """

    id: str
    alternatives: tuple[str, ...] = ()
    says: str = ""
    target: Target
    question: Question
    demands: Demands
    wanted: tuple[WantedContexts, ...] = ()
    left_out: str = ""

    @property
    def is_dicom(self) -> bool:
        """Whether associations are asked for."""
        return self.demands.protocol in _DICOM


def plan_probe(endpoints: Sequence[Endpoint], asked: Asked) -> tuple[Plan, ...]:
    """The endpoints to look at, in the order of the profile; the one that the command line names without one.

    Raises ``UsageError`` where nothing can be looked at, or a name or role is not of the profile.
    """
    chosen = _chosen(endpoints, asked)
    if not chosen:
        if not asked.host or asked.port is None:
            raise UsageError("name the host and the port, or a profile with endpoints and --host ROLE=HOST")
        return (_plan(None, asked.host, asked.port, asked),)
    plans = []
    for endpoint in chosen:
        host, *others = [asked.host] if asked.host else _hosts(endpoint, asked.hosts)
        port = asked.port if asked.port is not None else _port(endpoint)
        missing = "" if host else f"no host: --host {_role(endpoint)}=HOST"
        if host and port is None:
            missing = f"no port: {endpoint.port or 'the profile names none'}"
        plan = _plan(endpoint, host, port or 0, asked, missing)
        plans.append(msgspec.structs.replace(plan, alternatives=tuple(others)))
    if all(plan.left_out for plan in plans):
        roles = dict.fromkeys(_role(endpoint) for endpoint in chosen)
        raise UsageError(
            f"no host is known: name host and port, or give {', '.join(f'--host {role}=HOST' for role in roles)}"
        )
    return tuple(plans)


def _chosen(endpoints: Sequence[Endpoint], asked: Asked) -> list[Endpoint]:
    roles = {role for endpoint in endpoints for role in (*endpoint.listens, endpoint.destination) if role}
    for role in asked.hosts:
        if role not in roles:
            known = ", ".join(sorted(roles)) or "the profile has no endpoints"
            raise UsageError(f"--host {role}=…: no endpoint of the profile has this role ({known})")
    if asked.endpoint:
        found = [endpoint for endpoint in endpoints if endpoint.name == asked.endpoint]
        if not found:
            known = ", ".join(endpoint.name for endpoint in endpoints) or "the profile has none"
            raise UsageError(f"--endpoint {asked.endpoint}: no such endpoint ({known})")
        return found
    if not asked.host:
        return list(endpoints)
    # One host and port: the endpoint of that port, else the first that speaks DICOM, else the only one.
    dicom = [endpoint for endpoint in endpoints if endpoint.protocol in _DICOM]
    same = [endpoint for endpoint in endpoints if asked.port is not None and _port(endpoint) == asked.port]
    if not same and not dicom and len(endpoints) > 1:
        known = ", ".join(endpoint.name for endpoint in endpoints)
        raise UsageError(f"which endpoint of the profile is meant? --endpoint NAME ({known})")
    return (same or dicom or list(endpoints))[:1]


def _role(endpoint: Endpoint) -> str:
    return endpoint.listens[0] if endpoint.listens else endpoint.destination or "HOST"


def _hosts(endpoint: Endpoint, hosts: Mapping[str, str]) -> list[str]:
    """The hosts of the roles that may listen, the likeliest first; one empty text where none is known."""
    found = [hosts[role] for role in endpoint.listens or (endpoint.destination,) if role in hosts]
    return list(dict.fromkeys(found)) or [endpoint.host]


def _port(endpoint: Endpoint) -> int | None:
    return int(endpoint.port) if endpoint.port.isdecimal() and 0 < int(endpoint.port) < 65536 else None


def _plan(endpoint: Endpoint | None, host: str, port: int, asked: Asked, left_out: str = "") -> Plan:
    protocol = endpoint.protocol if endpoint is not None else "dicom"
    called = asked.called or (endpoint.called_ae if endpoint is not None else "") or "ANY-SCP"
    calling = asked.calling or (endpoint.calling_ae if endpoint is not None else "") or "DCMLINT"
    for option, title in (("called", called), ("calling", calling)):
        if not title.strip() or len(title) > _LONGEST_TITLE or not title.isascii() or "\\" in title:
            raise UsageError(f"--{option} {title}: an AE title has 1 to 16 ASCII characters and no backslash")
    required = protocol in ("dicom-tls", "https", "amqps") if asked.tls is None else asked.tls == "require"
    certificate = endpoint.certificate if endpoint is not None else None
    of_profile = endpoint.association if endpoint is not None else AssociationDemands()
    least, most = asked.max_pdu or pdu_range(of_profile.max_pdu)
    concurrent, idle = asked.concurrent or of_profile.concurrent, asked.idle or of_profile.idle
    demands = Demands(
        name=endpoint.name if endpoint is not None else "",
        protocol=protocol,
        tls_required=required,
        tls_minimum=(endpoint.tls_minimum if endpoint is not None else "") or "1.2",
        tls_profile=asked.tls_profile,
        self_signed=certificate.self_signed if certificate is not None else "warning",
        mutual="yes" if asked.mutual else certificate.mutual if certificate is not None else "any",
        trust_given=bool(asked.credentials.ca or asked.credentials.pins),
        reject_titles=asked.reject_titles or of_profile.reject_titles or None,
        choice=asked.choice or of_profile.choice or None,
        max_pdu_least=least,
        max_pdu_most=most,
        identity_required=asked.identity or of_profile.identity or None,
        implementations=asked.implementations or of_profile.implementation or None,
        idle_seconds=idle or None,
        concurrent=concurrent or None,
        smb_minimum=smb_number(endpoint.smb_minimum) if endpoint is not None else 0,
        smb_name=endpoint.smb_minimum if endpoint is not None else "",
    )
    wanted = _wanted(endpoint, asked)
    contexts = tuple((want.sop_class, (*want.syntaxes, *(s for s in want.forbidden if s not in want.syntaxes))) for want in wanted)  # fmt: skip
    question = Question(
        level=asked.level,
        tls="require" if required else asked.tls or "auto",
        credentials=asked.credentials,
        server_name=asked.server_name,
        concurrent=concurrent or Question().concurrent,
        idle=idle,
    )
    if contexts:
        question = msgspec.structs.replace(question, contexts=contexts)
    return Plan(
        id=endpoint.name if left_out and endpoint is not None else f"{host}:{port}",
        says=_says(endpoint, asked.level) if endpoint is not None else "",
        target=Target(host=host, port=port, called=called, calling=calling, timeout=asked.timeout),
        question=question,
        demands=demands,
        wanted=wanted,
        left_out=left_out,
    )


def _says(endpoint: Endpoint, level: str) -> str:
    """The profile's sentence about an endpoint, and what of its demands only a full probe asks."""
    words = f"{endpoint.name}: {endpoint.says}".rstrip(": ")
    needed = [key for key in _FULL_ONLY if getattr(endpoint.association, key)] if level == "quick" else []
    return f"{words} · not asked in a quick probe: {', '.join(needed)}" if needed else words


def _wanted(endpoint: Endpoint | None, asked: Asked) -> tuple[WantedContexts, ...]:
    of_profile = endpoint.association.forbid if endpoint is not None else ()
    forbidden = tuple(dict.fromkeys((*asked.forbidden, *of_profile)))
    if asked.sop_classes or asked.syntaxes:
        # What is named on the command line is required; a class or syntaxes alone are held to the usual other.
        classes = asked.sop_classes or (VLWholeSlideMicroscopyImageStorage,)
        syntaxes, required = asked.syntaxes or PROBE_SYNTAXES, "all" if asked.syntaxes else "some"
        return tuple(
            WantedContexts(sop_class=sop, syntaxes=syntaxes, required=required, forbidden=forbidden)
            for sop in classes
        )
    offers = [offer for offer in endpoint.offers if offer.role == "scp"] if endpoint is not None else []
    if offers:
        return tuple(
            WantedContexts(
                sop_class=offer.sop_class, syntaxes=offer.transfer_syntaxes or PROBE_SYNTAXES,
                required=offer.required, forbidden=forbidden,
            )
            for offer in offers
        )  # fmt: skip
    if forbidden:
        return (
            WantedContexts(
                sop_class=VLWholeSlideMicroscopyImageStorage, syntaxes=PROBE_SYNTAXES, required="none", forbidden=forbidden
            ),
        )  # fmt: skip
    return ()


def uid_of(word: str, kind: Literal["SOP Class", "Transfer Syntax"], option: str) -> str:
    """The UID of a keyword of PS3.6, or a UID as it is.  Raises ``UsageError``."""
    if word and all(part.isdecimal() for part in word.split(".")) and len(word) <= 64:  # PS3.5 9.1
        return word
    known = {entry.keyword: entry.uid for entry in standard.load().uids(kind) if entry.keyword}
    if word in known:
        return known[word]
    hint = did_you_mean(word, known)
    raise UsageError(
        f"{option} {word}: neither a UID nor the keyword of a {kind}" + (f" ({hint})" if hint else "")
    )
