"""The source that a name stands for: a path, or a URL by its scheme."""

from __future__ import annotations

import datetime
from urllib.parse import urlsplit

import msgspec

from dcmlint.errors import UsageError
from dcmlint.sources.input import Selection
from dcmlint.sources.key import Source

# Schemes of object stores, as obstore knows them.
STORES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl", "http", "https")
FILE_SERVERS = ("sftp", "hdfs")
DICOMWEB = ("dicomweb+http", "dicomweb+https")
PACS = ("dicom", "dicom+tls")
_SECRETS = ("secret", "password", "token", "access_key", "account_key", "sas", "credential")


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A source as a value: paths or one URL, how it is reached, and what of it is wanted.

    ``options``: of the client, as its library names them; secrets come from the environment, where the
    library looks for them by itself, and never stand here.
    ``keys``: a CSV or Parquet file that names the objects.  ``modality``, ``since``, ``until``: only these; of a
    server, by the date of the study, else by when an object was modified.
    """

    names: tuple[str, ...] = ()
    options: dict[str, str] = {}
    keys: str = ""
    modality: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    def __post_init__(self) -> None:
        # What a run was made with is written down beside its results.
        for name in self.options:
            if any(word in name.lower() for word in _SECRETS):
                raise UsageError(f"{name}: secrets are read from the environment, never from an option")
        if any(scheme_of(name) and urlsplit(name).password for name in self.names):
            raise UsageError(
                "a URL with a password: secrets are read from the environment, never from a name"
            )

    selection: Selection = Selection()


def scheme_of(name: str) -> str:
    """The scheme of a URL, in small letters; "" for a path (a drive letter is none)."""
    scheme, found, _ = name.partition("://")
    return scheme.lower() if found and len(scheme) > 1 and scheme.replace("+", "").isalnum() else ""


def is_remote(name: str) -> bool:
    """Whether a name is a URL of something that can be read from afar."""
    scheme = scheme_of(name)
    return scheme in (*STORES, *FILE_SERVERS, *DICOMWEB, *PACS)


def open_source(settings: SourceSettings) -> Source:
    """The source; raises `UsageError` for a name that stands for none, or a library that is not installed."""
    schemes = {scheme_of(name) for name in settings.names}
    if schemes <= {""}:
        from dcmlint.sources.folder_source import FolderSource

        return FolderSource(settings.names, settings.selection)
    if len(settings.names) != 1:
        raise UsageError("a URL must be the only source of a run")
    name, scheme = settings.names[0], schemes.pop()
    if scheme in STORES:
        from dcmlint.sources.object_store import ObjectStore

        return ObjectStore(name, settings.options, settings.selection)
    if scheme in FILE_SERVERS:
        from dcmlint.sources.file_server import FileServer

        return FileServer(name, settings.options, settings.selection)
    if scheme in DICOMWEB:
        from dcmlint.sources.dicomweb import DicomWeb

        return DicomWeb(settings)
    if scheme in PACS:
        from dcmlint.sources.pacs import Pacs

        return Pacs(settings)
    known = ", ".join((*STORES, *FILE_SERVERS, *DICOMWEB, *PACS))
    raise UsageError(f"{name}: no source has the scheme {scheme}; known: {known}")
