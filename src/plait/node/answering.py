"""Answering: what takes waiting, one request of a client and its one answer.

What takes none is answered by `service` in the same turn.
"""

from typing import Any

from plait.api import messages as m
from plait.base.errors import BadFrame
from plait.node.guard import Guard
from plait.node.local import Local


class Answering:
    """For one client, which may do what its guard lets pass."""

    def __init__(self, local: Local, guard: Guard) -> None:
        self._local = local
        self._guard = guard

    async def answer(self, request: Any) -> m.Answer:
        """The answer to a request; raises why there is none."""
        local = self._local
        match request:
            case m.Read(id_, line, options, after, queries, timeout_s):
                answers = await local.read_here(line, queries, options, after, timeout_s)
                return m.ReadReply(
                    id_, answers.epoch, answers.position, answers.lag_s, tuple(answers.values)
                )
            case m.OpenTable(id_, name, settings):
                return m.TableOpened(id_, await local.open_table(name, settings))
            case m.KeepBeforeRequest(id_, name, on):
                await local.keep_before(name, on)
                return m.Result(id_, None)
            case m.OpenMachine(id_, name, class_name, settings):
                opened = await local.open_machine_here(name, class_name, settings)
                return m.MachineOpened(id_, opened)
            case m.ListTables(id_):
                return m.Tables(id_, self._guard.visible(await local.tables()))
            case m.DropTableRequest(id_, name, cleared_at):
                await local.drop_table(name, cleared_at)
                return m.Result(id_, None)
            case m.OpenGraph(id_, name, settings):
                return m.GraphOpened(id_, await local.open_graph_here(name, settings))
            case m.ListGraphs(id_):
                return m.Graphs(id_, self._guard.visible(await local.graphs()))
            case m.DropGraphRequest(id_, name):
                await local.drop_graph(name)
                return m.Result(id_, None)
            case m.StatusRequest(id_):
                return m.Result(id_, local.status_here())
            case m.Promote(id_, line, accept_loss, timeout_s):
                report = await local.promote_here(line, accept_loss, timeout_s)
                return m.Result(id_, report)
            case m.SwitchOver(id_, target, line, timeout_s):
                return m.Result(id_, await local.hand_over_here(target, line, timeout_s))
            case m.Join(id_, name, address, witness, timeout_s, zone):
                return m.Result(id_, await local.join(name, address, witness, timeout_s, zone))
            case m.SetZone(id_, name, zone, timeout_s):
                return m.Result(id_, await local.places.set_zone(name, zone, timeout_s))
            case m.WantLeaders(id_, zones, what, timeout_s):
                return m.Result(id_, await local.places.prefer_zones(zones, what, timeout_s))
            case m.Leave(id_, name, timeout_s):
                return m.Result(id_, await local.leave(name, timeout_s))
            case m.Move(id_, what, to, timeout_s, by, accept_loss):
                return m.Result(id_, await local.move(what, to, timeout_s, by, accept_loss))
            case m.Examine(id_):
                return m.Result(id_, await local.examine_here())
            case m.SetFollowerRequest(id_, name, delay_s, hold, go, votes, source, only):
                followed = await local.set_follower(name, delay_s, hold, go, votes, source, only)
                return m.Result(id_, followed)
            case m.ListDropped(id_):
                return m.Result(id_, await local.dropped())
            case m.OpenDropped(id_, name):
                return m.TableOpened(id_, await local.open_dropped(name))
            case m.ListMembers(id_):
                return m.Result(id_, await local.members())
            case m.RightsRequest(id_, command):
                return m.Result(id_, await local.rights(command))
            case _:
                return await self._of_copies(request)

    async def _of_copies(self, request: Any) -> m.Answer:
        local, lending = self._local, self._local.node.lending
        match request:
            case m.BackupRequest(id_, folder, supersedes, rate):
                return m.Result(id_, await local.backup(folder, supersedes, rate))
            case m.OpenPast(id_, moment):
                return m.Result(id_, await local.offer_past(moment))
            case m.LendCopies(id_, moment):
                return m.Result(id_, await lending.lend(moment))
            case m.CopyNames(id_, copies, folder):
                return m.Result(id_, await lending.names(copies, folder))
            case m.ReadCopy(id_, copies, name, offset, bytes_max):
                lent = await lending.read(copies, name, offset, bytes_max)
                return m.Result(id_, lent)
            case _:
                return await self._of_rescued(request)

    async def _of_rescued(self, request: Any) -> m.Answer:
        local = self._local
        match request:
            case m.ListRescued(id_):
                return m.Result(id_, await local.rescued())
            case m.ShowRescued(id_, rescued):
                return m.Result(id_, await local.show_rescued(local.node.name, rescued))
            case m.RescuedGroups(id_, rescued):
                return m.Result(id_, local.node.rescue.groups(rescued))
            case m.ReplayRescued(id_, rescued):
                return m.Result(id_, await local.replay_rescued(local.node.name, rescued))
            case m.DropRescuedRequest(id_, rescued):
                await local.drop_rescued(local.node.name, rescued)
                return m.Result(id_, None)
            case m.FlushRequest(id_):
                await local.flush()
                return m.Result(id_, None)
            case _:
                raise BadFrame(f"{type(request).__name__} is no request")
