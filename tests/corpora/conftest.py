"""A small web server of our own that can behave as badly as real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers.publisher import Publisher


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            publisher.requests.append(self.headers.get("Range"))
            if publisher.statuses:
                return self.send_error(publisher.statuses.pop(0))
            if name not in publisher.files:
                return self.send_error(404)
            data, etag = publisher.files[name], publisher.etags.get(name, '"1"')
            start = 0
            asked = self.headers.get("Range")
            if asked and publisher.ranges_work and self.headers.get("If-Range") == etag:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(data):
                    return self.send_error(416)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            most = publisher.cuts.pop(0) if publisher.cuts else len(data)
            self.wfile.write(data[start : start + most])
            return None

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    publisher.address = f"http://127.0.0.1:{server.server_port}"
    yield publisher
    server.shutdown()
    server.server_close()
