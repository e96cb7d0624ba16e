"""A web service on this machine that answers what a test tells it to, well or badly."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Service:
    """``answers`` are given in turn, the last for ever; ``requests`` are (path, parameters, headers)."""

    def __init__(self):
        self.answers, self.requests, self.url = [], [], ""

    def answer(self, body=b"{}", status=200, headers=(), fault=""):
        """Queue an answer: bytes, text or data for JSON; ``fault`` is one of drop, partial, slow, drip."""
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        raw = body.encode() if isinstance(body, str) else body
        self.answers.append((raw, status, dict(headers), fault))

    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextlib.contextmanager
def web_service():
    """A running `Service` on 127.0.0.1."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            service.requests.append(
                (parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}, dict(self.headers))
            )
            body, status, headers, fault = service.next()
            if fault == "drop":
                self.connection.close()
                return
            if fault == "slow":
                time.sleep(1.0)
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + (50 if fault == "partial" else 0)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if fault == "drip":
                    for at in range(len(body)):
                        self.wfile.write(body[at : at + 1])
                        self.wfile.flush()
                        time.sleep(0.1)
                else:
                    self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
