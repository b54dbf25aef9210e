"""The periods of a simulated MQTT box, in seconds, so that tests can run faster."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MqttTiming:
    """A record is sent every `resend_s` until it is acknowledged; a pause (overload, no mains) lasts `pause_s`."""

    tick_s: float = 1.0
    sample_s: float = 30.0
    start_delay_s: float = 1.0
    resend_s: float = 30.0
    pause_s: float = 10.0
    reconnect_s: float = 5.0
    reconnect_max_s: float = 60.0
