//! Requests signed without an SDK: the examples that AWS published, and a server that checks them.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aumbry::aws::sigv4::Request;
use aumbry::aws::{presign, sign};
use aumbry::{Credentials, ErrorKind, ExposeSecret};
use aumbry_interop::keys::{SESSION, STATIC, WRONG, assert_no_secret, draft};
use aumbry_interop::s3_server::{Key, S3Server, Seen};
use aumbry_interop::{records, vault};
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use proptest::prelude::*;

fn credentials(key: Key) -> Credentials {
    records(&vault().unwrap(), &[draft("s3-uploads", key).unwrap()]).unwrap().remove(0)
}

/// The header's value, as one would send it.
fn header(credentials: &Credentials, request: &Request<'_>, name: &str) -> Option<String> {
    let headers = sign(credentials, request).unwrap();
    let found = headers.iter().find(|(found, _)| *found == name);
    found.map(|(_, value)| value.expose_secret().to_owned())
}

/// [Examples of the Amazon S3 API reference][1], all of 2013-05-24T00:00:00Z.
///
/// [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#[test]
fn the_signatures_of_the_s3_reference_are_reproduced() {
    let credentials = credentials(STATIC);
    let request = |method, url| {
        let time = UNIX_EPOCH + Duration::from_secs(1_369_353_600);
        Request::new(method, url, "s3").region("us-east-1").time(time)
    };
    let host = "https://examplebucket.s3.amazonaws.com";
    let urls = ["/test.txt", "/test%24file.text", "/?lifecycle", "/?max-keys=2&prefix=J"];
    let [get, put, lifecycle, list] = urls.map(|path| format!("{host}{path}"));
    for (request, signed, signature) in [
        (
            request("GET", &get).header("Range", "bytes=0-9"),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            request("PUT", &put)
                .header("Date", "Fri, 24 May 2013 00:00:00 GMT")
                .header("x-amz-storage-class", "REDUCED_REDUNDANCY")
                .body(b"Welcome to Amazon S3."),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            request("GET", &lifecycle),
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            request("GET", &list),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ] {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders={signed}, Signature={signature}"
        );
        assert_eq!(header(&credentials, &request, "authorization"), Some(authorization));
        assert_eq!(header(&credentials, &request, "x-amz-date").unwrap(), "20130524T000000Z");
        assert_eq!(header(&credentials, &request, "x-amz-security-token"), None);
    }
}

/// [The example of a presigned URL][1].
///
/// [1]: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#[test]
fn the_presigned_url_of_the_s3_reference_is_reproduced() {
    let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/test.txt", "s3")
        .region("us-east-1")
        .time(UNIX_EPOCH + Duration::from_secs(1_369_353_600));
    let url = presign(&credentials(STATIC), &request, Duration::from_secs(86_400)).unwrap();
    assert_eq!(
        url.expose_secret(),
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    );
    assert_eq!(format!("{url:?}"), "SecretBox<str>([REDACTED])");
}

/// The example of IAM's page on Signature Version 4, and `post-sts-token/post-sts-header-before` of AWS's test suite:
/// services that are not S3.
#[test]
fn the_signatures_of_other_services_are_reproduced() {
    let time = UNIX_EPOCH + Duration::from_secs(1_440_938_160); // 2015-08-30T12:36:00Z
    let key = Key { id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token: None };
    let url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
    let request = Request::new("GET", url, "iam")
        .region("us-east-1")
        .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        .time(time);
    let authorization = header(&credentials(key), &request, "authorization").unwrap();
    assert!(
        authorization.ends_with(
            "SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        ),
        "{authorization}"
    );
    assert_eq!(header(&credentials(key), &request, "x-amz-content-sha256"), None);

    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoI\
                 YRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75\
                 YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KS\
                 YvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    let session = credentials(Key { token: Some(token), ..key });
    let request =
        Request::new("POST", "https://example.amazonaws.com/", "service").region("us-east-1").time(time);
    let authorization = header(&session, &request, "authorization").unwrap();
    assert!(
        authorization.ends_with(
            "SignedHeaders=host;x-amz-date;x-amz-security-token, \
             Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        ),
        "{authorization}"
    );
    assert_eq!(header(&session, &request, "x-amz-security-token").unwrap(), token);
}

/// Sends what was signed by a client that adds nothing of its own.
async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, String)],
    body: &'static [u8],
) -> Result<(StatusCode, String), Box<dyn Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = hyper::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let response = client.request(request.body(Full::new(Bytes::from_static(body)))?).await?;
    let status = response.status();
    Ok((status, String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()).into_owned()))
}

