"""The MCP server: tools and resources over stdio, and over a socket for agents."""
