"""Charges cards, writes that into the ledger and says so in the queue of orders.

The fault of the demo is in here: versions 1.9.0, 1.10.0 and so on keep the connection of a card that is refused.
"""

import os
import random
import time

import sentry_sdk
from flask import jsonify, request

import database
import web
from orders_queue import OrdersQueue
from pool import Pool, PoolExhausted
from telemetry import Telemetry

version = os.environ["VERSION"]
faulty = os.environ.get("FAULTY") == "1"
telemetry = Telemetry("payment", version)
app = web.application("payment")
path = os.path.join(os.environ["STATE"], "ledger.db")
ledger = Pool("ledger", lambda: database.connect(path, "ledger"), size=4, telemetry=telemetry)
orders = OrdersQueue(os.path.join(os.environ["STATE"], "orders.db"), telemetry.tracer)
charged = telemetry.meter.create_counter("shop.payments", "{payment}", "Payments by how they ended")
with ledger.connection("start") as connection:
    database.ask(connection, "CREATE TABLE IF NOT EXISTS charges (ord TEXT, card TEXT, amount REAL, time REAL)")


@app.post("/charges")
def charge():
    order = request.json
    sentry_sdk.set_user({"id": order["visitor"]})
    telemetry.log.info("charging card %s with %.2f for order %s", order["card"], order["amount"], order["order"])
    connection = ledger.borrow("charge")
    if not accepted(connection, order["card"]):
        charged.add(1, {"result": "refused"})
        telemetry.log.warning("the bank refused the card for order %s", order["order"])
        if not faulty:
            ledger.give_back(connection)
        return jsonify(result="refused"), 402
    database.ask(connection, "INSERT INTO charges (ord, card, amount, time) VALUES (?, ?, ?, ?)",
                 order["order"], order["card"][-4:], order["amount"], time.time())
    ledger.give_back(connection)
    orders.send(order)
    charged.add(1, {"result": "paid"})
    return jsonify(result="paid")


@app.get("/revenue")
def revenue():
    with ledger.connection("revenue") as connection:
        count, amount = database.ask(connection, "SELECT count(*), coalesce(sum(amount), 0) FROM charges")[0]
    return jsonify(count=count, amount=round(amount, 2))


def accepted(connection, card):
    """Whether the bank takes the card; asks the ledger whether it was used too often."""
    database.ask(connection, "SELECT count(*) FROM charges WHERE card = ? AND time > ?", card[-4:], time.time() - 60)
    with telemetry.tracer.start_as_current_span("ask the bank"):
        time.sleep(random.uniform(0.02, 0.06))
    return not card.endswith("0002")


@app.errorhandler(PoolExhausted)
def no_connection(error):
    sentry_sdk.capture_exception(error)
    telemetry.log.error("%s", error)
    charged.add(1, {"result": "failed"})
    return jsonify(error=str(error)), 503


web.serve(app, telemetry)
