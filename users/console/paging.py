"""Lists that open as fast with ten million rows as with ten thousand.

Stock Admin counts every row twice per page and pages by OFFSET. Here a count stops at a cap, and a big table
is paged by keyset on its primary key, in both directions, at the same cost everywhere.
"""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

COUNT_CAP = 10_000
BEFORE_VAR, AFTER_VAR = "before", "after"


def capped_count(rows: QuerySet, cap: int = COUNT_CAP) -> int:
    """Number of rows, `cap + 1` when there are more; the order is kept so that an index can end the scan."""
    return rows.values("pk")[: cap + 1].count()


class CappedPaginator(Paginator):
    """Counts exactly up to the cap and says «10000+» above it."""

    template_name = "console/pagination.html"

    @cached_property
    def found(self) -> int:
        if isinstance(self.object_list, QuerySet):
            return capped_count(self.object_list)
        return len(self.object_list)

    @cached_property
    def count(self) -> int:
        return min(self.found, COUNT_CAP)

    @property
    def count_text(self) -> str:
        return f"{COUNT_CAP}+" if self.found > COUNT_CAP else str(self.found)


class KeysetPaginator(CappedPaginator):
    template_name = "console/pagination_keyset.html"


class ConsoleChangeList(ChangeList):
    """Refuses orderings that no index backs, and pages big tables by `?before=<id>` / `?after=<id>`."""

    newer: int | None = None
    older: int | None = None

    def get_filters_params(self, params: dict | None = None) -> dict:
        lookups = super().get_filters_params(params)
        for name in (BEFORE_VAR, AFTER_VAR):
            lookups.pop(name, None)
        return lookups

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        if self.model_admin.big_table:
            return ["-pk"]
        if ORDER_VAR in self.params and not self._ordering_allowed():
            del self.params[ORDER_VAR]
        return super().get_ordering(request, queryset)

    def _ordering_allowed(self) -> bool:
        allowed = set(self.sortable_by or ())
        try:
            columns = [self.list_display[int(part.lstrip("-"))] for part in self.params[ORDER_VAR].split(".")]
        except (ValueError, IndexError):
            return False
        return all(column in allowed for column in columns)

    def get_results(self, request: HttpRequest) -> None:
        if not self.model_admin.big_table:
            super().get_results(request)
            return
        size = self.list_per_page
        paginator = self.model_admin.get_paginator(request, self.queryset, size)
        rows, cursor = self.queryset, self._cursor(request)
        if cursor is None:
            page = list(rows[: size + 1])
            more, page = len(page) > size, page[:size]
            has_newer, has_older = False, more
        elif cursor[0] == BEFORE_VAR:
            page = list(rows.filter(pk__lt=cursor[1])[: size + 1])
            has_newer, has_older, page = True, len(page) > size, page[:size]
        else:
            page = list(rows.filter(pk__gt=cursor[1]).order_by("pk")[: size + 1])
            has_newer, has_older = len(page) > size, True
            page = page[:size][::-1]
        self.newer = page[0].pk if page and has_newer else None
        self.older = page[-1].pk if page and has_older else None
        self.result_list = page
        self.result_count = paginator.count
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        self.multi_page = bool(self.newer or self.older)
        self.paginator = paginator

    def _cursor(self, request: HttpRequest) -> tuple[str, int] | None:
        for name in (BEFORE_VAR, AFTER_VAR):
            if name in request.GET:
                try:
                    value = int(request.GET[name])
                except ValueError:
                    raise IncorrectLookupParameters(f"{name} is not a number") from None
                if not 0 <= value < 2**63:
                    raise IncorrectLookupParameters(f"{name} is out of range")
                return name, value
        return None

    def newer_url(self) -> str:
        return self._keyset_url(AFTER_VAR, self.newer)

    def older_url(self) -> str:
        return self._keyset_url(BEFORE_VAR, self.older)

    def _keyset_url(self, name: str, value: int | None) -> str:
        if value is None:
            return ""
        return self.get_query_string({name: value}, remove=[BEFORE_VAR, AFTER_VAR])
