"""The cache; everything lives in `rota_xcore.caching`."""

from rota_xcore.caching import CacheManager, cache_evict, cached, cached_property

__all__ = ["CacheManager", "cache_evict", "cached", "cached_property"]
