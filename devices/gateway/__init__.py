"""Listeners and what every protocol consumer shares: sockets, buffers, command dispatch."""
