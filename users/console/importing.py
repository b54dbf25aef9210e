"""The import page of the console: upload, look at the preview, bring in; and the template to fill in.

The file travels with the preview, so that what is brought in is what was looked at; nothing is kept between.
"""

import base64
import binascii
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from kernel.errors import DomainError
from kernel.imports import Importer, ImportReport, run_import
from kernel.sheets import XLSX
from users.console.admin import actor_of

SHOWN = 200


def import_view(
    model_admin: Any, request: HttpRequest, importer: Importer, *, permission: str, back: str
) -> HttpResponse:
    """The page; GET with `template` answers the template file. `back` is where an import that is done leads."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    if request.method != "POST" and "template" in request.GET:
        answer = HttpResponse(importer.template(), content_type=XLSX)
        answer["Content-Disposition"] = f'attachment; filename="{importer.name}.xlsx"'
        return answer
    report, name, content, refusal = None, "", b"", ""
    if request.method == "POST":
        name, content = _file(request)
        try:
            if not content:
                raise DomainError("sheet_unreadable")
            report = run_import(
                importer,
                actor=actor_of(request),
                content=content,
                name=name,
                commit="confirm" in request.POST,
            )
        except DomainError as error:
            refusal = error.message
        if report is not None and report.done:
            messages.success(request, _("%(count)d rows were brought in.") % {"count": len(report.rows)})
            return HttpResponseRedirect(back)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": importer.title,
        "opts": model_admin.opts,
        "importer": importer,
        "report": report,
        "shown": _shown(report),
        "refusal": refusal,
        "name": name,
        "content": base64.b64encode(content).decode() if report is not None and report.ok else "",
        "back": back,
        "is_fullwidth": "1",
    }
    request.current_app = model_admin.admin_site.name
    status = 400 if refusal or (report is not None and not report.ok) else 200
    return TemplateResponse(request, "console/import.html", context, status=status)


def _file(request: HttpRequest) -> tuple[str, bytes]:
    uploaded = request.FILES.get("file")
    if uploaded is not None:
        return uploaded.name or "", uploaded.read()
    try:
        return request.POST.get("name", ""), base64.b64decode(request.POST.get("content", ""), validate=True)
    except (binascii.Error, ValueError):
        return "", b""


def _shown(report: ImportReport | None) -> list[Any]:
    """The rows of the preview: those with errors first, so that none is cut off."""
    if report is None:
        return []
    return sorted(report.rows, key=lambda row: (not row.errors, row.number))[:SHOWN]
