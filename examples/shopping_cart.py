"""A shopping cart on two phones: what is added is never lost, offline or not.

    python examples/shopping_cart.py

It starts a node of its own (a process: `plait serve`) that the phones connect to. While the node is
down they go on; what they wrote is sent as soon as it is back.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import plait
from plait import AddWinsSet, Counter, Document, Map


class Cart(Document):
    """Quantities by item. Removing an item takes away what was seen of it."""

    quantities = Map(Counter())
    notes = AddWinsSet(str)


def free_address() -> str:
    """A place on this machine where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def start_node(folder: Path, address: str) -> "subprocess.Popen[bytes]":
    """A server that keeps everything in `folder`."""
    words = ["-m", "plait", "serve", "--data", str(folder), "--listen", address]
    return subprocess.Popen([sys.executable, *words])


async def main(folder: Path) -> None:
    """Fill the cart together, lose the node, meet again."""
    address = free_address()
    node = start_node(folder, address)
    try:
        async with (
            plait.connect(f"plait://{address}", name="phone") as one,
            plait.connect(f"plait://{address}", name="tablet") as two,
        ):
            phone = (await one.documents("carts", Cart))["family"]
            tablet = (await two.documents("carts", Cart))["family"]
            phone.quantities["apples"] += 4
            phone.quantities["soap"] += 1
            await until(lambda: tablet.quantities.get("apples") == 4)

            node.kill()  # as by a power cut
            node.wait()
            del phone.quantities["apples"]  # no more apples, please
            del phone.quantities["soap"]
            tablet.quantities["apples"] += 2  # two more, please
            tablet.notes.add("the red ones")
            print("the phone shows ", phone)
            print("the tablet shows", tablet)

            node = start_node(folder, address)
            await until(lambda: phone == tablet)
            print("both show       ", phone)  # two apples: nobody had seen those when they went
            assert phone.quantities == {"apples": 2}
    finally:
        node.terminate()
        node.wait()


async def until(holds) -> None:
    """Return once something is so."""
    while not holds():
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder)))
