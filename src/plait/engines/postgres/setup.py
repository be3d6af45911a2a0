"""Setup: how a server is set up, as a session finds it, and what is wrong with that.

Pure but for the query's text. "Refuse" is for what can lose an acknowledged entry on one healthy
machine or cannot take one at all; "warn" for what can at a fail-over. Source: PostgreSQL's
chapters "Reliability and the Write-Ahead Log" and "Log-Shipping Standby Servers".
"""

from typing import NamedTuple

from plait.engines.shared import Finding

OLDEST = 140000  # of servers

# Set for the session: an acknowledgement means on disk, and a wait ends by our own clock only.
SETTINGS = """
SELECT set_config('search_path', $1, false),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
  set_config('idle_session_timeout', '0', false), set_config('jit', 'off', false),
  set_config('client_min_messages', 'warning', false)
"""
QUERY = """
SELECT current_setting('server_version_num')::int8,
  pg_is_in_recovery(), current_setting('transaction_read_only') = 'on',
  current_setting('fsync') = 'on', current_setting('full_page_writes') = 'on',
  current_setting('zero_damaged_pages') = 'on', current_setting('autovacuum') = 'on',
  current_setting('data_checksums') = 'on', current_setting('synchronous_standby_names') <> '',
  (SELECT count(*) FROM pg_stat_replication),
  (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')),
  (SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL),
  ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relpersistence <> 'p' ORDER BY 1),
  (SELECT system_identifier FROM pg_control_system()), pg_postmaster_start_time()::text,
  CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_lsn()) END
"""


class Setup(NamedTuple):
    """A row of `QUERY`."""

    version: int
    in_recovery: bool
    read_only: bool
    fsync: bool
    full_page_writes: bool
    zero_damaged_pages: bool
    autovacuum: bool
    data_checksums: bool
    synchronous: bool  # it is told to wait for standbys
    standbys: int
    synchronous_standbys: int
    hidden_standbys: int  # this role may not see what they are
    unlogged: list[str]  # tables of ours that a crash empties
    system: int
    started: str
    segment: str  # of the write-ahead log; its first eight digits are the timeline

    @property
    def timeline(self) -> int:
        """Grows by one with each promotion; 0 at a standby."""
        return int(self.segment[:8] or "0", 16)

    @property
    def identity(self) -> tuple[int, int, str]:
        """Differs between any two servers, and between two starts of one."""
        return self.system, self.timeline, self.started

    def findings(self) -> list[Finding]:
        """What is wrong, worst first."""
        return [*self.refusals(), *self._warnings()]

    def refusals(self) -> list[Finding]:
        """What makes it unfit to hold a log."""
        wrong = (
            (self.version < OLDEST, f"the server is older than {OLDEST // 10000}", "upgrade it"),
            (
                self.in_recovery or self.read_only,
                "the server is a standby or read-only",
                "name the primary, or all hosts with target_session_attrs=read-write",
            ),
            (not self.fsync, "fsync is off", "set fsync = on"),
            (not self.full_page_writes, "full_page_writes is off", "set full_page_writes = on"),
            (
                bool(self.unlogged),
                f"unlogged, so a crash empties them: {', '.join(self.unlogged)}",
                "ALTER TABLE ... SET LOGGED",
            ),
        )
        return [Finding("refuse", what, remedy) for is_wrong, what, remedy in wrong if is_wrong]

    def _warnings(self) -> list[Finding]:
        loses = "an acknowledged entry could be lost at a fail-over"
        waits = self.synchronous
        visible = not self.hidden_standbys
        wrong = (
            (
                not self.standbys,
                "no standby is connected: "
                + ("appends wait until one is" if waits else "the disk is the only copy"),
                "add a standby and name it in synchronous_standby_names",
            ),
            (
                bool(self.standbys) and not waits,
                f"every standby is asynchronous: {loses}",
                "set synchronous_standby_names",
            ),
            (
                bool(self.standbys) and waits and visible and not self.synchronous_standbys,
                "no synchronous standby is connected: appends wait until one is",
                "look at the standbys in synchronous_standby_names",
            ),
            (
                self.zero_damaged_pages,
                "zero_damaged_pages is on: damage looks like absence",
                "set zero_damaged_pages = off",
            ),
            (
                not self.data_checksums,
                "data_checksums is off: damage to tails and heads goes unnoticed",
                "run pg_checksums --enable",
            ),
            (not self.autovacuum, "autovacuum is off: tables only grow", "set autovacuum = on"),
        )
        return [Finding("warn", what, remedy) for is_wrong, what, remedy in wrong if is_wrong]
