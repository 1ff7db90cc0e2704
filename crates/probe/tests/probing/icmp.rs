//! Echoes. Where the system allows none, the tests see that this is said, and how to allow them.

use crate::servers::{probe, why};

fn refused(reason: &str) -> bool {
    let refused = reason.contains("this system allows no echoes");
    if refused {
        assert!(reason.contains("net.ipv4.ping_group_range") && reason.contains("CAP_NET_RAW"), "{reason}");
        eprintln!("only the refusal is tested: {reason}");
    }
    refused
}

#[tokio::test]
async fn this_machine_answers() {
    for (icmp, target) in [
        ("preferred_ip_protocol: ip4", "127.0.0.1"),
        ("payload_size: 1000, ttl: 7", "127.0.0.1"),
        ("dont_fragment: true, source_ip_address: 127.0.0.1", "127.0.0.1"),
        ("", "::1"),
    ] {
        let o = probe(&format!("modules: {{m: {{prober: icmp, icmp: {{{icmp}}}}}}}"), target).await;
        // A machine may have no IPv6 at all.
        if refused(why(&o)) || (target == "::1" && !o.success) {
            continue;
        }
        assert_eq!(why(&o), "", "{icmp}");
        assert!(o.metrics.labelled("probe_icmp_duration_seconds", "phase", "rtt").unwrap() > 0.0);
        let hops = o.metrics.value("probe_icmp_reply_hop_limit");
        assert!(hops.is_some_and(|h| h > 0.0), "{hops:?}");
        assert_eq!(o.metrics.value("probe_ip_protocol"), Some(if target == "::1" { 6.0 } else { 4.0 }));
    }
}

#[tokio::test]
async fn echoes_of_several_probes_are_told_apart() {
    let one = || probe("modules: {m: {prober: icmp}}", "127.0.0.1");
    let all = tokio::join!(one(), one(), one(), one());
    for o in [all.0, all.1, all.2, all.3] {
        assert!(o.success || refused(why(&o)), "{}", why(&o));
    }
}

#[tokio::test]
async fn packets_of_ipv6_are_never_divided() {
    let o = probe("modules: {m: {prober: icmp, icmp: {dont_fragment: true}}}", "::1").await;
    assert!(why(&o).contains("dont_fragment needs IPv4"), "{}", why(&o));
}
