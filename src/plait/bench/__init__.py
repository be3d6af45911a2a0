"""Side-by-side measurements: Plait and its peers on one machine, in one run, as ratios.

Peers are real servers, from wheels where there are any, started as child processes in a temporary
folder. Every figure is a median over rounds, and each round visits every system in turn, so that
whatever drifts (a warm disk, a busy neighbour) hits all alike. Absolute figures say little beyond
the machine that they were taken on.

`measure` what a figure is, `load` how it is made, `rounds` the turns, `processes` how servers live
and die, one file a system (`cluster` and `plait_client` for ours, `*_thin`, `*_node` and
`*_control` where one needs more), `leader` and `consensus` the scenarios, `failover` what a kill
measures and `failovers` whom it befalls, `sim` the simulator beside the clock on the wall,
`report*` what is shown, `aims` what was hoped for.
"""
