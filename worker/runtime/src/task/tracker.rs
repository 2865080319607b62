//! Which source offsets may be stored: those with every earlier record already in Kafka. (Invariant 1)

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use connect_api::{OffsetMap, SourceOffset};

use crate::storage::offsets::canonical;

/// Records on their way, by source partition and in order.
#[derive(Default)]
pub struct OffsetTracker {
    partitions: Vec<Partition>,
    by_name: HashMap<String, usize>,
    /// Where the last record went: the next one nearly always goes there too.
    last: usize,
    in_flight: usize,
}

struct Partition {
    key: Arc<OffsetMap>,
    acked: u32,
    in_flight: VecDeque<(Arc<OffsetMap>, bool)>,
    /// The last offset of the acknowledged prefix. The prefix itself is let go at once: between two flushes lie
    /// millions of records.
    storable: Option<Arc<OffsetMap>>,
}

/// Names one submitted record; as a `usize` it travels through the producer as its opaque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    partition: u32,
    sequence: u32,
}

impl From<Ticket> for usize {
    fn from(ticket: Ticket) -> usize {
        ((ticket.partition as usize) << 32) | ticket.sequence as usize
    }
}

impl From<usize> for Ticket {
    fn from(opaque: usize) -> Self {
        Ticket { partition: (opaque >> 32) as u32, sequence: (opaque & 0xFFFF_FFFF) as u32 }
    }
}

impl OffsetTracker {
    /// Takes note of a record before it is sent.
    pub fn submit(&mut self, source: &SourceOffset) -> Ticket {
        let at = self.position(&source.partition);
        let partition = &mut self.partitions[at];
        let sequence = partition.acked.wrapping_add(partition.in_flight.len() as u32);
        partition.in_flight.push_back((source.offset.clone(), false));
        self.in_flight += 1;
        Ticket { partition: at as u32, sequence }
    }

    /// The record is in Kafka, or was dropped on purpose.
    pub fn ack(&mut self, ticket: Ticket) {
        let Some(partition) = self.partitions.get_mut(ticket.partition as usize) else { return };
        let at = ticket.sequence.wrapping_sub(partition.acked) as usize;
        if let Some(entry) = partition.in_flight.get_mut(at).filter(|entry| !entry.1) {
            entry.1 = true;
            self.in_flight -= 1;
        }
        while partition.in_flight.front().is_some_and(|(_, acked)| *acked) {
            partition.acked = partition.acked.wrapping_add(1);
            partition.storable = partition.in_flight.pop_front().map(|(offset, _)| offset);
        }
    }

    /// The newest storable offset of each source partition that moved since the last call.
    pub fn take_committable(&mut self) -> Vec<SourceOffset> {
        let mut offsets = Vec::new();
        for partition in &mut self.partitions {
            if let Some(offset) = partition.storable.take() {
                offsets.push(SourceOffset { partition: partition.key.clone(), offset });
            }
        }
        offsets
    }

    /// Records that Kafka has not confirmed.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn position(&mut self, key: &Arc<OffsetMap>) -> usize {
        if self.partitions.get(self.last).is_some_and(|p| Arc::ptr_eq(&p.key, key)) {
            return self.last;
        }
        let next = self.partitions.len();
        let at = *self.by_name.entry(canonical(key)).or_insert(next);
        if at == next {
            self.partitions.push(Partition { key: key.clone(), acked: 0, in_flight: VecDeque::new(), storable: None });
        } else {
            // Sources make the map anew now and then: the newest one is the likeliest to come again.
            self.partitions[at].key = key.clone();
        }
        self.last = at;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connect_api::Value;

    fn map(key: &'static str, value: i64) -> Arc<OffsetMap> {
        Arc::new(OffsetMap(vec![(key.into(), Value::Int64(value))]))
    }

    fn source(partition: i64, offset: i64) -> SourceOffset {
        SourceOffset { partition: map("p", partition), offset: map("o", offset) }
    }

    #[test]
    fn holds_back_behind_an_unacknowledged_record() {
        let mut tracker = OffsetTracker::default();
        let tickets: Vec<Ticket> = (1..=3).map(|offset| tracker.submit(&source(0, offset))).collect();
        tracker.ack(tickets[1]);
        tracker.ack(tickets[2]);
        assert_eq!(tracker.take_committable(), []);
        tracker.ack(tickets[0]);
        assert_eq!(tracker.take_committable(), [source(0, 3)]);
        assert_eq!((tracker.take_committable(), tracker.in_flight()), (vec![], 0));
    }

    #[test]
    fn partitions_do_not_wait_for_each_other() {
        let mut tracker = OffsetTracker::default();
        let slow = tracker.submit(&source(0, 1));
        let fast = tracker.submit(&source(1, 1));
        tracker.ack(fast);
        assert_eq!(tracker.take_committable(), [source(1, 1)]);
        tracker.ack(slow);
        tracker.ack(slow);
        assert_eq!((tracker.take_committable(), tracker.in_flight()), (vec![source(0, 1)], 0));
    }

    #[test]
    fn a_ticket_survives_its_way_through_the_producer() {
        let ticket = Ticket { partition: 7, sequence: u32::MAX };
        assert_eq!(Ticket::from(usize::from(ticket)), ticket);
    }

    /// Any order of acknowledgements: never past a gap, and everything in the end. The seed is in the message.
    #[test]
    fn never_passes_a_gap() {
        for seed in 1..200_u64 {
            let mut random = seed;
            let mut next = |below: usize| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) as usize % below
            };
            let mut tracker = OffsetTracker::default();
            let mut open: Vec<(Ticket, i64, i64)> = Vec::new();
            let (mut sent, mut stored) = ([0_i64; 3], [0_i64; 3]);
            for _ in 0..300 {
                if next(2) == 0 || open.is_empty() {
                    let partition = next(3);
                    sent[partition] += 1;
                    let offset = sent[partition];
                    open.push((tracker.submit(&source(partition as i64, offset)), partition as i64, offset));
                } else {
                    let (ticket, ..) = open.swap_remove(next(open.len()));
                    tracker.ack(ticket);
                }
                for SourceOffset { partition, offset } in tracker.take_committable() {
                    let (Some(Value::Int64(p)), Some(Value::Int64(o))) = (partition.get("p"), offset.get("o")) else {
                        panic!("what was submitted comes back");
                    };
                    assert!(open.iter().all(|(_, partition, offset)| partition != p || offset > o), "seed {seed}");
                    stored[*p as usize] = *o;
                }
            }
            open.drain(..).for_each(|(ticket, ..)| tracker.ack(ticket));
            for SourceOffset { partition, offset } in tracker.take_committable() {
                let (Some(Value::Int64(p)), Some(Value::Int64(o))) = (partition.get("p"), offset.get("o")) else {
                    panic!("what was submitted comes back");
                };
                stored[*p as usize] = *o;
            }
            assert_eq!((stored, tracker.in_flight()), (sent, 0), "seed {seed}");
        }
    }
}
