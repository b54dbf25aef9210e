"""The periods of a YKC pile (YKC V1.6 §8), in seconds, so that tests can run them faster."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class YkcTiming:
    """`resend_s` x `resend_times`, then one last time after `last_resend_s`: the record's way to the platform."""

    tick_s: float = 1.0
    heartbeat_s: float = 10.0
    missed_heartbeats: int = 3
    sample_s: float = 15.0
    idle_sample_s: float = 300.0
    answer_s: float = 10.0
    start_delay_s: float = 3.0
    plug_wait_s: float = 60.0
    resend_s: float = 30.0
    resend_times: int = 3
    last_resend_s: float = 300.0
    reconnect_s: float = 5.0
    reconnect_max_s: float = 60.0

    def scaled(self, factor: float) -> "YkcTiming":
        """Return the same periods `factor` times as long (0.01 for tests)."""
        changes = {
            field.name: getattr(self, field.name) * factor
            for field in fields(self)
            if isinstance(getattr(self, field.name), float)
        }
        return replace(self, **changes)
