//! The rules of producing, driven by an arbitrary list of operations.

mod ending;
mod ledger;
mod part;
mod world;

use crate::input::Input;
use world::World;

/// Settings, then operations: append, send, answers of all kinds, lost connections, moving leaders, passing time.
/// The last of all bytes chooses how it ends.
///
/// Every batch is settled exactly once. Memory is never more than the budget, and all of it comes back. A batch is in
/// flight once, on one broker; its numbers are nobody else's, follow those before without a gap, and never change
/// their records. In the end nothing is stuck: with answers that come, everything is delivered; without, it expires.
pub fn partition(data: &[u8]) {
    let Some((&ending, data)) = data.split_last() else {
        return;
    };
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    while !input.is_empty() {
        step(&mut world, &mut input);
        world.check();
    }
    match ending % 3 {
        0 => ending::deliver(&mut world),
        1 => ending::expire(&mut world),
        _ => ending::abort(&mut world),
    }
}

fn step(world: &mut World, input: &mut Input<'_>) {
    match input.byte() {
        0 | 1 => {
            let part = world.pick_part(input);
            let (choice, size) = (input.byte(), input.byte());
            world.append(part, choice, size);
        }
        2 => {
            let node = world.pick_node(input);
            world.send(node);
        }
        3 => {
            let node = world.pick_node(input);
            world.answer(node, input);
        }
        4 => {
            let node = world.pick_node(input);
            let sent = input.byte();
            world.lose(node, sent);
        }
        5 => {
            let part = world.pick_part(input);
            let leader = input.byte();
            world.move_leader(part, leader);
        }
        6 => {
            let millis = 1_u64 << input.below(16);
            world.wait(millis);
        }
        7 => world.expire(),
        8 => {
            let node = world.pick_node(input);
            world.press(node);
        }
        9 => {
            let node = world.pick_node(input);
            world.trouble(node);
        }
        10 => {
            let epoch = input.bit();
            world.grant_identity(epoch);
        }
        11 => {
            let part = world.pick_part(input);
            world.flush(part);
        }
        12 => {
            let node = world.pick_node(input);
            world.refuse_to_write(node);
        }
        13 => {
            let node = world.pick_node(input);
            world.misread_answer(node);
        }
        14 => {
            let size = input.u16();
            world.queue_for_memory(size);
        }
        15 => world.leave_the_line(),
        _ => {}
    }
}
