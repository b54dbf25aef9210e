"""What a simulated OCPP pile does beside charging: firmware, logs, card list, reservations, limits, certificates.

How its messages are worded is the business of each version (the `say_…` methods).
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from devices.simulators.faults import Faults
from devices.simulators.ocppj.certificates import Certificates
from devices.simulators.ocppj.connector import Connector, Reservation
from devices.simulators.ocppj.limits import Limits
from devices.simulators.ocppj.timing import OcppTiming

_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Job:
    """A download or upload that was asked for. `secured` is a request of the 1.6 security extension."""

    url: str
    request_id: int | None
    secured: bool


class Upkeep:
    """The part of a pile that is looked after from afar."""

    code: str
    rated_kw: float
    timing: OcppTiming
    faults: Faults
    connectors: dict[int, Connector]
    booted: bool
    # What the half that charges does.
    begin: Callable[..., None]
    reset: Callable[..., None]
    say_status: Callable[[int], None]
    timestamp: Callable[[], str]
    wall: Callable[[], datetime]

    def set_up(self) -> None:
        """As it leaves the factory."""
        self.firmware = "1.0"
        self.cards: dict[str, str] = {}
        self.list_version = 0
        self.limits = Limits()
        self.certificates = Certificates(self.code)
        self._jobs: set[asyncio.Task] = set()

    def work_on(self, job: Coroutine[Any, Any, None]) -> None:
        """Do something that takes its time; it ends with the pile."""
        task = asyncio.ensure_future(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    def stop_working(self) -> None:
        for task in self._jobs:
            task.cancel()

    # -- firmware and logs

    async def update_firmware(self, job: Job, *, signed: bool) -> None:
        """Fetch and install; the version is the one that the file's name holds. Ends with a reboot."""
        await self._step(job, "Downloading")
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=self.timing.answer_s) as client:
                if job.url.startswith("http"):
                    (await client.get(job.url)).raise_for_status()
        except httpx.HTTPError:
            await self._step(job, "DownloadFailed")
            return
        await self._step(job, "Downloaded")
        if signed:
            await self._step(job, "SignatureVerified")
        await self._step(job, "Installing")
        if "firmware_fails" in self.faults:
            await self._step(job, "InstallationFailed")
            return
        named = _VERSION.findall(job.url.rpartition("/")[2]) or _VERSION.findall(job.url)
        self.firmware = named[-1] if named else self.firmware
        await self._step(job, "Installed")
        self.say_security_event("FirmwareUpdated", self.firmware)
        self.reset(hard=False)

    async def _step(self, job: Job, word: str) -> None:
        self.say_firmware(job, word)
        await asyncio.sleep(self.timing.step_s)

    def log_name(self) -> str:
        return f"{self.code}.log"

    async def upload_log(self, job: Job) -> None:
        """Put a short log where it was asked for."""
        self.say_log(job, "Uploading")
        text = f"{self.code} firmware {self.firmware}\n{self.timestamp()} all is well\n"
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=self.timing.answer_s) as client:
                url = f"{job.url.rstrip('/')}/{self.log_name()}"
                (await client.put(url, content=text.encode())).raise_for_status()
        except httpx.HTTPError:
            self.say_log(job, "UploadFailed")
        else:
            self.say_log(job, "Uploaded")

    # -- cards and reservations

    def take_cards(self, version: int, entries: Mapping[str, str | None], *, full: bool) -> str:
        """The card list, or what changed in it (None: the card goes); returns the status of the answer."""
        if not full and version <= self.list_version:
            return "VersionMismatch"
        if full:
            self.cards = {}
        for tag, status in entries.items():
            if status is None:
                self.cards.pop(tag, None)
            else:
                self.cards[tag] = status
        self.list_version = version
        return "Accepted"

    def reserve(self, reservation: Reservation, number: int) -> str:
        """Keep a connector (0: the first that is free) for a card; returns the status of the answer."""
        chosen = [item for item in self.connectors.values() if number in (0, item.number)]
        if not chosen:
            return "Rejected"
        free = [
            item
            for item in chosen
            if item.state == "idle"
            and (item.reservation is None or item.reservation.number == reservation.number)
        ]
        connector = next((item for item in free if item.available), None)
        if connector is None:
            if all(item.faulted for item in chosen):
                return "Faulted"
            return "Occupied" if not free else "Unavailable"
        connector.reservation = reservation
        self.say_status(connector.number)
        return "Accepted"

    def cancel_reservation(self, number: int) -> bool:
        """Give a connector free again; False for a reservation that is not here."""
        for connector in self.connectors.values():
            if connector.reservation is not None and connector.reservation.number == number:
                connector.reservation = None
                self.say_status(connector.number)
                return True
        return False

    def is_kept_from(self, connector: Connector, id_tag: str) -> bool:
        """Whether a connector is reserved for somebody else."""
        held = connector.reservation
        return held is not None and id_tag not in (held.id_tag, held.parent_tag)

    def let_reservation_expire(self, connector: Connector) -> None:
        held = connector.reservation
        if held is not None and self.wall() >= held.until:
            connector.reservation = None
            self.say_reservation_over(held.number)
            self.say_status(connector.number)

    def starts_by_list(self, number: int, id_tag: str) -> bool:
        """Without link, a card of the list begins to charge (LocalAuthorizeOffline); returns whether there is none."""
        if self.booted:
            return False
        connector = self.connectors[number]
        allowed = self.cards.get(id_tag) == "Accepted" and not self.is_kept_from(connector, id_tag)
        if allowed and connector.state == "plugged":
            self.begin(connector, id_tag)
        return True

    # -- what each version says in its own words

    def say_firmware(self, job: Job, word: str) -> None:
        """Queue the progress of an update."""
        raise NotImplementedError

    def say_log(self, job: Job, word: str) -> None:
        """Queue the progress of an upload: Uploading, Uploaded or UploadFailed."""
        raise NotImplementedError

    def say_security_event(self, code: str, detail: str) -> None:
        raise NotImplementedError

    def say_reservation_over(self, number: int) -> None:
        """Queue the news that a reservation expired, where the version has a message for it."""
