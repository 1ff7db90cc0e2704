//! A journal on a local disk.

use crate::log::Log;
use crate::writer::{Buffers, Writer};
use crate::{Damage, Journal, JournalError, JournalOptions, JournalStats, Offset, Partition, Records, Then};
use env::Disk;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A journal in a directory: one directory, named by number, and two threads per partition.
pub struct LocalJournal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: JournalOptions,
    buffers: Arc<Buffers>,
    partitions: RwLock<Partitions>,
}

#[derive(Default)]
struct Partitions {
    writers: BTreeMap<Partition, Arc<Writer>>,
    closed: bool,
}

impl LocalJournal {
    /// Opens the journal in this directory, makes it if need be, and recovers each partition. What was damaged is
    /// told; see [`Damage::is_torn_tail`] for what an ordinary crash leaves.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        options: JournalOptions,
    ) -> Result<(LocalJournal, Vec<Damage>), JournalError> {
        disk.create_dir_all(&dir).map_err(|e| JournalError::io("create directory", &dir, e))?;
        let buffers = Arc::new(Buffers::new(&options));
        let journal = LocalJournal { disk, dir, options, buffers, partitions: RwLock::default() };
        let mut damages = Vec::new();
        for (partition, _) in partition_dirs(&*journal.disk, &journal.dir)? {
            let (writer, found) = journal.open_partition(partition)?;
            damages.extend(found);
            journal.partitions.write().writers.insert(partition, Arc::new(writer));
        }
        Ok((journal, damages))
    }

    /// Writes what is queued, answers everyone and takes nothing more. Dropping does the same.
    pub fn close(&self) {
        let mut partitions = self.partitions.write();
        partitions.closed = true;
        let writers: Vec<_> = partitions.writers.values().cloned().collect();
        drop(partitions);
        writers.iter().for_each(|w| w.close());
    }

    fn open_partition(&self, partition: Partition) -> Result<(Writer, Vec<Damage>), JournalError> {
        let dir = self.dir.join(dir_name(partition));
        let (log, damages) = Log::open(self.disk.clone(), dir.clone(), self.options.clone())?;
        let name = format!("journal-{}", partition.0);
        let writer = Writer::start(name, log, self.options.clone(), self.buffers.clone())
            .map_err(|e| JournalError::io("start threads for", &dir, e))?;
        Ok((writer, damages))
    }

    fn known(&self, partition: Partition) -> Option<Arc<Writer>> {
        self.partitions.read().writers.get(&partition).cloned()
    }

    /// The partition's writer, made at first use.
    fn writer(&self, partition: Partition) -> Result<Arc<Writer>, JournalError> {
        if let Some(writer) = self.known(partition) {
            return Ok(writer);
        }
        let mut partitions = self.partitions.write();
        if let Some(writer) = partitions.writers.get(&partition) {
            return Ok(writer.clone());
        }
        if partitions.closed {
            return Err(JournalError::Closed);
        }
        let (writer, _) = self.open_partition(partition)?;
        let writer = Arc::new(writer);
        partitions.writers.insert(partition, writer.clone());
        Ok(writer)
    }
}

impl Drop for LocalJournal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Journal for LocalJournal {
    fn append(&self, partition: Partition, record: Vec<u8>, then: Then) {
        match self.writer(partition) {
            Ok(writer) => writer.append(record, then),
            Err(e) => then(Err(e)),
        }
    }

    fn buffer(&self) -> Vec<u8> {
        self.buffers.take()
    }

    fn queued_bytes(&self, partition: Partition) -> u64 {
        self.known(partition).map_or(0, |w| w.queued_bytes())
    }

    fn read(&self, partition: Partition, from: Offset) -> Result<Records, JournalError> {
        match self.known(partition) {
            None => Ok(Box::new(std::iter::empty())),
            Some(writer) => {
                let shared = writer.shared().clone();
                Ok(Box::new(crate::read::LogRecords::new(shared, from.0, self.options.record_bytes_max)))
            }
        }
    }

    fn truncate_before(&self, partition: Partition, offset: Offset) -> Result<(), JournalError> {
        self.known(partition).map_or(Ok(()), |w| w.with_log(|log| log.truncate_before(offset)))
    }

    fn advance(&self, partition: Partition, offset: Offset) -> Result<(), JournalError> {
        self.writer(partition)?.with_log(|log| log.advance(offset))
    }

    fn next_offset(&self, partition: Partition) -> Offset {
        self.known(partition).map_or(Offset(0), |w| Offset(w.shared().next()))
    }

    fn partitions(&self) -> Vec<Partition> {
        self.partitions.read().writers.keys().copied().collect()
    }

    fn stats(&self, partition: Partition) -> JournalStats {
        self.known(partition).map_or_else(JournalStats::default, |w| w.stats())
    }
}

fn dir_name(partition: Partition) -> String {
    format!("{:05}", partition.0)
}

/// The partitions in a journal's directory, in order.
pub(crate) fn partition_dirs(disk: &dyn Disk, dir: &Path) -> Result<Vec<(Partition, PathBuf)>, JournalError> {
    let names = disk.list(dir).map_err(|e| JournalError::io("list", dir, e))?;
    let number = |name: &String| {
        let partition = Partition(name.parse().ok()?);
        (dir_name(partition) == *name).then(|| (partition, dir.join(name)))
    };
    let mut found: Vec<_> = names.iter().filter_map(number).collect();
    found.sort_unstable();
    Ok(found)
}
