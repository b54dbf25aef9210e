"""Ends of transactions not yet answered, kept in a file so that they outlive the pile's process."""

import json
from pathlib import Path
from typing import Any


class StopMemory:
    """Payloads of the message that ends a transaction (snake case) by a key of their own. Without a path nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._stops: dict[str, dict[str, Any]] = {}
        if path and path.exists():
            self._stops = json.loads(path.read_text())

    def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self._stops.items())

    def add(self, key: str, payload: dict[str, Any]) -> None:
        self._stops[key] = payload
        self._save()

    def confirm(self, key: str) -> None:
        if self._stops.pop(key, None) is not None:
            self._save()

    def _save(self) -> None:
        if self._path:
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(self._stops))
            temporary.replace(self._path)
