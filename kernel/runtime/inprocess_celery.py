"""Celery's worker and beat as threads of the server process, for the embedded default.

The queue lives in memory and dies with the process, so money never depends on it: what must happen is a row that
a periodic sweep finds again. The transport must poll often (`polling_interval` 0.05): at Celery's default of one
second a thread pool takes one prefetch window per second and beat falls behind.
"""

import logging
import threading
from collections.abc import Iterable

from celery import Celery, _state
from celery.beat import EmbeddedService, Scheduler
from celery.worker import WorkController

logger = logging.getLogger(__name__)

LONGEST_POLL_S = 0.25


class InProcessCelery:
    """A worker on a thread pool and, if wanted, beat with the static schedule of `app.conf.beat_schedule`.

    Raises ValueError when the broker is not `memory://` or polls too slowly to keep up, or when the app is not the
    default one.
    """

    def __init__(self, app: Celery, *, queues: Iterable[str], concurrency: int = 4, beat: bool = True):
        if not str(app.conf.broker_url).startswith("memory://"):
            raise ValueError(f"in-process Celery needs the memory:// broker, not {app.conf.broker_url!r}")
        interval = (app.conf.broker_transport_options or {}).get("polling_interval", 1.0)
        if interval > LONGEST_POLL_S:
            raise ValueError(
                f"polling_interval {interval} s is too slow for threads; at most {LONGEST_POLL_S} s"
            )
        if _state.default_app is not app:
            raise ValueError("in-process Celery runs the default app only: its pool threads know no other")
        self._app = app
        self._queues = tuple(dict.fromkeys(queues))
        self._concurrency = concurrency
        self._with_beat = beat
        self._worker: WorkController | None = None
        self._worker_thread: threading.Thread | None = None
        self._beat = None

    @property
    def running(self) -> bool:
        return self._worker is not None and self._worker_thread.is_alive()

    def start(self, *, timeout_s: float = 10.0) -> None:
        """Start the threads and return once the worker takes tasks; RuntimeError when it does not in time."""
        ready = threading.Event()
        self._worker = self._app.WorkController(
            pool="threads",
            concurrency=self._concurrency,
            queues=list(self._queues),
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            ready_callback=lambda _consumer: ready.set(),
        )
        self._worker_thread = threading.Thread(target=self._work, name="ev-celery-worker", daemon=True)
        self._worker_thread.start()
        if not ready.wait(timeout_s):
            raise RuntimeError(f"the embedded Celery worker did not start within {timeout_s:g} s")
        if self._with_beat:
            self._beat = EmbeddedService(self._app, thread=True, scheduler_cls=Scheduler)
            self._beat.daemon = True
            self._beat.start()

    def stop(self, *, timeout_s: float = 2.0) -> bool:
        """Stop beat, take no more tasks, let running ones finish; False when one ran on beyond the timeout."""
        if self._beat is not None:
            self._beat.service.stop(wait=False)  # waiting for the scheduler has no limit there
            self._beat = None
        worker, self._worker = self._worker, None
        if worker is None:
            return True
        stopper = threading.Thread(target=worker.stop, name="ev-celery-stop", daemon=True)
        stopper.start()
        stopper.join(timeout_s)
        return not stopper.is_alive()

    def _work(self) -> None:
        try:
            self._worker.start()
        except Exception:
            logger.exception("the embedded Celery worker stopped by an error")
