"""Ports for processes that a test starts: free, and still free when the process comes to open them."""

import random
import socket

# Below the range from which the system takes the ports of outgoing connections (Linux: 32768 and up): one of those
# may be gone before a process that prepares its database first has opened it.
LOWEST, HIGHEST = 20_000, 32_000
_chance = random.SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has open."""
    while True:
        port = _chance.randrange(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
