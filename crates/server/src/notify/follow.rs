//! Incidents follow alerts and what people are told of them, in the turn in which that happens: before alerting forgets an
//! alert, the incident it belongs to knows its end.

use super::Worker;
use crate::incidents::{Around, paging};
use alerting::{Committed, Happened, Reason};
use incidents::{Notification, PageRequest, Seen};
use std::collections::BTreeSet;

impl Worker {
    /// Brings incidents up to date with what happened while they were not looking.
    pub(super) fn begin(&mut self, incidents: &mut incidents::Desk) {
        let now = self.shared.clock.now_ms();
        let core = self.desk.core();
        let around = Around::new(core, &self.shared.entities, now);
        let open: BTreeSet<u64> = core.open().map(|d| d.id.0).collect();
        incidents.act(|of, out| {
            of.reconcile(now, &around, &open, out);
            core.alerts().for_each(|(_, alert)| of.observe(now, &Seen::from(alert), &around, out));
        });
    }

    /// Takes what alerting did into incidents, does what is due there, and has people told.
    pub(super) fn follow(&mut self, incidents: &mut incidents::Desk, committed: &Committed, now: i64) {
        let around = Around::new(self.desk.core(), &self.shared.entities, now);
        incidents.act(|of, out| {
            for happened in &committed.happened {
                match happened {
                    Happened::Alert(alert) => of.observe(now, &Seen::from(alert), &around, out),
                    Happened::Done(id, outcome) => of.told(now, id.0, *outcome, out),
                }
            }
            let by_routes = committed.sends.iter().filter(|d| d.reason != Reason::Escalation);
            by_routes.for_each(|delivery| of.decided(delivery, out));
            of.tick(now, &around, out);
        });
        let pages = self.commit_incidents(incidents, now);
        if pages.is_empty() {
            return;
        }
        for request in &pages {
            let notifications = self.page(incidents, request, now);
            incidents.act(|of, out| of.asked(request.incident, request.entry, notifications, out));
        }
        // First the decisions: what is asked for again is known by its key.
        self.commit(now);
        self.commit_incidents(incidents, now);
    }

    fn commit_incidents(&mut self, incidents: &mut incidents::Desk, now: i64) -> Vec<PageRequest> {
        let committed = incidents.commit(now);
        if let Some(error) = committed.failure {
            self.shared.metrics.incidents_not_durable.add(1);
            tracing::error!(%error, "the state of incidents is not durable");
        }
        committed.pages
    }

    /// Decides to tell somebody, unless that was decided before.
    fn page(&mut self, incidents: &incidents::Desk, request: &PageRequest, now: i64) -> Vec<Notification> {
        let Some(incident) = incidents.core().get(request.incident) else { return Vec::new() };
        let external_url = self.shared.routing.read().external_url.clone();
        let mut notifications = Vec::new();
        for receiver in &request.page.receivers {
            let paging = paging(incident, request, receiver, &external_url, now);
            let told = self.desk.act(|core, out| core.page(now, &paging, out));
            notifications.extend(told.into_iter().map(|(way, id)| Notification {
                delivery: id.map(|id| id.0),
                receiver: way.receiver,
                way: way.kind,
                index: way.index,
                outcome: None,
                done_ms: None,
            }));
        }
        notifications
    }
}
