//! Syslog daemons of the distribution that pass on what they receive, by every way they have. `scripts/setup-tests` says
//! how to install them; they run with a configuration, a state and a pid file of their own.

use crate::logs::arrived;
use crate::site::{Site, logs_of, quiet, until};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const LINES: u64 = 50;

/// A running daemon; killed when dropped.
struct Daemon {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Daemon {
    /// Starts a daemon and waits until it listens; `configuration` gets its directory and the port for its input.
    async fn start(mut command: Command, configuration: impl Fn(&str, u16) -> String) -> Daemon {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let at = dir.path().to_str().unwrap();
        std::fs::write(dir.path().join("conf"), configuration(at, port)).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        until("the daemon's input", async || {
            let said = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "{command:?} has ended: {}", said());
            TcpStream::connect(("127.0.0.1", port)).ok()
        })
        .await;
        Daemon { child, port, _dir: dir }
    }

    /// Sends it lines as programs do.
    fn feed(&self) {
        let mut input = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        for n in 0..LINES {
            let tail = if n == 7 { "x".repeat(3000) } else { "Größe".into() };
            writeln!(input, "<11>Nov 21 10:20:{:02} web1 app[42]: passed on {n} {tail}", n % 60).unwrap();
        }
    }
}

async fn site() -> (Site, u16, u16) {
    let mut config = quiet();
    config.receivers.syslog.udp = Some("127.0.0.1:0".to_owned());
    config.receivers.syslog.tcp = Some("127.0.0.1:0".to_owned());
    let site = Site::with(config).await;
    let (udp, tcp) = (site.receiver("syslog.udp").port(), site.receiver("syslog.tcp").port());
    (site, udp, tcp)
}

/// Each line came `times` times over syslog and once over HTTP, whole.
async fn check(site: Site, times: u64) {
    arrived(&site, "syslog", LINES * times).await;
    arrived(&site, "elastic", LINES).await;
    let dir = site.stop().await;
    let found = logs_of(&dir, "default");
    for n in 0..LINES {
        let of = |line: &&String| line.contains(&format!("passed on {n} "));
        let all: Vec<&String> = found.iter().filter(of).collect();
        let whole = if n == 7 { "x".repeat(3000) } else { "Größe".into() };
        assert!(all.iter().all(|l| l.contains(&whole)), "{all:?}");
        assert!(all.iter().all(|l| l.contains("error")), "{all:?}");
        assert_eq!(all.iter().filter(|l| l.contains("\"service.name\"=\"app\"")).count() as u64, times);
        assert_eq!(all.len() as u64, times + 1, "{all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog() {
    let modules =
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib/rsyslog"];
    let module =
        modules.iter().map(|dir| PathBuf::from(dir).join("omelasticsearch.so")).find(|p| p.is_file());
    let (Ok(_), Some(module)) = (Command::new("rsyslogd").arg("-v").output(), module) else {
        eprintln!("skipped: rsyslogd with omelasticsearch is not installed (rsyslog, rsyslog-elasticsearch)");
        return;
    };
    let (site, udp, tcp) = site().await;
    let http = site.address.port();
    let mut command = Command::new("rsyslogd");
    command.args(["-n", "-f", "conf", "-i", "pid"]);
    let daemon = Daemon::start(command, |dir, port| {
        format!(
            r#"global(workDirectory="{dir}")
module(load="imtcp")
module(load="{module}")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="document" type="list") {{
  constant(value="{{") property(name="timereported" outname="@timestamp" dateFormat="rfc3339" format="jsonf")
  constant(value=",") property(name="msg" outname="message" format="jsonf")
  constant(value=",") property(name="hostname" outname="host" format="jsonf")
  constant(value=",") property(name="syslogseverity-text" outname="level" format="jsonf") constant(value="}}")
}}
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp")
action(type="omfwd" target="127.0.0.1" port="{udp}" protocol="udp")
action(type="omelasticsearch" server="127.0.0.1" serverport="{http}" template="document" searchIndex="app" searchType="" bulkmode="on")
"#,
            module = module.display()
        )
    })
    .await;
    daemon.feed();
    check(site, 3).await;
}

/// Where syslog-ng is: unpacked, as its package and that of rsyslog exclude each other, or installed.
fn syslog_ng() -> Option<(Command, String)> {
    let roots = std::env::var("WATCHFIRE_TEST_SYSLOG_NG").into_iter().chain(["/".to_owned()]);
    let root = roots.map(PathBuf::from).find(|r| r.join("usr/sbin/syslog-ng").is_file())?;
    let lib = root.join("usr/lib");
    let mut versions = std::fs::read_dir(lib.join("syslog-ng")).ok()?.flatten().map(|e| e.path());
    let modules = versions.find(|p| p.join("libhttp.so").is_file())?;
    let scl = root.join("usr/share/syslog-ng/include/scl/elasticsearch/elastic-http.conf");
    if !scl.is_file() {
        return None;
    }
    let mut command = Command::new(root.join("usr/sbin/syslog-ng"));
    let libraries = ["usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
    let libraries = libraries.map(|l| root.join(l).display().to_string());
    command.env("LD_LIBRARY_PATH", libraries.join(":")).args(["-F", "--no-caps", "--stderr", "-f", "conf"]);
    command.arg(format!("--module-path={}", modules.display()));
    let number = modules.file_name()?.to_str()?.to_owned();
    Some((command, format!("@version: {number}\n@include \"{}\"\n", scl.display())))
}

#[tokio::test(flavor = "multi_thread")]
async fn syslog_ng_passes_on() {
    let Some((mut command, head)) = syslog_ng() else {
        eprintln!(
            "skipped: syslog-ng with its http module is not there (WATCHFIRE_TEST_SYSLOG_NG names its root)"
        );
        return;
    };
    let (site, udp, tcp) = site().await;
    let http = site.address.port();
    command.args(["-R", "persist", "-p", "/dev/null", "-c", "control"]);
    let daemon = Daemon::start(command, |_, port| {
        format!(
            r#"{head}options {{ stats-freq(0); keep-hostname(yes); }};
source input {{ network(ip("127.0.0.1") port({port}) transport("tcp")); }};
destination bsd {{ network("127.0.0.1" port({tcp}) transport("tcp") persist-name("bsd")); }};
destination ietf {{ syslog("127.0.0.1" port({tcp}) transport("tcp") persist-name("ietf")); }};
destination udp {{ syslog("127.0.0.1" port({udp}) transport("udp") persist-name("udp")); }};
destination es {{ elasticsearch-http(url("http://127.0.0.1:{http}/_bulk") index("app") type("") workers(1) batch-timeout(100)
  template("$(format-json @timestamp=$ISODATE message=$MESSAGE host=$HOST level=$LEVEL)")); }};
log {{ source(input); destination(bsd); destination(ietf); destination(udp); destination(es); }};
"#
        )
    })
    .await;
    daemon.feed();
    check(site, 3).await;
}
