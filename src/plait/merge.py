"""Ready-made merge functions: ``Register(str, resolve=Merge(plait.merge.text))``.

Each gets ``(base, siblings)`` and depends on nothing else; `plait.types.merging` has them. A
function of your own does the same, and needs no registration.
"""

from plait.types.merging import json, max, min, text, union

__all__ = ["json", "max", "min", "text", "union"]
