"""Mistakes in backups: what is copied when, what is written last, what a restored store keeps."""

from mistake import Mistake, Patch
from mistakes_worlds import world
from msgspec.structs import replace

from plait.node.backup import graph_restoring, restoring, taking
from plait.node.backup.layout import Piece, digest_of, piece_name
from plait.node.backup.line_taking import LineTaking
from plait.node.backup.vault import Pieces
from plait.node.identity import Identity

SHORT = {"log_keep_bytes": 500}  # so that there are copies, and not the log only

rough = world(
    "backups", limits=SHORT, work_s=6.0, kill=1.5, partition=2.0, pause=3.0, power_cut=6.0
)


def a_manifest_is_written_before_its_pieces(patch: Patch) -> None:
    put_manifest, waiting = taking.put_manifest, []

    async def put(self, data):
        piece = Piece(digest_of(data), len(data))
        waiting.append((self._vault, piece_name(piece.digest), data))
        return piece

    async def manifest_first(vault, manifest, token):
        name = await put_manifest(vault, manifest, token)
        while waiting:
            to, piece, data = waiting.pop()
            await to.write(piece, data)
        return name

    patch.setattr(Pieces, "put", put)
    patch.setattr(taking, "put_manifest", manifest_first)


def a_log_is_copied_beyond_the_cut(patch: Patch) -> None:
    gather = LineTaking.gather

    async def beyond(self):
        cut, replica = self._cut, self.host.replica
        now = {"position": replica.applied, "epoch": replica.epochs.current}
        self._cut = replace(cut, **now, records=replica.record_index)
        return await gather(self)

    patch.setattr(LineTaking, "gather", beyond)


def a_state_is_taken_for_an_older_one(patch: Patch) -> None:
    copy = LineTaking._copy

    async def older(self):
        earlier = self.host.replica.flushed
        return replace(await copy(self), position=earlier, through=earlier)

    patch.setattr(LineTaking, "_copy", older)


def a_backup_asks_nobody_how_far_a_line_goes(patch: Patch) -> None:
    async def as_known_here(node):
        await node.reconcile()

    patch.setattr(taking, "_caught_up", as_known_here)


def a_restored_line_goes_on_in_its_old_epochs(patch: Patch) -> None:
    patch.setattr(restoring, "EPOCHS_AHEAD", 1)


def a_restored_replica_keeps_its_id(patch: Patch) -> None:
    hard = graph_restoring.Hard

    def kept(*fields, distrusted, restored):
        return hard(*fields)

    patch.setattr(graph_restoring, "Hard", kept)


def a_restored_store_is_of_its_old_cluster(patch: Patch) -> None:
    def kept(name, cluster, *rest):
        return Identity(name, cluster.partition("-restored-")[0], *rest)

    patch.setattr(restoring, "Identity", kept)


MISTAKES = (
    Mistake(a_manifest_is_written_before_its_pieces, rough),
    Mistake(a_log_is_copied_beyond_the_cut, rough),
    Mistake(a_state_is_taken_for_an_older_one, rough),
    Mistake(a_backup_asks_nobody_how_far_a_line_goes, rough),
    Mistake(a_restored_line_goes_on_in_its_old_epochs, rough),
    Mistake(a_restored_replica_keeps_its_id, rough),
    Mistake(a_restored_store_is_of_its_old_cluster, rough),
)
