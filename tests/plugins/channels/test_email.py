"""The `email` channel against a real SMTP server: what a mail holds, who gets it, and what each failure means."""

from __future__ import annotations

import random
import socket
import ssl
import string
import threading
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import SMTP as POLICY

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from tests.notices import NASTY, hostile_notifications
from tests.plugins.channels.made import make_notice, make_notification
from tests.servers.certificates import Certificates
from tests.servers.smtp import RESET, mailing

from auscult import AlertSeverity, Catalogue, ChangeKind, DeliveryError
from auscult.alert import delivery_key
from auscult.options import convert_options
from auscult.runtime.egress import EgressPolicy
from auscult_plugins.email import EmailChannel
from auscult_plugins.email.mail import mail

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Requiring AUTH")]
PASSWORD = "canary-Zq7-password"


@pytest.fixture
def server():
    with mailing() as running:
        yield running


def channel_to(server, **options) -> EmailChannel:
    """A channel to that server, in clear."""
    defaults = {"host": "127.0.0.1", "sender": "auscult <alerts@example.com>", "to": ("ops@example.com",)}
    return EmailChannel(port=getattr(server, "port", server), **({"security": "none"} | defaults | options))


@pytest.fixture
def refused(send):
    """``await refused(channel)``: the DeliveryError that sending ends with."""

    async def sending(channel, notification=None, **options) -> DeliveryError:
        with pytest.raises(DeliveryError) as caught:
            await send(channel, notification or make_notification(), **options)
        return caught.value

    return sending


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


def secured(certificates: Certificates, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(*(names or ("localhost",))))
    return context


def test_it_is_found_by_its_kind():
    """The entry point offers it, as any plugin's."""
    assert Catalogue.discover().channel("email").__name__ == "EmailChannel"


# What a mail holds


async def test_a_mail_in_text_and_html(send, server):
    """Headers for people, for mail programs and for filters; the same facts in both parts."""
    notification = make_notification()
    await send(channel_to(server, to=("ops@example.com", "Ann <ann@example.org>")), notification)
    (arrived,) = server.taken
    assert (arrived.sender, arrived.recipients) == ("alerts@example.com", ["ops@example.com", "ann@example.org"])
    message = arrived.message
    assert message["From"] == "auscult <alerts@example.com>"
    assert message["To"] == "ops@example.com, Ann <ann@example.org>"
    assert message["Subject"] == "[FIRING high] component_unhealthy: stt_client"
    assert message["Date"].datetime.isoformat() == "2024-01-15T10:25:00+00:00"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Importance"] == "high"
    assert message["X-Auscult-Key"] == notification.key
    assert (message["X-Auscult-Status"], message["X-Auscult-Severity"]) == ("firing", "high")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    for part in (arrived.text, arrived.html):
        assert "Component stt_client is unhealthy: Connection timeout" in part
        assert "Values: response_time_ms 5012.5" in part
        assert "https://auscult.example.com" in part
    assert '<a href="https://auscult.example.com">auscult</a>' in arrived.html


async def test_a_test_says_that_it_is_one(send, server):
    """And is of no importance."""
    await send(channel_to(server), make_notification(test=True))
    assert server.taken[0].message["Subject"].startswith("[TEST] [FIRING high]")
    assert server.taken[0].message["Importance"] is None


async def test_several_notices_are_one_mail(send, server):
    """With everything in it."""
    notices = [make_notice(component=f"c{i}") for i in range(3)]
    await send(channel_to(server), make_notification(*notices, key="an-envelope"))
    (arrived,) = server.taken
    assert arrived.message["Subject"] == "[FIRING 3, high] component_unhealthy: c0 and 2 more"
    assert all(f"component_unhealthy: c{i}" in arrived.text for i in range(3))


async def test_a_thousand_notices_still_make_one_mail(send, server):
    """That a mail server takes, naming all of them."""
    notices = [make_notice(component=f"component-{i}") for i in range(1000)]
    await send(channel_to(server), make_notification(*notices, key="an-envelope"))
    (arrived,) = server.taken
    assert len(arrived.content) < 400_000
    assert all(f"component-{i}\n" in f"{arrived.text}\n" for i in range(0, 1000, 99))


