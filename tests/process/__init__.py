"""Tests of `orchestrator.process`."""
