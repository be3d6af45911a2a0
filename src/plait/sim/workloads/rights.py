"""Rights under faults: what was refused never shows, and what a node has learned counts there.

An administrator gives and takes: a role loses a prefix and gets it back, tokens are revoked, have
had their time, and are replaced. Users write what they may, what they may not any more and what
nobody may, in ones and in transactions, also with tokens that are void; somebody without a token
tries as well.

What is promised is what `docs/security.md` says: a change of rights counts at a node from the
moment on that it is applied there. So a write may be acknowledged only by a node which had not
applied, when the write began, that it may not be. In the end, with everything mended, every node
has applied everything: void tokens are refused everywhere, and what is allowed gets through.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, TypeAlias

import plait
from plait import Consensus, Leader, Receipt
from plait.base.errors import NoSuchCollection, NotAllowed, NotSignedIn, PlaitError
from plait.host.secrets import split_token
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.machine import NodeMachine
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Record, accounts_for
from plait.sim.workloads.workload import GIVE_UP_S, LIMITS, Program, Workload
from plait.sim.world import World
from plait.types.commands import RIGHTS_SINCE
from plait.types.control_rights import rights_state, token_records

TABLES: dict[str, Consensus | Leader] = {"vault-agreed": Consensus(), "vault-led": Leader()}
OURS, NOBODYS = "eu-", "us-"  # prefixes of keys: what roles grant, and what none does
HELD, READABLE = "vault-*/eu-:read,write", "vault-*/eu-:read"
USERS = {"ann": ("steady",), "ben": ("changing",), "cyd": ("steady",)}
CHANGE_S = 1.0  # between two changes of rights, on average
DAY_S = 86_400.0
SECRET = "secret"  # what the administrator keeps where nobody else may read
VOID_S = 20.0  # within which a void token is refused, once everything is mended

FORGETFUL = ("bit_rot", "new_disk", "rotten_log")  # faults that lose what a node knew

Node: TypeAlias = tuple[str, int]  # a machine, and which process it runs if that may forget


class UnderRights(Workload):
    """An administrator, users, a reader, and one whom nobody knows."""

    records = RIGHTS_SINCE
    guards = True

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self.wrong: list[str] = []
        self.rows: dict[str, dict[str, Any]] = {}  # in the end, by table
        self._tokens: dict[str, list[str]] = {user: [] for user in USERS}  # the newest last
        self._void: list[str] = []  # tokens whose revocation was acknowledged
        self._given = 0  # how often the changing role was to be given more
        self._taken: int | None = None  # which change of rights took it, if that was the last

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`; behind everybody else, who would be asked from then on."""
        for name, settings in TABLES.items():
            await store.table(name, settings)
        rights = store.rights
        await rights.put_role("steady", [HELD])
        await rights.put_role("changing", [HELD])
        for user, roles in USERS.items():
            await rights.put_user(user, roles)
            self._tokens[user].append(await rights.add_token(user))
        await rights.put_user("root", ["admin"])
        self.world.token = await rights.add_token("root")
        await rights.switch(True)
        while not all(_is_on(machine) for machine in self.world.nodes.values()):
            await asyncio.sleep(0.1)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        programs = {f"{user}-writes": partial(self._write, user) for user in USERS}
        return programs | {
            "ann-reads": self._read,
            "stranger": self._intrude,
            "warden": self._administer,
        }

    # ------------------------------------------------------------------ the administrator

    async def _administer(self, network: SimNetwork) -> None:
        random = self.random("warden")
        acts = (self._take, self._give, self._revoke, self._revoke, self._lend)
        async with self.world.store(network, LIMITS) as store:
            vaults = [await self.insist(partial(store.table, name)) for name in TABLES]
            while not self.over:
                await asyncio.sleep(exponential(random, CHANGE_S))
                await random.choice(acts)(store.rights, random)
                hide = partial(random.choice(vaults).put, f"{NOBODYS}any", SECRET)
                await self.insist(hide)
                self.operations += 1
            await self._give(store.rights, random)
            names = [member["name"] for member in await self.insist(store.members)]
        for token in self._void[-3:]:
            for name in names:
                await self._refused(network, name, token)
        for user in USERS:
            for name in names:
                await self._allowed(network, name, user)

    async def _take(self, rights: Any, random: Random) -> None:
        """The changing role may read only."""
        before = self._generation()
        await self._surely(partial(rights.put_role, "changing", [READABLE]))
        after = self._generation()
        self._taken = after if after > before else None  # else who knew is gone again

    async def _give(self, rights: Any, random: Random) -> None:
        self._given, self._taken = self._given + 1, None
        await self._surely(partial(rights.put_role, "changing", [HELD]))

    async def _revoke(self, rights: Any, random: Random) -> None:
        """Somebody gets another token, and the one before is void."""
        user = random.choice(("ben", "cyd"))
        self._tokens[user].append(await self._surely(partial(rights.add_token, user)))
        old = self._tokens[user][-2]
        await self._surely(partial(rights.revoke_token, split_token(old)[0]))
        self._void.append(old)
        self.world.trace.note("revoked", user, split_token(old)[0])

    async def _lend(self, rights: Any, random: Random) -> None:
        """Somebody gets a token for a while, and another one when that has had its time."""
        days = random.uniform(1.0, 4.0) / DAY_S
        self._tokens["cyd"].append(await self._surely(partial(rights.add_token, "cyd", days=days)))
        await asyncio.sleep(exponential(random, 2.0))
        self._tokens["cyd"].append(await self._surely(partial(rights.add_token, "cyd")))

    async def _surely(self, change: Callable[[], Awaitable[Any]]) -> Any:
        """Change something, however often it takes; what is gone already was done before."""

        async def once() -> Any:
            with contextlib.suppress(NoSuchCollection):
                return await change()

        return await self.insist(once)

    async def _refused(self, network: SimNetwork, name: str, token: str) -> None:
        """A token that was revoked lets nobody in at this node, soon."""
        until = self.world.now() + VOID_S
        while self.world.now() < until:
            try:
                async with asyncio.timeout(GIVE_UP_S):
                    async with self.world.store(network, LIMITS, name, token=token) as store:
                        await (await store.table("vault-led")).get(f"{OURS}any", read="nearest")
                await asyncio.sleep(0.5)
            except NotSignedIn:
                return
            except (PlaitError, TimeoutError):
                await asyncio.sleep(0.5)
        self.wrong.append(f"{name} lets in {split_token(token)[0]}, which was revoked")

    async def _allowed(self, network: SimNetwork, name: str, user: str) -> None:
        """Who asks this node, with the newest token, may do what was granted."""

        async def once() -> None:
            token = self._tokens[user][-1]
            async with self.world.store(network, LIMITS, name, token=token) as store:
                for table in TABLES:
                    opened = await store.table(table)
                    await opened.get(f"{OURS}any", read="nearest")
            async with self.world.store(network, LIMITS, token=token) as store:
                for table in TABLES:
                    written = self.record.token(user)
                    put = (await store.table(table)).put(OURS + written, written)
                    await self.record.do(written, "put", put, key=table, who=user)

        await self.insist(once)

    # ------------------------------------------------------------------ users

    async def _write(self, user: str, network: SimNetwork) -> None:
        random = self.random(f"{user}-writes")
        while not self.over:
            tokens = self._tokens[user]
            token = random.choice(tokens[-3:-1]) if random.random() < 0.2 and tokens[1:] else (
                tokens[-1]
            )  # fmt: skip
            try:
                async with asyncio.timeout(GIVE_UP_S), contextlib.AsyncExitStack() as stack:
                    store = await stack.enter_async_context(
                        self.world.store(network, LIMITS, token=token)
                    )
                    tables = [await store.table(name) for name in TABLES]
                    while not self.over and random.random() > 0.05:
                        await asyncio.sleep(exponential(random, self.config.think_s))
                        await self._use(user, token, store, tables, random)
            except (PlaitError, TimeoutError) as error:
                self.world.trace.note("error", user, f"{type(error).__name__}: {error}")
                await asyncio.sleep(0.1)

    async def _use(
        self, user: str, token: str, store: plait.Store, tables: list[plait.Table], random: Random
    ) -> None:
        """A write, or a few at once: one that may not be must not stop those beside it."""
        some = [
            self._put(user, token, store, random.choice(tables), random.choice((OURS, NOBODYS)))
            if random.random() < 0.3
            else self._put(user, token, store, random.choice(tables), OURS)
            for _ in range(random.choice((1, 1, 3)))
        ]
        both = random.random() < 0.2
        if both:
            some.append(self._put(user, token, store, random.choice(tables), OURS, NOBODYS))
        outcomes = await asyncio.gather(*some, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, PlaitError):
                raise outcome
        if any(isinstance(outcome, NotSignedIn) for outcome in outcomes):
            raise NotSignedIn("as was to be expected of some tokens")

    async def _put(
        self, user: str, token: str, store: plait.Store, table: plait.Table, *prefixes: str
    ) -> None:
        written = self.record.token(user)
        id_ = split_token(token)[0]
        knew = self._who_knew(user, token)
        given = self._given
        f = "smuggle" if NOBODYS in prefixes else "put"
        if len(prefixes) == 1:
            use: Awaitable[Receipt | None] = table.put(prefixes[0] + written, written)
        else:
            use = _put_both(store, table, [prefix + written for prefix in prefixes], written)
        receipt = await self.record.do(written, f, use, key=table.name, who=user)
        self.operations += 1
        if receipt is None or given != self._given:
            return
        machine = self.world.nodes.get(receipt.epoch.candidate)
        if machine is not None and self._node(machine) in knew:
            self.wrong.append(
                f"{machine.name} took {written} of {user} by {id_}, and had known before that it "
                "may not be"
            )

    async def _read(self, network: SimNetwork) -> None:
        """Somebody who follows a table and sees what may be read, and nothing else."""
        random = self.random("ann-reads")
        while not self.over:
            try:
                token = self._tokens["ann"][-1]
                async with self.world.store(network, LIMITS, token=token) as store:
                    await self._look(await store.table(random.choice(list(TABLES))), random)
            except (PlaitError, TimeoutError) as error:
                self.world.trace.note("error", "ann-reads", f"{type(error).__name__}: {error}")
                await asyncio.sleep(0.2)

    async def _look(self, table: plait.Table, random: Random) -> None:
        with contextlib.suppress(NotAllowed):
            found = await asyncio.wait_for(table.get(f"{NOBODYS}any"), GIVE_UP_S)
            self.wrong.append(f"ann read {found!r} where she may not")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(exponential(random, 1.0)), table.watch("0.0") as watch:
                async for change in watch:
                    if not change.key.startswith(OURS):
                        self.wrong.append(f"ann was told of {change.key}")

    async def _intrude(self, network: SimNetwork) -> None:
        """Somebody whom nobody knows, with no token, one that there is not, or a wrong secret."""
        random = self.random("stranger")
        right = self._tokens["ann"][0]
        wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
        while not self.over:
            token = random.choice(("", "plait_0000_11", wrong))
            try:
                async with asyncio.timeout(GIVE_UP_S):
                    async with self.world.store(network, LIMITS, token=token) as store:
                        await store.table("vault-led")
                self.wrong.append("a stranger found vault-led")
            except (PlaitError, TimeoutError):
                await asyncio.sleep(exponential(random, 1.0))

    # ------------------------------------------------------------------ what nodes know

    def _who_knew(self, user: str, token: str) -> set[Node]:
        """The nodes that have applied that this user may write nothing with this token."""
        nodes = self.world.nodes.values()
        return {self._node(one) for one in nodes if self._knows(one, user, token)}

    def _node(self, machine: NodeMachine) -> Node:
        forgets = any(fault in self.config.faults for fault in FORGETFUL)
        return machine.name, machine.starts if forgets else 0

    def _knows(self, machine: NodeMachine, user: str, token: str) -> bool:
        if machine.node is None:
            return False
        view = machine.node.control.replica.view
        taken = self._taken
        if user == "ben" and taken is not None and rights_state(view).generation >= taken:
            return True
        found = {record.token: record.expires_ms for record in token_records(view)}
        id_, tokens = split_token(token)[0], self._tokens[user]
        if id_ not in found:  # it is gone, or not there yet: those behind it tell
            later = tokens[tokens.index(token) + 1 :]
            return any(split_token(one)[0] in found for one in later)
        expired = 0 < found[id_] <= machine.clock.wall_ms()
        return expired and "clock_jump" not in self.config.faults

    def _generation(self) -> int:
        """The latest change of rights that any node has applied."""
        views = [one.node.control.replica.view for one in self.world.nodes.values() if one.node]
        return max((rights_state(view).generation for view in views), default=0)

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name in TABLES:
            table = await self.insist(partial(store.table, name))
            self.rows[name] = await self.insist(partial(_rows, table))

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from self.wrong
        for name, rows in self.rows.items():
            ours = [value for key, value in rows.items() if key.startswith(OURS)]
            smuggled = {deed.token: deed for deed in self.record.of("smuggle", key=name)}
            wanted = [value for value in ours if value not in smuggled]
            yield from accounts_for(self.record.of("put", key=name), wanted, name)
            for deed in smuggled.values():
                if deed.fate == "acknowledged":
                    yield f"{name}: {deed.token} was acknowledged, and nobody may write it"
            for key, value in rows.items():
                if value in smuggled or (value != SECRET and not key.startswith(OURS)):
                    yield f"{name}: {key} is there, and nobody may write it"


def _is_on(machine: NodeMachine) -> bool:
    """Whether the node has applied that rights are on."""
    return machine.node is not None and rights_state(machine.node.control.replica.view).on


async def _put_both(
    store: plait.Store, table: plait.Table, keys: list[str], value: str
) -> Receipt | None:
    async with store.transaction(table) as t:
        for key in keys:
            t.put(key, value)
    return t.receipt


async def _rows(table: plait.Table) -> dict[str, Any]:
    return {key: value async for key, value in table.scan()}
