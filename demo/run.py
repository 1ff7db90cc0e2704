"""Starts Watchfire and the shop that it watches, lets the fault come and go, and stops everything.

`make demo` calls it; docs/demo.md says what there is to see.
"""

import json
import os
import shutil
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cloudevents.v1.conversion import to_structured
from cloudevents.v1.http import CloudEvent

HERE = Path(__file__).resolve().parent
SERVICES = HERE / "services"
NAMES = ["watchfire", "otlp_grpc", "pager", "shop", "cart", "payment", "recommendation", "mailer"]
PROJECTS = {"shop": 1, "payment": 2, "recommendation": 3, "cart": 4, "mailer": 5, "bookkeeping": 6}
STARTED_WITH = {"cart": "3.2.0", "recommendation": "0.9.4", "payment": "1.8.2", "mailer": "2.0.1", "shop": "5.1.0"}
READY_SECONDS = 60


class Failed(Exception):
    pass


def say(word, text):
    print(f"{time.strftime('%H:%M:%S')}  {word:<9} {text}", flush=True)


def seconds(name, otherwise):
    text = os.environ.get(name, "")
    try:
        return float(text or otherwise)
    except ValueError:
        raise Failed(f"{name} is {text!r}: a number is needed") from None


class Plan:
    """When what happens, in seconds: time-compressed with DEMO_FAST=1, bounded by DEMO_MINUTES."""

    def __init__(self):
        fast = os.environ.get("DEMO_FAST") == "1"
        self.fault_after = seconds("DEMO_FAULT_AFTER", 120 if fast else 300)
        self.fault_for = seconds("DEMO_FAULT_FOR", 120 if fast else 300)
        self.again_after = seconds("DEMO_AGAIN_AFTER", 1200)
        self.job_every = 15 if fast else 30
        self.minutes = seconds("DEMO_MINUTES", 0)
        self.visitors = os.environ.get("DEMO_VISITORS", "1.5")


class Site:
    """Addresses and directories of a run."""

    def __init__(self, state):
        first = int(seconds("DEMO_PORT", 7780))
        self.state = state
        self.address = {name: f"127.0.0.1:{first + i}" for i, name in enumerate(NAMES)}
        self.url = {name: f"http://{address}" for name, address in self.address.items()}
        for name, address in self.address.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", int(address.rsplit(":")[-1])))
                except OSError:
                    raise Failed(
                        f"{address}, meant for {name}, is taken: set DEMO_PORT to the first of {len(NAMES)} free ports"
                    ) from None

    def configuration(self):
        """Writes the configuration of this run; where it is."""
        for name in ["watchfire.yml", "alertmanager.yml"]:
            values = self.address | {"rules": HERE / "rules.yml", "alertmanager": self.state / "alertmanager.yml"}
            (self.state / name).write_text(string.Template((HERE / name).read_text()).substitute(values))
        return self.state / "watchfire.yml"

    def environment(self, service, version):
        return os.environ | {
            "VERSION": version,
            "STATE": str(self.state),
            "WATCHFIRE": self.url["watchfire"],
            "OTLP_GRPC": self.url["otlp_grpc"],
            "SENTRY_DSN": f"http://demo@{self.address['watchfire']}/{PROJECTS[service]}",
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
            "NODE_PATH": os.environ["DEMO_NODE_MODULES"],
            **{name.upper(): self.url[name] for name in ["shop", "cart", "payment", "recommendation"]},
            **({"PORT": self.address[service].rsplit(":")[-1]} if service in self.address else {}),
        }


