//! A peer around async-tungstenite, on tokio: see ../../../README.md for its form.
//!
//!     async-tungstenite client URL ...
//!     async-tungstenite --gst client URL ...   closes as gst-plugins-rs does since 0.14
//!
//! What gst-plugins-rs 0.15 does (net/webrtc/signalling/src/server/mod.rs and
//! net/webrtc/src/signaller/imp.rs): its receiving task ends with the peer's Close. The server then
//! calls close() and drops the connection; the client does nothing more until it is stopped. Its
//! stop() calls close(), ends the receiving task and drops the connection.

use std::cell::RefCell;
use std::net::Shutdown;

use async_tungstenite::tokio::{accept_async, client_async, TokioAdapter};
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use futures_util::StreamExt;
use signalbox_peers::{tls, Command, Ended, Events, Role, UNFINISHED};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}
type Stream = TokioAdapter<Box<dyn Duplex>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (role, is_gst) = signalbox_peers::arguments(Some("--gst"));
    let is_client = matches!(role, Role::Client { .. });
    let events = RefCell::new(Events::default());
    let (sender, mut commands) = unbounded_channel();
    signalbox_peers::read_commands(move |command| {
        let _ = sender.send(command);
    });
    let ended = match connect(&events, role).await {
        Ok((tcp, socket)) => {
            events.borrow().open();
            let (mut sender, receiver) = socket.split();
            let end = tokio::select! {
                end = receive(&events, receiver, is_gst) => end,
                () = obey(&events, &tcp, &mut sender, &mut commands, is_gst) => End::Stopped,
            };
            if let End::Left(close) = &end {
                if is_client {
                    events.borrow_mut().closed(Ended { close: close.clone(), ..Ended::default() });
                    obey(&events, &tcp, &mut sender, &mut commands, is_gst).await;
                } else if let Err(error) = sender.close(None).await {
                    eprintln!("{error}");
                }
            }
            end.told()
        }
        Err(error) => Ended { error: Some(error), ..Ended::default() },
    };
    // The connection was dropped with `sender` and `tcp`.
    events.borrow_mut().closed(ended);
    while !matches!(commands.recv().await, None | Some(Command::Quit)) {}
}

/// As the library's connect_async() does; and a second handle on the TCP connection.
async fn connect(
    events: &RefCell<Events>,
    role: Role,
) -> Result<(std::net::TcpStream, WebSocketStream<Stream>), String> {
    match role {
        Role::Client { url, ca } => {
            let (is_secure, host, address) = signalbox_peers::parse_url(&url);
            let plain = TcpStream::connect(address).await.map_err(text)?;
            let (tcp, plain) = twice(plain)?;
            let stream: Box<dyn Duplex> = if is_secure {
                let connector = tokio_rustls::TlsConnector::from(tls::client(ca.as_deref()));
                let name = tls::server_name(&host);
                Box::new(connector.connect(name, plain).await.map_err(text)?)
            } else {
                Box::new(plain)
            };
            let (socket, _) = client_async(url.as_str(), stream).await.map_err(text)?;
            Ok((tcp, socket))
        }
        Role::Server { address, cert_and_key } => {
            let listener = TcpListener::bind(address).await.map_err(text)?;
            events.borrow().listening(listener.local_addr().map_err(text)?.port());
            let (plain, _) = listener.accept().await.map_err(text)?;
            drop(listener);
            let (tcp, plain) = twice(plain)?;
            let stream: Box<dyn Duplex> = if let Some((cert, key)) = cert_and_key {
                let acceptor = tokio_rustls::TlsAcceptor::from(tls::server(&cert, &key));
                Box::new(acceptor.accept(plain).await.map_err(text)?)
            } else {
                Box::new(plain)
            };
            Ok((tcp, accept_async(stream).await.map_err(text)?))
        }
    }
}

fn twice(stream: TcpStream) -> Result<(std::net::TcpStream, TcpStream), String> {
    let tcp = stream.into_std().map_err(text)?;
    let stream = TcpStream::from_std(tcp.try_clone().map_err(text)?).map_err(text)?;
    Ok((tcp, stream))
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Why no more is received.
enum End {
    Told(Option<(u16, String)>, Option<Error>),
    Left(Option<(u16, String)>),
    Stopped,
}

impl End {
    fn told(self) -> Ended {
        match self {
            End::Told(close, error) => {
                Ended { close, clean: Some(error.is_none()), error: error.map(text) }
            }
            End::Left(close) => Ended { close, ..Ended::default() },
            End::Stopped => Ended::default(),
        }
    }
}

async fn receive(
    events: &RefCell<Events>,
    mut receiver: WebSocketReceiver<Stream>,
    is_gst: bool,
) -> End {
    let mut close = None;
    while let Some(message) = receiver.next().await {
        match message {
            Ok(Message::Text(text)) => events.borrow_mut().received(&text),
            Ok(Message::Close(frame)) => {
                close = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                if is_gst {
                    return End::Left(close);
                }
            }
            Ok(_) => (),
            Err(error) => return End::Told(close, Some(error)),
        }
    }
    End::Told(close, None)
}

/// Returns when gst-plugins-rs would drop the connection.
async fn obey(
    events: &RefCell<Events>,
    tcp: &std::net::TcpStream,
    sender: &mut WebSocketSender<Stream>,
    commands: &mut UnboundedReceiver<Command>,
    is_gst: bool,
) {
    while let Some(command) = commands.recv().await {
        let done = match command {
            Command::Send { count, size } => send(events, sender, count, size).await,
            Command::Fragment => {
                let text = UNFINISHED.to_vec();
                let frame = Frame::message(text, OpCode::Data(Data::Text), false);
                sender.send(Message::Frame(frame)).await
            }
            Command::Close(close) => {
                let frame = close
                    .map(|(code, reason)| CloseFrame { code: code.into(), reason: reason.into() });
                let done = sender.close(frame).await;
                if is_gst {
                    return;
                }
                done
            }
            Command::Drop => {
                let _ = tcp.shutdown(Shutdown::Write);
                Ok(())
            }
            Command::Quit => std::process::exit(0),
        };
        if let Err(error) = done {
            eprintln!("{error}");
        }
    }
}

async fn send(
    events: &RefCell<Events>,
    sender: &mut WebSocketSender<Stream>,
    count: usize,
    size: usize,
) -> Result<(), Error> {
    for _ in 0..count {
        let text = events.borrow().next_text(size);
        sender.send(Message::text(text)).await?;
        events.borrow_mut().sent();
    }
    Ok(())
}
