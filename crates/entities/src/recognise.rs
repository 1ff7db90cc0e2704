//! Entities in a set of labels.
//!
//! Names are those of OpenTelemetry's semantic conventions, as they are or with underscores, and those of scrapes of
//! Prometheus and Kubernetes.

use crate::entity::{EntityId, EntityType, Relation};
use std::collections::BTreeMap;

/// What labels say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Entities, with the names of the labels that named each and its attributes; the most particular first.
    pub entities: Vec<(EntityId, Vec<String>, BTreeMap<String, String>)>,
    /// From one to another, by their places.
    pub relations: Vec<(usize, Relation, usize)>,
}

impl Found {
    fn add(
        &mut self,
        id: Option<EntityId>,
        labels: &[Option<&Named>],
        attributes: &[Option<&Named>],
    ) -> Option<usize> {
        let id = id?;
        if let Some(at) = self.entities.iter().position(|(e, ..)| *e == id) {
            return Some(at);
        }
        let labels = labels.iter().flatten().map(|n| n.label.clone()).collect();
        let attributes = attributes.iter().flatten().map(|n| (n.name.to_owned(), n.value.clone())).collect();
        self.entities.push((id, labels, attributes));
        Some(self.entities.len() - 1)
    }

    fn relate(&mut self, from: Option<usize>, relation: Relation, to: Option<usize>) {
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            self.relations.push((from, relation, to));
        }
    }
}

/// A value under OpenTelemetry's name, and the label it came from.
struct Named {
    name: &'static str,
    label: String,
    value: String,
}

/// Names by what they may be called otherwise; underscores for dots are understood of all.
const ALIASES: [(&str, &[&str]); 27] = [
    ("service.name", &["service", "job"]),
    ("service.namespace", &[]),
    ("service.version", &["version"]),
    ("service.instance.id", &["instance"]),
    ("deployment.environment.name", &["deployment.environment", "environment", "env"]),
    ("host.name", &["nodename", "hostname", "host"]),
    ("host.id", &[]),
    ("os.type", &[]),
    ("process.pid", &[]),
    ("process.executable.name", &[]),
    ("container.id", &[]),
    ("container.name", &["container"]),
    ("container.image.name", &["image"]),
    ("k8s.container.name", &[]),
    ("k8s.pod.name", &["pod", "kubernetes_pod_name"]),
    ("k8s.pod.uid", &[]),
    ("k8s.namespace.name", &["namespace", "kubernetes_namespace"]),
    ("k8s.node.name", &["node", "kubernetes_node"]),
    ("k8s.cluster.name", &["cluster"]),
    ("k8s.deployment.name", &["deployment"]),
    ("db.system", &["db.system.name"]),
    ("db.namespace", &["db.name"]),
    ("server.address", &["net.peer.name", "peer.service"]),
    ("server.port", &["net.peer.port"]),
    ("messaging.system", &[]),
    ("messaging.destination.name", &["messaging.destination"]),
    ("span.name", &["span_name"]),
];

fn same(label: &str, name: &str) -> bool {
    label.len() == name.len()
        && label.bytes().zip(name.bytes()).all(|(l, n)| l == n || (l == b'_' && n == b'.'))
}

struct Labels(BTreeMap<&'static str, Named>);

impl Labels {
    fn of<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
        let mut ranked: BTreeMap<&'static str, (usize, Named)> = BTreeMap::new();
        for (label, value) in labels.filter(|(_, v)| !v.is_empty() && v.len() <= EntityId::BYTES_MAX) {
            for (name, others) in &ALIASES {
                let rank = match same(label, name) {
                    true => Some(0),
                    false => others.iter().position(|o| same(label, o)).map(|at| at + 1),
                };
                if let Some(rank) = rank
                    && ranked.get(name).is_none_or(|(r, _)| rank < *r)
                {
                    let named = Named { name, label: label.to_owned(), value: value.to_owned() };
                    ranked.insert(name, (rank, named));
                }
            }
        }
        Labels(ranked.into_iter().map(|(name, (_, named))| (name, named)).collect())
    }

    fn get(&self, name: &str) -> Option<&Named> {
        self.0.get(name)
    }

    fn value(&self, name: &str) -> &str {
        self.get(name).map_or("", |n| &n.value)
    }
}

