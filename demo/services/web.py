"""A web service in Flask with its metrics, until it is told to end."""

import os
import signal
import threading

from flask import Flask, Response
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from prometheus_client import generate_latest
from werkzeug.serving import make_server


def application(name):
    app = Flask(name)
    FlaskInstrumentor().instrument_app(app, excluded_urls="/metrics,/health")

    @app.get("/health")
    def health():
        return "ok"

    @app.get("/metrics")
    def metrics():
        return Response(generate_latest(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return app


def serve(app, telemetry):
    # A socket that is open already outlives this version of the service.
    inherited = int(os.environ["LISTEN_FD"]) if "LISTEN_FD" in os.environ else None
    server = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True, fd=inherited)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    telemetry.log.info("%s %s is ready", telemetry.service, telemetry.version)
    server.serve_forever()
    telemetry.stop()
