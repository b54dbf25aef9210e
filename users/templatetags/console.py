"""Template words of the console."""

import json
from typing import Any

from django import template
from django.urls import reverse

from users.console import display

register = template.Library()

register.filter("fen", display.fen)
register.filter("duration", display.duration)


@register.filter
def pretty_json(value: Any) -> str:
    """A JSON value on several lines, for people."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


@register.simple_tag
def chip(text: Any, tone: str = "grey") -> str:
    return display.chip(text, tone)


@register.simple_tag
def export_url(cl: Any, request: Any) -> str:
    """The address of a list's export page with the list's filters; empty where the reader may not export."""
    model_admin = cl.model_admin
    if not getattr(model_admin, "exportable", False) or not model_admin.may_export(request):
        return ""
    opts = model_admin.opts
    url = reverse(f"{model_admin.admin_site.name}:{opts.app_label}_{opts.model_name}_export")
    query = request.META.get("QUERY_STRING", "")
    return f"{url}?{query}" if query else url


@register.simple_tag
def quick_filters(cl: Any) -> list[dict[str, Any]]:
    """The filters of a list that are drawn as links above it."""
    return [
        {"title": spec.title, "choices": list(spec.choices(cl))}
        for spec in cl.filter_specs
        if getattr(spec, "quick", False)
    ]


@register.simple_tag(takes_context=True)
def list_links(context: Any, cl: Any) -> list[tuple[Any, str]]:
    """(words, address) of the pages beside a list that the reader may open."""
    user = context["request"].user
    return [
        (words, reverse(f"admin:{name}"))
        for words, name, permission in getattr(cl.model_admin, "list_links", ())
        if user.has_perm(permission)
    ]
