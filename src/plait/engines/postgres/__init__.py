"""PostgreSQL under the lines of any number of nodes, through psycopg 3.

::

    engine ── pool ── session, session, session     one node's connections, for all its loglets
      │         └──── bell: LISTEN, NOTIFY, a slow poll
      ├── loglet ── appender     one transaction for everything that was appended meanwhile
      │      └───── standing     what the handle has seen; a server that lacks it is never read
      ├── register               compare-and-set of one row
      └── copies                 states in chunks, visible when whole

Order is the order in which transactions lock the loglet's row, which holds the tail: sequences
would become visible out of order, locks do not. See `statements` for all of the SQL.

This folder is the one engine that reaches the network itself, by way of the client library.
Absent: fail-over, which is whoever runs PostgreSQL's; poolers that share a session between
clients (transaction pooling), which lose session settings and LISTEN.
"""
