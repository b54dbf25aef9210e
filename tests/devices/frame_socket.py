"""A TCP pile reduced to a blocking socket, whatever its frames look like."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any


class FrameSocket:
    """Client of a listener on 127.0.0.1. A protocol names its `splitter`, `frame_class` and how to read a frame."""

    splitter: Callable[[], Any]
    frame_class: type

    def __init__(self, port: int, tls: ssl.SSLContext | None = None):
        self._splitter = self.splitter()
        self._inbox: list[Any] = []
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock)

    @staticmethod
    def kind_of(frame: Any) -> int:
        """What `expect` asks for."""
        raise NotImplementedError

    @staticmethod
    def read(frame: Any) -> Any:
        """The message in a frame from the platform."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def expect(self, kind: int, timeout: float = 5.0) -> Any:
        """The next frame of this kind; others that come before stay in the inbox."""
        end = time.monotonic() + timeout
        while True:
            for index, frame in enumerate(self._inbox):
                if self.kind_of(frame) == kind:
                    del self._inbox[index]
                    self.last_frame = frame
                    return self.read(frame)
            left = end - time.monotonic()
            have = [f"{self.kind_of(frame):02X}" for frame in self._inbox]
            assert left > 0, f"no {kind:02X} within {timeout} s; have {have}"
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(4096)
            except TimeoutError:
                continue
            except ConnectionResetError:  # a process that was killed answers like this
                data = b""
            assert data, f"closed before {kind:02X}"
            self._inbox += [item for item in self._splitter.feed(data) if isinstance(item, self.frame_class)]

    def quiet(self, kind: int, seconds: float = 0.5) -> bool:
        """True when no frame of this kind comes for a while."""
        try:
            self.expect(kind, seconds)
        except AssertionError:
            return True
        return False

    def closed(self, timeout: float = 5.0) -> bool:
        """True once the platform closed the socket."""
        end = time.monotonic() + timeout
        self.sock.settimeout(0.2)
        while time.monotonic() < end:
            try:
                if not self.sock.recv(4096):
                    return True
            except TimeoutError:
                continue
            except OSError:
                return True
        return False