# Threads


async def test_an_incidents_mails_answer_its_first(send, server):
    """Firing, reminder, end: three mails, three ids, one thread; another incident is another thread."""
    channel = channel_to(server)
    story = [(ChangeKind.FIRED, 1), (ChangeKind.REMINDED, 2), (ChangeKind.RESOLVED, 3)]
    for kind, number in story:
        await send(channel, make_notification(make_notice(kind, number=number, first=number == 1)))
    await send(channel, make_notification(make_notice(component="other", labels={})))
    first, reminder, end, other = (arrived.message for arrived in server.taken)
    assert first["In-Reply-To"] is None
    assert first["References"] is None
    for later in (reminder, end):
        assert later["In-Reply-To"] == later["References"] == first["Message-ID"]
    assert other["In-Reply-To"] is None
    assert len({message["Message-ID"] for message in (first, reminder, end, other)}) == 4


async def test_what_was_told_late_is_in_one_thread_as_well(send, server):
    """A channel that missed the first change: its mails refer to the same id, so programs put them together."""
    for number, first in ((4, True), (5, False)):
        await send(channel_to(server), make_notification(make_notice(ChangeKind.REMINDED, number=number, first=first)))
    first, second = (arrived.message for arrived in server.taken)
    assert first["References"] == second["References"]
    assert first["References"] not in (first["Message-ID"], second["Message-ID"])


async def test_a_mail_about_several_incidents_names_them_all(send, server):
    """The loudest first; never more than twenty."""
    notices = [make_notice(component=f"c{i}", severity=AlertSeverity.LOW) for i in range(30)]
    loud = make_notice(component="loud", severity=AlertSeverity.CRITICAL)
    await send(channel_to(server), make_notification(*notices, loud, key="an-envelope"))
    await send(channel_to(server), make_notification(loud))
    group, single = (arrived.message for arrived in server.taken)
    assert group["In-Reply-To"] == single["Message-ID"]
    assert len(group["References"].split()) == 20


@pytest.mark.parametrize("domain", ["example.com", "x" * 36, f"{'a' * 60}.{'b' * 60}.example.com"])
def test_ids_stay_readable(domain):
    """No id is folded or encoded, whatever the sender's domain: programs compare them letter by letter."""
    channel = channel_to(25, sender=f"alerts@{domain}")
    notice = make_notice(ChangeKind.RESOLVED, number=2)
    lines = mail(make_notification(notice), channel._sender, channel._to).decode("ascii").split("\r\n")
    found = [line for line in lines if line.startswith(("Message-ID:", "In-Reply-To:", "References:"))]
    assert len(found) == 3
    assert all(line.count("@") == 1 and line.endswith(">") and "=?" not in line for line in found)
    assert all(len(line) <= 78 for line in found)


def test_a_repeat_is_the_same_bytes():
    """Whatever the attempt: a mail box that knows Message-IDs shows it once."""
    made = [mail(make_notification(attempt=attempt), channel_to(25)._sender, channel_to(25)._to) for attempt in (1, 2)]
    assert made[0] == made[1]


def test_two_keys_are_two_ids():
    """Of the same alert in two channels, and of two changes."""
    keys = [delivery_key("a", number, channel) for number in (1, 2) for channel in ("ops", "boss")]
    sender, to = channel_to(25)._sender, channel_to(25)._to
    mails = [message_from_bytes(mail(make_notification(key=key), sender, to)) for key in keys]
    ids = {made["Message-ID"] for made in mails}
    assert len(ids) == 4


async def test_a_subject_arrives_as_it_was_meant(send, server):
    """Long, in any script, and where it looks like what headers are encoded with."""
    names = ["e" * 90 + " end", "Überwachung ☃ " * 6, "=?utf-8?q?x=0D=0ABcc=3A_evil=40example.net?=", "a=?b?=c", "x"]
    for name in names:
        await send(channel_to(server), make_notification(make_notice(rule=name)))
    for name, arrived in zip(names, server.taken, strict=True):
        raw = arrived.content.partition(b"\r\nSubject: ")[2].partition(b"\r\nDate:")[0].decode("ascii")
        assert str(make_header(decode_header(raw))) == f"[FIRING high] {name.strip()}: stt_client"


