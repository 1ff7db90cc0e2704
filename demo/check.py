"""Starts the demo with its fault at once, and looks whether each signal arrives and leads to the others.

`make demo-check` calls it. It takes about two minutes: as long as the alert needs to fire and to be resolved.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PORTS = 8
SECONDS = 240


class Missing(Exception):
    pass


class Site:
    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        url = self.url + path + ("?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else "")
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Missing(f"{url} answers {error.code}") from None

    def spans(self, trace):
        return self.get(f"/api/v1/traces/{trace}")["spans"]

    def sample(self, query):
        found = self.get("/api/v1/query", query=query)["result"]
        need(found, f"{query} finds nothing")
        return float(found[0]["value"][1])


def need(true, otherwise):
    if not true:
        raise Missing(otherwise)
    return true


def metrics(site):
    """Python's services are scraped, Node's send by OTLP; all have metrics of their SDK and of their spans."""
    up = {s["metric"]["job"] for s in site.get("/api/v1/query", query="up == 1")["result"]}
    services = {"shop", "cart", "payment", "recommendation", "mailer"}
    scraped = services - {"shop", "recommendation"}
    need(scraped <= up, f"not scraped: {scraped - up}")
    for service in services - scraped:
        took = f'http_server_request_duration_seconds_count{{job="{service}"}}'
        need(site.sample(f"sum({took})") > 0, f"no metrics of {service} by OTLP")
        need(site.sample(f"sum({took} * on (job, instance) group_left (service_version) target_info)") > 0, f"{service} has no target_info")
    need(site.sample("sum(rate(shop_checkouts_total[1m]))") > 0, "no checkouts are counted")
    need(site.sample('sum(db_client_connection_max{job="payment"})') == 4, "no metrics of Python's SDK")
    for service in services:
        need(site.sample(f'sum(traces_spanmetrics_calls_total{{service="{service}"}})') > 0, "no metrics of spans")


def trace(site):
    """A checkout crosses five services in one trace; taking its message is linked to it."""
    found = site.get("/api/v1/traces", service="mailer", name="process orders", limit=5)["traces"]
    for one in found:
        spans = site.spans(one["traceID"])
        services = {span["service"] for span in spans}
        if len(services) >= 5:
            break
    else:
        raise Missing(f"no trace crosses five services, {len(found)} were looked at")
    handled = next(span for span in spans if span["name"] == "process orders")
    taken = need(handled["links"], "handling a message has no link")[0]["traceID"]
    back = site.spans(taken)[0]["links"]
    need(one["traceID"] in {link["traceID"] for link in back}, "taking a message has no link to its sender")


def logs(site):
    """Logs of two services have the id of a trace that is there; numbers of cards are not in them."""
    found = site.get("/loki/api/v1/query_range", query='{service_name="payment"} |= "charging card" | trace_id != ""', limit=20)
    streams = need(found["result"], "payment has no logs with a trace")
    of = streams[-1]["stream"]["trace_id"]
    need(site.spans(of), "the trace of a line is not there")
    both = site.get("/loki/api/v1/query_range", query=f'{{service_name=~".+"}} | trace_id="{of}"', limit=100)["result"]
    services = {stream["stream"]["service_name"] for stream in both}
    need({"shop", "payment"} <= services, f"only {services} have logs of the trace {of}")
    lines = [line for stream in streams for _, line in stream["values"]]
    need(all("[redacted]" in line for line in lines), "a number of a card is in the logs")


def deploy(site):
    """The deploy is an event, once told by the shop's delivery."""
    events = site.get("/api/v1/events", kind="deploy", service="payment")["events"]
    told = [event for event in events if event.get("source") == "/shop/delivery"]
    need(any(event["attributes"]["service.version"] == "1.9.0" for event in told), "payment 1.9.0 is not among the deploys")


def business(site):
    """Business events have their trace and became metrics; the job's runs are events."""
    event = need(site.get("/api/v1/events", kind="shop.order.paid", limit=5)["events"], "no order was paid")[-1]
    need(site.spans(event["traceID"]), "the trace of an order is not there")
    need(site.sample("shop_earned_total") > 0, "nothing was earned")
    need(site.get("/api/v1/events", kind="cron", service="bookkeeping")["events"], "the job did not run")


