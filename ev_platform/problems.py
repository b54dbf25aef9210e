"""Refusals of the API as problem JSON (RFC 9457): a stable code, a sentence in the reader's language.

Every answer under `/api/` that is not a success goes through here, whether a rule refused (`DomainError`), DRF
did, no address matched, or something broke. A broken thing is logged with its traceback and told without.
"""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from kernel.errors import DomainError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
_PREFIX = "/api/"


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: dict[str, list[str]] | None = None,
    params: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a refusal."""
    body: dict[str, Any] = {
        "type": f"urn:ev-platform:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    if params:
        body["params"] = params
    return body


def problem_exception_handler(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every exception of a view becomes a problem."""
    set_rollback()
    body, headers = _explain(error, context)
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _explain(error: Exception, context: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    headers: dict[str, str] = {}
    if isinstance(error, DomainError):
        errors = {error.field: [error.message]} if error.field else None
        if error.code == "login_code_too_soon":
            headers["Retry-After"] = str(error.params["seconds"])
        return problem(error.status, error.code, error.message, errors=errors, params=error.params), headers
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        errors = _flatten(error.detail)
        return problem(400, "invalid_request", _validation_words(errors), errors=errors), headers
    if isinstance(error, exceptions.APIException):
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(max(1, round(error.wait)))
        return problem(error.status_code, str(error.default_code), str(error.detail)), headers
    logger.error("unexpected error in %s", context.get("view"), exc_info=error)
    return problem(500, "internal_error", _("Something went wrong on our side.")), headers


def _validation_words(errors: dict[str, list[str]]) -> str:
    return _("The request is not accepted: %(fields)s.") % {"fields": ", ".join(errors)}


def _flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested details as {dotted field: sentences}."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = path if key == "non_field_errors" and path else (f"{path}.{key}" if path else str(key))
            flat.update(_flatten(value, name))
        return flat
    if isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        flat = {}
        for index, item in enumerate(detail):
            flat.update(_flatten(item, f"{path}[{index}]"))
        return flat
    sentences = detail if isinstance(detail, list) else [detail]
    return {path or "non_field_errors": [str(sentence) for sentence in sentences]}


def _answer(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponse | None:
    if not request.path.startswith(_PREFIX):
        return None
    return JsonResponse(
        problem(status, code, detail),
        status=status,
        content_type=CONTENT_TYPE,
        json_dumps_params={"ensure_ascii": False},
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400."""
    return _answer(request, 400, "bad_request", _("The request is not well formed.")) or defaults.bad_request(
        request, exception
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _answer(
        request, 403, "permission_denied", _("This is not allowed.")
    ) or defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404."""
    return _answer(
        request, 404, "not_found", _("There is nothing at this address.")
    ) or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500."""
    return _answer(
        request, 500, "internal_error", _("Something went wrong on our side.")
    ) or defaults.server_error(request)
