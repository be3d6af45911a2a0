"""Mistakes in rights: when a node looks, at what, and on whose behalf."""

from mistake import Mistake, Patch
from mistakes_worlds import world
from msgspec.structs import replace

from plait.node.guard import Guard
from plait.node.rights import Rights
from plait.types.rights import EVERY

watched = world("rights", kill=4.0, partition=4.0, pause=4.0)


def a_guard_looks_once(patch: Patch) -> None:
    look = Guard.look

    def only_at_first(self):
        if self._generation < 0:
            look(self)

    patch.setattr(Guard, "look", only_at_first)


def a_token_has_no_end(patch: Patch) -> None:
    patch.setattr(Rights, "expired", lambda self, principal: False)


def a_revoked_token_is_remembered(patch: Patch) -> None:
    look = Rights.look

    def keeping(self):
        before = self._tokens
        look(self)
        self._tokens = before | self._tokens

    patch.setattr(Rights, "look", keeping)


def a_transaction_is_asked_for_one_of_its_writes(patch: Patch) -> None:
    check = Guard._check_transaction

    def the_first(self, command):
        check(self, replace(command, writes=command.writes[:1]))

    patch.setattr(Guard, "_check_transaction", the_first)


def a_feed_asks_for_no_prefix(patch: Patch) -> None:
    patch.setattr(Guard, "feeds", lambda self, table: EVERY)


def what_was_good_once_is_good(patch: Patch) -> None:
    check = Guard._check_command
    good: set[tuple[int, str]] = set()

    def looks_once(self, line, command):
        if (id(self), line) not in good:
            check(self, line, command)
            good.add((id(self), line))

    patch.setattr(Guard, "_check_command", looks_once)


MISTAKES = (
    Mistake(a_guard_looks_once, watched),
    Mistake(a_token_has_no_end, watched),
    Mistake(a_revoked_token_is_remembered, watched),
    Mistake(a_transaction_is_asked_for_one_of_its_writes, watched),
    Mistake(a_feed_asks_for_no_prefix, watched),
    Mistake(what_was_good_once_is_good, watched),
)
