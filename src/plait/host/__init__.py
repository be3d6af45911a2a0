"""The real world behind the ports of `plait.base.ports`: clock, loop, network, disk.

Storage, from the bottom up::

    folder           one process, one folder: lock, format version, names of files
    database         one way to open SQLite, one table from its errors to ours
    wal, mark        what a write-ahead log holds after its last good commit; what it held before
    committer        the thread that turns everything queued into one transaction
    checkpointer     the thread that empties the write-ahead log beside it
    log_tables       the log's tables: rows in, rows out, every one with its checksum
    sqlite_log       the LogStorage port: extents on the loop, poison, suspicion
    sqlite_state     the StateStorage port; sqlite_snapshot is its copies
    storage          the Storage port: `open_storage(path)`
    memory_storage   the same port with no disk: for tests and simulation

Threads exist here and nowhere else. Nothing here knows what an entry or a state means.
"""
