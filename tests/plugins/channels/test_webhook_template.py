"""Bodies from a user's template: plain data, bounded work, bounded size, and mistakes found before they matter."""

from __future__ import annotations

import json
import resource
import sys

import pytest
from tests.notices import NASTY
from tests.plugins.channels.made import make_notice, make_notification

from auscult import ChangeKind, DeliveryError, MissingDependency
from auscult.options import convert_options
from auscult_plugins.webhook import WebhookChannel
from auscult_plugins.webhook.template import MAX_BODY, MAX_SOURCE, Template, TemplateProblem

pytestmark = pytest.mark.anyio
GOOD = '{"text": {{ alert.message | tojson }}, "level": {{ alert.severity | tojson }}, "n": {{ alerts | length }}}'


async def test_a_template_makes_the_body(send, receiver):
    """From auscult's own body, and `alert` for the loudest."""
    channel = WebhookChannel(webhook_url=receiver.url, format="template", template=GOOD)
    await send(channel, make_notification())
    assert receiver.last.json == {
        "text": "Component stt_client is unhealthy: Connection timeout",
        "level": "high",
        "n": 1,
    }
    assert receiver.last.headers["content-type"] == "application/json"


async def test_other_types_need_not_be_json(send, receiver):
    """Text is text."""
    channel = WebhookChannel(
        webhook_url=receiver.url,
        format="template",
        template="{% for alert in alerts %}{{ alert.name }}: {{ alert.message }}\n{% endfor %}",
        content_type="text/plain; charset=utf-8",
    )
    await send(channel, make_notification(make_notice(message="ümlaut"), make_notice(ChangeKind.RESOLVED)))
    assert receiver.last.body.decode().splitlines()[0] == "component_unhealthy: ümlaut"


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_json(text):
    """`tojson` quotes whatever an alert says."""
    made = Template(GOOD, json=True).render(make_notification(make_notice(message=text)))
    assert json.loads(made)["n"] == 1


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ alert.mesage }}", "undefined"),
        ("{{ alert.message ", "the template fails"),
        ("{% for x in %}", "the template fails"),
        ('{"text": "{{ alert.message }}"}', "does not make JSON.*tojson"),
        ("{{ alert.message | nosuchfilter }}", "the template fails"),
        ("{% include 'other' %}", "the template fails"),
        ("{% for x in range(100000) %}{% for y in range(100000) %}x{% endfor %}{% endfor %}1", "the template fails"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "the template fails"),
        ("x" * (MAX_SOURCE + 1), f"at most {MAX_SOURCE}"),
    ],
)
def test_mistakes_are_found_when_it_is_made(template, sentence):
    """By trying it with texts that break things: in a file and in code alike, in bounded time."""
    options = {"webhook_url": "https://example.com/", "format": "template", "template": template}
    for make in (lambda: convert_options(options, WebhookChannel), lambda: WebhookChannel(**options)):
        with pytest.raises(ValueError, match=f"(?s){sentence}"):
            make()


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ alert.__class__.__mro__ }}",
        "{{ alerts.append(1) }}",
        "{{ alert.update({'x': 1}) }}",
        "{{ alert.labels.pop('team') }}",
        "{{ alert.copy() }}",
        "{{ alert.labels.fromkeys(range(9)) }}",
        "{{ alert.items().mapping.copy() }}",
        "{{ ''.format.__globals__ }}",
        "{{ debug() }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ alert.message.join(alerts) }}",
        "{% import 'os' as os %}{{ os }}",
    ],
)
def test_there_is_no_python_inside(template):
    """Plain data only: no attribute, no method and no global leads anywhere."""
    with pytest.raises(TemplateProblem):
        Template(template, json=False)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ('x' * 1000000000) | length }}",
        "{{ '%1000000000d' | format(1) | length }}",
        "{{ 'x' | indent(1000000000, true) | length }}",
        "{% set n = namespace(s='x') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s | length }}",
        "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 60 + "{{ a | length }}",
        "{{ [1] * 1000000000 }}",
        "{{ range(1000000000) | list | length }}",
    ],
)
def test_memory_is_bounded_too(template):
    """What grows by doubling runs out of fuel before it takes the process's memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TemplateProblem):
        Template(template, json=False)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_tables_are_read_as_in_jinja():
    """The usual ways to go through labels; a label's name may be that of a method."""
    template = Template(
        "{% for name, value in alert.labels.items() %}{{ name }}={{ value }};{% endfor %}"
        "{% for name, value in alert['labels'] | dictsort %}{{ name }}={{ value }};{% endfor %}"
        "{{ alert.labels.get('none', '-') }}{{ alert.labels | tojson }}",
        json=False,
    )
    made = template.render(make_notification(make_notice(labels={"b": "1", "a": "2"})))
    assert made == b'b=1;a=2;a=2;b=1;-{"b": "1", "a": "2"}'


async def test_what_works_on_samples_and_fails_later_is_permanent(send):
    """With the engine's sentence; a storm or a strange alert cannot make it hang."""
    template = "{% for x in range(alerts | length * 600) %}{{ x }}{% endfor %}"
    channel = WebhookChannel(
        webhook_url="http://127.0.0.1:1/", format="template", template=template, content_type="text/plain"
    )
    notices = [make_notice(component=f"c{i}") for i in range(300)]
    with pytest.raises(DeliveryError, match="the template fails") as caught:
        await send(channel, make_notification(*notices))
    assert caught.value.retry is False


def test_the_body_is_bounded():
    """A template that repeats what it gets makes no gigabyte."""
    template = Template("{% for a in alerts %}{{ a.message }}{{ a.message }}{% endfor %}", json=False)
    notices = [make_notice(component=f"c{i}", message="x" * 9000) for i in range(100)]
    with pytest.raises(TemplateProblem, match=f"at most {MAX_BODY}"):
        template.render(make_notification(*notices))


def test_a_storm_has_fuel_for_all_its_alerts():
    """The budget grows with what there is to say."""
    template = Template("{% for a in alerts %}{{ a.name }}: {{ a.message }} {{ a.severity }}\n{% endfor %}", json=False)
    notices = [make_notice(component=f"c{i}") for i in range(1000)]
    assert template.render(make_notification(*notices)).count(b"\n") == 1000


def test_one_template_serves_many_threads_of_work():
    """Rendered anew each time: what one rendering sets, the next does not see."""
    template = Template("{% set n = (n | default(0)) + 1 %}{{ n }}", json=False)
    assert [template.render(make_notification()) for _ in range(3)] == [b"1", b"1", b"1"]


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    """And the other formats work."""
    monkeypatch.setitem(sys.modules, "minijinja", None)
    WebhookChannel(webhook_url="https://example.com/")
    with pytest.raises(MissingDependency, match=r"pip install 'auscult\[templates\]'"):
        WebhookChannel(webhook_url="https://example.com/", format="template", template="x")
