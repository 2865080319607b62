//! Lost connections in the log: told once in a while, not each time each client notices.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A worker has a dozen clients and each tries several times a second; one line in this time is enough to know.
const TELL_EVERY: Duration = Duration::from_secs(10);

static ENDED: AtomicBool = AtomicBool::new(false);

/// The worker has stopped: what its clients still lose until they are gone is no news, least of all the broker that
/// stops after it in the same process.
pub fn worker_has_ended() {
    ENDED.store(true, Ordering::Relaxed);
}

/// Whether the error is a connection that the client restores by itself.
pub(super) fn is_lost_connection(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve)
    )
}

/// Whether a lost connection should be told now. What merely sums up others (`AllBrokersDown`) names no broker, so never.
pub(super) fn tell_now(error: &KafkaError) -> bool {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) || ENDED.load(Ordering::Relaxed) {
        return false;
    }
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let due = last.is_none_or(|last| last.elapsed() >= TELL_EVERY);
    if due {
        *last = Some(Instant::now());
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_told_once_and_its_summary_never() {
        let lost = KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        let all = KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
        assert!(is_lost_connection(&lost) && is_lost_connection(&all));
        assert!(!is_lost_connection(&KafkaError::Global(RDKafkaErrorCode::Authentication)));
        assert_eq!([tell_now(&all), tell_now(&lost), tell_now(&lost)], [false, true, false]);
    }
}
