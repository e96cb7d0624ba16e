import tomllib
from typing import Annotated

import pytest
from msgspec import Meta

from janus_trader.contracts.errors import ConfigError
from janus_trader.foundation.config import Config, build, merge, parse_setting, read_toml


class Inner(Config):
    window: Annotated[int, Meta(ge=2, le=100)] = 20
    rate: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Outer(Config):
    inner: Inner = Inner()
    name: str = "x"


def test_later_layers_win_key_by_key():
    built = build(Outer, [{"inner": {"window": 5}}, {"inner": {"rate": 0.25}}, {"name": "y"}])
    assert (built.inner.window, built.inner.rate, built.name) == (5, 0.25, "y")


def test_unknown_key_is_refused_with_its_path_and_a_near_spelling():
    with pytest.raises(ConfigError, match=r"inner\.windw.*did you mean window"):
        build(Outer, [{"inner": {"windw": 5}}])


@pytest.mark.parametrize("value", [1, 101, "many", 2.5])
def test_value_out_of_range_or_of_wrong_type_is_refused_with_its_path(value):
    with pytest.raises(ConfigError, match=r"inner\.window") as caught:
        build(Outer, [{"inner": {"window": value}}])
    assert str(value) in str(caught.value)


def test_fingerprint_depends_on_values_only():
    assert (
        build(Outer, [{"name": "a"}]).fingerprint == build(Outer, [{"name": "b"}, {"name": "a"}]).fingerprint
    )
    assert Outer().fingerprint != Outer(name="b").fingerprint


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a.b=1", {"a": {"b": 1}}),
        ("a=true", {"a": True}),
        ('a="x"', {"a": "x"}),
        ("a=[1, 2]", {"a": [1, 2]}),
        ("a=plain", {"a": "plain"}),
    ],
)
def test_settings_are_read_as_toml_else_as_text(text, tree):
    assert parse_setting(text) == tree


def test_setting_without_equals_is_refused():
    with pytest.raises(ConfigError, match="key=value"):
        parse_setting("window")


def test_missing_and_malformed_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        read_toml(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match="line 1"):
        read_toml(tmp_path / "bad.toml")


def test_merge_replaces_scalars_and_keeps_its_inputs():
    base = {"a": {"x": 1}, "b": [1]}
    assert merge(base, {"a": {"y": 2}, "b": [2]}) == {"a": {"x": 1, "y": 2}, "b": [2]}
    assert base == {"a": {"x": 1}, "b": [1]}


def test_replace_validates_again():
    assert Inner().replace(window=7).window == 7
    with pytest.raises(ConfigError):
        Inner().replace(window=1)


def test_toml_layer_round_trip():
    assert build(Outer, [tomllib.loads("[inner]\nwindow = 9")]).inner.window == 9