async fn send_signed(
    credentials: &Credentials,
    request: &Request<'_>,
    method: &str,
    url: &str,
) -> (StatusCode, String) {
    let headers = sign(credentials, request).unwrap();
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (*name, value.expose_secret().to_owned())).collect();
    send(method, url, &headers, if method == "PUT" { b"content" } else { b"" }).await.unwrap()
}

#[tokio::test]
async fn signed_headers_and_presigned_urls_are_accepted() {
    let server = S3Server::start(&[STATIC, SESSION]).unwrap();
    let url = format!("{}/bucket/a/b%20c%2B%C3%BC.txt", server.endpoint_url());
    let request = |method| Request::new(method, &url, "s3").region("eu-central-1");
    for key in [STATIC, SESSION] {
        let credentials = credentials(key);
        let hour = Duration::from_secs(3600);
        let put = request("PUT").body(b"content");
        assert_eq!(send_signed(&credentials, &put, "PUT", &url).await.0, StatusCode::OK);
        let put = request("PUT").unsigned_body();
        assert_eq!(send_signed(&credentials, &put, "PUT", &url).await.0, StatusCode::OK);
        assert_eq!(server.objects(), [("bucket".to_owned(), "a/b c+ü.txt".to_owned())]);

        let link = presign(&credentials, &request("GET"), hour).unwrap();
        assert_eq!(
            send("GET", link.expose_secret(), &[], b"").await.unwrap(),
            (StatusCode::OK, "content".to_owned())
        );
        let link = presign(&credentials, &request("PUT").header("content-type", "text/plain"), hour).unwrap();
        let typed = [("content-type", "text/plain".to_owned())];
        assert_eq!(send("PUT", link.expose_secret(), &typed, b"content").await.unwrap().0, StatusCode::OK);
        let other = [("content-type", "text/html".to_owned())];
        assert_eq!(
            send("PUT", link.expose_secret(), &other, b"content").await.unwrap().0,
            StatusCode::FORBIDDEN
        );

        let listing = format!("{}/bucket?list-type=2&prefix=a%2Fb%20c", server.endpoint_url());
        let list = Request::new("GET", &listing, "s3").region("eu-central-1");
        let (status, listed) = send_signed(&credentials, &list, "GET", &listing).await;
        assert!(status == StatusCode::OK && listed.contains("<Key>a/b c+ü.txt</Key>"), "{listed}");
        let link = presign(&credentials, &list, hour).unwrap();
        assert_eq!(send("GET", link.expose_secret(), &[], b"").await.unwrap().0, StatusCode::OK);
        let gone = send_signed(&credentials, &request("DELETE"), "DELETE", &url).await;
        assert_eq!((gone.0, server.objects()), (StatusCode::NO_CONTENT, vec![]));

        let tokens: Vec<String> = key.token.map(str::to_owned).into_iter().collect();
        let expected = ["PUT", "PUT", "GET", "PUT", "GET", "GET", "DELETE"].map(|method| Seen {
            id: key.id.to_owned(),
            method: method.to_owned(),
            tokens: tokens.clone(),
        });
        assert_eq!(server.take_seen(), expected);
    }
}

