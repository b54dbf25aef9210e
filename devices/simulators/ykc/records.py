"""The memory in which a YKC pile keeps transaction records until the platform confirms them.

Sent at once, again every 30 s three times, a last time 5 minutes later (YKC V1.6 §8.2). What is still unconfirmed
stays and is sent again after the next login. With a path the memory outlives the process.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from devices.simulators.ykc.timing import YkcTiming


@dataclass(slots=True)
class StoredRecord:
    """One record: the body of its frame 3B and when to send it next (None: not before the next login)."""

    trade_no: str
    body: bytes
    attempts: int = 0
    due: float | None = 0.0


class RecordMemory:
    """Unconfirmed records in the order they were made. `now` is the pile's running time in seconds."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._records: dict[str, StoredRecord] = {}
        if path and path.exists():
            for item in json.loads(path.read_text()):
                self._records[item["trade_no"]] = StoredRecord(item["trade_no"], bytes.fromhex(item["body"]))

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, trade_no: str) -> bool:
        return trade_no in self._records

    def add(self, trade_no: str, body: bytes, *, not_before: float) -> None:
        self._records[trade_no] = StoredRecord(trade_no, body, due=not_before)
        self._save()

    def confirm(self, trade_no: str) -> StoredRecord | None:
        """Forget a record the platform has; returns it, None when it was not waiting."""
        record = self._records.pop(trade_no, None)
        if record:
            self._save()
        return record

    def rewind(self, now: float) -> None:
        """After a login everything unconfirmed is due again, unless it is being held back."""
        for record in self._records.values():
            if record.attempts:
                record.attempts, record.due = 0, now

    def take_due(self, now: float, timing: YkcTiming) -> list[StoredRecord]:
        """Return the records to send now and note that they were sent."""
        due = [record for record in self._records.values() if record.due is not None and record.due <= now]
        for record in due:
            record.attempts += 1
            if record.attempts <= timing.resend_times:
                record.due = now + timing.resend_s
            elif record.attempts == timing.resend_times + 1:
                record.due = now + timing.last_resend_s
            else:
                record.due = None
        return due

    def _save(self) -> None:
        if self._path:
            content = [
                {"trade_no": item.trade_no, "body": item.body.hex()} for item in self._records.values()
            ]
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(content))
            temporary.replace(self._path)
