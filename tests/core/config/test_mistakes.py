"""Every mistake is told in one sentence that says where, what was found, what was expected, and what may be meant."""

from __future__ import annotations

import pytest

REDIS = '[components.redis]\ncheck = "redis"\nurl = "redis://h"\n'
HTTP = '[components.web]\ncheck = "http"\nurl = "http://h"\n'

MISTAKES = [
    # the text itself
    ("[components", "auscult.toml:1: is not valid TOML: expected ']' at the end of a table declaration"),
    ("a = \n", "auscult.toml:1: is not valid TOML: expected a value; text stands in quotes (column 5)"),
    ("url = redis://h", "auscult.toml:1: is not valid TOML: expected a value; text stands in quotes (column 7)"),
    ("[a]\n\n[a]", "auscult.toml:3: a: given twice, first in line 1"),
    ("[a]\nb = 1\nb = 2", "auscult.toml:3: a.b: given twice, first in line 2"),
    # tables
    ("[component.redis]\n", "auscult.toml:1: component: unknown table; did you mean `components`?"),
    ("components = 5", "auscult.toml:1: components: expected tables such as [components.redis]"),
    ("[components]\nredis = 5", "auscult.toml:2: components.redis: expected a table: [components.redis]"),
    (
        'plugins = "./x.py"',
        'auscult.toml:1: plugins: expected a list of texts, found the text "./x.py"; put it in brackets',
    ),
    ("channels = 1", "auscult.toml:1: channels: expected tables such as [channels.name]"),
    ("[channels]\nops = 1", "auscult.toml:2: channels.ops: expected a table: [channels.ops]"),
    ("routes = 1", "auscult.toml:1: routes: expected a list: write [[routes]], once for each route"),
    ("routes = [1]", "auscult.toml:1: routes[0]: expected a table"),
    ("[rules.Bad]", "auscult.toml:1: rules.Bad: a name has 1 to 64 of the characters a-z 0-9 _ . -"),
    # names and kinds
    ('[components."a b"]', 'auscult.toml:1: components."a b": a name has 1 to 64 of the characters a-z 0-9 _ . -'),
    (
        '[components.x]\ncheck = "rediss"',
        "auscult.toml:2: components.x.check: no installed plugin offers the check `rediss`; did you mean `redis`?",
    ),
    (
        "[components.x]\ncheck = 5",
        "auscult.toml:2: components.x.check: expected text, found the number 5; put it in quotes",
    ),
    (
        "[components.redis]\nurl = 'x'",
        'auscult.toml:1: components.redis: missing: `check` names the kind of check; did you mean check = "redis"?',
    ),
    (
        "[components.x]\nkind = 'http'",
        'auscult.toml:1: components.x: missing: `check` names the kind of check; did you mean check = "http"?',
    ),
    (
        "[components.x]",
        "auscult.toml:1: components.x: missing: `check` names the kind of check; known: database, host, http, paid, redis",
    ),
    (
        '[components.d]\ncheck = "database"\nurl = "x"',
        "auscult.toml:2: components.d.check: the check `database` needs a package that is not installed; "
        "run: pip install 'auscult[postgres]'",
    ),
    (
        '[components.auscult]\ncheck = "redis"\nurl = "x"',
        "auscult.toml:2: components.auscult.check: the name `auscult` is the monitor's own; give this component another",
    ),
    # common keys
    (REDIS + "intervall = 5", "auscult.toml:4: components.redis.intervall: unknown key; did you mean `interval`?"),
    (
        REDIS + 'interval = "soon"',
        "auscult.toml:4: components.redis.interval: expected a duration such as 250ms, 15s or 1h30m, "
        'found the text "soon"',
    ),
    (
        REDIS + "interval = -1",
        "auscult.toml:4: components.redis.interval: expected a duration such as 250ms, 15s or 1h30m, found the number -1",
    ),
    (
        REDIS + "interval = 0",
        "auscult.toml:4: components.redis.interval: expected a duration of at least 10ms, found 0s",
    ),
    (REDIS + "critical = 1", "auscult.toml:4: components.redis.critical: expected true or false, found the number 1"),
    (
        REDIS + "failures = 0",
        "auscult.toml:4: components.redis.failures: expected a whole number from 1 to 1000, found the number 0",
    ),
    (
        REDIS + 'isolate = "thread"',
        'auscult.toml:4: components.redis.isolate: expected `process`, found the text "thread"',
    ),
    (
        REDIS + 'depends_on = "host"',
        'auscult.toml:4: components.redis.depends_on: expected a list of texts, found the text "host"; put it in brackets',
    ),
    (
        REDIS + 'depends_on = ["hots"]\n[components.host]\ncheck = "host"',
        "auscult.toml:4: components.redis.depends_on[0]: there is no component `hots`; did you mean `host`?",
    ),
    (
        REDIS + 'depends_on = ["redis"]',
        "auscult.toml:4: components.redis.depends_on[0]: a component cannot depend on itself",
    ),
    (
        REDIS + 'depends_on = ["web"]\n' + HTTP + 'depends_on = ["redis"]',
        "auscult.toml:4: components.redis.depends_on: the dependencies form a circle: redis → web → redis",
    ),
    (
        REDIS + 'labels = { "a b" = "c" }',
        'auscult.toml:4: components.redis.labels."a b": the key does not fit: expected a name made of letters, digits and `_`',
    ),
    (
        REDIS + 'runbook = "javascript:alert(1)"',
        "auscult.toml:4: components.redis.runbook: expected an address that begins with http://, https:// or /, "
        'found the text "javascript:alert(1)"',
    ),
    (
        REDIS + "threshold = { respons_time_ms = 5 }",
        "auscult.toml:4: components.redis.threshold.respons_time_ms: unknown key; did you mean `response_time_ms`?",
    ),
    (
        REDIS + "threshold = { success_rate_percent = 101 }",
        "auscult.toml:4: components.redis.threshold.success_rate_percent: expected a number from 0 to 100, "
        "found the number 101",
    ),
    (
        REDIS + "threshold = { response_time_ms = 250, recover = { response_time_ms = 300 } }",
        "auscult.toml:4: components.redis.threshold: `recover.response_time_ms` = 300 lies on the bad side of the level 250",
    ),
    # the check's own options
    ('[components.redis]\ncheck = "redis"', "auscult.toml:1: components.redis.url: missing: expected text"),
    (
        REDIS + "port = 70000",
        "auscult.toml:4: components.redis.port: expected a whole number from 1 to 65535, found the number 70000",
    ),
    (
        REDIS + 'port = "6380"',
        "auscult.toml:4: components.redis.port: expected a whole number from 1 to 65535, "
        'found the text "6380"; leave the quotes out',
    ),
    (REDIS + "passwort = 1", "auscult.toml:4: components.redis.passwort: unknown key; did you mean `password`?"),
    (REDIS + "password = 12345", "auscult.toml:4: components.redis.password: expected text, found a number"),
    (
        HTTP + 'method = "post"',
        "auscult.toml:4: components.web.method: expected one of `GET`, `HEAD`, `POST`, "
        'found the text "post"; did you mean `POST`?',
    ),
    (
        HTTP + 'status = [200, "ok"]',
        'auscult.toml:4: components.web.status[1]: expected a whole number, found the text "ok"',
    ),
    (
        HTTP + "\n[components.web.login]\nuser = 'me'\npasswd = 'x'",
        "auscult.toml:7: components.web.login.passwd: unknown key; did you mean `password`?",
    ),
    (
        HTTP + 'body = "x"',
        "auscult.toml:1: components.web: `body` 'x' is sent by POST only, and `method` is GET",
    ),
    (HTTP + "body = 2026-01-01", "auscult.toml:4: components.web.body: expected text, found a date; put it in quotes"),
    # references
    (
        REDIS + 'password = "${NOPE}"',
        "auscult.toml:4: components.redis.password: the variable NOPE is not set; set it, or write ${NOPE:-default}",
    ),
    (
        REDIS + 'password = "pa${ss"',
        "auscult.toml:4: components.redis.password: `${` begins no valid reference; write ${NAME} or ${NAME:-default}, "
        "and $$ for a dollar sign",
    ),
    (
        REDIS + 'password = { file = "/no/such/file" }',
        "auscult.toml:4: components.redis.password: the file '/no/such/file' cannot be read: No such file or directory",
    ),
    (
        REDIS + 'port = "${HOME}"',
        "auscult.toml:4: components.redis.port: expected a whole number from 1 to 65535, found something else in ${HOME}",
    ),
    # settings
    ("[server]\nprot = 1", "auscult.toml:2: server.prot: unknown key; did you mean `port`?"),
    (
        '[server]\nlog_level = "warn"',
        "auscult.toml:2: server.log_level: expected one of `critical`, `debug`, `error`, `info`, `warning`, "
        'found the text "warn"; did you mean `warning`?',
    ),
    (
        '[server]\ntrusted_proxies = ["nginx"]',
        "auscult.toml:1: server: `trusted_proxies`: 'nginx' is neither an address nor a network such as "
        "10.0.0.0/8 or fd00::/8",
    ),
    ("[defaults]\ninterval = 0", "auscult.toml:2: defaults.interval: expected a duration of at least 10ms, found 0s"),
    # tokens
    (
        "[auth.tokens.ci]\nhash = 'x'",
        "auscult.toml:1: auth.tokens.ci.role: missing: expected one of `admin`, `operator`, `viewer`",
    ),
    (
        "[auth.tokens.ci]\nrole = 'viewer'",
        "auscult.toml:1: auth.tokens.ci: missing: `hash` (from `auscult token ci`) or `token`",
    ),
    (
        "[auth.tokens.ci]\nrole = 'viewer'\nhash = 'hunter2'",
        "auscult.toml:3: auth.tokens.ci.hash: is no hash that `auscult token` made: expected scrypt$n=…,r=…,p=…$<salt>$<key>",
    ),
    (
        "[auth.tokens.ci]\nrole = 'viewer'\ntoken = 'hunter2'",
        "auscult.toml:3: auth.tokens.ci.token: expected at least 16 characters; `auscult token ci` makes a good one",
    ),
    (
        "[auth]\ntokens_file = '/no/such/file'",
        "/no/such/file: cannot be read: No such file or directory",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), MISTAKES, ids=[str(number) for number in range(len(MISTAKES))])
