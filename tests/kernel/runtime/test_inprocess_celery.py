"""Worker and beat as threads: hundreds of tasks do not delay beat, and stopping is quick."""

import threading
import time
from itertools import pairwise

import pytest
from celery import Celery, _state

from kernel.runtime.inprocess_celery import InProcessCelery

pytestmark = pytest.mark.embedded_only


@pytest.fixture
def make_app():
    """Make the default app of this process, for the length of a test."""
    before = _state.default_app

    def make(**options) -> Celery:
        app = _app(**options)
        app.set_default()
        return app

    yield make
    _state.set_default_app(before)


def _app(**options) -> Celery:
    app = Celery("runtime-test", set_as_current=False, fixups=[])
    app.conf.update(
        broker_url="memory://",
        broker_transport_options={"polling_interval": 0.05},
        task_ignore_result=True,
        worker_hijack_root_logger=False,
        task_default_queue="runtime-test",
        **options,
    )
    return app


def _task(app: Celery, name: str, work):
    """Register on this app alone: a shared task would appear in the platform's app too."""

    def run() -> None:
        work()

    return app.task(name=name, shared=False)(run)


@pytest.fixture
def runtime():
    """Start a runtime and stop it whatever happens."""
    started: list[InProcessCelery] = []

    def start(app: Celery, **options) -> InProcessCelery:
        part = InProcessCelery(app, queues=["runtime-test"], **options)
        started.append(part)
        part.start()
        return part

    yield start
    for part in started:
        part.stop()


def test_500_tasks_are_done_and_beat_ticks_on_time(runtime, make_app):
    ticks: list[float] = []
    done = threading.Semaphore(0)
    app = make_app(beat_schedule={"tick": {"task": "tick", "schedule": 0.25}})
    _task(app, "tick", lambda: ticks.append(time.monotonic()))
    work = _task(app, "work", done.release)
    runtime(app)
    began = time.monotonic()
    for _ in range(500):
        work.delay()
    for _ in range(500):
        assert done.acquire(timeout=5)
    busy_s = time.monotonic() - began
    while len(ticks) < 4 and time.monotonic() < began + 8:
        time.sleep(0.05)
    gaps = [later - earlier for earlier, later in pairwise(ticks)]
    assert busy_s < 8
    assert len(ticks) >= 4
    assert max(gaps) < 3.0  # with Celery's own polling they were 14 s behind


def test_an_idle_worker_answers_fast_and_eta_tasks_run(runtime, make_app):
    ran = threading.Event()
    app = make_app()
    task = _task(app, "now", ran.set)
    runtime(app, beat=False)
    began = time.monotonic()
    task.delay()
    assert ran.wait(2)
    assert time.monotonic() - began < 0.5
    ran.clear()
    task.apply_async(countdown=0.3)
    assert not ran.wait(0.15)
    assert ran.wait(2)


def test_stopping_lets_a_running_task_finish_and_takes_no_more(runtime, make_app):
    began_work, finished, later = threading.Event(), threading.Event(), threading.Event()
    app = make_app(beat_schedule={})

    def slow() -> None:
        began_work.set()
        time.sleep(0.4)
        finished.set()

    slow_task, later_task = _task(app, "slow", slow), _task(app, "later", later.set)
    part = runtime(app)
    assert part.running
    slow_task.delay()
    assert began_work.wait(2)
    began = time.monotonic()
    assert part.stop() is True
    assert time.monotonic() - began < 2
    assert finished.is_set()
    assert not part.running
    later_task.delay()
    assert not later.wait(0.5)


def test_stopping_does_not_wait_longer_than_asked(runtime, make_app):
    began_work, release = threading.Event(), threading.Event()
    app = make_app()

    def endless() -> None:
        began_work.set()
        release.wait(5)

    task = _task(app, "endless", endless)
    part = runtime(app, beat=False)
    task.delay()
    assert began_work.wait(2)
    began = time.monotonic()
    assert part.stop(timeout_s=0.3) is False
    assert time.monotonic() - began < 1
    release.set()


def test_an_app_whose_tasks_the_threads_would_not_find_is_refused():
    with pytest.raises(ValueError, match="default app"):
        InProcessCelery(_app(), queues=["x"])


def test_a_failing_task_does_not_stop_the_worker(runtime, make_app):
    ran = threading.Event()
    app = make_app()

    def raise_error() -> None:
        raise ValueError("on purpose")

    fail = _task(app, "fail", raise_error)
    after = _task(app, "after", ran.set)
    runtime(app, beat=False)
    fail.delay()
    after.delay()
    assert ran.wait(2)


@pytest.mark.parametrize(
    ("broker", "interval", "reason"),
    [("redis://127.0.0.1:1/0", 0.05, "memory://"), ("memory://", 1.0, "polling_interval")],
)
def test_a_broker_that_would_lose_or_delay_tasks_is_refused(broker, interval, reason, make_app):
    app = make_app()
    app.conf.update(broker_url=broker, broker_transport_options={"polling_interval": interval})
    with pytest.raises(ValueError, match=reason):
        InProcessCelery(app, queues=["x"])
