# Starts a real daemon in the background, as people do, in the folder that it is told, and says so
# when its socket is there: KIND FOLDER USER GROUP PROGRAM... PostgreSQL insists on
# another user than root. It ends when there is a file "end" in the folder.
from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from alive import here

NGINX = """
daemon on;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen unix:{folder}/socket;
        return 204;
    }}
}}
"""
REDIS = ["--daemonize", "yes", "--port", "0", "--save", "", "--logfile", "redis.log"]
INITDB = ["--no-sync", "--locale=C", "--auth=trust", "--username=agent", "--pgdata=data"]
OPTIONS = "-F -h '' -c autovacuum=off -c dynamic_shared_memory_type=mmap"


def run(*words: str, **options: Any) -> None:
    subprocess.run(words, cwd=FOLDER, stdout=subprocess.DEVNULL, check=True, **options)


def wait_listening(path: Path) -> None:
    # For 20 s at most: its alarm ends this agent later than that.
    for _ in range(1000):
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return

        select.select([], [], [], 0.02)

    sys.exit(f"nobody listens at {path}")


KIND, FOLDER, USER, GROUP, *PROGRAMS = sys.argv[1:]
folder = Path(FOLDER)
other: dict[str, Any] = {"user": USER, "group": GROUP, "extra_groups": []} if USER else {}
match KIND:
    case "postgresql":
        initdb, pg_ctl = PROGRAMS
        run(initdb, *INITDB, **other)
        run(pg_ctl, "-D", "data", "-l", "log", "-o", f"{OPTIONS} -k {FOLDER}", "start", **other)
        name = ".s.PGSQL.5432"
    case "redis":
        run(*PROGRAMS, *REDIS, "--unixsocket", f"{FOLDER}/socket", **other)
        name = "socket"
    case _:
        user = f"user {USER} {GROUP};" if USER else ""
        (folder / "nginx.conf").write_text(NGINX.format(folder=FOLDER, user=user))
        run(*PROGRAMS, "-p", FOLDER, "-c", "nginx.conf", "-e", "error.log")
        name = "socket"

wait_listening(folder / name)
connection = here("leader")
while not (folder / "end").exists():
    select.select([], [], [], 0.02)

os._exit(0)
