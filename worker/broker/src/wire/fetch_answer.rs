//! The answer to a fetch. The codec would want the records as bytes of the heap; here the system moves them from the
//! file to the socket, which spares two copies and their memory.

use bytes::{BufMut, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, TopicName, fetch_response::PartitionData},
    protocol::Encodable,
};

use super::{Frame, Request, WireError, begin_frame, end_frame};
use crate::log::Batches;

/// The first version with compact lengths and tagged fields.
const FLEXIBLE: i16 = 12;
/// The first version that tells of sessions, which are never opened, and of an error of the request as a whole.
const SESSIONS: i16 = 7;

/// One topic's partitions, each with what it has. The field for records in [`PartitionData`] is not used.
pub(crate) struct FetchedTopic {
    pub(crate) name: TopicName,
    pub(crate) partitions: Vec<(PartitionData, Batches)>,
}

impl Request {
    /// Writes the answer to this fetch.
    pub(crate) fn answer_fetch(&self, topics: &[FetchedTopic]) -> Result<Frame, WireError> {
        let partitions: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        let mut answer = Answer {
            version: self.version,
            out: begin_frame(ApiKey::Fetch, self.version, self.correlation_id, 64 * (1 + partitions))?,
            batches: Vec::new(),
        };
        let written = answer.write(topics).map_err(|error| WireError::Unencodable {
            api: ApiKey::Fetch,
            version: self.version,
            reason: error.to_string(),
        });
        written?;
        let Answer { mut out, batches, .. } = answer;
        let records = batches.iter().map(|(_, batches)| batches.len()).sum();
        end_frame(ApiKey::Fetch, self.version, &mut out, records)?;
        Ok(Frame::new(out, batches))
    }
}

struct Answer {
    version: i16,
    out: BytesMut,
    batches: Vec<(usize, Batches)>,
}

type Written = Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl Answer {
    fn write(&mut self, topics: &[FetchedTopic]) -> Written {
        // No time of throttling, no error, no session.
        self.out.put_i32(0);
        if self.version >= SESSIONS {
            self.out.put_i16(0);
            self.out.put_i32(0);
        }
        self.count(topics.len())?;
        for topic in topics {
            if self.version >= FLEXIBLE {
                self.varint(topic.name.len() + 1)?;
            } else {
                self.out.put_i16(i16::try_from(topic.name.len())?);
            }
            self.out.put_slice(topic.name.as_bytes());
            self.count(topic.partitions.len())?;
            for (data, batches) in &topic.partitions {
                self.partition(data, batches)?;
            }
            self.no_tags();
        }
        self.no_tags();
        Ok(())
    }

    /// The codec writes the partition with records of no bytes. They are its last field but for the tags, so what it
    /// wrote of them is taken back and the true length is written, with the batches to follow.
    fn partition(&mut self, data: &PartitionData, batches: &Batches) -> Written {
        data.encode(&mut self.out, self.version)?;
        if batches.is_empty() {
            return Ok(());
        }
        let flexible = self.version >= FLEXIBLE;
        let empty = if flexible { 2 } else { 4 };
        self.out.truncate(self.out.len() - empty);
        if flexible {
            self.varint(batches.len() + 1)?;
        } else {
            self.out.put_i32(i32::try_from(batches.len())?);
        }
        self.batches.push((self.out.len(), batches.clone()));
        self.no_tags();
        Ok(())
    }

    fn count(&mut self, elements: usize) -> Written {
        if self.version >= FLEXIBLE {
            self.varint(elements + 1)?;
        } else {
            self.out.put_i32(i32::try_from(elements)?);
        }
        Ok(())
    }

    fn varint(&mut self, value: usize) -> Written {
        let mut left = u32::try_from(value)?;
        while left > 0x7f {
            self.out.put_u8(0x80 | (left & 0x7f) as u8);
            left >>= 7;
        }
        self.out.put_u8(left as u8);
        Ok(())
    }

    fn no_tags(&mut self) {
        if self.version >= FLEXIBLE {
            self.out.put_u8(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write, sync::Arc};

    use bytes::Bytes;
    use kafka_protocol::{
        messages::{
            FetchResponse, ProducerId,
            fetch_response::{AbortedTransaction, FetchableTopicResponse},
        },
        protocol::StrBytes,
    };

    use super::*;
    use crate::wire::encode_frame;

    /// The same bytes as the codec writes for records on the heap, at every version.
    #[test]
    fn an_answer_is_what_the_codec_writes() {
        let path = std::env::temp_dir().join(format!("fetch-answer-{}", std::process::id()));
        File::create(&path).unwrap().write_all(&[7; 1_000]).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let api = crate::wire::Api::of(ApiKey::Fetch).unwrap();
        for version in api.oldest..=api.newest {
            let aborted = AbortedTransaction::default().with_producer_id(ProducerId(5)).with_first_offset(9);
            let of = |partition: i32, len: usize| {
                let data = PartitionData::default().with_partition_index(partition).with_high_watermark(77);
                let data = data.with_aborted_transactions((partition > 0).then(|| vec![aborted.clone()]));
                let data = data.with_records(Some(Bytes::new()));
                (data, Batches::new(file.clone(), 100, len))
            };
            let topics = [("one", vec![of(0, 900), of(1, 0), of(2, 17)]), ("two", vec![of(3, 0)]), ("none", vec![])];
            let name = |name: &'static str| TopicName(StrBytes::from_static_str(name));
            let ours: Vec<FetchedTopic> =
                topics.iter().map(|(text, all)| FetchedTopic { name: name(text), partitions: all.clone() }).collect();
            let request =
                Request { api: ApiKey::Fetch, version, correlation_id: 3, client_id: None, body: Bytes::new() };
            let answer = request.answer_fetch(&ours).unwrap();

            let loaded =
                |(data, batches): &(PartitionData, Batches)| data.clone().with_records(Some(batches.load().unwrap()));
            let theirs = topics.iter().map(|(text, all)| {
                let partitions = all.iter().map(loaded).collect();
                FetchableTopicResponse::default().with_topic(name(text)).with_partitions(partitions)
            });
            let theirs = FetchResponse::default().with_responses(theirs.collect());
            let expected = encode_frame(ApiKey::Fetch, version, 3, &theirs).unwrap();
            assert_eq!(answer.load().unwrap(), expected, "version {version}");
            assert_eq!(answer.len(), expected.len(), "version {version}");
        }
    }
}