def errors(site):
    """Issues of Node's and Python's SDK of Sentry, in the new release, with a trace that is there and its logs."""
    for service, kind, release in [("shop", "CheckoutFailed", "shop@5.1.0"), ("payment", "PoolExhausted", "payment@1.9.0")]:
        issues = site.get("/api/v1/errors/issues", query=f"service:{service} type:{kind}")["issues"]
        issue = site.get(f"/api/v1/errors/issues/{need(issues, f'no issue {kind} of {service}')[0]['id']}")
        need(issue["firstRelease"] == release, f"{kind} is of release {issue['firstRelease']}")
        links = issue["latestEvent"]["links"]
        spans = site.spans(need(links.get("trace"), f"{kind} has no trace")["traceID"])
        need({"shop", "payment"} <= {span["service"] for span in spans}, f"the trace of {kind} lacks a service")
        need(site.get("/loki/api/v1/query_range", query=links["logs"]["query"], limit=5)["result"], f"{kind} has no logs")
    need(site.get("/api/v1/errors/releases", project="payment")["releases"], "no releases of payment")


def alerts(site):
    """The alert fires, and that is an event, too."""
    firing = {alert["labels"]["alertname"] for alert in site.get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"}
    need("CheckoutBurnsItsBudget" in firing, f"firing are {sorted(firing)}")
    need(site.get("/api/v1/events", kind="alert", result="firing")["events"], "that an alert fires is no event")
    health = site.get("/api/v1/entities/service/shop")["health"]
    need(health == "critical", f"the shop is {health}")


def entities(site):
    """The catalogue has the services, what they run on, and whom they call."""
    names = {e["name"] for e in site.get("/api/v1/entities", type="service")["entities"]}
    need({"shop", "cart", "payment", "recommendation", "mailer", "bookkeeping"} <= names, f"there are only {names}")
    calls = {
        (n["type"], n["name"]) for n in site.get("/api/v1/entities/service/shop")["neighbours"]
        if n["relation"] == "calls" and n["direction"] == "out"
    }
    need({("service", name) for name in ["cart", "payment", "recommendation"]} <= calls, f"the shop calls only {calls}")
    payment = site.get("/api/v1/entities/service/payment")
    need("database" in {n["type"] for n in payment["neighbours"]}, "payment calls no database")
    need(all(payment["signals"][signal] for signal in ["metrics", "logs", "traces", "events"]), "payment lacks a signal")


def graph(site):
    """The service map: calls, a database, a queue, and failures."""
    edges = {(e["client"], e["server"]): e for e in site.get("/api/v1/traces/graph")["edges"]}
    for pair in [("shop", "payment"), ("recommendation", "cart"), ("payment", "ledger"), ("payment", "mailer")]:
        need(pair in edges, f"nothing from {pair[0]} to {pair[1]}")
    need(edges["payment", "mailer"]["connection"] == "messaging_system", "the queue is not seen as one")
    need(edges["shop", "payment"]["failed"] > 0, "no call failed")


def repaired(site):
    """After the repair the alert is resolved."""
    told = site.get("/api/v1/events", kind="alert", result="resolved")["events"]
    need(any("CheckoutBurnsItsBudget" in json.dumps(event) for event in told), "the alert is not resolved yet")


CHECKS = [metrics, trace, logs, business, deploy, errors, alerts, entities, graph, repaired]


def free_ports():
    """The first of so many free ports in a row."""
    for first in range(17780, 27780, 20):
        try:
            for port in range(first, first + PORTS):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise SystemExit("demo-check: no free ports between 17780 and 27780")


def main():
    first = free_ports()
    with tempfile.TemporaryDirectory(prefix="watchfire-demo-check-") as state:
        environment = os.environ | {
            "DEMO_STATE": state, "DEMO_PORT": str(first), "DEMO_MINUTES": str(SECONDS / 60), "DEMO_VISITORS": "2",
            "DEMO_FAULT_AFTER": "20", "DEMO_FAULT_FOR": "60",
        }
        demo = subprocess.Popen([sys.executable, HERE / "run.py"], env=environment)
        try:
            missing = wait(Site(f"http://127.0.0.1:{first}"), demo)
        finally:
            demo.send_signal(signal.SIGINT)
            code = demo.wait(60)
        if missing or code:
            for log in sorted(Path(state, "logs").iterdir()):
                print(f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-10:], sep="\n")
    for check, why in missing.items():
        print(f"demo-check: {check.__name__}: {why}", file=sys.stderr)
    return 1 if missing or code else 0


def wait(site, demo):
    """Each check until it holds; what did not, and why."""
    begin, missing = time.monotonic(), {check: "it was not looked at" for check in CHECKS}
    while missing and demo.poll() is None and time.monotonic() - begin < SECONDS:
        time.sleep(2)
        for check in list(missing):
            try:
                check(site)
            except (Missing, OSError, KeyError, IndexError) as error:
                missing[check] = repr(error) if isinstance(error, KeyError) else str(error)
                continue
            del missing[check]
            print(f"demo-check: {time.monotonic() - begin:3.0f} s  {check.__doc__}", flush=True)
    return missing


sys.exit(main())
