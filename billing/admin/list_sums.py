"""Totals above a list: over everything the filters leave, not only the page; for tables of people's size."""

from typing import Any

from django.db.models import Count, Sum

from users.console.display import fen


class ListSums:
    """`list_sums` are (title, field of whole fen); shown with the number of rows."""

    list_before_template = "billing/list_sums.html"
    list_sums: tuple[tuple[Any, str], ...] = ()

    def changelist_view(self, request, extra_context=None):
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            rows = context["cl"].queryset.order_by()
            found = rows.aggregate(number=Count("pk"), **{name: Sum(name) for _title, name in self.list_sums})
            context["number"] = found["number"]
            context["sums"] = {name: fen(found[name] or 0) for _title, name in self.list_sums}
            context["list_sums"] = [(title, context["sums"][name]) for title, name in self.list_sums]
        return response
