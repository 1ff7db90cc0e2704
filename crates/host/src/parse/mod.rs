//! Kernel text as values. Nothing here reads a file, allocates per line, or panics on foreign bytes.

pub mod dbus;
pub mod disk;
pub mod memory;
pub mod net;
pub mod pressure;
pub mod process;
pub mod stat;
pub mod text;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every parser, to its end.
    fn parse_with_all(bytes: &[u8]) {
        disk::diskstats(bytes).count();
        disk::mountinfo(bytes).count();
        disk::mdstat(bytes);
        disk::file_nr(bytes);
        disk::is_minor_disk(bytes);
        disk::is_system_mount(bytes);
        memory::meminfo(bytes).count();
        memory::vmstat(bytes).filter(|(name, _)| memory::is_kept_vmstat(name)).count();
        net::dev(bytes).count();
        net::paired(bytes).filter(|(protocol, field, _)| net::is_kept_netstat(protocol, field)).count();
        net::snmp6(bytes).count();
        net::sockstat(bytes).count();
        net::softnet(bytes).count();
        net::conntrack(bytes);
        net::arp(bytes);
        net::udp_queues(bytes);
        pressure::pressure(bytes);
        process::stat(bytes);
        process::status(bytes);
        process::io(bytes);
        process::cmdline(bytes);
        process::passwd(bytes).count();
        stat::stat(bytes).count();
        stat::loadavg(bytes);
        stat::schedstat(bytes).count();
        stat::cpuinfo(bytes);
        text::value(bytes);
    }

    /// Pieces that parsers look for, so that random text gets past their first checks.
    const PIECES: [&str; 28] = [
        "cpu",
        "cpu0",
        "intr",
        " ",
        "\n",
        "\t",
        ":",
        "-",
        "0",
        "18446744073709551615",
        "99999999999999999999",
        "kB",
        "(",
        ")",
        "some total=",
        "full total=",
        "\\040",
        "md0 : active raid1",
        "blocks",
        "[2/1]",
        "(5/9)",
        "resync=DELAYED",
        "=",
        "ffffffffffffffff",
        "Tcp",
        "Ip6",
        "nvme0n1p",
        "read_bytes:",
    ];

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_with_all(&bytes);
        }

        #[test]
        fn near_misses_never_panic(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60)) {
            parse_with_all(pieces.concat().as_bytes());
        }
    }
}
