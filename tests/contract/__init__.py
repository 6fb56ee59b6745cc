"""The contract of a drop-in: the real server against the recorded facts of the original."""