def test_mistake(loaded, text, sentence):
    """A file with one mistake gets exactly one sentence."""
    assert loaded.complaints(text, {"HOME": "/home/me"}) == [sentence]


def test_all_mistakes_at_once(loaded):
    """One run shows every mistake of every table, in the order of the file."""
    text = (
        "[server]\nport = 'x'\nhots = 1\n"
        "[components.redis]\ncheck = 'redis'\nurl = '${NOPE}'\nport = 0\ninterval = 'soon'\ndepends_on = ['who']\n"
        "[components.web]\ncheck = 'htp'\ntimeout = 'x'\n"
        "[sever]\n"
    )
    lines = [line.split(" ")[0] for line in loaded.complaints(text)]
    assert lines == [
        "auscult.toml:2:",
        "auscult.toml:3:",
        "auscult.toml:6:",
        "auscult.toml:7:",
        "auscult.toml:8:",
        "auscult.toml:11:",
        "auscult.toml:12:",
        "auscult.toml:13:",
    ]


def test_yaml_says_the_same(loaded):
    """The same mistakes in YAML get the same sentences, with YAML's lines."""
    text = (
        "components:\n  redis:\n    check: redis\n    url: 5\n    prot: 1\n  redis: {}\n"
        "server:\n  port: 1\n  port: 2\n3: x\n"
    )
    assert loaded.complaints(text, name="auscult.yaml") == [
        "auscult.yaml:6: components.redis: given twice, first in line 2",
        "auscult.yaml:9: server.port: given twice, first in line 8",
        "auscult.yaml:10: a key that is not text; put it in quotes",
    ]
    text = "components:\n  redis:\n    check: redis\n    url: 5\n    prot: 1\n"
    assert loaded.complaints(text, name="auscult.yaml") == [
        "auscult.yaml:4: components.redis.url: expected text, found the number 5; put it in quotes",
        "auscult.yaml:5: components.redis.prot: unknown key; did you mean `port`?",
    ]


def test_warnings_stop_nothing(loaded):
    """What only deserves attention is kept as warnings, and the rest of the file holds."""
    settings = loaded(
        '[components.redis]\ncheck="redis"\nurl="x"\ninterval=5\ntimeout=8\n[channels.ops]\nchannel="slack"\n'
    )
    assert [(finding.key, finding.fatal) for finding in settings.warnings] == [
        ("components.redis.timeout", False),
        ("channels.ops", False),
    ]
    assert "no installed plugin offers any channel" in settings.warnings[1].message
    assert settings.components["redis"].timeout == 8
    assert settings.channels["ops"] == {"channel": "slack"}


def test_plugin_that_raises_anything(loaded, catalogue):
    """A `__post_init__` that raises something odd becomes a finding like any other."""
    base = catalogue.checks["host"]

    class Odd(base):
        kind = "odd"
        word: str = "x"

        def __post_init__(self):
            raise KeyError(self.word)

    catalogue.checks["odd"] = Odd
    assert loaded.complaints('[components.o]\ncheck = "odd"') == ["auscult.toml:1: components.o: KeyError: 'x'"]
