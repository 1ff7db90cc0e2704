//! What messages of the kernel and of systemd mean.

use agent::watch::classify::{journal, kernel};
use serde_json::Value;

#[test]
fn messages_of_the_kernel() {
    let lines = [
        "Out of memory: Killed process 1234 (java) total-vm:8000kB, anon-rss:1kB, file-rss:0kB",
        "Memory cgroup out of memory: Killed process 77 (node) total-vm:1kB",
        "oom_reaper: reaped process 1234 (java), now anon-rss:0kB",
        "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)",
        "Buffer I/O error on dev dm-0, logical block 7, async page read",
        "EXT4-fs error (device sdb1): ext4_find_entry:1455: inode #2",
        "EXT4-fs (sdb1): Remounting filesystem read-only",
        "EXT4-fs (sdb1): mounted filesystem with ordered data mode",
        "XFS (vdb): Mounting V5 Filesystem",
        "XFS (vdb): Metadata corruption detected at xfs_agf_read_verify",
        "nvme nvme0: I/O 12 QID 3 timeout, aborting",
        "ata1.00: failed command: READ FPDMA QUEUED",
        "e1000e 0000:00:19.0 eth0: NIC Link is Down",
        "igb 0000:01:00.0 eno1: igb: eno1 NIC Link is Up 1000 Mbps Full Duplex",
        "r8169 0000:02:00.0 enp2s0: Link is Up - 1Gbps/Full - flow control rx/tx",
        "veth12ab: Link is Down",
        "java[123]: segfault at 0 ip 00007f sp 00007f error 4 in libc.so.6[7f]",
        "traps: nginx[7] general protection fault ip:55 sp:7f error:0",
        "INFO: task jbd2/sda1-8:301 blocked for more than 120 seconds.",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [kworker/1:2:99]",
        "mce: [Hardware Error]: CPU 0: Machine Check Exception: 5 Bank 4",
        "EDAC MC0: 1 CE memory read error on CPU_SrcID#0",
        "usb 1-1: new high-speed USB device number 2",
        "Linux version 6.1.0",
        "x",
        "[",
        "",
    ];
    let all: Vec<String> = lines
        .iter()
        .map(|line| match kernel(line) {
            None => format!("{line}\n    nothing"),
            Some(f) => format!(
                "{line}\n    {} {} | {} | {} | {:?}",
                f.kind,
                f.severity.text(),
                f.title,
                f.subject,
                f.attributes
            ),
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn entries_of_the_journal() {
    let lines = [
        r#"{"_TRANSPORT":"kernel","MESSAGE":"eth0: Link is Down"}"#,
        r#"{"MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c","UNIT":"nginx.service","UNIT_RESULT":"exit-code","MESSAGE":"nginx.service: Failed with result 'exit-code'."}"#,
        r#"{"MESSAGE_ID":"5eb03494b6584870a536b337290809b3","UNIT":"nginx.service","N_RESTARTS":"3"}"#,
        r#"{"MESSAGE_ID":"fe6faa94e7774663a0da52717891d8ef","USER_UNIT":"a.scope"}"#,
        r#"{"MESSAGE_ID":"d9b373ed55a64feb8242e02dbe79a49c"}"#,
        r#"{"MESSAGE":"hello","UNIT":"x.service"}"#,
    ];
    let all: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{line}\n    {:?}",
                journal(serde_json::from_str::<Value>(line).unwrap().as_object().unwrap())
            )
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_fault(text in "(Out of memory: Killed process |I/O error, dev |ink is Down|:|\\[|\\]|\\(|segfault at|INFO: task | blocked for more than |é| |[a-z0-9]){0,12}") {
        kernel(&text);
    }
}
