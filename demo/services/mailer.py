"""Takes paid orders from the queue, writes mails to those who ordered, and tells the world by CloudEvents."""

import os
import random
import signal
import threading

import requests
from cloudevents.v1.conversion import to_structured
from cloudevents.v1.http import CloudEvent
from opentelemetry import propagate
from opentelemetry.instrumentation.utils import suppress_instrumentation
from prometheus_client import start_http_server

from orders_queue import OrdersQueue
from telemetry import Telemetry

telemetry = Telemetry("mailer", os.environ["VERSION"])
orders = OrdersQueue(os.path.join(os.environ["STATE"], "orders.db"), telemetry.tracer)
mails = telemetry.meter.create_counter("shop.mails", "{mail}", "Mails sent")
end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: end.set())


def handle(order):
    also = requests.get(f"{os.environ['RECOMMENDATION']}/recommend", params={"visitor": order["visitor"]}, timeout=5).json()
    with telemetry.tracer.start_as_current_span("write the mail"):
        end.wait(random.uniform(0.005, 0.03))
    mails.add(1)
    telemetry.log.info("mailed %s about order %s, with %d recommendations", order["visitor"], order["order"], len(also))
    announce(order)


def announce(order):
    """A business event, with the trace that it belongs to."""
    headers = {}
    propagate.inject(headers)
    event = CloudEvent(
        {"type": "shop.order.paid", "source": "/shop/mailer", "subject": order["order"], **headers},
        {"title": f"order {order['order']} paid", "service": "mailer", "amount": order["amount"], "items": order["items"]},
    )
    headers, body = to_structured(event)
    # What is told to the monitoring is no part of the shop's own traces.
    with suppress_instrumentation():
        requests.post(f"{os.environ['WATCHFIRE']}/api/v1/events", headers=headers, data=body, timeout=5).raise_for_status()


start_http_server(int(os.environ["PORT"]), "127.0.0.1")
telemetry.log.info("mailer %s is ready", telemetry.version)
while not end.is_set():
    try:
        waiting = orders.receive(handle)
    except requests.RequestException:
        telemetry.log.exception("an order could not be handled")
        waiting = 0
    if not waiting:
        end.wait(0.3)
telemetry.stop()
