//! Searches from start to end.

use crate::aggs::{Node, Writer};
use crate::error::SearchError;
use crate::fields::{FieldId, Needs, Rows, Table};
use crate::filter::{Filter, Indices, Verdict};
use crate::hits::{Collector, Hit, SortBy, SortKey, SortValue};
use crate::request::{SearchRequest, Total};
use crate::source::{Block, Order, Scan, Source};
use model::Labels;
use model::record::TextFilter;
use promql::{Control, Held};
use serde_json::{Map, Value as Json, json};
use std::ops::ControlFlow;

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Bytes that a search may hold at once.
    pub memory_max: u64,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions { memory_max: 1 << 30 }
    }
}

/// Carries searches out over any source.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// Its settings.
    pub options: EngineOptions,
}

/// How an answer is written.
#[derive(Debug, Clone, Default)]
pub struct AnswerOptions {
    /// Whether the names of aggregations tell of what kind they are: `typed_keys`.
    pub typed_keys: bool,
    /// Whether the number of hits is a plain number: `rest_total_hits_as_int`.
    pub plain_total: bool,
    /// Which parts of the answer are wanted: `filter_path`.
    pub filter_path: Option<String>,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    request: SearchRequest,
    hits: Vec<Hit>,
    total: u64,
    /// Whether there may be more.
    more: bool,
}

/// Takes rows and those of them that pass.
type Visit<'v> = &'v mut dyn FnMut(&Rows<'_>, &[u32]) -> Result<ControlFlow<()>, SearchError>;

/// What is read for a search.
struct Plan<'r> {
    indices: &'r Indices,
    table: &'r Table,
    /// What is left to be looked at.
    filter: Filter,
    start_ns: i64,
    end_ns: i64,
    texts: Vec<TextFilter>,
}

