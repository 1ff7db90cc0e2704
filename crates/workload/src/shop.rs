//! Traces of a made shop, as OTLP requests: services that call each other over HTTP and ask a database, with ids,
//! durations and paths at random, the same in each run.

use crate::proto::Message;

/// Services of the shop.
pub const SERVICES: [&str; 11] = [
    "frontend",
    "cart",
    "checkout",
    "currency",
    "email",
    "payment",
    "product-catalog",
    "quote",
    "recommendation",
    "shipping",
    "ad",
];
const ROUTES: [&str; 4] = ["/cart/{id}", "/products/{id}", "/quote", "/orders/{id}/items"];

/// xorshift*, so that each run makes the same spans.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Durations are spread like this: many short ones, few that are a hundred times as long.
    fn duration(&mut self, median_ns: u64) -> u64 {
        let exponent = (0..4).map(|_| self.below(1000) as f64 / 1000.0).sum::<f64>() - 2.0;
        (median_ns as f64 * exponent.exp2().powi(2)) as u64
    }
}

/// The value of an attribute.
enum Value<'v> {
    Text(&'v str),
    Number(u64),
}
use Value::{Number, Text};

/// Makes traces.
pub struct Shop {
    dice: Dice,
    /// Spans by service, of the request that is being written.
    spans: Vec<Message>,
    trace: [u8; 16],
    count: usize,
}

/// One request.
pub struct Request {
    /// OTLP, as protobuf.
    pub body: Vec<u8>,
    /// Spans in it.
    pub spans: usize,
    /// Its traces, and how many spans each has.
    pub traces: Vec<([u8; 16], usize)>,
}

impl Shop {
    pub fn new(seed: u64) -> Shop {
        let spans = SERVICES.iter().map(|_| Message::default()).collect();
        Shop { dice: Dice(0x9e37_79b9_7f4a_7c15 ^ seed), spans, trace: [0; 16], count: 0 }
    }

    /// A request with traces that begin at these times, in nanoseconds.
    pub fn request(&mut self, begins_ns: impl IntoIterator<Item = u64>) -> Request {
        let traces: Vec<_> = begins_ns.into_iter().map(|at| self.trace(at)).collect();
        let mut body = Message::default();
        for (service, spans) in SERVICES.iter().zip(&mut self.spans) {
            if spans.0.is_empty() {
                continue;
            }
            body.message(1, |of_resource| {
                of_resource.message(1, |resource| {
                    for (name, value) in [
                        ("service.name", Text(service)),
                        ("service.version", Text("1.14.2")),
                        ("host.name", Text("node-7")),
                        ("telemetry.sdk.language", Text("python")),
                        ("deployment.environment.name", Text("production")),
                        ("process.pid", Number(117)),
                    ] {
                        attribute(resource, 1, name, &value);
                    }
                });
                of_resource.message(2, |of_scope| {
                    of_scope.message(1, |scope| {
                        scope.bytes(1, b"io.opentelemetry.http").bytes(2, b"1.32.0");
                    });
                    of_scope.0.append(&mut spans.0);
                });
            });
        }
        Request { body: body.0, spans: std::mem::take(&mut self.count), traces }
    }

    fn trace(&mut self, at: u64) -> ([u8; 16], usize) {
        self.trace[..8].copy_from_slice(&self.dice.next().to_le_bytes());
        self.trace[8..].copy_from_slice(&self.dice.next().to_le_bytes());
        let before = self.count;
        let calls = 3 + self.dice.below(3);
        let length = self.dice.duration(40_000_000);
        let user = format!("u{}", self.dice.below(50_000));
        let root = self.span(
            0,
            ("GET /cart", 2),
            None,
            (at, length),
            &[
                ("http.request.method", Text("GET")),
                ("http.route", Text("/cart")),
                ("url.path", Text("/cart")),
                ("url.scheme", Text("https")),
                ("http.response.status_code", Number(200)),
                ("enduser.id", Text(&user)),
                ("user_agent.original", Text("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")),
            ],
        );
        for n in 0..calls {
            let to = 1 + self.dice.below(10) as usize;
            let route = ROUTES[self.dice.below(4) as usize];
            self.call(to, root, at + length / (calls + 1) * n, route);
        }
        (self.trace, self.count - before)
    }

    /// A call of another service over HTTP and what it does there.
    fn call(&mut self, to: usize, parent: u64, at: u64, route: &str) {
        let length = self.dice.duration(4_000_000);
        let status = Number(if self.dice.below(100) == 0 { 500 } else { 200 });
        let path = route.replace("{id}", &self.dice.below(100_000).to_string());
        let url = format!("http://{}:8080{path}", SERVICES[to]);
        let client = self.span(
            0,
            ("GET", 3),
            Some(parent),
            (at, length),
            &[
                ("http.request.method", Text("GET")),
                ("url.full", Text(&url)),
                ("server.address", Text(SERVICES[to])),
                ("server.port", Number(8080)),
                ("http.response.status_code", status),
                ("network.protocol.version", Text("1.1")),
            ],
        );
        let status = Number(if self.dice.below(100) == 0 { 500 } else { 200 });
        let (begin, length) = (at + length / 10, length * 8 / 10);
        let server = self.span(
            to,
            (&format!("GET {route}"), 2),
            Some(client),
            (begin, length),
            &[
                ("http.request.method", Text("GET")),
                ("http.route", Text(route)),
                ("url.path", Text(&path)),
                ("url.scheme", Text("http")),
                ("server.address", Text(SERVICES[to])),
                ("client.address", Text("10.0.3.17")),
                ("http.response.status_code", status),
                ("user_agent.original", Text("python-requests/2.32.3")),
            ],
        );
        for n in 0..1 + self.dice.below(2) {
            let asked = self.dice.duration(800_000);
            self.span(
                to,
                ("SELECT shop.items", 3),
                Some(server),
                (begin + length / 10 * (n + 1), asked),
                &[
                    ("db.system", Text("postgresql")),
                    ("db.namespace", Text("shop")),
                    ("db.operation.name", Text("SELECT")),
                    (
                        "db.query.text",
                        Text("SELECT id, name, price, stock FROM items WHERE id = $1 AND shop = $2"),
                    ),
                    ("server.address", Text("postgres")),
                    ("server.port", Number(5432)),
                ],
            );
        }
    }

    fn span(
        &mut self,
        service: usize,
        (name, kind): (&str, u64),
        parent: Option<u64>,
        (start, length): (u64, u64),
        attributes: &[(&str, Value<'_>)],
    ) -> u64 {
        let id = self.dice.next();
        let failed = self.dice.below(200) == 0;
        let trace = self.trace;
        self.count += 1;
        self.spans[service].message(2, |span| {
            span.bytes(1, &trace).bytes(2, &id.to_le_bytes());
            if let Some(parent) = parent {
                span.bytes(4, &parent.to_le_bytes());
            }
            span.bytes(5, name.as_bytes()).number(6, kind).fixed(7, start).fixed(8, start + length);
            attributes.iter().for_each(|(name, value)| attribute(span, 9, name, value));
            if failed {
                span.message(15, |status| {
                    status.number(3, 2);
                });
            }
        });
        id
    }
}

fn attribute(out: &mut Message, field: u32, name: &str, value: &Value<'_>) {
    out.message(field, |pair| {
        pair.bytes(1, name.as_bytes()).message(2, |any| {
            match value {
                Text(text) => any.bytes(1, text.as_bytes()),
                Number(n) => any.number(3, *n),
            };
        });
    });
}
