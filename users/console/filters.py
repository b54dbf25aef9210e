"""List filters whose choices cost nothing: fixed presets, static states, autocompletes."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

__all__ = ["AutocompleteSelectFilter", "choice_filter", "date_window"]


def day_start(days_ago: int = 0) -> datetime:
    """Local midnight, `days_ago` days back, aware."""
    day = timezone.localdate() - timedelta(days=days_ago)
    return timezone.make_aware(datetime.combine(day, time.min))


def one_day(text: str | None) -> date | None:
    """A day given as 2026-11-26 in the address of a list, or None."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


class QuickFilter(admin.SimpleListFilter):
    """A filter drawn as a row of links above the list."""

    quick = True


class _DateWindow(QuickFilter):
    field = ""
    default = "all"
    presets = (
        ("today", _("Today")),
        ("yesterday", _("Yesterday")),
        ("7d", _("Last 7 days")),
        ("30d", _("Last 30 days")),
        ("all", _("Any time")),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any):
        self.searching = bool(request.GET.get(SEARCH_VAR))
        super().__init__(request, *args, **kwargs)

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return self.presets

    def value(self) -> str:
        chosen = super().value()
        if chosen in dict(self.presets) or one_day(chosen):
            return chosen
        # A search is for one thing, whenever it was.
        return "all" if self.searching else self.default

    def choices(self, changelist):
        for key, title in self.presets:
            yield {
                "selected": self.value() == key,
                "query_string": changelist.get_query_string({self.parameter_name: key}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        day = one_day(self.value())
        if day is not None:
            start = timezone.make_aware(datetime.combine(day, time.min))
            end = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
            return queryset.filter(**{f"{self.field}__gte": start, f"{self.field}__lt": end})
        bounds = {
            "today": (0, None),
            "yesterday": (1, 0),
            "7d": (6, None),
            "30d": (29, None),
        }.get(self.value())
        if bounds is None:
            return queryset
        condition = {f"{self.field}__gte": day_start(bounds[0])}
        if bounds[1] is not None:
            condition[f"{self.field}__lt"] = day_start(bounds[1])
        return queryset.filter(**condition)


def date_window(field: str, title: Any, default: str = "7d") -> type[_DateWindow]:
    """A preset filter on a time column; `default` applies when nothing is chosen and nothing is searched."""
    return type(
        "DateWindow",
        (_DateWindow,),
        {"field": field, "title": title, "parameter_name": "when", "default": default},
    )


class _Choice(QuickFilter):
    field = ""
    options: tuple = ()
    default: str | None = None

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Iterable[tuple[str, Any]]:
        return self.options

    def value(self) -> str | None:
        return super().value() or self.default

    def choices(self, changelist):
        yield {
            "selected": self.value() in (None, "all"),
            "query_string": changelist.get_query_string(
                {self.parameter_name: "all"} if self.default else {},
                [] if self.default else [self.parameter_name],
            ),
            "display": _("All"),
        }
        for key, title in self.options:
            yield {
                "selected": self.value() == key,
                "query_string": changelist.get_query_string({self.parameter_name: key}),
                "display": title,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if value not in dict(self.options):
            return queryset
        return queryset.filter(**{self.field: value == "1" if self.field.endswith("__isnull") else value})


def choice_filter(field: str, title: Any, options: Iterable, default: str | None = None) -> type[_Choice]:
    """A filter over declared choices; it never asks the table which values there are."""
    return type(
        "ChoiceFilter",
        (_Choice,),
        {
            "field": field,
            "title": title,
            "parameter_name": field,
            "options": tuple(options),
            "default": default,
        },
    )
