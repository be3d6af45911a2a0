"""The Redis door: RESP2 and RESP3 over the public API.

::

    connection ── parser ──► commands of a tick ──► a space (one a database) ──► replies
                                                      ├─ LineSpace: a machine on a line
                                                      └─ DocumentSpace: documents

`commands` is what the commands do, on plain values in memory, without any I/O; both spaces run
the same ones. Absent: scripts, streams, geo and bitmap commands, cluster mode.
"""
