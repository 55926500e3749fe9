"""An IAM on loopback that verifies signatures, and a proxy before it that loses what it is told to lose."""

import datetime
import http.client
import http.server
import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PATIENCE = 60  # seconds; whoever takes longer hangs
MOST_KEYS = 2


def certificate(folder):
    """A certificate for the loopback that whoever trusts this very file accepts, and a server's TLS with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1))
        .add_extension(names, critical=False).sign(key, hashes.SHA256())
    )
    path = os.path.join(folder, "certificate.pem")
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(path, "wb") as file:
        file.write(made.public_bytes(Encoding.PEM))
    with open(os.path.join(folder, "private.pem"), "wb") as file:
        file.write(private)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path, os.path.join(folder, "private.pem"))
    return path, tls


class Moto:
    """The server, with an administrator who makes users and looks at their keys."""

    def __init__(self, program, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # From the fourth call on it verifies who signs: three make the administrator.
        environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "3", "MOTO_CALL_RESET_API": "false"}
        self.log = open(os.path.join(folder, "moto.log"), "wb")
        self.process = subprocess.Popen(
            [program, "--host", "127.0.0.1", "--port", str(self.port)],
            env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self.wait()
        nobody = self.client("iam", "AKIANOBODY", "nobody")
        nobody.create_user(UserName="administrator")
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        nobody.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(allowed))
        key = nobody.create_access_key(UserName="administrator")["AccessKey"]
        self.iam = self.client("iam", key["AccessKeyId"], key["SecretAccessKey"])

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
        raise SystemExit("moto_server did not start")

    def client(self, service, key, secret, token=None):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def user(self, name):
        """A user who may do with their own keys what a rotation needs, and one key."""
        self.iam.create_user(UserName=name)
        actions = ["ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "GetAccessKeyLastUsed"]
        statement = {"Effect": "Allow", "Action": [f"iam:{action}" for action in actions], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_user_policy(UserName=name, PolicyName="own-keys", PolicyDocument=policy)
        return self.key(name)

    def key(self, name):
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def keys(self, name):
        """The keys of a user, and whether each is active."""
        keys = self.iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] == "Active" for key in keys}

    def refusal(self, pair):
        """Why the server does not accept this pair, or None if it does."""
        try:
            self.client("sts", *pair).get_caller_identity()
            return None
        except ClientError as error:
            return error.response["Error"]["Code"]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Proxy:
    """Passes requests on one by one, and counts them. What becomes of each, `fate` says: called with the number of the
    request, its action and "before" or "after" it reached the server, it returns None, to pass it on, or what to answer
    in its place: (status, body), (status, body, Date header), or LOST."""

    LOST = object()

    def __init__(self, server, tls=None):
        self.server, self.fate, self.user, self.seen, self.most_keys = server, None, None, [], 0
        self.signed = None  # when the last request was signed
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                proxy.handle(self)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                # Who was killed closes nothing, and who does not trust us says so.
                if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
                    super().handle_error(request, client_address)

        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.listener.server_port}"
        if tls:
            self.listener.socket = tls.wrap_socket(self.listener.socket, server_side=True)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()

    def begin(self, user, fate=None):
        self.user, self.fate, self.seen = user, fate, []

    def decide(self, number, action, when):
        if self.user is not None:
            self.most_keys = max(self.most_keys, len(self.server.keys(self.user)))
        return self.fate(number, action, when) if self.fate else None

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        action = urllib.parse.parse_qs(body.decode())["Action"][0]
        number = len(self.seen)
        self.seen.append(action)
        signed = datetime.datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        self.signed = signed.replace(tzinfo=datetime.UTC)
        answer = self.decide(number, action, "before")
        if answer is None:
            server = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
            server.request("POST", request.path, body, dict(request.headers))
            response = server.getresponse()
            # Moto has one element more around an error than AWS has.
            passed = (response.status, re.sub(rb"</?Errors>", b"", response.read()))
            server.close()
            answer = self.decide(number, action, "after") or passed
        if answer is Proxy.LOST:
            request.close_connection = True
            return
        try:
            if len(answer) == 3:
                request.date_time_string = lambda: answer[2]
            else:
                request.__dict__.pop("date_time_string", None)
            request.send_response(answer[0])
            request.send_header("Content-Type", "text/xml")
            request.send_header("Content-Length", str(len(answer[1])))
            request.end_headers()
            request.wfile.write(answer[1])
        except OSError:  # who asked is gone
            request.close_connection = True

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()


class Tunnel:
    """An HTTP proxy that connects to whatever its client names by CONNECT, and counts its connections."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url, self.targets = f"http://127.0.0.1:{self.listener.getsockname()[1]}", []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        target = head.split()[1].decode()
        self.targets.append(target)
        host, _, port = target.rpartition(":")
        server = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        threading.Thread(target=self.pump, args=[server, client], daemon=True).start()
        self.pump(client, server)

    @staticmethod
    def pump(source, sink):
        try:
            while some := source.recv(65536):
                sink.sendall(some)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()