/// S3 decodes a path and encodes it anew before it compares. `report(1).txt` is what a browser makes of that name: it was
/// signed as it stood, and refused by every server.
#[tokio::test]
async fn a_path_may_be_percent_encoded_more_or_less() {
    let server = S3Server::start(&[STATIC]).unwrap();
    let mut accepted = 0;
    for (path, key) in [
        ("report(1).txt", "report(1).txt"),
        ("report%281%29.txt", "report(1).txt"),
        ("a+b:c@d=e,f;g!h'i*j&k$l", "a+b:c@d=e,f;g!h'i*j&k$l"),
        ("%c3%bc%7e%61", "ü~a"),
        ("a%2fb", "a/b"),
        ("a//b/./..", "a//b/./.."),
    ] {
        let url = format!("{}/bucket/{path}", server.endpoint_url());
        let put = Request::new("PUT", &url, "s3").region("eu-central-1").body(b"content");
        let (status, text) = send_signed(&credentials(STATIC), &put, "PUT", &url).await;
        assert_eq!(
            (status, server.objects()),
            (StatusCode::OK, vec![("bucket".into(), key.into())]),
            "{text}"
        );

        let delete = Request::new("DELETE", &url, "s3").region("eu-central-1");
        let link = presign(&credentials(STATIC), &delete, Duration::from_secs(60)).unwrap();
        assert!(link.expose_secret().starts_with(&format!("{url}?")), "the URL is as it was given");
        let (status, text) = send("DELETE", link.expose_secret(), &[], b"").await.unwrap();
        assert_eq!((status, server.objects()), (StatusCode::NO_CONTENT, vec![]), "{path}: {text}");
        accepted += 2;
    }
    assert_eq!(accepted, server.take_seen().len());
}

#[tokio::test]
async fn what_was_not_signed_with_the_secret_is_refused() {
    let server = S3Server::start(&[STATIC, SESSION]).unwrap();
    let url = format!("{}/bucket/key", server.endpoint_url());
    let put = Request::new("PUT", &url, "s3").region("eu-central-1").body(b"content");
    let refused = |(status, text): (StatusCode, String), code: &str| {
        assert!(status == StatusCode::FORBIDDEN && text.contains(code), "{status} {text}");
        assert_no_secret(&text);
    };
    // One character of the secret, in a header and in a URL.
    refused(send_signed(&credentials(WRONG), &put, "PUT", &url).await, "SignatureDoesNotMatch");
    let link = presign(&credentials(WRONG), &put, Duration::from_secs(60)).unwrap();
    refused(send("PUT", link.expose_secret(), &[], b"content").await.unwrap(), "SignatureDoesNotMatch");
    // Another body.
    let other = put.clone().body(b"contend");
    refused(send_signed(&credentials(STATIC), &other, "PUT", &url).await, "SignatureDoesNotMatch");
    // A URL that is over.
    let ago = SystemTime::now() - Duration::from_secs(120);
    let link = presign(&credentials(STATIC), &put.clone().time(ago), Duration::from_secs(60)).unwrap();
    refused(send("PUT", link.expose_secret(), &[], b"content").await.unwrap(), "expired");
    // A session's key without its token: the control of the server's check.
    let bare = credentials(Key { token: None, ..SESSION });
    let (status, text) = send_signed(&bare, &put, "PUT", &url).await;
    assert!(status.is_client_error() && text.contains("InvalidToken"), "{status} {text}");
    assert_eq!((server.objects(), server.take_seen()), (vec![], vec![]));
}

/// HTTP takes white space around a value away; what stands in it is the value's, but for several spaces, which count as one.
#[test]
fn white_space_around_a_value_is_not_signed() {
    let time = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    let signature = |value| {
        let request = Request::new("GET", "https://example.com/", "s3").region("us-east-1").time(time);
        header(&credentials(STATIC), &request.header("x-amz-meta-a", value), "authorization").unwrap()
    };
    for same in ["\ta b", "a b\t ", " a  b"] {
        assert_eq!(signature(same), signature("a b"), "{same:?}");
    }
    assert_ne!(signature("ab"), signature("a b"));
}

