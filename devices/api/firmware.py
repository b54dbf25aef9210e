"""Where piles fetch their firmware: a signed address that names one file and runs out."""

from collections.abc import AsyncIterator
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from devices.services import firmware_files

CHUNK_BYTES = 256 * 1024


@require_safe
def fetch(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """The file; 404 for an address that is forged or older than a day. `name` is for the pile's own use."""
    firmware = firmware_files.by_token(token)
    if firmware is None:
        return HttpResponse(status=404)
    try:
        content = firmware.file.open("rb")
    except FileNotFoundError:
        return HttpResponse(status=404)
    # Under ASGI a plain iterator would be read into memory as a whole, once for every pile of a batch.
    if isinstance(request, ASGIRequest):
        answer: HttpResponseBase = StreamingHttpResponse(_chunks(content))
    else:
        answer = FileResponse(content)
    answer["Content-Type"] = "application/octet-stream"
    answer["Content-Length"] = str(firmware.size_bytes)
    answer["ETag"] = f'"{firmware.sha256}"'
    return answer


async def _chunks(content: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while data := await sync_to_async(content.read, thread_sensitive=False)(CHUNK_BYTES):
            yield data
    finally:
        content.close()
