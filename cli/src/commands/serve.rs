//! Records for AWS clients over HTTP: the endpoint that AWS's container credential providers ask. It listens on the
//! loopback alone, and gives nothing without the token that it prints.

mod endpoint;
mod uri;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, sleep_until, timeout};
use zeroize::Zeroizing;

use self::endpoint::{Endpoint, Token};
use super::aws::{RENEW, unexpired};
use crate::arguments::clients::Serve;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::output::{print, print_json, records};

/// How long a client may take to ask and to read the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request has a method, a path and some headers.
const MOST_BYTES: usize = 16 * 1024;

/// When so many are being answered and one more comes, the one that has taken the longest is dropped: clients of AWS give
/// up within a second or two, and a program that opens connections and sends nothing must not keep them out.
const MOST_CONNECTIONS: usize = 32;

pub(super) fn serve(context: &Context, serve: &Serve) -> Outcome {
    let address = loopback(&serve.listen)?;
    let names: BTreeSet<_> = serve.names.iter().map(String::as_str).collect();
    for name in &names {
        uri::check(name)?;
    }
    let vault = context.open()?;
    for name in &names {
        unexpired(&vault, name, RENEW)?; // found out now, and not by the first client
    }
    let failed = |error: io::Error| Failure::io("could not begin to serve", &error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let outcome = runtime.block_on(async {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Failure::io(format!("could not listen on {address}"), &error))?;
        let stop = stop().map_err(failed)?; // from here on a signal ends it in order
        let address = listener.local_addr().map_err(failed)?;
        let token = Token::new()?;
        tell(context, address, &names, &token)?;
        let endpoint = Endpoint::new(vault.clone(), &names, address, token, context.global.quiet);
        context.note(&format!("Serving {} on {address}. Ctrl-C ends it.", records(names.len())));
        tokio::select! {
            () = stop => context.note("Stopped."),
            () = answer_all(&listener, &endpoint, serve.idle_timeout) => {
                context.note("Stopped, because no client has asked for the time of --idle-timeout.");
            }
        }
        Ok(())
    });
    vault.lock();
    outcome
}

/// Other machines, and what pretends to be one of theirs, are kept out by never listening to them.
fn loopback(text: &str) -> Outcome<SocketAddr> {
    let address: SocketAddr = text.parse().map_err(|_| {
        Failure::usage(format!("invalid address and port {text:?}; examples: 127.0.0.1:0, [::1]:8080"))
    })?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Failure::refused(format!(
        "secrets are served on the loopback alone, and {} is not on it",
        address.ip()
    ))
    .advise("listen on 127.0.0.1 or [::1]"))
}

/// Prints what clients need in their environment.
fn tell(context: &Context, address: SocketAddr, names: &BTreeSet<&str>, token: &Token) -> Outcome {
    const URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    let uris: BTreeMap<_, _> = names.iter().map(|name| (*name, uri::of(address, name))).collect();
    if context.global.json {
        return print_json(&json!({ URI: uris, TOKEN: token.text() }));
    }
    let lines = uris.values().map(|uri| (URI, uri.as_str())).chain([(TOKEN, token.text())]);
    let len = lines.clone().map(|(name, value)| name.len() + value.len() + "=\n".len()).sum();
    let mut text = Zeroizing::new(String::with_capacity(len));
    for (name, value) in lines {
        [name, "=", value, "\n"].into_iter().for_each(|part| text.push_str(part));
    }
    print(&text)
}

/// Answers clients until no client with the token has asked for the given time.
async fn answer_all(listener: &TcpListener, endpoint: &Arc<Endpoint>, idle_timeout: Duration) {
    let mut connections = JoinSet::new();
    let mut oldest_first = VecDeque::new();
    loop {
        let idle_from = endpoint.last_asked() + idle_timeout;
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    oldest_first.retain(|connection: &AbortHandle| !connection.is_finished());
                    if oldest_first.len() >= MOST_CONNECTIONS
                        && let Some(oldest) = oldest_first.pop_front()
                    {
                        oldest.abort();
                    }
                    oldest_first.push_back(connections.spawn(answer(stream, Arc::clone(endpoint))));
                }
                // No descriptors left, or the client is gone already.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = connections.join_next() => {}
            () = sleep_until(idle_from) => {
                if endpoint.last_asked() + idle_timeout <= tokio::time::Instant::now() {
                    return;
                }
            }
        }
    }
}

/// Answers one request and closes the connection, so that no client keeps an idle one.
async fn answer(stream: TcpStream, endpoint: Arc<Endpoint>) {
    let service = service_fn(move |request| {
        let response = endpoint.answer(&request);
        async { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .max_buf_size(MOST_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = timeout(PATIENCE, connection).await; // what goes wrong there is the client's to notice
}

/// Waits for the signal that ends this program.
#[cfg(unix)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// Waits for the signal that ends this program.
#[cfg(windows)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    let mut close = tokio::signal::windows::ctrl_close()?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = close.recv() => {}
        }
    })
}
