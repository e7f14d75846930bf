"""Whether and when a failed run is tried again."""

from __future__ import annotations

from hashlib import blake2b

from rota.core.outcome import Outcome
from rota.core.task import Policy
from rota.core.time import Instant, seconds

_UNSTARTABLE, _NO_RESULT = "rota.errors.UnstartableError", "rota.errors.ResultError"


def is_without_result(outcome: Outcome) -> bool:
    """Return whether the function's return value has no JSON form."""
    return _NO_RESULT in outcome.error_types


def is_final(outcome: Outcome) -> bool:
    """Return whether no policy retries this outcome. Another attempt would end like this one; or,
    if the return value has no JSON form, it would repeat side effects.
    """
    return is_without_result(outcome) or _UNSTARTABLE in outcome.error_types


def is_retryable(outcome: Outcome, policy: Policy) -> bool:
    """Return whether `retry_on` and `no_retry_on` allow a retry of this outcome.

    A timeout counts as `TimeoutError`. `no_retry_on` wins over `retry_on`.
    """
    names = set(outcome.error_types)
    if names.intersection(policy.no_retry_on):
        return False
    return not policy.retry_on or bool(names.intersection(policy.retry_on))


def delay(policy: Policy, run_id: str, failures: int) -> Instant:
    """Return the back-off after the `failures`-th failure, in microseconds.

    Exponential, capped at `retry_max_delay`, then spread over the upper half of itself so that
    runs that failed together do not come back together ("equal jitter", M. Brooker, AWS
    Architecture Blog, 2015). The spread is derived from the run and the count, so every node
    computes the same. A list of delays is kept to as it is written; its last one is for all
    further failures.
    """
    if isinstance(policy.retry_delay, tuple):
        return seconds(policy.retry_delay[min(failures, len(policy.retry_delay)) - 1])
    exponent = min(failures - 1, 64)
    full = min(policy.retry_delay * policy.retry_backoff**exponent, policy.retry_max_delay)
    digest = blake2b(f"{run_id}/{failures}".encode(), digest_size=8).digest()
    fraction = int.from_bytes(digest) / 2**64
    return seconds(full * (0.5 + fraction / 2))
