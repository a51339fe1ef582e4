"""TLS of the clients of DICOM and DICOMweb: the files that options name, and words for what goes wrong."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping

import msgspec

from dcmlint.errors import UsageError

OPTIONS = ("ca", "cert", "key")
# What OpenSSL says of a certificate (X509_V_ERR_*).
_WORDS = {
    9: "the certificate of the server is not valid yet",
    10: "the certificate of the server has expired",
    18: "the certificate of the server is self-signed, and is not among the authorities",
    19: "the certificate of the server is of an authority that is not known here",
    20: "the certificate of the server is of an authority that is not known here",
    62: "the certificate of the server is for another host",
    64: "the certificate of the server is for another host",
}
_NO_CERTIFICATE = "the server requires a client certificate, or refuses this one"


class TlsFiles(msgspec.Struct, frozen=True):
    """Files in PEM: the authorities of the server ("": those that the library knows), our certificate and its key."""

    ca: str = ""
    cert: str = ""
    key: str = ""


def tls_files(url: str, options: Mapping[str, str]) -> TlsFiles:
    """What the options of a source name.  Raises `UsageError` for another option, or a file that cannot be read."""
    for name in options:
        if name not in OPTIONS:
            raise UsageError(f"--source-option {name}: {url} has the options {', '.join(OPTIONS)}")
    made = TlsFiles(**options)
    if made.key and not made.cert:
        raise UsageError("--source-option key: the key of which certificate? cert is missing")
    for name, path in options.items():
        if not os.path.isfile(path):
            raise UsageError(f"--source-option {name}: {path} is not a file")
    return made


def context_of(files: TlsFiles) -> ssl.SSLContext:
    """The context of a client.  Raises `UsageError` where a file is no certificate or key."""
    try:
        context = ssl.create_default_context(cafile=files.ca or None)
        if files.cert:
            # A key that needs a password is none that a program can use: it must not wait for somebody.
            context.load_cert_chain(files.cert, files.key or None, password=lambda: "")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"TLS: {type(error).__name__}: no certificate or key in PEM, or they do not belong together"
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def reason_of(error: BaseException | None) -> str:
    """Words for what TLS raised, somewhere below an error; "" for another one."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, ssl.SSLCertVerificationError):
            return _WORDS.get(error.verify_code, "the certificate of the server is not valid")
        if isinstance(error, ssl.SSLEOFError):
            return "the server ended the connection: it may require another client certificate"
        if isinstance(error, ssl.SSLError):
            alert = "ALERT" in (error.reason or "") or "alert" in str(error)
            return _NO_CERTIFICATE if alert else "no TLS with the server"
        error, seen = _below(error), seen + 1
    return ""


def _below(error: BaseException) -> BaseException | None:
    inner = getattr(error, "reason", None)  # of urllib3
    if not isinstance(inner, BaseException):
        inner = next((one for one in error.args if isinstance(one, BaseException)), None)
    return inner or error.__cause__ or error.__context__
