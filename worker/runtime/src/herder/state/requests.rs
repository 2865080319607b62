//! What the herder does about requests: who may answer, and what is written for them.

use super::{Action, AfterWrite, Herder, WAITING_MAX, task_records};
use crate::{
    herder::request::{Refusal, Reply, ReplyId, Request, unknown, unknown_connector},
    storage::{
        config_state::{TargetState, TaskId},
        configs::{self, Write},
    },
};

impl Herder {
    pub(super) fn request(&mut self, id: ReplyId, request: Request, actions: &mut Vec<Action>) {
        if !self.is_ready() {
            // Clients need not retry because of a rebalance: their request waits for its end.
            if self.waiting.len() < WAITING_MAX && !self.shutting_down {
                self.waiting.push_back((id, request));
            } else {
                actions.push(Action::gave_up(id));
            }
            return;
        }
        if let Err(refusal) = self.carry_out(id, request, actions) {
            actions.push(Action::Reply { id, answer: Err(refusal) });
        }
    }

    fn carry_out(&mut self, id: ReplyId, request: Request, actions: &mut Vec<Action>) -> Result<(), Refusal> {
        let (records, reply) = match request {
            Request::SetTarget { name, target } if target != TargetState::Stopped => {
                self.known(&name).map_err(|_| unknown_connector(&name))?;
                (vec![configs::target_state(&name, target)], Reply::Done)
            }
            Request::Logger { namespace, level } => (vec![configs::logger(&namespace, &level)], Reply::Done),
            Request::RestartConnector { name } => {
                self.known(&name).map_err(|_| self.nothing_to_restart(&name))?;
                if self.local.restart_connector(&name, (false, Some(id)), actions) {
                    return Ok(());
                }
                self.must_lead()?;
                (vec![configs::restart(&name, false, false)], Reply::Done)
            }
            Request::RestartTask { id: task } => {
                let connector = &task.connector;
                self.known(connector).map_err(|_| self.no_task_to_restart(&task))?;
                self.config.task(&task).ok_or_else(|| self.unknown_task(&task))?;
                if self.local.restart_task(&task, false) {
                    actions.extend([Action::ShowRestarting(task), Action::done(id)]);
                    return Ok(());
                }
                return Err(self.must_lead().err().unwrap_or_else(|| not_here(&task)));
            }
            Request::OffsetsModifiable { name } => {
                self.must_lead()?;
                self.offsets_modifiable(&name)?;
                actions.push(Action::done(id));
                return Ok(());
            }
            request => {
                self.must_lead()?;
                self.leader_writes(request)?
            }
        };
        self.write(records, AfterWrite::Answer(id, reply), actions);
        Ok(())
    }

    /// What only the leader writes, for all workers in one order.
    fn leader_writes(&self, request: Request) -> Result<(Vec<Write>, Reply), Refusal> {
        let (records, reply) = match request {
            Request::Create { name, .. } if self.config.contains(&name) => {
                return Err(Refusal::Exists(format!("Connector {name} already exists")));
            }
            Request::Create { name, props, initial } => {
                let target = initial.map(|target| configs::target_state(&name, target));
                (target.into_iter().chain([configs::connector(&name, &props)]).collect(), Reply::Created)
            }
            Request::Put { name, props } => {
                let reply = if self.config.contains(&name) { Reply::Done } else { Reply::Created };
                (vec![configs::connector(&name, &props)], reply)
            }
            Request::Delete { name } => {
                self.known(&name)?;
                (configs::removal(&name).into(), Reply::Done)
            }
            Request::SetTarget { name, target } => {
                self.known(&name).map_err(|_| self.nothing_to_stop(&name))?;
                (vec![configs::commit(&name, 0), configs::target_state(&name, target)], Reply::Done)
            }
            Request::TaskConfigs { name, tasks } => {
                self.known(&name)?;
                (task_records(&name, &tasks), Reply::Done)
            }
            Request::Restart { name, include_tasks, only_failed } => {
                self.known(&name).map_err(|_| Refusal::NotFound(format!("Unknown connector: {name}")))?;
                (vec![configs::restart(&name, include_tasks, only_failed)], Reply::Done)
            }
            Request::Logger { .. }
            | Request::RestartConnector { .. }
            | Request::RestartTask { .. }
            | Request::OffsetsModifiable { .. } => (Vec::new(), Reply::Done),
        };
        Ok((records, reply))
    }

    fn known(&self, name: &str) -> Result<(), Refusal> {
        self.config.contains(name).then_some(()).ok_or_else(|| unknown(name))
    }

    // The two modes of the JVM refuse the same in different words, and some of it with another status.

    fn nothing_to_stop(&self, name: &str) -> Refusal {
        if self.membership.is_alone() {
            return Refusal::Failed(format!("No connector `{name}` configured"));
        }
        unknown_connector(name)
    }

    fn nothing_to_restart(&self, name: &str) -> Refusal {
        let message = format!("Unknown connector: {name}");
        if self.membership.is_alone() { Refusal::Failed(message) } else { Refusal::NotFound(message) }
    }

    fn no_task_to_restart(&self, task: &TaskId) -> Refusal {
        if self.membership.is_alone() {
            let what = "is not a recognizable type (source or sink)";
            return Refusal::Failed(format!("Failed to start task {task} since it {what}"));
        }
        Refusal::NotFound(format!("Unknown connector: {}", task.connector))
    }

    fn unknown_task(&self, task: &TaskId) -> Refusal {
        Refusal::NotFound(match self.membership.is_alone() {
            true => format!("Task {task} not found"),
            false => format!("Unknown task: {task}"),
        })
    }

    fn must_lead(&self) -> Result<(), Refusal> {
        if self.leads() { Ok(()) } else { Err(Refusal::NotLeader(self.membership.leader_url.clone())) }
    }

    fn offsets_modifiable(&self, name: &str) -> Result<(), Refusal> {
        self.known(name)?;
        if self.config.target(name) == TargetState::Stopped && self.config.tasks(name).is_empty() {
            return Ok(());
        }
        Err(Refusal::Invalid(format!(
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the \
             specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
        )))
    }
}

fn not_here(task: &TaskId) -> Refusal {
    Refusal::Conflict(format!("task {task} runs on another worker, ask that one to restart it"))
}
