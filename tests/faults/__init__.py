"""The fault matrix: the real server, and what happens to it and to those who talk to it."""