/// Jobs whose targets are machines, whatever they are called.
fn is_about_host(job: &str) -> bool {
    ["node", "node-exporter", "node_exporter", "windows", "watchfire-agent", "host"].contains(&job)
}

/// The entities that a set of labels is about, in any order.
pub fn recognise<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Found {
    let l = Labels::of(labels);
    let mut found = Found::default();
    let [service_name, namespace, instance_id] =
        ["service.name", "service.namespace", "service.instance.id"].map(|n| l.get(n));
    let (cluster, k8s_namespace) = (l.get("k8s.cluster.name"), l.get("k8s.namespace.name"));
    let of_scrape = service_name.is_some_and(|s| s.label == "job");
    let about_host = of_scrape && is_about_host(l.value("service.name"));
    let service_pieces = [l.value("service.namespace"), l.value("service.name")];

    let endpoint = match l.value("span.name") {
        "" => None,
        span => EntityId::new(EntityType::Endpoint, &[l.value("service.name"), span]),
    };
    let endpoint = endpoint.filter(|_| service_name.is_some());
    let endpoint = found.add(endpoint, &[service_name, l.get("span.name")], &[]);

    let process = match (l.value("host.name"), l.value("process.pid")) {
        ("", _) | (_, "") => None,
        (host, pid) => EntityId::new(EntityType::Process, &[host, pid]),
    };
    let process = found.add(
        process,
        &[l.get("host.name"), l.get("process.pid")],
        &[l.get("process.executable.name"), l.get("process.pid")],
    );

    let instance = match (service_name, instance_id) {
        (Some(_), Some(id)) if !about_host => {
            EntityId::new(EntityType::Instance, &[service_pieces[0], service_pieces[1], &id.value])
        }
        _ => None,
    };
    let version = l.get("service.version").filter(|_| service_name.is_some());
    let environment = l.get("deployment.environment.name");
    let instance = found.add(instance, &[service_name, namespace, instance_id], &[version, environment]);

    let container_name = l.get("k8s.container.name").or_else(|| l.get("container.name"));
    let pod_name = l.get("k8s.pod.name");
    let container = match (pod_name, container_name, l.get("container.id")) {
        (Some(pod), Some(name), _) => EntityId::new(
            EntityType::Container,
            &[l.value("k8s.cluster.name"), l.value("k8s.namespace.name"), &pod.value, &name.value],
        ),
        (_, _, Some(id)) => EntityId::new(EntityType::Container, &[&id.value]),
        (None, Some(name), None) => {
            EntityId::new(EntityType::Container, &[l.value("host.name"), &name.value])
        }
        _ => None,
    };
    let container = found.add(
        container,
        &[pod_name, container_name, k8s_namespace],
        &[l.get("container.image.name"), l.get("container.id"), container_name],
    );

    let pod = pod_name.and_then(|pod| {
        EntityId::new(
            EntityType::Pod,
            &[l.value("k8s.cluster.name"), l.value("k8s.namespace.name"), &pod.value],
        )
    });
    let pod = found.add(
        pod,
        &[pod_name, k8s_namespace, cluster],
        &[k8s_namespace, cluster, l.get("k8s.deployment.name"), l.get("k8s.pod.uid")],
    );

    let service = if about_host { None } else { EntityId::new(EntityType::Service, &service_pieces) };
    let service = service.filter(|_| service_name.is_some());
    let service = found.add(service, &[service_name, namespace], &[version, environment, namespace]);

    let database = match l.value("db.system") {
        "" => None,
        system => {
            EntityId::new(EntityType::Database, &[system, l.value("server.address"), l.value("db.namespace")])
        }
    };
    let database = found.add(
        database,
        &[l.get("db.system"), l.get("server.address"), l.get("db.namespace")],
        &[l.get("db.system"), l.get("db.namespace"), l.get("server.address"), l.get("server.port")],
    );
    let queue = match l.value("messaging.destination.name") {
        "" => None,
        destination => EntityId::new(EntityType::Queue, &[l.value("messaging.system"), destination]),
    };
    let queue = found.add(
        queue,
        &[l.get("messaging.system"), l.get("messaging.destination.name")],
        &[l.get("messaging.system")],
    );

    let node_name = l.get("k8s.node.name");
    let node = node_name
        .and_then(|node| EntityId::new(EntityType::Node, &[l.value("k8s.cluster.name"), &node.value]));
    let node = found.add(node, &[node_name, cluster], &[cluster]);
    let host_name = l.get("host.name").or(if about_host { instance_id } else { None });
    let host = host_name.and_then(|host| EntityId::new(EntityType::Host, &[without_port(&host.value)]));
    let host = found.add(host, &[host_name], &[l.get("host.id"), l.get("os.type")]);

    found.relate(endpoint, Relation::PartOf, service);
    found.relate(instance, Relation::PartOf, service);
    found.relate(container, Relation::PartOf, pod);
    let machine = node.or(host);
    let place = container.or(pod).or(machine);
    found.relate(instance.or(service), Relation::RunsOn, place);
    found.relate(process, Relation::RunsOn, host);
    found.relate(pod.or(container), Relation::RunsOn, machine);
    found.relate(node, Relation::RunsOn, host.filter(|_| node.is_some()));
    found.relate(service, Relation::Calls, database);
    found.relate(service, Relation::Calls, queue);
    found
}

