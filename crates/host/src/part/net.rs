//! Network devices and protocols.

use super::{Part, Roots};
use crate::Problem;
use crate::parse::net;
use crate::read::KeptFile;
use crate::sheet::{Family, Out};
use model::MetricKind;

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
