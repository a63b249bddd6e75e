//! How it ends: every way out leaves nothing behind.

use milena_engine::cluster::NodeId;
use milena_engine::time::Instant;
use milena_engine::{
    cluster::Leader,
    produce::{Effects, Ended, Partition, Reason},
};

use super::world::World;
use crate::input::Input;

/// From here on all is well: there are leaders, there is a producer id, and brokers store what they are sent. Then
/// everything is delivered without anybody looking at what nobody was told to look at.
pub(super) fn deliver(world: &mut World) {
    for part in world.parts.clone() {
        if part.with(|queue| queue.leader()).is_none() {
            let (node, epoch) = (NodeId(0), i32::MAX);
            world.lead(part, Some(Leader { node, epoch }));
        }
    }
    loop {
        world.grant_identity(false);
        let mut moved = false;
        for node in 0..world.lanes.len() {
            // An input at its end answers 0: no error.
            while world.answer(node, &mut Input::new(&[])) || world.send(node) {
                moved = true;
                world.check();
            }
        }
        let timers = world
            .lanes
            .iter()
            .filter_map(|lane| lane.sender.poll_timeout());
        match timers.min() {
            Some(at) => world.now = world.now.max(at),
            None if moved || world.identity.wanted() && world.settings.idempotent => {}
            None => break,
        }
    }
    for part in &world.parts {
        assert!(part.with(|queue| queue.is_empty()), "{part:?} is stuck");
    }
    world.check_nothing_left();
}

/// Every connection is lost for good: what is left runs out of time.
pub(super) fn expire(world: &mut World) {
    for node in 0..world.lanes.len() {
        world.lose(node, u8::MAX);
    }
    world.now = Instant::FAR_FUTURE;
    world.expire();
    for part in &world.parts {
        assert!(
            part.with(|queue| queue.is_empty()),
            "{part:?} is not watched"
        );
    }
    world.check_nothing_left();
}

/// The producer goes away at once.
pub(super) fn abort(world: &mut World) {
    for part in world.parts.clone() {
        let mut ended = Ended::default();
        let reason = Reason::Closed;
        part.with(|queue| queue.end_all(&reason, world.now, &world.settings, &mut ended));
        world.absorb_ended(part.number(), ended);
    }
    for node in 0..world.lanes.len() {
        let mut effects = Effects::new();
        world.lanes[node].sender.abandon(&mut effects);
        world.lanes[node].wire.clear();
        world.absorb(effects);
    }
    world.check_nothing_left();
}
