//! Files of `/proc/net`.

use super::text::{fields, hex, lines, split_once, uint};

/// Receive counters of `/proc/net/dev`, in the order of its columns.
pub const RECEIVE: [&str; 8] =
    ["bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast"];
/// Transmit counters of `/proc/net/dev`, in the order of its columns.
pub const TRANSMIT: [&str; 8] =
    ["bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed"];

/// Device name, [`RECEIVE`] and [`TRANSMIT`] counters of each line of `/proc/net/dev`.
pub fn dev(bytes: &[u8]) -> impl Iterator<Item = (&[u8], [u64; 16])> {
    lines(bytes).filter_map(|line| {
        // An alias contains a colon itself; the counters do not.
        let colon = line.iter().rposition(|b| *b == b':')?;
        let mut values = [0; 16];
        let mut fields = fields(&line[colon + 1..]);
        for value in &mut values {
            *value = uint(fields.next()?)?;
        }
        Some((line[..colon].trim_ascii(), values))
    })
}

/// `/proc/net/netstat` and `/proc/net/snmp`: a line of names, then a line of values, for each protocol.
/// Yields protocol, field and value.
pub fn paired(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], f64)> {
    let mut lines = lines(bytes);
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?))).flat_map(|(names, values)| {
        let (protocol, names) = split_once(names, b':').unwrap_or((b"", b""));
        let values = split_once(values, b':').filter(|(p, _)| *p == protocol).map_or(&b""[..], |(_, v)| v);
        fields(names)
            .zip(fields(values))
            .filter_map(move |(n, v)| Some((protocol, n, super::text::number(v)?)))
    })
}

/// `/proc/net/snmp6`: protocol (up to and with its `6`), field and value.
pub fn snmp6(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], f64)> {
    lines(bytes).filter_map(|line| {
        let mut fields = fields(line);
        let (name, value) = (fields.next()?, uint(fields.next()?)?);
        let six = name.iter().position(|b| *b == b'6')?;
        Some((&name[..=six], &name[six + 1..], value as f64))
    })
}

/// The protocol counters that are kept, as by the node exporter.
pub fn is_kept_netstat(protocol: &[u8], field: &[u8]) -> bool {
    if matches!(field, b"InErrors" | b"InErrs") {
        return true;
    }
    match protocol {
        b"Ip" => field == b"Forwarding",
        b"Ip6" | b"IpExt" => matches!(field, b"InOctets" | b"OutOctets"),
        b"Icmp" | b"Icmp6" => matches!(field, b"InMsgs" | b"OutMsgs"),
        b"TcpExt" => {
            field.starts_with(b"Listen")
                || field.starts_with(b"Syncookies")
                || matches!(field, b"TCPSynRetrans" | b"TCPTimeouts" | b"TCPOFOQueue" | b"TCPRcvQDrop")
        }
        b"Tcp" => matches!(
            field,
            b"ActiveOpens"
                | b"InSegs"
                | b"OutSegs"
                | b"OutRsts"
                | b"PassiveOpens"
                | b"RetransSegs"
                | b"CurrEstab"
        ),
        b"Udp" | b"Udp6" => {
            matches!(field, b"InDatagrams" | b"OutDatagrams" | b"NoPorts" | b"RcvbufErrors" | b"SndbufErrors")
        }
        _ => false,
    }
}

/// `/proc/net/sockstat` and `sockstat6`: protocol, field, value.
pub fn sockstat(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], u64)> {
    lines(bytes).filter_map(|line| split_once(line, b':')).flat_map(|(protocol, rest)| {
        let mut fields = fields(rest);
        std::iter::from_fn(move || Some((protocol, fields.next()?, uint(fields.next()?)?)))
    })
}

/// A line of `/proc/net/softnet_stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softnet {
    /// The CPU; its place in the file where the kernel does not say.
    pub cpu: u64,
    /// Packets processed.
    pub processed: u64,
    /// Packets dropped because the backlog was full.
    pub dropped: u64,
    /// Times the budget was used up with work left.
    pub squeezed: u64,
    /// Times another CPU asked for processing.
    pub received_rps: u64,
    /// Times the flow limit was met.
    pub flow_limit: u64,
    /// Packets waiting in the backlog.
    pub backlog: Option<u64>,
}

/// All CPUs of `/proc/net/softnet_stat`.
pub fn softnet(bytes: &[u8]) -> impl Iterator<Item = Softnet> {
    lines(bytes).enumerate().filter_map(|(at, line)| {
        let mut columns = [None; 13];
        for (column, field) in columns.iter_mut().zip(fields(line)) {
            *column = Some(hex(field)?);
        }
        Some(Softnet {
            cpu: columns[12].unwrap_or(at as u64),
            processed: columns[0]?,
            dropped: columns[1]?,
            squeezed: columns[2]?,
            received_rps: columns[9].unwrap_or(0),
            flow_limit: columns[10].unwrap_or(0),
            backlog: columns[11],
        })
    })
}

/// Counters of `/proc/net/stat/nf_conntrack` that are kept, with their columns.
pub const CONNTRACK: [&str; 8] =
    ["found", "invalid", "ignore", "insert", "insert_failed", "drop", "early_drop", "search_restart"];

