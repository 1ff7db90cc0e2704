//! What this system is.

use super::Part;
use crate::Problem;
use crate::sheet::{Family, Out};

const UNAME: Family<'_> = Family::gauge("node_uname_info", "What the uname system call says, always 1.");

/// The running kernel.
pub(crate) struct Uname;

impl Part for Uname {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        let uname = rustix::system::uname();
        let pairs = [
            ("sysname", uname.sysname().to_bytes()),
            ("release", uname.release().to_bytes()),
            ("version", uname.version().to_bytes()),
            ("machine", uname.machine().to_bytes()),
            ("nodename", uname.nodename().to_bytes()),
            ("domainname", uname.domainname().to_bytes()),
        ];
        out.info(&UNAME, &pairs);
        Ok(())
    }
}
