//! Knows which offsets may be committed: those with every record before them finished.

use std::collections::{HashMap, VecDeque};

use connect_api::{Offsets, TopicPartition};

/// Follows the records of each partition from their arrival until they are written, skipped or dead-lettered.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    partitions: Vec<Partition>,
    index: HashMap<TopicPartition, u32>,
    /// The partition of the last record: records come in runs of one partition.
    last: u32,
    /// Records that are followed, finished ones behind an unfinished one included.
    followed: usize,
}

#[derive(Debug)]
struct Partition {
    name: TopicPartition,
    /// Counts the times the partition was given to us, so that a late ticket of an earlier time has no effect.
    assignment: u32,
    /// The offset after the last record that came.
    next: Option<i64>,
    /// Number of the first record in the queue.
    first: u64,
    /// Records in order, from the oldest unfinished one.
    queue: VecDeque<Followed>,
}

#[derive(Debug)]
struct Followed {
    offset: i64,
    finished: bool,
}

/// Names one followed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    partition: u32,
    assignment: u32,
    number: u64,
}

impl Tracker {
    /// Partitions that are ours from now on, from wherever their records start.
    pub(crate) fn open(&mut self, partitions: &[TopicPartition]) {
        for name in partitions {
            let at = self.partition(name);
            self.forget(at);
        }
    }

    /// Partitions that are no longer ours.
    pub(crate) fn close(&mut self, partitions: &[TopicPartition]) {
        for name in partitions {
            if let Some(at) = self.index.get(name) {
                self.forget(*at);
            }
        }
    }

    /// Starts to follow a record; nothing for one that came before, which a repeated batch brings again.
    pub(crate) fn take(&mut self, name: &TopicPartition, offset: i64) -> Option<Ticket> {
        let at = match self.partitions.get(self.last as usize) {
            Some(partition) if partition.name == *name => self.last,
            _ => self.partition(name),
        };
        self.last = at;
        let partition = &mut self.partitions[at as usize];
        if partition.next.is_some_and(|next| offset < next) {
            return None;
        }
        partition.next = Some(offset + 1);
        let number = partition.first + partition.queue.len() as u64;
        partition.queue.push_back(Followed { offset, finished: false });
        self.followed += 1;
        Some(Ticket { partition: at, assignment: partition.assignment, number })
    }

    /// Where a record that is not finished came from.
    pub(crate) fn place(&self, ticket: Ticket) -> Option<(TopicPartition, i64)> {
        let partition = self.partitions.get(ticket.partition as usize)?;
        let at = ticket.number.checked_sub(partition.first).and_then(|at| usize::try_from(at).ok())?;
        let record = partition.queue.get(at).filter(|_| partition.assignment == ticket.assignment)?;
        Some((partition.name.clone(), record.offset))
    }

    pub(crate) fn finish(&mut self, ticket: Ticket) {
        let Some(partition) = self.partitions.get_mut(ticket.partition as usize) else { return };
        if partition.assignment != ticket.assignment {
            return;
        }
        let Some(at) = ticket.number.checked_sub(partition.first).and_then(|at| usize::try_from(at).ok()) else {
            return;
        };
        if let Some(record) = partition.queue.get_mut(at) {
            record.finished = true;
        }
        while partition.queue.front().is_some_and(|record| record.finished) {
            partition.queue.pop_front();
            partition.first += 1;
            self.followed -= 1;
        }
    }

    /// The offsets that are safe to commit.
    // Invariant 2: a partition's offset is its oldest unfinished record; everything before it is finished.
    pub(crate) fn safe(&self, current: Offsets) -> Offsets {
        let oldest = |name: &TopicPartition| {
            let partition = &self.partitions[*self.index.get(name)? as usize];
            partition.queue.front().map(|record| record.offset)
        };
        current
            .into_iter()
            .map(|(name, offset)| {
                let safe = oldest(&name).map_or(offset, |oldest| oldest.min(offset));
                (name, safe)
            })
            .collect()
    }

    pub(crate) fn followed(&self) -> usize {
        self.followed
    }

    fn partition(&mut self, name: &TopicPartition) -> u32 {
        if let Some(at) = self.index.get(name) {
            return *at;
        }
        let at = u32::try_from(self.partitions.len()).expect("fewer partitions than a u32 counts");
        self.partitions.push(Partition {
            name: TopicPartition { topic: name.topic.detached(), partition: name.partition },
            assignment: 0,
            next: None,
            first: 0,
            queue: VecDeque::new(),
        });
        self.index.insert(TopicPartition { topic: name.topic.detached(), partition: name.partition }, at);
        at
    }

    fn forget(&mut self, at: u32) {
        let partition = &mut self.partitions[at as usize];
        self.followed -= partition.queue.len();
        partition.queue.clear();
        partition.first = 0;
        partition.next = None;
        partition.assignment = partition.assignment.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition }
    }

    fn safe(tracker: &Tracker, name: &TopicPartition, current: i64) -> i64 {
        tracker.safe(Offsets::from([(name.clone(), current)]))[name]
    }

    #[test]
    fn holds_back_behind_an_unfinished_record() {
        let (mut tracker, t) = (Tracker::default(), part("t", 0));
        let tickets: Vec<Ticket> = [5, 6, 9].iter().filter_map(|offset| tracker.take(&t, *offset)).collect();
        assert_eq!(safe(&tracker, &t, 10), 5);
        tracker.finish(tickets[2]);
        assert_eq!(safe(&tracker, &t, 10), 5);
        tracker.finish(tickets[0]);
        assert_eq!(safe(&tracker, &t, 10), 6);
        tracker.finish(tickets[1]);
        assert_eq!((safe(&tracker, &t, 12), tracker.followed()), (12, 0));
        assert_eq!(safe(&tracker, &part("other", 1), 3), 3);
    }

    #[test]
    fn a_repeated_record_is_followed_once() {
        let (mut tracker, t) = (Tracker::default(), part("t", 0));
        let first = tracker.take(&t, 5);
        assert!(first.is_some());
        assert_eq!(tracker.take(&t, 5), None);
        assert_eq!(tracker.followed(), 1);
    }

    #[test]
    fn a_ticket_of_an_earlier_assignment_has_no_effect() {
        let (mut tracker, t) = (Tracker::default(), part("t", 0));
        let early = tracker.take(&t, 5).expect("a new record");
        tracker.close(std::slice::from_ref(&t));
        tracker.open(std::slice::from_ref(&t));
        tracker.take(&t, 5).expect("again from its start");
        tracker.finish(early);
        assert_eq!((safe(&tracker, &t, 6), tracker.followed()), (5, 1));
    }
}
