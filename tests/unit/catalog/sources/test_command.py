"""Running query commands."""

import sys

import pytest

from hyper_registry.catalog.sources.command import command_output
from hyper_registry.domain.errors.input import SourceUnavailableError


def _output(code: str) -> bytes:
    with command_output([sys.executable, "-c", code], "Mend it.") as stream:
        return stream.read()


def test_output_is_streamed_in_a_fixed_locale() -> None:
    code = "import os; print(dict(os.environ).get('LC_ALL'), os.environ.get('HOME'))"
    assert _output(code) == b"C.UTF-8 None\n"


def test_a_failure_carries_the_command_s_last_words_and_the_remedy() -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        _output("import sys; sys.exit('first\\nlast words')")
    assert caught.value.reason == "exited with 1 (last words)"
    assert caught.value.remedy == "Mend it."


def test_many_messages_do_not_block_the_command() -> None:
    assert _output("import sys; sys.stderr.write('x' * 1_000_000); print(1)") == b"1\n"


def test_a_missing_command_is_named() -> None:
    with (
        pytest.raises(SourceUnavailableError, match="no-such-command: is not installed"),
        command_output(["no-such-command"], ""),
    ):
        pass
