"""Tests with the real agent CLIs."""
