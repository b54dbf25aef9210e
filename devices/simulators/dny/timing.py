"""The periods of an e-bike box (AP3000 device protocol V8.6 §1.04, §3), in seconds, so that tests can run faster."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class DnyTiming:
    """A settlement is sent every `resend_s` until it is answered, for ever."""

    tick_s: float = 1.0
    heartbeat_s: float = 180.0
    missed_heartbeats: int = 2
    link_s: float = 30.0
    sample_s: float = 300.0
    clock_s: float = 43_200.0
    start_delay_s: float = 1.0
    settle_delay_s: float = 2.0
    resend_s: float = 1_800.0
    resend_times: int = 1_000_000
    last_resend_s: float = 1_800.0
    reconnect_s: float = 5.0
    reconnect_max_s: float = 60.0

    def scaled(self, factor: float) -> "DnyTiming":
        """Return the same periods `factor` times as long (0.01 for tests)."""
        changes = {
            field.name: getattr(self, field.name) * factor
            for field in fields(self)
            if isinstance(getattr(self, field.name), float)
        }
        return replace(self, **changes)
