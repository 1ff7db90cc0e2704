"""SQLite, instrumented: each statement is a span that names its database."""

import sqlite3

from opentelemetry.instrumentation import dbapi


def connect(path, name):
    class Named(sqlite3.Connection):
        database = name

    plain = sqlite3.connect(path, factory=Named, check_same_thread=False, isolation_level=None, timeout=5)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=OFF")
    return dbapi.instrument_connection("database", plain, "sqlite", {"database": "database"})


def ask(connection, statement, *values):
    """All rows that a statement gives."""
    cursor = connection.cursor()
    try:
        cursor.execute(statement, values)
        return cursor.fetchall()
    finally:
        cursor.close()
