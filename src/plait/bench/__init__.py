"""Side-by-side measurements: Plait and its peers on one machine, in one run, as ratios.

Peers are real servers from wheels, started as child processes in a temporary folder. Every
figure is a median over rounds, and each round visits every system in turn, so that whatever
drifts (a warm disk, a busy neighbour) hits all alike. Absolute figures say little beyond the
machine that they were taken on.

`measure` what a figure is, `load` how it is made, `processes` how servers live and die, one file
a system (`cluster` and `plait_client` for ours), `leader` the scenario, `report` what is shown.
"""
