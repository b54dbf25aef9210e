"""Where payment channels call us. No login: the signature of the notice is the credential.

WeChat Pay reads the HTTP status, Alipay the seven characters `success`; anything else makes them call again.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from billing.models import PaymentNotice
from billing.payments.provider import NoticeRefused
from billing.services.payment_notices import take_notice

LONGEST_BODY = 64 * 1024


@method_decorator(csrf_exempt, name="dispatch")
class WeChatNotifyView(View):
    """A notice of WeChat Pay v3; 200 once it is booked or known, else a failure that makes it come again."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            outcome = _take("wechat", request)
        except NoticeRefused as refusal:
            return JsonResponse({"code": "FAIL", "message": refusal.reason}, status=refusal.status)
        if outcome == PaymentNotice.Outcome.UNKNOWN:
            return JsonResponse({"code": "FAIL", "message": "unknown payment"}, status=404)
        return JsonResponse({"code": "SUCCESS", "message": ""})


@method_decorator(csrf_exempt, name="dispatch")
class AlipayNotifyView(View):
    """A notice of Alipay; `success` once it is booked or known."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            outcome = _take("alipay", request)
        except NoticeRefused as refusal:
            return HttpResponse("fail", content_type="text/plain", status=refusal.status)
        failed = outcome == PaymentNotice.Outcome.UNKNOWN
        return HttpResponse(
            "fail" if failed else "success", content_type="text/plain", status=404 if failed else 200
        )


def _take(channel: str, request: HttpRequest) -> str:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LONGEST_BODY or len(request.body) > LONGEST_BODY:
        raise NoticeRefused("malformed", status=413)
    return take_notice(
        channel=channel,
        headers=request.headers,
        body=request.body,
        ip=request.META.get("REMOTE_ADDR", ""),
    )
