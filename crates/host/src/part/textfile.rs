//! Samples that scripts leave in files `*.prom`, in the text format: what cron jobs and the like have to say.

use super::Part;
use crate::Problem;
use crate::sheet::{Family, Out};
use ingest::Limits;
use ingest::exposition::{Entry, Format, SeriesError, TextParser};
use model::{Labels, METRIC_NAME, Metadata};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const ERROR: Family<'_> = Family::gauge(
    "node_textfile_scrape_error",
    "1 if there was an error opening or reading a file, 0 otherwise.",
);
const MTIME: Family<'_> =
    Family::gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.");

/// A larger file is refused.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Files of all directories together; more are left out, and that is an error.
const FILES_MAX: usize = 1000;

/// The files of some directories. A file counts as a whole: what is wrong in it costs all of it and nothing else.
pub(crate) struct Textfiles {
    dirs: Vec<PathBuf>,
    limits: Limits,
}

/// What a file holds.
#[derive(Default)]
struct Content {
    /// How a series was written, its labels and its value.
    samples: Vec<(Vec<u8>, Labels, f64)>,
    families: BTreeMap<String, Metadata>,
}

impl Textfiles {
    pub(crate) fn new(dirs: Vec<PathBuf>) -> Textfiles {
        Textfiles { dirs, limits: Limits::default() }
    }

    /// Every `*.prom`, in the order of directories and names.
    fn files(&self, wrong: &mut Option<Problem>) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for dir in &self.dirs {
            let entries = match std::fs::read_dir(dir) {
                Ok(entries) => entries,
                Err(error) => {
                    // There is one by default, which most machines do not have.
                    let problem = Problem::read(dir, error);
                    if !problem.is_absence() {
                        wrong.get_or_insert(problem);
                    }
                    continue;
                }
            };
            let paths = entries.flatten().map(|e| e.path());
            let mut found: Vec<PathBuf> =
                paths.filter(|p| p.extension().is_some_and(|e| e == "prom")).take(FILES_MAX + 1).collect();
            found.sort();
            files.append(&mut found);
            if files.len() > FILES_MAX {
                wrong.get_or_insert(malformed(dir, format!("there are more than {FILES_MAX} files *.prom")));
                files.truncate(FILES_MAX);
            }
        }
        files
    }

    fn parse(&self, body: &[u8]) -> Result<Content, String> {
        let mut parser = TextParser::new(body, Format::Text, &self.limits);
        let mut content = Content::default();
        loop {
            match parser.next() {
                Ok(None) => return Ok(content),
                Ok(Some(Entry::Sample(s))) if s.time_ms.is_some() => {
                    return Err(format!(
                        "{} has a timestamp, which does not fit samples that are read again and again",
                        String::from_utf8_lossy(s.series.raw())
                    ));
                }
                Ok(Some(Entry::Sample(s))) => {
                    let labels = s.series.labels(&self.limits).map_err(reason)?;
                    content.samples.push((s.series.raw().to_vec(), labels, s.value));
                }
                Ok(Some(Entry::Kind { family, kind })) => {
                    content.families.entry(family.into_owned()).or_default().kind = kind;
                }
                Ok(Some(Entry::Help { family, text })) => {
                    content.families.entry(family.into_owned()).or_default().help = text.into_owned();
                }
                Ok(Some(Entry::Unit { .. } | Entry::Histogram(_))) => {}
                Err(e) => return Err(reason(e)),
            }
        }
    }
}

impl Part for Textfiles {
    fn collect(&mut self, out: &mut Out<'_>, _: &mut Vec<u8>) -> Result<(), Problem> {
        let mut wrong = None;
        for path in self.files(&mut wrong) {
            match read(&path).and_then(|(body, time)| {
                let content = self.parse(&body).map_err(|what| malformed(&path, what))?;
                Ok((content, time))
            }) {
                Ok((content, time)) => {
                    for (family, metadata) in &content.families {
                        out.family(family, metadata);
                    }
                    for (raw, labels, value) in &content.samples {
                        out.foreign(raw, labels, *value);
                    }
                    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                    let file = path.to_string_lossy();
                    out.sample(&MTIME, &[("file", file.as_bytes())], seconds.as_secs_f64());
                }
                Err(problem) => {
                    wrong.get_or_insert(problem);
                }
            }
        }
        out.sample(&ERROR, &[], if wrong.is_some() { 1.0 } else { 0.0 });
        wrong.map_or(Ok(()), Err)
    }
}

fn reason(e: SeriesError) -> String {
    match e {
        SeriesError::Malformed(e) => e.to_string(),
        SeriesError::Refused(e) => e.to_string(),
    }
}

fn malformed(path: &Path, what: String) -> Problem {
    Problem::Malformed { path: path.into(), what: what.into() }
}

/// The whole file and when it was changed. Only regular files: a pipe would block.
fn read(path: &Path) -> Result<(Vec<u8>, SystemTime), Problem> {
    let wrong = |e| Problem::Read { path: path.into(), error: e };
    let found = std::fs::metadata(path).map_err(wrong)?;
    if !found.is_file() {
        return Err(malformed(path, "it is not a regular file".to_owned()));
    }
    let file = File::open(path).map_err(wrong)?;
    let time = file.metadata().and_then(|m| m.modified()).map_err(wrong)?;
    let mut body = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut body).map_err(wrong)?;
    if body.len() as u64 > FILE_BYTES_MAX {
        return Err(malformed(path, format!("it holds more than {FILE_BYTES_MAX} bytes")));
    }
    Ok((body, time))
}

/// A series of a file among those of this host. Where both have a label, the file's gets the name under which
/// Prometheus keeps what an exporter says of a label of the target's.
pub(crate) fn with_base(base: &[(String, String)], labels: &Labels) -> Labels {
    let mut builder = labels.to_builder();
    for (name, value) in base.iter().filter(|(name, _)| name != METRIC_NAME) {
        if let Some(own) = labels.get(name) {
            let mut exported = format!("exported_{name}");
            while labels.get(&exported).is_some() {
                exported.insert_str(0, "exported_");
            }
            builder.set(exported, own);
        }
        builder.set(name.as_str(), value.as_str());
    }
    builder.build()
}
