"""The laws of graph types: what makes replicas that never wait agree in the end.

::

    from plait.check.laws import assert_laws

    def test_my_type_keeps_the_laws():
        assert_laws(MyType())

`plait laws my.module:MyType` does the same from the command line. A run is a `Schedule` drawn from
a seed (`drawing`), lived through by a few replicas (`world`), with laws tried on copies on the way
(`probes`); what breaks is made small (`shrink`) and shown as a diagram (`diagram`).
"""

from plait.check.laws.contract import Event, Happened, Here, Subject, missing
from plait.check.laws.law import LAWS, Broken
from plait.check.laws.suite import SCHEDULES, Counterexample, Report, assert_laws, check_type

__all__ = [
    "LAWS", "SCHEDULES", "Broken", "Counterexample", "Event", "Happened", "Here", "Report",
    "Subject", "assert_laws", "check_type", "missing",
]  # fmt: skip
