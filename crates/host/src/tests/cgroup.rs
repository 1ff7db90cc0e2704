//! Control groups of the first version; those of the second are part of the machine made of files.

use super::{collect, options, unpack};
use crate::{Collector, Options};

const FIRST: &str = "== sys/fs/cgroup/cpuacct/cpuacct.usage
2000000000
== sys/fs/cgroup/cpuacct/app/cpuacct.usage
1500000000
== sys/fs/cgroup/cpuacct/app/cpuacct.stat
user 100
system 25
== sys/fs/cgroup/cpu/app/cpu.stat
nr_periods 10
nr_throttled 3
throttled_time 2500000000
== sys/fs/cgroup/cpu/app/cpu.cfs_quota_us
50000
== sys/fs/cgroup/cpu/app/cpu.cfs_period_us
100000
== sys/fs/cgroup/cpu/cpu.cfs_quota_us
-1
== sys/fs/cgroup/memory/app/memory.usage_in_bytes
5000
== sys/fs/cgroup/memory/app/memory.limit_in_bytes
9223372036854771712
== sys/fs/cgroup/memory/app/memory.kmem.usage_in_bytes
70
== sys/fs/cgroup/memory/app/memory.oom_control
oom_kill_disable 0
under_oom 0
oom_kill 2
== sys/fs/cgroup/memory/app/memory.stat
cache 1
rss 2
mapped_file 3
swap 4
pgfault 5
pgmajfault 6
inactive_file 7
total_cache 1000
total_rss 3000
total_inactive_file 400
total_pgfault 50
== sys/fs/cgroup/memory/app/pod/memory.usage_in_bytes
4000
== sys/fs/cgroup/pids/app/pids.current
12
== sys/fs/cgroup/pids/app/pids.max
max
== sys/fs/cgroup/blkio/app/blkio.throttle.io_service_bytes
8:0 Read 4096
8:0 Write 8192
8:0 Sync 12288
Total 12288
== sys/fs/cgroup/blkio/app/blkio.throttle.io_serviced
8:0 Read 1
8:0 Write 2
";

#[test]
fn the_first_version_says_what_the_second_says() {
    let dir = tempfile::tempdir().unwrap();
    unpack(FIRST, dir.path());
    let mut collector = Collector::new(options(dir.path()));
    let recorder = collect(&mut collector, 1_700_001_000_000);
    let lines: Vec<String> = recorder.lines().into_iter().filter(|l| l.starts_with("container_")).collect();
    let tick = rustix::param::clock_ticks_per_second() as f64;
    let seconds = |ticks: f64| ticks / tick;
    let mut wanted: Vec<String> = [
        r#"container_cpu_usage_seconds_total{id="/"} 2"#,
        r#"container_cpu_usage_seconds_total{id="/app"} 1.5"#,
        r#"container_cpu_cfs_periods_total{id="/app"} 10"#,
        r#"container_cpu_cfs_throttled_periods_total{id="/app"} 3"#,
        r#"container_cpu_cfs_throttled_seconds_total{id="/app"} 2.5"#,
        r#"container_spec_cpu_quota{id="/app"} 50000"#,
        r#"container_spec_cpu_period{id="/app"} 100000"#,
        r#"container_memory_usage_bytes{id="/app"} 5000"#,
        r#"container_memory_usage_bytes{id="/app/pod"} 4000"#,
        r#"container_memory_working_set_bytes{id="/app"} 4600"#,
        r#"container_memory_rss{id="/app"} 3000"#,
        r#"container_memory_cache{id="/app"} 1000"#,
        r#"container_memory_mapped_file{id="/app"} 3"#,
        r#"container_memory_swap{id="/app"} 4"#,
        r#"container_memory_kernel_usage{id="/app"} 70"#,
        r#"container_memory_failures_total{failure_type="pgfault", id="/app", scope="hierarchy"} 50"#,
        r#"container_memory_failures_total{failure_type="pgmajfault", id="/app", scope="hierarchy"} 6"#,
        r#"container_spec_memory_limit_bytes{id="/app"} 0"#,
        r#"container_oom_events_total{id="/app"} 2"#,
        r#"container_threads{id="/app"} 12"#,
        r#"container_threads_max{id="/app"} 0"#,
        r#"container_fs_reads_bytes_total{device="8:0", id="/app"} 4096"#,
        r#"container_fs_writes_bytes_total{device="8:0", id="/app"} 8192"#,
        r#"container_fs_reads_total{device="8:0", id="/app"} 1"#,
        r#"container_fs_writes_total{device="8:0", id="/app"} 2"#,
    ]
    .map(str::to_owned)
    .to_vec();
    wanted.push(format!(r#"container_cpu_user_seconds_total{{id="/app"}} {}"#, seconds(100.0)));
    wanted.push(format!(r#"container_cpu_system_seconds_total{{id="/app"}} {}"#, seconds(25.0)));
    wanted.sort();
    assert_eq!(lines, wanted);
    assert!(collector.status().iter().any(|c| c.name == "cgroup" && c.success));
}

#[test]
fn controllers_mounted_together_are_found_without_links() {
    let dir = tempfile::tempdir().unwrap();
    unpack(
        "== sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage\n1000000000\n== sys/fs/cgroup/cpu,cpuacct/a/cpu.stat\nnr_periods 1\n",
        dir.path(),
    );
    let mut collector = Collector::new(Options { cgroups_max: 5, ..options(dir.path()) });
    let lines = collect(&mut collector, 1_700_001_000_000).lines();
    for line in
        [r#"container_cpu_usage_seconds_total{id="/a"} 1"#, r#"container_cpu_cfs_periods_total{id="/a"} 1"#]
    {
        assert!(lines.iter().any(|l| l == line), "{line}");
    }
}
