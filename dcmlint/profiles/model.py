"""What a profile is, as its file says.

Every scalar of the file is text; numbers are read where they are used, by the VR of the attribute.
Expressions may name parameters (``param.tile_rows``), and so may values, endpoints and the parameters of
functions.  What names a parameter that has no value is not checked, and the profile says so.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dcmlint.findings.finding import Severity
from dcmlint.rules.model import Example, Rule

ParameterType = Literal["text", "number", "boolean", "choice", "pattern", "substitution", "attribute", "list"]
Level = Literal["on", "off", "error", "warning", "info", "at-most-warning", "at-most-info"]
GateAction = Literal["accept", "fix", "quarantine", "refuse"]
Empty = Literal["allowed", "forbidden", "required"]
Protocol = Literal["dicom", "dicom-tls", "https", "amqps", "smb"]
PRESENCE = ("always", "conditional", "optional", "forbidden")
# PS3.2 Annex A: how often an attribute is there and has a value, and where the value comes from.
PS3_2: dict[str, tuple[str, Empty | None]] = {
    "ALWAYS": ("always", None), "VNAP": ("always", "allowed"), "ANAP": ("optional", None), "EMPTY": ("always", "required"),
    "AUTO": ("always", None), "CONFIG": ("always", None), "USER": ("always", "allowed"),
    "MWL": ("always", "allowed"), "MPPS": ("always", "allowed"), "IMPLICIT": ("always", None), "FIXED": ("always", None),
}  # fmt: skip


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The document that a profile encodes.

    ``short`` is how references name it; ``publisher`` whose document it is: its pages then say that the
    profile is an independent reading.
    """

    document: str
    short: str = ""
    revision: str = ""
    date: str = ""
    publisher: str = ""
    product: str = ""