class Processes:
    """Everything that was started, by name; stopped in the opposite order."""

    def __init__(self, logs):
        self.logs, self.running = logs, {}
        logs.mkdir(exist_ok=True)

    def start(self, name, command, environment, socket=None):
        log = open(self.logs / f"{name}.log", "a")
        inherited = [] if socket is None else [socket.fileno()]
        # A session of its own: Ctrl-C in the terminal reaches this program only, which stops the others in order.
        self.running[name] = subprocess.Popen(
            command, env=environment, cwd=SERVICES, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            pass_fds=inherited,
        )

    def stop(self, name):
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self):
        for name in reversed(list(self.running)):
            self.stop(name)

    def check(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                tail = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
                raise Failed("\n    ".join([f"{name} ended with {process.returncode}; the end of {self.logs / name}.log:", *tail]))

    def ready(self, name, url):
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self.check()
            try:
                urllib.request.urlopen(url, timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise Failed(f"{name} does not answer at {url} within {READY_SECONDS} s") from None
                time.sleep(0.1)


class Pager(BaseHTTPRequestHandler):
    """Says what Watchfire notifies of, on this terminal."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            name, service = alert["labels"]["alertname"], alert["labels"].get("service", "")
            word = "PAGER" if alert["status"] == "firing" else "resolved"
            say(word, f"{name} ({alert['labels'].get('severity', '')}, {service}): {alert['annotations'].get('summary', '')}")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Demo:
    def __init__(self, site, plan):
        self.site, self.plan = site, plan
        self.processes = Processes(site.state / "logs")
        self.version = {}
        self.binary = os.environ["WATCHFIRE_BIN"]
        # Payment takes its connections from this socket, which stays open while another version takes its place.
        self.payment = socket.socket()

    def start(self):
        configuration = self.site.configuration()
        command = [self.binary, "serve", "--config", configuration, "--data", self.site.state / "data",
                   "--listen", self.site.address["watchfire"]]
        self.payment.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.payment.bind(("127.0.0.1", int(self.site.address["payment"].rsplit(":")[-1])))
        self.payment.listen(64)
        pager = HTTPServer(("127.0.0.1", int(self.site.address["pager"].rsplit(":")[-1])), Pager)
        threading.Thread(target=pager.serve_forever, daemon=True).start()
        self.processes.start("watchfire", command, os.environ | {"WATCHFIRE_LOG": "info"})
        self.processes.ready("watchfire", self.site.url["watchfire"] + "/-/ready")
        for service, version in STARTED_WITH.items():
            self.run(service, version)
        for service in STARTED_WITH:
            self.processes.ready(service, self.site.url[service] + ("/metrics" if service == "mailer" else "/health"))
        environment = self.site.environment("shop", "") | {"VISITORS_PER_SECOND": self.plan.visitors}
        self.processes.start("traffic", ["node", SERVICES / "traffic.cjs"], environment)

    def run(self, service, version, faulty=False):
        self.version[service] = version
        node = SERVICES / f"{service}.cjs"
        command = ["node", node] if node.exists() else [sys.executable, SERVICES / f"{service}.py"]
        environment = self.site.environment(service, version) | {"FAULTY": "1" if faulty else "0"}
        inherited = self.payment if service == "payment" else None
        if inherited:
            environment["LISTEN_FD"] = str(inherited.fileno())
        self.processes.start(service, command, environment, inherited)

    def deploy(self, service, version, faulty, why):
        """Another version takes the place of the one that runs, and a CloudEvent says so."""
        before = self.version[service]
        self.processes.stop(service)
        self.run(service, version, faulty)
        self.processes.ready(service, self.site.url[service] + "/health")
        event = CloudEvent(
            {"type": "dev.cdevents.service.deployed.0.2.0", "source": "/shop/delivery", "subject": f"{service}/{version}"},
            {"title": f"{service} {version} deployed", "text": why, "service": service, "version": version,
             "previous": before, "environment": "demo", "result": "ok"},
        )
        headers, body = to_structured(event)
        request = urllib.request.Request(self.site.url["watchfire"] + "/api/v1/events", body, headers)
        urllib.request.urlopen(request, timeout=10).close()
        say("deploy", f"{service} {before} -> {version}: {why}")

    def job(self):
        """The bookkeeping, as a crontab would have it."""
        command = [self.binary, "events", "send", "--url", self.site.url["watchfire"], "--title", "bookkeeping",
                   "--kind", "cron", "--service", "bookkeeping", "--version", "1.0.3",
                   "--", sys.executable, SERVICES / "bookkeeping.py"]
        self.processes.start("bookkeeping", command, self.site.environment("bookkeeping", "1.0.3"))

    def go_on(self):
        """What happens, until the time is over."""
        begin = time.monotonic()
        fault, repair = self.plan.fault_after, self.plan.fault_after + self.plan.fault_for
        minor, next_job = 9, 5.0
        while True:
            now = time.monotonic() - begin
            job = self.processes.running.get("bookkeeping")
            if job and job.poll() is not None:
                self.processes.stop("bookkeeping")
            self.processes.check()
            if self.plan.minutes and now > self.plan.minutes * 60:
                return
            if now > next_job:
                next_job += self.plan.job_every
                if "bookkeeping" not in self.processes.running:
                    self.job()
            if now > fault:
                fault += self.plan.again_after
                self.deploy("payment", f"1.{minor}.0", True, "asks the ledger whether a card was used too often")
            if now > repair:
                repair += self.plan.again_after
                self.deploy("payment", f"1.{minor}.1", False, "gives connections back when a card is refused")
                minor += 1
            time.sleep(0.2)


def fresh(state):
    """An empty directory for this run; refuses to empty one that is not of a run before."""
    mark = state / "of-the-demo"
    if state.exists() and any(state.iterdir()):
        if not mark.exists():
            raise Failed(f"{state} is not empty and not of a demo before: set DEMO_STATE to another directory")
        shutil.rmtree(state)
    state.mkdir(parents=True, exist_ok=True)
    mark.touch()


def main():
    for name in [signal.SIGTERM, signal.SIGHUP]:
        signal.signal(name, signal.default_int_handler)
    demo = None
    try:
        plan, state = Plan(), Path(os.environ["DEMO_STATE"]).resolve()
        site = Site(state)
        fresh(state)
        demo = Demo(site, plan)
        say("start", f"Watchfire at {site.url['watchfire']}, its data in {state}")
        demo.start()
        say("ready", f"open {site.url['watchfire']}; the guided tour is docs/demo.md (docs/demo.zh.md in Chinese)")
        say("story", "a shop sells tea: shop and recommendation (Node), cart, payment, mailer and bookkeeping (Python),")
        say("", "SQLite below, a queue between payment and mailer, and visitors who buy.")
        say("", f"In {plan.fault_after:g} s payment 1.9.0 is deployed, and it is not good. {plan.fault_for:g} s later it is repaired.")
        say("", f"For `watchfire` in another terminal: export WATCHFIRE_URL={site.url['watchfire']}")
        say("", "Ctrl-C ends everything." if not plan.minutes else f"Everything ends after {plan.minutes:g} minutes, or with Ctrl-C.")
        demo.go_on()
    except KeyboardInterrupt:
        print()
    except Failed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    finally:
        if demo:
            for name in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
                signal.signal(name, signal.SIG_IGN)
            say("stop", "visitors, services, Watchfire")
            demo.processes.stop_all()
    return 0


sys.exit(main())