#[test]
fn the_hash_of_the_body_is_sent_to_s3_and_to_whoever_is_to_take_an_unsigned_one() {
    let hash = |service, unsigned| {
        let request =
            Request::new("PUT", "https://example.com/a//b", service).region("us-east-1").body(b"42");
        let request = if unsigned { request.unsigned_body() } else { request };
        header(&credentials(STATIC), &request, "x-amz-content-sha256")
    };
    let forty_two = "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049".to_owned();
    for service in ["s3", "s3express", "s3-object-lambda", "s3-outposts"] {
        assert_eq!(hash(service, false), Some(forty_two.clone()), "{service}");
    }
    assert_eq!(hash("execute-api", false), None);
    for service in ["s3", "execute-api"] {
        assert_eq!(hash(service, true).as_deref(), Some("UNSIGNED-PAYLOAD"), "{service}");
    }
}

#[test]
fn the_region_is_the_requests_or_the_records() {
    let in_record = |region: &str| {
        let draft = draft("s3-uploads", STATIC).and_then(|draft| draft.attribute("region", region)).unwrap();
        records(&vault().unwrap(), &[draft]).unwrap().remove(0)
    };
    let request = Request::new("GET", "https://example.com/", "s3");
    let scope = |credentials: &Credentials, request: &Request<'_>| {
        let authorization = header(credentials, request, "authorization").unwrap();
        authorization.split('/').nth(2).unwrap().to_owned()
    };
    assert_eq!(scope(&in_record("eu-central-1"), &request), "eu-central-1");
    assert_eq!(scope(&in_record("eu-central-1"), &request.clone().region("us-east-1")), "us-east-1");
    for nowhere in [credentials(STATIC), in_record("")] {
        let error = sign(&nowhere, &request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "missing region: neither the request nor the record contains one");
    }
}

