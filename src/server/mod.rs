//! Listener, connections, shutdown.
