"""Where an object stands in its document: a tuple of components, each ``tag:name``.

A child's identity derives from its parent, its name and its type, so two replicas that create it
at the same time mean the same object, and a field whose type was changed is another child.
"""

from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]


def component(tag: str, name: str) -> str:
    """The component of a child called `name` whose type has this tag."""
    return f"{tag}:{name}"


def tag_of(part: str) -> str:
    """The tag of a component; what has no colon is all tag."""
    return part.partition(":")[0]


def name_of(part: str) -> str:
    """The name in a component."""
    return part.partition(":")[2]
