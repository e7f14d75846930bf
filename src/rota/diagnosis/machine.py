"""The machine: its clock, its disk, and the ledger on it."""

from __future__ import annotations

import glob
import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

from rota.core import time_text
from rota.core.reasons import Reason, TroubleCode
from rota.core.reasons.remedies import reason
from rota.core.secrets import redact_value
from rota.core.time import SECOND
from rota.diagnosis import thresholds
from rota.diagnosis.evidence import ProjectEvidence
from rota.diagnosis.finding import Diagnosis, note, ok, some, warn
from rota.diagnosis.health import are_apart
from rota.runtime import private_files


def findings(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Look at ledger, disk and clocks."""
    yield _ledger(evidence)
    yield from _readers(evidence)
    yield from _disk(evidence)
    yield from _clocks(evidence)


def _ledger(evidence: ProjectEvidence) -> Diagnosis:
    trouble = evidence.ledger_trouble
    if trouble is not None:
        code, text = TroubleCode.LEDGER_UNREADABLE, f"{trouble.where}: {trouble.what}"
        return warn("ledger", Reason(code, text, trouble.remedy))
    state = evidence.health["ledger"]
    if state["state"] == "missing":
        return note("ledger", reason(TroubleCode.LEDGER_MISSING, "there is none yet."))
    latency = state.get("latency")
    commit = f", the last commit took {time_text.duration(latency)}" if latency else ""
    return ok("ledger", f"{state['url']} opens and can be read{commit}.")


def _readers(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """Check whether others can read or write what holds arguments, results and settings."""
    found = [file for file in _files(evidence) if file.exists()]
    foreign = [file for file in found if _is_of_another_user(evidence, file)]
    files = [file for file in found if file.stat().st_mode & private_files.OTHERS]
    if foreign:
        names = some([f"{file} (user {file.stat().st_uid})" for file in foreign])
        why = reason(
            TroubleCode.FILE_OWNERS,
            f"other users own {names}, or its directory, and may read and change it.",
            owner=str(os.geteuid()),
            files=" ".join(shlex.quote(str(file)) for file in foreign[:5]),
        )
        yield warn("file owners", why)
    if not files and not foreign:
        yield ok("file modes", "ledger, log and configuration are this user's alone.")
        return
    if not files:
        return
    names = some([f"{file} ({S_IMODE(file.stat().st_mode):o})" for file in files])
    why = reason(
        TroubleCode.FILE_MODES,
        f"others on this machine may read or change {names}.",
        files=" ".join(shlex.quote(str(file)) for file in files[:5]),
    )
    harmless = [one for one in files if one == evidence.config_file and _may_be_read(evidence)]
    yield (note if files == harmless else warn)("file modes", why)


def _may_be_read(evidence: ProjectEvidence) -> bool:
    """Return whether the configuration may be read by all users: it holds no secret, and only its
    owner may change it."""
    file, values = evidence.config_file, evidence.config.model_dump(mode="json")
    if file is None or file.stat().st_mode & private_files.WRITE:
        return False
    return bool(redact_value("", values) == values)


def _files(evidence: ProjectEvidence) -> Iterator[Path]:
    if evidence.config_file is not None:
        yield evidence.config_file
    ledger = _ledger_file(evidence)
    if ledger is not None:
        yield from (ledger, *(ledger.with_name(ledger.name + end) for end in ("-wal", "-shm")))
    log = evidence.config.loggers.log_file
    if log:
        path = Path(log).absolute()
        yield from (path, *sorted(path.parent.glob(f"{glob.escape(path.name)}.*")))


def _is_of_another_user(evidence: ProjectEvidence, file: Path) -> bool:
    """Return whether neither this user nor root owns a file or its directory; False if
    `manager.check_file_owners` is off, as for the volumes of a container."""
    if not evidence.config.manager.check_file_owners:
        return False
    known = (0, os.geteuid())
    return file.stat().st_uid not in known or file.parent.stat().st_uid not in known


def _ledger_file(evidence: ProjectEvidence) -> Path | None:
    scheme, _, rest = evidence.config.manager.ledger_url.partition("://")
    return Path(rest.removeprefix("/")).absolute() if scheme == "sqlite" else None


def _disk(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    file = _ledger_file(evidence)
    if file is None:
        return
    directory = file.parent
    try:
        usage = shutil.disk_usage(directory)
    except OSError as error:
        text = f"{directory}: {error.strerror}."
        yield warn("disk space", reason(TroubleCode.DISK_MISSING, text))
        return
    free = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.0f} free at {directory}."
    if usage.free < thresholds.DISK_LOW:
        yield warn("disk space", reason(TroubleCode.DISK_LOW, free))
    else:
        yield ok("disk space", free)


def _clocks(evidence: ProjectEvidence) -> Iterator[Diagnosis]:
    """A heartbeat from the future comes from a clock that is ahead of ours."""
    fast = [
        f"{node.name} by {time_text.duration((node.seen_at - evidence.now) / SECOND)}"
        for node in evidence.nodes
        if node.seen_at > evidence.now and are_apart((node.seen_at - evidence.now) / SECOND)
    ]
    if fast:
        why = f"the last heartbeat is in the future: {some(fast)}."
        yield warn("clocks", reason(TroubleCode.CLOCKS_APART, why))
    elif evidence.nodes:
        yield ok("clocks", "no node's last heartbeat is in the future.")
