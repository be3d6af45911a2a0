/**
 * What events are sorted into: the colours that there are, and where events go that name nothing.
 */

/** The colours of calendars, by name. */
export const COLORS = ["tomato", "amber", "olive", "green", "teal", "blue", "violet", "pink"];

/** Where events go that name no calendar which is there. */
export const MAIN = "main";
