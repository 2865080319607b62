//! Keeps this worker's place in the group: carries out joins and syncs, and sends heartbeats between them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use connect_api::Error;
use tokio::sync::mpsc;

use super::{
    protocol::{COMPATIBLE, SESSIONED},
    state::Event,
};
use crate::{
    kafka::group::{Group, GroupError, Joined},
    metrics::worker::GroupFigures,
};

/// What the herder asks of the group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupCommand {
    Join(Vec<(&'static str, Vec<u8>)>),
    Sync(Vec<(String, Vec<u8>)>),
    Leave,
}

/// How often heartbeats are sent, and how long without one the coordinator keeps a member.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    pub every: Duration,
    pub session: Duration,
}

const RETRY: Duration = Duration::from_millis(500);

/// Runs until the herder has gone away.
pub async fn run(
    group: Box<dyn Group>,
    mut commands: mpsc::UnboundedReceiver<GroupCommand>,
    events: mpsc::UnboundedSender<Event>,
    beat: Beat,
    figures: Arc<GroupFigures>,
) {
    let heard = Instant::now();
    let mut member = Member { group, events, beat, joined: None, heard, complained: false, figures, rebalancing: None };
    let mut heartbeat = tokio::time::interval(beat.every);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(GroupCommand::Join(protocols)) => member.join(&protocols).await,
                Some(GroupCommand::Sync(assignments)) => member.sync(&assignments).await,
                Some(GroupCommand::Leave) => {
                    member.joined = None;
                    member.group.leave().await;
                }
                None => return,
            },
            _ = heartbeat.tick(), if member.joined.is_some() => member.heartbeat().await,
        }
    }
}

struct Member {
    group: Box<dyn Group>,
    events: mpsc::UnboundedSender<Event>,
    beat: Beat,
    joined: Option<Joined>,
    /// When the coordinator last answered.
    heard: Instant,
    complained: bool,
    figures: Arc<GroupFigures>,
    /// When the join began that no assignment has followed yet.
    rebalancing: Option<Instant>,
}

impl Member {
    /// Tries until the group has taken this worker in, or forgotten it.
    async fn join(&mut self, protocols: &[(&'static str, Vec<u8>)]) {
        if self.rebalancing.replace(Instant::now()).is_some() {
            self.figures.failed_rebalances.add(1);
        }
        loop {
            let began = Instant::now();
            match self.group.join(protocols).await {
                Ok(joined) => {
                    self.figures.joins.done(began.elapsed());
                    self.hear();
                    let protocol = match joined.protocol.as_str() {
                        SESSIONED => 2,
                        COMPATIBLE => 1,
                        _ => 0,
                    };
                    tracing::info!(generation = joined.generation, member = joined.member_id, "joined the group");
                    let event = Event::Joined {
                        generation: joined.generation,
                        member_id: joined.member_id.clone(),
                        protocol,
                        leads: joined.leader == joined.member_id,
                        members: joined.members.clone(),
                    };
                    self.joined = Some(joined);
                    return self.tell(event);
                }
                Err(GroupError::Rebalance) => self.hear(),
                Err(GroupError::Expelled) => {
                    self.hear();
                    return self.lose("the group has forgotten this worker");
                }
                Err(GroupError::Unavailable(error)) => {
                    if self.complain(&error) {
                        return;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn sync(&mut self, assignments: &[(String, Vec<u8>)]) {
        let Some(joined) = self.joined.clone() else { return self.tell(Event::RebalanceNeeded) };
        let began = Instant::now();
        match self.group.sync(&joined, assignments).await {
            Ok(assignment) => {
                self.figures.syncs.done(began.elapsed());
                if let Some(began) = self.rebalancing.take() {
                    self.figures.rebalanced(began.elapsed());
                }
                self.hear();
                self.tell(Event::Synced { generation: joined.generation, assignment });
            }
            Err(GroupError::Rebalance) => {
                self.hear();
                self.tell(Event::RebalanceNeeded);
            }
            Err(GroupError::Expelled) => self.lose("the group has forgotten this worker"),
            Err(GroupError::Unavailable(error)) => {
                if !self.complain(&error) {
                    self.tell(Event::RebalanceNeeded);
                }
            }
        }
    }

    async fn heartbeat(&mut self) {
        let began = Instant::now();
        match self.group.heartbeat().await {
            Ok(()) => {
                self.figures.heartbeats.done(began.elapsed());
                self.hear();
            }
            Err(GroupError::Rebalance) => {
                self.hear();
                self.tell(Event::RebalanceNeeded);
            }
            Err(GroupError::Expelled) => self.lose("the group has forgotten this worker"),
            Err(GroupError::Unavailable(error)) => drop(self.complain(&error)),
        }
    }

    fn hear(&mut self) {
        if std::mem::take(&mut self.complained) {
            tracing::info!("the group coordinator answers again");
        }
        self.heard = Instant::now();
    }

    /// Says once that the coordinator is away; gives work up before the coordinator gives it to others.
    fn complain(&mut self, error: &Error) -> bool {
        // A coordinator that is just being elected is no reason to complain.
        let soon = self.heard.elapsed() < RETRY * 2;
        if !soon && !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(%error, "the group coordinator does not answer, trying again");
        }
        let late = self.heard.elapsed() > self.beat.session.mul_f64(0.8);
        if late && self.joined.is_some() {
            self.lose("the group coordinator was out of reach for too long");
            return true;
        }
        false
    }

    fn lose(&mut self, why: &str) {
        tracing::warn!("{why}; all work is stopped, for others may be given it");
        self.joined = None;
        self.tell(Event::GroupLost);
    }

    fn tell(&self, event: Event) {
        // The herder goes away only at the end of the worker.
        drop(self.events.send(event));
    }
}
