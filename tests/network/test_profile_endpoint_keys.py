"""Every key of an endpoint in a profile is read by code: changed alone, it changes what a probe, `profile fit` or the texts say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from network_certificates import Certificates
from network_peers import JPEG, WSI, Acceptor
from support.profile_keys import keys
from test_cli_probe import probe

from dcmlint.cli.app import run
from dcmlint.network.acceptor.negotiate import Acceptance
from dcmlint.network.acceptor.settings import Timeouts
from dcmlint.network.tls.context import server_context
from dcmlint.profiles.load import find_profile
from tools.profile_pages import page

HEAD = 'id: pol\nversion: "1"\ntitle: T\narea: POL\nsource: {document: D}\nparameters: {p: {default: a}, q: {}}\n'
OFFER = "offers: [{sop_class: VLWholeSlideMicroscopyImageStorage, transfer_syntaxes: [JPEGBaseline8Bit]}]"
# What answers at the port: an acceptor of slides in JPEG; the same over TLS with a certificate that signs itself.
PLAIN, TLS = "plain", "tls"
HASTY, BUSY = "plain, ends an idle association soon", "plain, two associations at once"


def probed(name: str, port: int, capsys: pytest.CaptureFixture[str], *more: str) -> object:
    """The verdict of a probe: findings, what was asked, what was not looked at."""
    host = () if "--host" in more or HERE in more else ("127.0.0.1",)
    code, out, err = probe(capsys, *host, "-p", name, "-f", "json", *(one for one in more if one != HERE))
    if not out:
        return code, err
    value = json.loads(out)
    for finding in value["findings"]:
        finding.pop("fingerprint")
    seen = [
        (one["id"], one["status"], one.get("says"), [(row["sop_class"], row["proposed"]) for row in one.get("contexts", ())],
         {key: (one.get("facts") or {}).get("association", {}).get(key) for key in ("called", "calling")})
        for one in value["associations"]
    ]  # fmt: skip
    return code, value["findings"], seen


def text(name: str, port: int, capsys: pytest.CaptureFixture[str], *more: str) -> object:
    """What a probe prints."""
    return probe(capsys, "127.0.0.1", "-p", name)[1]


def told(name: str, port: int, capsys: pytest.CaptureFixture[str], *more: str) -> object:
    """What `profile show`, `profile statements` and `profile statement` say."""
    for command in ("show", "statements", "statement", "parameters"):
        assert run(["profile", command, name]) == 0
    return capsys.readouterr().out, page(find_profile(name))


def fitted(name: str, port: int, capsys: pytest.CaptureFixture[str], *more: str) -> object:
    """What `profile fit` says of the profile as the sender."""
    run(["profile", "fit", name, "receiver.yaml"])
    return capsys.readouterr().out


View = Callable[..., Any]
HERE = "the host of the profile"
TO = ("--host", "archive=127.0.0.1")
FULL = ("--level", "full")
CASES: list[tuple[str, str, tuple[str, str], str, View, tuple[str, ...]]] = [
    ("name", "name: a", ("name: a", "name: b"), PLAIN, text, ()),
    ("says", "says: One", ("One", "Two"), PLAIN, text, ()),
    ("section", "section: '1', " + OFFER.replace("JPEGBaseline8Bit", "RLELossless"), ("'1'", "'2'"), PLAIN, probed, ()),
    ("source", "source: scanner", ("scanner", "archive"), PLAIN, told, ()),
    ("destination", "destination: archive", ("archive", "other"), PLAIN, probed, TO),
    ("listens", "listens: [archive]", ("archive", "other"), PLAIN, probed, TO),
    ("host", "host: 127.0.0.1, listens: [archive]", ("host: 127.0.0.1", "host: ''"), PLAIN, probed, ("--endpoint", "a", HERE)),
    ("port", "says: x", ("port: ", "port: 1"), PLAIN, probed, ()),
    ("protocol", "protocol: dicom", ("dicom", "dicom-tls"), PLAIN, probed, ()),
    ("called_ae", "called_ae: ONE", ("ONE", "TWO"), PLAIN, probed, ()),
    ("calling_ae", "calling_ae: ONE", ("ONE", "TWO"), PLAIN, probed, ()),
    ("tls_minimum", "protocol: dicom-tls, tls_minimum: '1.2'", ("'1.2'", "'1.3'"), TLS, probed, ("--level", "full")),
    ("smb_minimum", "protocol: smb, smb_minimum: ''", ("''", "'3'"), PLAIN, probed, ("--endpoint", "a")),
    ("certificate", "protocol: dicom-tls", ("dicom-tls", "dicom-tls, certificate: {self_signed: allowed}"), TLS, probed, ()),
    ("certificate.required", "protocol: dicom-tls, certificate: {required: true, self_signed: error}", ("true", "false"), TLS, probed, ()),
    ("certificate.self_signed", "protocol: dicom-tls, certificate: {self_signed: error}", ("error", "allowed"), TLS, probed, ()),
    ("certificate.mutual", "protocol: dicom-tls, certificate: {mutual: any}", ("any", "'yes'"), TLS, probed, ()),
    ("certificate.advice", "protocol: dicom-tls, certificate: {advice: One}", ("One", "Two"), TLS, probed, ()),
    ("offers", "says: x", ("says: x", OFFER), PLAIN, probed, ()),
    ("offers.sop_class", OFFER, ("VLWholeSlideMicroscopyImageStorage", "CTImageStorage"), PLAIN, probed, ()),
    ("offers.transfer_syntaxes", OFFER, ("JPEGBaseline8Bit", "RLELossless"), PLAIN, probed, ()),
    ("offers.role", OFFER, ("{sop_class", "{role: scu, sop_class"), PLAIN, probed, ()),
    ("offers.required", OFFER.replace("8Bit", "8Bit, RLELossless"), ("{sop_class", "{required: all, sop_class"), PLAIN, probed, ()),
    ("association", "says: x", ("says: x", "association: {max_pdu: 1..2}"), PLAIN, probed, ()),
    ("association.max_pdu", "association: {max_pdu: 1..2}", ("1..2", "1.."), PLAIN, probed, ()),
    ("association.implementation", "association: {implementation: [OTHER]}", ("[OTHER]", "[]"), PLAIN, probed, ()),
    ("association.identity", "association: {identity: true}", ("true", "false"), PLAIN, probed, FULL),
    ("association.reject_titles", "association: {reject_titles: true}", ("true", "false"), PLAIN, probed, FULL),
    ("association.forbid", OFFER + ", association: {forbid: [JPEGBaseline8Bit]}", ("{forbid: [JPEGBaseline8Bit]}", "{forbid: [RLELossless]}"), PLAIN, probed, ()),
    ("association.choice", OFFER.replace("8Bit", "8Bit, RLELossless") + ", association: {choice: RLELossless}", ("{choice: RLELossless}", "{choice: JPEGBaseline8Bit}"), PLAIN, probed, FULL),
    ("association.concurrent", "association: {concurrent: 5}", ("5", "1"), BUSY, probed, FULL),
    ("association.idle", "association: {idle: 1.5}", ("1.5", "0.1"), HASTY, probed, FULL),
    ("direction", "called_ae: ONE", ("called", "direction: in, called"), PLAIN, fitted, ()),
    ("needs", "says: x", ("says", "needs: [q], says"), PLAIN, told, ()),
    ("only", "only: {p: [a]}", ("[a]", "[b]"), PLAIN, told, ()),
    ("severity", OFFER.replace("JPEGBaseline8Bit", "RLELossless"), ("offers", "severity: info, offers"), PLAIN, probed, ()),
    ("not_seen", "not_seen: One", ("One", "Two"), PLAIN, told, ()),
]  # fmt: skip


def test_every_key_of_an_endpoint_has_its_case() -> None:
    assert {key.removeprefix("endpoints.") for key in keys() if key.startswith("endpoints.")} == {
        key for key, *_ in CASES
    }


@pytest.mark.parametrize(
    ("key", "endpoint", "change", "peer", "view", "more"), CASES, ids=[one[0] for one in CASES]
)
def test_a_key_changed_alone_changes_what_is_said(
    key: str, endpoint: str, change: tuple[str, str], peer: str, view: View, more: tuple[str, ...], tmp_path: Path,
    certificates: Certificates, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    seen = []
    acceptance = Acceptance(sop_classes=frozenset((WSI,)), transfer_syntaxes=(JPEG,), other_syntaxes=False)
    context = server_context(*certificates["self-signed"]) if peer == TLS else None
    limits: dict[str, Any] = {}
    if peer == BUSY:
        limits = {"max_associations": 2}
    elif peer == HASTY:
        limits = {"timeouts": Timeouts(idle=0.6)}
    with Acceptor(tmp_path, acceptance=acceptance, tls=context, **limits) as acceptor:
        port = acceptor.port
        named = "" if endpoint.startswith("name:") else "name: a, "
        one = f"endpoints:\n  - {{{named}port: {port}, {endpoint}}}\n"
        assert change[0] in one
        receiver = HEAD.replace("pol", "receiver") + one.replace("ONE", "TWO")
        Path("receiver.yaml").write_text(receiver, encoding="utf-8")
        for content in (one, one.replace(*change, 1)):
            Path("pol.yaml").write_text(HEAD + content, encoding="utf-8")
            seen.append(view("pol.yaml", port, capsys, *more))
    assert seen[0] != seen[1]
