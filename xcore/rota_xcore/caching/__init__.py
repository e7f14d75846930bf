"""A cache of JSON values, in Redis if it is configured, otherwise in this process's memory."""

from rota_xcore.caching.decorators import cache_evict, cached, cached_property
from rota_xcore.caching.manager import CacheManager

__all__ = ["CacheManager", "cache_evict", "cached", "cached_property"]
