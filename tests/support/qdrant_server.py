"""A small server that speaks the part of Qdrant's REST contract the store uses, for tests of the client side."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


class FakeQdrant:
    """Collections in memory; ``failures`` first requests are answered 503, ``requests`` are kept."""

    def __init__(self, failures=0):
        self.collections, self.failures, self.requests = {}, failures, []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def _answer(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                path = self.path.split("?")[0]
                fake.requests.append((self.command, path, self.headers.get("api-key")))
                if fake.failures > 0:
                    fake.failures -= 1
                    status, result = 503, None
                else:
                    status, result = fake.handle(self.command, path, body)
                raw = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_PUT = do_POST = _answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def handle(self, method, path, body):
        name, rest = re.fullmatch(r"/collections/([^/]+)(/.*)?", path).groups()
        if (method, rest) == ("GET", "/exists"):
            return 200, {"exists": name in self.collections}
        if (method, rest) == ("PUT", None):
            self.collections[name] = {"vectors": body["vectors"], "points": {}}
            return 200, True
        if name not in self.collections:
            return 404, None
        points = self.collections[name]["points"]
        done = {"operation_id": 1, "status": "completed"}
        if (method, rest) == ("GET", None):
            return 200, self._info(name)
        if (method, rest) == ("PUT", "/points"):
            points.update({p["id"]: p for p in body["points"]})
            return 200, done
        if (method, rest) == ("POST", "/points/delete"):
            for key in body["points"]:
                points.pop(key, None)
            return 200, done
        if (method, rest) == ("POST", "/points/scroll"):
            return 200, self._scroll(points, body)
        if (method, rest) == ("POST", "/points/count"):
            return 200, {"count": len(points)}
        if (method, rest) == ("POST", "/points/query"):
            return 200, {"points": self._query(points, body)}
        return 404, None

    def _info(self, name):
        collection = self.collections[name]
        params = {"vectors": collection["vectors"], "shard_number": 1, "on_disk_payload": True}
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}
        optimizer = {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "points_count": len(collection["points"]),
            "config": {"params": params, "hnsw_config": hnsw, "optimizer_config": optimizer},
            "payload_schema": {},
        }

    @staticmethod
    def _kept(points, body):
        must = (body.get("filter") or {}).get("must", [])
        return [
            p for p in points.values() if all(p["payload"].get(c["key"]) == c["match"]["value"] for c in must)
        ]

    def _scroll(self, points, body):
        ids = sorted(p["id"] for p in self._kept(points, body) if p["id"] >= (body.get("offset") or 0))
        page = ids[: body["limit"]]
        return {
            "points": [{"id": i, "payload": None, "vector": None} for i in page],
            "next_page_offset": ids[len(page)] if len(ids) > len(page) else None,
        }

    def _query(self, points, body):
        query, kept = np.float32(body["query"]["nearest"]), self._kept(points, body)
        scored = sorted(
            (
                {
                    "id": p["id"],
                    "version": 0,
                    "score": float(np.float32(p["vector"]) @ query),
                    "payload": p["payload"],
                }
                for p in kept
            ),
            key=lambda p: -p["score"],
        )
        return scored[: body["limit"]]
