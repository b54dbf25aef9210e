"""The clock that services read: the real one, unless somebody holds it."""

import threading
from datetime import UTC, datetime

import pytest

from kernel import clock

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_it_is_held_within_the_block_only():
    before = clock.now()
    with clock.held_at(THEN):
        assert clock.now() == THEN
        with clock.held_at(THEN.replace(hour=13)):
            assert clock.now().hour == 13
        assert clock.now() == THEN
    assert clock.now() >= before


def test_other_threads_keep_the_real_time():
    seen = []
    with clock.held_at(THEN):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != THEN


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="aware"), clock.held_at(datetime(2026, 3, 1)):
        pass