/// The host of `host:port`.
fn without_port(text: &str) -> &str {
    match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty() && !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) =>
        {
            host
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pairs: &[(&str, &str)]) -> String {
        let found = recognise(pairs.iter().copied());
        let mut out = format!("{pairs:?}\n");
        for (id, labels, attributes) in &found.entities {
            out.push_str(&format!("    {id} by {labels:?} {attributes:?}\n"));
        }
        for (from, relation, to) in &found.relations {
            let (from, to) = (&found.entities[*from].0, &found.entities[*to].0);
            out.push_str(&format!("    {from} {} {to}\n", relation.text()));
        }
        out
    }

    #[test]
    fn labels_of_all_sources() {
        let all = [
            // A resource of OpenTelemetry in Kubernetes.
            &[
                ("service.name", "cart"),
                ("service.namespace", "shop"),
                ("service.version", "1.4"),
                ("service.instance.id", "i-1"),
                ("k8s.pod.name", "cart-7"),
                ("k8s.namespace.name", "prod"),
                ("k8s.container.name", "main"),
                ("k8s.node.name", "n1"),
                ("host.name", "n1"),
            ][..],
            // Targets of a scrape.
            &[("__name__", "up"), ("job", "cart"), ("instance", "a:9090")],
            &[("__name__", "up"), ("job", "node"), ("instance", "web1:9100")],
            &[
                ("__name__", "node_uname_info"),
                ("job", "node"),
                ("instance", "web1:9100"),
                ("nodename", "web1"),
            ],
            &[
                ("job", "kubelet"),
                ("namespace", "prod"),
                ("pod", "cart-7"),
                ("container", "main"),
                ("node", "n1"),
            ],
            // Logs of a host, and of a container.
            &[("host.name", "web1"), ("service.name", "nginx"), ("log.file.path", "/var/log/nginx/x")],
            &[("container.id", "abc"), ("container.name", "db"), ("host.name", "web1")],
            // Span metrics, and a span that asks a database.
            &[("service", "cart"), ("span_name", "GET /cart/{id}"), ("span_kind", "SPAN_KIND_SERVER")],
            &[
                ("service.name", "cart"),
                ("db.system", "redis"),
                ("server.address", "r1"),
                ("db.namespace", "0"),
            ],
            &[
                ("service.name", "cart"),
                ("messaging.system", "kafka"),
                ("messaging.destination.name", "orders"),
            ],
            &[("host.name", "web1"), ("process.pid", "7"), ("process.executable.name", "java")],
            &[("a", "b"), ("service.name", "")],
        ];
        insta::assert_snapshot!(all.map(shown).join("\n"));
    }

    proptest! {
        #[test]
        fn nothing_is_found_twice(
            pairs in proptest::collection::vec(
                ("(service|host|k8s)[._](name|pod[._]name|namespace)|job|instance|pod|node|host", "[a-z/: ]{0,5}"), 0..12)
        ) {
            let found = recognise(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            for (i, (id, ..)) in found.entities.iter().enumerate() {
                prop_assert!(!id.id.is_empty());
                prop_assert!(found.entities[..i].iter().all(|(other, ..)| other != id));
            }
            prop_assert!(found.relations.iter().all(|(f, _, t)| f != t));
        }
    }
}
