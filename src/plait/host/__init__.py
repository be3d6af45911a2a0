"""The real world behind the ports of `plait.base.ports`: clock, loop, network, disk.

Storage, from the bottom up::

    folder           one process, one folder: lock, format version, names of files
    disk, segments   the log's system calls; its numbered files
    log_frames       one commit on disk, and the witnesses that tell torn from damaged
    log_mark         how far the log is known to be synced
    log_records      what a commit says; rows, each with its checksum
    log_index        where the rows of a line are
    log_catalog      the fold of all records, and the manifest that opens a segment with it
    log_opening      what a folder holds, and whether that is all it held
    log_reader       rows read back and checked
    relocation       which rows move so that old segments can go
    durable_log      commits, their failures, and the way back
    committer        the thread that turns everything queued into one commit
    segmented_log    the LogStorage port: extents on the loop, poison, suspicion
    database         one way to open SQLite, one table from its errors to ours
    sqlite_state     the StateStorage port; sqlite_snapshot is its copies
    storage          the Storage port: `open_storage(path)`
    memory_storage   the same port with no disk: for tests and simulation

Threads exist here and nowhere else. Nothing here knows what an entry or a state means.
"""
