"""The cache; everything lives in `rota.caching`."""

from rota.caching import CacheManager, cache_evict, cached, cached_property

__all__ = ["CacheManager", "cache_evict", "cached", "cached_property"]
