//! Sends bulks and sees each of their operations to its end: written, dead-lettered, or the task's failure.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use connect_api::{ErrantReporter, Error, Headers, Record, SchemaAndValue, SinkRecord, TimestampType};
use futures_util::{StreamExt, stream::FuturesUnordered};
use reqwest::Method;
use tracing::{debug, warn};

use crate::{
    answer::{BulkAnswer, Cause, Item},
    bulk::{Bulk, DocumentHash, Order},
    client::{Body, Client},
    config::Malformed,
    error::{CallError, Verdict, verdict},
    queue::{Next, Queue},
    retry::Retry,
    tracker::Ticket,
};

/// Only what is read of an answer: the items shrink to a fifth, and so does the work of both sides.
const PATH: &str = "/_bulk?filter_path=took,errors,items.*.status,items.*.error";

/// Sends what a queue holds.
pub(crate) struct Sender {
    pub(crate) queue: Arc<Queue>,
    pub(crate) client: Arc<Client>,
    pub(crate) retry: Retry,
    pub(crate) malformed: Malformed,
    pub(crate) data_streams: bool,
    pub(crate) errant: Option<Arc<dyn ErrantReporter>>,
}

/// A bulk whose operations have come to their end.
struct Delivered {
    bulk: Bulk,
    done: Vec<Ticket>,
    failure: Option<Error>,
}

