//! Locks of a snapshot: nobody writes while view and position are taken.

use connect_cdc::table::TableId;

use crate::config::{LockingMode, Settings};
use crate::connection::{Session, quoted};
use crate::error::MysqlError;

/// The lock that is held, and what it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// None, or one that is released already.
    Free,
    /// The whole server, until the structure is read.
    Server,
    /// The whole server, until the rows are read.
    ServerToTheEnd,
    /// The captured tables, until their rows are read: there is no view then that would outlive the lock.
    Tables,
}

impl Lock {
    pub(super) async fn take(
        session: &mut Session,
        settings: &Settings,
        captured: &[TableId],
    ) -> Result<Self, MysqlError> {
        let mode = settings.shared.values.locking_mode;
        let seconds = settings.shared.values.lock_timeout.as_secs().max(1);
        session
            .run(&format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}"))
            .await?;
        session.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let statement = match mode {
            LockingMode::None | LockingMode::Custom => {
                session.run(VIEW).await?;
                return Ok(Lock::Free);
            }
            LockingMode::MinimalPercona | LockingMode::MinimalPerconaNoTableLocks => "LOCK TABLES FOR BACKUP",
            LockingMode::Extended | LockingMode::Minimal | LockingMode::MinimalAtLeastOnce => {
                "FLUSH TABLES WITH READ LOCK"
            }
        };
        match session.run(statement).await {
            Ok(()) => {
                session.run(VIEW).await?;
                Ok(if mode == LockingMode::Extended { Lock::ServerToTheEnd } else { Lock::Server })
            }
            Err(error) if error.is_connection() => Err(error),
            Err(error) => {
                tracing::info!(%error, "the server can't be locked as a whole; its captured tables will be");
                lock_tables(session, captured).await
            }
        }
    }

    /// Whether nobody can make, change or drop a table for now.
    pub(super) fn holds_server(self) -> bool {
        matches!(self, Lock::Server | Lock::ServerToTheEnd)
    }

    /// Lets writers go on once position and structure are known, where the view suffices for the rows.
    pub(super) async fn release_after_structure(&mut self, session: &mut Session) -> Result<(), MysqlError> {
        if *self == Lock::Server {
            session.run("UNLOCK TABLES").await?;
            *self = Lock::Free;
        }
        Ok(())
    }

    pub(super) async fn release(self, session: &mut Session) -> Result<(), MysqlError> {
        if self != Lock::Free {
            session.run("UNLOCK TABLES").await?;
        }
        session.run("ROLLBACK").await
    }
}

const VIEW: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

/// Services that give nobody the right to lock the server let users lock tables.
async fn lock_tables(session: &mut Session, captured: &[TableId]) -> Result<Lock, MysqlError> {
    if captured.is_empty() {
        return Ok(Lock::Free);
    }
    let tables = captured.iter().map(|id| format!("{}.{} READ", quoted(&id.catalog), quoted(&id.table)));
    let statement = format!("LOCK TABLES {}", tables.collect::<Vec<_>>().join(", "));
    match session.run(&statement).await {
        Ok(()) => Ok(Lock::Tables),
        Err(error) if error.is_connection() => Err(error),
        Err(error) => Err(MysqlError::Setup(format!(
            "User does not have the 'LOCK TABLES' privilege required to obtain a consistent snapshot by preventing \
             concurrent writes to tables. ({error})"
        ))),
    }
}
