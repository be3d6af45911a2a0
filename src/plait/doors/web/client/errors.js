/**
 * The errors of the browser replica, in one tree split by blame, with the names that they have in
 * Python and on the wire: an error's `code` is its class's name.
 *
 * `definite` is true when the operation certainly had no effect. Mirrors base/errors.py.
 */

/** The root of every error that Plait raises. */
export class PlaitError extends Error {
  /** @param {string} message @param {Object<string, any>} details */
  constructor(message, details = {}) {
    super(message);
    this.details = details;
    this.name = new.target.name;
  }

  /** As it travels over the network. */
  get code() {
    return this.remoteCode ?? this.name;
  }

  /** Whether nothing happened. */
  get definite() {
    return true;
  }
}

/** The caller's mistake; nothing happened. */
export class UsageError extends PlaitError {}
/** A key that is no string, is empty, or is too long. */
export class BadKey extends UsageError {}
/** A value that MessagePack cannot carry, or that is too large. */
export class BadValue extends UsageError {}
/** Arguments that do not fit. */
export class BadCall extends UsageError {}
/** A collection that exists with other settings, or settings that contradict each other. */
export class BadSettings extends UsageError {}
/** A schema that cannot be. */
export class BadDocument extends UsageError {}
/** A collection that does not exist. */
export class NoSuchCollection extends UsageError {}
/** A handle used after it was closed. */
export class Closed extends UsageError {}

/** The system said no; nothing happened. */
export class Refused extends PlaitError {}
/** A compare-and-set lost its race. */
export class Conflict extends Refused {}
/** What was to be resolved is gone, or has other siblings by now. */
export class ConflictChanged extends Conflict {}
/** A bounded buffer is full, or something is under way; try again later. */
export class Busy extends Refused {}
/** What was asked for is no longer kept. */
export class HistoryTrimmed extends Refused {}
/** Nothing can be written now. */
export class ReadOnly extends Refused {}
/** Who asks has not shown who they are. */
export class NotSignedIn extends Refused {}
/** Who asks is known, and may not do this. */
export class NotAllowed extends Refused {}
/** Other replicas hold the rights to spend as much. */
export class RightsElsewhere extends Refused {}
/** Somebody else has a change of this collection open. */
export class ChangeOpen extends Refused {}
/** This machine's clock is too far off to stamp events. */
export class ClockWrong extends Refused {}
/** A document, or collection, that is not held here yet. */
export class NotLoaded extends Refused {}

/** It may or may not have happened. */
export class Indefinite extends PlaitError {
  get definite() {
    return false;
  }
}
/** No answer in time, or the connection broke. */
export class Unavailable extends Indefinite {}

/** The disk's fault. */
export class StorageError extends PlaitError {}
/** No space left: nothing more is stored, and nothing unsent is lost. */
export class DiskFull extends StorageError {}
/** Made by a version that this one cannot read. */
export class UnknownFormat extends StorageError {}
/** Bytes that fail their checksum, or are missing; never mistaken for absent ones. */
export class Corrupt extends StorageError {}

/** The remote's fault. */
export class ProtocolError extends PlaitError {}
/** Bytes that are no legal message. */
export class BadFrame extends ProtocolError {}
/** A node of another cluster. */
export class WrongCluster extends ProtocolError {}
/** A graph of the same name that began separately. */
export class WrongLineage extends ProtocolError {}
/** No protocol version in common. */
export class VersionMismatch extends ProtocolError {}

const KNOWN = [
  UsageError, BadKey, BadValue, BadCall, BadSettings, BadDocument, NoSuchCollection, Closed,
  Refused, Conflict, ConflictChanged, Busy, HistoryTrimmed, ReadOnly, NotSignedIn, NotAllowed,
  RightsElsewhere, ChangeOpen, ClockWrong, NotLoaded, Indefinite, Unavailable, StorageError, DiskFull,
  UnknownFormat, Corrupt, ProtocolError, BadFrame, WrongCluster, WrongLineage, VersionMismatch,
];
const BY_CODE = new Map(KNOWN.map((known) => [known.name, known]));

/**
 * The error that a node sent. One whose class is not known here is a `Refused` of that code.
 * @param {string} code @param {string} message @param {Object<string, any>} details
 */
export function errorOf(code, message, details = {}) {
  const known = BY_CODE.get(code);
  if (known) return new known(message, details);
  const error = new Refused(message, details);
  error.remoteCode = code;
  return error;
}
