"""The operating system: sessions, groups, identity, the tree, the keeper."""
