"""Schema: the tables, made and numbered on first use by whichever node comes first.

Invariant: `meta` holds one row, the version of all the other tables, written in the transaction
that made them; an advisory lock keeps two nodes from making them at once. Hot rows have room on
their page and are never indexed by what changes, so an update needs no new index row and the
page cleans itself. Absent: migrations, for there is one version.
"""

import hashlib

from plait.base.errors import UnknownFormat
from plait.engines.postgres.session import Session

VERSION = 1
_HOT = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500"

_TABLES = (
    "CREATE TABLE meta (version int NOT NULL)",
    f"""
CREATE TABLE loglets (
  id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text NOT NULL, name text NOT NULL,
  origin_position int8 NOT NULL, origin_epoch int8 NOT NULL, origin_records int8 NOT NULL,
  born int8 NOT NULL,                 -- drawn when it was made: ids may come again after a loss
  head int8 NOT NULL, head_records int8 NOT NULL,
  tail int8 NOT NULL, records int8 NOT NULL,
  batch int8 NOT NULL,                -- of the last append
  sealed bool NOT NULL DEFAULT false,
  UNIQUE (namespace, name),
  CHECK (head <= tail AND head_records <= records)
) WITH ({_HOT})""",
    """
CREATE TABLE writers (                -- who may append: an append holds its row
  loglet int8 NOT NULL, writer int8 NOT NULL, since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (loglet, writer)
)""",
    """
CREATE TABLE entries (
  loglet int8 NOT NULL, position int8 NOT NULL,
  before int8 NOT NULL,               -- records before it in its line
  batch int8 NOT NULL,                -- drawn for each transaction of appends
  data bytea NOT NULL,                -- an encoded entry, with its checksum
  PRIMARY KEY (loglet, position)
) WITH (autovacuum_vacuum_scale_factor = 0.05)""",
    "ALTER TABLE entries ALTER COLUMN data SET STORAGE EXTERNAL",
    f"""
CREATE TABLE registers (
  namespace text NOT NULL, name text NOT NULL,
  version int8 NOT NULL, token int8 NOT NULL, data bytea NOT NULL, checksum int8 NOT NULL,
  PRIMARY KEY (namespace, name)
) WITH ({_HOT})""",
    """
CREATE TABLE copies (
  id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text NOT NULL, name text NOT NULL,
  position int8 NOT NULL, size int8 NOT NULL, checksum int8 NOT NULL, meta bytea NOT NULL,
  whole bool NOT NULL DEFAULT false, touched timestamptz NOT NULL DEFAULT now()
)""",
    "CREATE INDEX ON copies (namespace, name)",
    """
CREATE TABLE chunks (
  copy int8 NOT NULL, number int8 NOT NULL, data bytea NOT NULL, PRIMARY KEY (copy, number)
)""",
    "ALTER TABLE chunks ALTER COLUMN data SET STORAGE EXTERNAL",
    f"INSERT INTO meta VALUES ({VERSION})",
)
_FIND_META = """
SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'meta'
"""


async def prepare(session: Session, schema: str) -> None:
    """See that the tables are there and of this version; `UnknownFormat` if of another."""
    if not await _exists(session, schema):
        key = int.from_bytes(hashlib.sha256(f"plait {schema}".encode()).digest()[:7], "big")
        async with session.transaction():
            await session.rows("SELECT pg_advisory_xact_lock($1)", key)
            if not await _exists(session, schema):
                await session.script(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                for statement in _TABLES:
                    await session.script(statement)
    found = await session.rows("SELECT version FROM meta")
    if found != [(VERSION,)]:
        raise UnknownFormat(
            f"schema {schema!r} at the server is of version {[row[0] for row in found]}, "
            f"this Plait knows {VERSION}"
        )


async def _exists(session: Session, schema: str) -> bool:
    # Not to_regclass, which answers from a cache that may hold what was true before the lock.
    return await session.rows(_FIND_META, schema) != []
