"""The HTTP and WebSocket door: `asgi(store)` to mount anywhere, `Serving` to listen.

Needs ``pip install plait[web]``. Read `door` first, then `operation`, `guarding` and `problems`.
"""

from plait.doors.http.door import asgi
from plait.doors.http.limits import HttpLimits

__all__ = ["HttpLimits", "asgi"]
