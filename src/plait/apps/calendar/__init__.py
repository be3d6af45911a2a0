"""The calendar: a month, a week and an agenda that a team keeps together, offline too.

`model` says what an event is, `ics` reads and writes iCalendar, `site` is what is mounted, `sample`
fills it for demos; the pages are in `web/`.
"""
