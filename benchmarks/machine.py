"""What machine a run was made on, as far as it bears on the figures."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

import psutil

from orchestrator.process import scope

from .ground import in_memory
from .leaking import daemons
from .noise import measure_noise

_GIB = 1 << 30
_BASELINES = ("supervisor", "circus")
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
        "baselines": ", ".join(f"{name} {_version(name)}" for name in _BASELINES),
        "tmux": _tmux(),
        "servers": daemons.versions(),
        "compiler": _first_line("cc", "--version"),
        "plots": f"matplotlib {_version('matplotlib')}",
        "cgroups": _cgroups(),
        "files": f"of a run on {_file_system(in_memory())}; of the registry on {_file_system()}",
        "noise": str(measure_noise()),
    }


def _file_system(folder: Path | None = None) -> str:
    """Name the kind of file system of a folder; None for that of temporary files."""
    path = folder or Path(tempfile.gettempdir())
    mounted = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    return next((mounted[one] for one in (path, *path.parents) if one in mounted), "unknown")


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
    return _first_line("tmux", "-V")


def _first_line(name: str, option: str) -> str:
    """Return the first line of what a program says of itself."""
    program = shutil.which(name)
    if program is None:
        return "not installed"

    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    return next(iter(done.stdout.strip().splitlines()), "") or "not known"


def _cgroups() -> str:
    """Say what control groups agents get here; found out by trying, as a nursery does."""
    offer = scope.probe()
    if offer.path is None:
        return "none for agents"

    names = [name for name in ("kill", "freeze", "memory") if getattr(offer, name)]
    made = "in a scope of the user's systemd" if offer.scope else "in the own group"
    return f"v2, one for each agent, made {made}: {', '.join(names) or 'no controls'}"
