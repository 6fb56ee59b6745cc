"""Tests of `orchestrator.model`."""
