"""Tests of the reading of agents' output."""
