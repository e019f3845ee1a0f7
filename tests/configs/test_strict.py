"""What a person types is checked to the last key, and an error names file and key."""

from pathlib import Path

import pytest

from configs.strict import ConfigFileError, Strict, parse, read_yaml


class Inner(Strict):
    width_mm: float


class Outer(Strict):
    name: str
    inner: Inner


def test_a_mapping_is_read(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    path.write_text("name: 头颅\ninner: {width_mm: 3}\n", encoding="utf-8")
    assert parse(Outer, read_yaml(path), path) == Outer(name="头颅", inner=Inner(width_mm=3.0))


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("name: a\ninner: {width_mm: 3, widht_mm: 4}\n", "inner.widht_mm"),
        ("name: a\ninner: {width_mm: wide}\n", "inner.width_mm"),
        ("inner: {width_mm: 3}\n", "name"),
        ("name: a\ninner: {width_mm: 3}\nextra: 1\n", "extra"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path: Path, content: str, key: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    with pytest.raises(ConfigFileError, match=r"wrong\.yaml") as error:
        parse(Outer, read_yaml(path), path)
    assert f"{key}:" in str(error.value)


def test_all_wrong_keys_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("inner: {width_mm: wide}\nextra: 1\n")
    with pytest.raises(ConfigFileError) as error:
        parse(Outer, read_yaml(path), path)
    assert all(key in str(error.value) for key in ("name:", "inner.width_mm:", "extra:"))


@pytest.mark.parametrize("content", [b"name: [a\n", b"name: \xff\xfe\xff", b"- a\n- b\n", b""])
def test_what_is_no_mapping_is_refused_with_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigFileError, match=r"wrong\.yaml"):
        read_yaml(path)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match=r"absent\.yaml: cannot be read"):
        read_yaml(tmp_path / "absent.yaml")


def test_settings_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Inner(width_mm=1).width_mm = 2  # type: ignore[misc]
