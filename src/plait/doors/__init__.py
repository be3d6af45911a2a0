"""The ways in for people and programs that speak something else than Plait: HTTP, WebSocket, Redis.

A door knows a `Store` and nothing below it. Who a request acts for is decided in `people`, once
for all doors. Absent: any guarantee that the store itself does not give.
"""
