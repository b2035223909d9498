#!/usr/bin/env python3
"""A remote judge in a few lines: answers POST /judge with what `kayenta judge` makes of it. Python standard library only.

  remote_judge.py --port 9700 [--kayenta /usr/local/bin/kayenta]

Replace `verdict` with a judge of your own; what it gets and returns is described in README.md.
"""
import argparse
import http.server
import json
import subprocess

MOST_BYTES = 256 << 20


def verdict(request, kayenta):
    """The judge result for {"canaryConfig", "scoreThresholds", "metricSetPairList"}."""
    config = request["canaryConfig"]
    config["judge"] = {**(config.get("judge") or {}), "name": "NetflixACAJudge-v1.0"}
    line = {"canaryConfig": config, "thresholds": request["scoreThresholds"], "metricSetPairList": request["metricSetPairList"]}
    done = subprocess.run([kayenta, "judge"], input=json.dumps(line) + "\n", capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    if "result" not in answer:
        raise ValueError(answer["error"] if isinstance(answer["error"], str) else json.dumps(answer["error"]))
    return answer["result"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self):
        self.reply(200, {"status": "UP"}) if self.path == "/health" else self.reply(404, {"message": "POST /judge"})

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if not self.path.endswith("/judge") or not 0 < length <= MOST_BYTES:
            self.close_connection = True
            return self.reply(404 if length else 411, {"message": "POST a body to /judge"})
        try:
            self.reply(200, verdict(json.loads(self.rfile.read(length)), self.server.kayenta))
        except (ValueError, KeyError, TypeError) as error:
            self.reply(422, {"message": f"cannot be judged: {error}"})
        except (OSError, subprocess.SubprocessError) as error:
            self.reply(500, {"message": f"kayenta judge did not run: {error}"})

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9700)
    options.add_argument("--kayenta", default="kayenta", help="the kayenta executable")
    options = options.parse_args()
    server = http.server.ThreadingHTTPServer((options.host, options.port), Handler)
    server.kayenta = options.kayenta
    print(f"remote judge at http://{options.host}:{server.server_port}/judge", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
