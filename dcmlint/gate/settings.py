"""The configuration of a gate, as ``gate.toml`` says it: every key, its type and its default."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from dcmlint.gate.amounts import Duration, Size
from dcmlint.intake.verdict import Action


def amount(kind: type[Duration] | type[Size], number: float) -> Any:
    """The default of a field, made when it is needed: the schema cannot write amounts."""
    return msgspec.field(default_factory=partial(kind, number))


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
PortOrNone = Annotated[int, msgspec.Meta(ge=0, le=65535)]  # 0: none, or any that is free
Count = Annotated[int, msgspec.Meta(ge=1)]


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS of a destination: ``ca`` (default: the system's), our ``certificate`` and ``key``, the ``name`` that
    its certificate must have (default: the host)."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""


class Listen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and from whom instances are taken.

    ``titles``: our AE titles (empty: any). ``senders``: calling AE titles (empty: any). ``addresses``: networks
    or addresses (empty: any). ``certificate``: TLS; ``client_ca``: clients must have a certificate of it.
    ``plain_everywhere``: without TLS on an address that others than this machine reach. ``per_address``:
    connections and associations of one address. ``proxies``: addresses whose PROXY header is demanded and
    believed. ``sop_classes``: UIDs or keywords (empty: any storage class). ``processes``: how many receive; 1 is the
    gate's own, 0: two where there are so many processors.
    """

    host: str = "127.0.0.1"
    port: PortOrNone = 11112
    titles: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    plain_everywhere: bool = False
    associations: Count = 64
    connections: Count = 160
    per_address: Count = 8
    processes: Annotated[int, msgspec.Meta(ge=0, le=32)] = 0
    largest: Size = amount(Size, 20 * 10**9)
    idle: Duration = amount(Duration, 300)
    pdu: Duration = amount(Duration, 30)
    max_pdu: int = 131072
    proxies: tuple[str, ...] = ()
    sop_classes: tuple[str, ...] = ()


class Forward(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One destination. ``associations``: how many at a time; a study always takes the same one."""

    name: str
    host: str
    port: Port
    called: str
    calling: str = "DCMLINT"
    associations: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    timeout: Duration = amount(Duration, 60)
    retry_first: Duration = amount(Duration, 1)
    retry_most: Duration = amount(Duration, 300)
    tls: Tls | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The checking children: how many, the memory of each (besides twice the header), the longest check."""

    children: Count = 2
    slow: Count = 4
    memory: Size = amount(Size, 10**9)
    seconds: Duration = amount(Duration, 120)


class Space(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Free space: below ``low`` no new association, above ``high`` again."""

    low: Size = amount(Size, 2 * 10**9)
    high: Size = amount(Size, 4 * 10**9)


class Page(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The page for people, and /live, /ready, /metrics; ``port`` 0: none."""

    host: str = "127.0.0.1"
    port: PortOrNone = 0


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An audit repository; ``host`` empty: none. ``source``: how audit messages call this gate. ``name``: that its
    certificate must have, if it is not the host. ``patient``: whether messages name the patient, as PS3.15 A.5 demands."""

    host: str = ""
    port: PortOrNone = 6514
    transport: Literal["tls", "udp"] = "tls"
    source: str = "DCMLINT"
    patient: bool = True
    ca: str = ""
    certificate: str = ""
    key: str = ""
    name: str = ""


class Commitment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may ask for storage commitment, by AE title, and where its answer is sent. ``wait``: what every destination
    does not have by then is answered as failed."""

    title: str
    host: str
    port: Port
    timeout: Duration = amount(Duration, 30)
    wait: Duration = amount(Duration, 86400)
    tls: Tls | None = None


class Watch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A watched folder. ``settle``: a file is taken when nothing changed it for so long; ``sender``: what stands for
    its AE title."""

    folder: str
    settle: Duration = amount(Duration, 5)
    sender: str = "WATCH"


class Stow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """STOW-RS; ``port`` 0: none. ``path`` stands before /studies. ``certificate``: HTTPS; ``client_ca``: clients must
    have a certificate of it. ``tokens``: a file with a name and a token a line, one of which must be sent (Bearer).
    ``plain_everywhere``: without TLS on an address that others than this machine reach. ``requests`` at a time, in all;
    ``per_address``: connections of one address, which is that of a proxy before it.
    """

    host: str = "127.0.0.1"
    port: PortOrNone = 0
    path: str = "/dicom-web"
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    tokens: str = ""
    plain_everywhere: bool = False
    requests: Count = 32
    per_address: Count = 8


class Alert(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook: ``url`` gets a JSON object when something is held, or a queue is older than ``queue_older``."""

    url: str = ""
    queue_older: Duration = amount(Duration, 900)
    timeout: Duration = amount(Duration, 10)


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file.

    ``mode``: observe answers everything with success and says what would have been done; enforce does it.
    ``rules``: an action for single rules, in place of that of the profile for their severity.
    """

    spool: str
    forward: tuple[Forward, ...]
    mode: Literal["observe", "enforce"] = "observe"
    profile: str = "dicom"
    parameters: dict[str, Any] = {}
    rules: dict[str, Action] = {}
    answer_within: Duration = amount(Duration, 8)
    on_internal: Literal["hold", "forward"] = "hold"
    slides: Literal["off", "report", "hold"] = "report"
    study_quiet: Duration = amount(Duration, 120)
    keep_refused: Duration = amount(Duration, 3 * 86400)
    keep_delivered: Duration = amount(Duration, 86400)
    keep_originals: Duration = amount(Duration, 90 * 86400)
    keep_history: Duration = amount(Duration, 400 * 86400)
    listen: Listen = msgspec.field(default_factory=Listen)
    check: Check = msgspec.field(default_factory=Check)
    space: Space = msgspec.field(default_factory=Space)
    page: Page = msgspec.field(default_factory=Page)
    alert: Alert = msgspec.field(default_factory=Alert)
    stow: Stow = msgspec.field(default_factory=Stow)
    watch: tuple[Watch, ...] = ()
    commitment: tuple[Commitment, ...] = ()
    audit: Audit = msgspec.field(default_factory=Audit)
