"""People who type into one page at the same time, and know what must be in it in the end.

The page is ``[...]`` and a paragraph. Between the brackets everybody writes words of their own,
``(ann-17)``; the paragraph is scratched about in by all of them. Words begin at the edges of other
words only, so each of them has to stay whole, wherever it comes to stand::

    typist = Typist("ann", docs, seed=1)
    await typist.type(until=lambda: typist.count > 100)
    assert all(word in docs["page"].body for word in typist.kept)

Invariant: a word in `fresh` or `kept` is in the typist's own text, once. What is in `kept` was
flushed after it was finished, and is not touched any more.

`Program` is a typist as a process of its own, that can be killed.
"""

import asyncio
import json
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from collaboration_documents import CLASSES
from collaboration_nodes import LIMITS, Office, Person

import plait
from plait import Document, Documents, List, Text
from plait.api.documents.text_cursors import Cursor
from plait.api.infos import GraphInfo
from plait.host.loop import run

PATIENCE_S = 40.0
PAGE = "page"
PARAGRAPH = " What the quick brown fox saw when it jumped over the lazy dog, nobody wrote down." * 3
KEEP_WORDS = 6  # are flushed together


class Page(Document):
    body = Text()


class Plan(Document):
    steps = List(str)


CLASSES.update(pages=Page, plans=Plan)


class TypingOffice(Office):
    """Nodes and people, with collections as they are by default."""

    async def create(self, collection: str) -> GraphInfo:
        """Make a collection; what it is called everywhere."""
        async with plait.connect(self.url, limits=LIMITS) as store:
            await store.documents(collection, CLASSES[collection])
            return next(info for info in await store.collections() if info.name == collection)

    async def person(self, name: str, node: str, collection: str) -> Person:
        """A client at one node, through a link of its own."""
        link = await self._proxy(node)
        store = await self._open.enter_async_context(
            plait.connect(f"plait://{link.address}", name=name, only=True, limits=LIMITS)
        )
        docs = await store.documents(collection, CLASSES[collection], author=name)
        self.people.append(Person(name, docs, link))
        return self.people[-1]


class Typist:
    """Somebody at one replica."""

    def __init__(
        self,
        name: str,
        docs: Documents[Page],
        seed: int,
        told: Callable[[list[str]], None] = lambda words: None,
    ) -> None:
        """told: is called with words that are kept from now on."""
        self.text = docs[PAGE].body
        self.count = 0  # words that were begun
        self.fresh: list[str] = []
        self.kept: list[str] = []
        self.noted: set[str] = set()  # words with a comment; others have none
        self._name = name
        self._docs = docs
        self._chance = random.Random(seed)
        self._told = told
        self._caret: Cursor | None = None

    async def type(self, until: Callable[[], bool]) -> None:
        """Go on until that is so, and return when all is flushed."""
        keeping: asyncio.Task[None] | None = None
        while not until():
            await self._pause()
            await self._act()
            if len(self.fresh) >= KEEP_WORDS and (keeping is None or keeping.done()):
                words, self.fresh = self.fresh, []
                keeping = asyncio.create_task(self._keep(words))
        if keeping is not None:
            await keeping
        words, self.fresh = self.fresh, []
        await self._keep(words)

    async def _keep(self, words: list[str]) -> None:
        await self._docs.flush()  # may wait for a node that is being started again
        self.kept += words
        self._told(words)

    async def _act(self) -> None:
        kinds = [self._forward] * 4 + [self._backward, self._never_mind, self._scratch] * 2
        if self.fresh:
            kinds += [self._strike, self._rewrite, self._blank, self._note, self._note_for_now]
        await self._chance.choice(kinds)()

    async def _pause(self, longest_s: float = 0.02) -> None:
        await asyncio.sleep(self._chance.uniform(0.001, longest_s))

    # ------------------------------------------------------------------ words

    def _word(self) -> str:
        self.count += 1
        return f"({self._name}-{self.count})"

    def _begin(self) -> Cursor:
        """Where the next word goes: behind the last one, to the common place, or anywhere."""
        shown = str(self.text)
        end = shown.index("]")
        edges = [i for i in range(1, end + 1) if shown[i - 1] in "[)" and shown[i] in "(]"]
        caret = self._caret = self._caret or self.text.cursor(1)
        if caret.index not in edges or self._chance.random() < 0.6:
            caret.move(self._chance.choice([1] * (len(edges) + 1) + edges))
        return caret

    async def _forward(self) -> None:
        """Letter by letter, some of them wrong."""
        word, caret = self._word(), self._begin()
        for at, letter in enumerate(word):
            assert word[:at] in self.text
            if self._chance.random() < 0.05:
                caret.insert("x")
                await self._pause()
                self.text.delete(caret.index - 1)
            caret.insert(letter)
            await self._pause()
        self.fresh.append(word)

    async def _backward(self) -> None:
        """From its last letter on, while nobody else is heard."""
        word, at = self._word(), self._begin().index
        for letter in reversed(word):
            self.text.insert(at, letter)
        self.fresh.append(word)

    async def _never_mind(self) -> None:
        """Write a word and take that back."""
        with self._docs.change("for a moment"):
            self._begin().insert(word := self._word())
        assert word in self.text
        await self._pause()
        assert self._docs.undo()
        assert word not in self.text

    def _old(self) -> tuple[str, int]:
        """One of the words that may still be touched, and where its inside begins."""
        word = self._chance.choice(self.fresh)
        at = self.text.find(word)
        assert at > 0, (word, str(self.text))
        return word, at + 1

    async def _strike(self) -> None:
        word, at = self._old()
        self.text.delete(at - 1, len(word))
        self.fresh.remove(word)
        self.noted.discard(word)

    async def _rewrite(self) -> None:
        word, at = self._old()
        if word in self.noted:
            return
        self.text.replace(at, len(word) - 2, f"{word[1:-1]}!")
        self.fresh[self.fresh.index(word)] = f"{word[:-1]}!)"

    async def _blank(self) -> None:
        """Delete what is inside a word, and take that back."""
        word, at = self._old()
        self.text.delete(at, len(word) - 2)
        await self._pause()
        assert word not in self.text
        assert self._docs.undo()
        assert word in self.text

    async def _note(self) -> None:
        """Comment on a word, or have no comment any more."""
        word, at = self._old()
        name = comment_on(word)
        if word in self.noted:
            self.text.unmark(at - 1, at - 1 + len(word), name)
        else:
            self.text.mark(at - 1, at - 1 + len(word), name, self._name)
        self.noted ^= {word}

    async def _note_for_now(self) -> None:
        """Comment on a word, and take that back."""
        word, at = self._old()
        if word not in self.noted:
            self.text.mark(at - 1, at - 1 + len(word), comment_on(word), self._name)
            await self._pause()
            assert self._docs.undo()

    # ------------------------------------------------------------------ the paragraph

    async def _scratch(self) -> None:
        """Erase, write over, and colour what anybody may be at."""
        low, high = self.text.find("]") + 1, len(self.text)
        at = self._chance.randint(low, high)
        match self._chance.randrange(4):
            case 0:
                self.text.mark(at, min(at + 9, high), "bold")
            case 1:
                self.text.mark(at, min(at + 30, high), "colour", self._name)
            case 2 if at > low:
                self.text.delete(at - 1)
            case _:
                self.text.replace(at, min(3, high - at), self._name)
                if self._chance.random() < 0.4:
                    await self._pause()
                    assert self._docs.undo()


