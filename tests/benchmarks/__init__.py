"""Tests of the benchmarks: of their statistics, and that they run."""
