"""The misbehaviours a simulated pile can be asked for, each taken from what real piles do.

A fault is a name with an optional number, written `name` or `name=number` on the command line; it can be set and
cleared while the pile runs.
"""

from collections.abc import Iterable

COMMON = {
    "drop_link": (20.0, "drop the link this many seconds into every charge, come back, go on charging"),
    "mute": (0.0, "hold the link but send nothing at all"),
    "never_answer_start": (0.0, "ignore the start command"),
    "reject_start": (3.0, "refuse the start command (YKC: with this reason)"),
    "late_start": (100.0, "start charging this many seconds after the command"),
    "no_record": (0.0, "never report the finished transaction"),
    "fault_in_charge": (10.0, "emergency stop this many seconds into every charge"),
    "clock_skew": (600.0, "a clock that is wrong by this many seconds and cannot be set"),
}
YKC = COMMON | {
    "resend_record": (3.0, "send every record this many more times although it was acknowledged"),
    "wrong_checksum": (5.0, "every n-th frame carries a wrong checksum"),
    "crc_high_first": (0.0, "checksum high byte first"),
    "split_frames": (3.0, "send every frame in this many pieces"),
    "merge_frames": (3.0, "hold frames back and send this many in one piece"),
    "garbage": (4.0, "rubbish bytes before every n-th frame"),
    "offline_replay": (
        10.0,
        "lose the link in the charge, end it offline after n seconds, report it after login",
    ),
    "idle_while_charging": (0.0, "report the charging connector as idle"),
    "conflicting_record": (0.0, "after the acknowledgement send the record again with other figures"),
    "record_late": (45.0, "hold the record back for this many seconds"),
    "stale_trade_no": (0.0, "idle live data carry the last trade number"),
    "refuse_firmware": (3.0, "answer a firmware update with this state"),
    "lock_stuck": (0.0, "the arm of the ground lock does not reach its position"),
    "vehicle_silent": (10.0, "the car stops talking this many seconds into every charge"),
    "implausible_record": (910.0, "add this many kWh to the record"),
}
OCPP = COMMON | {
    "resend_stop": (3.0, "send StopTransaction this many times, each with a new message id"),
    "begin_zero": (0.0, "Transaction.Begin is 0, the samples carry the lifetime register"),
    "soc_only": (2.0, "every n-th batch of meter values holds the state of charge alone"),
    "register_reset": (10.0, "the energy register starts again at 0 this many seconds into the charge"),
    "offline_start": (-1.0, "charge without a link and stop with this transaction id"),
    "stop_unanswered": (
        0.0,
        "lose the link right after StopTransaction, before its answer; send it again later",
    ),
    "firmware_fails": (0.0, "a firmware update fails when it is installed"),
    "no_boot": (0.0, "reconnect without BootNotification"),
    "numeric_ids": (0.0, "message ids are numbers instead of strings"),
    "oversized_frame": (200.0, "after boot send one DataTransfer of this many KiB"),
}
OCPP201 = {name: fault for name, fault in OCPP.items() if name != "offline_start"} | {
    "resend_stop": (3.0, "send the event that ends a charge this many times, each with a new message id"),
    "stop_unanswered": (
        0.0,
        "lose the link right after the event that ends a charge, before its answer; send it again later",
    ),
    "offline_charge": (2.0, "lose the link as a charge begins, tell of it this many seconds later"),
    "seq_always_0": (0.0, "every event of a transaction has the sequence number 0"),
    "no_started": (0.0, "the event that starts a transaction is lost"),
}
DNY = {
    name: COMMON[name] for name in ("drop_link", "mute", "never_answer_start", "late_start", "no_record")
} | {
    "reject_start": (1.0, "refuse the start command with this result"),
    "fault_in_charge": (10.0, "a port fault this many seconds into every charge"),
    "resend_record": (3.0, "send every settlement this many more times although it was acknowledged"),
    "unplug": (20.0, "pull the plug this many seconds into every charge"),
    "overload": (20.0, "plug a heater in this many seconds into every charge"),
    "power_cut": (20.0, "cut the mains this many seconds into every charge; it goes on afterwards"),
    "wrong_checksum": YKC["wrong_checksum"],
    "merge_frames": YKC["merge_frames"],
    "garbage": YKC["garbage"],
}
MQTT = {
    name: COMMON[name] for name in ("drop_link", "mute", "never_answer_start", "late_start", "no_record")
} | {
    "reject_start": (0.0, "refuse every start command"),
    "fault_in_charge": (10.0, "the fuse of the port blows this many seconds into every charge"),
    "resend_record": (3.0, "send every record this many more times although it was acknowledged"),
    "unplug": DNY["unplug"],
    "overload": (20.0, "plug a heater in this many seconds into every charge; the port pauses, then goes on"),
    "power_cut": DNY["power_cut"],
}


class UnknownFault(ValueError):
    """A fault name that this kind of pile does not know; the text lists those it does."""


class Faults:
    """The faults one pile has at present: name to number."""

    def __init__(self, known: dict[str, tuple[float, str]], wanted: Iterable[str] = ()) -> None:
        self._known = known
        self._active: dict[str, float] = {}
        for text in wanted:
            name, _, number = text.partition("=")
            try:
                self.set(name, float(number) if number else None)
            except ValueError as error:
                if isinstance(error, UnknownFault):
                    raise
                raise UnknownFault(f"{text}: what follows '=' must be a number") from None

    def set(self, name: str, number: float | None = None) -> None:
        """Switch a fault on; without a number it takes its usual one. Raises `UnknownFault`."""
        if name not in self._known:
            raise UnknownFault(f"{name}: unknown fault; known are {', '.join(sorted(self._known))}")
        self._active[name] = self._known[name][0] if number is None else number

    def clear(self, name: str) -> None:
        self._active.pop(name, None)

    def take(self, name: str) -> float | None:
        """Return the fault's number and switch it off: for faults that strike once."""
        return self._active.pop(name, None)

    def get(self, name: str) -> float | None:
        return self._active.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self._active
