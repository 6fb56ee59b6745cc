"""Tests of the MCP front end."""
