"""What billing does on device events. Registered at start-up; each handler is a thin door to one service."""


def register() -> None:
    """Subscribe the handlers."""
