"""A typed connector code may be wrong now and then; who tries many is not typing, and has to wait."""

import time

from django.core.cache import cache
from rest_framework.exceptions import Throttled

from kernel.errors import DomainError
from users.models import Driver

MOST_WRONG, WITHIN_S = 10, 600


class CodeGuard:
    """Around whatever looks a code up: counts what was unknown per driver, and refuses with 429 after ten in ten minutes."""

    def __init__(self, driver: Driver):
        self._key = f"wrong_codes:{driver.pk}:{int(time.time()) // WITHIN_S}"

    def __enter__(self) -> None:
        if cache.get(self._key, 0) >= MOST_WRONG:
            raise Throttled(wait=WITHIN_S - int(time.time()) % WITHIN_S)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DomainError) and error.code == "connector_unknown":
            cache.add(self._key, 0, WITHIN_S)
            cache.incr(self._key)
