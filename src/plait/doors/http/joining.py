"""Modules that a page imports, handed out as one file: a browser asks once instead of 120 times.

What is written stays what it is: plain modules, one noun each, which browsers and Node load as they
stand. Here each becomes a function that is called once, after those that it imports::

    import { pack as packed } from "./codec.js";        const plait$3 = (() => { // client/event.js
    export class Event { ... }                     →    const { pack: packed } = plait$1;
                                                        class Event { ... }
                                                        return { Event };
                                                        })();

Invariant: the joined file exports what its first module exports, and each module is in it once. A
line stays a line, so the map beside it (ECMA-426), which browsers' tools read, says where each is
from. Modules at absolute paths (``/client.js``), and of folders beside the page's own
(``../kit/token.js``), are still imported, being one for the whole page.

Absent: a parser of JavaScript. `NotJoinable` is raised for whatever is written in another way than
our modules are: circles, ``export default``, ``export let``, dynamic imports, ``import.meta``.
Nothing is renamed, left out, or made smaller.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

MODULES_MAX = 512

_NAMES = r"\{(?P<names>[^{}]*)\}"
_IMPORT = re.compile(
    rf'^import\s+(?:(?:{_NAMES}|\*\s*as\s+(?P<all>[\w$]+))\s*from\s*)?"(?P<path>[^"\n]+)";', re.M
)
_EXPORT = re.compile(rf'^export\s+(?:{_NAMES}|\*)(?:\s*from\s*"(?P<path>[^"\n]+)")?;', re.M)
_DECLARED = re.compile(
    r"^export (?=(?:(?:async )?function\*? ?|class |const )(?P<name>[A-Za-z_$][\w$]*))", re.M
)
_OTHERWISE = re.compile(r"^(?:import|export)\b.*|^[^*\n]*\bimport\s*[(.].*", re.M)
_COMMENT = re.compile(r"^[ \t]*(?:/?\*|//).*", re.M)


class NotJoinable(Exception):
    """Modules that this does not know how to join; they can still be served one by one."""


class Joined(NamedTuple):
    """Modules in one file."""

    text: str
    parts: tuple[Path, ...]  # in their order; the first module is last
    starts: tuple[int, ...]  # the line of the text, from 0, that is each part's first


class _Module(NamedTuple):
    """One module, and what of it others may import."""

    number: int
    path: Path
    body: str  # a function's, without its return
    exports: dict[str, str]  # the expression for each name

    @property
    def name(self) -> str:
        """What the module is called in the joined file."""
        return f"plait${self.number}"


def join_modules(first: Path) -> Joined:
    """A module and all that it imports, in one file. Raises `NotJoinable` and `OSError`."""
    return _Joining(first.resolve()).joined()


def map_of(joined: Joined, folder: Path) -> str:
    """The source map of a joined file that is served as if it were in `folder`."""
    mappings: list[str] = []
    source, line = 0, 0
    for number, start in enumerate(joined.starts):
        mappings += [""] * (start - len(mappings))
        count = joined.parts[number].read_text(encoding="utf-8").count("\n")
        for at in range(count):
            mappings.append("A" + _vlq(number - source) + _vlq(at - line) + "A")
            source, line = number, at
    sources = [part.relative_to(folder).as_posix() for part in joined.parts]
    return json.dumps(
        {"version": 3, "sources": sources, "names": [], "mappings": ";".join(mappings)}
    )


class _Joining:
    """The modules that were found so far."""

    def __init__(self, first: Path) -> None:
        self._first = first
        self._modules: dict[Path, _Module] = {}  # in the order in which they are to run
        self._open: list[Path] = []  # modules whose imports are being looked for
        self._others: dict[str, str] = {}  # how a module at an absolute path is called, by path

    def joined(self) -> Joined:
        """All of them."""
        top = self._module(self._first)
        root = self._first.parent
        pieces = [f"// {top.path.name} and what it imports, {len(self._modules)} modules joined\n"]
        pieces += [f'import * as {name} from "{path}";\n' for path, name in self._others.items()]
        line, starts = len(pieces), []
        for module in self._modules.values():
            returned = ", ".join(f"{name}: {what}" for name, what in module.exports.items())
            place = module.path.relative_to(root).as_posix()
            pieces.append(f"const {module.name} = (() => {{ // {place}\n")
            pieces += [module.body, f"return {{ {returned} }};\n}})();\n"]
            starts.append(line + 1)
            line += module.body.count("\n") + 3
        if top.exports:
            pieces.append(f"export const {{ {', '.join(top.exports)} }} = {top.name};\n")
        pieces.append(f"//# sourceMappingURL={self._first.name}.map\n")
        return Joined("".join(pieces), tuple(self._modules), tuple(starts))

    def _module(self, path: Path) -> _Module:
        if path in self._modules:
            return self._modules[path]
        if path in self._open:
            raise NotJoinable(f"{path.name} imports itself, by way of others")
        if len(self._open) + len(self._modules) >= MODULES_MAX:
            raise NotJoinable(f"more than {MODULES_MAX} modules")
        if not path.is_relative_to(self._first.parent):
            raise NotJoinable(f"{path.name} is not beside {self._first.name} or below")
        self._open.append(path)
        body, exports = self._taken_apart(path)
        self._open.pop()
        module = _Module(len(self._modules), path, body, exports)
        self._modules[path] = module
        return module

    def _taken_apart(self, path: Path) -> tuple[str, dict[str, str]]:
        """A module's body, and the expression for each name that it exports."""
        exports: dict[str, str] = {}

        def imported(found: re.Match[str]) -> str:
            name = self._imported(path, found["path"])[0]
            if found["all"]:
                return _on_first(f"const {found['all']} = {name};", found[0])
            if found["names"] is None:
                return _on_first("", found[0])  # for what it does
            pairs = _pairs(found["names"])
            names = ", ".join(f"{theirs}: {ours}" for theirs, ours in pairs)
            return _on_first(f"const {{ {names} }} = {name};", found[0])

        def exported(found: re.Match[str]) -> str:
            pairs = _pairs(found["names"]) if found["names"] is not None else None
            if found["path"]:
                name, known = self._imported(path, found["path"])
                exports.update(
                    {to: f"{name}.{of}" for of, to in pairs or [(one, one) for one in known]}
                )
            else:
                exports.update({to: of for of, to in pairs or []})
            return _on_first("", found[0])

        def declared(found: re.Match[str]) -> str:
            exports[found["name"]] = found["name"]
            return ""

        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        body = _EXPORT.sub(exported, _IMPORT.sub(imported, text))
        body = _DECLARED.sub(declared, body)
        if found := _OTHERWISE.search(_COMMENT.sub("", body)):
            raise NotJoinable(f"{path.name}: {found[0][:80]}")
        return body if body.endswith("\n") else body + "\n", exports

    def _imported(self, by: Path, path: str) -> tuple[str, list[str]]:
        """How a module is called here, and what it exports, if it is one of ours."""
        if path.startswith(("./", "../")):
            file = (by.parent / path).resolve()
            root = self._first.parent
            if file.is_relative_to(root) or file.parent.parent != root.parent:
                module = self._module(file)
                return module.name, list(module.exports)
            path = Path(os.path.relpath(file, root)).as_posix()  # of a folder beside this one
        elif not path.startswith("/"):
            raise NotJoinable(f"{by.name} imports {path!r}")
        return self._others.setdefault(path, f"plait$at{len(self._others)}"), []


def _pairs(names: str) -> list[tuple[str, str]]:
    """``a, b as c`` as pairs."""
    found = []
    for one in names.split(","):
        if one.strip():
            theirs, _, ours = one.partition(" as ")
            found.append((theirs.strip(), ours.strip() or theirs.strip()))
    return found


def _on_first(text: str, instead_of: str) -> str:
    """A text on the first of the lines of another."""
    return text + "\n" * instead_of.count("\n")


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _vlq(number: int) -> str:
    """A number as source maps write it: Base64 digits of five bits, the lowest first."""
    rest = abs(number) << 1 | (number < 0)
    text = ""
    while True:
        rest, digit = rest >> 5, rest & 31
        text += _DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text
