"""Files are streamed piece by piece by the ASGI server."""

import warnings
from pathlib import Path

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles import finders

from ev_platform.asgi import http_application


async def fetch(path: str, **headers: str) -> tuple[int, dict[bytes, bytes], list[bytes]]:
    """Status, headers and the parts of the body that were not empty."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": path, "query_string": b"",
        "headers": [(b"host", b"localhost"), *named],
    }  # fmt: skip
    client = ApplicationCommunicator(http_application, scope)
    await client.send_input({"type": "http.request", "body": b"", "more_body": False})
    start, parts, more = await client.receive_output(5), [], True
    while more:
        message = await client.receive_output(5)
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    await client.wait(5)
    return start["status"], dict(start["headers"]), [part for part in parts if part]


def test_a_static_file_is_streamed_and_whole():
    content = Path(finders.find("console/console.css")).read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Django warns of iterators that it has to read as a whole
        status, headers, parts = async_to_sync(fetch)("/static/console/console.css")
        assert status == 200 and b"".join(parts) == content
        assert headers[b"Content-Length"] == str(len(content)).encode()
        unchanged = async_to_sync(fetch)(
            "/static/console/console.css", if_modified_since=headers[b"Last-Modified"].decode()
        )
        assert unchanged[0] == 304 and unchanged[2] == []
