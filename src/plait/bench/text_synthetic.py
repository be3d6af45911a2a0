"""Traces that are made up, from a fixed seed: where no recorded ones are at hand.

In the concurrent one everybody keeps to a paragraph of their own, so that its end does not depend
on how a library orders what is typed at one place at once. People are slower and less regular:
figures of these are not to be quoted beside those of recorded traces.
"""

from collections.abc import Callable
from random import Random

from plait.bench.text_offsets import ByteOffsets
from plait.bench.text_traces import CONCURRENT, SEQUENTIAL, Edit, Trace, Transaction

SEQUENTIAL_EDITS = 40_000
CONCURRENT_EDITS = 4_000  # it never comes together: a library may need their square
AUTHORS = 3

_SEED = 20250330
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "naïve", "dog", "at", "数据")
_SYNC_CHANCE = 0.02  # that an author takes in what the others did before the next edit


def synthetic_sequential(edits: int = SEQUENTIAL_EDITS) -> Trace:
    """One author: typing, taking back, jumping elsewhere, pasting and cutting."""
    chance = Random(_SEED)
    text, transactions = ByteOffsets(), list[Transaction]()
    length = cursor = 0
    while len(transactions) < edits:
        burst, cursor = _burst(chance, cursor, length)
        for edit in burst:
            text.edit(*edit)
            transactions.append(Transaction([edit]))
            length += len(edit[2]) - edit[1]
        cursor = burst[-1][0] + len(burst[-1][2])
    return Trace(SEQUENTIAL, transactions, text.text())


def _burst(chance: Random, cursor: int, length: int) -> tuple[list[Edit], int]:
    """A few edits at one place, and the place."""
    if chance.random() < 0.1:
        cursor = chance.randint(0, length)
    kind = chance.random()
    if kind < 0.8 or cursor < 40:
        word = chance.choice(_WORDS) + " "
        return [(cursor + at, 0, letter) for at, letter in enumerate(word)], cursor
    if kind < 0.95:
        back = chance.randint(1, 8)
        return [(cursor - at, 1, "") for at in range(1, back + 1)], cursor
    cut = chance.randint(1, 40)
    return [(cursor - cut, cut, " ".join(chance.choices(_WORDS, k=5)))], cursor


def synthetic_concurrent(edits: int = CONCURRENT_EDITS, authors: int = AUTHORS) -> Trace:
    """Several authors, a paragraph each, who hear of one another now and then."""
    chance = Random(_SEED)
    transactions = [Transaction([(0, 0, "\n" * (authors - 1))])]
    tip = [0] * authors  # each author's last transaction
    said = [list[str]() for _ in range(authors)]  # each paragraph as its author has it
    sizes = [[0] for _ in range(authors)]  # each paragraph's length after so many of its edits
    seen = [[0] * authors for _ in range(authors)]  # by author: how many edits of each it knows
    while len(transactions) <= edits:
        author = chance.randrange(authors)
        parents = [tip[author]]
        if chance.random() < _SYNC_CHANCE:
            other = (author + chance.randrange(1, authors)) % authors
            if seen[author][other] < len(sizes[other]) - 1:  # it did something unknown here
                mine_known = seen[other][author] == seen[author][author]
                parents = [tip[other]] if mine_known else sorted((tip[author], tip[other]))
                pairs = zip(seen[author], seen[other], strict=True)
                seen[author] = [max(pair) for pair in pairs]
        before = author + sum(sizes[one][seen[author][one]] for one in range(author))
        transactions.append(Transaction([_typed(chance, said[author], before)], author, parents))
        tip[author] = len(transactions) - 1
        sizes[author].append(len(said[author]))
        seen[author][author] += 1
    return Trace(CONCURRENT, transactions, "\n".join("".join(one) for one in said))


def _typed(chance: Random, paragraph: list[str], before: int) -> Edit:
    """One edit at the end of a paragraph, which it also does."""
    if paragraph and chance.random() < 0.15:
        paragraph.pop()
        return before + len(paragraph), 1, ""
    letter = chance.choice(chance.choice(_WORDS) + " ")
    paragraph.append(letter)
    return before + len(paragraph) - 1, 0, letter


SYNTHETIC: dict[str, Callable[[], Trace]] = {
    "synthetic-sequential": synthetic_sequential,
    "synthetic-concurrent": synthetic_concurrent,
}
