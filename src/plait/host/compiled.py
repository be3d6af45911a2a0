"""Which modules run compiled: those whose machine code was built beside the plain ones.

`PLAIT_COMPILE=1 pip wheel .` builds them (setup.py says which). They do the same as the plain ones.
Absent: a switch between the two; Python takes what is installed.
"""

import sys
from importlib.machinery import EXTENSION_SUFFIXES

_SHARED = "__mypyc"  # how mypyc names the library that holds the code of several modules


def compiled_modules() -> list[str]:
    """The names of Plait's modules that are loaded and compiled, in order."""
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name.startswith("plait.")
        and not name.endswith(_SHARED)
        and (getattr(module, "__file__", None) or "").endswith(tuple(EXTENSION_SUFFIXES))
    )
