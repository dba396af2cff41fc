use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What the gateway has open besides Kafka connections: QuestDB, the admin port, the spool's files.
const OTHER_FILES: u64 = 256;

/// Takes as many open files as the system grants: the usual soft limit of 1024 is meant for programs that use
/// select(2), and each connection is one. Says so where even that is too little for the connections that are allowed.
pub(super) fn raise_limit(connections: usize) {
    let granted = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    match granted {
        Ok(granted) if granted < connections as u64 + OTHER_FILES => tracing::warn!(
            "this process may have {granted} files open, which is too little for {connections} connections \
             (limits.connections): raise the hard limit (ulimit -Hn, LimitNOFILE=) or lower limits.connections"
        ),
        Ok(_) => {}
        Err(error) => {
            tracing::warn!("cannot raise the number of files that this process may have open: {error}")
        }
    }
}
