//! A peer around tungstenite 0.21: see ../../../README.md for its form.

extern crate tungstenite_0_21 as tungstenite;

#[path = "../blocking.rs"]
mod blocking;

fn main() {
    let (role, _) = signalbox_peers::arguments(None);
    blocking::run(role, false);
}
