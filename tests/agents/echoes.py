# Says what it was given: the number of bytes on standard input and their SHA-256.
from __future__ import annotations

import hashlib
import sys

data = sys.stdin.buffer.read()
sys.stdout.write(f"{len(data)} {hashlib.sha256(data).hexdigest()}\n")
