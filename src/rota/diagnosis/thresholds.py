"""From when on something is wrong: every limit that a diagnosis goes by, with its unit and reason.

Read them as `thresholds.NAME` when they are needed: a test may change one. What decides over runs
(`core/catchup.py`, `core/verification/`) has limits of its own: those are rules, no diagnosis.
"""

from __future__ import annotations

# --- work that is due ---

START_LATE = 5.0
"""Seconds that a due run may wait that could start: `healthy` promises no more. From then on the
health also says what a run waits for."""

WAIT_LONG = 30.0
"""Seconds that a due run may wait for a slot, a limit or an earlier run: a burst clears by then."""

PLAN_LATE = 5.0
"""Seconds that an occurrence may be due without a row, with the same promise as `START_LATE`."""

PLAN_SURE = 1.0
"""Seconds that a missing row must be seen missing: it may be on its way into the ledger."""

WRITE_LATE = 5.0
"""Seconds that the end of an attempt may take to reach the ledger; a batch takes milliseconds."""

STALLED = 10.0
"""Seconds for which messages wait while slots are free before the broker is said to deliver
nothing. A message that is seldom fetched may be sent anew: so long nothing may be seen of it."""

LOOK_SURE = 0.1
"""Seconds that the dispatcher may take for a look. A run counts as able to start only if two looks
in this time found nothing to claim; a look takes milliseconds, and the caller waits for them."""

# --- the loops of a node ---

TICK_LATE = 5.0
"""Seconds without a tick: the clock ticks at least once a second."""

TICK_DEAD = 60.0
"""Seconds without a tick after which only a restart helps: twelve times what is a trouble, so that
no probe restarts a node that is only slow."""

TURN_LATE = 5.0
"""Seconds by which a loop may turn late, and for which work may wait for it."""

TURN_LONG = 10.0
"""Seconds that one turn may take; a longer one that is in order reports that it moves on."""

ENGINE_STANDS = 2.0
"""Seconds without a sign of life of the loop that carries all others: it beats four times a
second."""

TASK_LOOP_SILENT = 0.4
"""Seconds without a sign of life after which a coroutine is said to block the loop of the tasks: it
has to be named within a second."""

INTERPRETER_STOOD = 1.0
"""Seconds that a thread which wakes four times a second may not run: then all threads stood."""

# --- the ledger ---

LEDGER_SLOW = 2.0
"""Seconds that a write may take before the ledger is slow: a commit takes milliseconds."""

LEDGER_ANSWER = 1.5
"""Seconds that the ledger has to answer `/health` and `/metrics`: monitors wait for two."""

NODE_ANSWER = 3.0
"""Seconds that a node has to answer the command line, which is twice its ledger's time."""

# --- clocks and the machine ---

CLOCKS_APART = 1.0
"""Seconds that two clocks may differ: NTP keeps them within milliseconds."""

DISK_LOW = 512 * 2**20
"""Bytes that must be free: with less, a ledger that grows and its log stop soon."""

# --- log records ---

LOG_SLOW = 5.0
"""Seconds that a log record may wait for the one before it."""

LOG_HELD = 2.0
"""Seconds that a handler may take for one record."""

LOG_REMEMBERED = 600.0
"""Seconds for which a lost record is a trouble, unless another was delivered since."""

# --- memory ---

GROWTH_RUNS = 30
"""Runs that a trend needs: fewer say nothing, since every process grows when it begins."""

GROWTH_PARTS = 5
"""Parts of the runs that must rise one after the other: a step, or growth that ends, is no leak."""

GROWTH_LITTLE = 8 * 2**20
"""Bytes of growth that are no trouble: allocators and caches move by that much."""

GROWTH_SHARE = 0.1
"""Share of the first runs' memory by which the last must exceed them."""

GROWTH_NOISE = 4.0
"""Times the noise around the trend that the whole growth must exceed."""

# --- how far a diagnosis looks, and how much it lists ---

MEMORY_RUNS = 60
"""Runs of a task whose peak memory is compared: twice what a trend needs."""

MEMORY_TASKS = 500
"""Tasks whose last runs are looked at one by one: each costs a query."""

DAY_RUNS = 100_000
"""Runs of the last day that are looked at: more would take longer than a minute."""

DAY_PAGE = 2_000
"""Runs that are read at once."""

MOST_TASKS = 10
"""Tasks that a node names one by one as unplanned."""

MOST_WAITS = 5
"""Tasks whose waiting is reported, those that wait longest."""

MOST_BROKEN = 20
"""Broken tasks that a report names."""

MOST_DAMAGED = 50
"""Damaged rows that the doctor lists."""

MOST_UNRUN = 10
"""Tasks with runs that did not happen that the doctor lists."""

MOST_REPEATED = 5
"""Tasks with repeated attempts that the doctor lists."""

MOST_MISSED = 200
"""Missed runs of the last day among which the Now page looks for tasks."""

MOST_VERIFIED = 100
"""Findings of the verification that the ledger keeps."""

ANSWER_BYTES = 10 * 2**20
"""Bytes of a node's answer that are read: something else may listen at its address."""

# --- for how long a finding counts ---

FINDING_KEPT = 86_400.0
"""Seconds for which a finding of the verification is reported: a day, for a look once a day."""

HOLE_KEPT = 3600.0
"""Seconds for which a hole that has its row by now keeps a node from being healthy."""