# Hostile texts

INJECTIONS = [
    "x\r\nBcc: evil@example.net",
    "x\nBcc: evil@example.net\n\nbody",
    "x\r\n.\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<evil@example.net>\r\nDATA\r\n\r\nsmuggled\r\n.\r\n",
    "x\n.\nMAIL FROM:<evil@example.net>\nRCPT TO:<evil@example.net>\nDATA\nSubject: smuggled\n\nx\n.\n",
    "x\r.\rRCPT TO:<evil@example.net>\r",
    "x\u2028Bcc: evil@example.net",
    "x\x0bBcc: evil@example.net",
    "x\x85Bcc: evil@example.net",
    "x\0\r\nBcc: evil@example.net",
    "=?utf-8?q?x=0D=0ABcc=3A_evil=40example.net?=",
    "=?utf-8?b?eA0KQmNjOiBldmlsQGV4YW1wbGUubmV0?=",
    ".\r\n.\r\n..\r\n",
    "<evil@example.net>, evil@example.net; evil@example.net",
    '"\r\nTo: evil@example.net\r\n"',
    "--=_boundary--\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>",
    "\ud800Bcc: evil@example.net\udfff\r\n",
]


def hostile_texts(count: int) -> list[str]:
    """The known ones, then pieces of them put together at random, always the same."""
    rng = random.Random(3)
    pieces = [*INJECTIONS, *NASTY, "\r\n", "\n", "\r", "\r\n\r\n", "Bcc: evil@example.net", ".", "=?utf-8?q?=0A?="]
    texts = dict.fromkeys([*INJECTIONS, *NASTY])
    while len(texts) < count:
        noise = "".join(rng.choices(string.printable + "äß✓\u202e", k=rng.randint(0, 30)))
        texts["".join([noise, *rng.choices(pieces, k=rng.randint(1, 4))])[:5000]] = None
    return list(texts)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_text_injects_anything(context, server):
    """200 hostile texts in every field of an alert and as the names around it: 200 mails, to whom they were meant,
    with our headers, each once, and no line of a header that we did not write."""
    texts, channel = hostile_texts(200), channel_to(server, to=("ops@example.com", "ann@example.org"))
    assert len(set(texts)) == 200
    async with context(channel) as ctx:
        for number, text in enumerate(texts):
            everywhere = {
                "rule": text,
                "component": text,
                "message": text,
                "labels": {text: text},
                "values": {text: text},
                "runbook": text,
                "cause": text,
                "affected": (text,),
                "note": text,
                "by": text,
                "resolution": text,
            }
            notice = make_notice(ChangeKind.RESOLVED if number % 2 else ChangeKind.FIRED, **everywhere)
            told = make_notification(
                notice, key=f"{number}/{text}", sender=text, url=text, group={text: text}, created_at=number * 1000
            )
            await channel.send(told, ctx)
    assert len(server.taken) == 200
    assert server.commands.count("RCPT ops@example.com") == 200
    assert [command for command in server.commands if "evil" in command] == []
    for arrived in server.taken:
        assert arrived.recipients == ["ops@example.com", "ann@example.org"]
        message = arrived.message
        names = [name.lower() for name in message.keys()]  # noqa: SIM118 - the keys, repeated ones too
        assert len(names) == len(set(names))
        assert set(names) <= HEADERS
        assert (message["To"], message["From"]) == (
            "ops@example.com, ann@example.org",
            "auscult <alerts@example.com>",
        )
        assert [part.get_content_type() for part in message.walk()] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]
        assert "<script" not in arrived.html
        assert max(len(line) for line in arrived.content.split(b"\r\n")) <= 998
        assert arrived.content.isascii()
    assert len({arrived.message["Message-ID"] for arrived in server.taken}) == 200


