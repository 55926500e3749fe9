//! An S3 server in this process, on a real TCP socket of the loopback: `s3s`, which checks Signature Version 4, before a
//! map.
//!
//! What `s3s` leaves out is checked here: that the security token is the one that belongs to the key, and that a key
//! without a token comes without one, an empty one too; that the host and all that begins with `x-amz-` were signed; that
//! headers were signed just now; and that it was Version 4.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, PutObjectInput, PutObjectOutput, StreamingBlob, Timestamp,
};
use s3s::service::{S3ServiceBuilder, SharedS3Service};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use tokio::sync::oneshot;

const TOKEN: &str = "x-amz-security-token";

/// A key pair that the server knows, with the token that has to come with it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The access key id.
    pub id: &'static str,
    /// The secret access key.
    pub secret: &'static str,
    /// The session token, if the key is a session's.
    pub token: Option<&'static str>,
}

/// A request that came with a valid signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The access key id that signed.
    pub id: String,
    /// The method.
    pub method: String,
    /// The security tokens in its headers and its query.
    pub tokens: Vec<String>,
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    store: Arc<Mutex<Store>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// All that the server holds, behind one lock. Buckets exist once something is in them.
#[derive(Default, Debug)]
struct Store {
    objects: BTreeMap<(String, String), Bytes>,
    seen: Vec<Seen>,
}

fn locked(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl S3Server {
    /// Starts on a free port.
    ///
    /// # Errors
    /// If there is none, or no thread.
    pub fn start(keys: &[Key]) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;

        let store = Arc::default();
        let mut auth = SimpleAuth::new();
        for key in keys {
            auth.register(key.id.to_owned(), key.secret.into());
        }
        let tokens = keys.iter().map(|key| (key.id.to_owned(), key.token)).collect();
        let mut service = S3ServiceBuilder::new(Objects { store: Arc::clone(&store) });
        service.set_auth(auth);
        service.set_access(Tokens { tokens, store: Arc::clone(&store) });
        let service = service.build().into_shared();

        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, service) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, store, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, as an `endpoint_url`.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far whose signature was right, in order. Asking forgets them.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut locked(&self.store).seen)
    }

    /// Removes all objects, and forgets all requests.
    pub fn forget(&self) {
        *locked(&self.store) = Store::default();
    }

    /// The keys of all objects, with their buckets.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, String)> {
        locked(&self.store).objects.keys().cloned().collect()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was printed
        }
    }
}

async fn serve(listener: TcpListener, service: SharedS3Service) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(async {
            let _ = connection.await; // a client that went away
        });
    }
}

/// The check of security tokens; what comes here has a valid signature.
struct Tokens {
    tokens: HashMap<String, Option<&'static str>>,
    store: Arc<Mutex<Store>>,
}

#[async_trait::async_trait]
impl S3Access for Tokens {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = request.credentials() else { return Err(s3_error!(AccessDenied)) };
        let in_headers = tokens_in_headers(request.headers());
        let query = request.uri().query().unwrap_or_default();
        let tokens = [in_headers, tokens_in_query(query)].concat();
        let expected = self.tokens.get(&credentials.access_key).copied().flatten();
        let id = credentials.access_key.clone();
        if !tokens.iter().map(String::as_str).eq(expected) {
            return Err(s3_error!(InvalidToken));
        }
        check_signature(request.headers(), query)?;
        locked(&self.store).seen.push(Seen { id, method: request.method().to_string(), tokens });
        Ok(())
    }
}

fn tokens_in_headers(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(TOKEN)
        .iter()
        .map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned())
        .collect()
}