def comment_on(word: str) -> str:
    """The name of a comment."""
    return f"comment:{word[1:-1]}"


# --------------------------------------------------------------------------- as a process


class Program:
    """A typist in a process of its own, a client at some nodes."""

    def __init__(self, name: str, url: str, seed: int) -> None:
        self.name = name
        self.kept: list[str] = []  # as far as it has said so
        self.noted: set[str] = set()  # known once it has ended
        self.delta: list[Any] = []
        self._words = [name, url, str(seed)]
        self._process: asyncio.subprocess.Process | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    async def start(self) -> "Program":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *self._words, start_new_session=True,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self._hearing = asyncio.create_task(self._hear(self._process.stdout))
        return self

    async def _hear(self, said: asyncio.StreamReader | None) -> None:
        assert said is not None
        while line := await said.readline():
            with suppress(json.JSONDecodeError):  # it was killed in the middle of a word
                for name, value in json.loads(line).items():
                    setattr(self, name, self.kept + value if name == "kept" else value)
            self._heard.set()

    async def show(self) -> list[Any]:
        """What its text is now, with the marks; it types no more from the first time on."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._heard.clear()
        self.delta = []
        self._process.stdin.write(b"show\n")
        async with asyncio.timeout(PATIENCE_S):
            while not self.delta:
                await self._heard.wait()
                self._heard.clear()
        return self.delta

    async def kill(self) -> None:
        """kill -9."""
        process, self._process = self._process, None
        if process is not None and self._hearing is not None:
            process.kill()
            await process.wait()
            await self._hearing


async def main(name: str, url: str, seed: int) -> None:
    """Type until somebody asks what there is, then show it whenever somebody asks."""

    def say(**what: Any) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
        sys.stdout.buffer.flush()

    async with plait.connect(url, name=name) as store:
        docs = await store.documents("pages", Page, author=name)
        typist = Typist(name, docs, seed, told=lambda words: say(kept=words))
        asking = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.readline))
        await typist.type(until=asking.done)
        while await asking:
            say(noted=sorted(typist.noted), delta=typist.text.to_delta())
            asking = asyncio.create_task(asyncio.to_thread(sys.stdin.buffer.readline))


if __name__ == "__main__":
    run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
