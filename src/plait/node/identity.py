"""What a folder remembers of who it is: its node's name and its cluster.

A folder never changes its cluster, and a node never its name: lines of two clusters must not mix,
and a member that comes back under another name would count twice. A folder that was part of a
cluster needs nothing else to be started again.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings, Corrupt
from plait.base.ids import hex_id
from plait.base.ports import PutHardState, Random, Storage
from plait.engines.sharing import public_url
from plait.node.config import NodeConfig
from plait.node.written import written

IDENTITY_LINE = "node"  # a line of its own that has hard state only


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """Who this folder is."""

    name: str
    cluster: str
    joins: bool = False  # the cluster existed: the folder never founds it, however it is started
    folder: str = ""  # drawn when the folder was made, to tell it from all others
    engine: str = ""  # the URL of what orders its control line; "": the nodes


async def identify(storage: Storage, config: NodeConfig, random: Random) -> Identity:
    """The folder's identity, made now if it has none; `BadSettings` if it is somebody else's."""
    extent = storage.log.lines().get(IDENTITY_LINE)
    if extent is not None and extent.hard_state is not None:
        return _check(_decode(extent.hard_state), config)
    # who founds alone founds a cluster that nobody can take for another
    named = bool(config.engine) or not config.alone
    cluster = config.cluster if named else f"alone-{hex_id(random)}"
    identity = Identity(config.name, cluster, config.joins, hex_id(random), config.engine)
    if storage.log.read_only is None:
        await written(storage.log, (PutHardState(IDENTITY_LINE, encode(identity)),))
    return identity


def _decode(data: bytes) -> Identity:
    try:
        return decode(data, type=Identity)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the folder's identity cannot be read: {error}") from None


def _check(identity: Identity, config: NodeConfig) -> Identity:
    if config.engine and public_url(config.engine) != public_url(identity.engine):
        raise BadSettings(
            f"the control line of this folder is on "
            f"{public_url(identity.engine) or 'the nodes themselves'}, "
            f"not on {public_url(config.engine)}"
        )
    if config.engine and config.engine != identity.engine:
        identity = msgspec.structs.replace(identity, engine=config.engine)  # another password
    if config.alone and not config.engine:
        if config.name in (identity.name, NodeConfig.__struct_defaults__[0]):
            return identity  # who the other nodes are is in the folder too
        raise BadSettings(f"this folder belongs to node {identity.name!r}, not to {config.name!r}")
    if (identity.name, identity.cluster) != (config.name, config.cluster):
        raise BadSettings(
            f"this folder belongs to node {identity.name!r} of cluster {identity.cluster!r}, "
            f"not to {config.name!r} of {config.cluster!r}"
        )
    return identity
