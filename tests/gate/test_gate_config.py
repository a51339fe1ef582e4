from __future__ import annotations

from pathlib import Path

import pytest
from gate_support import write_config

from dcmlint.errors import ConfigError
from dcmlint.gate.config import read_config

GOOD = """\
spool = "spool"
answer_within = "500ms"
keep_refused = "3d"
[listen]
largest = "20GB"
[[forward]]
name = "archive"
host = "pacs"
port = 104
called = "PACS"
"""


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text(GOOD)
    settings = read_config(tmp_path / "gate.toml")
    assert settings.mode == "observe"
    assert (settings.answer_within, settings.keep_refused) == (0.5, 3 * 86400)
    assert settings.listen.largest == 20 * 10**9
    assert (settings.listen.host, settings.listen.per_address) == ("127.0.0.1", 8)
    assert settings.forward[0].retry_most == 300


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('mod = "observe"', ":1:1: unknown key 'mod' (did you mean mode?)"),
        ('mode = "watch"', ":1:1: 'watch' in mode is not one of enforce, observe"),
        ('answer_within = "soon"', ":1:1: 'soon' in answer_within is not a duration such as"),
        ("answer_within = 8", "a duration such as"),
        ('[listen]\nlargest = "20 apples"', "'20 apples' in listen.largest is not a size such as"),
        ('[listen]\nhost = "0.0.0.0"', "plain_everywhere = true"),
        ('[listen]\nhost = "localhost.example"', "plain_everywhere = true"),
        ('[listen]\nhost = "127.0.0.1.example"', "plain_everywhere = true"),
        ('[stow]\nport = 8443\nhost = "::"', "plain_everywhere = true"),
        ('[page]\nhost = "localhost.example"\nport = 80', "loopback only"),
        ('[listen]\naddresses = ["10.0.0"]', "no address and no network"),
        ('[listen]\nclient_ca = "ca.pem"', "which needs listen.certificate"),
        ('[space]\nlow = "4GB"\nhigh = "2GB"', "never open again"),
        ('[page]\nhost = "0.0.0.0"\nport = 80', "loopback only"),
        ('[alert]\nurl = "pacs"', "http or https URL"),
        ("[check]\nchildern = 2", ":10:1: unknown key 'childern' in check (did you mean children?)"),
        (
            '[[forward]]\nname = "archive"\nhost = "b"\nport = 1\ncalled = "B"',
            "two destinations are named 'archive'",
        ),
        ('[[forward]]\nname = "b"\nhost = "b"\nport = 1\ncalled = "SEVENTEEN_LETTERS"', "not an AE title"),
        ("= 3", ":1:1: not TOML"),
        ("[listen]\nport = 99999", "99999 in listen.port is not 0 to 65535"),
        ("[listen]\nper_address = 0", "0 in listen.per_address is not at least 1"),
        (
            '[[forward]]\nname = "b"\nhost = "b"\nport = 0\ncalled = "B"',
            "0 in forward[1].port is not 1 to 65535",
        ),
        ('[[forward]]\nname = "b"\nport = 1\ncalled = "B"', "the key 'host' is missing in forward[1]"),
        ('[rules]\nVR001 = "drop"', "'drop' in rules.VR001 is not one of"),
    ],
)
def test_mistakes_are_said_with_their_place(tmp_path: Path, change: str, said: str) -> None:
    keys = GOOD.splitlines()
    name = change.split("=")[0].strip()
    if not change.startswith("["):
        text = "\n".join([change, *(line for line in keys if not line.startswith(f"{name} "))])
    else:
        table = change.splitlines()[0]
        text = "\n".join(
            keys
            if table == "[[forward]]"
            else [line for line in keys if line not in ("[listen]", 'largest = "20GB"')]
        )
        text += "\n" + change
    (tmp_path / "gate.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        read_config(tmp_path / "gate.toml")
    assert said in str(error.value)
    assert str(tmp_path / "gate.toml") in str(error.value)


def test_a_gate_without_destination_is_none(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('spool = "spool"\nforward = []\n')
    with pytest.raises(ConfigError, match="at least one destination"):
        read_config(tmp_path / "gate.toml")


def test_the_tests_own_configuration_is_read(tmp_path: Path) -> None:
    assert read_config(write_config(tmp_path, 104)).mode == "enforce"
