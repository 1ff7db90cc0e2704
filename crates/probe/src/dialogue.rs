//! What is expected of a connection and said over it, step by step.

use crate::config::QueryResponse;
use crate::tls::Tls;
use crate::trial::{Failure, Trial};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::JoinHandle;

/// A connection of any kind.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// A task that drives a connection, and ends with whoever uses it.
pub(crate) struct Driver(JoinHandle<()>);

impl Driver {
    pub fn start(work: impl Future<Output = ()> + Send + 'static) -> Driver {
        Driver(tokio::spawn(work))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Most bytes of a line, as in blackbox_exporter.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Most bytes that are read for one step.
const STEP_BYTES_MAX: usize = 4 << 20;

/// A connection with what was read ahead.
struct Reader {
    stream: Box<dyn Connection>,
    ahead: Vec<u8>,
}

impl Reader {
    async fn fill(&mut self) -> Result<bool, Failure> {
        let mut piece = [0; 4096];
        let n =
            self.stream.read(&mut piece).await.map_err(|e| format!("reading from the connection: {e}"))?;
        self.ahead.extend_from_slice(&piece[..n]);
        Ok(n > 0)
    }

    /// The next line without its end; `None` once there is nothing more.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(at) = self.ahead.iter().position(|b| *b == b'\n') {
                let mut line: Vec<u8> = self.ahead.drain(..=at).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.ahead.len() > LINE_BYTES_MAX {
                return Err(format!("a line is longer than {LINE_BYTES_MAX} bytes").into());
            }
            if !self.fill().await? {
                let rest = std::mem::take(&mut self.ahead);
                return Ok((!rest.is_empty()).then_some(rest));
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> Result<Vec<u8>, Failure> {
        while self.ahead.len() < count {
            if !self.fill().await? {
                return Err(format!("{count} bytes were expected, and {} came", self.ahead.len()).into());
            }
        }
        Ok(self.ahead.drain(..count).collect())
    }
}

/// Goes through the steps of a dialogue. `host` is the name that a certificate must hold.
pub(crate) async fn hold(
    stream: Box<dyn Connection>,
    steps: &[QueryResponse],
    tls: Option<&Tls>,
    host: &str,
    trial: &mut Trial,
) -> Result<(), Failure> {
    trial.set("probe_failed_due_to_regex", 0.0);
    trial.set("probe_failed_due_to_bytes", 0.0);
    let mut reader = Reader { stream, ahead: Vec::new() };
    for (i, step) in steps.iter().enumerate() {
        trial.debug(format!("step {}", i + 1));
        let mut send = step.send.0.clone();
        if step.expect.is_some() {
            send = expect(&mut reader, step, trial).await?;
        }
        if !step.expect_bytes.is_empty() {
            let wanted = &step.expect_bytes.0;
            let got = reader.exactly(wanted.len()).await?;
            if got != *wanted {
                trial.set("probe_failed_due_to_bytes", 1.0);
                let shown = String::from_utf8_lossy(&got);
                return Err(format!(
                    "step {}: bytes {shown:?} came, not {:?}",
                    i + 1,
                    wanted.escape_ascii().to_string()
                )
                .into());
            }
        }
        if !send.is_empty() {
            trial.debug(format!("saying {:?}", String::from_utf8_lossy(&send)));
            send.push(b'\n');
            reader.stream.write_all(&send).await.map_err(|e| format!("writing to the connection: {e}"))?;
            reader.stream.flush().await.map_err(|e| format!("writing to the connection: {e}"))?;
        }
        if step.starttls {
            let Some(tls) = tls else { return Err("starttls is not possible here".into()) };
            if !reader.ahead.is_empty() {
                return Err(format!("step {}: the target goes on in plain text after starttls", i + 1).into());
            }
            let (stream, handshake) = tls.connect(reader.stream, host, &[]).await?;
            handshake.note(trial, false, true);
            reader = Reader { stream: Box::new(stream), ahead: Vec::new() };
        }
    }
    Ok(())
}

/// Reads lines until one is as expected; gives what is to be said then.
async fn expect(reader: &mut Reader, step: &QueryResponse, trial: &mut Trial) -> Result<Vec<u8>, Failure> {
    let Some(pattern) = &step.expect else { return Ok(step.send.0.clone()) };
    let (mut bytes, mut last) = (0, Vec::new());
    while let Some(line) = reader.line().await? {
        bytes += line.len();
        trial.debug(format!("hearing {:?}", String::from_utf8_lossy(&line)));
        if let Some(found) = pattern.captures(&line) {
            trial.set("probe_failed_due_to_regex", 0.0);
            let expanded = |template: &[u8]| {
                let mut out = Vec::new();
                found.expand(template, &mut out);
                out
            };
            if !step.labels.is_empty() {
                let values: Vec<String> = step
                    .labels
                    .iter()
                    .map(|l| String::from_utf8_lossy(&expanded(l.value.as_bytes())).into_owned())
                    .collect();
                let labels: Vec<(&str, &str)> =
                    step.labels.iter().zip(&values).map(|(l, v)| (l.name.as_str(), v.as_str())).collect();
                trial.metrics.set("probe_expect_info", &labels, 1.0);
            }
            return Ok(expanded(&step.send.0));
        }
        if bytes > STEP_BYTES_MAX {
            return Err(format!("{bytes} bytes came, and no line holds {:?}", pattern.as_str()).into());
        }
        last = line;
    }
    trial.set("probe_failed_due_to_regex", 1.0);
    let last = String::from_utf8_lossy(&last).into_owned();
    Err(format!("the connection ended before a line holds {:?}; the last was {last:?}", pattern.as_str())
        .into())
}
