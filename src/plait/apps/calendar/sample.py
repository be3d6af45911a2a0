"""Weeks of a small team's calendar around today, for demos: believable, and the same every time.

A studio of five people in Berlin, with a client in Lisbon and one in New York.
"""

from datetime import date, timedelta

from plait.api.store import Store
from plait.apps.calendar.entries import Change, Entry, write_entries
from plait.apps.calendar.model import When, open_calendar

ZONE = "Europe/Berlin"
NAMES = (
    ("team", "Team", "blue"), ("product", "Product", "violet"), ("clients", "Clients", "teal"),
    ("away", "Away", "amber"), ("birthdays", "Birthdays", "pink"),
    ("evenings", "Evenings", "olive"),
)  # fmt: skip
EVERYBODY = ("Ann", "Bob", "Cleo", "Dev", "Ines")


async def fill(store: Store, today: date | None = None) -> None:
    """Put the sample into a store; what is there already stays."""
    events, calendars = await open_calendar(store)
    if len(events):
        return
    with calendars.change("A team's calendars"):
        for key, name, color in NAMES:
            calendars[key] = {"name": name, "color": color}
    write_entries(events, calendars, entries(today or date.today()))
    await calendars.flush()
    await events.flush()


def entries(today: date) -> list[Entry]:
    """The events of the weeks around a day."""
    monday = today - timedelta(days=today.weekday())
    return [*_series(monday), *_meetings(monday), *_days(monday)]


def _timed(day: date, start: str, end: str, zone: str = ZONE) -> When:
    return When(start=f"{day}T{start}", end=f"{day}T{end}", zone=zone)


def _whole(day: date, days: int = 1) -> When:
    return When(start=str(day), end=str(day + timedelta(days=days)))


def _asked(**answers: str) -> dict[str, str]:
    return {name: answers.get(name.lower(), "") for name in EVERYBODY if name.lower() in answers}


def _series(monday: date) -> list[Entry]:
    def at(day: int) -> date:
        return monday + timedelta(days=day)

    yes = dict.fromkeys(EVERYBODY, "yes")
    moved = at(9)  # Wednesday's focus gives way to a workshop
    return [
        Entry("standup", _timed(at(-28), "09:30", "09:45"), "Standup", "Kitchen",
              "Yesterday, today, in the way.", "Team", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
              [str(at(3))], {**yes, "Ines": "maybe"}),
        Entry("planning", _timed(at(-14), "10:00", "11:30"), "Planning", "Big table",
              "Agenda\n- what we learned\n- what is next\n- who is away", "Team",
              "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", [],
              _asked(ann="yes", bob="yes", cleo="", dev="yes")),
        Entry("focus", _timed(at(-27), "13:00", "16:00"), "Focus, no meetings", "", "", "Product",
              "FREQ=WEEKLY;BYDAY=TU,TH",
              changes={str(at(8)): Change(when=_timed(moved, "14:00", "16:30"))}),
        Entry("demo-friday", _timed(at(-24), "15:00", "15:45"), "Show and tell", "Sofa",
              "Anything that moves.", "Team", "FREQ=WEEKLY;BYDAY=FR", [], {**yes, "Dev": "maybe"}),
        Entry("lisbon", _timed(at(-26), "14:00", "14:45", "Europe/Lisbon"), "Call with Casa Azul",
              "Video", "They keep Lisbon's time.", "Clients", "FREQ=WEEKLY;BYDAY=WE", [],
              _asked(ines="yes", ann="yes")),
        Entry("retro", _timed(_last_friday(monday), "16:00", "17:00"), "Retrospective", "Sofa", "",
              "Team", "FREQ=MONTHLY;BYDAY=-1FR", [], yes),
        Entry("run", _timed(at(-25), "18:15", "19:15"), "Run along the canal", "Maybach bridge", "",
              "Evenings", "FREQ=WEEKLY;BYDAY=TH", [], _asked(cleo="yes", dev="yes", bob="no")),
    ]  # fmt: skip


def _meetings(monday: date) -> list[Entry]:
    def at(day: int) -> date:
        return monday + timedelta(days=day)

    new_york = "America/New_York"
    return [
        Entry("review", _timed(at(1), "11:00", "12:00"), "Design review: booking", "Room 2",
              "Figma, then paper.", "Product", people=_asked(ann="yes", cleo="yes", bob="maybe")),
        Entry("interview", _timed(at(2), "10:30", "11:30"), "Interview: Maya", "Room 1", "",
              "Team", people=_asked(ines="yes", dev="yes")),
        Entry("lunch", _timed(at(3), "12:15", "13:30"), "Lunch with Nordlicht", "Da Enzo", "",
              "Clients", people=_asked(ann="yes", ines="yes")),
        Entry("harbour", _timed(at(3), "10:00", "11:00", new_york), "Harbour & Co., kick-off",
              "Video", "Four in the afternoon here.", "Clients",
              people=_asked(ann="yes", bob="yes", ines="yes")),
        Entry("one-on-one", _timed(at(3), "11:00", "11:30"), "Ann and Dev", "Walk", "", "Team",
              people=_asked(ann="yes", dev="yes")),
        Entry("budget", _timed(at(4), "10:00", "11:00"), "Budget for next year", "Room 2", "",
              "Team", people=_asked(ann="", ines="yes")),
        Entry("film", _timed(at(4), "20:00", "22:30"), "Film night", "Kino International", "",
              "Evenings", people=_asked(cleo="yes", bob="yes", ann="maybe")),
        Entry("dentist", _timed(at(1), "08:00", "08:45"), "Dentist (Bob)", "", "", "Away"),
        Entry("workshop", _timed(at(8), "09:45", "12:30"), "Workshop: onboarding", "Big table",
              "Bring three screenshots each.", "Product", people=dict.fromkeys(EVERYBODY, "yes")),
        Entry("usability", _timed(at(9), "10:00", "12:00"), "Usability sessions", "Lab",
              "Five people, 20 minutes each.", "Product", people=_asked(cleo="yes", bob="")),
        Entry("contract", _timed(at(10), "14:00", "15:00"), "Contract, Casa Azul", "Video", "",
              "Clients", people=_asked(ines="yes", ann="yes")),
        Entry("photos", _timed(at(-5), "14:00", "15:30"), "Team photos", "Courtyard", "", "Team"),
        Entry("release-call", _timed(at(-4), "11:00", "12:00"), "Release call", "Video", "",
              "Product", people=_asked(bob="yes", dev="yes", cleo="yes")),
    ]  # fmt: skip


def _days(monday: date) -> list[Entry]:
    def at(day: int) -> date:
        return monday + timedelta(days=day)

    return [
        Entry("release", _whole(at(3)), "Release 2.4", calendar="Product"),
        Entry("ghent", _whole(at(9), 3), "Ines in Ghent", calendar="Away"),
        Entry("holiday", _whole(at(14), 7), "Dev on holiday", calendar="Away"),
        Entry("fair", _whole(at(-12), 3), "Fair in Leipzig", "Hall 4", calendar="Clients"),
        Entry("bob", _whole(at(5)), "Bob's birthday", calendar="Birthdays", repeat="FREQ=YEARLY"),
        Entry("cleo", _whole(at(16)), "Cleo's birthday", calendar="Birthdays",
              repeat="FREQ=YEARLY"),
        Entry("freeze", _whole(at(21), 5), "Code freeze", calendar="Product"),
    ]  # fmt: skip


def _last_friday(monday: date) -> date:
    """The last Friday of the month before a day."""
    day = monday.replace(day=1) - timedelta(days=1)
    return day - timedelta(days=(day.weekday() - 4) % 7)
