//! What people write in requests: queries, matchers, times; and what the kernel writes.

use model::{Labels, METRIC_NAME, MatchOp, Matcher, Pairs};

pub fn labels_key(data: &[u8]) {
    Pairs::of_key(data).count();
    if let Ok(labels) = Labels::from_key(data) {
        assert_eq!(labels.key(), data);
        assert_eq!(Labels::from_pairs(labels.iter()).expect("its pairs are valid"), labels);
        assert_eq!(labels.to_builder().build(), labels);
    }
}

pub fn key_seeds() -> Vec<Vec<u8>> {
    let long = "v".repeat(300);
    let l = Labels::from_pairs([(METRIC_NAME, "up"), ("a", "é"), ("b", &long)]).expect("seeds are valid");
    vec![l.key().to_vec()]
}

pub fn matcher(data: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(data) else { return };
    let Ok(m) = Matcher::new(MatchOp::Regex, "l", pattern) else { return };
    for literal in m.literals().unwrap_or(&[]) {
        assert!(m.matches(literal), "{pattern:?} stands for {literal:?} but does not match it");
    }
    assert_eq!(m.matches_empty(), m.matches(""));
    let not = Matcher::new(MatchOp::NotRegex, "l", pattern).expect("the pattern is valid");
    for value in ["", "a", "host-1", pattern] {
        assert_ne!(m.matches(value), not.matches(value));
    }
}

pub fn matcher_seeds() -> Vec<Vec<u8>> {
    ["a|b|host-[0-9]", "(?i)foo.*", "", "a{2,5}(b|c)?$", "[^\\d]+\\.x", "(a|b)(c|d)(e|f)"]
        .map(|s| s.as_bytes().to_vec())
        .to_vec()
}

/// What parses must print, and parse again to what prints the same.
pub fn promql(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(expr) = promql::parse(text) {
        let printed = expr.to_string();
        let again = promql::parse(&printed).unwrap_or_else(|e| panic!("{text:?} prints as {printed:?}: {e}"));
        assert_eq!(again.to_string(), printed, "of {text:?}");
        let pretty = promql::pretty(&expr);
        let again =
            promql::parse(&pretty).unwrap_or_else(|e| panic!("{text:?} is laid out as {pretty:?}: {e}"));
        assert_eq!(again.to_string(), printed, "of {text:?} laid out");
    }
    let _ = promql::parse_labels(text);
    let _ = promql::parse_selector(text);
    let _ = promql::parse_duration(text);
}

pub fn promql_seeds() -> Vec<Vec<u8>> {
    [
        "sum by (job) (rate(http_requests_total{code=~\"5..\", job!=\"x\"}[5m] offset 1h)) / 2 ^ -3",
        "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > bool 1 or vector(1) unless on (a, b) y",
        "max_over_time(rate(a[1m])[1h:5m] @ end()) + on (x) group_left (y) b",
        "{\"utf8.name\", \"label.x\"=\"a\\n\"}",
        "label_replace(a, 'b', `$1`, \"c\", \"(.*)\") - -1 * Inf % NaN",
        "topk(5, a) atan2 absent({__name__=~\".+\"} @ 1609746000)",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

pub fn host(data: &[u8]) {
    use host::parse::{dbus, disk, memory, net, pressure, process, stat};
    if let Some(m) = dbus::message(data) {
        let _ = (dbus::units(&m), dbus::property(&m));
    }
    for signature in ["a(ssssssouso)", "v"] {
        let m = dbus::Message { kind: 2, answers: None, error: None, signature, body: data };
        let _ = (dbus::units(&m), dbus::property(&m));
    }
    disk::diskstats(data).count();
    disk::mountinfo(data).count();
    disk::file_nr(data);
    disk::mdstat(data);
    memory::meminfo(data).count();
    memory::vmstat(data).count();
    net::dev(data).count();
    net::paired(data).count();
    net::snmp6(data).count();
    net::sockstat(data).count();
    net::softnet(data).count();
    net::conntrack(data);
    net::arp(data);
    net::udp_queues(data);
    pressure::pressure(data);
    pressure::full(data);
    process::stat(data);
    process::status(data);
    process::io(data);
    process::cmdline(data);
    process::passwd(data).count();
    stat::stat(data).count();
    stat::loadavg(data);
    stat::schedstat(data).count();
    stat::cpuinfo(data);
}

pub fn host_seeds() -> Vec<Vec<u8>> {
    [
        "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5 6\nctxt 9\nbtime 1\n",
        "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
        "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n",
        "MemTotal:  1 kB\nActive(anon): 2 kB\n",
        "Inter-|\n face |bytes\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
        "Tcp: A B\nTcp: 1 2\n",
        "TCP: inuse 1 orphan 2\n",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=6\n",
        "123 (a b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25\n",
        "Name:\tx\nUid:\t0\t0\nVmRSS:\t5 kB\nThreads:\t2\n",
        "root:x:0:0:root:/root:/bin/bash\n",
        "md0 : active raid1 sda1[0] sdb1[1]\n      104320 blocks [2/2] [UU]\n      [==>..]  recovery = 12.6% (1/2)\n",
        "\u{1}s\0\0\u{2}\0\0\0ok\0",
        "l\u{2}\u{1}\u{1}\u{8}\0\0\0\u{1}\0\0\0\u{f}\0\0\0\u{5}\u{1}u\0\u{1}\0\0\0\u{8}\u{1}g\0\u{1}v\0\0\u{1}u\0\0\u{7}\0\0\0",
        "processor\t: 0\nmodel name\t: X\ncpu MHz\t\t: 1.5\n\n",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}

/// Times, durations and parameters of requests.
pub fn request_text(data: &[u8]) {
    use server::http::{params::Params, time};
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = time::parse_time(text);
    let _ = time::parse_duration(text);
    let _ = time::parse_units(text);
    let _ = time::parse_rfc3339(text);
    let params = Params::of_query(text);
    for name in ["time", "start", "match[]"] {
        let _ = params.time(name);
        params.all(name).count();
    }
}

pub fn request_seeds() -> Vec<Vec<u8>> {
    [
        "2026-01-02T03:04:05.678+09:00",
        "1435781451.781",
        "1d12h30m15s250ms",
        "time=1e3&start=2026-01-02T03:04:05Z&match%5B%5D=up&match[]=%7Ba%3D%22b%22%7D",
    ]
    .map(|s| s.as_bytes().to_vec())
    .to_vec()
}
