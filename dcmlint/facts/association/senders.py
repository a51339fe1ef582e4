"""What is known of a sender and of what it sent: given by `dcmlint listen`, never read from a file."""

from __future__ import annotations

import msgspec

from dcmlint.facts.registry import Facts, facts


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """One sender over all its associations; lists are of texts that reports may show.

    ``title``: its AE title
    ``default_title``: the title is one that a program has until somebody sets another
    ``associations``: how many there were
    ``instances``: how many instances were sent
    ``one_each``: several associations, each with one instance
    ``combined``: classes proposed with several encapsulated syntaxes in one context
    ``retired``: retired JPEG processes that are proposed
    ``big_endian_only``: classes that are proposed in Explicit VR Big Endian and nothing else
    ``never_sent``: classes that were proposed and of which nothing came
    ``not_released``: associations that ended by closing the connection
    ``oversized``: PDUs longer than this side announced
    ``resent``: instances that were sent again after a success
    ``calling_expected``: the titles that the profile's senders call with; absent where it names none
    ``called_expected``: the titles that the profile names for the receiver
    ``called_otherwise``: other titles that were called; absent where the profile names none
    ``outside_profile``: what was proposed beyond the profile's SOP Classes and transfer syntaxes; absent where it names none
    """

    title: str = ""
    default_title: bool = False
    associations: int = 0
    instances: int = 0
    one_each: bool = False
    combined: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    big_endian_only: tuple[str, ...] = ()
    never_sent: tuple[str, ...] = ()
    not_released: int = 0
    oversized: int = 0
    resent: tuple[str, ...] = ()
    calling_expected: tuple[str, ...] | None = None
    called_expected: tuple[str, ...] | None = None
    called_otherwise: tuple[str, ...] | None = None
    outside_profile: tuple[str, ...] | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The instances of one association: lists of SOP Instance UIDs, with what is wrong.

    ``received``: how many arrived as a whole
    ``unlike_command``: the SOP Class or Instance UID of the data set is not that of the command
    ``same_again``: instances that came before with the same bytes
    ``other_again``: instances that came before with other bytes
    ``other_encoding``: the data set is not in the transfer syntax that was negotiated
    ``encoding_unknown``: how many have no bytes by which the encoding could be told
    ``partial``: instances that were cut off by the end of the association
    ``with_file_meta``: the data set begins with File Meta Information
    ``refused``: instances that this side refused or could not keep: they were not checked
    ``without_uids``: how many commands lack Affected SOP Class UID or Affected SOP Instance UID
    ``violations``: where the sender broke the protocol, with the byte of the connection
    ``oddities``: what a strict reader objects to in the request, in commands and in the TLS handshake
    ``half_originator``: one of Move Originator AE Title and Message ID is there without the other
    """

    received: int = 0
    unlike_command: tuple[str, ...] = ()
    same_again: tuple[str, ...] = ()
    other_again: tuple[str, ...] = ()
    other_encoding: tuple[str, ...] = ()
    encoding_unknown: int = 0
    partial: tuple[str, ...] = ()
    with_file_meta: tuple[str, ...] = ()
    half_originator: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    without_uids: int = 0
    violations: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()


@facts("sender", Sender)
def sender(facts: Facts) -> Sender | None:
    """One sender over all its associations; given by `dcmlint listen`."""
    return None


@facts("store", Stored)
def store(facts: Facts) -> Stored | None:
    """The instances of one association; given by `dcmlint listen`."""
    return None
