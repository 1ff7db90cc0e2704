//! Network devices and protocols.

use super::{Part, Roots, decimal};
use crate::Problem;
use crate::parse::{net, text};
use crate::read::{KeptFile, attribute, attribute_value, names_required};
use crate::sheet::{Family, Out};
use model::MetricKind;
use std::path::PathBuf;

/// `/proc/net/dev`.
pub(crate) struct Netdev(KeptFile);

impl Netdev {
    pub(crate) fn new(roots: &Roots) -> Netdev {
        Netdev(KeptFile::new(roots.proc("net/dev")))
    }
}

impl Part for Netdev {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        let directions = [
            ("node_network_receive_", &net::RECEIVE, "Received by a network device:"),
            ("node_network_transmit_", &net::TRANSMIT, "Transmitted by a network device:"),
        ];
        for (device, values) in net::dev(self.0.read(buf)?) {
            for ((prefix, columns, help), values) in directions.iter().zip(values.chunks(8)) {
                for (column, value) in columns.iter().zip(values) {
                    let family =
                        Family::of_field(prefix, column.as_bytes(), "_total", MetricKind::Counter, help);
                    out.sample(&family, &[("device", device)], *value as f64);
                }
            }
        }
        Ok(())
    }
}

/// A number of `/sys/class/net/<device>`: family, file.
const PROPERTIES: [(Family<'_>, &str); 16] = [
    (Family::gauge("node_network_address_assign_type", "How a device got its address."), "addr_assign_type"),
    (Family::gauge("node_network_carrier", "Whether a device has a link (1)."), "carrier"),
    (
        Family::counter("node_network_carrier_changes_total", "Times the link came or went."),
        "carrier_changes",
    ),
    (Family::counter("node_network_carrier_up_changes_total", "Times the link came."), "carrier_up_count"),
    (
        Family::counter("node_network_carrier_down_changes_total", "Times the link went."),
        "carrier_down_count",
    ),
    (Family::gauge("node_network_device_id", "Tells devices apart that share an address."), "dev_id"),
    (Family::gauge("node_network_dormant", "Whether a device waits for something outside (1)."), "dormant"),
    (Family::gauge("node_network_flags", "Flags of a device, as in if.h."), "flags"),
    (Family::gauge("node_network_iface_id", "Index of a device."), "ifindex"),
    (Family::gauge("node_network_iface_link", "Index of the device it is linked to."), "iflink"),
    (Family::gauge("node_network_iface_link_mode", "Link mode of a device."), "link_mode"),
    (Family::gauge("node_network_mtu_bytes", "Largest packet of a device."), "mtu"),
    (Family::gauge("node_network_name_assign_type", "How a device got its name."), "name_assign_type"),
    (Family::gauge("node_network_net_dev_group", "Group of a device."), "netdev_group"),
    (Family::gauge("node_network_transmit_queue_length", "Packets a device's queue holds."), "tx_queue_len"),
    (Family::gauge("node_network_protocol_type", "Hardware type of a device, as in if_arp.h."), "type"),
];
const NO_HANDLER: Family<'_> = Family::counter(
    "node_network_receive_nohandler_total",
    "Packets dropped because nothing listened to their protocol.",
);
const UP: Family<'_> = Family::gauge("node_network_up", "Whether a device is operational (1).");
const SPEED: Family<'_> = Family::gauge("node_network_speed_bytes", "Speed of a link, in bytes per second.");
const INFO: Family<'_> = Family::gauge("node_network_info", "What a network device is, always 1.");

/// Network devices that are looked at.
const DEVICES_MAX: usize = 2048;

/// `/sys/class/net`.
pub(crate) struct Netclass(PathBuf);

impl Netclass {
    pub(crate) fn new(roots: &Roots) -> Netclass {
        Netclass(roots.sys("class/net"))
    }
}

impl Part for Netclass {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for name in names_required(&self.0)?.iter().take(DEVICES_MAX) {
            let dir = self.0.join(name);
            if !dir.is_dir() {
                // `bonding_masters` is a file among the devices.
                continue;
            }
            let device = ("device", name.as_bytes());
            for (family, file) in &PROPERTIES {
                if let Some(value) = attribute_value(&dir, file, buf) {
                    out.sample(family, &[device], value);
                }
            }
            if let Some(count) = attribute_value(&dir.join("statistics"), "rx_nohandler", buf) {
                out.sample(&NO_HANDLER, &[device], count);
            }
            // Devices that do not know their speed say -1.
            if let Some(megabits) = attribute_value(&dir, "speed", buf).filter(|speed| *speed >= 0.0) {
                out.sample(&SPEED, &[device], megabits * 1e6 / 8.0);
            }
            let mut text = |file| attribute(&dir, file, buf).unwrap_or_default();
            let state = text("operstate");
            let (address, broadcast) = (text("address"), text("broadcast"));
            let (duplex, alias) = (text("duplex"), text("ifalias"));
            out.sample(&UP, &[device], if state == "up" { 1.0 } else { 0.0 });
            let pairs = [
                device,
                ("address", address.as_bytes()),
                ("broadcast", broadcast.as_bytes()),
                ("duplex", duplex.as_bytes()),
                ("ifalias", alias.as_bytes()),
                ("operstate", state.as_bytes()),
            ];
            out.info(&INFO, &pairs);
        }
        Ok(())
    }
}

