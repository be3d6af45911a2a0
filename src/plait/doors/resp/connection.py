"""One client: its bytes in, its replies out, in order.

::

    data_received ─► parser ─► queue ─► pump ─┬─ own commands (sessions.py): at once, or a task
                                              └─ runs of data commands ─► a space ─► replied

Invariant: one thing of a connection is under way at a time, so replies leave in the order of the
commands. While too much waits, nothing is read from the client; a client that does not read its
replies is let go.

No task and no future is made for a command that can be answered in this pass of the loop.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final, cast

from plait.doors.resp.commands import TABLE
from plait.doors.resp.commands.plain import PLAIN
from plait.doors.resp.commands.table import Arguments, Command, unknown, wrong_arity
from plait.doors.resp.commands.table import find as find_command
from plait.doors.resp.door_port import GIVEN, Client, Door
from plait.doors.resp.parser import Parser
from plait.doors.resp.replies import Complaint, Failed, Reply, encode
from plait.doors.resp.space import Job, Space, error_text

QUEUE_MAX: Final = 16_384  # commands that wait; then nothing is read
HELD_BYTES_MAX: Final = 16 << 20  # and so many bytes of them
JOB_COMMANDS_MAX: Final = 4096
JOB_BYTES_MAX: Final = 1 << 20
OUTPUT_BYTES_MAX: Final = 64 << 20  # that a client has not read
OUTPUT_PAUSE_BYTES: Final = 1 << 20
_DATA: Final = {name: one for name, one in TABLE.items() if one.name not in PLAIN}
_COMMAND_BYTES: Final = 32  # what a command costs beside its arguments, roughly


class Connection(asyncio.Protocol, Client):
    """Serves one client of the door."""

    def __init__(self, door: Door) -> None:
        Client.__init__(self, door)
        self._parser = Parser()
        self._queue: deque[Arguments] = deque()
        self._out: list[bytes] = []
        self._busy = False
        self._held = 0  # bytes that came while others waited
        self._reading = True
        self._full = False  # the client does not read
        self._ends = False  # once everything before is answered
        self._mended = False  # the last job was not done wholly: go by smaller steps
        self._job: Job | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport
        self._table = _DATA

    # ------------------------------------------------------------------ the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = transport = cast("asyncio.Transport", transport)
        transport.set_write_buffer_limits(OUTPUT_PAUSE_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer)
        refusal = self.door.arrived(self)
        if refusal:
            transport.write(encode(Failed(refusal), 2))
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone: what it asked last may still be done."""
        self.gone = True
        self._queue.clear()
        if self._task is not None:
            self._task.cancel()
        self.door.left(self)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.last_ms = self.door.now_ms
        commands, problem = self._parser.feed(data)
        if problem:
            commands.append([b"\0bad", problem.encode()])
        if self._busy or self._queue or self._full:
            self._queue.extend(commands)
            self._held += len(data)
            if self._reading and (len(self._queue) > QUEUE_MAX or self._held > HELD_BYTES_MAX):
                self._reading = False
                self._transport.pause_reading()
            return
        if len(commands) == 1 and self.simple and not self.door.routes:  # most that ever comes
            command = self._table.get(commands[0][0])
            if command is not None:
                assert self.space is not None, "else it would not be simple"
                self._give(self.space, commands, command.writes, len(data))
                return
        if commands:
            self._queue.extend(commands)
            self._pump()

    def eof_received(self) -> bool:
        """The client sends no more, but may read."""
        self._ends = True
        if not self._busy and not self._queue:
            self.flush()
            return False
        return True

    def pause_writing(self) -> None:
        """The client does not keep up."""
        self._full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        if not self._busy:
            self._pump()

    # ------------------------------------------------------------------ serving

    def _pump(self) -> None:
        """Serve what waits, up to something that has to be waited for."""
        queue = self._queue
        while queue and not self._busy and not self._full and not self.gone:
            if self.simple and self._hand_over():
                continue
            self._serve(queue.popleft())
        if not queue:
            self._held = 0
        few = len(queue) < QUEUE_MAX // 2 and self._held <= HELD_BYTES_MAX
        if few and not self._reading and not self.gone:
            self._reading = True
            self._transport.resume_reading()
        if self._ends and not queue and not self._busy:
            self.flush()
            self._transport.close()
        else:
            self.flush()

    def _hand_over(self) -> bool:
        """Give the front of the queue, as far as it is for the space, to that; whether any was."""
        queue, table, space = self._queue, self._table, self.space
        routes = self.door.routes
        if routes:
            space = self._routed_space(queue[0])
        if space is None:
            return False
        writes = False
        count = size = 0
        for args in queue:
            command = table.get(args[0])
            if command is None or size > JOB_BYTES_MAX or count == JOB_COMMANDS_MAX:
                break
            if routes and count and self._routed_space(args) is not space:
                break
            if command.writes is not writes:
                if count and self._mended:
                    break
                writes = True
            count += 1
            size += _COMMAND_BYTES + (len(args[-1]) if len(args) < 4 else sum(map(len, args)))
        if not count:
            return False
        if count == len(queue):
            commands = list(queue)
            queue.clear()
        else:
            commands = [queue.popleft() for _ in range(count)]
        self._give(space, commands, writes, size)
        return True

    def _routed_space(self, args: Arguments) -> Space | None:
        """The space that a command is for by its keys, if it is open and there is just one."""
        command = self._table.get(args[0])
        if command is None or self.who is None:
            return None
        try:
            return self.who.spaces.get(self.door.route(self.database, command, args))
        except Complaint:
            return None  # it is told when its turn comes

    def _give(self, space: Space, commands: list[Arguments], writes: bool, size: int) -> None:
        self._busy = True
        self._mended = False
        self._task = None  # if it was a task that gave it, that waits for nothing more
        self._job = Job(self.protocol, commands, writes, size, self._replied)
        space.serve(self._job)

    def _replied(self, data: bytes, count: int) -> None:
        """A space has answered the first `count` commands of the job."""
        job, self._job = self._job, None
        if job is not None and count == len(job.commands) and not self._hindered():
            self._busy = False
            self._transport.write(data)
            return
        if data:
            self._out.append(data)
        if job is not None and count < len(job.commands):
            self._queue.extendleft(reversed(job.commands[count:]))
            self._mended = True
        self._busy = False
        if self._queue or self._ends:
            self._pump()
        else:
            self.flush()

    def _hindered(self) -> bool:
        """Whether there is more to do with a reply than to send it."""
        return bool(self._queue or self._out or self._ends or self._full or self.gone)

    def _serve(self, args: Arguments) -> None:
        """One command that is not simply for the space."""
        try:
            reply = self._answer(args)
        except Complaint as complaint:
            self.refused()
            reply = Failed(complaint.text)
        if isinstance(reply, Awaitable):
            self._busy = True
            self._task = asyncio.get_running_loop().create_task(self._wait(reply))
        elif reply is not GIVEN:
            self.send(reply)

    def _answer(self, args: Arguments) -> Reply:
        own = self.door.own.get(args[0]) or self.door.own.get(args[0].upper())
        command = find_command(args[0])
        if args[0] == b"\0bad":
            self._ends = True
            self._queue.clear()
            return Failed(f"ERR {args[1].decode(errors='replace')}")
        if own is None and command is None:
            raise Complaint(unknown(args).text)
        self.door.check(self, args, own, command)
        if self.queued is not None and (own is None or not own.in_transaction):
            self.enqueue(args, own, command)
            return "QUEUED"
        if own is not None:
            if not own.fits(args):
                raise Complaint(wrong_arity(own.name).text)
            return own.run(self, args)
        assert command is not None, "it is one or the other"
        if command.name in PLAIN:
            self.door.idle.now_ms = self.door.wall_ms()
            return command.handler(self.door.idle, args)
        return self._route(args, command)

    def _route(self, args: Arguments, command: Command) -> Reply:
        """Give a command to the space that it is for, once that is open."""
        database = self.door.route(self.database, command, args)
        space = self.who.spaces.get(database) if self.who is not None else None
        if space is None:
            return self._open_and_serve(database, args, command)
        self._serve_on(space, args, command)
        return GIVEN

    def _serve_on(self, space: Space, args: Arguments, command: Command) -> None:
        if len(args) != command.arity and (command.arity >= 0 or len(args) < -command.arity):
            self.send(wrong_arity(command.name))
            return
        named = [command.name.encode(), *args[1:]]
        self._give(space, [named], command.writes, sum(map(len, args)))

    async def _open_and_serve(self, database: int, args: Arguments, command: Command) -> Reply:
        await self.open(database)
        self._queue.appendleft(args)
        return GIVEN

    async def _wait(self, work: Awaitable[Reply]) -> None:
        try:
            reply = await work
        except Exception as error:
            if isinstance(error, MemoryError):
                raise
            reply = Failed(error_text(error))
        if self._task is not asyncio.current_task() or self.gone:
            return  # it has given something to a space, whose reply is the reply
        self._task = None
        if reply is not GIVEN:
            self.send(reply)
        self._busy = False
        self._pump()

    def submit(self, space: Space, args: Arguments, writes: bool) -> Reply:
        """Give one command of ours to a space; its reply is the reply."""
        self._give(space, [args], writes, sum(map(len, args)))
        return GIVEN

    # ------------------------------------------------------------------ answering

    def send(self, reply: Reply) -> None:
        """Put a reply behind the others."""
        self._out.append(encode(reply, self.protocol))

    def push(self, reply: Reply) -> None:
        """Send something that nobody asked for, unless the client is in the middle of replies."""
        self._out.append(encode(reply, self.protocol))
        if not self._busy:
            self.flush()

    def flush(self) -> None:
        """Send what there is."""
        out = self._out
        if out and not self.gone:
            self._transport.write(b"".join(out) if len(out) > 1 else out[0])
            out.clear()
            if self._full and self._transport.get_write_buffer_size() > OUTPUT_BYTES_MAX:
                self._transport.abort()  # it does not read what it asked for, or listens to

    def close(self) -> None:
        """Let the client go, once it has what was sent."""
        self.flush()
        self._transport.close()

    def end(self) -> None:
        """Let it go behind the next reply."""
        self._ends = True
        self._queue.clear()
