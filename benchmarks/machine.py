"""What machine a run was made on, as far as it bears on the figures."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

_GIB = 1 << 30
_PACKAGES = ("orchestrator-keeper", "anyio", "trio", "mcp", "pydantic", "psutil")


def describe() -> dict[str, str]:
    """Describe the machine, without its name."""
    return {
        "cores": f"{_usable_cores()} usable of {os.cpu_count()}; {_processor()}",
        "memory": f"{psutil.virtual_memory().total / _GIB:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load": " ".join(f"{part:.2f}" for part in os.getloadavg()) + " (1, 5, 15 min, at start)",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "tmux": _tmux(),
    }


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))

    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"

    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown processor")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _tmux() -> str:
    program = shutil.which("tmux")
    if program is None:
        return "not installed"

    done = subprocess.run([program, "-V"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not known"
