//! Which errors are the server's state and not the query's fault.

use diesel::result::{DatabaseErrorKind, Error as QueryError};

/// What a message of Postgres says when the cause is its state and not the
/// query: diesel passes no SQLSTATE on, so there is only the text.
const OUTAGES: [&str; 9] = [
    // 08xxx, 57P01, 57P02: shut down, crashed, failed over or cut off.
    "connection",
    "terminating",
    // 57014, 55P03, 40P01: waited too long for a disk or for others.
    "statement timeout",
    "lock timeout",
    "deadlock detected",
    // 53100 and 53200: the disk or the memory is full.
    "No space left on device",
    "could not extend file",
    "out of memory",
    "out of shared memory",
];

/// Whether the database could not, though the query is right. Trying again
/// later may work; what was being committed when the connection broke may be done.
pub(crate) fn is_outage(error: &QueryError) -> bool {
    match error {
        QueryError::BrokenTransactionManager
        | QueryError::DatabaseError(
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::SerializationFailure
            // A failover has made this server a standby.
            | DatabaseErrorKind::ReadOnlyTransaction,
            _,
        ) => true,
        QueryError::DatabaseError(kind, info) => {
            let text = info.message();
            match kind {
                // From the driver: the connection broke under the query.
                DatabaseErrorKind::UnableToSendCommand => {
                    text.contains("connection") || text.contains("communicating")
                }
                DatabaseErrorKind::Unknown => OUTAGES.iter().any(|cause| text.contains(cause)),
                _ => false,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_the_server_is_told_from_the_query() {
        let outage = |kind, text: &str| {
            let error = QueryError::DatabaseError(kind, Box::new(text.to_owned()));
            is_outage(&error)
        };
        for text in [
            "canceling statement due to statement timeout",
            "canceling statement due to lock timeout",
            "terminating connection due to administrator command",
            "terminating connection because of crash of another server process",
            "could not extend file \"base/16384/16397\": wrote only 4096 of 8192 bytes at block 7",
            "could not write to file \"base/pgsql_tmp/pgsql_tmp1.0\": No space left on device",
            "out of memory",
            "deadlock detected",
        ] {
            assert!(outage(DatabaseErrorKind::Unknown, text), "{text}");
        }
        let text = "cannot execute INSERT in a read-only transaction";
        assert!(outage(DatabaseErrorKind::ReadOnlyTransaction, text));
        for text in ["connection closed", "error communicating with the server"] {
            assert!(outage(DatabaseErrorKind::UnableToSendCommand, text));
        }
        let text = "error serializing parameter 0";
        assert!(!outage(DatabaseErrorKind::UnableToSendCommand, text));
        let text = "duplicate key value violates unique constraint \"connection\"";
        assert!(!outage(DatabaseErrorKind::UniqueViolation, text));
        let text = "permission denied for table jobs";
        assert!(!outage(DatabaseErrorKind::Unknown, text));
    }
}
