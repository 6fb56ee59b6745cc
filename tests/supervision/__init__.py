"""Tests of `orchestrator.supervision`."""
