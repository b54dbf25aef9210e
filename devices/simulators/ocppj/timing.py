"""The periods of an OCPP pile in seconds, so that tests can run them faster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OcppTiming:
    """`heartbeat_s` None: as BootNotification says. `retry_s`: wait before a transaction message is sent again."""

    tick_s: float = 1.0
    heartbeat_s: float | None = None
    sample_s: float = 15.0
    start_delay_s: float = 3.0
    plug_wait_s: float = 60.0
    answer_s: float = 15.0
    retry_s: float = 10.0
    attempts: int = 3
    step_s: float = 3.0  # each step of a firmware update
    reconnect_s: float = 5.0
    reconnect_max_s: float = 60.0
