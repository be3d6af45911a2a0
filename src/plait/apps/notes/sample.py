"""A dozen notes as people write them, for demos and for looking at the app.

Each is written by somebody, with marks, tags, lists and links. Keys are fixed, so that filling
twice changes nothing: a note that is there is left alone.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from plait.api.documents.text import TextView
from plait.api.store import Store
from plait.apps.notes.model import Note, open_notes

_MARKED: Final = re.compile(
    r"\*\*(?P<bold>[^*\n]+)\*\*|_(?P<italic>[^_\n]+)_|`(?P<code>[^`\n]+)`"
    r"|\[(?P<text>[^]\n]+)\]\((?P<link>https?://[^)\s]+)\)"
)


class Sample(NamedTuple):
    """One of them."""

    key: str
    title: str
    body: str  # **bold**, _italic_, `code` and [links](https://…) become marks
    tags: tuple[str, ...] = ()
    hours_ago: float = 0
    when_days: int | None = None  # from today
    pinned: bool = False


SAMPLES: Final = (
    Sample(
        "welcome", "Welcome",
        "These notes live on every node at once, and in this browser too. Write in one window and"
        " watch the other; pull the plug and keep writing.\n"
        "## Try this\n"
        "- [x] Open this page in **two windows**, on two nodes\n"
        "- [ ] Type in both, in the same sentence\n"
        "- [ ] Go offline with the switch below the list, write, and come back\n"
        "- [ ] Give this note two titles at once, and choose\n"
        "- [ ] Drag the history slider to see how it got here\n"
        "## Writing\n"
        "Lines that begin with `#`, `-`, `1.`, `>` or `[]` become what they look like."
        " Select words for **bold**, _italic_, `code` or a"
        " [link](https://www.inkandswitch.com/local-first/).\n"
        "> The network is optional. Your work is not.",
        ("start",), 0.4, pinned=True,
    ),
    Sample(
        "lisbon", "Four days in Lisbon",
        "Flight is booked, the rest is open. **Clara** has the tickets.\n"
        "## Before we go\n"
        "- [x] Passports\n"
        "- [x] Ask Jonas to water the plants\n"
        "- [ ] Tram passes — cheaper as _Viva Viagem_ cards\n"
        "- [ ] Somewhere to leave the bags on Sunday\n"
        "## Eat\n"
        "- Tasca da Esquina, book two days ahead\n"
        "- Pastéis at Manteigaria, standing up\n"
        "- The place with the blue door, **near Graça**\n"
        "## Walk\n"
        "1. Miradouro da Senhora do Monte at sunset\n"
        "2. Down through Mouraria\n"
        "3. Ferry to Cacilhas, because of the light",
        ("travel", "clara"), 3, when_days=19, pinned=True,
    ),
    Sample(
        "standup", "Monday stand-up",
        "## Done\n"
        "- Import of last year's invoices, **12,400 of them**, no duplicates\n"
        "- The slow query was a missing index on `invoices.customer_id`\n"
        "## Next\n"
        "- [ ] Maya: second reading of the migration plan\n"
        "- [ ] Tom: ask support which exports people really use\n"
        "- [ ] Ines: failure drill on Thursday, pull one rack\n"
        "## Stuck\n"
        "- Certificates for the new site, waiting for the registrar",
        ("work",), 5, when_days=1,
    ),
    Sample(
        "bread", "Bread that works every time",
        "Slow, cold, and nearly no work.\n"
        "- 500 g flour, a fifth of it wholemeal\n"
        "- 375 g water\n"
        "- 10 g salt\n"
        "- 80 g starter, **lively**\n"
        "## Method\n"
        "1. Mix, rest for an hour\n"
        "2. Three folds, half an hour apart\n"
        "3. Overnight in the fridge\n"
        "4. 45 minutes at 240 °C, the first 25 _with the lid on_\n"
        "> Wait until it is cold. Nobody ever does.",
        ("recipes",), 26,
    ),
    Sample(
        "saturday", "Shopping for Saturday",
        "Eight people, two of them vegetarian.\n"
        "- [x] Lemons, 6\n"
        "- [x] Chickpeas\n"
        "- [ ] Aubergines, 4 large\n"
        "- [ ] Tahini\n"
        "- [ ] Flat bread\n"
        "- [ ] Ice\n"
        "- [ ] Something sweet that is **not** chocolate",
        ("home",), 9, when_days=5,
    ),
    Sample(
        "reading", "Reading list",
        "## Now\n"
        "- _The Left Hand of Darkness_, Ursula K. Le Guin\n"
        "## Next\n"
        "- _A Pattern Language_, Christopher Alexander\n"
        "- _The Summer Book_, Tove Jansson — Clara says twice\n"
        "## Papers\n"
        "- [Local-first software](https://www.inkandswitch.com/local-first/)\n"
        "- [Peritext](https://www.inkandswitch.com/peritext/), on rich text that merges\n"
        "- [In search of an understandable consensus algorithm](https://raft.github.io/)",
        ("reading",), 50,
    ),
    Sample(
        "flat", "Flat: what to fix",
        "Landlord comes on the **12th**, between 9 and 11.\n"
        "- [ ] Bathroom window does not close\n"
        "- [ ] Radiator in the hall knocks at night\n"
        "- [x] Key for the cellar\n"
        "- [ ] Ask about bicycles in the yard",
        ("home",), 30, when_days=12,
    ),
    Sample(
        "talk", "Talk: copies that agree",
        "Twenty minutes, people who write programs, nobody who does this for a living.\n"
        "# One idea\n"
        "Every copy is a **log** and a **fold**. There are two kinds of log: a line and a graph.\n"
        "## Line\n"
        "Everybody in one queue. You wait, and then you are sure.\n"
        "## Graph\n"
        "Nobody waits. What happened at the same time is put together by rules that give the same"
        " everywhere.\n"
        "## Demo\n"
        "1. Two windows, one sentence\n"
        "2. Cut the cable\n"
        "3. Write on both sides\n"
        "4. Heal, and **do not touch anything**\n"
        "> If the demo fails, that is the talk.",
        ("work", "talks"), 72, when_days=33,
    ),
    Sample(
        "garden", "Balcony, month by month",
        "South-west, windy, four long boxes.\n"
        "- **March** — peas, spinach, radishes\n"
        "- **April** — chard; first lettuce under glass\n"
        "- **May** — tomatoes, after the ice saints\n"
        "  - two _Matina_, one _Green Zebra_\n"
        "  - basil between them\n"
        "- **June** — beans up the railing",
        ("home", "garden"), 120,
    ),
    Sample(
        "commands", "Commands I keep forgetting",
        "- `git log -S word` finds who wrote or removed it\n"
        "- `ss -ltnp` says who listens\n"
        "- `plait status` says who is in the cluster, and how they are\n"
        "- `plait conflicts list` says what waits for a person\n"
        "- `tar -tf` before `tar -xf`",
        ("work", "howto"), 200,
    ),
    Sample(
        "gifts", "Presents",
        "- Mum — the print of the harbour, framed\n"
        "- Jonas — _good_ secateurs\n"
        "- Clara — nothing bought. A day by the lake.",
        ("clara",), 260,
    ),
    Sample(
        "quote", "From the lighthouse book",
        "> One must be prepared for silence. It takes a few days until one hears it.\n"
        "\n"
        "Page 41. Look for the passage about fog, too.",
        ("reading",), 400,
    ),
)  # fmt: skip


async def fill(store: Store) -> None:
    """Write the samples that are not there; on the disk when this returns."""
    notes = await open_notes(store)
    now = datetime.now(UTC)
    for sample in SAMPLES:
        if sample.key not in notes:
            with notes.change("sample"):
                _write(notes[sample.key], sample, now)
    await notes.flush()


def _write(note: Note, sample: Sample, now: datetime) -> None:
    note.title = sample.title
    if sample.when_days is not None:
        note.when = (now + timedelta(days=sample.when_days)).date().isoformat()
    note.tags.update(sample.tags)
    note.made = note.edited = int((now - timedelta(hours=sample.hours_ago)).timestamp() * 1000)
    if sample.pinned:
        note.pinned = True
    write_marked(note.body, sample.body)


def write_marked(body: TextView, text: str) -> None:
    """Put ``**bold**``, ``_italic_``, code and links behind a text, as marks."""
    plain, at, marks = [], 0, []
    start = len(str(body))
    done = 0
    for match in _MARKED.finditer(text):
        before = text[done : match.start()]
        name = "link" if match["link"] else match.lastgroup or ""
        shown = match["text"] if match["link"] else match[name]
        plain += [before, shown]
        at += len(before)
        marks.append((start + at, start + at + len(shown), name, match["link"] or True))
        at += len(shown)
        done = match.end()
    plain.append(text[done:])
    body.insert(start, "".join(plain))
    for first, stop, name, value in marks:
        body.mark(first, stop, name, value)
