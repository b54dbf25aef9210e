"""Files go out in pieces: under ASGI a plain iterator would be read into memory as a whole before the first byte leaves."""

from collections.abc import AsyncIterator, Iterable
from typing import IO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

CHUNK_BYTES = 256 * 1024


class HttpApplication(ASGIHandler):
    """Django over ASGI; static files, exports and uploads are read piece by piece, in a thread."""

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response = await super().get_response_async(request)
        if isinstance(response, FileResponse) and not response.is_async:
            file = response.file_to_stream
            response.streaming_content = _read(file) if file else _each(list(response.streaming_content))
        return response


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The response closes the file."""
    while data := await sync_to_async(file.read, thread_sensitive=False)(CHUNK_BYTES):
        yield data


async def _each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