class ProfileApplies(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """To which instances the profile's own rows and rules apply; what is empty does not restrict.

    ``sop_class``: keywords or UIDs; ``modality``: values; ``manufacturer`` and ``model``: texts, one of which
    is part of Manufacturer and of Manufacturer's Model Name, whatever the case.
    """

    sop_class: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    manufacturer: tuple[str, ...] = ()
    model: tuple[str, ...] = ()


class Parameter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A setting of the profile.

    ``shown_as``: what the product's own user interface calls it; ``section``: where the document speaks of
    it; ``assumed``: the default is what holds unless something else was agreed, so that what differs from it
    is a warning until the parameter is set.  ``type`` attribute: the path of an attribute; pattern and
    substitution: a regular expression and a replacement in the manner of .NET; list: texts with commas.
    ``minimum``, ``maximum`` and ``whole`` (no fraction): of a number; ``pattern``: found in a text.
    """

    type: ParameterType = "text"
    default: str | tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    pattern: str = ""
    unit: str = ""
    help: str = ""
    shown_as: str = ""
    section: str = ""
    assumed: bool = False


class AttributeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True,
                   rename={"assert_": "assert"}):  # fmt: skip
    """One row of an attribute table.

    ``attribute``: the keyword, or the tag of what has none; ``tag``, ``name`` and ``vr``: as the document
    gives them, for `profile check`.  ``presence``: always, conditional (as the standard has it), optional,
    forbidden, a word of PS3.2 (ALWAYS, VNAP, ANAP, EMPTY, AUTO, CONFIG, USER, MWL …), or an expression that says when it is required.  ``empty``: whether it may be there without a
    value (default: forbidden where it must be there).  ``values``: what it may be; a value with backslashes
    is all values of the attribute.  ``values_from``: a file beside the profile with one value a line (the first
    column of CSV).  ``pattern``: found in the value.  ``minimum`` and ``maximum``: of a number.  ``longest``: the largest number
    of characters of each value.  ``not_before`` and ``not_after``: of a date: YYYY-MM-DD, today, today-30d, today-120y.  ``code``: SCHEME:VALUE of a code sequence, or a list of
    them; ``context_group``: the number of the CID that its codes are of.  ``source``: ``order``, or ``order.KEY``: the value is that
    of the order or worklist item that --order gives.  ``assert``: an expression that holds
    wherever the attribute is; ``want``: what is expected then, in words.  ``when``: where the row holds at all.  ``items``: rows of a sequence's items.
    ``value_severity``: for a wrong value, where it is less than for a missing attribute;
    ``empty_severity``: for one without a value.
    ``says``: the statement in other words; ``not_seen``: what of it no file shows, and why.
    ``checked_by``: rules that see what the row cannot.  ``printed``: what the document prints where it is wrong, by ``vr``, ``value``,
    ``presence``, ``name`` or ``tag``: `profile check` remarks it.  ``examples``: as in rule files; `profile test` runs them.
    """

    attribute: str
    id: str = ""
    tag: str = ""
    name: str = ""
    vr: str = ""
    presence: str = "optional"
    empty: Empty | None = None
    values: str | tuple[str, ...] = ()
    values_from: str = ""
    pattern: str = ""
    minimum: str = ""
    maximum: str = ""
    longest: str = ""
    not_before: str = ""
    not_after: str = ""
    code: str | tuple[str, ...] = ()
    context_group: str = ""
    source: str = ""
    assert_: str = ""
    want: str = ""
    when: str = ""
    sop_class: tuple[str, ...] = ()
    severity: Severity = "error"
    value_severity: Severity | None = None
    empty_severity: Severity | None = None
    items: tuple[AttributeRow, ...] = ()
    section: str = ""
    says: str = ""
    not_seen: str = ""
    checked_by: tuple[str, ...] = ()
    printed: dict[str, str] = {}
    examples: tuple[Example, ...] = ()
    message: str = ""
    why: str = ""
    remedy: str = ""


class FileNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How files are called: ``template`` like ``{PatientID}_{InstanceNumber}``; the suffix does not count.

    A token is a keyword or path of an attribute, or a word that ``tokens`` maps to one (to nothing: any
    text).
    """

    template: str
    tokens: dict[str, str] = {}
    severity: Severity = "error"


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a file may be at most.

    ``file_size``: the largest size in bytes, or with kB, MB, GB (powers of 1000) or KiB, MiB, GiB (of 1024);
    ``frames``: the largest number of frames; ``private_creators``: the only private creators whose elements may be in it;
    an empty list: no private elements at all.
    """

    file_size: str = ""
    frames: str = ""
    private_creators: tuple[str, ...] | None = None
    severity: Severity = "error"
    why: str = ""


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is demanded of an endpoint's certificate.

    ``required``: a certificate (X.509) must be shown and hold; where it need not, what is wrong with one is information; ``self_signed``: how bad one is that signs itself, or
    allowed; ``mutual``: whether the endpoint must ask for ours: yes, no, or any; ``advice``: what the
    document recommends, shown with a finding.
    """

    required: bool = True
    self_signed: Literal["error", "warning", "info", "allowed"] = "warning"
    mutual: Literal["yes", "no", "any"] = "any"
    advice: str = ""


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One SOP Class that is transferred, with its transfer syntaxes: keywords or UIDs.

    ``role`` is that of the endpoint's host: scp stores what it gets, scu sends.  ``required``: an acceptor
    must take at least one of the transfer syntaxes (some), each of them (all), or may take none (none).
    """

    sop_class: str
    transfer_syntaxes: tuple[str, ...] = ()
    role: Literal["scp", "scu"] = "scp"
    required: Literal["some", "all", "none"] = "some"


class AssociationDemands(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What an endpoint must do in associations, as `dcmlint probe` asks it by options of the same names.

    ``max_pdu``: the range of its maximum PDU length in bytes: 16384..131072, 65536.. or ..131072.  ``implementation``: the
    Implementation Class UIDs and version names that it may have.  ``identity``: a user identity must be acknowledged.
    ``reject_titles``: unknown AE titles must be rejected.  ``forbid``: transfer syntaxes that must be refused (keywords or UIDs).
    ``choice``: the transfer syntax that must be selected from several.  ``concurrent``: the number of simultaneous
    associations.  ``idle``: for how many seconds an idle association must be kept open.
    """

    max_pdu: str = ""
    implementation: tuple[str, ...] = ()
    identity: bool = False
    reject_titles: bool = False
    forbid: tuple[str, ...] = ()
    choice: str = ""
    concurrent: int = 0
    idle: float = 0.0

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that hold what is demanded."""
        by_key = {
            "max_pdu": ("NET220",), "implementation": ("NET241",), "identity": ("NET234",), "reject_titles": ("NET203", "NET204"),
            "forbid": ("NET211",), "choice": ("NET213",), "concurrent": ("NET305",), "idle": ("NET304",),
        }  # fmt: skip
        return tuple(rule for key, rules in by_key.items() if getattr(self, key) for rule in rules)


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row of a table of ports: where somebody listens, and what he is asked.

    ``name`` is unique in the profile.  ``source`` and ``destination`` are host roles as the document gives
    them; ``listens`` are the roles that may be the listening side, the likeliest first: the host of a role is
    given by ``--host ROLE=HOST``, or by ``host`` (perhaps a parameter).  ``port`` is a number or a parameter.
    ``protocol``: dicom, dicom-tls, https, amqps, smb.  ``called_ae`` is the title of the listener, which a
    requestor calls; ``calling_ae`` the title of the one who calls.  ``tls_minimum``: "1.2" or "1.3", empty
    where nothing is said of TLS; ``smb_minimum``: the dialect, "3" for any of 3.x.  ``direction``: who opens the connection, seen from the product that the
    profile is about: out (it connects to others), in (others connect to it), either.  ``offers``: SOP
    Classes with transfer syntaxes; none: only Verification is looked at.  ``settings_from``: the parameter
    without which the endpoint is not looked at.  ``association``: what is demanded of its associations.
    """

    name: str
    says: str = ""
    section: str = ""
    source: str = ""
    destination: str = ""
    listens: tuple[str, ...] = ()
    host: str = ""
    port: str
    protocol: Protocol = "dicom"
    called_ae: str = ""
    calling_ae: str = ""
    tls_minimum: str = ""
    smb_minimum: str = ""
    certificate: Certificate = Certificate()
    offers: tuple[Offer, ...] = ()
    association: AssociationDemands = AssociationDemands()
    direction: Literal["out", "in", "either"] = "out"
    needs: tuple[str, ...] = ()
    only: dict[str, tuple[str, ...]] = {}
    severity: Severity = "error"
    not_seen: str = ""


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An exception for known instances, with its reason and its end.

    ``match``: attributes by keyword and what they hold (``*`` and ``?`` stand for any text), ``path``: of the
    file, in the same manner, ``when``: an expression; all must hold.  ``rules``: off, or another severity, by
    id, name, area or tag.  ``expires``: the last day on which it holds, YYYY-MM-DD.
    """

    match: dict[str, str]
    rules: dict[str, Literal["off", "error", "warning", "info"]]
    reason: str
    expires: str


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One sentence of the source document, in other words, and what checks it.

    ``by``: ids of rules or rows, names of endpoints (``endpoint NAME``) or of parameters
    (``parameter NAME``); ``not_seen``: why a file, a folder or an endpoint cannot show it.  One of the two is
    given.  ``table``: the table of the document that it is a row of.
    """

    section: str
    says: str
    by: tuple[str, ...] = ()
    not_seen: str = ""
    table: str = ""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A profile, as its file says.

    ``side``: sender: its rows promise what a product writes; receiver: they demand what one takes, and promise nothing.  ``area``: the letters of the ids of its rows (LAB: LAB001, LAB002, ...).  ``extends``: from left to right,
    later wins, this file last.  ``set``: values of parameters that it inherits.  ``transfer_syntaxes`` and
    ``sop_classes``: the only ones that are allowed (keywords, UIDs, or a parameter).  ``rules``: on, off, a
    severity or at-most-warning, by id, name, area, tag, ``basis:interop`` or ``ALL``, one after the other.  ``own_rules``: rules
    as in rule files.  ``lock``: what nobody can ignore.  ``action``: what a gate does with an instance whose
    worst finding is of this severity; fix: it is repaired safely, the original is kept, and what cannot be repaired is
    refused if it is an error.  ``reasons``: why a rule has its severity here, by id, name, area or ``ALL``.  ``notes``: what the profile's page says beyond its tables.  ``readings``: what came of reading the remarks of
    `profile check` again, by their code, or by code and subject.  ``edition``: the edition of the standard that instances are
    held against (2025e), by name or file of tables; then rows newer than an instance are asked of it too.
    """

    id: str
    version: str
    title: str
    about: str = ""
    side: Literal["sender", "receiver", ""] = ""
    area: str = ""
    source: Source | None = None
    extends: tuple[str, ...] = ()
    applies: ProfileApplies = ProfileApplies()
    parameters: dict[str, Parameter] = {}
    set: dict[str, Any] = {}
    attributes: tuple[AttributeRow, ...] = ()
    transfer_syntaxes: str | tuple[str, ...] = ()
    sop_classes: str | tuple[str, ...] = ()
    file_names: FileNames | None = None
    limits: Limits | None = None
    endpoints: tuple[Endpoint, ...] = ()
    own_rules: tuple[Rule, ...] = ()
    rules: dict[str, Level] = {}
    lock: tuple[str, ...] = ()
    action: dict[Severity, GateAction] = {}
    reasons: dict[str, str] = {}
    overrides: tuple[Override, ...] = ()
    statements: tuple[Statement, ...] = ()
    notes: tuple[str, ...] = ()
    readings: dict[str, str] = {}
    edition: str = ""


Marks = dict[str, tuple[int, int]]


class ProfileSource(msgspec.Struct, frozen=True):
    """A profile and the file it was read from; ``marks`` (line, column) by path, for errors.

    ``bases``: the ids of all profiles that it extends, through others too; known within a chain.  Once the values of parameters
    are in place (`filled`): ``written``: the profile as its file says it; ``unset``: by its path what names a parameter
    without a value, and that parameter; ``assumed``: the places of rows that compare only with what is assumed.
    """

    profile: Profile
    file: str
    marks: Marks = {}
    bases: tuple[str, ...] = ()
    written: Profile | None = None
    unset: dict[str, str] = {}
    assumed: frozenset[str] = frozenset()

    @property
    def as_written(self) -> Profile:
        """The profile as its file says it."""
        return self.written or self.profile

    def lacks(self, place: str, *but: str) -> str:
        """The first parameter without a value that is named below a place; "" for none.

        The items of a row are rows of their own; what ``but`` names, below the place, may lack a value.
        """
        for path, name in self.unset.items():
            below = path.removeprefix(place)
            if path.startswith(place) and below[:1] in (".", "[", ""):
                if below.startswith(".items[") or below.removeprefix(".") in but:
                    continue
                return name
        return ""

    def place(self, path: str) -> tuple[int, int]:
        """Line and column of a path, or of the nearest place above it that is known."""
        while path not in self.marks and ("." in path or "[" in path):
            path = path[: max(path.rfind("."), path.rfind("["))]
        return self.marks.get(path, (0, 0))

    def marks_below(self, path: str) -> Marks:
        """The marks below a path, as they would be if what stands there were a document of its own."""
        return {"$" + mark[len(path) :]: place for mark, place in self.marks.items() if mark.startswith(path)}