HEADERS = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "importance",
    "auto-submitted",
    "x-auto-response-suppress",
    "x-auscult-key",
    "x-auscult-status",
    "x-auscult-severity",
    "mime-version",
    "content-type",
}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(notification=hostile_notifications())
def test_any_notification_is_a_mail(notification):
    """Whatever it holds: the headers are ours, in lines that SMTP takes, all of it ASCII."""
    channel = channel_to(25)
    content = mail(notification, channel._sender, channel._to)
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    names = [line.partition(":")[0].lower() for line in head.split("\r\n") if not line.startswith((" ", "\t"))]
    assert len(names) == len(set(names))
    assert set(names) <= HEADERS
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


# Failures


async def test_greylisting_passes(send, refused, server):
    """451 at first: to be tried again; then taken, once."""
    server.answer("RCPT", "451 4.7.1 greylisted, come back in five minutes")
    error = await refused(channel_to(server))
    assert error.retry is True
    assert "451 4.7.1 greylisted" in str(error)
    assert not server.taken
    await send(channel_to(server), make_notification(attempt=2))
    assert len(server.taken) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "retry"),
    [
        ("421 4.3.2 shutting down", True),
        ("450 4.2.1 busy", True),
        ("452 4.3.1 full", True),
        ("550 5.7.1 no", False),
        ("554 5.6.0 spam", False),
        (RESET, True),
    ],
)
async def test_answers_are_told_apart(send, refused, server, command, answer, retry):
    """4xx passes, 5xx does not, wherever it is said; a reset passes. Each is one attempt, and the next one works."""
    channel = channel_to(server)
    server.answer(command, answer)
    error = await refused(channel)
    assert error.retry is retry
    assert answer == RESET or answer[:3] in str(error)
    assert "127.0.0.1" in str(error)
    assert not server.taken
    await send(channel, make_notification(attempt=2 if retry else 1))  # a dead letter begins anew
    assert len(server.taken) == 1


async def test_a_reset_after_the_content_is_repeated_under_the_same_id(send, refused, server):
    """Nobody knows whether it was taken: the same mail comes again, and says that it is the same."""
    channel = channel_to(server)
    server.answer("DATA", RESET)
    assert (await refused(channel)).retry is True
    await send(channel, make_notification(attempt=2))
    (broken,), (taken,) = server.broken, server.taken
    assert broken.message["Message-ID"] == taken.message["Message-ID"]
    assert broken.content == taken.content


async def test_an_unknown_recipient_alone_is_permanent(refused, server):
    """With what the server said."""
    server.unknown["ops@example.com"] = "550 5.1.1 no such user"
    error = await refused(channel_to(server))
    assert error.retry is False
    assert str(error) == "127.0.0.1 refused ops@example.com: 550 5.1.1 no such user"


async def test_an_unknown_recipient_among_others_is_logged(send, server, caplog):
    """The others have it, and shall hear of its end: it counts as told."""
    server.unknown["gone@example.com"] = "550 5.1.1 no such user"
    await send(channel_to(server, to=("gone@example.com", "ops@example.com")), make_notification())
    assert server.taken[0].recipients == ["ops@example.com"]
    assert "refused gone@example.com: 550 5.1.1 no such user" in caplog.text


async def test_only_those_are_asked_again_who_do_not_have_it(send, refused, server):
    """One greylisted, one unknown, one fine: three attempts, one mail each for those who exist."""
    channel = channel_to(server, to=("a@example.com", "late@example.com", "gone@example.com"))
    server.unknown = {"late@example.com": "451 later", "gone@example.com": "550 never"}
    error = await refused(channel)
    assert error.retry is True
    assert "451 later" in str(error)
    assert "550 never" in str(error)
    del server.unknown["late@example.com"]
    await send(channel, make_notification(attempt=2))
    assert [arrived.recipients for arrived in server.taken] == [["a@example.com"], ["late@example.com"]]
    assert len({arrived.message["Message-ID"] for arrived in server.taken}) == 1
    assert server.commands.count("RCPT gone@example.com") == 1


async def test_nobody_left_is_permanent(refused, server):
    """One unknown at once, the other in the end: nobody has it, and the error says so."""
    channel = channel_to(server, to=("late@example.com", "gone@example.com"))
    server.unknown = {"late@example.com": "451 later", "gone@example.com": "550 never"}
    assert (await refused(channel)).retry is True
    server.unknown["late@example.com"] = "550 moved"
    error = await refused(channel, make_notification(attempt=2))
    assert error.retry is False
    assert "550 moved" in str(error)
    assert "550 never" in str(error)


