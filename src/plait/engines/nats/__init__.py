"""NATS JetStream as a shared engine: every loglet is a stream of a server that others run.

::

    engine      the SharedEngine port: opens loglets, registers, copies
    loglet      the Loglet port: one handle on one stream
    ├── prefix      what the handle has read: numbered, counted, sealed (pure)
    ├── appends     what it has sent and not read back yet (pure)
    ├── follower    the consumer that feeds both
    └── ranges      older entries, fetched when asked for; bookmarks (pure) count their records
    registers   compare-and-set on one small stream
    copies      copies of states, in chunks
    settings    how a stream must be set up, and what is wrong with one (pure)
    naming, address, message    names on the server; the URL; bytes of one message (pure)
    connection  one client, connected again and again; requests; the server's errors

Invariants: an append is acknowledged only after this handle has read it back from the stream, so
nothing depends on an acknowledgement alone; the position of an entry is the origin's plus its
stream sequence less one. Needs nats-py (`pip install "plait[nats]"`) and nats-server 2.11.
Absent: what the servers' disks do, which `sync_interval: always` decides; see `NatsEngine.examine`.
"""
