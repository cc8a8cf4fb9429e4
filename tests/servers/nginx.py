"""nginx with pages to check, over plain HTTP and over TLS with certificates good and bad."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.need import program
from tests.servers.certificates import Certificates
from tests.servers.process import Server, accepts, directory, free_port

__all__ = ["Nginx", "nginx"]

_CONFIGURATION = """
{user}
daemon off;
pid {path}/pid;
error_log {path}/error.log;
events {{}}
http {{
    access_log {path}/access.log;
    client_body_temp_path {path}/body;
    proxy_temp_path {path}/proxy;
    fastcgi_temp_path {path}/fastcgi;
    uwsgi_temp_path {path}/uwsgi;
    scgi_temp_path {path}/scgi;
    default_type text/plain;
    ssl_protocols TLSv1.2 TLSv1.3;
    keepalive_timeout 60;
    {servers}
}}
"""
_SERVER = """
    server {{
        listen 127.0.0.1:{port}{ssl};
{tls}
        root {path}/pages;
        location = /health {{ return 200 'all is well'; }}
        location = /json {{
            default_type application/json;
            return 200 '{{"status": "ok", "items": [{{"id": 7}}]}}';
        }}
        location = /down {{ return 503 'closed for today'; }}
        location = /empty {{ return 204; }}
        location = /moved {{ return 301 /health; }}
        location = /away {{ return 302 http://127.0.0.1:{other}/headers; }}
        location = /around {{ return 307 /around; }}
        location = /metadata {{ return 302 http://169.254.169.254/latest; }}
        location = /nowhere {{ return 302 ftp://example.com/; }}
        location = /headers {{
            add_header X-Heard "$http_authorization|$http_x_mine|$request_method|$request_uri" always;
            return 200;
        }}
        location = /login {{
            auth_basic "here";
            auth_basic_user_file {path}/users;
            try_files /hello.txt =404;
        }}
        location = /compressed.txt {{ gzip on; gzip_min_length 1; gzip_types text/plain; }}
        location = /chunked.txt {{ ssi on; ssi_types text/plain; }}
        location = /post {{ return 200 '$request_method $content_length $content_type'; }}
    }}
"""
_TLS = """
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        {more}
"""


class Nginx:
    """Where it is: `url` plain, `secure` by the name of the certificate."""

    def __init__(self, server: Server, url: str, secure: dict[str, str], certificates: Certificates) -> None:
        self.server, self.url, self.secure = server, url, secure
        self.certificates = certificates
        self.port = server.port


def _pages(path: Path) -> None:
    (path / "hello.txt").write_text("hello, you who know the password\n")
    (path / "compressed.txt").write_text("a line that repeats\n" * 500)
    (path / "chunked.txt").write_text("begin\n" + "x" * 50_000 + "\nend\n")
    with (path / "big.bin").open("wb") as big:
        big.truncate(1 << 30)


@contextmanager
def nginx() -> Iterator[Nginx]:
    """Runs as one user; a client certificate is wanted at ``secure["mutual"]``."""
    binary = program("nginx", "nginx-light")
    with directory() as path:
        certificates = Certificates(path)
        issued = {
            "good": certificates.issue("localhost", "127.0.0.1", days=90.5),
            "soon": certificates.issue("localhost", days=5.2),
            "expired": certificates.issue("localhost", days=-3.2),
            "wrong": certificates.issue("elsewhere.example", days=90),
            "mutual": certificates.issue("localhost", days=91),
            "old": certificates.issue("localhost", days=92),
        }
        more = {
            "mutual": f"ssl_client_certificate {certificates.authority}; ssl_verify_client on;",
            "old": "ssl_protocols TLSv1.2;",
            "good": "ssl_protocols TLSv1.3;",
        }
        (path / "pages").mkdir()
        (path / "users").write_text("agent:{PLAIN}s3cret-word\n")
        _pages(path / "pages")
        port, other = free_port(), free_port()
        ports = {name: free_port() for name in issued}
        servers = [(port, "", ""), (other, "", "")]
        for name, (certificate, key) in issued.items():
            tls = _TLS.format(certificate=certificate, key=key, more=more.get(name, ""))
            servers.append((ports[name], " ssl", tls))
        blocks = [_SERVER.format(port=n, ssl=ssl, tls=tls, path=path, other=other) for n, ssl, tls in servers]
        user = "user root;" if os.getuid() == 0 else ""
        configuration = path / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(user=user, path=path, servers="".join(blocks)))
        command = [binary, "-c", str(configuration), "-e", str(path / "error.log")]
        server = Server(command, port=port, log=path / "log", ready=lambda: accepts(port))
        server.start()
        try:
            secure = {name: f"https://localhost:{number}" for name, number in ports.items()}
            yield Nginx(server, f"http://127.0.0.1:{port}", secure, certificates)
        finally:
            server.stop()