/// Sums over all CPUs of the [`CONNTRACK`] counters, found by the names in the first line.
pub fn conntrack(bytes: &[u8]) -> Option<[u64; 8]> {
    let mut lines = lines(bytes);
    let header = lines.next()?;
    let mut place = [usize::MAX; 8];
    for (column, name) in fields(header).enumerate() {
        if let Some(k) = CONNTRACK.iter().position(|k| k.as_bytes() == name) {
            place[k] = column;
        }
    }
    let mut sums = [0u64; 8];
    for line in lines {
        for (column, field) in fields(line).enumerate() {
            if let Some(k) = place.iter().position(|p| *p == column) {
                sums[k] = sums[k].wrapping_add(hex(field)?);
            }
        }
    }
    Some(sums)
}

/// Number of complete entries of `/proc/net/arp` by device, in order of first appearance.
pub fn arp(bytes: &[u8]) -> Vec<(&[u8], u64)> {
    let mut counts: Vec<(&[u8], u64)> = Vec::new();
    for line in lines(bytes).skip(1) {
        let mut fields = fields(line);
        // A flag of zero is an entry still being resolved.
        let (flags, device) = (fields.nth(2).and_then(hex), fields.nth(2));
        let (Some(1..), Some(device)) = (flags, device) else { continue };
        match counts.iter_mut().find(|(d, _)| *d == device) {
            Some((_, n)) => *n += 1,
            None => counts.push((device, 1)),
        }
    }
    counts
}

/// Bytes queued in all sockets of `/proc/net/udp`: to be sent, received and not yet read.
pub fn udp_queues(bytes: &[u8]) -> (u64, u64) {
    let mut sums = (0u64, 0u64);
    for line in lines(bytes).skip(1) {
        let queues = fields(line).nth(4).and_then(|f| split_once(f, b':'));
        if let Some((Some(tx), Some(rx))) = queues.map(|(tx, rx)| (hex(tx), hex(rx))) {
            sums = (sums.0.wrapping_add(tx), sums.1.wrapping_add(rx));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_with_and_without_blank_after_the_colon() {
        let text = b"Inter-|   Receive\n face |bytes\n  lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\neth0:17 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n a:1: 1 2\n";
        let all: Vec<_> = dev(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].0, all[0].1[15], all[1].0, all[1].1[0]), (&b"lo"[..], 16, &b"eth0"[..], 17));
    }

    #[test]
    fn paired_lines_must_be_of_one_protocol() {
        let text = b"Tcp: RtoMin MaxConn InErrs\nTcp: 200 -1 3\nUdp: A B\nTcp: 1 2\n";
        let all: Vec<_> = paired(text).map(|(_, n, v)| (n, v)).collect();
        assert_eq!(all, [(&b"RtoMin"[..], 200.0), (b"MaxConn", -1.0), (b"InErrs", 3.0)]);
        let six: Vec<_> = snmp6(b"Ip6InOctets  5\nUdpLite6InErrors\t7\n").collect();
        assert_eq!(six, [(&b"Ip6"[..], &b"InOctets"[..], 5.0), (b"UdpLite6", b"InErrors", 7.0)]);
        assert!(is_kept_netstat(b"UdpLite6", b"InErrors") && is_kept_netstat(b"TcpExt", b"ListenDrops"));
        assert!(!is_kept_netstat(b"TcpExt", b"TCPMemoryPressures") && !is_kept_netstat(b"Ip", b"InOctets"));
    }

    #[test]
    fn sockets_and_backlogs() {
        let all: Vec<_> = sockstat(b"sockets: used 17\nTCP: inuse 1 orphan 0\nodd: x\n").collect();
        assert_eq!(all, [(&b"sockets"[..], &b"used"[..], 17), (b"TCP", b"inuse", 1), (b"TCP", b"orphan", 0)]);
        let text = b"0000000a 00000002 00000001 0 0 0 0 0 0 00000003 00000004 00000005 00000007\n1 0 0 0 0 0 0 0 0\n";
        let all: Vec<_> = softnet(text).collect();
        let first = Softnet {
            cpu: 7,
            processed: 10,
            dropped: 2,
            squeezed: 1,
            received_rps: 3,
            flow_limit: 4,
            backlog: Some(5),
        };
        assert_eq!((all[0], all[1].cpu, all[1].backlog), (first, 1, None));
    }

    #[test]
    fn tables_are_summed() {
        let text = b"entries  found new drop\n00000001  0000000a 0 1\n00000001  00000001 0 2\n";
        let sums = conntrack(text).unwrap();
        assert_eq!((sums[0], sums[5], sums[1]), (11, 3, 0));
        let text = b"IP address HW type Flags HW address Mask Device\n10.0.0.1 0x1 0x2 aa:bb * eth0\n10.0.0.2 0x1 0x0 00:00 * eth0\n10.0.0.3 0x1 0x6 aa:bc * eth0\n10.1.0.1 0x1 0x2 a * br0\n";
        assert_eq!(arp(text), [(&b"eth0"[..], 2), (b"br0", 1)]);
        let text = b"  sl local rem st queues\n 1: 0:1 0:0 07 00000010:00000002 x\n 2: 0:1 0:0 07 00000001:00000003 x\n";
        assert_eq!(udp_queues(text), (17, 5));
    }
}
