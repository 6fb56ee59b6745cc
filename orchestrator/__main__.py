"""Run as ``python -m orchestrator``."""
