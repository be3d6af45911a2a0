// A long text in pieces, so that an edit copies little; it knows places in code points and in units.
//
// Edits happen near each other: the piece of the last one is where the next search begins. Pieces grow
// with the text, so that there are never more than some hundreds.
//
// Invariants: no piece is empty, and none begins or ends inside a character; `sizes` are the pieces' in
// code points; `length` and `units` are the sums; `_before` and `_unitsBefore` those before the piece at
// `_at`.

import { pointsBefore, pointsIn, sliceOf, unitsBefore } from "./text_points.js";

const PIECE_MIN = 4096; // characters; a piece is cut at twice its size
const PIECES = 256;

/** A text that is edited in place; positions are code points. */
export class Rope {
  constructor(text = "") {
    this.pieces = [];
    this.sizes = [];
    this.length = 0;
    this.units = 0;
    this._at = this._before = this._unitsBefore = 0;
    if (text) this._fill(text);
  }

  _fill(text) {
    [this.pieces, this.sizes] = cut(text);
    this.length = this.sizes.reduce((sum, size) => sum + size, 0);
    this.units = text.length;
    this._at = this._before = this._unitsBefore = 0;
  }

  /** Go to the piece that holds `pos`, or ends there; where in the piece, in code points. */
  _seek(pos) {
    const { pieces, sizes } = this;
    let at = this._at;
    let before = this._before;
    let units = this._unitsBefore;
    while (pos < before) {
      at--;
      before -= sizes[at];
      units -= pieces[at].length;
    }
    while (pos > before + sizes[at]) {
      before += sizes[at];
      units += pieces[at].length;
      at++;
    }
    this._at = at;
    this._before = before;
    this._unitsBefore = units;
    return pos - before;
  }

  /** Put text before the character at `pos`. */
  insert(pos, content) {
    const size = pointsIn(content);
    this.units += content.length;
    if (!this.length || size > PIECE_MIN) {
      this._insertMuch(pos, content, size);
      return;
    }
    const past = this._seek(pos);
    const at = this._at;
    const piece = this.pieces[at];
    const place = unitsBefore(piece, past, this.sizes[at]);
    const grown = piece.slice(0, place) + content + piece.slice(place);
    this.pieces[at] = grown;
    this.sizes[at] += size;
    this.length += size;
    if (this.sizes[at] > 2 * PIECE_MIN && this.sizes[at] > 2 * (this.length / PIECES)) {
      const half = this.sizes[at] >> 1;
      const middle = unitsBefore(grown, half, this.sizes[at]);
      this.pieces.splice(at, 1, grown.slice(0, middle), grown.slice(middle));
      this.sizes.splice(at, 1, half, this.sizes[at] - half);
    }
  }

  _insertMuch(pos, content, size) {
    if (!this.length) {
      this._fill(content);
      return;
    }
    const past = this._seek(pos);
    const at = this._at;
    const piece = this.pieces[at];
    const place = unitsBefore(piece, past, this.sizes[at]);
    const [pieces, sizes] = cut(content);
    if (place) {
      pieces.unshift(piece.slice(0, place));
      sizes.unshift(past);
    }
    if (place < piece.length) {
      pieces.push(piece.slice(place));
      sizes.push(this.sizes[at] - past);
    }
    this.pieces.splice(at, 1, ...pieces);
    this.sizes.splice(at, 1, ...sizes);
    this.length += size;
    if (this.pieces.length > 4 * PIECES) this._fill(this.text());
  }

  /** Take text away. */
  delete(pos, size) {
    this.length -= size;
    const past = this._seek(pos);
    let at = this._at;
    const first = past ? at + 1 : at; // the first piece that may go as a whole
    if (past) {
      const part = Math.min(size, this.sizes[at] - past);
      this._cutOut(at, past, part);
      size -= part;
      at++;
    }
    let last = first;
    while (size && size >= this.sizes[last]) {
      size -= this.sizes[last];
      this.units -= this.pieces[last].length;
      last++;
    }
    if (size) this._cutOut(last, 0, size);
    this.pieces.splice(first, last - first);
    this.sizes.splice(first, last - first);
    if (this._at && this._at >= this.pieces.length) {
      this._at--;
      this._before -= this.sizes[this._at];
      this._unitsBefore -= this.pieces[this._at].length;
    }
  }

  /** Characters inside one piece go, not all of it. */
  _cutOut(at, past, size) {
    const piece = this.pieces[at];
    const start = unitsBefore(piece, past, this.sizes[at]);
    const stop = unitsBefore(piece, past + size, this.sizes[at]);
    this.pieces[at] = piece.slice(0, start) + piece.slice(stop);
    this.sizes[at] -= size;
    this.units -= stop - start;
  }

  /** The text from `start` to `stop`, which are in it. */
  slice(start, stop) {
    if (start >= stop) return "";
    let past = this._seek(start);
    let left = stop - start;
    const parts = [];
    for (let at = this._at; left > 0; at++) {
      const size = this.sizes[at];
      const part = Math.min(size - past, left);
      parts.push(sliceOf(this.pieces[at], past, past + part, size));
      left -= part;
      past = 0;
    }
    return parts.join("");
  }

  /** All of it. */
  text() {
    return this.pieces.length === 1 ? this.pieces[0] : this.pieces.join("");
  }

  // ------------------------------------------------------------------ UTF-16

  /** Units before a code point. */
  toUnits(pos) {
    if (this.units === this.length || !pos) return pos;
    if (pos === this.length) return this.units;
    const past = this._seek(pos);
    return this._unitsBefore + unitsBefore(this.pieces[this._at], past, this.sizes[this._at]);
  }

  /** Code points before a unit, which is in the text. `BadValue` inside a character. */
  fromUnits(unit) {
    if (this.units === this.length || !unit) return unit;
    if (unit === this.units) return this.length;
    const { pieces, sizes } = this;
    while (unit < this._unitsBefore) {
      this._at--;
      this._before -= sizes[this._at];
      this._unitsBefore -= pieces[this._at].length;
    }
    while (unit > this._unitsBefore + pieces[this._at].length) {
      this._before += sizes[this._at];
      this._unitsBefore += pieces[this._at].length;
      this._at++;
    }
    return this._before + pointsBefore(pieces[this._at], unit - this._unitsBefore, sizes[this._at]);
  }
}

/** Pieces of a text, and their sizes in code points. */
function cut(text) {
  const step = Math.max(PIECE_MIN, Math.floor(text.length / PIECES));
  const pieces = [];
  const sizes = [];
  for (let start = 0; start < text.length; ) {
    let stop = Math.min(start + step, text.length);
    if (stop < text.length && (text.charCodeAt(stop) & 0xfc00) === 0xdc00) stop++; // of a pair
    const piece = text.slice(start, stop);
    pieces.push(piece);
    sizes.push(pointsIn(piece));
    start = stop;
  }
  return [pieces, sizes];
}
