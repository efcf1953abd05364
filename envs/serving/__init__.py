"""Any environment, served over HTTP or as an MCP server."""