async def test_the_mail_counts_before_the_farewell(send, server):
    """A server that has the mail and then hangs at QUIT has the mail."""
    server.answer("QUIT", "hang")
    with anyio.fail_after(25):
        await send(channel_to(server), make_notification())
    assert len(server.taken) == 1


async def test_nobody_listens(refused, closed):
    """A refused connection is to be tried again."""
    error = await refused(channel_to(closed))
    assert error.retry is True
    assert str(error) == f"cannot connect to 127.0.0.1:{closed}: Connection refused"


async def test_a_name_that_does_not_resolve(refused):
    error = await refused(channel_to(25, host="nobody.invalid"))
    assert error.retry is True
    assert "nobody.invalid" in str(error)


async def test_an_address_that_the_policy_forbids_is_permanent(refused, server):
    """The egress policy is judged at connect time: nothing is connected to."""
    error = await refused(channel_to(server), policy=EgressPolicy(strict=True))
    assert error.retry is False
    assert not server.commands


@pytest.mark.parametrize("greeting", [b"", b"220 mail.test ESMTP\r\n"])
async def test_a_server_that_hangs_is_cut(refused, greeting):
    """Before or after its greeting: at the channel's own time limit, in words, and the connection is gone."""
    with listening(greeting) as (port, ended):
        with anyio.fail_after(10):
            error = await refused(channel_to(port, timeout=2))
        assert error.retry is True
        assert "no answer within 2 s" in str(error)
        assert ended.wait(10), "the connection was left open"


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"554 go away\r\n"])
async def test_what_is_no_mail_server(refused, said):
    """Garbage may be somebody else's mistake and is tried again; a refusal for good is one."""
    with listening(said) as (port, _):
        error = await refused(channel_to(port, timeout=3))
    assert error.retry is not said.startswith(b"5")
    assert str(error).startswith("127.0.0.1")


class listening:
    """Takes connections, says something, and reads until the other side closes."""

    def __init__(self, said: bytes) -> None:
        self.said, self.ended = said, threading.Event()

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self.socket.getsockname()[1], self.ended

    def _serve(self) -> None:
        try:
            connection, _ = self.socket.accept()
            with connection:
                connection.sendall(self.said)
                while connection.recv(4096):
                    pass
        except OSError:
            pass
        self.ended.set()

    def __exit__(self, *_) -> None:
        self.socket.close()


# TLS and login


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_tls_and_login(send, certificates, security):
    """Verified for the server's name, logged in, and only then a mail."""
    context = secured(certificates)
    options = {"tls": context} if security == "tls" else {"starttls": context}
    with mailing(**options, logins={"me": PASSWORD}) as server:
        channel = channel_to(
            server,
            host="localhost",
            security=security,
            username="me",
            password=PASSWORD,
            ca_file=certificates.authority,
        )
        await send(channel, make_notification())
    (arrived,) = server.taken
    assert (arrived.login, arrived.secure) == ("me", True)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_of_a_stranger_is_refused(refused, certificates, tmp_path, security):
    """Nothing is sent, no password; it may be mended, so it is tried again."""
    (tmp_path / "other").mkdir()
    context = secured(Certificates(tmp_path / "other"))
    options = {"tls": context} if security == "tls" else {"starttls": context}
    with mailing(**options, logins={"me": PASSWORD}) as server:
        channel = channel_to(
            server,
            host="localhost",
            security=security,
            username="me",
            password=PASSWORD,
            ca_file=certificates.authority,
        )
        error = await refused(channel)
    assert error.retry is True
    assert "the certificate of localhost does not verify" in str(error)
    assert not server.taken


async def test_a_handshake_that_fails(refused, server, certificates):
    """TLS to a port that speaks in clear: to be tried again, in words."""
    error = await refused(channel_to(server, host="localhost", security="tls", ca_file=certificates.authority))
    assert error.retry is True
    assert "TLS with localhost failed" in str(error)


