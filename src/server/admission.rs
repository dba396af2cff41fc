use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts connections, in all and by address, against their limits.
#[derive(Clone, Debug)]
pub(super) struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connections: usize,
    connections_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TurnedAway {
    #[error("{0} connections are open, the limit (limits.connections)")]
    TooMany(usize),
    #[error("{0} connections are open from this address, the limit (limits.connections_per_address)")]
    TooManyFromAddress(usize),
}

impl Admission {
    pub(super) fn new(connections: usize, connections_per_address: usize) -> Self {
        Self(Arc::new(Shared { connections, connections_per_address, open: Mutex::default() }))
    }

    /// Lets a connection in until the pass is dropped.
    pub(super) fn admit(&self, address: IpAddr) -> Result<Pass, TurnedAway> {
        let mut open = self.0.open.lock();
        if open.all >= self.0.connections {
            return Err(TurnedAway::TooMany(open.all));
        }
        let from_address = open.by_address.entry(address).or_default();
        if *from_address >= self.0.connections_per_address {
            return Err(TurnedAway::TooManyFromAddress(*from_address));
        }
        *from_address += 1;
        open.all += 1;
        Ok(Pass { admission: self.clone(), address })
    }
}

/// An admitted connection.
#[derive(Debug)]
pub(super) struct Pass {
    admission: Admission,
    address: IpAddr,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.admission.0.open.lock();
        open.all -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_and_places_come_back() {
        let admission = Admission::new(3, 2);
        let [a, b]: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        let first = admission.admit(a).unwrap();
        let _second = admission.admit(a).unwrap();
        assert_eq!(admission.admit(a).unwrap_err(), TurnedAway::TooManyFromAddress(2));
        let _third = admission.admit(b).unwrap();
        assert_eq!(admission.admit(b).unwrap_err(), TurnedAway::TooMany(3));
        drop(first);
        admission.admit(b).unwrap();
    }
}
