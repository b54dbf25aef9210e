"""A station's QR codes on A4 pages, to be printed, cut out and stuck on."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from stations.models import Station
from stations.qr import qr_svg
from stations.selectors import connectors_of


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Every connector of the station; `?pile=<code>` only those of one pile."""
    if not request.user.has_perm("stations.view_connector"):
        raise PermissionDenied
    station: Station | None = model_admin.get_object(request, object_id)
    if station is None:
        raise Http404
    wanted = request.GET.get("pile", "")
    labels = [
        {
            "connector": one,
            "pile": one.pile,
            "svg": qr_svg(one.code, scale=3.6),
            "typed": _grouped(one.code),
        }
        for one in connectors_of(station)
        if wanted in ("", one.pile.code)
    ]
    context = {"station": station, "labels": labels, "pages": -(-len(labels) // 12)}
    return TemplateResponse(request, "stations/qr_sheet.html", context)


def _grouped(code: str) -> str:
    """A long code in groups of four, as it is easiest to type."""
    return " ".join(code[at : at + 4] for at in range(0, len(code), 4)) if code.isdigit() else code
