//! What the peers in Rust have in common: the arguments, commands and events of ../README.md, and
//! certificates for rustls. It knows no WebSocket library.

use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{json, Value};

pub mod tls;

/// What the command `fragment` sends.
pub const UNFINISHED: &[u8] = b"unfinished";

/// How the program was called.
pub enum Role {
    Client { url: String, ca: Option<String> },
    Server { address: String, cert_and_key: Option<(String, String)> },
}

/// The arguments, and whether the flag of the program's variant comes before them.
pub fn arguments(variant: Option<&str>) -> (Role, bool) {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let set = variant.is_some() && words.first().map(String::as_str) == variant;
    if set {
        words.remove(0);
    }
    let mut words = words.into_iter();
    let (role, place) = match (words.next(), words.next()) {
        (Some(role), Some(place)) => (role, place),
        _ => fail(
            "usage: client URL [--ca FILE] | server PORT [--cert FILE --key FILE] [--host ADDRESS]",
        ),
    };
    let (mut ca, mut cert, mut key, mut host) = (None, None, None, "127.0.0.1".to_string());
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag.as_str() {
            "--ca" => ca = Some(value),
            "--cert" => cert = Some(value),
            "--key" => key = Some(value),
            "--host" => host = value,
            _ => fail(&format!("unknown flag {flag}")),
        }
    }
    let role = match role.as_str() {
        "client" => Role::Client { url: place, ca },
        "server" => {
            Role::Server { address: format!("{host}:{place}"), cert_and_key: cert.zip(key) }
        }
        _ => fail("neither client nor server"),
    };
    (role, set)
}

/// Ends the process: it was not used as its form says.
pub fn fail(text: &str) -> ! {
    eprintln!("{text}");
    std::process::exit(2)
}

/// Whether the URL says TLS, the host, and the address to connect to.
pub fn parse_url(url: &str) -> (bool, String, String) {
    let Some((scheme, rest)) = url.split_once("://") else { fail("URL: no scheme") };
    let is_secure = scheme == "wss";
    let authority = rest.split('/').next().unwrap_or(rest);
    let (host, port) =
        authority.rsplit_once(':').unwrap_or((authority, if is_secure { "443" } else { "80" }));
    (is_secure, host.to_string(), format!("{host}:{port}"))
}

pub enum Command {
    Send { count: usize, size: usize },
    Fragment,
    Close(Option<(u16, String)>),
    Drop,
    Quit,
}

static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Hands every command to `take`, from a thread of its own, and `quit` last. Before the connection
/// is open, that ends the process at once.
pub fn read_commands(mut take: impl FnMut(Command) + Send + 'static) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match parse_command(&line) {
                Some(Command::Quit) => break,
                Some(command) => take(command),
                None => eprintln!("unknown command: {line}"),
            }
        }
        if !IS_OPEN.load(Ordering::SeqCst) {
            std::process::exit(0);
        }
        take(Command::Quit);
    });
}

fn parse_command(line: &str) -> Option<Command> {
    let mut words = line.splitn(3, ' ');
    Some(match (words.next()?, words.next(), words.next()) {
        ("send", Some(count), Some(size)) => {
            Command::Send { count: count.parse().ok()?, size: size.parse().ok()? }
        }
        ("fragment", None, None) => Command::Fragment,
        ("close", None, None) => Command::Close(None),
        ("close", Some(code), reason) => {
            Command::Close(Some((code.parse().ok()?, reason.unwrap_or("").to_string())))
        }
        ("drop", None, None) => Command::Drop,
        ("quit", None, None) => Command::Quit,
        _ => return None,
    })
}

/// The events, and what they count.
#[derive(Default)]
pub struct Events {
    received: u64,
    highest: u64,
    sent: u64,
    is_closed: bool,
}

/// How the library says that a connection has ended; None where it says nothing.
#[derive(Default)]
pub struct Ended {
    pub close: Option<(u16, String)>,
    pub clean: Option<bool>,
    pub error: Option<String>,
}

impl Events {
    pub fn listening(&self, port: u16) {
        tell(json!({"event": "listening", "port": port}));
    }

    pub fn open(&self) {
        IS_OPEN.store(true, Ordering::SeqCst);
        tell(json!({"event": "open"}));
    }

    pub fn received(&mut self, text: &str) {
        self.received += 1;
        let number = text.split(' ').next().and_then(|word| word.parse().ok());
        self.highest = self.highest.max(number.unwrap_or(0));
        tell(json!({"event": "received", "count": self.received}));
    }

    /// The message to be sent next.
    pub fn next_text(&self, size: usize) -> String {
        let head = format!("{} ", self.sent + 1);
        head.clone() + &"x".repeat(size.saturating_sub(head.len()))
    }

    pub fn sent(&mut self) {
        self.sent += 1;
    }

    pub fn closed(&mut self, ended: Ended) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        let (code, reason) = ended.close.unzip();
        tell(json!({
            "event": "closed", "code": code, "reason": reason, "clean": ended.clean,
            "received": self.received, "lost": self.highest.saturating_sub(self.received),
            "sent": self.sent, "error": ended.error,
        }));
    }
}

fn tell(event: Value) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may have gone.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}
