/**
 * What the calendar's documents hold; `plait.apps.calendar.model` says the same in Python.
 *
 * Two collections: "calendar" holds the events (and, under KEY#DATE, changed single occurrences),
 * "calendars" what they are sorted into. `when` is asked for: two people who move a meeting at the
 * same time both keep what they wrote, until somebody chooses.
 */

import { addWinsSet, ask, map, register, text } from "/client.js";

export const EVENT = {
  title: register(),
  when: ask(), // {start, end, zone}: see when.js
  place: register(),
  notes: text(),
  calendar: register(), // a key of "calendars"
  repeat: register(), // an RRULE, with UNTIL as a date
  skips: addWinsSet(), // dates on which it does not happen
  people: map(register()), // name: "yes", "maybe", "no", or "" while there is no answer
};

export const CALENDAR = {
  name: register(),
  color: register(), // one of COLORS in kinds.js
};