fn tokens_in_query(query: &str) -> Vec<String> {
    let parameters = query.split('&').filter_map(|part| part.split_once('='));
    let tokens = parameters.filter(|(name, _)| name.eq_ignore_ascii_case(TOKEN));
    tokens.map(|(_, token)| percent_decoded(token)).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        decoded.push(u8::from_str_radix(digits, 16).unwrap_or(b'?'));
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// AWS takes nothing that was added behind the signature's back. All parameters of a presigned URL are signed.
fn check_signature(headers: &HeaderMap, query: &str) -> S3Result<()> {
    const QUARTER: Duration = Duration::from_secs(15 * 60);
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let signed = match text("authorization") {
        Some(authorization) if authorization.starts_with("AWS4-HMAC-SHA256 ") => {
            let time = text("x-amz-date").and_then(|date| aumbry::interchange::time::parse(&date));
            let time = time.ok_or_else(|| s3_error!(AccessDenied))?;
            let now = SystemTime::now();
            if !(now - QUARTER..=now + QUARTER).contains(&time) {
                return Err(s3_error!(RequestTimeTooSkewed));
            }
            authorization.split_once("SignedHeaders=").map(|(_, rest)| rest.to_owned())
        }
        Some(_) => None, // Version 2
        None => {
            query.split('&').find_map(|part| part.strip_prefix("X-Amz-SignedHeaders=")).map(percent_decoded)
        }
    };
    let signed = signed.ok_or_else(|| s3_error!(InvalidRequest))?;
    let is_signed = |name: &str| signed.split([',', ';']).any(|signed| signed == name);
    let mut needed = headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    if !is_signed("host") || !needed.all(is_signed) {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed"
        ));
    }
    Ok(())
}

/// The operations.
struct Objects {
    store: Arc<Mutex<Store>>,
}

impl Objects {
    fn find(&self, bucket: String, key: String) -> S3Result<Bytes> {
        locked(&self.store).objects.get(&(bucket, key)).cloned().ok_or_else(|| s3_error!(NoSuchKey))
    }
}

fn length(content: &Bytes) -> Option<i64> {
    i64::try_from(content.len()).ok()
}

fn e_tag(content: &Bytes) -> Option<String> {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Some(format!("\"{:016x}\"", hasher.finish()))
}

fn now() -> Option<Timestamp> {
    Some(SystemTime::now().into())
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let PutObjectInput { bucket, key, body, .. } = request.input;
        let content = match body {
            None => Bytes::new(),
            Some(body) => {
                let collected = Body::from(body).collect().await;
                collected.map_err(|_| s3_error!(IncompleteBody))?.to_bytes()
            }
        };
        let e_tag = e_tag(&content);
        locked(&self.store).objects.insert((bucket, key), content);
        Ok(S3Response::new(PutObjectOutput { e_tag, ..Default::default() }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let content = self.find(request.input.bucket, request.input.key)?;
        Ok(S3Response::new(GetObjectOutput {
            content_length: length(&content),
            e_tag: e_tag(&content),
            last_modified: now(),
            body: Some(StreamingBlob::from(Body::from(content))),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let content = self.find(request.input.bucket, request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            content_length: length(&content),
            e_tag: e_tag(&content),
            last_modified: now(),
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let ListObjectsV2Input { bucket, prefix, .. } = request.input;
        let prefix = prefix.unwrap_or_default();
        let store = locked(&self.store);
        let matching =
            store.objects.iter().filter(|((of, key), _)| *of == bucket && key.starts_with(&prefix));
        let contents: Vec<_> = matching
            .map(|((_, key), content)| Object {
                key: Some(key.clone()),
                size: length(content),
                e_tag: e_tag(content),
                last_modified: now(),
                ..Default::default()
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len()).ok(),
            contents: Some(contents),
            name: Some(bucket),
            prefix: Some(prefix),
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        locked(&self.store).objects.remove(&(request.input.bucket, request.input.key));
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    /// How `object_store` deletes one object.
    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        let mut store = locked(&self.store);
        let deleted = delete.objects.into_iter().map(|object| {
            store.objects.remove(&(bucket.clone(), object.key.clone()));
            DeletedObject { key: Some(object.key), ..Default::default() }
        });
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted.collect()), ..Default::default() }))
    }
}
