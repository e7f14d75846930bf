"""`@cached`, `@cached_property` and `@cache_evict`."""

from __future__ import annotations

import inspect
import json
import math
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from glob import escape
from typing import Any, Generic, ParamSpec, TypeVar, overload

from rota_xcore.caching.manager import CacheManager

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
Async = Callable[P, Awaitable[R]]
_MISS = object()


@overload
def cached(func: Async[P, R], /) -> Async[P, R]: ...


@overload
def cached(
    *, ttl: float | None = None, key: str | None = None, cache: CacheManager | None = None
) -> Callable[[Async[P, R]], Async[P, R]]: ...


def cached(
    func: Async[P, R] | None = None,
    /,
    *,
    ttl: float | None = None,
    key: str | None = None,
    cache: CacheManager | None = None,
) -> Async[P, R] | Callable[[Async[P, R]], Async[P, R]]:
    """Cache the result of an `async def` function for `ttl` seconds (None: the cache's default).

    `key` is a template of the arguments, like "user:{user_id}". Without one, the key is the name of
    the function and its arguments (all but `self`), which must then be JSON. The result must be
    JSON too: it is returned as JSON restores it, a tuple as a list. Raises TypeError for a plain
    function.
    """
    manager = cache or CacheManager()

    def decorate(func: Async[P, R]) -> Async[P, R]:
        _must_be_async(func, "cached")
        signature = inspect.signature(func)

        @wraps(func)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = _arguments(signature, args, kwargs)
            full = key.format(**bound) if key is not None else _default_key(func, bound)
            value = await manager.get(full, _MISS)
            if value is _MISS:
                value = await func(*args, **kwargs)
                await manager.set(full, value, ttl)
                value = json.loads(json.dumps(value))  # the same type now as on every later call
            return value  # type: ignore[no-any-return]

        return wrapper

    return decorate(func) if func is not None else decorate


def cache_evict(
    *patterns: str, cache: CacheManager | None = None
) -> Callable[[Async[P, R]], Async[P, R]]:
    """Delete these keys after an `async def` function has returned, but not after it has raised.

    A pattern may hold wildcards and arguments of the function: "product:*", "user:{user_id}".
    """
    manager = cache or CacheManager()

    def decorate(func: Async[P, R]) -> Async[P, R]:
        _must_be_async(func, "cache_evict")
        signature = inspect.signature(func)

        @wraps(func)
        async def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            result = await func(*args, **kwargs)
            bound = _arguments(signature, args, kwargs)
            # Only the wildcards of the pattern itself count, never those in an argument.
            safe = {k: escape(v) if isinstance(v, str) else v for k, v in bound.items()}
            for pattern in patterns:
                await manager.delete_pattern(pattern.format(**safe))
            return result

        return wrapper

    return decorate


class cached_property(Generic[R]):
    """A property computed once per instance, or once every `ttl` seconds; `del` clears it.

    Read it as `obj.total` if the method is plain, or as `await obj.total` if it is `async def`. The
    value is kept on the instance: it may be any object, and no other process sees it.
    """

    @overload
    def __init__(self, func: Callable[[Any], R], /) -> None: ...

    @overload
    def __init__(self: cached_property[Any], /, *, ttl: float | None = None) -> None: ...

    def __init__(
        self, func: Callable[[Any], R] | None = None, /, *, ttl: float | None = None
    ) -> None:
        self._ttl = math.inf if ttl is None else ttl
        self._name = ""
        if func is not None:
            self(func)

    def __call__(self, func: Callable[[Any], S], /) -> cached_property[S]:
        """Set the method, if the decorator was written with arguments."""
        self._func: Callable[[Any], Any] = func
        self.__doc__ = func.__doc__
        return self  # type: ignore[return-value]

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_cached_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[R]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> R: ...

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        if inspect.iscoroutinefunction(self._func):
            return self._awaited(instance)
        value = self._kept(instance)
        return self._keep(instance, self._func(instance)) if value is _MISS else value

    def __delete__(self, instance: object) -> None:
        vars(instance).pop(self._name, None)

    async def _awaited(self, instance: object) -> Any:
        value = self._kept(instance)
        if value is _MISS:
            result: Any = self._func(instance)
            value = self._keep(instance, await result)
        return value

    def _kept(self, instance: object) -> Any:
        value, until = vars(instance).get(self._name, (_MISS, math.inf))
        return value if time.monotonic() < until else _MISS

    def _keep(self, instance: object, value: Any) -> Any:
        vars(instance)[self._name] = value, time.monotonic() + self._ttl
        return value


def _must_be_async(func: Callable[..., Any], decorator: str) -> None:
    if not inspect.iscoroutinefunction(func):
        raise TypeError(
            f"@{decorator} is for async def functions; {getattr(func, '__qualname__', func)} is "
            "not one. For a plain function use functools.lru_cache."
        )


def _arguments(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _default_key(func: Callable[..., Any], arguments: dict[str, Any]) -> str:
    told = {name: value for name, value in arguments.items() if name not in ("self", "cls")}
    name = f"{func.__module__}.{func.__qualname__}"
    try:
        return f"{name}:{json.dumps(told, sort_keys=True)}"
    except (TypeError, ValueError):
        raise TypeError(
            f"the arguments of {name} cannot be written as a key. "
            'Give @cached a key, like key="user:{user.id}".'
        ) from None
