//! The server of the tests refuses whatever is not exactly what was signed: else an accepted request would prove nothing.

use std::time::{Duration, SystemTime};

use aumbry::aws::sigv4::Request;
use aumbry::aws::{presign, sign};
use aumbry::{Credentials, ExposeSecret};
use aumbry_interop::keys::{SESSION, draft};
use aumbry_interop::s3_server::{Key, S3Server};
use aumbry_interop::{records, vault};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

fn credentials(key: Key) -> Credentials {
    records(&vault().unwrap(), &[draft("s3-uploads", key).unwrap()]).unwrap().remove(0)
}

/// What is sent, to be changed in one place.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: &'static str,
}

impl Sent {
    fn signed(server: &S3Server, credentials: &Credentials, time: SystemTime) -> Self {
        let url = format!("{}/bucket/key?x-id=PutObject", server.endpoint_url());
        let request = Request::new("PUT", &url, "s3").region("eu-central-1").body(b"content").time(time);
        let headers = sign(credentials, &request.header("x-amz-meta-a", "1")).unwrap();
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.expose_secret().to_owned()));
        let headers = headers.chain([("x-amz-meta-a".to_owned(), "1".to_owned())]).collect();
        Self { method: "PUT", url, headers, body: "content" }
    }

    fn presigned(server: &S3Server, credentials: &Credentials) -> Self {
        let url = format!("{}/bucket/key?x-id=PutObject", server.endpoint_url());
        let request = Request::new("PUT", &url, "s3").region("eu-central-1");
        let link = presign(credentials, &request, Duration::from_secs(3600)).unwrap();
        Self { method: "PUT", url: link.expose_secret().to_owned(), headers: Vec::new(), body: "content" }
    }

    fn with_url(&self, from: &str, to: &str) -> Self {
        assert!(self.url.contains(from));
        Self { url: self.url.replace(from, to), ..self.clone() }
    }

    fn with_header(&self, name: &str, value: &str) -> Self {
        let mut sent = self.clone();
        sent.headers.retain(|(given, _)| given != name);
        sent.headers.push((name.to_owned(), value.to_owned()));
        sent
    }

    /// The same with the last letter of a header changed.
    fn with_other(&self, name: &str) -> Self {
        let (_, value) = self.headers.iter().find(|(given, _)| given == name).unwrap();
        self.with_header(name, &with_other_end(value))
    }

    async fn status(&self) -> u16 {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut request = hyper::Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response =
            client.request(request.body(Full::new(Bytes::from(self.body))).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        status
    }
}

fn with_other_end(text: &str) -> String {
    let (begin, end) = text.split_at(text.len() - 1);
    format!("{begin}{}", if end == "0" { "1" } else { "0" })
}

#[tokio::test]
async fn whatever_was_changed_after_signing_is_refused() {
    let server = S3Server::start(&[SESSION]).unwrap();
    let (session, now) = (credentials(SESSION), SystemTime::now());
    let good = Sent::signed(&server, &session, now);
    let link = Sent::presigned(&server, &session);
    for good in [&good, &link] {
        assert_eq!((good.status().await, server.objects().len()), (200, 1));
        server.forget();
    }
    let other_key = |key: Key| Sent::signed(&server, &credentials(key), now);
    let secret: &'static str = with_other_end(SESSION.secret).leak();
    let long_ago = now - Duration::from_secs(16 * 60);
    let ahead = now + Duration::from_secs(16 * 60);
    let parameter = |name: &str| {
        let value =
            link.url.split(&format!("{name}=")).nth(1).and_then(|rest| rest.split('&').next()).unwrap();
        link.with_url(&format!("{name}={value}"), &format!("{name}={}", with_other_end(value)))
    };
    let changed = [
        ("the secret", other_key(Key { secret, ..SESSION })),
        ("the key id", other_key(Key { id: "ASIAIOSFODNN7EXAMPLF", ..SESSION })),
        ("the token left out", other_key(Key { token: None, ..SESSION })),
        ("the token", good.with_other("x-amz-security-token")),
        ("the signature", good.with_other("authorization")),
        ("the hash of the body", good.with_other("x-amz-content-sha256")),
        ("the time", good.with_other("x-amz-date")),
        ("a header", good.with_other("x-amz-meta-a")),
        ("a header beside", good.with_header("x-amz-acl", "public-read")),
        ("the host", good.with_header("host", "example.com")),
        ("the method", Sent { method: "DELETE", ..good.clone() }),
        ("the path", good.with_url("/bucket/key", "/bucket/kez")),
        ("the query", good.with_url("x-id=PutObject", "x-id=PutObjecu")),
        ("the body", Sent { body: "contenu", ..good.clone() }),
        ("a body that is not signed", good.with_header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")),
        ("no signature", Sent { headers: Vec::new(), ..good.clone() }),
        ("16 minutes old", Sent::signed(&server, &session, long_ago)),
        ("16 minutes ahead", Sent::signed(&server, &session, ahead)),
        ("the URL's method", Sent { method: "DELETE", ..link.clone() }),
        ("the URL's path", link.with_url("/bucket/key", "/bucket/kez")),
        ("the URL's query", link.with_url("x-id=PutObject", "x-id=PutObjecu")),
        ("a header beside the URL", link.with_header("x-amz-acl", "public-read")),
        ("the URL's key id", parameter("X-Amz-Credential")),
        ("the URL's time", parameter("X-Amz-Date")),
        ("the URL's life", parameter("X-Amz-Expires")),
        ("the URL's token", parameter("X-Amz-Security-Token")),
        ("the URL's headers", parameter("X-Amz-SignedHeaders")),
        ("the URL's signature", parameter("X-Amz-Signature")),
    ];
    for (what, sent) in &changed {
        let status = sent.status().await;
        assert!((400..500).contains(&status), "{what}: {status}");
    }
    assert_eq!((server.take_seen(), server.objects()), (vec![], vec![]));
    println!("{} changed requests, all refused", changed.len());
}