/// `/proc/net/netstat`, `snmp` and `snmp6`.
pub(crate) struct Netstat {
    netstat: KeptFile,
    snmp: KeptFile,
    snmp6: KeptFile,
}

impl Netstat {
    pub(crate) fn new(roots: &Roots) -> Netstat {
        let file = |name: &str| KeptFile::new(roots.proc("net").join(name));
        Netstat { netstat: file("netstat"), snmp: file("snmp"), snmp6: file("snmp6") }
    }
}

impl Part for Netstat {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for file in [&mut self.netstat, &mut self.snmp] {
            net::paired(file.read(buf)?)
                .for_each(|(protocol, field, value)| protocol_sample(out, protocol, field, value));
        }
        // Absent where IPv6 is switched off.
        if let Ok(bytes) = self.snmp6.read(buf) {
            net::snmp6(bytes)
                .for_each(|(protocol, field, value)| protocol_sample(out, protocol, field, value));
        }
        Ok(())
    }
}

fn protocol_sample(out: &mut Out<'_>, protocol: &[u8], field: &[u8], value: f64) {
    if !net::is_kept_netstat(protocol, field) {
        return;
    }
    let mut space = [0; 64];
    let name = joined(&mut space, protocol, field);
    let help = "Counter of a network protocol:";
    out.sample(&Family::of_field("node_netstat_", name, "", MetricKind::Unknown, help), &[], value);
}

/// `a_b`, cut where it does not fit.
fn joined<'s>(space: &'s mut [u8; 64], a: &[u8], b: &[u8]) -> &'s [u8] {
    let mut len = 0;
    for byte in a.iter().chain(b"_").chain(b).take(space.len()) {
        space[len] = *byte;
        len += 1;
    }
    &space[..len]
}

/// `/proc/net/sockstat` and `sockstat6`.
pub(crate) struct Sockstat {
    v4: KeptFile,
    v6: KeptFile,
    page_bytes: f64,
}

impl Sockstat {
    pub(crate) fn new(roots: &Roots) -> Sockstat {
        let page_bytes = rustix::param::page_size() as f64;
        let (v4, v6) = (roots.proc("net/sockstat"), roots.proc("net/sockstat6"));
        Sockstat { v4: KeptFile::new(v4), v6: KeptFile::new(v6), page_bytes }
    }
}

impl Part for Sockstat {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        write_sockets(out, self.v4.read(buf)?, self.page_bytes);
        if let Ok(bytes) = self.v6.read(buf) {
            write_sockets(out, bytes, self.page_bytes);
        }
        Ok(())
    }
}

fn write_sockets(out: &mut Out<'_>, bytes: &[u8], page_bytes: f64) {
    for (protocol, field, value) in net::sockstat(bytes) {
        let mut space = [0; 64];
        let name = joined(&mut space, protocol, field);
        let help = "Sockets, as the kernel counts them:";
        let family = |suffix| Family::of_field("node_sockstat_", name, suffix, MetricKind::Gauge, help);
        out.sample(&family(""), &[], value as f64);
        if field == b"mem" {
            out.sample(&family("_bytes"), &[], value as f64 * page_bytes);
        }
    }
}

const PROCESSED: Family<'_> =
    Family::counter("node_softnet_processed_total", "Packets a CPU took from devices.");
const DROPPED: Family<'_> =
    Family::counter("node_softnet_dropped_total", "Packets a CPU dropped because its backlog was full.");
const SQUEEZED: Family<'_> = Family::counter(
    "node_softnet_times_squeezed_total",
    "Times a CPU stopped with packets left, its budget used up.",
);
const RPS: Family<'_> =
    Family::counter("node_softnet_received_rps_total", "Times another CPU had a CPU process packets.");
const FLOW_LIMIT: Family<'_> =
    Family::counter("node_softnet_flow_limit_count_total", "Times a flow met its limit of the backlog.");
