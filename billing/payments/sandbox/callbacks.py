"""Calling back: now, again after a refusal by the plan of the real services, twice or never on demand."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

logger = logging.getLogger(__name__)

# WeChat Pay v3: 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h. Alipay: 4m,10m,10m,1h,2h,6h,15h.
PLANS_S = {
    "wechat": (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600),
    "alipay": (240, 600, 600, 3600, 7200, 21600, 54000),
}
ANSWER_WITHIN_S = 5.0

Build = Callable[[], tuple[dict[str, str], bytes]]


def call_once(channel: str, url: str, build: Build) -> tuple[bool, str]:
    """Send one notice; (whether it was accepted, what was answered). Built anew: signed at this moment."""
    headers, body = build()
    try:
        answer = httpx.post(url, headers=headers, content=body, timeout=ANSWER_WITHIN_S, trust_env=False)
    except httpx.HTTPError as error:
        return False, repr(error)
    text = answer.text[:200]
    if channel == "alipay":
        return answer.text == "success", f"{answer.status_code} {text}"
    return answer.status_code in (200, 204), f"{answer.status_code} {text}"


def call_many(channel: str, url: str, build: Build, copies: int) -> list[tuple[bool, str]]:
    """The same notice so many times at once."""
    if copies == 1:
        return [call_once(channel, url, build)]
    headers, body = build()
    with ThreadPoolExecutor(copies) as pool:
        return list(pool.map(lambda _n: call_once(channel, url, lambda: (headers, body)), range(copies)))


class Caller:
    """A thread that calls back when it is time, and again until it is accepted or the plan is over."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="sandbox-callbacks", daemon=True)
        self._thread.start()

    def later(self, delay_s: float, work: Callable[[], None]) -> None:
        with self._wake:
            heapq.heappush(self._queue, (time.monotonic() + delay_s, next(self._numbers), work))
            self._wake.notify()

    def deliver(self, channel: str, url: str, build: Build, *, delay_s: float, copies: int = 1) -> None:
        """Send after a delay, and again by the channel's plan until one copy is accepted."""

        def attempt(number: int, count: int) -> None:
            results = call_many(channel, url, build, count)
            accepted = any(ok for ok, _text in results)
            logger.info(
                "%s notice, attempt %s: %s", channel, number + 1, ", ".join(text for _ok, text in results)
            )
            if not accepted and number < len(PLANS_S[channel]):
                self.later(PLANS_S[channel][number], lambda: attempt(number + 1, 1))

        self.later(delay_s, lambda: attempt(0, copies))

    def stop(self) -> None:
        with self._wake:
            self._over = True
            self._wake.notify()
        self._thread.join(ANSWER_WITHIN_S + 1)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._over and (not self._queue or self._queue[0][0] > time.monotonic()):
                    self._wake.wait(self._queue[0][0] - time.monotonic() if self._queue else None)
                if self._over:
                    return
                _at, _number, work = heapq.heappop(self._queue)
            try:
                work()
            except Exception:
                logger.exception("a callback failed")