async def test_a_server_without_starttls_gets_nothing(refused, server):
    """Whoever asked for TLS is not sent in clear."""
    error = await refused(channel_to(server, security="starttls"))
    assert error.retry is False
    assert "offers no STARTTLS" in str(error)
    assert not server.taken


async def test_a_refused_login_is_permanent_and_tells_no_password(refused, caplog):
    """Also where the server repeats it."""
    caplog.set_level("DEBUG")
    with mailing(logins={"me": "another"}) as server:
        channel = channel_to(server, username="me", password=PASSWORD)
        error = await refused(channel)
    assert error.retry is False
    assert "answered 535 to the login" in str(error)
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("mail"))
    assert PASSWORD not in str(error) + repr(channel) + ours
    assert not server.taken


async def test_a_login_that_is_put_off_is_tried_again(refused):
    """454 is temporary."""
    with mailing(logins={"me": PASSWORD}) as server:
        server.answer("AUTH", *["454 4.7.0 later"] * 3)
        error = await refused(channel_to(server, username="me", password=PASSWORD))
    assert error.retry is True


async def test_a_server_without_login(refused, server):
    """The message says what to change."""
    error = await refused(channel_to(server, username="me", password=PASSWORD))
    assert error.retry is False
    assert "offers no login" in str(error)


async def test_a_missing_file_of_authorities(refused, server, tmp_path):
    """Named in the message."""
    error = await refused(channel_to(server, security="tls", ca_file=str(tmp_path / "none.pem")))
    assert error.retry is False
    assert "`ca_file`: there is no file" in str(error)


async def test_the_greeting_has_the_name_that_was_asked_for(send, server):
    """Some relays care."""
    await send(channel_to(server, local_name="monitor.example.com"), make_notification())
    assert "EHLO monitor.example.com" in server.commands


# Options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"host": "http://smtp"}, "no name of a host"),
        ({"host": "a b"}, "no name of a host"),
        ({"host": "a\r\nRCPT"}, "no name of a host"),
        ({"sender": "nobody"}, "`sender` has"),
        ({"sender": "a@b\r\nBcc: c@d"}, "`sender` has"),
        ({"sender": "x\n <a@example.com>"}, "`sender` has"),
        ({"to": ("a@example.com", "b@")}, "`to` has 'b@'"),
        ({"to": ("a@example.com, b@example.com",)}, "`to` has"),
        ({"to": ("<a@example.com> <b@example.com>",)}, "`to` has"),
        ({"to": ("ä@example.com",)}, "`to` has"),
        ({"to": ("a b@example.com",)}, "`to` has"),
        ({"to": ("a@example..com",)}, "`to` has"),
        ({"username": "me"}, "go together"),
        ({"password": PASSWORD}, "go together"),
        ({"username": "me", "password": PASSWORD, "security": "none"}, "anybody could read"),
        ({"local_name": "a b"}, "`local_name`"),
        ({"timeout": 0}, "longer than nothing"),
    ],
)
def test_mistakes_are_found_when_it_is_made(options, sentence):
    """In a file and in code alike; no message repeats the password."""
    whole = {"host": "smtp.example.com", "sender": "a@example.com", "to": ("ops@example.com",)} | options
    for make in (
        lambda: convert_options({**whole, "to": list(whole["to"])}, EmailChannel),
        lambda: EmailChannel(**whole),
    ):
        with pytest.raises(ValueError, match=sentence) as caught:
            make()
        assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("to", ["ops@example.com", ()])
def test_recipients_are_a_list(to):
    """A single text would be read letter by letter."""
    with pytest.raises(ValueError, match="`to` is a list"):
        EmailChannel(host="smtp.example.com", sender="a@example.com", to=to)


def test_names_and_domains_of_the_world(send):
    """Names may be in any script; domains are written as the wire has them; nobody is asked twice."""
    channel = channel_to(25, to=("Jürgen <ops@bücher.example>", "ops@xn--bcher-kva.example"))
    assert [address.addr_spec for address in channel._to] == ["ops@xn--bcher-kva.example"]
    made = mail(make_notification(), channel._sender, channel._to)
    assert made.isascii()
    read = message_from_bytes(made, policy=POLICY)
    assert read["To"].addresses[0].display_name == "Jürgen"
