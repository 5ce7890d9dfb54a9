"""A local Ray cluster for tests, and the processes of its workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def local_cluster(workers: int = 2, path: str = "") -> Iterator[Any]:
    """Ray's module, connected to a cluster on this machine that is there for the block only.

    Args:
        workers: how many tasks or actors it runs at a time.
        path: a folder whose modules its workers find.
    """
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # no token is left in the user's folder
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([path, str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        )
        ray.init(
            address="local", num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
            object_store_memory=100 * 2**20,
        )  # fmt: skip
        try:
            yield ray
        finally:
            ray.shutdown()


def workers_at(name: str, root: int) -> list[int]:
    """The Ray workers below a process that work on a task or an actor of this name, as their titles say."""
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                titles[int(entry.name)] = (entry / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue

    def below(pid: int) -> bool:
        while pid not in (0, root):
            pid = parents.get(pid, 0)
        return pid == root

    return [pid for pid, title in titles.items() if title.startswith(f"ray::{name}") and below(pid)]