#[test]
fn a_session_signs_until_it_ends() {
    let end = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    let draft = draft("s3-uploads", SESSION).unwrap().expires(end);
    let session = records(&vault().unwrap(), &[draft]).unwrap().remove(0);
    let request = Request::new("GET", "https://example.com/", "s3").region("us-east-1");
    assert!(sign(&session, &request.clone().time(end - Duration::from_secs(1))).is_ok());
    for error in [
        sign(&session, &request.clone().time(end)).unwrap_err(),
        presign(&session, &request, Duration::from_secs(60)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert_eq!(
            error.to_string(),
            "the session of the record \"s3-uploads\" expired at 2015-08-30T12:36:00Z"
        );
    }
}

#[test]
fn credentials_that_no_header_can_hold_sign_nothing() {
    let request = Request::new("GET", "https://example.com/", "s3").region("us-east-1");
    for (what, key) in [
        ("access key id", Key { id: "AKIAü", ..STATIC }),
        ("session token", Key { token: Some("a\r\nb"), ..SESSION }),
    ] {
        for error in [
            sign(&credentials(key), &request).unwrap_err(),
            presign(&credentials(key), &request, Duration::from_secs(60)).unwrap_err(),
        ] {
            let message = format!(
                "invalid {what} in the record \"s3-uploads\": it must contain only visible ASCII characters"
            );
            assert_eq!((error.kind(), error.to_string()), (ErrorKind::InvalidInput, message));
        }
    }
}

#[test]
fn what_cannot_be_signed_is_refused_with_the_reason() {
    let credentials = credentials(SESSION);
    let good = Request::new("GET", "https://example.com/", "s3").region("us-east-1");
    let url = |url| Request::new("GET", url, "s3").region("us-east-1");
    let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
    for (request, message) in [
        (url("/key"), "the URL must begin with http:// or https:// and a host"),
        (url("example.com"), "the URL must begin with http:// or https:// and a host"),
        (url(""), "the URL must begin with http:// or https:// and a host"),
        (url("uploads/key"), "the URL must begin with http:// or https:// and a host"),
        (url("ftp://example.com/"), "the URL must begin with http:// or https:// and a host"),
        (url("https://anna:pass@example.com/"), "the URL must not contain a user name or a password"),
        (url("https://example.com/#part"), "the URL must not contain a fragment"),
        (url("https://example.com/ü"), "the URL must be percent-encoded"),
        (url("https://example.com/a b"), "could not sign the request"),
        (url("https://example.com/50%"), "a % in the URL must be followed by two hexadecimal digits"),
        (url("https://example.com/?a=%2"), "a % in the URL must be followed by two hexadecimal digits"),
        (url("https://example.com/?a=%+1"), "a % in the URL must be followed by two hexadecimal digits"),
        (url("https://example.com/?a=%FF"), "the URL's query must be UTF-8, percent-encoded"),
        (url("https://"), "could not sign the request"),
        (Request::new("GE T", "https://example.com/", "s3").region("a"), "could not sign the request"),
        (good.clone().header("a b", "c"), "could not sign the request"),
        (good.clone().header("a", "b\nc"), "could not sign the request"),
        (
            good.clone().header("X-Amz-Date", ""),
            "the request must not contain the header x-amz-date, because signing sets it",
        ),
        (
            good.clone().header("Authorization", ""),
            "the request must not contain the header authorization, because signing sets it",
        ),
        (
            good.clone().header("X-Amz-Security-Token", ""),
            "the request must not contain the header x-amz-security-token, because signing sets it",
        ),
        (
            good.clone().header("host", "a").header("Host", "a"),
            "the request must contain the header host only once",
        ),
        (
            good.clone().region("eu/central"),
            "invalid region: only ASCII letters, digits and -_. are allowed, not \"eu/central\"",
        ),
        (
            Request::new("GET", "https://example.com/", "s3, x").region("a"),
            "invalid service: only ASCII letters, digits and -_. are allowed, not \"s3, x\"",
        ),
        (good.clone().time(before_1970), "invalid signing time: it must be in the years 1970 to 9999"),
    ] {
        let hour = Duration::from_secs(3600);
        for error in [sign(&credentials, &request).err(), presign(&credentials, &request, hour).err()] {
            let Some(error) = error else { panic!("not refused: {message}, {request:?}") };
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, message));
            assert_no_secret(&format!("{error:?} {request:?}"));
        }
    }
    let week = Duration::from_secs(7 * 24 * 3600);
    assert!(presign(&credentials, &good, week).is_ok());
    for time in [Duration::ZERO, Duration::from_millis(999), week + Duration::from_nanos(1), Duration::MAX] {
        let error = presign(&credentials, &good, time).unwrap_err();
        assert_eq!(error.to_string(), "invalid lifetime of a presigned URL: it must be 1 second to 7 days");
    }
    let link = presign(&credentials, &good, week).unwrap();
    let signed_already = url(link.expose_secret());
    for error in
        [presign(&credentials, &signed_already, week).err(), sign(&credentials, &signed_already).err()]
    {
        let message = error.unwrap().to_string();
        assert_eq!(message, "the URL must not contain the parameter x-amz-date, because signing sets it");
    }
}

proptest! {
    /// Whatever is given, the answer is headers or an error; and the values fit into headers.
    #[test]
    fn signing_never_panics(
        method in "\\PC{0,6}|GET",
        url in "\\PC{0,30}|https?://[a-z@:#?%&=/+.0-9\\[\\]ü]{0,30}",
        service in "s3|\\PC{0,4}",
        name in "\\PC{0,5}|[a-z-]{1,5}",
        value in "[ -~\n\tü]{0,10}",
        seconds in any::<u32>(),
    ) {
        let credentials = CREDENTIALS.with(Clone::clone);
        let time = UNIX_EPOCH + Duration::from_secs(seconds.into());
        let request = Request::new(&method, &url, &service).region("eu-central-1").header(&name, &value).time(time);
        if let Ok(headers) = sign(&credentials, &request) {
            for (_, value) in headers {
                prop_assert!(hyper::header::HeaderValue::from_str(value.expose_secret()).is_ok());
            }
        }
        if let Ok(link) = presign(&credentials, &request, Duration::from_secs(seconds.into())) {
            prop_assert!(link.expose_secret().parse::<hyper::Uri>().is_ok());
        }
    }
}

thread_local! {
    static CREDENTIALS: Credentials = credentials(SESSION);
}
