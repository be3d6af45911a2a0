"""`plait demo`: starts the cluster, tells the story, cleans up."""

import asyncio
import contextlib
import importlib.util
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from plait.base.errors import BadSettings, PlaitError
from plait.cli.demo import judging
from plait.cli.demo.cities import load_cities
from plait.cli.demo.cluster import DemoCluster
from plait.cli.demo.narrator import Narrator, farewell
from plait.cli.demo.story import Story
from plait.cli.exits import DATA_LOST, DemoFailed
from plait.host.loop import run

if TYPE_CHECKING:
    from plait.cli.demo.pages import Pages

WEB = ("starlette", "uvicorn", "httptools", "websockets")  # what plait[web] brings
TERMINATED = 128 + signal.SIGTERM


@click.command()
@click.option("--exit", "leave", is_flag=True, help="Leave at the end; default: stay up.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="Write the summary to FILE.")  # fmt: skip
@click.option("--nodes", type=click.IntRange(3, 7), default=3, show_default=True)
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="The nodes' folders go to DIR, new or empty, and stay.")  # fmt: skip
@click.option("--no-pages", is_flag=True, help="No console, no apps: just the story.")
@click.pass_context
def demo(
    context: click.Context,
    leave: bool,
    json_file: Path | None,
    nodes: int,
    keep: Path | None,
    no_pages: bool,
) -> None:
    """Three nodes, 30,000 cities, leaders cut off and killed with kill -9, and nothing lost.

    Starts real processes on loopback. The leader is cut off in a stream of writes: the nodes
    replace it, and what only it had is kept. A bank on consensus runs on while the next leader is
    killed, and `plait check` judges its history. In the end every node is compared, record by
    record, with what was acknowledged. Then it stays up until Ctrl-C, with writers at every node,
    and the console, whose address it prints, has a hand on the world: cut links, slow them, pause
    and kill nodes, and see what each guarantee does.

    Exit code 6 if anything acknowledged was lost, the history is not linearizable or a scene
    failed; the nodes' folders and the history stay then.

    \b
    Examples:
      plait demo
      plait demo --exit --json summary.json
    """
    cities = load_cities()
    with _folder(keep) as folder:
        try:
            cluster = DemoCluster(folder.path, nodes, pages=not no_pages and _can_show())
            code = run(_perform(cluster, cities, leave, json_file))
            folder.stays |= code == DATA_LOST
        except DemoFailed:
            folder.stays = True
            raise
    context.exit(code)


async def _perform(
    cluster: DemoCluster, cities: dict[str, dict[str, object]], leave: bool, json_file: Path | None
) -> int:
    """The whole performance; its exit code. The nodes are ended whatever happens."""
    narrator = Narrator()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    terminated = asyncio.Event()

    def terminate() -> None:
        terminated.set()
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    try:
        narrator.say(f"starting {len(cluster.names)} nodes, each a process with its own folder")
        await cluster.start()
        for name, address in cluster.addresses.items():
            narrator.say(f"{name} is at plait://{address}")
        async with _pages(cluster, narrator) as pages:
            if pages is not None:
                await pages.fill()
                narrator.addresses(pages.addresses())
            return await _tell(Story(cluster, narrator, cities), narrator, pages, leave, json_file)
    except asyncio.CancelledError:
        if not terminated.is_set():
            raise
        return TERMINATED
    except BadSettings:
        raise
    except (PlaitError, TimeoutError) as error:
        raise DemoFailed(f"the demo could not go on: {error}") from error
    finally:
        await cluster.close()


async def _tell(
    story: Story, narrator: Narrator, pages: "Pages | None", leave: bool, json_file: Path | None
) -> int:
    """The story, its figures, and what stays; the exit code."""
    try:
        await story.tell()
    finally:
        if json_file:
            figures = msgspec.json.format(msgspec.json.encode(story.figures))
            json_file.write_bytes(figures + b"\n")
    narrator.summary(story.figures)
    if not leave:
        narrator.print("")
        narrator.print(farewell(story.url, "n1", judging.command(story.history)))
        if pages is not None:
            await pages.hand_over()
            narrator.addresses(pages.addresses())
        await _until_interrupted(asyncio.get_running_loop())
    return 0 if story.figures["ok"] else DATA_LOST


def _can_show() -> bool:
    """Whether what pages need is installed; the console says what else there would be."""
    missing = [name for name in WEB if importlib.util.find_spec(name) is None]
    if missing:
        click.echo(f"without {', '.join(missing)} no console: pip install 'plait[web]'", err=True)
    return not missing


def _pages(cluster: DemoCluster, narrator: Narrator) -> "AbstractAsyncContextManager[Pages | None]":
    if not cluster.http:
        return contextlib.nullcontext()
    # only with plait[web] can it be imported
    from plait.cli.demo.pages import open_pages

    return open_pages(cluster, narrator)


async def _until_interrupted(loop: asyncio.AbstractEventLoop) -> None:
    # Here Ctrl-C is the ordinary end, not an interruption.
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    await stop.wait()


class _Folder:
    """Where the nodes' folders are."""

    def __init__(self, path: Path, stays: bool) -> None:
        self.path = path
        self.stays = stays


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[_Folder]:
    """The folder of --keep, or a temporary one, which stays only if somebody says so."""
    if keep is None:
        folder = _Folder(Path(tempfile.mkdtemp(prefix="plait-demo-")), stays=False)
        try:
            yield folder
        finally:
            if folder.stays:
                click.echo(f"for a closer look, the nodes' folders stay: {folder.path}", err=True)
            else:
                shutil.rmtree(folder.path, ignore_errors=True)
        return
    if keep.exists() and any(keep.iterdir()):
        raise BadSettings(f"--keep {keep}: the folder is not empty; name a new one")
    keep.mkdir(parents=True, exist_ok=True)
    yield _Folder(keep, stays=True)
