"""Ready-made merge functions, for ``Register(resolve=Merge(...))``; public as `plait.merge`."""

from plait.types.merging.collections import merge_max, merge_min, merge_union
from plait.types.merging.fields import merge_json
from plait.types.merging.functions import (
    MergeFunction,
    find_function,
    register_function,
)
from plait.types.merging.three_way import merge_text

text = register_function(MergeFunction("plait.text", 1, merge_text))
json = register_function(MergeFunction("plait.json", 1, merge_json))
union = register_function(MergeFunction("plait.union", 1, merge_union))
max = register_function(MergeFunction("plait.max", 1, merge_max))
min = register_function(MergeFunction("plait.min", 1, merge_min))

__all__ = [
    "MergeFunction",
    "find_function",
    "json",
    "max",
    "min",
    "register_function",
    "text",
    "union",
]
