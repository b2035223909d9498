//! How many connections there are, in all and of one peer.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Connections beyond the limits that are answered all the same, so that a probe gets through.
pub(super) const PROBES: usize = 32;
/// Those of one peer among them.
const PROBES_PER_PEER: usize = 8;

/// Bounds for the connections of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// In all.
    pub(crate) total: usize,
    /// Of one peer, an IPv4 address or an IPv6 network of 64 bits.
    pub(crate) per_peer: usize,
}

/// The open connections of one port.
#[derive(Debug)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    full: usize,
    probes: usize,
    /// By peer: connections within the limits, and beyond them.
    peers: HashMap<IpAddr, (usize, usize)>,
}

/// A place for a connection, given up when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    peer: IpAddr,
    /// Whether it is beyond the limits and may only probe.
    pub(super) probes_only: bool,
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            open: Mutex::default(),
        })
    }

    /// A place for a connection of this peer; `None` when it is one too many even for a probe.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let peer = peer(address);
        let mut open = self.open();
        let (full, probes) = open.peers.get(&peer).copied().unwrap_or_default();
        let within = open.full < self.limits.total && full < self.limits.per_peer;
        if !within && (open.probes >= PROBES || probes >= PROBES_PER_PEER) {
            return None;
        }
        if within {
            open.full += 1;
            open.peers.insert(peer, (full + 1, probes));
        } else {
            open.probes += 1;
            open.peers.insert(peer, (full, probes + 1));
        }
        drop(open);
        Some(Place {
            connections: Arc::clone(self),
            peer,
            probes_only: !within,
        })
    }

    /// Held for map operations only.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        if self.probes_only {
            open.probes -= 1;
        } else {
            open.full -= 1;
        }
        if let Entry::Occupied(mut entry) = open.peers.entry(self.peer) {
            let (full, probes) = entry.get_mut();
            if self.probes_only {
                *probes -= 1;
            } else {
                *full -= 1;
            }
            if *entry.get() == (0, 0) {
                entry.remove();
            }
        }
    }
}

/// One customer of a network usually has 64 bits of IPv6 addresses.
fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_leaves_places_for_others_and_all_leave_some_for_probes() {
        let limits = ConnectionLimits {
            total: 6,
            per_peer: 4,
        };
        let connections = Connections::new(limits);
        let greedy: IpAddr = [10, 0, 0, 1].into();
        let other: IpAddr = [10, 0, 0, 2].into();
        let mut places: Vec<Place> = (0..100).filter_map(|_| connections.admit(greedy)).collect();
        assert_eq!(places.len(), 4 + PROBES_PER_PEER);
        assert_eq!(places.iter().filter(|place| place.probes_only).count(), 8);
        let others: Vec<Place> = (0..3).filter_map(|_| connections.admit(other)).collect();
        let probing: Vec<bool> = others.iter().map(|place| place.probes_only).collect();
        assert_eq!(probing, [false, false, true]);

        places.clear();
        drop(others);
        assert!(connections.open().peers.is_empty());
        assert!(
            !connections
                .admit(greedy)
                .is_some_and(|place| place.probes_only)
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let peers = [
            "2001:db8::1",
            "2001:db8::ffff:2",
            "2001:db8:0:1::1",
            "::ffff:10.0.0.1",
        ]
        .map(|address| peer(address.parse().unwrap_or(IpAddr::V4([0, 0, 0, 0].into()))));
        assert_eq!(peers[0], peers[1]);
        assert_ne!(peers[0], peers[2]);
        assert_eq!(peers[3], IpAddr::from([10, 0, 0, 1]));
    }
}