const BACKLOG: Family<'_> = Family::gauge("node_softnet_backlog_len", "Packets in a CPU's backlog.");

/// `/proc/net/softnet_stat`.
pub(crate) struct Softnet(KeptFile);

impl Softnet {
    pub(crate) fn new(roots: &Roots) -> Softnet {
        Softnet(KeptFile::new(roots.proc("net/softnet_stat")))
    }
}

impl Part for Softnet {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for line in net::softnet(self.0.read(buf)?) {
            let mut space = [0; 20];
            let pairs = [("cpu", decimal(&mut space, line.cpu))];
            out.sample(&PROCESSED, &pairs, line.processed as f64);
            out.sample(&DROPPED, &pairs, line.dropped as f64);
            out.sample(&SQUEEZED, &pairs, line.squeezed as f64);
            out.sample(&RPS, &pairs, line.received_rps as f64);
            out.sample(&FLOW_LIMIT, &pairs, line.flow_limit as f64);
            if let Some(backlog) = line.backlog {
                out.sample(&BACKLOG, &pairs, backlog as f64);
            }
        }
        Ok(())
    }
}

const ENTRIES: Family<'_> = Family::gauge("node_nf_conntrack_entries", "Connections that are tracked.");
const ENTRIES_MAX: Family<'_> =
    Family::gauge("node_nf_conntrack_entries_limit", "The most connections that can be tracked.");

/// Connection tracking.
pub(crate) struct Conntrack {
    count: KeptFile,
    max: KeptFile,
    stat: KeptFile,
}

impl Conntrack {
    pub(crate) fn new(roots: &Roots) -> Conntrack {
        let file = |name: &str| KeptFile::new(roots.proc(name));
        Conntrack {
            count: file("sys/net/netfilter/nf_conntrack_count"),
            max: file("sys/net/netfilter/nf_conntrack_max"),
            stat: file("net/stat/nf_conntrack"),
        }
    }
}

impl Part for Conntrack {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (family, file) in [(&ENTRIES, &mut self.count), (&ENTRIES_MAX, &mut self.max)] {
            let value = text::value(file.read(buf)?).ok_or_else(|| file.malformed("it is not a number"))?;
            out.sample(family, &[], value);
        }
        let sums = net::conntrack(self.stat.read(buf)?);
        let sums = sums.ok_or_else(|| self.stat.malformed("it is not a table of hexadecimal numbers"))?;
        for (name, sum) in net::CONNTRACK.iter().zip(sums) {
            let help = "Connection tracking, summed over CPUs:";
            let family =
                Family::of_field("node_nf_conntrack_stat_", name.as_bytes(), "", MetricKind::Gauge, help);
            out.sample(&family, &[], sum as f64);
        }
        Ok(())
    }
}

const ARP: Family<'_> = Family::gauge("node_arp_entries", "Known neighbours of a device.");

/// `/proc/net/arp`.
pub(crate) struct Arp(KeptFile);

impl Arp {
    pub(crate) fn new(roots: &Roots) -> Arp {
        Arp(KeptFile::new(roots.proc("net/arp")))
    }
}

impl Part for Arp {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (device, count) in net::arp(self.0.read(buf)?) {
            out.sample(&ARP, &[("device", device)], count as f64);
        }
        Ok(())
    }
}

const UDP: Family<'_> = Family::gauge(
    "node_udp_queues",
    "Bytes in the queues of all UDP sockets, by direction and protocol version.",
);

/// `/proc/net/udp` and `udp6`.
pub(crate) struct UdpQueues {
    v4: KeptFile,
    v6: KeptFile,
}

impl UdpQueues {
    pub(crate) fn new(roots: &Roots) -> UdpQueues {
        UdpQueues { v4: KeptFile::new(roots.proc("net/udp")), v6: KeptFile::new(roots.proc("net/udp6")) }
    }
}

impl Part for UdpQueues {
    fn collect(&mut self, out: &mut Out<'_>, buf: &mut Vec<u8>) -> Result<(), Problem> {
        for (version, file, required) in [("v4", &mut self.v4, true), ("v6", &mut self.v6, false)] {
            let (tx, rx) = match file.read(buf) {
                Ok(bytes) => net::udp_queues(bytes),
                Err(problem) if required => return Err(problem),
                Err(_) => continue,
            };
            for (queue, bytes) in [("tx", tx), ("rx", rx)] {
                out.sample(&UDP, &[("queue", queue.as_bytes()), ("ip", version.as_bytes())], bytes as f64);
            }
        }
        Ok(())
    }
}
