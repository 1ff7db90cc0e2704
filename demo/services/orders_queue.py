"""A queue of messages in a file, with trace context in their headers."""

import json
import sqlite3

from opentelemetry import propagate
from opentelemetry.trace import Link, SpanKind, get_current_span

NAMES = {"messaging.system": "sqlite", "messaging.destination.name": "orders"}


class OrdersQueue:
    def __init__(self, path, tracer):
        self._tracer = tracer
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, headers TEXT, body TEXT)")

    def send(self, message):
        attributes = {**NAMES, "messaging.operation.type": "send", "messaging.operation.name": "send"}
        with self._tracer.start_as_current_span("send orders", kind=SpanKind.PRODUCER, attributes=attributes):
            headers = {}
            propagate.inject(headers)
            self._file.execute("INSERT INTO messages (headers, body) VALUES (?, ?)", (json.dumps(headers), json.dumps(message)))

    def receive(self, handle, most=10):
        """Calls `handle` for each message that waits; how many there were.

        Taking messages is a span that links to all that sent them. Handling one is a span of the sender's trace, with a
        link back to the taking.
        """
        rows = self._file.execute(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages ORDER BY id LIMIT ?) RETURNING headers, body", (most,)
        ).fetchall()
        if not rows:
            return 0
        messages = [(propagate.extract(json.loads(headers)), json.loads(body)) for headers, body in rows]
        senders = [Link(get_current_span(sender).get_span_context()) for sender, _ in messages]
        attributes = {**NAMES, "messaging.operation.type": "receive", "messaging.batch.message_count": len(rows)}
        with self._tracer.start_as_current_span("receive orders", kind=SpanKind.CLIENT, attributes=attributes, links=senders) as taking:
            taken = Link(taking.get_span_context())
        for sender, message in messages:
            attributes = {**NAMES, "messaging.operation.type": "process"}
            with self._tracer.start_as_current_span(
                "process orders", context=sender, kind=SpanKind.CONSUMER, attributes=attributes, links=[taken]
            ):
                handle(message)
        return len(rows)
