"""Live associations, in wings; nothing is imported here, so that whoever wants one does not pay for the others.

- ``wire``: PDUs, association items and command sets as values; a connection
- ``acceptor``: ``receiver.Receiver`` with its settings and handlers (``settings``)
- ``requestor``: ``probe.probe_endpoint``; an association as its requestor (``association``)
- ``tls``: ``scan``, and contexts of both sides
- ``observed``, ``senders``, ``rule_facts``: what was seen, and what rules read of it
- ``look``, ``listening``: endpoints and senders held against the rules

How an instance becomes a file, and what a sender is answered, is ``dcmlint.intake``: no matter how it came.
"""
