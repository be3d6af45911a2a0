"""Where a text may be cut: into lines, words, and characters as people see them.

Invariant: the pieces of a text, joined, are the text; and no cut parts a base character from its
combining marks, a sequence of emoji joined by U+200D, a flag, or CR LF.
Source: Unicode Standard Annex 29, its rules for extended grapheme clusters, as far as they matter
to somebody who edits; scripts that put no spaces between words are cut by characters instead.

Which characters are marks is asked of Python's own Unicode tables: a mark goes on with an
identifier but neither begins one nor is a letter or a digit. `_JOINERS` are those that this misses.

Absent: prepended marks, and dictionaries of words.
"""

import re
from functools import lru_cache

_JOINERS = (
    "\u0488\u0489\u20d0-\u20f0"  # enclosing marks
    "\u1160-\u11ff\ud7b0-\ud7fb"  # vowels and finals of Hangul syllables spelt out
    "\u200c\u200d"  # non-joiner and joiner
    "\uff9e\uff9f"  # halfwidth voicing
    "\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"  # skin tones and tags of emoji
)
_NO_MARKS = "_··‿⁀⁔・･︳︴﹍﹎﹏＿"  # go on with an identifier, yet stand for themselves
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana and Han
)
_FLAG = "\U0001f1e6-\U0001f1ff"
_JOINER = "\u200d"

_ASCII_WORDS = re.compile(r"\w+|[^\S\r\n]+|\r?\n|[^\w\s]|\r")
_ASCII_CHARACTERS = re.compile(r"\r\n|.", re.DOTALL)
_SYMBOLS = re.compile(r"[^\w\s]")
_is_joiner = re.compile(f"[{_JOINERS}]").match
_is_flag = re.compile(f"[{_FLAG}]").match


class Cuts:
    """How to cut the texts it was made for."""

    def __init__(self, *texts: str) -> None:
        self._words, self._characters = _ASCII_WORDS, _ASCII_CHARACTERS
        if not all(text.isascii() for text in texts):
            symbols = {symbol for text in texts for symbol in _SYMBOLS.findall(text)}
            marks = "".join(sorted(symbol for symbol in symbols if extends(symbol)))
            self._words, self._characters = _patterns(marks)

    def lines(self, text: str) -> list[str]:
        """Lines with their ends."""
        return text.splitlines(keepends=True)

    def words(self, text: str) -> list[str]:
        """Words, runs of spaces, line ends, and every other character for itself."""
        return self._words.findall(text)

    def characters(self, text: str) -> list[str]:
        """What people take for one character."""
        return self._characters.findall(text)


def extends(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    if character < "\u0300":
        return False
    if _is_joiner(character):
        return True
    return (
        not character.isalnum()
        and f"a{character}".isidentifier()
        and not character.isidentifier()
        and character not in _NO_MARKS
    )


def parts_character(text: str, at: int) -> bool:
    """Whether a cut before the code point `at` goes through what people take for one character."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if after == "\n":
        return before == "\r"
    if before.isspace() and before in "\r\n":
        return False
    if before == _JOINER:
        return not after.isspace() and not _in_word(after)
    # of a row of flags none is cut: their pairs could only be told from where the row begins
    return extends(after) or bool(_is_flag(before) and _is_flag(after))


def parts_word(text: str, at: int) -> bool:
    """Whether a cut before the code point `at` goes through a word, or through a character."""
    if not 0 < at < len(text):
        return False
    return (_in_word(text[at - 1]) and _in_word(text[at])) or parts_character(text, at)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


@lru_cache(maxsize=32)
def _patterns(marks: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """How to find words and characters, where these marks occur beside the joiners."""
    mark = f"[{_JOINERS}{re.escape(marks)}]"
    rest = rf"{mark}*(?:(?<={_JOINER})[^\w\s]{mark}*)*"  # marks, and what is joined on
    flag = f"[{_FLAG}][{_FLAG}]{rest}"
    word = rf"[^\W{_UNSPACED}](?:[^\W{_UNSPACED}]|{mark})*{rest}"
    words = rf"{word}|[{_UNSPACED}]{rest}|[^\S\r\n]+{rest}|\r?\n|{flag}|[^\w\s]{rest}|\r"
    characters = rf"\r\n|[\r\n]|{flag}|.{rest}"
    return re.compile(words), re.compile(characters)