impl<'r> Plan<'r> {
    fn new(filter: Filter, indices: &'r Indices, table: &'r Table) -> Plan<'r> {
        let (filter, start_ns, end_ns) = filter.take_span(table);
        let texts = filter.texts(table);
        Plan { indices, table, filter, start_ns, end_ns, texts }
    }

    fn fields(&self) -> Vec<FieldId> {
        let mut fields = Vec::new();
        self.filter.fields(&mut fields);
        fields
    }

    fn has_stream(&self, labels: &Labels) -> bool {
        self.indices.has_stream(labels) && self.filter.judge(labels, self.table) != Verdict::Never
    }

    /// Reads all records that pass, block by block, until `visit` breaks: rows, those of them that pass, and from when on
    /// none will follow.
    fn scan(
        &self,
        source: &dyn Source,
        control: &Control,
        needs: &Needs,
        order: Order,
        limit: Option<usize>,
        visit: Visit<'_>,
    ) -> Result<(), SearchError> {
        if self.start_ns >= self.end_ns || matches!(self.filter, Filter::Nothing) {
            return Ok(());
        }
        let names = needs.names();
        let streams = |labels: &Labels| self.has_stream(labels);
        let scan = Scan {
            streams: &streams,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            order,
            filters: &self.texts,
            columns: needs.columns(&names),
            limit: limit.filter(|_| matches!(self.filter, Filter::All)),
        };
        let mut matched: Vec<u32> = Vec::new();
        let mut failure = None;
        source.scan(&scan, control, &mut |block: &dyn Block| {
            let rows = Rows::new(block, self.table, needs);
            let count = block.times_ns().len();
            matched.clear();
            match self.filter.judge(block.labels(), self.table) {
                Verdict::Never => {}
                Verdict::Always => matched.extend(0..count as u32),
                Verdict::Perhaps => {
                    matched.extend(
                        (0..count).filter(|row| self.filter.passes(&rows, *row)).map(|row| row as u32),
                    );
                }
            }
            match control.check().map_err(SearchError::from).and_then(|()| visit(&rows, &matched)) {
                Ok(flow) => flow,
                Err(e) => {
                    failure = Some(e);
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or(Ok(()), Err)
    }
}

impl Engine {
    /// An engine with these settings.
    pub fn new(options: EngineOptions) -> Engine {
        Engine { options }
    }

    /// Carries a search out.
    pub fn search(
        &self,
        source: &dyn Source,
        mut request: SearchRequest,
        control: &Control,
    ) -> Result<Found, SearchError> {
        let mut held = Held::new(control, self.options.memory_max);
        request.shape.found_by(&request.filter);
        let (hits, seen) = self.hits(source, &request, control, &mut held)?;
        let table = std::mem::take(&mut request.table);
        let (total, more) = match (seen, request.aggs.is_empty()) {
            (Some(seen), true) => capped(seen, request.total),
            _ => self.figures(source, &mut request, &table, control, &mut held)?,
        };
        request.table = table;
        request.aggs.iter_mut().for_each(Node::seal);
        Ok(Found { request, hits, total, more })
    }

    /// The first hits, and how many there are if all were seen.
    fn hits(
        &self,
        source: &dyn Source,
        request: &SearchRequest,
        control: &Control,
        held: &mut Held,
    ) -> Result<(Vec<Hit>, Option<u64>), SearchError> {
        let wanted = request.from + request.size;
        if wanted == 0 {
            return Ok((Vec::new(), None));
        }
        let filter = Filter::and(vec![request.filter.clone(), request.post_filter.clone()]);
        let mut plan = Plan::new(filter, &request.indices, &request.table);
        let before = (plan.start_ns, plan.end_ns);
        narrow(&mut plan, &request.sort, request.after.as_deref());
        let whole = before == (plan.start_ns, plan.end_ns) && request.after.is_none();
        let needs = Needs::everything(&request.table);
        let mut collector = Collector::new(request.sort.clone(), wanted, request.after.clone());
        let (order, by_time) = match request.sort.first() {
            Some(SortKey { by: SortBy::Time(_), descending: true, .. }) => (Order::Backward, true),
            Some(SortKey { by: SortBy::Time(_), .. }) => (Order::Forward, true),
            _ => (Order::Any, false),
        };
        // Records that are equal in the first criterion may come in an order that others change.
        let limit = (by_time && request.sort.len() == 1 && request.after.is_none()).then_some(wanted);
        let limited = limit.is_some() && matches!(plan.filter, Filter::All);
        let (mut seen, mut cut) = (0u64, false);
        let base = held.bytes();
        plan.scan(source, control, &needs, order, limit, &mut |rows, matched| {
            seen += matched.len() as u64;
            for row in matched {
                collector.offer(rows, *row as usize);
            }
            held.shrink_to(base);
            held.grow(collector.bytes())?;
            if by_time && collector.is_beyond(rows.block.settled_ns()) {
                cut = true;
                return Ok(ControlFlow::Break(()));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let all_seen = !cut && whole && !(limited && seen >= wanted as u64);
        Ok((collector.finish(request.from), all_seen.then_some(seen)))
    }

    /// Counts hits and collects aggregations.
    fn figures(
        &self,
        source: &dyn Source,
        request: &mut SearchRequest,
        table: &Table,
        control: &Control,
        held: &mut Held,
    ) -> Result<(u64, bool), SearchError> {
        let counting = request.total != Total::Not;
        if request.aggs.is_empty() && !counting {
            return Ok((0, true));
        }
        let post = request.post_filter.clone();
        let plan = Plan::new(request.filter.clone(), &request.indices, table);
        let mut fields = plan.fields();
        post.fields(&mut fields);
        request.aggs.iter().for_each(|node| node.fields(&mut fields));
        let all = plan.filter.needs_all() || post.needs_all() || request.aggs.iter().any(Node::needs_all);
        let needs = match all {
            true => Needs::everything(table),
            false => Needs::of(table, fields.into_iter()),
        };
        let enough = match request.total {
            Total::UpTo(most) if request.aggs.is_empty() => most,
            _ => u64::MAX,
        };
        let aggs = &mut request.aggs;
        let mut total = 0u64;
        let mut owners: Vec<u32> = Vec::new();
        plan.scan(source, control, &needs, Order::Any, None, &mut |rows, matched| {
            total += match &post {
                Filter::All => matched.len() as u64,
                post => matched.iter().filter(|row| post.passes(rows, **row as usize)).count() as u64,
            };
            owners.resize(matched.len(), 0);
            for node in aggs.iter_mut() {
                node.collect(rows, matched, &owners, held)?;
            }
            Ok(if total > enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(capped(total, request.total))
    }
}

/// Leaves out what lies before a place in an order by time.
fn narrow(plan: &mut Plan<'_>, sort: &[SortKey], after: Option<&[SortValue]>) {
    let (Some(SortKey { by: SortBy::Time(_), descending, .. }), Some([SortValue::Time(at), ..])) =
        (sort.first(), after)
    else {
        return;
    };
    // The unit of the place counts wholly: it may hold records on both sides.
    match descending {
        true => plan.end_ns = plan.end_ns.min(at.saturating_add(1000 * crate::dates::MILLI_NS)),
        false => plan.start_ns = plan.start_ns.max(*at),
    }
}

/// How many hits are told of, and whether there are more.
fn capped(seen: u64, total: Total) -> (u64, bool) {
    match total {
        Total::All => (seen, false),
        Total::UpTo(most) => (seen.min(most), seen > most),
        Total::Not => (0, true),
    }
}

impl Found {
    /// How many records there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The answer, as Elasticsearch writes it.
    pub fn answer(mut self, took_ms: u64, options: &AnswerOptions) -> Result<Json, SearchError> {
        let request = &mut self.request;
        let keys = (!request.scored).then_some(request.sort.as_slice());
        let hits: Vec<Json> =
            self.hits.iter().map(|h| Json::Object(request.shape.shown(h, keys, &request.table))).collect();
        let mut inner = Map::new();
        if request.total != Total::Not {
            let relation = if self.more { "gte" } else { "eq" };
            let total = match options.plain_total {
                true => Json::from(self.total),
                false => json!({ "value": self.total, "relation": relation }),
            };
            inner.insert("total".to_owned(), total);
        }
        let score = if request.scored && !hits.is_empty() { Json::from(1.0) } else { Json::Null };
        inner.insert("max_score".to_owned(), score);
        inner.insert("hits".to_owned(), Json::Array(hits));
        let mut answer = json!({
            "took": took_ms,
            "timed_out": false,
            "_shards": { "total": 1, "successful": 1, "skipped": 0, "failed": 0 },
            "hits": inner,
        });
        if !request.aggs.is_empty() {
            let table = std::mem::take(&mut request.table);
            let aggregations = Writer::new(&table, options.typed_keys).all(&mut request.aggs, 0)?;
            answer["aggregations"] = Json::Object(aggregations);
        }
        if let Some(paths) = &options.filter_path {
            crate::document::filter_path(&mut answer, paths);
        }
        Ok(answer)
    }
}
