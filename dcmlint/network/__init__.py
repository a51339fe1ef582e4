"""Live associations: an acceptor that receives, a probe that asks, and what both see as facts.

Nothing is imported here, so that whoever wants one part does not pay for the others:

- ``receive``: ``Receiver``, with its settings and handlers (``reception``) and ``publish`` (``incoming``)
- ``probe``: ``probe_endpoint``; ``dialogue``: an association as its requestor
- ``tls``: ``scan``; ``tls_context``: contexts (both need ``cryptography``)
- ``facts``, ``senders``, ``dataset_head``: what rules read
- ``pdu``, ``associate``, ``dimse``, ``status``: the wire as values
"""
