"""Where piles upload their logs: a PUT or POST under an address that only one pile was told, once."""

from typing import IO

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from devices.services import uploads

LARGEST_BYTES = 256 * 1024 * 1024


class _Counted:
    """A stream that is read to its end and no further than the limit."""

    name = None

    def __init__(self, stream: IO[bytes]):
        self._stream = stream
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.size += len(data)
        if self.size > LARGEST_BYTES:
            raise RequestDataTooBig
        return data


@csrf_exempt
@require_http_methods(["PUT", "POST"])
def receive(request: HttpRequest, secret: str, name: str = "") -> HttpResponse:
    """Take the file: the body of a PUT or POST, or the first file of a form.

    201 when it is kept; 404 for an address that is unknown, used or out of time; 413 above 256 MB.
    """
    if int(request.headers.get("Content-Length") or 0) > LARGEST_BYTES:
        return HttpResponse(status=413)
    stream: IO[bytes] = request
    if request.method == "POST" and request.content_type == "multipart/form-data":
        sent = next(iter(request.FILES.values()), None)
        if sent is None:
            return HttpResponse(status=400)
        stream, name = sent, name or sent.name or ""
    counted = _Counted(stream)
    upload = uploads.receive(secret=secret, name=name, content=counted)
    return HttpResponse(status=404 if upload is None else 201)