impl Sender {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut in_flight = FuturesUnordered::new();
        loop {
            let due = loop {
                match self.queue.next() {
                    Next::Send(bulk) => in_flight.push(self.deliver(bulk)),
                    Next::At(moment) => break Some(moment),
                    Next::Wait => break None,
                }
            };
            let timer = tokio::time::sleep_until(due.unwrap_or_else(std::time::Instant::now).into());
            tokio::select! {
                Some(Delivered { bulk, done, failure }) = in_flight.next() => self.queue.finish(bulk, &done, failure),
                () = self.queue.work.notified() => {}
                () = timer, if due.is_some() => {}
            }
        }
    }

    async fn deliver(&self, mut bulk: Bulk) -> Delivered {
        // Handed over without a copy, and taken back when the last request lets go of it.
        let body = Bytes::from(std::mem::take(&mut bulk.body));
        let mut fate = Fate { done: Vec::with_capacity(bulk.len()), failure: None };
        // Pieces yet to be sent, the next one last: one, until the server finds it too large.
        let mut pieces = vec![(0..bulk.len()).collect::<Vec<_>>()];
        while let Some(piece) = pieces.pop() {
            match self.deliver_piece(&bulk, &body, piece, &mut fate).await {
                Ok(()) => {}
                Err(Stopped::TooLarge(mut piece)) => {
                    let rest = piece.split_off(piece.len() / 2);
                    pieces.extend([rest, piece]);
                }
                Err(Stopped::Failed(error)) => {
                    fate.failure.get_or_insert(error);
                    break;
                }
            }
        }
        bulk.body = if body.is_unique() { body.into() } else { Vec::new() };
        Delivered { bulk, done: fate.done, failure: fate.failure }
    }

    /// Sends some operations of a bulk, in their order, again and again until each has come to its end.
    async fn deliver_piece(
        &self,
        bulk: &Bulk,
        body: &Bytes,
        mut piece: Vec<usize>,
        fate: &mut Fate,
    ) -> Result<(), Stopped> {
        let mut attempts = 0;
        loop {
            let lines = if piece.len() == bulk.len() { body.clone() } else { lines_of(bulk, body, &piece) };
            let reason = match self.send(lines, piece.len()).await {
                Ok(BulkAnswer::AllDone) => {
                    fate.done.extend(piece.iter().map(|at| bulk.operations[*at].ticket));
                    return Ok(());
                }
                Ok(BulkAnswer::Items(items)) => {
                    let sent = piece.len();
                    let (rest, reason) = self.judge(bulk, piece, &items, fate);
                    if rest.is_empty() {
                        return Ok(());
                    }
                    // As long as some get through the server works; only a standstill uses up the attempts.
                    attempts = if rest.len() < sent { 0 } else { attempts };
                    piece = rest;
                    reason
                }
                Err(CallError::Refused { status: 413, .. }) if piece.len() > 1 => return Err(Stopped::TooLarge(piece)),
                Err(error) if error.may_pass() => error.to_string(),
                Err(error) => return Err(Stopped::Failed(exhausted(&error, attempts + 1))),
            };
            attempts += 1;
            let Some(wait) = self.retry.wait(attempts) else {
                return Err(Stopped::Failed(exhausted(&reason, attempts)));
            };
            warn!(operations = piece.len(), attempts, ?wait, reason, "could not write a bulk, it is sent again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn send(&self, lines: Bytes, operations: usize) -> Result<BulkAnswer, CallError> {
        let answer = self.client.success(Method::POST, PATH, Body::Lines(lines)).await?;
        let unreadable = |reason: String| CallError::Unreadable { node: answer.node.clone(), reason };
        match BulkAnswer::parse(&answer.body).map_err(|error| unreadable(error.to_string()))? {
            BulkAnswer::Items(items) if items.len() != operations => {
                Err(unreadable(format!("{} results for {operations} operations", items.len())))
            }
            answer => Ok(answer),
        }
    }

    /// Decides what becomes of each operation; returns those to be sent again, and why.
    fn judge(&self, bulk: &Bulk, piece: Vec<usize>, items: &[Item], fate: &mut Fate) -> (Vec<usize>, String) {
        let mut again = Vec::new();
        let mut held: HashSet<DocumentHash> = HashSet::new();
        let mut reason = String::new();
        for (at, item) in piece.into_iter().zip(items) {
            let operation = &bulk.operations[at];
            let mut later = verdict(item) == Verdict::Later;
            later |= verdict(item) == Verdict::Conflict && matches!(operation.order, Order::Arrival(_));
            // Where the last one wins, an operation that goes again takes those after it on the same document along:
            // alone it would overwrite them.
            later |= matches!(operation.order, Order::Arrival(document) if held.contains(&document));
            if later {
                held.extend(operation.order.document());
                if let (true, Some(cause)) = (reason.is_empty(), &item.error) {
                    reason = cause.to_string();
                }
                again.push(at);
                continue;
            }
            match self.end(item, operation.order, operation.ticket) {
                Ok(()) => fate.done.push(operation.ticket),
                Err(error) => {
                    fate.failure.get_or_insert(error);
                }
            }
        }
        if fate.failure.is_some() {
            // The task ends; what would be sent again comes again when it restarts.
            again.clear();
        }
        (again, reason)
    }

    /// Brings an operation to its end. An error is the end of the task.
    // Invariant 4: an operation that is not written is reported, or allowed to fail by the settings, or fails the task.
    fn end(&self, item: &Item, order: Order, ticket: Ticket) -> Result<(), Error> {
        let unnamed = Cause { reason: format!("HTTP {}", item.status), ..Cause::default() };
        let cause = item.error.as_ref().unwrap_or(&unnamed);
        match verdict(item) {
            Verdict::Done => Ok(()),
            // A newer one is there, or this very one: its answer was lost and it was sent again.
            Verdict::Conflict if matches!(order, Order::Versioned(_)) || self.data_streams => {
                debug!(%cause, "the document is there already");
                Ok(())
            }
            Verdict::Malformed => {
                self.report(ticket, cause)?;
                match self.malformed {
                    Malformed::Ignore => debug!(%cause, "ignored a malformed document"),
                    Malformed::Warn => warn!(%cause, "ignored a malformed document"),
                    Malformed::Fail => {
                        return Err(Error::fatal(format!(
                            "the server refused a document as malformed: {cause}; to go on without such documents, \
                             set 'behavior.on.malformed.documents' to ignore or warn"
                        )));
                    }
                }
                Ok(())
            }
            Verdict::Conflict | Verdict::Refused | Verdict::Later => {
                self.report(ticket, cause)?;
                Err(Error::fatal(format!(
                    "Indexing record failed. Please check DLQ topic for errors. The server said: {cause}"
                )))
            }
        }
    }

    /// Reports a record by where it came from: the worker has its bytes, and here only the document is left of it.
    fn report(&self, ticket: Ticket, cause: &Cause) -> Result<(), Error> {
        let (Some(errant), Some((origin, offset))) = (&self.errant, self.queue.place(ticket)) else { return Ok(()) };
        let record = Record {
            topic: origin.topic.clone(),
            partition: Some(origin.partition),
            key: SchemaAndValue::NULL,
            value: SchemaAndValue::NULL,
            timestamp: None,
            headers: Headers::default(),
        };
        let record = SinkRecord { record, origin, offset, timestamp_type: TimestampType::NoTimestampType };
        errant.report(&record, Error::fatal(format!("Indexing failed: {cause}")))
    }
}

/// What has become of the operations of a bulk so far.
struct Fate {
    done: Vec<Ticket>,
    failure: Option<Error>,
}

/// Why a piece did not come to its end.
enum Stopped {
    TooLarge(Vec<usize>),
    Failed(Error),
}

fn exhausted(reason: &(impl std::fmt::Display + ?Sized), attempts: u32) -> Error {
    Error::fatal(format!("Failed to execute bulk request due to '{reason}' after {attempts} attempt(s)"))
}

fn lines_of(bulk: &Bulk, body: &[u8], piece: &[usize]) -> Bytes {
    let mut lines = Vec::with_capacity(piece.iter().map(|at| bulk.lines(body, *at).len()).sum());
    for at in piece {
        lines.extend_from_slice(bulk.lines(body, *at));
    }
    lines.into()
}
