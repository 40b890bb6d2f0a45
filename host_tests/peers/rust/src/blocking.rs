//! A peer around tungstenite, in the version that `crate::tungstenite` is.
//!
//! The socket does not block: read() and flush() are called whenever poll() says that they can go
//! on, until the library says that the connection may be dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{channel, Receiver};

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use signalbox_peers::{tls, Command, Ended, Events, Role, UNFINISHED};

use crate::tungstenite::protocol::frame::coding::{Data, OpCode};
use crate::tungstenite::protocol::frame::Frame;
use crate::tungstenite::protocol::CloseFrame;
use crate::tungstenite::{accept, client, Error, Message, WebSocket};

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}
type Socket = WebSocket<Box<dyn Duplex>>;

/// `leaves_at_close`: takes the peer's Message::Close for the end and drops the connection, with
/// the reply still in it.
pub fn run(role: Role, leaves_at_close: bool) {
    let mut events = Events::default();
    let (sender, commands) = channel();
    let (mut bell, mut rung) = UnixStream::pair().expect("a pair of sockets");
    rung.set_nonblocking(true).expect("a socket that does not block");
    signalbox_peers::read_commands(move |command| {
        let _ = sender.send(command);
        let _ = bell.write(&[0]);
    });
    let ended = match connect(&events, role) {
        Ok((tcp, socket)) => {
            events.open();
            let mut peer = Peer { tcp, socket, leaves_at_close, wants_write: false, close: None };
            let end = loop {
                if let Err(end) = peer.turn(&mut events, &commands) {
                    break end;
                }
                peer.wait(&mut rung);
            };
            peer.ended(end)
        }
        Err(error) => Ended { error: Some(error), ..Ended::default() },
    };
    events.closed(ended);
    while !matches!(commands.recv(), Ok(Command::Quit)) {}
}

/// As tungstenite's connect() does; and a second handle on the TCP connection.
fn connect(events: &Events, role: Role) -> Result<(TcpStream, Socket), String> {
    let (tcp, socket) = match role {
        Role::Client { url, ca } => {
            let (is_secure, host, address) = signalbox_peers::parse_url(&url);
            let plain = TcpStream::connect(address).map_err(|error| error.to_string())?;
            plain.set_nodelay(true).map_err(|error| error.to_string())?;
            let tcp = plain.try_clone().map_err(|error| error.to_string())?;
            let stream: Box<dyn Duplex> = if is_secure {
                let name = tls::server_name(&host);
                let session = rustls::ClientConnection::new(tls::client(ca.as_deref()), name);
                Box::new(rustls::StreamOwned::new(session.expect("a session"), plain))
            } else {
                Box::new(plain)
            };
            let (socket, _) = client(url.as_str(), stream).map_err(|error| error.to_string())?;
            (tcp, socket)
        }
        Role::Server { address, cert_and_key } => {
            let listener = TcpListener::bind(address).map_err(|error| error.to_string())?;
            events.listening(listener.local_addr().map_err(|error| error.to_string())?.port());
            let (plain, _) = listener.accept().map_err(|error| error.to_string())?;
            let tcp = plain.try_clone().map_err(|error| error.to_string())?;
            let stream: Box<dyn Duplex> = if let Some((cert, key)) = cert_and_key {
                let session = rustls::ServerConnection::new(tls::server(&cert, &key));
                Box::new(rustls::StreamOwned::new(session.expect("a session"), plain))
            } else {
                Box::new(plain)
            };
            (tcp, accept(stream).map_err(|error| error.to_string())?)
        }
    };
    tcp.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok((tcp, socket))
}

struct Peer {
    tcp: TcpStream,
    socket: Socket,
    leaves_at_close: bool,
    wants_write: bool,
    close: Option<(u16, String)>, // the peer's
}

/// Why no more is read.
enum End {
    Told(Error),
    Left,
}

impl Peer {
    /// Everything that can be done without waiting.
    fn turn(&mut self, events: &mut Events, commands: &Receiver<Command>) -> Result<(), End> {
        loop {
            while let Ok(command) = commands.try_recv() {
                self.act(events, command)?;
            }
            match self.socket.read() {
                Ok(Message::Text(text)) => events.received(&text),
                Ok(Message::Close(frame)) => {
                    self.close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    if self.leaves_at_close {
                        return Err(End::Left);
                    }
                }
                Ok(_) => (),
                Err(error) if would_block(&error) => break,
                Err(error) => return Err(End::Told(error)),
            }
        }
        let flushed = self.socket.flush();
        self.note(flushed)
    }

    /// What came of an attempt to write.
    fn note(&mut self, result: Result<(), Error>) -> Result<(), End> {
        self.wants_write = matches!(&result, Err(error) if would_block(error));
        if self.wants_write {
            return Ok(());
        }
        result.map_err(End::Told)
    }

    fn act(&mut self, events: &mut Events, command: Command) -> Result<(), End> {
        match command {
            Command::Send { count, size } => {
                for _ in 0..count {
                    match self.socket.write(Message::text(events.next_text(size))) {
                        // It is in the library's buffer, which has room for all.
                        Err(error) if !would_block(&error) => {
                            eprintln!("{error}");
                            break;
                        }
                        _ => events.sent(),
                    }
                }
                Ok(())
            }
            Command::Fragment => {
                let text = UNFINISHED.to_vec();
                let frame = Frame::message(text, OpCode::Data(Data::Text), false);
                let written = self.socket.send(Message::Frame(frame));
                self.note(written)
            }
            Command::Close(close) => {
                let frame = close
                    .map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
                let written = self.socket.close(frame);
                self.note(written)
            }
            Command::Drop => {
                let _ = self.tcp.shutdown(Shutdown::Write);
                Ok(())
            }
            Command::Quit => std::process::exit(0),
        }
    }

    /// Until a command comes, or the socket has input or room.
    fn wait(&mut self, rung: &mut UnixStream) {
        let mut interest = PollFlags::POLLIN;
        if self.wants_write {
            interest |= PollFlags::POLLOUT;
        }
        let mut sources =
            [PollFd::new(self.tcp.as_fd(), interest), PollFd::new(rung.as_fd(), PollFlags::POLLIN)];
        poll(&mut sources, PollTimeout::NONE).expect("poll");
        let _ = rung.read(&mut [0; 64]);
    }

    /// Drops the connection.
    fn ended(self, end: End) -> Ended {
        let (clean, error) = match end {
            End::Told(Error::ConnectionClosed) => (Some(true), None),
            End::Told(error) => (Some(false), Some(error.to_string())),
            End::Left => (None, None),
        };
        Ended { close: self.close, clean, error }
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}
