"""Mistakes in groups of consumers: who holds one, where it goes on, what counts as done."""

from mistake import Mistake, Patch
from mistakes_worlds import world
from msgspec.structs import replace

from plait.api import consumer as consuming
from plait.api.consumer import Consumer
from plait.api.group_row import GroupRow, place_of
from plait.client import feed as feeding

handed_over = world("consumers", kill=3.0, partition=3.0, reset=2.0)


def an_older_holder_goes_on(patch: Patch) -> None:
    async def whoever_holds_it(self, t):
        self._held()
        return place_of(await t.get(self._group))

    patch.setattr(Consumer, "_found", whoever_holds_it)


def a_group_goes_on_from_now(patch: Patch) -> None:
    swap = GroupRow._swap

    async def from_the_end(self, old, new):
        if old is not None:
            new = replace(new, cursor=(await self._look())[0])
        return await swap(self, old, new)

    patch.setattr(GroupRow, "_swap", from_the_end)


def what_was_taken_counts_as_done(patch: Patch) -> None:
    commit = Consumer.commit

    async def all_that_came(self, batch=None):
        await commit(self, self._taken[-1] if self._taken else batch)

    patch.setattr(Consumer, "commit", all_that_came)


def passes_over_what_was_not_done(patch: Patch) -> None:
    patch.setattr(Consumer, "_passes_over", lambda self, watch: not watch.ready)
    patch.setattr(consuming, "_later", lambda one, other: other or one)


def a_feed_begins_again_where_it_began(patch: Patch) -> None:
    take = feeding._Subscription.take

    async def from_its_start(self):
        feed = await take(self)
        if feed.items:
            first = feed.items[0]
            feed = replace(feed, next=(first.position, first.offset))
        return feed

    patch.setattr(feeding._Subscription, "take", from_its_start)


MISTAKES = (
    Mistake(an_older_holder_goes_on, handed_over),
    Mistake(a_group_goes_on_from_now, handed_over),
    Mistake(what_was_taken_counts_as_done, handed_over),
    Mistake(passes_over_what_was_not_done, handed_over),
    Mistake(a_feed_begins_again_where_it_began, handed_over),
)
