"""A pool of connections with OpenTelemetry's metrics for such pools."""

import queue
import threading
import time
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.metrics import Observation


class PoolExhausted(Exception):
    pass


class Pool:
    def __init__(self, name, open_connection, size, telemetry, wait_seconds=2.0, abandoned_seconds=45.0):
        self.name, self.size, self.telemetry = name, size, telemetry
        self.wait_seconds, self.abandoned_seconds = wait_seconds, abandoned_seconds
        self._idle = queue.LifoQueue()
        for _ in range(size):
            self._idle.put(open_connection())
        self._lent, self._lock = {}, threading.Lock()
        attributes = {"db.client.connection.pool.name": name}
        meter = telemetry.meter
        self._wait = meter.create_histogram("db.client.connection.wait_time", "s", "Time until a connection was lent")
        self._timeouts = meter.create_counter("db.client.connection.timeouts", "{timeout}", "Requests that got no connection")
        self._timeouts.add(0, attributes)
        meter.create_observable_up_down_counter("db.client.connection.count", [lambda _: [
            Observation(len(self._lent), attributes | {"db.client.connection.state": "used"}),
            Observation(self._idle.qsize(), attributes | {"db.client.connection.state": "idle"}),
        ]], "{connection}", "Connections by state")
        meter.create_observable_up_down_counter("db.client.connection.max", [
            lambda _: [Observation(size, attributes)],
        ], "{connection}", "Connections that the pool may have")
        self._attributes = attributes
        threading.Thread(target=self._reclaim, daemon=True).start()

    def borrow(self, who):
        """A connection; whoever takes it gives it back."""
        begin = time.monotonic()
        with self.telemetry.tracer.start_as_current_span("pool.borrow", attributes=self._attributes) as span:
            span.set_attribute("pool.used", len(self._lent))
            try:
                connection = self._idle.get(timeout=self.wait_seconds)
            except queue.Empty:
                self._timeouts.add(1, self._attributes)
                raise PoolExhausted(
                    f"no connection to {self.name} within {self.wait_seconds:g} s: {len(self._lent)} of {self.size} are lent"
                ) from None
        waited = time.monotonic() - begin
        self._wait.record(waited, self._attributes)
        if waited > 0.5:
            self.telemetry.log.warning("waited %.1f s for a connection to %s, %d of %d are lent",
                                       waited, self.name, len(self._lent), self.size)
        with self._lock:
            self._lent[id(connection)] = (connection, who, time.monotonic(), trace.get_current_span().get_span_context())
        return connection

    def give_back(self, connection):
        with self._lock:
            lent = self._lent.pop(id(connection), None)
        if lent:
            self._idle.put(connection)

    @contextmanager
    def connection(self, who):
        connection = self.borrow(who)
        try:
            yield connection
        finally:
            self.give_back(connection)

    def _reclaim(self):
        """Takes connections back that were lent for too long, as pools do."""
        while True:
            time.sleep(1)
            with self._lock:
                late = [lent for lent in self._lent.values() if time.monotonic() - lent[2] > self.abandoned_seconds]
            for connection, who, _, context in late:
                with trace.use_span(trace.NonRecordingSpan(context)):
                    self.telemetry.log.error("connection to %s was not given back by %s within %g s: taken back",
                                             self.name, who, self.abandoned_seconds)
                self.give_back(connection)
