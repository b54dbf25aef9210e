"""A token bucket that tells how long a peer has to wait, so that a flood slows its own socket only."""

import time


class Throttle:
    """`rate` messages a second in the long run, `burst` at once (a replay after a link loss is no flood)."""

    __slots__ = ("_burst", "_rate", "_stamp", "_tokens")

    def __init__(self, *, rate: float, burst: int):
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._stamp = time.monotonic()

    def delay(self) -> float:
        """Take one token; seconds to wait before going on, 0 when there was one."""
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._stamp) * self._rate)
        self._stamp = now
        self._tokens -= 1
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate

    def allow(self) -> bool:
        """Take one token if there is one; a refusal costs nothing."""
        if self.delay() == 0.0:
            return True
        self._tokens += 1
        return False
