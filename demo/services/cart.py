"""What visitors put into their carts, in a database of its own."""

import os

from flask import jsonify, request

import database
import web
from telemetry import Telemetry

telemetry = Telemetry("cart", os.environ["VERSION"])
app = web.application("cart")
added = telemetry.meter.create_counter("shop.cart.items", "{item}", "Things put into carts")
path = os.path.join(os.environ["STATE"], "carts.db")
database.ask(database.connect(path, "carts"), "CREATE TABLE IF NOT EXISTS items (visitor TEXT, product TEXT, price REAL)")


def ask(statement, *values):
    connection = database.connect(path, "carts")
    try:
        return database.ask(connection, statement, *values)
    finally:
        connection.close()


@app.post("/carts/<visitor>")
def put(visitor):
    item = request.json
    ask("INSERT INTO items (visitor, product, price) VALUES (?, ?, ?)", visitor, item["product"], item["price"])
    added.add(1, {"product": item["product"]})
    telemetry.log.info("%s put %s into the cart", visitor, item["product"])
    return "", 204


@app.get("/carts/<visitor>")
def show(visitor):
    rows = ask("SELECT product, price FROM items WHERE visitor = ?", visitor)
    return jsonify([{"product": product, "price": price} for product, price in rows])


@app.delete("/carts/<visitor>")
def empty(visitor):
    ask("DELETE FROM items WHERE visitor = ?", visitor)
    return "", 204


@app.get("/popular")
def popular():
    rows = ask("SELECT product, count(*) AS times FROM items GROUP BY product ORDER BY times DESC LIMIT 3")
    return jsonify([product for product, _ in rows])


web.serve(app, telemetry)
