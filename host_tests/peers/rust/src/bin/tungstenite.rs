//! A peer around tungstenite: see ../../../README.md for its form.
//!
//!     tungstenite client URL ...
//!     tungstenite --leave-at-close client URL ...   does not read on behind the peer's Close

extern crate tungstenite;

#[path = "../blocking.rs"]
mod blocking;

fn main() {
    let (role, leaves_at_close) = signalbox_peers::arguments(Some("--leave-at-close"));
    blocking::run(role, leaves_at_close);
}
