//! The end of a run: what was said is compared with what is.

use std::{collections::BTreeSet, time::Duration};

use milena_engine::time::Instant;

use super::{PATIENCE, Report, World};
use crate::{
    cluster::millis,
    ledger::{Log, Records, Seen, Violation},
    plan::Plan,
};

impl World<'_> {
    /// Compares what was said with what is.
    pub(super) fn judge(mut self) -> Result<Report, Violation> {
        self.heal()?;
        let now = self.outlive_transactions();
        let mut logs = std::mem::take(&mut self.graves);
        for place in self.plan.partitions() {
            let records = self.brokers.read(place, false, now).map_err(Violation)?;
            logs.push(Log {
                place,
                records,
                gone: false,
            });
        }
        self.report.tally = self.ledger.check(self.plan, &logs)?;
        self.judge_transactions(&logs, now)?;
        let audit = self.brokers.state.audit();
        if audit.lost() > 0 {
            return Err(Violation(format!("the broker lost records: {audit:?}")));
        }
        self.report.recognised = audit.partitions.iter().map(|part| part.recognised).sum();
        for producer in &self.producers {
            if let Some(part) = producer.disturbed() {
                let place = part.place();
                return Err(Violation(format!(
                    "{place:?} is idle and was looked at {} times",
                    part.looks()
                )));
            }
            self.report.waits += producer.waits;
            self.report.retries += producer.retries;
            self.report.renewals += producer.grants.saturating_sub(1);
            let epoch = producer.epoch().unwrap_or(self.plan.first_epoch);
            self.report.bumps += u64::from(epoch.abs_diff(self.plan.first_epoch));
        }
        Ok(self.report)
    }

    /// Lets so much time pass that the coordinators have ended what nobody ends.
    fn outlive_transactions(&mut self) -> Instant {
        let its = self.plan.producers.iter().flat_map(|its| &its.transactions);
        let Some(longest) = its.map(|its| its.timeout).max() else {
            return self.net.now;
        };
        // Markers follow, which are sent again and again until all of them are written.
        let (mut now, end) = (self.net.now + longest, self.net.now + longest + PATIENCE);
        while now < end {
            now += Duration::from_millis(100);
            self.brokers.state.advance(millis(now));
        }
        now
    }

    fn judge_transactions(&mut self, logs: &[Log], now: Instant) -> Result<(), Violation> {
        let mut seen = Seen::default();
        for log in logs {
            if log.gone {
                seen.deleted.insert(log.place.0);
                continue;
            }
            let numbers = |records: &Records| {
                let records = records.iter();
                records
                    .map(|(offset, value)| self.ledger.read(log.place, *offset, value))
                    .collect::<Result<Vec<_>, _>>()
            };
            seen.stored.extend(numbers(&log.records)?);
            let committed = self.brokers.read(log.place, true, now);
            seen.visible
                .extend(numbers(&committed.map_err(Violation)?)?);
        }
        let ids: BTreeSet<_> = (0..self.plan.producers.len())
            .filter_map(|producer| self.plan.id_of(producer))
            .collect();
        for id in ids {
            let group = Plan::transactional_id(id);
            let told = self.brokers.offsets(&group, now).map_err(Violation)?;
            seen.offsets.extend(
                told.into_iter()
                    .map(|(_, partition, offset)| ((id, partition), offset)),
            );
        }
        self.report.transactions = self.ledger.check_transactions(self.plan, &seen)?;
        let open = self.brokers.state.audit().open();
        if open > 0 {
            return Err(Violation(format!(
                "{open} records are in transactions that never end"
            )));
        }
        Ok(())
    }
}
