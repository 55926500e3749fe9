//! `aumbry serve`, and clients that say to it byte for byte what they like.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Home, PATIENCE, checked, stdout};

pub(crate) struct Server {
    child: Running,
    rest: BufReader<std::process::ChildStdout>,
    /// What it printed, without the token.
    pub(crate) uris: Vec<String>,
    pub(crate) token: String,
    pub(crate) address: SocketAddr,
}

/// Ends with the test, however that ends.
struct Running(Option<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments = [&["serve"], arguments].concat();
        let mut command = home.program(env!("CARGO_BIN_EXE_aumbry"), &arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut rest = BufReader::new(child.stdout.take().unwrap());
        let mut uris = Vec::new();
        loop {
            let mut line = String::new();
            if rest.read_line(&mut line).unwrap() == 0 {
                panic!("it does not serve: {:?}", checked(child.wait_with_output().unwrap()));
            }
            let (name, value) = line.trim_end().split_once('=').unwrap();
            if name == "AWS_CONTAINER_CREDENTIALS_FULL_URI" {
                uris.push(value.to_owned());
                continue;
            }
            assert_eq!(name, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
            let address =
                uris[0].strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap();
            let child = Running(Some(child));
            return Self { child, rest, uris, token: value.to_owned(), address };
        }
    }

    /// A client that has said this, and may say more.
    pub(crate) fn says(&self, bytes: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(bytes.as_bytes()).unwrap();
        client
    }

    /// What it answers to this, until it ends the connection.
    pub(crate) fn answers(&self, bytes: &str) -> Answer {
        Answer::to(self.says(bytes))
    }

    /// An ordinary request, with the token.
    pub(crate) fn gives(&self, path: &str) -> Answer {
        let Self { token, address, .. } = self;
        self.answers(&format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\r\n"))
    }

    /// Ends it by this signal; how it ended, and what it said since it began to serve.
    pub(crate) fn ends_by(self, signal: Signal) -> Output {
        kill_process(Pid::from_child(self.child.0.as_ref().unwrap()), signal).unwrap();
        self.ends()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.as_ref().unwrap().id()
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.child.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Once it ends by itself.
    pub(crate) fn ends(mut self) -> Output {
        let mut more = String::new();
        self.rest.read_to_string(&mut more).unwrap();
        assert_eq!(more, "", "it prints nothing but what clients need");
        let output = checked(self.child.0.take().unwrap().wait_with_output().unwrap());
        assert_eq!(stdout(&output), "");
        assert!(!super::stderr(&output).contains(&self.token), "the token is on stderr");
        output
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    /// Zero if there was none.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn to(mut client: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A connection that is reset has ended too; what came before that counts.
        let ended = client.read_to_end(&mut bytes);
        let is_over = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.as_ref().err().is_none_or(is_over), "it does not end: {ended:?}");
        let text = String::from_utf8(bytes).unwrap();
        let status = text.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        Self { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}
