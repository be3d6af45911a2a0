"""Statements: every piece of SQL that runs on somebody's server, and what it relies on.

Each runs alone in a transaction of its own, READ COMMITTED, with the schema as its search path.

- `APPEND` locks the writer's row, then the loglet's; so a handle's permit can be taken away, and
  commits of one loglet come in the order of their positions. Whoever sees a tail therefore sees
  every entry below it, and a read of the row that begins after an append returned covers it.
- `TRIM` moves the head before anything is deleted: whoever misses a row finds the head above it.
- Whatever decides a doubtful outcome writes, for only a commit waits for the standbys.

Absent: DDL, which is in `schema`.
"""

APPEND = """
WITH permit AS (
  SELECT loglet FROM writers WHERE loglet = $1 AND writer = $2 FOR KEY SHARE
), moved AS (
  UPDATE loglets SET tail = tail + $3, records = records + $4, batch = $5
  FROM permit WHERE id = permit.loglet AND NOT sealed
  RETURNING tail - $3 AS first, records - $4 AS before
), put AS (
  INSERT INTO entries (loglet, position, before, batch, data)
  SELECT $1, moved.first + new.number - 1, moved.before + new.before, $5, new.data
  FROM moved, unnest($6::int8[], $7::bytea[]) WITH ORDINALITY AS new (before, data, number)
)
SELECT (SELECT count(*) FROM permit), moved.first, moved.before
FROM (VALUES (1)) AS one LEFT JOIN moved ON true
"""

# The old permit first: this waits until an append that uses it has ended either way. Those that
# nobody has needed for long go with it.
ADMIT = """
WITH gone AS (
  DELETE FROM writers WHERE loglet = $1 AND (writer = $2 OR since < now() - interval '30 days')
)
INSERT INTO writers (loglet, writer) SELECT id, $3 FROM loglets WHERE id = $1 RETURNING loglet
"""
DISMISS = "DELETE FROM writers WHERE loglet = $1 AND writer = $2"
FIND_BATCH = """
SELECT count(position), min(position), min(before),
  (SELECT head FROM loglets WHERE id = $1)
FROM entries WHERE loglet = $1 AND position >= $2 AND batch = $3
"""

# With a permit for whoever makes it.
CREATE = """
WITH made AS (
  INSERT INTO loglets (namespace, name, origin_position, origin_epoch, origin_records, born, batch,
    head, head_records, tail, records)
  VALUES ($1, $2, $3, $4, $5, $6, $6, $3, $5, $3, $5)
  ON CONFLICT (namespace, name) DO NOTHING RETURNING id
), admitted AS (
  INSERT INTO writers (loglet, writer) SELECT id, $7 FROM made
)
SELECT id FROM made
"""
FIND = """
SELECT id, born, origin_position, origin_epoch, origin_records FROM loglets
WHERE namespace = $1 AND name = $2
"""
ROW = """
SELECT head, tail, sealed, batch, born,
  (SELECT batch FROM entries WHERE loglet = $1 AND position = $2 - 1)
FROM loglets WHERE id = $1
"""
RECORDS_AT = """
SELECT CASE $2 WHEN tail THEN records WHEN head THEN head_records
  ELSE (SELECT before FROM entries WHERE loglet = $1 AND position = $2) END
FROM loglets WHERE id = $1
"""
SEAL = "UPDATE loglets SET sealed = true WHERE id = $1 RETURNING tail"
TRIM = """
UPDATE loglets SET head = $2, head_records = $3 WHERE id = $1 AND head < $2
"""
LOWEST = "SELECT min(position) FROM entries WHERE loglet = $1 AND position < $2"
DELETE_ENTRIES = "DELETE FROM entries WHERE loglet = $1 AND position >= $2 AND position < $3"
HEAD = "SELECT head FROM loglets WHERE id = $1"
READ = """
SELECT position, before, data FROM (
  SELECT position, before, data,
    sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS bytes
  FROM entries WHERE loglet = $1 AND position >= $2 AND position < $3
) AS range WHERE bytes <= $4 ORDER BY position
"""
# Not worth a wait for the disk: what a crash loses here, a poll finds.
NOTIFY = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"

GET = "SELECT version, data, checksum FROM registers WHERE namespace = $1 AND name = $2"
SET_FIRST = """
INSERT INTO registers (namespace, name, version, token, data, checksum)
VALUES ($1, $2, $3 + 1, $4, $5, $6)
ON CONFLICT (namespace, name) DO NOTHING RETURNING version
"""
SET = """
UPDATE registers SET version = version + 1, token = $4, data = $5, checksum = $6
WHERE namespace = $1 AND name = $2 AND version = $3 RETURNING version
"""
CONFIRM_SET = """
UPDATE registers SET token = token
WHERE namespace = $1 AND name = $2 AND version = $3 AND token = $4 RETURNING version
"""

BEGIN_COPY = """
INSERT INTO copies (namespace, name, position, size, checksum, meta)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
PUT_CHUNK = """
WITH copy AS (UPDATE copies SET touched = now() WHERE id = $1 AND NOT whole RETURNING id)
INSERT INTO chunks (copy, number, data) SELECT id, $2, $3 FROM copy
ON CONFLICT (copy, number) DO NOTHING
"""
# Whole with as many chunks as it was cut into, or not at all.
FINISH_COPY = """
UPDATE copies SET whole = true
WHERE id = $1 AND (SELECT count(*) FROM chunks WHERE copy = $1) = $2 RETURNING id
"""
LATEST_COPY = """
SELECT position, size, checksum, meta FROM copies
WHERE namespace = $1 AND name = $2 AND whole ORDER BY position DESC, id DESC LIMIT 1
"""
FIND_COPY = """
SELECT id FROM copies WHERE namespace = $1 AND name = $2 AND whole
  AND position = $3 AND size = $4 AND checksum = $5 ORDER BY id DESC LIMIT 1
"""
READ_CHUNKS = "SELECT number, data FROM chunks WHERE copy = $1 AND number BETWEEN $2 AND $3"
# All but the last few, and what somebody began an hour ago and never finished.
OLD_COPIES = """
SELECT id FROM copies WHERE namespace = $1 AND name = $2
  AND (NOT whole AND touched < now() - interval '1 hour' OR whole AND id NOT IN (
    SELECT id FROM copies WHERE namespace = $1 AND name = $2 AND whole
    ORDER BY position DESC, id DESC LIMIT $3))
"""
ALL_COPIES = "SELECT id FROM copies WHERE namespace = $1 AND name = $2"
HIDE_COPY = "UPDATE copies SET whole = false, touched = '-infinity' WHERE id = $1"
DELETE_CHUNKS = """
WITH gone AS (DELETE FROM chunks WHERE copy = $1 AND number IN
  (SELECT number FROM chunks WHERE copy = $1 ORDER BY number LIMIT $2) RETURNING 1)
SELECT count(*) FROM gone
"""
DELETE_COPY = "DELETE FROM copies WHERE id = $1"

DROP_WRITERS = "DELETE FROM writers WHERE loglet = $1"
EMPTY = "UPDATE loglets SET sealed = true, head = tail, head_records = records WHERE id = $1"
DROP = "DELETE FROM loglets WHERE id = $1"
