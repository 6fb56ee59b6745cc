"""Where people, MCP clients and agents come in: parse, call, print. No logic."""
