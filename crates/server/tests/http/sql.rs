//! SQL over HTTP and as PostgreSQL's clients ask it.

use crate::site::{Site, quiet, recent};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

const LOKI: [(&str, &str); 1] = [("content-type", "application/json")];

/// Lines of two streams, samples of one metric; and when they begin, in seconds.
async fn filled(site: &Site, lines: i64) -> i64 {
    let t = recent();
    let stream = |app: &str, parity: i64| {
        let values: Vec<Json> = (0..lines)
            .filter(|i| i % 2 == parity)
            .map(|i| json!([format!("{t}{i:09}"), format!("request {i} took {} ms", i % 7), { "n": i.to_string() }]))
            .collect();
        json!({ "stream": { "app": app }, "values": values })
    };
    let push = json!({ "streams": [stream("web", 0), stream("db", 1)] });
    assert_eq!(site.post("/loki/api/v1/push", &LOKI, push.to_string()).await.status, 204);
    site.push(&format!("load1{{instance=\"a\"}} 1.5 {0}\nload1{{instance=\"b\"}} 2.5 {0}\n", t * 1000)).await;
    t
}

async fn rows(site: &Site, statement: &str) -> Json {
    let answer = site.form("/api/v1/sql", &[("query", statement)]).await;
    assert_eq!(answer.status, 200, "{statement}: {}", answer.body);
    answer.json()["data"]["rows"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_every_form() {
    let site = Site::start().await;
    let t = filled(&site, 20).await;
    for flushed in [false, true] {
        if flushed {
            assert_eq!(site.post("/-/flush", &[], "").await.status, 200);
        }
        assert_eq!(
            rows(&site, "SELECT app, count(*) FROM logs GROUP BY app ORDER BY app").await,
            json!([["db", 10], ["web", 10]])
        );
        let newest = "SELECT body, n FROM logs WHERE app = 'web' AND body LIKE '%took%' ORDER BY timestamp DESC LIMIT 2";
        assert_eq!(
            rows(&site, newest).await,
            json!([["request 18 took 4 ms", "18"], ["request 16 took 2 ms", "16"]])
        );
        assert_eq!(
            rows(&site, "SELECT instance, value FROM load1 ORDER BY value").await,
            json!([["a", 1.5], ["b", 2.5]])
        );
        let joined = format!("SELECT value FROM promql('sum(load1)', '{}')", rfc3339(t));
        assert_eq!(rows(&site, &joined).await, json!([[4.0]]));
    }
    let two = "SELECT app, n FROM logs ORDER BY timestamp LIMIT 2";
    let answer = site.form("/api/v1/sql", &[("query", two), ("format", "csv")]).await;
    assert_eq!(answer.body, "app,n\r\nweb,0\r\ndb,1\r\n");
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let headers = [("content-type", "application/sql"), ("accept", "application/x-ndjson")];
    let answer = site.post("/api/v1/sql", &headers, two).await;
    assert_eq!(answer.body, "{\"app\":\"web\",\"n\":\"0\"}\n{\"app\":\"db\",\"n\":\"1\"}\n");
    let params = [
        ("query", "SELECT body FROM logs WHERE n = $1 AND severity_number < $2"),
        ("param", "3"),
        ("param", "9"),
    ];
    let answer = site.form("/api/v1/sql", &params).await;
    assert_eq!(answer.json()["data"]["rows"], json!([["request 3 took 3 ms"]]), "{}", answer.body);
    let answer = site.form("/api/v1/sql", &[("query", "SELECT body FROM logs"), ("limit", "3")]).await;
    assert_eq!(answer.json()["data"]["rows"].as_array().unwrap().len(), 3);
    let other = site
        .post("/api/v1/sql", &[("content-type", "application/sql"), ("x-scope-orgid", "other")], two)
        .await;
    assert!(
        other.body.contains("no field named") || other.json()["data"]["rows"] == json!([]),
        "{}",
        other.body
    );
    site.stop().await;
}

fn rfc3339(seconds: i64) -> String {
    let ((y, m, d), clock) = (civil(seconds.div_euclid(86_400)), seconds.rem_euclid(86_400));
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}

/// Year, month and day of a day since 1970 (Hinnant: *chrono-Compatible Low-Level Date Algorithms*).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (yoe + era * 400 + i64::from(m <= 2), m, d)
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_with_their_place() {
    let site = Site::start().await;
    filled(&site, 4).await;
    for (statement, status, start, words) in [
        ("SELECT bodi FROM logs", 400, Some(7), "bodi"),
        ("SELECT 1 +", 400, Some(10), "expected"),
        ("DROP TABLE logs", 400, Some(0), "DROP is not allowed"),
        ("SELECT 1; SELECT 2", 400, None, "2 statements"),
        ("", 400, None, "no statement"),
        ("SELECT repeat('x', 1000000000)", 422, None, "repeat would make"),
        ("SELECT body FROM logs WHERE n = $1", 422, None, "1 parameters and 0 were given"),
    ] {
        let answer = site.form("/api/v1/sql", &[("query", statement)]).await;
        assert_eq!(answer.status, status, "{statement}: {}", answer.body);
        let told = answer.json();
        assert!(told["error"].as_str().unwrap().contains(words), "{statement}: {told}");
        assert_eq!(told["place"]["start"].as_u64(), start, "{statement}: {told}");
    }
    let answer = site.form("/api/v1/sql", &[("query", "SELECT 1"), ("format", "xml")]).await;
    assert!(answer.status == 400 && answer.body.contains("json, ndjson, csv, arrow"), "{}", answer.body);
    let slow = "SELECT count(*) FROM generate_series(1, 100000000000) AS s(v) WHERE v % 7 = 3";
    let answer = site.form("/api/v1/sql", &[("query", slow), ("timeout", "500ms")]).await;
    assert_eq!(
        (answer.status, answer.json()["errorType"].clone()),
        (503, json!("timeout")),
        "{}",
        answer.body
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded_and_large_answers_are_streamed() {
    let mut config = quiet();
    config.query.memory_per_query = server::config::ByteSize(16 << 20);
    let site = Site::with(config).await;
    filled(&site, 20_000).await;
    let sorted = "SELECT a.body || b.body AS x FROM logs a CROSS JOIN logs b ORDER BY x";
    let answer = site.form("/api/v1/sql", &[("query", sorted)]).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("query.memory_per_query"), "{}", answer.body);
    let all = "SELECT body, labels, attributes, timestamp FROM logs ORDER BY timestamp";
    let answer = site.form("/api/v1/sql", &[("query", all), ("format", "ndjson")]).await;
    assert_eq!(answer.body.lines().count(), 20_000);
    assert!(answer.body.len() > 1 << 20);
    assert!(answer.body.lines().nth(7).unwrap().contains("request 7 took 0 ms"));
    let explained =
        rows(&site, "EXPLAIN ANALYZE SELECT count(*) FROM logs WHERE body LIKE '%request 77 %'").await;
    assert!(explained.to_string().contains("output_rows=1"), "{explained}");
    site.stop().await;
}

/// A server that PostgreSQL's clients reach.
async fn postgres() -> (Site, SocketAddr) {
    let mut config = quiet();
    config.sql.postgres.listen = Some("127.0.0.1:0".to_owned());
    config.sql.postgres.connections_max = 4;
    let site = Site::with(config).await;
    let address = site.receiver("sql.postgres.listen");
    (site, address)
}

/// Runs psql; `None` if it is not installed.
async fn psql(address: SocketAddr, commands: &[&str]) -> Option<String> {
    let mut psql = Command::new("psql");
    psql.args([
        "-X",
        "-h",
        "127.0.0.1",
        "-p",
        &address.port().to_string(),
        "-U",
        "me",
        "-d",
        "watchfire",
        "-A",
        "-t",
    ]);
    psql.env("PGCONNECT_TIMEOUT", "10").env("PGOPTIONS", "");
    for command in commands {
        psql.args(["-c", command]);
    }
    let done = tokio::task::spawn_blocking(move || psql.output()).await.unwrap();
    let Ok(done) = done else {
        eprintln!("skipped: there is no psql");
        return None;
    };
    Some(format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_asks_and_looks_around() {
    let (site, address) = postgres().await;
    filled(&site, 10).await;
    for (commands, wanted) in [
        (&["SELECT app, count(*) FROM logs GROUP BY 1 ORDER BY 1"][..], "db|5\nweb|5\n"),
        (&["SELECT body FROM logs WHERE n = '3'; SELECT 2"], "request 3 took 3 ms\n2\n"),
        (
            &["BEGIN", "SELECT instance, value FROM load1 ORDER BY 2", "COMMIT"],
            "BEGIN\na|1.5\nb|2.5\nCOMMIT\n",
        ),
        (&["SHOW server_version"], "14.0\n"),
        (
            &["\\dt"],
            "public|errors|table|me\npublic|events|table|me\npublic|logs|table|me\npublic|samples|table|me\n",
        ),
        (&["\\dt metrics.*"], "metrics|load1|table|me\n"),
        (&["\\dn"], "metrics|me\npublic|me\n"),
        (&["SELECT current_database(), current_schema(), current_user"], "default|public|me\n"),
        (
            &["SELECT NULL, true, 1.5::real, '{\"a\":1}', ARRAY['x','y z'], interval '90 minutes'"],
            "|t|1.5|{\"a\":1}|{x,\"y z\"}|01:30:00\n",
        ),
    ] {
        let Some(got) = psql(address, commands).await else { break };
        assert_eq!(got, wanted, "{commands:?}");
    }
    for (commands, wanted) in [
        (&["\\d logs"][..], "body|text||not null|"),
        (&["\\d logs"], "timestamp|timestamp with time zone||not null|"),
        (&["\\l"], "default|"),
        (&["\\df"], ""),
        (&["\\di"], "Did not find any relation"),
        (&["\\du"], "watchfire"),
        (&["SELECT bodi FROM logs"], "LINE 1: SELECT bodi FROM logs\n               ^"),
        (&["DELETE FROM logs"], "DELETE is not allowed"),
        (&["SET datestyle = 'ISO'", "SET work_mem = '1GB'"], "cannot be set"),
        (&["SELECT count(*) FROM nothing"], "table 'default.public.nothing' not found"),
        (&["EXPLAIN SELECT body FROM logs WHERE app = 'db'"], "LogScan"),
    ] {
        let Some(got) = psql(address, commands).await else { break };
        assert!(got.contains(wanted), "{commands:?}: {got}");
        assert!(
            wanted.starts_with("LINE") || !got.contains("ERROR") || wanted.contains(' '),
            "{commands:?}: {got}"
        );
    }
    site.stop().await;
}

/// A message: its letter, and what it holds.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let mut out = if letter == 0 { Vec::new() } else { vec![letter] };
    out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// A connection, message by message.
struct Bare(TcpStream);

impl Bare {
    fn start(address: SocketAddr, database: &str) -> Bare {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut bare = Bare(stream);
        bare.send(0, format!("\0\x03\0\0user\0me\0database\0{database}\0\0").as_bytes());
        bare
    }

    fn send(&mut self, letter: u8, body: &[u8]) {
        self.0.write_all(&message(letter, body)).unwrap();
    }

    /// The next message; letter 0 at the end.
    fn next(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        if self.0.read_exact(&mut head).is_err() {
            return (0, Vec::new());
        }
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize - 4;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (head[0], body)
    }

    /// Letters and texts until a letter.
    fn until(&mut self, letter: u8) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            let next = self.next();
            let last = next.0 == letter || next.0 == 0;
            all.push(next);
            if last {
                return all;
            }
        }
    }
}

fn letters(all: &[(u8, Vec<u8>)]) -> String {
    all.iter().map(|(l, _)| char::from(*l)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocol_is_kept() {
    let (site, address) = postgres().await;
    filled(&site, 10).await;
    let check = move || {
        let mut c = Bare::start(address, "watchfire");
        let hello = c.until(b'Z');
        let key = hello.iter().find(|(l, _)| *l == b'K').unwrap().1.clone();

        // A portal with a number of rows is suspended and goes on.
        c.send(b'P', b"s\0SELECT n FROM logs ORDER BY timestamp\0\0\0");
        c.send(b'B', b"\0s\0\0\0\0\0\0\0");
        c.send(b'D', b"P\0");
        c.send(b'E', b"\0\0\0\0\x03");
        c.send(b'E', b"\0\0\0\0\x04");
        c.send(b'E', b"\0\0\0\0\0");
        c.send(b'S', b"");
        assert_eq!(letters(&c.until(b'Z')), "12TDDDsDDDDsDDDCZ");

        // After an error all is skipped until Sync.
        c.send(b'P', b"\0SELEKT\0\0\0");
        c.send(b'B', b"\0\0\0\0\0\0\0\0");
        c.send(b'S', b"");
        assert_eq!(letters(&c.until(b'Z')), "EZ");

        // A failed transaction does nothing until its end.
        c.send(b'Q', b"BEGIN\0");
        assert_eq!(c.until(b'Z').pop().unwrap().1, b"T");
        c.send(b'Q', b"SELECT nothing\0");
        assert_eq!(c.until(b'Z').pop().unwrap().1, b"E");
        c.send(b'Q', b"SELECT 1\0");
        assert!(String::from_utf8_lossy(&c.until(b'Z')[0].1).contains("25P02"));
        c.send(b'Q', b"ROLLBACK\0");
        assert_eq!(c.until(b'Z').pop().unwrap().1, b"I");
        c.send(b'Q', b" \0");
        assert_eq!(letters(&c.until(b'Z')), "IZ");

        // Another connection stops a query, with the secret and not without.
        c.send(b'Q', b"SELECT count(*) FROM generate_series(1, 100000000000) s(v) WHERE v % 7 = 3\0");
        let cancel = |key: &[u8]| {
            let mut other = TcpStream::connect(address).unwrap();
            other.write_all(&message(0, &[&80_877_102u32.to_be_bytes()[..], key].concat())).unwrap();
            let _ = other.read(&mut [0]);
        };
        let mut wrong = key.clone();
        wrong[7] ^= 1;
        cancel(&wrong);
        std::thread::sleep(Duration::from_millis(300));
        cancel(&key);
        let told = c.until(b'Z');
        assert!(String::from_utf8_lossy(&told[0].1).contains("57014"), "{told:?}");

        // What is no message ends the connection, and says why.
        c.send(b'!', b"");
        let last = c.until(0);
        assert!(String::from_utf8_lossy(&last[0].1).contains("08P01"), "{last:?}");
        let mut huge = Bare::start(address, "watchfire");
        huge.until(b'Z');
        huge.0.write_all(b"Q\x7f\xff\xff\xff").unwrap();
        assert!(String::from_utf8_lossy(&huge.next().1).contains("over the limit"));

        let mut stranger = Bare::start(address, "stranger");
        assert!(String::from_utf8_lossy(&stranger.next().1).contains("3D000"));
        let mut many: Vec<Bare> = (0..5).map(|_| Bare::start(address, "postgres")).collect();
        let first = many.iter_mut().map(|c| String::from_utf8_lossy(&c.until(b'Z')[0].1).into_owned());
        assert!(first.filter(|f| f.contains("53300")).count() >= 1, "the fifth connection is refused");
    };
    tokio::task::spawn_blocking(check).await.unwrap();
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_of_python() {
    let (site, address) = postgres().await;
    filled(&site, 1000).await;
    for (module, script) in
        [("psycopg", PSYCOPG), ("pg8000", PG8000), ("sqlalchemy, psycopg", SQLALCHEMY), ("pyarrow", ARROW)]
    {
        let script =
            script.replace("PORT", &address.port().to_string()).replace("HTTP", &site.address.to_string());
        crate::logs_clients::python(module, script).await;
    }
    site.stop().await;
}

const PSYCOPG: &str = r#"
import psycopg, datetime, json
for binary in (False, True):
    with psycopg.connect("host=127.0.0.1 port=PORT user=me dbname=watchfire") as c, c.cursor(binary=binary) as cur:
        cur.execute("SELECT body, n, timestamp, severity_number, labels FROM logs WHERE app = %s AND n::int < %s ORDER BY timestamp", ("web", 4))
        rows = cur.fetchall()
        assert [r[0] for r in rows] == ["request 0 took 0 ms", "request 2 took 2 ms"], rows
        assert rows[0][2].tzinfo is not None and rows[0][3] == 0 and rows[0][4] == {"app": "web"}, rows
        cur.execute("SELECT instance, value FROM load1 WHERE timestamp > now() - %s AND value > %s ORDER BY 1", (datetime.timedelta(days=2), 2.0))
        assert cur.fetchall() == [("b", 2.5)]
        cur.execute("SELECT 1::smallint, 2::int, 3::bigint, 1.5::real, 2.5::double, 12.34::numeric(10,2), true, 'x', NULL, date '2024-02-29', timestamp '2024-02-29 12:00:00.5', interval '1 day 2 hours', ARRAY[1,2,NULL], ARRAY['a','b'], '\\x00ff'::bytea")
        row = cur.fetchone()
        D, dt = __import__("decimal").Decimal, datetime
        assert row[:9] == (1, 2, 3, 1.5, 2.5, D("12.34"), True, "x", None), row
        assert row[9:12] == (dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 0, 0, 500000), dt.timedelta(days=1, hours=2)), row
        assert row[12:14] == ([1, 2, None], ["a", "b"]), row
        # Prepared by the driver after some runs.
        for i in range(12):
            cur.execute("SELECT count(*) FROM logs WHERE body LIKE %s", (f"request {i} %",))
            assert cur.fetchone() == (1,), i
        try:
            cur.execute("SELECT bodi FROM logs")
            raise SystemExit("must fail")
        except psycopg.errors.UndefinedColumn as e:
            assert e.diag.statement_position == "8", e.diag.statement_position
        c.rollback()
        with c.cursor(binary=binary) as cur:
            for i, row in enumerate(cur.stream("SELECT n FROM logs ORDER BY timestamp")):
                assert row == (str(i),)
            assert i == 999
"#;

const PG8000: &str = r#"
import pg8000.dbapi
c = pg8000.dbapi.connect(user="me", host="127.0.0.1", port=PORT, database="watchfire")
cur = c.cursor()
cur.execute("SELECT app, count(*) FROM logs WHERE n <> %s GROUP BY app ORDER BY app", ("1",))
assert [tuple(r) for r in cur.fetchall()] == [("db", 499), ("web", 500)]
c.rollback()
cur.execute("SELECT value FROM samples WHERE name = %s ORDER BY value", ("load1",))
assert [r[0] for r in cur.fetchall()] == [1.5, 2.5]
c.close()
"#;

const SQLALCHEMY: &str = r#"
import sqlalchemy as sa
e = sa.create_engine("postgresql+psycopg://me@127.0.0.1:PORT/watchfire")
i = sa.inspect(e)
assert sorted(i.get_table_names()) == ["errors", "events", "logs", "samples"], i.get_table_names()
assert i.get_table_names(schema="metrics") == ["load1"]
columns = {c["name"]: c for c in i.get_columns("logs")}
assert str(columns["body"]["type"]) == "TEXT" and not columns["body"]["nullable"], columns["body"]
assert columns["timestamp"]["type"].timezone, columns["timestamp"]
assert i.get_pk_constraint("logs")["constrained_columns"] == [] and i.get_indexes("logs") == [] and i.get_foreign_keys("logs") == []
logs = sa.Table("logs", sa.MetaData(), autoload_with=e)
with e.connect() as c:
    q = sa.select(logs.c.app, sa.func.count()).where(logs.c.body.like("%took 3 ms")).group_by(logs.c.app).order_by(logs.c.app)
    assert c.execute(q).all() == [("db", 72), ("web", 71)], c.execute(q).all()
"#;

const ARROW: &str = r#"
import urllib.request, urllib.parse, pyarrow.ipc
q = urllib.parse.urlencode({"query": "SELECT timestamp, app, labels, severity_number FROM logs ORDER BY timestamp", "format": "arrow"})
table = pyarrow.ipc.open_stream(urllib.request.urlopen("http://HTTP/api/v1/sql?" + q)).read_all()
assert table.num_rows == 1000 and table.column("app")[1].as_py() == "db", table.schema
assert table.column("labels")[0].as_py() == [("app", "web")]
"#;
